//! Starting servers, and becoming one.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use runtime::request::{NameRegistry, ServerRef};
use runtime::{
    AliasMode, AnyMessage, Behaviour, Down, Exit, ExitReason, Name, Pid, Ref, Spawn, SpawnError,
    Spawned, alias, demonitor_flush, exit_signal, receive_ref, receive_where, unalias, unlink,
};

use super::process::{Boot, Process};
use super::{GenServer, Server};

/// How a server is started. Mirrors the options of `gen_server:start/4`.
pub struct Options<S> {
    name: Option<ServerRef>,
    timeout: Option<Duration>,
    hibernate_after: Option<Duration>,
    spawn: Box<dyn FnOnce(Spawn<'static>) -> Spawn<'static>>,
    server: PhantomData<fn() -> S>,
}

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// [`init`](GenServer::init) said that it is not wanted.
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
pub(super) struct Ack {
    pub(super) tag: Ref,
    pub(super) started: Result<(), Refused>,
}

/// Why `init` has come to nothing.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    Ignore,
    AlreadyStarted(Pid),
    Failed(ExitReason),
}

/// Starts a server on its own. Returns when its `init` has. Mirrors `gen_server:start/3`.
///
/// # Errors
///
/// The server did not start; its process is dead.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn start<S: GenServer>(args: S::Args) -> Result<Server<S>, StartError> {
    Options::new().start(args)
}

/// Starts a server that is linked to the caller, its parent. Mirrors `gen_server:start_link/3`.
///
/// # Errors
///
/// The server did not start; its process is dead. Unless the caller traps exits it ends too, if `init` ended
/// with a reason that is not normal.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_link<S: GenServer>(args: S::Args) -> Result<Server<S>, StartError> {
    Options::new().start_link(args)
}

/// Starts a server that the caller monitors. Mirrors `gen_server:start_monitor/3`.
///
/// # Errors
///
/// The server did not start; its process is dead, and no [`Down`] is left.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_monitor<S: GenServer>(args: S::Args) -> Result<(Server<S>, Ref), StartError> {
    Options::new().start_monitor(args)
}

/// Makes the calling process a server with this state: its stack is unwound, its mailbox stays. Mirrors
/// `gen_server:enter_loop/3`.
///
/// # Panics
///
/// Outside a process.
pub fn enter_loop<S: GenServer>(state: S, action: super::Action<S::Continue>) -> ! {
    runtime::enter(Box::new(Process::entered(state, action)))
}

impl<S: GenServer> Options<S> {
    /// No options.
    pub fn new() -> Options<S> {
        Options {
            name: None,
            timeout: None,
            hibernate_after: None,
            spawn: Box::new(|spawn| spawn),
            server: PhantomData,
        }
    }

    /// Registers the server under a name, before its `init`: a local name, or one of a registry.
    pub fn name(mut self, name: impl Into<ServerRef>) -> Options<S> {
        self.name = Some(name.into());
        self
    }

    /// Registers the server under a global name.
    pub fn global(self, name: impl Into<Name>) -> Options<S> {
        self.name(ServerRef::Global(name.into()))
    }

    /// How long `init` may take.
    pub fn timeout(mut self, time: Duration) -> Options<S> {
        self.timeout = Some(time);
        self
    }

    /// Hibernates the server when it has waited for so long.
    pub fn hibernate_after(mut self, time: Duration) -> Options<S> {
        self.hibernate_after = Some(time);
        self
    }

    /// Options of the process; a link or a monitor among them is an error of the caller's.
    pub fn spawn(
        mut self,
        options: impl FnOnce(Spawn<'static>) -> Spawn<'static> + 'static,
    ) -> Options<S> {
        self.spawn = Box::new(options);
        self
    }

    /// See [`start`](fn@start).
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start(self, args: S::Args) -> Result<Server<S>, StartError> {
        let (spawned, monitor) = self.begin(args, false)?;
        demonitor_flush(monitor);
        Ok(Server::of(spawned.pid))
    }

    /// See [`start_link`](fn@start_link).
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link(self, args: S::Args) -> Result<Server<S>, StartError> {
        let (spawned, monitor) = self.begin(args, true)?;
        demonitor_flush(monitor);
        Ok(Server::of(spawned.pid))
    }

    /// See [`start_monitor`](fn@start_monitor).
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_monitor(self, args: S::Args) -> Result<(Server<S>, Ref), StartError> {
        let (spawned, monitor) = self.begin(args, false)?;
        Ok((Server::of(spawned.pid), monitor))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn begin(self, args: S::Args, links: bool) -> Result<(Spawned, Ref), StartError> {
        if let Some(name) = &self.name
            && let Some(pid) = name.whereis()
        {
            return Err(StartError::AlreadyStarted(pid));
        }
        let tag = alias(AliasMode::Reply);
        let parent = links.then(runtime::self_pid);
        let boot = Boot {
            args,
            name: self.name,
            tag,
        };
        let process = Process::<S>::booting(boot, parent, self.hibernate_after);
        let spawn = (self.spawn)(Spawn::new()).monitor();
        let spawn = if links { spawn.link() } else { spawn };
        let (spawned, monitor) = match spawn_behaviour(spawn, process) {
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

impl<S: GenServer> Default for Options<S> {
    fn default() -> Options<S> {
        Options::new()
    }
}

impl<S> fmt::Debug for Options<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("hibernate_after", &self.hibernate_after)
            .finish_non_exhaustive()
    }
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
pub(super) fn register(name: &ServerRef) -> Result<(), Pid> {
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
pub(super) fn unregister(name: &ServerRef) {
    match name {
        ServerRef::Name(name) => drop(runtime::unregister(name.as_str())),
        ServerRef::Global(name) => runtime::request::Global.unregister_name(name),
        ServerRef::Via(registry, name) => registry.unregister_name(name),
        _ => {}
    }
}
