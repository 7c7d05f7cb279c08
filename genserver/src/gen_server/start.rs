//! Starting servers, and becoming one.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use runtime::request::ServerRef;
use runtime::{Name, Ref, Spawn, Spawned, demonitor_flush};

use super::process::{Boot, Process};
use super::{GenServer, Server};
use crate::proc_lib::{Start, StartError};

/// How a server is started. Mirrors the options of `gen_server:start/4`.
pub struct Options<S> {
    name: Option<ServerRef>,
    timeout: Option<Duration>,
    hibernate_after: Option<Duration>,
    spawn: Box<dyn FnOnce(Spawn<'static>) -> Spawn<'static>>,
    server: PhantomData<fn() -> S>,
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
/// The server did not start; its process is dead, and no `Down` is left.
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
        let (name, hibernate_after) = (self.name, self.hibernate_after);
        let parent = links.then(runtime::self_pid);
        let start = Start {
            spawn: (self.spawn)(Spawn::new()),
            links,
            timeout: self.timeout,
        };
        start.behaviour(|tag| {
            let boot = Boot { args, name, tag };
            Process::<S>::booting(boot, parent, hibernate_after)
        })
    }
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
