//! Starting servers, and becoming one: the options, and what stands between them and `proc_lib`'s start, which
//! waits for `init`.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use runtime::request::ServerRef;
use runtime::{Name, Pid, Ref, Spawn, Spawned, demonitor_flush};
use sys::{Debug, DebugOption, in_process};

use super::process::{Boot, Process};
use super::{Action, GenServer, Server};
use crate::proc_lib::{self, Line, NoParent, Start, StartError};

/// How a server is started. Mirrors the options of `gen_server:start/4`.
pub struct Options<S> {
    name: Option<ServerRef>,
    timeout: Option<Duration>,
    hibernate_after: Option<Duration>,
    debug: Vec<DebugOption>,
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
///
/// ```
#[doc = include_str!("../../doc/counter.txt")]
/// # runtime::run(|| {
/// let counter = gen_server::start::<Counter>(40).unwrap();
/// assert_eq!(counter.call(2), Ok(42));
/// # });
/// ```
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
///
/// ```
#[doc = include_str!("../../doc/counter.txt")]
/// # runtime::run(|| {
/// let counter = gen_server::start_link::<Counter>(40).unwrap();
/// assert!(runtime::links().contains(&counter.whereis().unwrap()));
/// # });
/// ```
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
///
/// ```
#[doc = include_str!("../../doc/counter.txt")]
/// # runtime::run(|| {
/// let (counter, watch) = gen_server::start_monitor::<Counter>(40).unwrap();
/// counter.stop().unwrap();
/// receive! { Down { monitor, reason, .. } if monitor == watch => {
///     assert_eq!(reason, ExitReason::Normal);
/// } }
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_monitor<S: GenServer>(args: S::Args) -> Result<(Server<S>, Ref), StartError> {
    Options::new().start_monitor(args)
}

/// Makes the calling process a server with this state: its stack is unwound, its mailbox stays. Its parent is that
/// of proc_lib, by which it must have been started. Mirrors `gen_server:enter_loop/3`.
///
/// # Panics
///
/// Outside a process. What else is wrong ends the process with an [`EnterLoopError`].
///
/// ```
/// # use genserver::{Called, From, GenServer, Init, Never, Server};
/// # use genserver::gen_server::{enter_loop, reply};
/// # use runtime::ExitReason;
/// # struct Counter(u64);
/// # impl GenServer for Counter {
/// #     type Args = u64;
/// #     type Call = u64;
/// #     type Reply = u64;
/// #     type Cast = Never;
/// #     type Continue = Never;
/// #     fn init(start: u64) -> Result<Init<Self>, ExitReason> { Ok(Counter(start).into()) }
/// #     fn handle_call(&mut self, by: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
/// #         self.0 += by;
/// #         Ok(reply(self.0))
/// #     }
/// # }
/// # runtime::run(|| {
/// use genserver::Action;
/// use genserver::proc_lib::{self, Parent};
///
/// let started = proc_lib::start_link(|parent: Parent<()>| {
///     parent.init_ack(());
///     enter_loop(Counter(40), Action::Wait)
/// });
/// let (pid, ()) = started.unwrap();
/// assert_eq!(Server::<Counter>::of(pid).call(2), Ok(42));
/// # });
/// ```
pub fn enter_loop<S: GenServer>(state: S, action: Action<S::Continue>) -> ! {
    Options::new().enter_loop(state, action)
}

/// Why a process cannot become a server by [`enter_loop`]: the reason with which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnterLoopError {
    /// It was not started by proc_lib. Erlang's `process_was_not_started_by_proc_lib`.
    NotStartedByProcLib,
    /// It has not the name that the options give. Erlang's `process_not_registered`.
    NotRegistered,
    /// Its parent is known by a name that nobody has. Erlang's `could_not_find_registered_name`.
    ParentNotFound,
}

impl<S: GenServer> Options<S> {
    /// No options.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = Options::<Counter>::new().start(40).unwrap();
    /// assert_eq!(counter.call(2), Ok(42));
    /// # });
    /// ```
    pub fn new() -> Options<S> {
        Options {
            name: None,
            timeout: None,
            hibernate_after: None,
            debug: Vec::new(),
            spawn: Box::new(|spawn| spawn),
            server: PhantomData,
        }
    }

    /// Registers the server under a name, before its `init`: a local name, or one of a registry. With a pid, or a
    /// name on a node, the start panics.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// Options::<Counter>::new().name("counter").start(40).unwrap();
    /// let again = Options::<Counter>::new().name("counter").start(40);
    /// assert!(matches!(again, Err(StartError::AlreadyStarted(pid)) if whereis("counter") == Some(pid)));
    /// # });
    /// ```
    pub fn name(mut self, name: impl Into<ServerRef>) -> Options<S> {
        self.name = Some(name.into());
        self
    }

    /// Registers the server under a global name.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::ServerRef;
    ///
    /// Options::<Counter>::new().global("counter").start(40).unwrap();
    /// let counter = Server::<Counter>::of(ServerRef::Global("counter".into()));
    /// assert_eq!(counter.call(2), Ok(42));
    /// # });
    /// ```
    pub fn global(self, name: impl Into<Name>) -> Options<S> {
        self.name(ServerRef::Global(name.into()))
    }

    /// How long `init` may take.
    ///
    /// ```
    /// # use genserver::{Called, From, GenServer, Init, Never, Options, StartError};
    /// # use runtime::ExitReason;
    /// # use std::time::Duration;
    /// struct Slow;
    ///
    /// impl GenServer for Slow {
    ///     // ..
    /// #   type Args = ();
    /// #   type Call = ();
    /// #   type Reply = ();
    /// #   type Cast = Never;
    /// #   type Continue = Never;
    /// #   fn handle_call(&mut self, _: (), _: From<()>) -> Result<Called<()>, ExitReason> { Ok(genserver::gen_server::reply(())) }
    ///     fn init(_: ()) -> Result<Init<Self>, ExitReason> {
    ///         runtime::sleep(Duration::from_secs(3600));
    ///         Ok(Slow.into())
    ///     }
    /// }
    ///
    /// # runtime::run(|| {
    /// let started = Options::<Slow>::new().timeout(Duration::from_millis(1)).start(());
    /// assert!(matches!(started, Err(StartError::Timeout)));
    /// # });
    /// ```
    pub fn timeout(mut self, time: Duration) -> Options<S> {
        self.timeout = Some(time);
        self
    }

    /// Hibernates the server when it has waited for so long.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let minute = Duration::from_secs(60);
    /// let counter = Options::<Counter>::new().hibernate_after(minute).start_link(40).unwrap();
    /// assert_eq!(counter.call(2), Ok(42));
    /// # });
    /// ```
    pub fn hibernate_after(mut self, time: Duration) -> Options<S> {
        self.hibernate_after = Some(time);
        self
    }

    /// Debug functions that are on from the start, before `init`.
    ///
    /// ```
    /// # use genserver::{Called, From, GenServer, Init, Never, Options};
    /// # use genserver::gen_server::reply;
    /// # use runtime::ExitReason;
    /// # struct Counter(u64);
    /// # impl GenServer for Counter {
    /// #     type Args = u64;
    /// #     type Call = u64;
    /// #     type Reply = u64;
    /// #     type Cast = Never;
    /// #     type Continue = Never;
    /// #     fn init(start: u64) -> Result<Init<Self>, ExitReason> { Ok(Counter(start).into()) }
    /// #     fn handle_call(&mut self, by: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
    /// #         self.0 += by;
    /// #         Ok(reply(self.0))
    /// #     }
    /// # }
    /// # runtime::run(|| {
    /// use sys::DebugOption;
    ///
    /// let debug = [DebugOption::Log(sys::LOG_SIZE), DebugOption::Statistics];
    /// let counter = Options::<Counter>::new().debug(debug).start_link(40).unwrap();
    /// assert_eq!(counter.call(2), Ok(42));
    /// let counted = sys::get_statistics(&counter).unwrap().unwrap();
    /// assert_eq!((counted.messages_in, counted.messages_out), (1, 1));
    /// # });
    /// ```
    pub fn debug(mut self, options: impl IntoIterator<Item = DebugOption>) -> Options<S> {
        self.debug.extend(options);
        self
    }

    /// Options of the process; with a monitor among them the start panics.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let options = Options::<Counter>::new().spawn(|spawn| spawn.label("the counter"));
    /// let counter = options.start_link(40).unwrap();
    /// assert_eq!(runtime::label(counter.whereis().unwrap()).as_deref(), Some("the counter"));
    /// # });
    /// ```
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
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = Options::new().name("counter").start(40).unwrap();
    /// # let _: &Server<Counter> = &counter;
    /// assert_eq!(whereis("counter"), counter.whereis());
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start(self, args: S::Args) -> Result<Server<S>, StartError> {
        in_process("gen_server::start");
        let (spawned, monitor) = self.begin(args, false, None)?;
        demonitor_flush(monitor);
        Ok(Server::of(spawned.pid))
    }

    /// See [`start_link`](fn@start_link).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let counter = Options::<Counter>::new().name("counter").start_link(40).unwrap();
    /// assert_eq!(counter.call(2), Ok(42));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link(self, args: S::Args) -> Result<Server<S>, StartError> {
        let parent = in_process("gen_server::start_link");
        let (spawned, monitor) = self.begin(args, true, Some(parent))?;
        demonitor_flush(monitor);
        Ok(Server::of(spawned.pid))
    }

    /// See [`start_monitor`](fn@start_monitor).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// let options = Options::<Counter>::new().name("counter");
    /// let (counter, watch) = options.start_monitor(40).unwrap();
    /// exit_signal(counter.whereis().unwrap(), ExitReason::Kill);
    /// receive! { Down { monitor, reason, .. } if monitor == watch => {
    ///     assert_eq!(reason, ExitReason::Killed);
    /// } }
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_monitor(self, args: S::Args) -> Result<(Server<S>, Ref), StartError> {
        let parent = in_process("gen_server::start_monitor");
        let (spawned, monitor) = self.begin(args, false, Some(parent))?;
        Ok((Server::of(spawned.pid), monitor))
    }

    /// See [`enter_loop`](fn@enter_loop). A name that is given the process must have; the time for `init`
    /// and the options of the process do not matter.
    ///
    /// # Panics
    ///
    /// As there.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::proc_lib::{self, Parent};
    ///
    /// proc_lib::start_link(|parent: Parent<()>| {
    ///     runtime::register("counter", self_pid()).unwrap();
    ///     parent.init_ack(());
    ///     Options::new().name("counter").enter_loop(Counter(40), Action::Wait)
    /// })
    /// .unwrap();
    /// assert_eq!(Server::<Counter>::of("counter").call(2), Ok(42));
    /// # });
    /// ```
    pub fn enter_loop(self, state: S, action: Action<S::Continue>) -> ! {
        let me = in_process("gen_server::enter_loop");
        let named = |name: &ServerRef| name.whereis() == Some(me);
        if !self.name.as_ref().is_none_or(named) {
            runtime::exit(EnterLoopError::NotRegistered);
        }
        let parent = match proc_lib::parent() {
            Ok(parent) => parent,
            Err(NoParent::NotStarted) => runtime::exit(EnterLoopError::NotStartedByProcLib),
            Err(NoParent::NoProc) => runtime::exit(EnterLoopError::ParentNotFound),
        };
        let debug = Debug::with(self.debug);
        let process = Process::entered(state, action, parent, self.hibernate_after, debug);
        runtime::enter(Box::new(process))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn begin(
        self,
        args: S::Args,
        links: bool,
        parent: Option<Pid>,
    ) -> Result<(Spawned, Ref), StartError> {
        proc_lib::is_free(self.name.as_ref())?;
        let (name, hibernate_after, debug) = (self.name, self.hibernate_after, self.debug);
        let start = Start {
            spawn: (self.spawn)(Spawn::new()),
            links,
            timeout: self.timeout,
        };
        start.behaviour(|tag| {
            let line = Line::of_children();
            let boot = Boot {
                args,
                name,
                tag,
                line,
                debug,
            };
            Process::<S>::booting(boot, parent, hibernate_after)
        })
    }
}

impl<S: GenServer> Default for Options<S> {
    fn default() -> Options<S> {
        Options::new()
    }
}

impl fmt::Display for EnterLoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EnterLoopError::NotStartedByProcLib => "the process was not started by proc_lib",
            EnterLoopError::NotRegistered => "the process does not have the name that it says",
            EnterLoopError::ParentNotFound => "nobody has the name of the process's parent",
        })
    }
}

impl std::error::Error for EnterLoopError {}

impl<S> fmt::Debug for Options<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("hibernate_after", &self.hibernate_after)
            .field("debug", &self.debug)
            .finish_non_exhaustive()
    }
}
