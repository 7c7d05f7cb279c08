//! A child: what it is, when it is restarted, how it is ended, and what its start comes to. Both kinds of supervisor
//! ask here.

use std::fmt;
use std::time::Duration;

use runtime::request::ServerRef;
use runtime::{Caught, ExitReason, Pid, Term, is_told_to_end};

use crate::gen_server::{GenServer, Options};
use crate::proc_lib::StartError;

/// What a child's start function has to say.
pub type Started = Result<Child, StartError>;

/// A child that was started.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its process, linked to the supervisor.
    pub pid: Pid,
    /// What its start function says beside.
    pub info: Option<Term>,
}

impl From<Pid> for Child {
    fn from(pid: Pid) -> Child {
        Child { pid, info: None }
    }
}

/// When a child is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// When it has ended with a reason other than normal, shutdown, or shutdown with a term.
    Transient,
    /// Never; its specification is forgotten with it.
    Temporary,
}

/// How a child is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// It is killed.
    BrutalKill,
    /// It is told to end, and killed after so long.
    Within(Duration),
    /// It is told to end, and waited for.
    Infinity,
}

/// Within five seconds.
impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown::Within(Duration::from_secs(5))
    }
}

/// What a child is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It has no children.
    #[default]
    Worker,
    /// It is a supervisor.
    Supervisor,
}

impl Restart {
    /// Whether a child that has ended so is restarted.
    pub(super) fn restarts(self, reason: &ExitReason) -> bool {
        match self {
            Restart::Permanent => true,
            Restart::Transient => !reason.is_orderly(),
            Restart::Temporary => false,
        }
    }

    /// Whether the end of a child that its supervisor has not told to end is reported. A node that shuts down has.
    pub(super) fn reports(self, reason: &ExitReason) -> bool {
        !reason.is_orderly() || self == Restart::Permanent && !is_told_to_end()
    }
}

impl Shutdown {
    /// Whether a child of this kind that was told to end so has ended as it was told.
    pub(super) fn was_heeded(self, restart: Restart, reason: &ExitReason) -> bool {
        match (self, reason) {
            (Shutdown::BrutalKill, ExitReason::Killed) => true,
            (Shutdown::Within(_) | Shutdown::Infinity, ExitReason::Shutdown) => true,
            // It has ended by itself before.
            (_, reason) => restart != Restart::Permanent && reason.is_orderly(),
        }
    }
}

/// Starts a gen_server as a child.
pub(super) fn start_server<S: GenServer>(options: Options<S>, args: S::Args) -> Started {
    child_of(&options.start_link(args)?.into())
}

/// A child by what its start has given: a pid.
pub(super) fn child_of(server: &ServerRef) -> Started {
    match server.whereis() {
        Some(pid) => Ok(pid.into()),
        None => Err(StartError::Failed(ExitReason::NoProc)),
    }
}

/// What a start function's end comes to.
pub(super) fn outcome(called: Result<Started, Caught>) -> Result<Option<Child>, ExitReason> {
    match called {
        Ok(Ok(child)) => Ok(Some(child)),
        Ok(Err(StartError::Ignore)) => Ok(None),
        Ok(Err(StartError::Failed(reason))) => Err(reason),
        Ok(Err(error)) => Err(error.into()),
        Err(caught) => Err(caught.into_reason()),
    }
}

/// As Erlang writes it.
impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Restart::Permanent => "permanent",
            Restart::Transient => "transient",
            Restart::Temporary => "temporary",
        })
    }
}

/// As Erlang writes it: a time is in milliseconds.
impl fmt::Display for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shutdown::BrutalKill => f.write_str("brutal_kill"),
            Shutdown::Within(time) => write!(f, "{}", time.as_millis()),
            Shutdown::Infinity => f.write_str("infinity"),
        }
    }
}

/// As Erlang writes it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Worker => "worker",
            Kind::Supervisor => "supervisor",
        })
    }
}
