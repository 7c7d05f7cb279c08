//! How figures are written.

use crate::measured::Unit;

/// A figure of its unit.
pub fn number(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::NsPerOp | Unit::Us if figure < 10.0 => format!("{figure:.2}"),
        Unit::NsPerOp if figure < 10_000.0 => format!("{figure:.1}"),
        Unit::NsPerOp | Unit::Bytes | Unit::Us | Unit::OpsPerSecond => format!("{figure:.0}"),
        Unit::Cores => format!("{figure:.2}"),
    }
}

/// The least and the largest, shortened: `141k-191k`.
pub fn spread(unit: Unit, least: f64, largest: f64) -> String {
    let short = |figure: f64| match figure {
        million if million >= 1e6 => format!("{:.1}M", million / 1e6),
        thousand if thousand >= 1e4 => format!("{:.0}k", thousand / 1e3),
        some if some >= 1e3 => format!("{some:.0}"),
        _ => number(unit, figure),
    };
    format!("{}-{}", short(least), short(largest))
}
