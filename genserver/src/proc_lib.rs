//! `proc_lib(3erl)`: processes whose start is waited for, and their names.
//!
//! Who starts a process waits until it has told how its start went, by an [`Ack`], or has ended; if it did not
//! start, until it is dead. Nothing of it is left in the mailbox then.

use std::fmt;
use std::time::Duration;

use runtime::request::{NameRegistry, ServerRef};
use runtime::{
    AliasMode, AnyMessage, Behaviour, Down, Exit, ExitReason, Pid, Ref, Spawn, SpawnError, Spawned,
    alias, exit_signal, receive_ref, receive_where, unalias, unlink,
};

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// [`init`](crate::GenServer::init) said that it is not wanted.
    Ignore,
    /// Another process has the name.
    AlreadyStarted(Pid),
    /// `init` took too long; the process was killed.
    Timeout,
    /// `init` refused or failed: the reason.
    Failed(ExitReason),
    /// The process could not be spawned.
    Spawn(SpawnError),
}

/// What the new process tells whoever has started it.
#[derive(Debug)]
pub(crate) struct Ack {
    pub(crate) tag: Ref,
    pub(crate) started: Result<(), Refused>,
}

/// Why `init` has come to nothing.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    Ignore,
    AlreadyStarted(Pid),
    Failed(ExitReason),
}

/// How a process is started that tells how its start went.
pub(crate) struct Start {
    pub(crate) spawn: Spawn<'static>,
    pub(crate) links: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Start {
    /// Starts what `make` makes of the reference to tell by. The monitor stands if it has started.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn behaviour<B: Behaviour + Send>(
        self,
        make: impl FnOnce(Ref) -> B,
    ) -> Result<(Spawned, Ref), StartError> {
        let tag = alias(AliasMode::Reply);
        let spawn = self.spawn.monitor();
        let spawn = if self.links { spawn.link() } else { spawn };
        let (spawned, monitor) = match spawn_behaviour(spawn, make(tag)) {
            Ok(started) => started,
            Err(error) => {
                unalias(tag);
                return Err(StartError::Spawn(error));
            }
        };
        match wait(tag, monitor, self.timeout) {
            Some(Started::Runs) => Ok((spawned, monitor)),
            Some(Started::Refused(refused)) => {
                gone(spawned.pid, monitor);
                Err(refused.into())
            }
            Some(Started::Ended(reason)) => {
                flush_exit(spawned.pid);
                Err(StartError::Failed(reason))
            }
            None => {
                // The order counts: its end must not be the caller's.
                unlink(spawned.pid);
                exit_signal(spawned.pid, ExitReason::Kill);
                unalias(tag);
                gone(spawned.pid, monitor);
                let late = receive_ref(tag, Duration::ZERO, |ack: &Ack| ack.tag == tag);
                drop(late);
                Err(StartError::Timeout)
            }
        }
    }
}

#[track_caller]
fn spawn_behaviour(
    spawn: Spawn<'static>,
    process: impl Behaviour + Send,
) -> Result<(Spawned, Ref), SpawnError> {
    let spawned = spawn.behaviour(process)?;
    match spawned.monitor {
        Some(monitor) => Ok((spawned, monitor)),
        None => unreachable!("it was spawned with a monitor"),
    }
}

/// Waits until the new process has told how its start went, or has ended.
#[cfg_attr(debug_assertions, track_caller)]
fn wait(tag: Ref, monitor: Ref, timeout: Option<Duration>) -> Option<Started> {
    let message: AnyMessage = receive_ref(tag, timeout, |message: &AnyMessage| {
        let ack = message.downcast_ref::<Ack>();
        let down = message.downcast_ref::<Down>();
        ack.is_some_and(|ack| ack.tag == tag) || down.is_some_and(|down| down.monitor == monitor)
    })?;
    Some(match message.downcast::<Ack>() {
        Ok(ack) => match ack.started {
            Ok(()) => Started::Runs,
            Err(refused) => Started::Refused(refused),
        },
        Err(message) => match message.downcast::<Down>() {
            Ok(down) => {
                // It says nothing more.
                unalias(tag);
                Started::Ended(down.reason)
            }
            Err(_) => unreachable!("one of the two was asked for"),
        },
    })
}

/// How a start went.
enum Started {
    Runs,
    /// The process is about to end.
    Refused(Refused),
    /// The process has ended, and its monitor has fired.
    Ended(ExitReason),
}

/// Waits until the process is dead, and leaves nothing of it in the mailbox.
#[cfg_attr(debug_assertions, track_caller)]
fn gone(pid: Pid, monitor: Ref) {
    let down = receive_where(None, |message| {
        let down = message.downcast_ref::<Down>();
        down.is_some_and(|down| down.monitor == monitor)
    });
    drop(down);
    flush_exit(pid);
}

/// Takes the exit of a linked process out of the mailbox of a caller that traps exits.
fn flush_exit(pid: Pid) {
    let exit = receive_where(Duration::ZERO, |message| {
        let exit = message.downcast_ref::<Exit>();
        exit.is_some_and(|exit| exit.from == Some(pid))
    });
    drop(exit);
}

impl std::convert::From<Refused> for StartError {
    fn from(refused: Refused) -> StartError {
        match refused {
            Refused::Ignore => StartError::Ignore,
            Refused::AlreadyStarted(pid) => StartError::AlreadyStarted(pid),
            Refused::Failed(reason) => StartError::Failed(reason),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Ignore => f.write_str("the server is not wanted"),
            StartError::AlreadyStarted(pid) => write!(f, "{pid} has the server's name"),
            StartError::Timeout => f.write_str("the server's init took too long"),
            StartError::Failed(reason) => write!(f, "the server did not start: {reason}"),
            StartError::Spawn(error) => write!(f, "no process for the server: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Gives the new server its name. Called by the server.
pub(crate) fn register(name: &ServerRef) -> Result<(), Pid> {
    let me = runtime::self_pid();
    let registered = match name {
        ServerRef::Name(name) => runtime::register(name.clone(), me).is_ok(),
        ServerRef::Global(name) => runtime::request::Global.register_name(name, me),
        ServerRef::Via(registry, name) => registry.register_name(name, me),
        // A pid is no name.
        _ => true,
    };
    if registered {
        Ok(())
    } else {
        Err(name.whereis().unwrap_or(me))
    }
}

/// Takes the name away again.
pub(crate) fn unregister(name: &ServerRef) {
    match name {
        ServerRef::Name(name) => drop(runtime::unregister(name.as_str())),
        ServerRef::Global(name) => runtime::request::Global.unregister_name(name),
        ServerRef::Via(registry, name) => registry.unregister_name(name),
        _ => {}
    }
}
