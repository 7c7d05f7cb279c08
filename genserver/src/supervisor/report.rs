//! The reports of supervisors: `tracing` events, with OTP's labels for targets.
//!
//! `child_terminated`, `start_error`, `shutdown_error`, `shutdown` and `unexpected` are errors; `progress` is
//! info when the supervisor starts or restarts a child, debug when it was asked to.

use std::any::Any;
use std::fmt;

use runtime::request::ServerRef;
use runtime::{AnyMessage, ExitReason, Pid, Shown, self_pid};

use sys::{Debug, Event, Value};

use super::child::{Kind, Restart, Shutdown};
use super::flags::Flags;
use super::spec::ChildSpec;

/// Who reports: by name, or by pid and where its children come from.
pub(super) struct Reporter {
    pub(super) name: Option<ServerRef>,
    pub(super) module: &'static str,
}

/// Whom a report is about.
#[derive(Clone, Copy)]
pub(super) struct Offender<'a> {
    /// None: a dynamic supervisor's, which has no ids.
    pub(super) id: Option<&'a str>,
    pub(super) pid: Option<Pid>,
    /// So many ended alike; one, if it is one child.
    pub(super) count: usize,
    pub(super) restart: Restart,
    pub(super) significant: bool,
    pub(super) shutdown: Shutdown,
    pub(super) kind: Kind,
}

impl<'a> Offender<'a> {
    pub(super) fn of(spec: &'a ChildSpec, pid: Option<Pid>) -> Offender<'a> {
        Offender {
            id: Some(&spec.id),
            pid,
            count: 1,
            restart: spec.restart,
            significant: spec.significant,
            shutdown: spec.how_to_end(),
            kind: spec.kind,
        }
    }
}

/// An event with the fields that all have, in one order.
macro_rules! event {
    ($reporter:expr, $child:expr, $target:literal, $level:ident, $text:literal $(, $reason:expr)?) => {
        tracing::event!(
            target: $target,
            tracing::Level::$level,
            pid = %self_pid(),
            supervisor = %$reporter,
            $(reason = %Shown::new(&$reason),)?
            child = $child.id,
            child_pid = $child.pid.map(tracing::field::display),
            nb_children = ($child.count != 1).then_some($child.count),
            restart_type = %$child.restart,
            significant = $child.significant,
            shutdown = %$child.shutdown,
            child_type = %$child.kind,
            $text
        )
    };
}

impl Reporter {
    /// A child was started; `asked`: by a client.
    pub(super) fn progress(&self, child: Offender<'_>, asked: bool) {
        if asked {
            event!(
                self,
                child,
                "supervisor::progress",
                DEBUG,
                "a child was started"
            );
        } else {
            event!(
                self,
                child,
                "supervisor::progress",
                INFO,
                "a child was started"
            );
        }
    }

    /// A child has ended that was not told to.
    pub(super) fn child_terminated(&self, child: Offender<'_>, reason: &ExitReason) {
        event!(
            self,
            child,
            "supervisor::child_terminated",
            ERROR,
            "a child has ended",
            Said(reason)
        );
    }

    /// A child did not start.
    pub(super) fn start_error(&self, child: Offender<'_>, reason: &ExitReason) {
        event!(
            self,
            child,
            "supervisor::start_error",
            ERROR,
            "a child did not start",
            Said(reason)
        );
    }

    /// A child that was told to end has ended, but not so.
    pub(super) fn shutdown_error(&self, child: Offender<'_>, reason: &ExitReason) {
        event!(
            self,
            child,
            "supervisor::shutdown_error",
            ERROR,
            "a child did not end as it was told",
            Said(reason)
        );
    }

    /// There were more restarts than are borne.
    pub(super) fn gives_up(&self, child: Offender<'_>) {
        event!(
            self,
            child,
            "supervisor::shutdown",
            ERROR,
            "a supervisor has reached its limit of restarts, and ends",
            LimitReached
        );
    }

    /// A message came that is none of a supervisor's.
    pub(super) fn unexpected(&self, message: &AnyMessage) {
        tracing::error!(
            target: "supervisor::unexpected",
            pid = %self_pid(),
            supervisor = %self,
            unexpected = %Shown::message(message),
            "a supervisor was sent what it does not know"
        );
    }

    /// The supervisor itself ends; silent if that is in order.
    pub(super) fn terminate(&self, reason: &ExitReason, state: impl FnOnce() -> String) {
        if reason.is_orderly() {
            return;
        }
        let name = match &self.name {
            Some(ServerRef::Name(name)) => name.as_str(),
            _ => "",
        };
        tracing::error!(
            target: "gen_server::terminate",
            pid = %self_pid(),
            registered_name = name,
            server = self.module,
            reason = %Shown::new(&Said(reason)),
            state = %state(),
            "a supervisor ends abnormally"
        );
        crate::proc_lib::report_crash(self.module, reason);
    }
}

impl fmt::Display for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(ServerRef::Name(name)) => write!(f, "{{local,{name}}}"),
            Some(name) => fmt::Display::fmt(name, f),
            None => write!(f, "{{{},{}}}", self_pid(), self.module),
        }
    }
}

/// A reason as people read it, within the bounds of [`Shown`].
struct Said<'a>(&'a ExitReason);

impl fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }
}

/// Erlang's `reached_max_restart_intensity`.
struct LimitReached;

impl fmt::Debug for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reached_max_restart_intensity")
    }
}

/// Tells the debug functions that a callback has returned, as OTP's supervisor, a gen_server, does: with an
/// answer, to its client, or without.
pub(super) fn note_returned<A: Any + fmt::Debug>(
    debug: &mut Debug,
    flags: &Flags,
    show: impl FnOnce() -> String,
    answer: Option<(&A, Pid)>,
) {
    if !debug.is_on() {
        return;
    }
    let text = Text(show());
    let state = Value::shown_as(flags, Shown::new(&text));
    debug.note(|| match answer {
        Some((answer, to)) => Event::Out {
            reply: Value::new(answer),
            to,
            state,
        },
        None => Event::NoReply { state },
    });
}

/// Shown as it is.
struct Text(String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
