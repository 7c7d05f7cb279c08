//! Starting a supervisor: its children, and its name.

use std::any::type_name;

use runtime::ExitReason;
use runtime::request::ServerRef;

use super::flags::Flags;
use super::handle::Supervisor;
use super::life;
use super::process::Process;
use super::spec::{ChildSpec, InitFunction, Supervised};
use crate::proc_lib::StartError;

/// How a supervisor is started.
#[derive(Debug, Default)]
pub struct SupervisorOptions {
    name: Option<ServerRef>,
}

/// Starts a supervisor of these children, linked to the caller, its parent. Returns when all have started. Mirrors
/// `supervisor:start_link/2`.
///
/// # Errors
///
/// The specifications are refused, with a [`SpecError`](super::SpecError) for the reason; or a child did not start: then
/// those that had are ended, and the reason is a shutdown with [`FailedToStartChild`](super::FailedToStartChild). Unless
/// the caller traps exits it ends too, with the same reason.
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/supervisor.txt")]
/// # runtime::run(|| {
/// let worker = || ChildSpec::process("worker", || drop(receive_any()));
/// let supervisor = start_link(Flags::default(), vec![worker()]).unwrap();
/// assert_eq!(supervisor.count_children().unwrap().active, 1);
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_link(flags: Flags, children: Vec<ChildSpec>) -> Result<Supervisor, StartError> {
    SupervisorOptions::default().start_link(flags, children)
}

/// As [`start_link`](fn@start_link), with what `init` says; with None there is nothing to supervise. The supervisor calls it at its start, and again when
/// [`sys::change_code`] tells it to: then flags are replaced, specifications too, by their ids, and processes
/// stay; new children are not started, nor children ended that are no longer named. With None nothing changes; what
/// fails, panics or says what is not in order leaves all as it was, and is the error. Mirrors a callback module's
/// `init/1`, and the supervisor's `code_change`.
///
/// The code is changed to an [`InitFunction`], or to a [`Supervised`]: what that would say always.
/// It takes the place of `init`. With `()` the one that is there is asked again. Anything else is refused, with an
/// [`UnknownChange`](super::UnknownChange) for the reason.
///
/// ```
/// use genserver::supervisor::{ChildSpec, Flags, Supervised, start_link_with};
///
/// # runtime::run(|| {
/// let supervisor = start_link_with(|| {
///     let sleeper = ChildSpec::process("sleeper", || drop(runtime::receive_any()));
///     Ok(Some((Flags::default(), vec![sleeper])))
/// })
/// .unwrap();
/// sys::suspend(&supervisor).unwrap();
/// // What a new init would say.
/// let new: Supervised = (Flags::default(), vec![]);
/// assert_eq!(sys::change_code(&supervisor, new), Ok(()));
/// sys::resume(&supervisor).unwrap();
/// assert!(supervisor.which_child("sleeper").unwrap().pid().is_some());
/// # });
/// ```
///
/// # Errors
///
/// As [`start_link`](fn@start_link); `init` ignores, fails or panics.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn start_link_with<F>(init: F) -> Result<Supervisor, StartError>
where
    F: Fn() -> Result<Option<Supervised>, ExitReason> + Send + 'static,
{
    SupervisorOptions::default().start_link_with(init)
}

impl SupervisorOptions {
    /// No options.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let supervisor = SupervisorOptions::new().start_link(Flags::default(), vec![worker()]);
    /// assert!(supervisor.is_ok());
    /// # });
    /// ```
    pub fn new() -> SupervisorOptions {
        SupervisorOptions::default()
    }

    /// Registers the supervisor under a name. With a pid, or a name on a node, the start panics.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let options = SupervisorOptions::new().name("root");
    /// let root = options.start_link(Flags::default(), vec![]).unwrap();
    /// assert_eq!(whereis("root"), root.whereis());
    /// # });
    /// ```
    pub fn name(mut self, name: impl Into<ServerRef>) -> SupervisorOptions {
        self.name = Some(name.into());
        self
    }

    /// See [`start_link`](fn@start_link).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let options = SupervisorOptions::new().name("root");
    /// options.start_link(Flags::default(), vec![worker()]).unwrap();
    /// assert!(Supervisor::of("root").which_child("worker").unwrap().pid().is_some());
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link(
        self,
        flags: Flags,
        children: Vec<ChildSpec>,
    ) -> Result<Supervisor, StartError> {
        let init = move || Ok(Some((flags.clone(), children.clone())));
        self.start("supervisor", Box::new(init))
    }

    /// See [`start_link_with`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let started = SupervisorOptions::new().name("root").start_link_with(|| Ok(None));
    /// assert!(matches!(started, Err(StartError::Ignore)));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link_with<F>(self, init: F) -> Result<Supervisor, StartError>
    where
        F: Fn() -> Result<Option<Supervised>, ExitReason> + Send + 'static,
    {
        self.start(type_name::<F>(), Box::new(init))
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn start(self, module: &'static str, init: InitFunction) -> Result<Supervisor, StartError> {
        let pid = life::start_link(self.name, module, |parent, reporter, boot| {
            Process::booting(parent, init, reporter, boot)
        })?;
        Ok(Supervisor::of(pid))
    }
}
