//! Reports as OTP's people know them: `=CRASH REPORT====`, `=SUPERVISOR REPORT====` and their kin. With the feature
//! `report`.
//!
//! What servers and supervisors report are `tracing` events. [`Reports`] is a `tracing_subscriber` layer that prints
//! them, and nothing else, in the looks of OTP's `logger_formatter`; where OTP has what Rust has not (a child's
//! `mfargs`, a process's heap), the line is left out.
//!
//! ```
//! use genserver::report::{Reports, is_report};
//! use tracing_subscriber::filter::filter_fn;
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry()
//!     .with(Reports::new())
//!     // All others, in the looks that they have otherwise.
//!     .with(tracing_subscriber::fmt::layer().with_filter(filter_fn(|event| !is_report(event))))
//!     .init();
//! ```

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

/// Whether an event is one that [`Reports`] prints.
///
/// ```
/// use genserver::report::is_report;
/// use tracing_subscriber::filter::filter_fn;
/// use tracing_subscriber::prelude::*;
///
/// // All but reports.
/// let others = tracing_subscriber::fmt::layer().with_filter(filter_fn(|event| !is_report(event)));
/// tracing_subscriber::registry().with(others).init();
/// ```
pub fn is_report(event: &Metadata<'_>) -> bool {
    event.is_event() && Label::of(event).is_some()
}

/// A layer that prints reports: warnings and errors, as OTP does unless it is told otherwise, and what
/// [`sys::trace`] tells.
pub struct Reports<W = fn() -> io::Stderr> {
    writer: W,
    level: Level,
    single_line: bool,
}

impl Reports {
    /// Prints reports to the standard error, down to the level warn.
    ///
    /// ```
    /// use genserver::report::Reports;
    /// use tracing_subscriber::prelude::*;
    ///
    /// tracing_subscriber::registry().with(Reports::new()).init();
    /// ```
    pub fn new() -> Reports {
        Reports {
            writer: io::stderr,
            level: Level::WARN,
            single_line: false,
        }
    }
}

impl Default for Reports {
    fn default() -> Reports {
        Reports::new()
    }
}

impl<W> Reports<W> {
    /// Prints to another place.
    ///
    /// ```
    /// use genserver::report::Reports;
    /// use tracing_subscriber::prelude::*;
    ///
    /// tracing_subscriber::registry().with(Reports::new().with_writer(std::io::stdout)).init();
    /// ```
    pub fn with_writer<V>(self, writer: V) -> Reports<V>
    where
        V: for<'w> MakeWriter<'w> + 'static,
    {
        Reports {
            writer,
            level: self.level,
            single_line: self.single_line,
        }
    }

    /// Prints reports down to this level. At info there are progress reports of children that start with their
    /// supervisor or restart, at debug also of those that were asked for.
    ///
    /// ```
    /// use genserver::report::Reports;
    /// use tracing_subscriber::prelude::*;
    ///
    /// tracing_subscriber::registry().with(Reports::new().with_level(tracing::Level::INFO)).init();
    /// ```
    pub fn with_level(mut self, level: Level) -> Reports<W> {
        self.level = level;
        self
    }

    /// Prints each report as one line. Mirrors `single_line` of `logger_formatter`.
    ///
    /// ```
    /// use genserver::report::Reports;
    /// use tracing_subscriber::prelude::*;
    ///
    /// tracing_subscriber::registry().with(Reports::new().with_single_line(true)).init();
    /// ```
    pub fn with_single_line(mut self, single_line: bool) -> Reports<W> {
        self.single_line = single_line;
        self
    }
}

impl<S, W> Layer<S> for Reports<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(report) = Report::of(event) else {
            return;
        };
        // A trace was asked for.
        if *event.metadata().level() > self.level && report.label != Label::Trace {
            return;
        }
        let text = if self.single_line {
            format!("{}\n", report.line())
        } else {
            let now = jiff::Zoned::now().strftime("%-d-%b-%Y::%H:%M:%S%.6f");
            format!(
                "={} REPORT==== {now} ===\n{report}\n",
                report.label.heading()
            )
        };
        // There is nobody to tell that it cannot be written.
        let _ = self
            .writer
            .make_writer_for(event.metadata())
            .write_all(text.as_bytes());
    }
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Crash,
    Terminate,
    NoHandleInfo,
    Progress,
    /// One of a supervisor's errors, with OTP's word for it.
    Supervisor(&'static str),
    Unexpected,
    Trace,
}

impl Label {
    fn of(event: &Metadata<'_>) -> Option<Label> {
        Some(match event.target() {
            "proc_lib::crash" => Label::Crash,
            "gen_server::terminate" => Label::Terminate,
            "gen_server::no_handle_info" => Label::NoHandleInfo,
            "supervisor::progress" => Label::Progress,
            "supervisor::child_terminated" => Label::Supervisor("child_terminated"),
            "supervisor::start_error" => Label::Supervisor("start_error"),
            "supervisor::shutdown_error" => Label::Supervisor("shutdown_error"),
            "supervisor::shutdown" => Label::Supervisor("shutdown"),
            "supervisor::unexpected" => Label::Unexpected,
            "sys::trace" | "sys::log" => Label::Trace,
            _ => return None,
        })
    }

    fn heading(self) -> &'static str {
        match self {
            Label::Crash => "CRASH",
            Label::Terminate | Label::Unexpected => "ERROR",
            Label::NoHandleInfo => "WARNING",
            Label::Progress => "PROGRESS",
            Label::Supervisor(_) => "SUPERVISOR",
            Label::Trace => "DEBUG",
        }
    }
}

/// An event's fields, as text.
struct Report {
    label: Label,
    /// The event's own text was met, which is not a field of the report. It comes first, as `message`.
    has_text: bool,
    fields: Vec<(&'static str, String)>,
}

impl Report {
    /// None: the event is not one of OTP's.
    fn of(event: &Event<'_>) -> Option<Report> {
        let mut report = Report {
            label: Label::of(event.metadata())?,
            has_text: false,
            fields: Vec::new(),
        };
        event.record(&mut report);
        Some(report)
    }

    fn put(&mut self, name: &'static str, mut value: String) {
        if name == "message" && !std::mem::replace(&mut self.has_text, true) {
            return;
        }
        // A reason of the user's own: the term alone.
        let term = value.strip_prefix("Other(");
        if name == "reason"
            && let Some(term) = term.and_then(|term| term.strip_suffix(')'))
        {
            value = term.to_owned();
        }
        self.fields.push((name, value));
    }

    /// A field, if it is there and not empty.
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(of, _)| *of == name);
        found
            .map(|(_, text)| text.as_str())
            .filter(|text| !text.is_empty())
    }

    fn get<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.field(name).unwrap_or(default)
    }

    /// A server by its name, or its pid.
    fn server(&self) -> &str {
        self.field("registered_name")
            .unwrap_or_else(|| self.get("pid", "undefined"))
    }

    /// `error`, for a panic, or `exit`: Erlang's class of the exception.
    fn class(&self) -> &'static str {
        let reason = self.get("reason", "");
        if reason.starts_with("Panic(") || reason.starts_with("panic") {
            "error"
        } else {
            "exit"
        }
    }

    /// What a supervisor tells of a child, in OTP's order.
    fn child(&self) -> Vec<(&'static str, &str)> {
        let count = self
            .field("nb_children")
            .map(|count| ("nb_children", count));
        let pid = ("pid", self.get("child_pid", "undefined"));
        let mut child = vec![count.unwrap_or(pid), ("id", self.get("child", "undefined"))];
        child.extend(
            ["restart_type", "significant", "shutdown", "child_type"]
                .into_iter()
                .filter_map(|name| Some((name, self.field(name)?))),
        );
        child
    }

    /// The fields of a crash, in OTP's order, but for the class of the exception.
    fn crash(&self) -> [(&'static str, &str); 11] {
        [
            ("initial call", self.get("initial_call", "undefined")),
            ("pid", self.get("pid", "undefined")),
            ("registered_name", self.get("registered_name", "[]")),
            ("process_label", self.get("label", "")),
            (self.class(), self.get("reason", "undefined")),
            ("ancestors", self.get("ancestors", "[]")),
            ("message_queue_len", self.get("message_queue_len", "0")),
            ("messages", self.get("messages", "[]")),
            ("links", self.get("links", "[]")),
            ("dictionary", self.get("dictionary", "[]")),
            ("trap_exit", self.get("trap_exit", "false")),
        ]
    }

    /// As one line.
    fn line(&self) -> String {
        let supervisor = self.get("supervisor", "undefined");
        let reason = self.get("reason", "undefined");
        let child = || {
            let mut child = self.child();
            child.truncate(2);
            child.sort_unstable_by_key(|(name, _)| *name);
            let child = child.iter().map(|(name, value)| format!("{name}={value}"));
            child.collect::<Vec<_>>().join(",")
        };
        let line = match self.label {
            Label::Progress => format!("Supervisor: {supervisor}. Started: {}.", child()),
            Label::Supervisor(context) => format!(
                "Supervisor: {supervisor}. Context: {context}. Reason: {reason}. Offender: {}.",
                child()
            ),
            Label::Crash => {
                let fields = self.crash();
                let fields = fields.iter().filter(|(_, value)| !value.is_empty());
                let fields = fields.map(|(name, value)| format!("{name}: {value}"));
                format!("crasher: {}", fields.collect::<Vec<_>>().join(", "))
            }
            Label::Terminate => {
                let mut line = format!("Generic server {} terminating", self.server());
                for (name, field) in [
                    ("Label", "label"),
                    ("Reason", "reason"),
                    ("Last message", "message"),
                    ("State", "state"),
                    ("Client", "client"),
                ] {
                    if let Some(value) = self.field(field) {
                        let _ = write!(line, ". {name}: {value}");
                    }
                }
                line + "."
            }
            Label::NoHandleInfo => format!(
                "Undefined handle_info in {}. Unhandled message: {}.",
                self.get("server", "undefined"),
                self.get("message", "undefined")
            ),
            Label::Unexpected | Label::Trace => self.to_string(),
        };
        line.replace('\n', " ").trim_end().to_owned()
    }
}

/// The lines below the heading.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.label {
            Label::Progress => {
                writeln!(f, "    supervisor: {}", self.get("supervisor", "undefined"))?;
                list(f, "    started: ", &self.child())
            }
            Label::Supervisor(context) => {
                writeln!(f, "    supervisor: {}", self.get("supervisor", "undefined"))?;
                writeln!(f, "    errorContext: {context}")?;
                writeln!(f, "    reason: {}", self.get("reason", "undefined"))?;
                list(f, "    offender: ", &self.child())
            }
            Label::Crash => {
                writeln!(f, "  crasher:")?;
                let fields = self.crash();
                for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
                    let exception = match *name {
                        "exit" | "error" => "exception ",
                        _ => "",
                    };
                    writeln!(f, "    {exception}{name}: {value}")?;
                }
                writeln!(f, "    status: running\n  neighbours:")
            }
            Label::Terminate => {
                writeln!(f, "** Generic server {} terminating ", self.server())?;
                if let Some(label) = self.field("label") {
                    writeln!(f, "** Process Label == {label}")?;
                }
                if let Some(message) = self.field("message") {
                    writeln!(f, "** Last message in was {message}")?;
                }
                writeln!(f, "** When Server state == {}", self.get("state", ""))?;
                writeln!(f, "** Reason for termination ==")?;
                writeln!(f, "** {}", self.get("reason", "undefined"))?;
                if let Some(log) = self.field("log").filter(|log| *log != "[]") {
                    writeln!(f, "** Log ==\n** {log}")?;
                }
                match self.field("client") {
                    Some(client) => writeln!(f, "** Client {client}"),
                    None => Ok(()),
                }
            }
            Label::NoHandleInfo => {
                let server = self.get("server", "undefined");
                writeln!(f, "** Undefined handle_info in {server}")?;
                let message = self.get("message", "undefined");
                writeln!(f, "** Unhandled message: {message}")
            }
            Label::Unexpected => {
                let message = self.get("unexpected", "undefined");
                writeln!(f, "Supervisor received unexpected message: {message}")
            }
            Label::Trace => {
                let (pid, event) = (self.get("pid", "undefined"), self.get("event", ""));
                writeln!(f, "*DBG* {pid} {event}")
            }
        }
    }
}

/// Writes a list of pairs as Erlang does, one below the other.
fn list(f: &mut fmt::Formatter<'_>, name: &str, pairs: &[(&str, &str)]) -> fmt::Result {
    let gap = format!(",\n{:width$}", "", width = name.len() + 1);
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{{{name},{value}}}"));
    writeln!(f, "{name}[{}]", pairs.collect::<Vec<_>>().join(&gap))
}

impl Visit for Report {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.to_owned());
    }
}

impl<W> fmt::Debug for Reports<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports")
            .field("level", &self.level)
            .field("single_line", &self.single_line)
            .finish_non_exhaustive()
    }
}
