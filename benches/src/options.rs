//! The command line.

use std::fmt;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::curve::{CURVES, Curve};
use crate::mode::{MODES, Mode};
use crate::peer::program;
use crate::report::Form;
use crate::workload::{self, Workload};

/// The rounds, unless the command line says how many.
pub const ROUNDS: usize = 5;

/// The rounds, and the share of its size at which each workload runs, if none is named: so that
/// all together take minutes.
pub const ROUNDS_OF_ALL: usize = 3;
const SCALE_OF_ALL: f64 = 0.2;

/// The modes whose curves are drawn, unless the command line names some.
const CURVED: &str = "runtime,tokio/w2-mimalloc";

/// What the command line asks for.
pub enum Order {
    Help,
    /// The names of workloads and modes.
    List,
    Compare(Compare),
    Scale(Scaling),
    /// One measurement, in this process: what the driver asks of its children.
    Measure(Measure),
    /// Echo what Websockets say: what a child asks of a server.
    Echo,
}

/// A comparison.
pub struct Compare {
    pub workloads: Vec<&'static Workload>,
    pub modes: Vec<&'static Mode>,
    pub rounds: usize,
    pub form: Form,
    /// Where the page goes, if one is wanted.
    pub html: Option<PathBuf>,
    /// The size of every workload, if not its own.
    pub n: Option<u64>,
    /// What every size is multiplied with.
    pub scale: f64,
}

impl Compare {
    /// The size at which `workload` shall run.
    pub fn size_of(&self, workload: &Workload) -> u64 {
        let n = self.n.unwrap_or(workload.n);
        ((n as f64 * self.scale) as u64).max(1)
    }
}

/// Curves.
pub struct Scaling {
    pub curves: Vec<&'static Curve>,
    pub modes: Vec<&'static Mode>,
    pub rounds: usize,
    pub form: Form,
    pub html: Option<PathBuf>,
    /// The largest size that is measured, if not all are.
    pub largest: Option<u64>,
}

/// One measurement.
pub struct Measure {
    pub workload: &'static Workload,
    pub mode: &'static Mode,
    pub n: u64,
    /// The number of workers, if not the mode's own.
    pub workers: Option<usize>,
    /// Whether to go on until the figure is steady.
    pub steady: bool,
}

/// What is wrong with the command line.
#[derive(Debug)]
pub enum OptionsError {
    /// An option is unknown, or lacks its value, or has one of the wrong form.
    Form(lexopt::Error),
    /// There is no such workload.
    NoWorkload(String),
    /// There is no such system, or mode of it.
    NoMode(String),
    /// A system is named that is not installed.
    NotInstalled(&'static str),
    /// A number that must be above zero is not.
    NotPositive(&'static str),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionsError::Form(error) => error.fmt(f),
            OptionsError::NoWorkload(name) => write!(f, "no workload is named `{name}`"),
            OptionsError::NoMode(name) => write!(f, "no system or mode is named `{name}`"),
            OptionsError::NotInstalled(name) => write!(f, "{name} is not installed"),
            OptionsError::NotPositive(option) => write!(f, "{option} must be above zero"),
        }
    }
}

impl std::error::Error for OptionsError {}

impl From<lexopt::Error> for OptionsError {
    fn from(error: lexopt::Error) -> OptionsError {
        OptionsError::Form(error)
    }
}

/// Reads the command line.
///
/// # Errors
///
/// [`OptionsError`], if it cannot be followed.
pub fn read() -> Result<Order, OptionsError> {
    parse(lexopt::Parser::from_env())
}

fn parse(mut parser: lexopt::Parser) -> Result<Order, OptionsError> {
    let mut child = false;
    let mut names: Vec<String> = Vec::new();
    let mut order = Compare {
        workloads: Vec::new(),
        modes: MODES
            .iter()
            .filter(|mode| program::is_installed(mode.system))
            .collect(),
        rounds: ROUNDS,
        form: Form::Table,
        html: None,
        n: None,
        scale: 1.0,
    };
    let (mut rounds, mut scale, mut systems) = (None, None, None);
    let (mut scaling, mut workers, mut steady) = (false, None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(name) => names.push(name.string()?),
            Long("rounds") => rounds = Some(parser.value()?.parse()?),
            Long("systems") => systems = Some(modes(&parser.value()?.string()?)?),
            Long("json") => order.form = Form::Json,
            Long("details") => order.form = Form::Details,
            Long("html") => order.html = Some(parser.value()?.into()),
            Long("list") => return Ok(Order::List),
            Long("n") => order.n = Some(parser.value()?.parse()?),
            Long("scale") => scale = Some(parser.value()?.parse()?),
            Long("scaling") => scaling = true,
            Long("child") => child = true,
            Long("echo") => return Ok(Order::Echo),
            Long("workers") => workers = Some(parser.value()?.parse()?),
            Long("steady") => steady = true,
            Long("help") | Short('h') => return Ok(Order::Help),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let all = names.is_empty() && order.n.is_none();
    order.rounds = rounds.unwrap_or(if all { ROUNDS_OF_ALL } else { ROUNDS });
    order.scale = scale.unwrap_or(if all { SCALE_OF_ALL } else { 1.0 });
    if order.rounds == 0 {
        return Err(OptionsError::NotPositive("--rounds"));
    }
    if order.n == Some(0) {
        return Err(OptionsError::NotPositive("--n"));
    }
    if order.scale.is_nan() || order.scale <= 0.0 {
        return Err(OptionsError::NotPositive("--scale"));
    }
    if child {
        let measure = measure(&names, &order)?;
        return Ok(Order::Measure(Measure {
            workers,
            steady,
            ..measure
        }));
    }
    if scaling {
        return Ok(Order::Scale(Scaling {
            curves: curves(&names)?,
            modes: match systems {
                Some(modes) => modes,
                None => modes(CURVED)?,
            },
            rounds: rounds.unwrap_or(1),
            form: order.form,
            html: order.html,
            largest: order.n,
        }));
    }
    if let Some(modes) = systems {
        order.modes = modes;
    }
    order.workloads = workloads(&names)?;
    Ok(Order::Compare(order))
}

/// The measurement that `WORKLOAD SYSTEM/MODE` and the order's size name.
fn measure(names: &[String], order: &Compare) -> Result<Measure, OptionsError> {
    let name = |i: usize| names.get(i).cloned().unwrap_or_default();
    let workload = workload::find(&name(0)).ok_or_else(|| OptionsError::NoWorkload(name(0)))?;
    let mode = MODES
        .iter()
        .find(|mode| mode.is_meant_by(&name(1)))
        .filter(|mode| workload.runs_in(mode))
        .ok_or_else(|| OptionsError::NoMode(name(1)))?;
    Ok(Measure {
        workload,
        mode,
        n: order.size_of(workload),
        workers: None,
        steady: false,
    })
}

/// The curves of these names; all, if there is no name.
fn curves(names: &[String]) -> Result<Vec<&'static Curve>, OptionsError> {
    if let Some(name) = names
        .iter()
        .find(|name| CURVES.iter().all(|curve| curve.name != **name))
    {
        return Err(OptionsError::NoWorkload(name.clone()));
    }
    let meant = |curve: &&Curve| names.is_empty() || names.iter().any(|it| it == curve.name);
    Ok(CURVES.iter().filter(meant).collect())
}

/// The workloads of these names, in their own order; all, if there is no name.
fn workloads(names: &[String]) -> Result<Vec<&'static Workload>, OptionsError> {
    for name in names {
        if !workload::all().any(|workload| is_meant_by(workload, name)) {
            return Err(OptionsError::NoWorkload(name.clone()));
        }
    }
    Ok(workload::all()
        .filter(|workload| names.is_empty() || names.iter().any(|name| is_meant_by(workload, name)))
        .collect())
}

/// Whether `name` is the workload's, or else that of the group it is in: `mem` for `mem_idle`.
fn is_meant_by(workload: &Workload, name: &str) -> bool {
    if workload::all().any(|workload| workload.name == name) {
        workload.name == name
    } else {
        workload
            .name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('_'))
    }
}

/// The modes that `A,B` means, in the order of the report.
fn modes(list: &str) -> Result<Vec<&'static Mode>, OptionsError> {
    let names: Vec<&str> = list.split(',').collect();
    for name in &names {
        if !MODES.iter().any(|mode| mode.is_meant_by(name)) {
            return Err(OptionsError::NoMode((*name).to_owned()));
        }
    }
    let meant = |mode: &&Mode| names.iter().any(|name| mode.is_meant_by(name));
    let modes: Vec<&Mode> = MODES.iter().filter(meant).collect();
    match modes
        .iter()
        .find(|mode| !program::is_installed(mode.system))
    {
        Some(mode) => Err(OptionsError::NotInstalled(mode.system.name())),
        None => Ok(modes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(arguments: &[&str]) -> Result<Compare, OptionsError> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Order::Compare(order) => Ok(order),
            Order::Help | Order::List | Order::Measure(_) | Order::Scale(_) | Order::Echo => {
                panic!("not a comparison")
            }
        }
    }

    fn names(order: &Compare) -> Vec<&'static str> {
        order
            .workloads
            .iter()
            .map(|workload| workload.name)
            .collect()
    }

    #[test]
    fn no_name_means_every_workload_and_mode() {
        // Without arguments everything is compared.
        let order = compare(&[]).unwrap();
        assert_eq!(order.workloads.len(), workload::all().count());
        let installed = MODES
            .iter()
            .filter(|mode| program::is_installed(mode.system));
        assert_eq!(order.modes.len(), installed.count());
    }

    #[test]
    fn everything_at_once_is_made_short() {
        // A workload that is named runs at its own size; all of them, unless told, at a part of it.
        let all = compare(&[]).unwrap();
        assert_eq!((all.rounds, all.scale), (ROUNDS_OF_ALL, SCALE_OF_ALL));
        let one = compare(&["ring"]).unwrap();
        assert_eq!((one.rounds, one.scale), (ROUNDS, 1.0));
        let told = compare(&["--scale", "1", "--rounds", "7"]).unwrap();
        assert_eq!((told.rounds, told.scale), (7, 1.0));
    }

    #[test]
    fn a_name_that_is_also_a_prefix_means_itself() {
        // `ring` is not `ring_many`.
        assert_eq!(names(&compare(&["ring"]).unwrap()), ["ring"]);
    }

    #[test]
    fn a_group_means_its_members() {
        // `mem` means every `mem_..`.
        assert_eq!(
            names(&compare(&["mem"]).unwrap()),
            [
                "mem_idle",
                "mem_rest",
                "mem_hibernated",
                "mem_server",
                "mem_connection",
                "mem_gun"
            ]
        );
    }

    #[test]
    fn systems_are_chosen_whole_or_by_mode() {
        // `runtime/safe` means one mode, `tokio/w1` those that begin so, `reqwest` all of it.
        let order = compare(&["--systems", "reqwest,tokio/bare,tokio/w1,runtime/safe"]).unwrap();
        let modes: Vec<&str> = order.modes.iter().map(|mode| mode.name).collect();
        assert_eq!(
            modes,
            [
                "safe",
                "w1-glibc",
                "w1-mimalloc",
                "bare-w2",
                "bare-w1",
                "w2",
                "w1"
            ]
        );
    }

    #[test]
    fn unknown_names_and_zeroes_are_refused() {
        // Nothing is measured that was not asked for.
        assert!(matches!(
            compare(&["pingpog"]),
            Err(OptionsError::NoWorkload(name)) if name == "pingpog"
        ));
        assert!(matches!(
            compare(&["--systems", "gopher"]),
            Err(OptionsError::NoMode(name)) if name == "gopher"
        ));
        assert!(matches!(
            compare(&["--rounds", "0"]),
            Err(OptionsError::NotPositive("--rounds"))
        ));
        assert!(matches!(compare(&["--jsn"]), Err(OptionsError::Form(_))));
    }

    #[test]
    fn a_child_gets_what_the_driver_asks() {
        // The hidden form names one workload, one mode and the size.
        let parser =
            lexopt::Parser::from_args(["--child", "skynet", "tokio/w1-glibc", "--n", "100"]);
        let Ok(Order::Measure(order)) = parse(parser) else {
            panic!("not a measurement");
        };
        assert_eq!(
            (order.workload.name, order.mode.name, order.n),
            ("skynet", "w1-glibc", 100)
        );
    }
}
