//! The report: what has been measured, in the form that was asked for.
//!
//! * [`table`]: a row for each workload, a column for each of our modes and each peer's best;
//! * [`details`]: a row for each mode;
//! * [`json`]: a line of JSON for each mode;
//! * [`curves`]: tables of curves;
//! * [`html`]: tables and plots in one page.

mod curves;
mod details;
mod html;
mod json;
mod number;
mod plot;
mod table;

pub use curves::{json as curve_json, table as curve_table};
pub use html::{curves_page, page};
pub use table::Table;

use crate::outcome::Outcome;

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Table,
    Details,
    Json,
}

/// What goes before the rows.
pub fn head(form: Form, table: &Table) -> String {
    match form {
        Form::Table => table.head(),
        Form::Details => details::head(),
        Form::Json => String::new(),
    }
}

/// The rows of one workload.
pub fn rows(form: Form, table: &Table, outcome: &Outcome) -> String {
    match form {
        Form::Table => table.rows(outcome),
        Form::Details => details::rows(outcome),
        Form::Json => json::lines(outcome),
    }
}
