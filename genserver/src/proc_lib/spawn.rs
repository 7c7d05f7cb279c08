//! Functions as processes of proc_lib's: with ancestors, an initial call, and a report if they crash.
//!
//! Invariant: nothing that the function fails with passes [`Run`] but fatal exits, which no report is made of.

use std::any::type_name;
use std::marker::PhantomData;
use std::sync::Arc;

use runtime::{
    Behaviour, Cx, ExitReason, Next, Pid, ProcessResult, Ref, Spawn, SpawnError, Spawned, Until,
    catch_all, enter, process_info,
};

use super::ancestors::{Line, inherit};
use super::crash::report_crash;

/// Runs a function, and reports its crash. Bears the function's type in its name, for
/// [`initial_call`].
pub(super) struct Run<F> {
    body: Option<Box<dyn FnOnce() -> ExitReason + Send>>,
    /// Taken over when it begins.
    line: Option<Arc<Line>>,
    function: PhantomData<fn() -> F>,
    /// Waits for a message first.
    hibernates: bool,
}

impl<F: 'static> Run<F> {
    pub(super) fn new(body: impl FnOnce() -> ExitReason + Send + 'static) -> Run<F> {
        Run {
            body: Some(Box::new(body)),
            line: Line::of_children(),
            function: PhantomData,
            hibernates: false,
        }
    }
}

impl<F: 'static> Behaviour for Run<F> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        let cause = cx.cause();
        // A waker that is called is no message; one that has come as well wakes it at once.
        if self.hibernates && (cause.start || cause.future) {
            return Next::Hibernate(Until::Forever);
        }
        if cause.start {
            inherit(self.line.take());
        }
        let Some(body) = self.body.take() else {
            return Next::Exit(ExitReason::Normal);
        };
        match catch_all(body) {
            Ok(ended) => {
                let reason = ended.unwrap_or_else(Into::into);
                report_crash(type_name::<F>(), &reason);
                Next::Exit(reason)
            }
            Err(next) => next,
        }
    }
}

/// Spawns a process that runs `f`. Mirrors `proc_lib:spawn/1`.
///
/// # Panics
///
/// When a limit is met; the message names it.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// let me = self_pid();
/// let pid = proc_lib::spawn(move || send(me, self_pid()));
/// assert_eq!(receive_type::<Pid>(), pid);
/// # });
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> Pid
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    spawned(spawn_opt(Spawn::new(), f)).pid
}

/// Spawns a process that runs `f`, linked to the caller. Mirrors `proc_lib:spawn_link/1`.
///
/// # Panics
///
/// When a limit is met, and outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// trap_exit(true);
/// let pid = proc_lib::spawn_link(|| exit(ExitReason::Shutdown));
/// receive! { Exit { from, reason, .. } => {
///     assert_eq!((from, reason), (Some(pid), ExitReason::Shutdown));
/// } }
/// # });
/// ```
#[track_caller]
pub fn spawn_link<F, T>(f: F) -> Pid
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    spawned(spawn_opt(Spawn::new().link(), f)).pid
}

/// Spawns a process that runs `f`, which the caller monitors. Mirrors the option `monitor` of
/// `proc_lib:spawn_opt/2`.
///
/// # Panics
///
/// When a limit is met, and outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// let (_, watch) = proc_lib::spawn_monitor(|| exit(ExitReason::Shutdown));
/// receive! { Down { monitor, reason, .. } if monitor == watch => {
///     assert_eq!(reason, ExitReason::Shutdown);
/// } }
/// # });
/// ```
#[track_caller]
pub fn spawn_monitor<F, T>(f: F) -> (Pid, Ref)
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    let spawned = spawned(spawn_opt(Spawn::new().monitor(), f));
    match spawned.monitor {
        Some(monitor) => (spawned.pid, monitor),
        None => unreachable!("it was spawned with a monitor"),
    }
}

/// Spawns a process that runs `f`, with options. Mirrors `proc_lib:spawn_opt/2`.
///
/// # Errors
///
/// [`SpawnError`] names the limit that was met.
///
/// ```
/// use genserver::proc_lib;
/// use runtime::prelude::*;
///
/// # runtime::run(|| {
/// let me = self_pid();
/// proc_lib::spawn_opt(Spawn::new().label("child"), move || {
///     send(me, proc_lib::ancestors());
/// })?;
/// receive! { ancestors: Vec<genserver::ServerRef> => assert_eq!(ancestors, [me.into()]) }
/// # Ok::<(), runtime::SpawnError>(()) }).unwrap();
/// ```
#[track_caller]
pub fn spawn_opt<F, T>(options: Spawn<'static>, f: F) -> Result<Spawned, SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    options.behaviour(Run::<F>::new(move || f().into_reason()))
}

#[track_caller]
fn spawned(spawned: Result<Spawned, SpawnError>) -> Spawned {
    match spawned {
        Ok(spawned) => spawned,
        Err(error) => panic!("cannot spawn: {error}"),
    }
}

/// Throws the calling process's stack away, and goes on as `continuation` when a message comes; a crash is still
/// reported. See [`runtime::hibernate`]. Mirrors `proc_lib:hibernate/3`.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// let me = self_pid();
/// let sleeper = proc_lib::spawn(move || {
///     proc_lib::hibernate(move || send(me, receive_type::<u32>() + 1));
/// });
/// send(sleeper, 41u32);
/// assert_eq!(receive_type::<u32>(), 42);
/// # });
/// ```
pub fn hibernate<F, T>(continuation: F) -> !
where
    F: FnOnce() -> T + Send + 'static,
    T: ProcessResult,
{
    enter(Box::new(Run::<F> {
        body: Some(Box::new(move || continuation().into_reason())),
        line: None,
        function: PhantomData,
        hibernates: true,
    }))
}

/// The function that a process began with, or last hibernated to, as Rust names its type; of a server the type
/// whose `init` it was; of a supervisor `supervisor`. `None` if the process was not started by proc_lib, or is not alive. A switch point.
///
/// Mirrors `proc_lib:initial_call/1` and `translate_initial_call/1`.
///
/// ```
#[doc = include_str!("../../doc/proc_lib.txt")]
/// # runtime::run(|| {
/// fn waits() {
///     receive_type::<()>();
/// }
///
/// let pid = proc_lib::spawn(waits);
/// assert!(proc_lib::initial_call(pid).unwrap().ends_with("waits"));
/// assert_eq!(proc_lib::initial_call(spawn!(waits)), None); // not of proc_lib
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn initial_call(pid: Pid) -> Option<&'static str> {
    let function = process_info(pid)?.function?;
    let ours = function.strip_prefix(concat!(env!("CARGO_PKG_NAME"), "::"))?;
    let inner = ours
        .strip_prefix("proc_lib::spawn::Run<")
        .or_else(|| ours.strip_prefix("gen_server::process::Process<"));
    Some(match inner {
        Some(inner) => inner.strip_suffix('>').unwrap_or(inner),
        None if ours.starts_with("supervisor::") => "supervisor",
        None => function,
    })
}
