//! Processes whose start is waited for.
//!
//! Who starts a process waits until it has told how its start went, by an [`Acked`], or has ended; if it did not
//! start, until it is dead. Nothing of it is left in the mailbox then, but the `Down` that
//! [`start_monitor`](Start::start_monitor) promises.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use runtime::request::CallError;
use runtime::{
    AliasMode, AnyMessage, Behaviour, Down, Exit, ExitReason, Message, Pid, ProcessResult, Ref,
    RegisterError, Spawn, SpawnError, Spawned, alias, demonitor_flush, exit, exit_signal,
    receive_ref, receive_where, self_pid, send, unalias, unlink,
};
use sys::in_process;

use super::name::NameRefused;
use super::spawn::Run;
use crate::supervisor::SpecError;

/// What a start comes to: the process, and what it has answered.
pub type Started<R> = Result<(Pid, R), StartError>;

/// Why a process did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It is not wanted, as its [`init`](crate::GenServer::init) said.
    Ignore,
    /// Another process has the name.
    AlreadyStarted(Pid),
    /// Its start took too long; the process was killed.
    Timeout,
    /// It refused or failed: the reason.
    Failed(ExitReason),
    /// The process could not be spawned.
    Spawn(SpawnError),
}

/// What a new process tells whoever has started it and waits for an `R`.
#[derive(Debug)]
pub(crate) struct Acked<R> {
    pub(crate) tag: Ref,
    pub(crate) started: Result<R, Refused>,
}

/// What a behaviour tells.
pub(crate) type Ack = Acked<()>;

/// Why a process refuses to start: see [`Parent::init_fail`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// It is not wanted.
    Ignore,
    /// Another process has the name.
    AlreadyStarted(Pid),
    /// For this reason.
    Failed(ExitReason),
}

/// Who has started the process that holds this, and waits to be told how the start went.
pub struct Parent<R> {
    pid: Pid,
    tag: Ref,
    answer: PhantomData<fn(R)>,
}

impl<R: Message> Parent<R> {
    /// The process that waits.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let (_, said) = proc_lib::start(|parent: Parent<Pid>| {
    ///     let pid = parent.pid();
    ///     parent.init_ack(pid);
    /// })
    /// .unwrap();
    /// assert_eq!(said, self_pid());
    /// # });
    /// ```
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The start is done: whoever waits for it goes on, with this answer. Mirrors `proc_lib:init_ack/2`.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let (_, said) = proc_lib::start(|parent: Parent<&'static str>| parent.init_ack("ready")).unwrap();
    /// assert_eq!(said, "ready");
    /// # });
    /// ```
    pub fn init_ack(self, answer: R) {
        let (tag, started) = (self.tag, Ok(answer));
        send(tag, Acked { tag, started });
    }

    /// The start has failed: the process ends with `reason`, and when it is dead whoever waits for it goes on,
    /// with `refused` for an error. Mirrors `proc_lib:init_fail/3`.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let started = proc_lib::start(|parent: Parent<()>| -> () {
    ///     parent.init_fail(Refused::Ignore, ExitReason::Normal)
    /// });
    /// assert!(matches!(started, Err(StartError::Ignore)));
    /// # });
    /// ```
    pub fn init_fail(self, refused: Refused, reason: ExitReason) -> ! {
        let (tag, started) = (self.tag, Err(refused));
        send(tag, Acked::<R> { tag, started });
        exit(reason)
    }
}

impl<R> fmt::Debug for Parent<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parent<{}>", self.pid)
    }
}

/// Starts a process that runs `f`. Returns when that has called [`Parent::init_ack`], with its answer. Mirrors
/// `proc_lib:start/3`.
///
/// # Errors
///
/// It did not start; the process is dead.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// let doubler = |parent: Parent<&'static str>| {
///     parent.init_ack("ready");
///     receive! { (from, n): (Pid, u32) => send(from, 2 * n) }
/// };
/// let (pid, said) = proc_lib::start(doubler).unwrap();
/// assert_eq!(said, "ready");
/// send(pid, (self_pid(), 21u32));
/// assert_eq!(receive_type::<u32>(), 42);
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn start<F, T, R>(f: F) -> Started<R>
where
    F: FnOnce(Parent<R>) -> T + Send + 'static,
    T: ProcessResult,
    R: Message,
{
    Start::new().start(f)
}

/// As [`start`], linked to the caller. Mirrors `proc_lib:start_link/3`.
///
/// # Errors
///
/// It did not start; the process is dead. Unless the caller traps exits it ends too, if the process has ended
/// with a reason that is not normal.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// let doubler = |parent: Parent<&'static str>| {
///     parent.init_ack("ready");
///     receive! { (from, n): (Pid, u32) => send(from, 2 * n) }
/// };
/// let (pid, _) = proc_lib::start_link(doubler).unwrap();
/// assert!(runtime::links().contains(&pid));
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_link<F, T, R>(f: F) -> Started<R>
where
    F: FnOnce(Parent<R>) -> T + Send + 'static,
    T: ProcessResult,
    R: Message,
{
    Start::new().start_link(f)
}

/// As [`start`], and the caller monitors the process, whether it starts or not: see [`Start::start_monitor`].
/// Mirrors `proc_lib:start_monitor/3`.
///
/// # Errors
///
/// The process cannot be spawned.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// let fails = |_: Parent<()>| exit(ExitReason::Shutdown);
/// let (started, watch) = proc_lib::start_monitor(fails).unwrap();
/// assert!(matches!(started, Err(StartError::Failed(ExitReason::Shutdown))));
/// receive! { Down { monitor, reason, .. } if monitor == watch => {
///     assert_eq!(reason, ExitReason::Shutdown);
/// } }
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_monitor<F, T, R>(f: F) -> Result<(Started<R>, Ref), SpawnError>
where
    F: FnOnce(Parent<R>) -> T + Send + 'static,
    T: ProcessResult,
    R: Message,
{
    Start::new().start_monitor(f)
}

/// How a process is started whose start is waited for. Mirrors the options of `proc_lib:start/5`.
///
/// ```
/// use genserver::proc_lib::{Parent, Start, StartError};
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let slow = |parent: Parent<()>| {
///     runtime::sleep(Duration::from_secs(3600));
///     parent.init_ack(());
/// };
/// let started = Start::new().timeout(Duration::from_millis(1)).start_link(slow);
/// assert!(matches!(started, Err(StartError::Timeout)));
/// # });
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing is started before `start`, `start_link` or `start_monitor`"]
pub struct Start {
    pub(crate) spawn: Spawn<'static>,
    pub(crate) links: bool,
    pub(crate) timeout: Option<Duration>,
}

/// How a start went, whose process was spawned.
struct Begun<R> {
    spawned: Spawned,
    monitor: Ref,
    started: Result<R, StartError>,
}

impl Start {
    /// No options.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let (_, said) = Start::new().start(|parent: Parent<u32>| parent.init_ack(42)).unwrap();
    /// assert_eq!(said, 42);
    /// # });
    /// ```
    pub fn new() -> Start {
        Start::default()
    }

    /// How long the start may take; then the process is killed.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let minute = Duration::from_secs(60);
    /// let started = Start::new().timeout(minute).start(|parent: Parent<u32>| parent.init_ack(42));
    /// assert_eq!(started.unwrap().1, 42);
    /// # });
    /// ```
    pub fn timeout(mut self, time: Duration) -> Start {
        self.timeout = Some(time);
        self
    }

    /// Options of the process; a monitor must not be among them.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let options = Start::new().spawn(Spawn::new().label("waits"));
    /// let (pid, ()) = options
    ///     .start_link(|parent: Parent<()>| {
    ///         parent.init_ack(());
    ///         receive_type::<()>()
    ///     })
    ///     .unwrap();
    /// assert_eq!(runtime::label(pid).as_deref(), Some("waits"));
    /// # });
    /// ```
    pub fn spawn(mut self, options: Spawn<'static>) -> Start {
        self.spawn = options;
        self
    }

    /// See [`start`](fn@start).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// Outside a process; with a monitor among the spawn options.
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let started = Start::new().start(|_: Parent<()>| {});
    /// // It has ended without a word.
    /// assert!(matches!(started, Err(StartError::Failed(ExitReason::Normal))));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start<F, T, R>(self, f: F) -> Started<R>
    where
        F: FnOnce(Parent<R>) -> T + Send + 'static,
        T: ProcessResult,
        R: Message,
    {
        let begun = self.function(f, false).map_err(StartError::Spawn)?;
        let answer = begun.started?;
        demonitor_flush(begun.monitor);
        Ok((begun.spawned.pid, answer))
    }

    /// See [`start_link`](fn@start_link).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As [`start`](Start::start).
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// trap_exit(true);
    /// let started = Start::new().start_link(|_: Parent<()>| exit(ExitReason::Shutdown));
    /// assert!(matches!(started, Err(StartError::Failed(ExitReason::Shutdown))));
    /// assert!(receive_timeout(Duration::ZERO).is_none()); // no exit is left
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link<F, T, R>(mut self, f: F) -> Started<R>
    where
        F: FnOnce(Parent<R>) -> T + Send + 'static,
        T: ProcessResult,
        R: Message,
    {
        self.links = true;
        self.start(f)
    }

    /// As [`start`](Start::start), and gives a monitor, whose `Down` comes also if the process has not started;
    /// it has come then.
    ///
    /// # Errors
    ///
    /// The process cannot be spawned.
    ///
    /// # Panics
    ///
    /// As [`start`](Start::start).
    ///
    /// ```
    #[doc = include_str!("../../doc/proc_lib.txt")]
    /// # runtime::run(|| {
    /// let slow = |_: Parent<()>| runtime::sleep(Duration::from_secs(3600));
    /// let (started, watch) = Start::new().timeout(Duration::from_millis(1)).start_monitor(slow).unwrap();
    /// assert!(matches!(started, Err(StartError::Timeout)));
    /// receive! { Down { monitor, reason, .. } if monitor == watch => {
    ///     assert_eq!(reason, ExitReason::Killed);
    /// } }
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_monitor<F, T, R>(self, f: F) -> Result<(Started<R>, Ref), SpawnError>
    where
        F: FnOnce(Parent<R>) -> T + Send + 'static,
        T: ProcessResult,
        R: Message,
    {
        let begun = self.function(f, true)?;
        let pid = begun.spawned.pid;
        Ok((begun.started.map(|answer| (pid, answer)), begun.monitor))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn function<F, T, R>(self, f: F, keeps_down: bool) -> Result<Begun<R>, SpawnError>
    where
        F: FnOnce(Parent<R>) -> T + Send + 'static,
        T: ProcessResult,
        R: Message,
    {
        let pid = in_process("proc_lib::start");
        let make = |tag| {
            let answer = PhantomData;
            let parent = Parent { pid, tag, answer };
            Run::<F>::new(move || f(parent).into_reason())
        };
        self.begin(make, keeps_down)
    }

    /// Starts what `make` makes of the reference to tell by. The monitor stands if it has started.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn behaviour<B: Behaviour + Send>(
        self,
        make: impl FnOnce(Ref) -> B,
    ) -> Result<(Spawned, Ref), StartError> {
        let begun: Begun<()> = self.begin(make, false).map_err(StartError::Spawn)?;
        begun.started.map(|()| (begun.spawned, begun.monitor))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn begin<B: Behaviour + Send, R: Message>(
        self,
        make: impl FnOnce(Ref) -> B,
        keeps_down: bool,
    ) -> Result<Begun<R>, SpawnError> {
        assert!(
            !self.spawn.is_monitored(),
            "a start with a monitor among its spawn options"
        );
        let tag = alias(AliasMode::Reply);
        let spawn = self.spawn.monitor();
        let spawn = if self.links { spawn.link() } else { spawn };
        let spawned = spawn.behaviour(make(tag)).inspect_err(|_| {
            unalias(tag);
        })?;
        let (pid, Some(monitor)) = (spawned.pid, spawned.monitor) else {
            unreachable!("it was spawned with a monitor")
        };
        let (error, down) = match wait(tag, monitor, self.timeout) {
            Some(Told::Runs(answer)) => {
                let started = Ok(answer);
                return Ok(Begun {
                    spawned,
                    monitor,
                    started,
                });
            }
            Some(Told::Refused(refused)) => (refused.into(), down(monitor)),
            Some(Told::Ended(down)) => (StartError::Failed(down.reason.clone()), down),
            None => {
                // The order counts: its end must not be the caller's.
                unlink(pid);
                exit_signal(pid, ExitReason::Kill);
                unalias(tag);
                let down = down(monitor);
                let late = receive_ref(tag, Duration::ZERO, |ack: &Acked<R>| ack.tag == tag);
                drop(late);
                (StartError::Timeout, down)
            }
        };
        flush_exit(pid);
        if keeps_down {
            send(self_pid(), down);
        }
        Ok(Begun {
            spawned,
            monitor,
            started: Err(error),
        })
    }
}

/// Waits until the new process has told how its start went, or has ended.
#[cfg_attr(debug_assertions, track_caller)]
fn wait<R: Message>(tag: Ref, monitor: Ref, timeout: Option<Duration>) -> Option<Told<R>> {
    let message: AnyMessage = receive_ref(tag, timeout, |message: &AnyMessage| {
        let ack = message.downcast_ref::<Acked<R>>();
        let down = message.downcast_ref::<Down>();
        ack.is_some_and(|ack| ack.tag == tag) || down.is_some_and(|down| down.monitor == monitor)
    })?;
    Some(match message.downcast::<Acked<R>>() {
        Ok(ack) => match ack.started {
            Ok(answer) => Told::Runs(answer),
            Err(refused) => Told::Refused(refused),
        },
        Err(message) => match message.downcast::<Down>() {
            Ok(down) => {
                // It says nothing more.
                unalias(tag);
                Told::Ended(down)
            }
            Err(_) => unreachable!("one of the two was asked for"),
        },
    })
}

/// What a new process has told.
enum Told<R> {
    Runs(R),
    /// The process is about to end.
    Refused(Refused),
    /// The process has ended, and its monitor has fired.
    Ended(Down),
}

/// Waits until the process is dead.
#[cfg_attr(debug_assertions, track_caller)]
fn down(monitor: Ref) -> Down {
    let down = receive_where(None, |message| {
        let down = message.downcast_ref::<Down>();
        down.is_some_and(|down| down.monitor == monitor)
    });
    match down.map(AnyMessage::downcast) {
        Some(Ok(down)) => down,
        _ => unreachable!("a Down was waited for, for ever"),
    }
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
            StartError::Ignore => f.write_str("the process is not wanted"),
            StartError::AlreadyStarted(pid) => write!(f, "the name is taken by {pid}"),
            StartError::Timeout => f.write_str("the start took too long"),
            StartError::Failed(reason) => {
                write!(f, "the process did not start: {}", InWords(reason))
            }
            StartError::Spawn(error) => write!(f, "no process: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A reason; an error that a start fails with by itself, as that says it.
struct InWords<'r>(&'r ExitReason);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InWords(reason) = self;
        fn of<E: std::error::Error + 'static>(reason: &ExitReason) -> Option<&dyn fmt::Display> {
            reason.downcast_ref::<E>().map(|error| error as _)
        }
        let said = of::<SpecError>(reason)
            .or_else(|| of::<RegisterError>(reason))
            .or_else(|| of::<NameRefused>(reason))
            .or_else(|| of::<CallError>(reason))
            .or_else(|| of::<StartError>(reason));
        match said {
            Some(error) => error.fmt(f),
            None => reason.fmt(f),
        }
    }
}
