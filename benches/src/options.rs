//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::prelude::*;

use crate::curve::{CURVES, Curve};
use crate::mode::{MODES, Mode, System};
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
    /// Those that would be among them, but for what they need and is not installed.
    pub left_out: Vec<&'static Workload>,
    pub modes: Vec<&'static Mode>,
    /// The systems that would be among them, but for what they need and is not installed.
    pub not_there: Vec<(System, &'static str)>,
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
    /// What a number stands for is none.
    NoNumber(&'static str, String),
    /// There is no such workload.
    NoWorkload(String),
    /// There is no such curve.
    NoCurve(String),
    /// There is no such system, or mode of it.
    NoMode(String),
    /// A system or a workload is named, and the program that it needs is not installed.
    NotInstalled {
        what: &'static str,
        needs: &'static str,
    },
    /// A number that must be above zero is not.
    NotPositive(&'static str),
    /// No workload that is named runs in a mode that is named.
    Nothing,
    /// No size of a curve is so small.
    NoSize(&'static str, u64),
    /// An option that the others leave nothing to say.
    Without {
        option: &'static str,
        with: &'static str,
    },
    /// The page cannot be written there.
    Page(PathBuf, io::Error),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionsError::Form(error) => error.fmt(f),
            OptionsError::NoNumber(option, text) => {
                write!(f, "{option} takes a number, which `{text}` is not")
            }
            OptionsError::NoWorkload(name) => write!(f, "no workload is named `{name}`"),
            OptionsError::NoCurve(name) => write!(f, "no curve is named `{name}`"),
            OptionsError::NoMode(name) => write!(f, "no system or mode is named `{name}`"),
            OptionsError::NotInstalled { what, needs } => {
                write!(f, "{what} needs {needs}, which is not installed")
            }
            OptionsError::NotPositive(option) => {
                write!(f, "{option} must be above zero, and finite")
            }
            OptionsError::Nothing => f.write_str("none of these systems does any of this"),
            OptionsError::NoSize(curve, n) => write!(f, "{curve} begins at a size above {n}"),
            OptionsError::Without { option, with } => {
                write!(f, "{option} means nothing with {with}")
            }
            OptionsError::Page(path, error) => write!(f, "{}: {error}", path.display()),
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
        left_out: Vec::new(),
        modes: MODES
            .iter()
            .filter(|mode| program::lacks(mode.system).is_none())
            .collect(),
        not_there: Vec::new(),
        rounds: ROUNDS,
        form: Form::Table,
        html: None,
        n: None,
        scale: 1.0,
    };
    let (mut rounds, mut scale, mut systems) = (None, None, None);
    let (mut scaling, mut workers, mut steady) = (false, None, false);
    // What only the other kind of order knows.
    let (mut comparing, mut measuring) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(name) => names.push(name.string()?),
            Long("rounds") => rounds = Some(number("--rounds", parser.value()?)?),
            Long("systems") => systems = Some(modes(&parser.value()?.string()?)?),
            Long("json") => order.form = Form::Json,
            Long("details") => {
                comparing = Some("--details");
                order.form = Form::Details;
            }
            Long("html") => order.html = Some(parser.value()?.into()),
            Long("list") => return Ok(Order::List),
            Long("n") => order.n = Some(number("--n", parser.value()?)?),
            Long("scale") => {
                comparing = Some("--scale");
                scale = Some(number("--scale", parser.value()?)?);
            }
            Long("scaling") => scaling = true,
            Long("child") => child = true,
            Long("echo") => return Ok(Order::Echo),
            Long("workers") => {
                measuring = Some("--workers");
                workers = Some(number("--workers", parser.value()?)?);
            }
            Long("steady") => {
                measuring = Some("--steady");
                steady = true;
            }
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
    if !order.scale.is_finite() || order.scale <= 0.0 {
        return Err(OptionsError::NotPositive("--scale"));
    }
    if workers == Some(0) {
        return Err(OptionsError::NotPositive("--workers"));
    }
    if child {
        let measure = measure(&names, &order)?;
        return Ok(Order::Measure(Measure {
            workers,
            steady,
            ..measure
        }));
    }
    if let Some(option) = measuring {
        let with = "a comparison";
        return Err(OptionsError::Without { option, with });
    }
    if scaling {
        if let Some(option) = comparing {
            let with = "--scaling";
            return Err(OptionsError::Without { option, with });
        }
        let scaling = Scaling {
            curves: curves(&names)?,
            modes: match systems {
                Some(modes) => modes,
                None => modes(CURVED)?,
            },
            rounds: rounds.unwrap_or(1),
            form: order.form,
            html: order.html,
            largest: order.n,
        };
        return scaling.checked(!names.is_empty()).map(Order::Scale);
    }
    match systems {
        Some(modes) => order.modes = modes,
        None => {
            let lacks = |system| Some((system, program::lacks(system)?));
            order.not_there = System::ALL.into_iter().filter_map(lacks).collect();
        }
    }
    order.workloads = workloads(&names)?;
    if names.is_empty() {
        let lacks = |workload: &&Workload| workload.lacks().is_some();
        order.left_out = workload::all().filter(lacks).collect();
    }
    order.checked().map(Order::Compare)
}

/// The number that an option is given.
fn number<T: FromStr>(option: &'static str, value: OsString) -> Result<T, OptionsError> {
    let text = value.to_string_lossy();
    text.parse()
        .map_err(|_| OptionsError::NoNumber(option, text.into_owned()))
}

/// Sees before all that a page can be written: measuring takes minutes.
fn begin_page(page: Option<&PathBuf>) -> Result<(), OptionsError> {
    match page.map(|path| (path, File::create(path))) {
        Some((path, Err(error))) => Err(OptionsError::Page(path.clone(), error)),
        _ => Ok(()),
    }
}

impl Compare {
    /// The same, if there is anything in it to measure.
    fn checked(self) -> Result<Compare, OptionsError> {
        let runs = |workload: &&Workload| self.modes.iter().any(|mode| workload.runs_in(mode));
        if !self.workloads.iter().any(runs) {
            return Err(OptionsError::Nothing);
        }
        begin_page(self.html.as_ref())?;
        Ok(self)
    }
}

impl Scaling {
    /// The same, if there is anything to measure: in each curve that was named, or else in any.
    fn checked(mut self, named: bool) -> Result<Scaling, OptionsError> {
        if !named {
            let curves = std::mem::take(&mut self.curves);
            let can = |curve: &&'static Curve| self.check(curve).is_ok();
            let curves = curves.into_iter().filter(can).collect();
            self.curves = curves;
        }
        if self.curves.is_empty() {
            return Err(OptionsError::Nothing);
        }
        self.curves.iter().try_for_each(|curve| self.check(curve))?;
        begin_page(self.html.as_ref())?;
        Ok(self)
    }

    fn check(&self, curve: &'static Curve) -> Result<(), OptionsError> {
        let first = curve.sizes[0];
        match self.largest {
            Some(largest) if largest < first => Err(OptionsError::NoSize(curve.name, largest)),
            _ if curve.at(first).modes(&self.modes).is_empty() => Err(OptionsError::Nothing),
            _ => Ok(()),
        }
    }
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
        return Err(OptionsError::NoCurve(name.clone()));
    }
    let meant = |curve: &&Curve| names.is_empty() || names.iter().any(|it| it == curve.name);
    Ok(CURVES.iter().filter(meant).collect())
}

/// The workloads of these names, in their own order; all for which there is what they need, if there is no name.
fn workloads(names: &[String]) -> Result<Vec<&'static Workload>, OptionsError> {
    for name in names {
        if !workload::all().any(|workload| is_meant_by(workload, name)) {
            return Err(OptionsError::NoWorkload(name.clone()));
        }
    }
    if names.is_empty() {
        return Ok(workload::all()
            .filter(|workload| workload.lacks().is_none())
            .collect());
    }
    let meant = |workload: &&Workload| names.iter().any(|name| is_meant_by(workload, name));
    let meant: Vec<&Workload> = workload::all().filter(meant).collect();
    for workload in &meant {
        if let Some(needs) = workload.lacks() {
            let what = workload.name;
            return Err(OptionsError::NotInstalled { what, needs });
        }
    }
    Ok(meant)
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
    for mode in &modes {
        if let Some(needs) = program::lacks(mode.system) {
            let what = mode.system.name();
            return Err(OptionsError::NotInstalled { what, needs });
        }
    }
    Ok(modes)
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
        let possible = workload::all().filter(|workload| workload.lacks().is_none());
        assert_eq!(order.workloads.len(), possible.count());
        let installed = MODES
            .iter()
            .filter(|mode| program::lacks(mode.system).is_none());
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
        for scale in ["0", "-1", "nan", "inf"] {
            assert!(matches!(
                compare(&["--scale", scale]),
                Err(OptionsError::NotPositive("--scale"))
            ));
        }
    }

    /// What is wrong with these arguments, in words.
    fn refusal(arguments: &[&str]) -> String {
        match parse(lexopt::Parser::from_args(arguments)) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{arguments:?} are followed"),
        }
    }

    #[test]
    fn a_refusal_names_what_is_wrong() {
        // The option, the word, or that nothing is left; never silence.
        let refusals = [
            (
                &["--rounds", "many"][..],
                "--rounds takes a number, which `many` is not",
            ),
            (&["--n", "-1"], "--n takes a number, which `-1` is not"),
            (&["--scaling", "pingpong"], "no curve is named `pingpong`"),
            (
                &["mem_rest", "--systems", "tokio"],
                "none of these systems does any of this",
            ),
            (
                &["--scaling", "sort", "--systems", "may"],
                "none of these systems does any of this",
            ),
            (
                &["--scaling", "sort", "--n", "10"],
                "sort begins at a size above 10",
            ),
            (
                &["--scaling", "--scale", "2"],
                "--scale means nothing with --scaling",
            ),
            (
                &["--scaling", "--details"],
                "--details means nothing with --scaling",
            ),
            (
                &["ring", "--workers", "1"],
                "--workers means nothing with a comparison",
            ),
            (&["--steady"], "--steady means nothing with a comparison"),
        ];
        for (arguments, words) in refusals {
            assert_eq!(refusal(arguments), words);
        }
        let page = refusal(&["ring", "--html", "/no/such/folder/page.html"]);
        assert!(page.starts_with("/no/such/folder/page.html: "), "{page}");
    }

    #[test]
    fn what_is_not_installed_is_named_with_what_needs_it() {
        // A workload and a system alike.
        let error = OptionsError::NotInstalled {
            what: "http_hello",
            needs: "wrk",
        };
        assert_eq!(
            error.to_string(),
            "http_hello needs wrk, which is not installed"
        );
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
