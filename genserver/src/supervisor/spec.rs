//! The specification of a child. Checked when a supervisor starts, when its code changes, and for each child that is
//! added.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use runtime::{ExitReason, Message, Pid};

use super::child::{Kind, Restart, Shutdown, Started, child_of, start_server};
use super::dynamic::{DynamicSupervisor, Template};
use super::flags::{AutoShutdown, Flags};
use crate::gen_server::{GenServer, Options, StartError};
use crate::proc_lib;

/// A supervisor's flags, and its children, in order: what its init function says.
pub type Supervised = (Flags, Vec<ChildSpec>);

/// What says a supervisor's flags and children: called at its start, and when its code changes. None: there is nothing
/// to supervise, or nothing changes. See [`start_link_with`](super::start_link_with).
pub type InitFunction = Box<dyn Fn() -> Result<Option<Supervised>, ExitReason> + Send>;

/// A start function: runs in the supervisor, and links what it starts.
pub(crate) type Start = Arc<dyn Fn() -> Started + Send + Sync>;

/// A child's specification. Mirrors `supervisor:child_spec/0`; the defaults are OTP's.
#[derive(Clone)]
pub struct ChildSpec {
    pub(crate) id: String,
    pub(crate) start: Start,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Option<Shutdown>,
    pub(crate) kind: Kind,
    pub(crate) significant: bool,
}

impl ChildSpec {
    /// A child that `start` starts, and links to its caller.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// use genserver::proc_lib::{self, Parent};
    ///
    /// let ready = ChildSpec::new("ready", || {
    ///     let (pid, ()) = proc_lib::start_link(|parent: Parent<()>| {
    ///         parent.init_ack(());
    ///         receive_type::<()>()
    ///     })?;
    ///     Ok(pid.into())
    /// });
    /// assert!(start_link(Flags::default(), vec![ready]).is_ok());
    /// # });
    /// ```
    pub fn new(
        id: impl Into<String>,
        start: impl Fn() -> Started + Send + Sync + 'static,
    ) -> ChildSpec {
        ChildSpec {
            id: id.into(),
            start: Arc::new(start),
            restart: Restart::default(),
            shutdown: None,
            kind: Kind::default(),
            significant: false,
        }
    }

    /// A gen_server, started with these arguments each time.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::supervisor::{ChildSpec, Flags, start_link};
    ///
    /// let counter = ChildSpec::server::<Counter>("counter", 40);
    /// let supervisor = start_link(Flags::default(), vec![counter]).unwrap();
    /// let pid = supervisor.which_child("counter").unwrap().pid().unwrap();
    /// assert_eq!(Server::<Counter>::of(pid).call(2), Ok(42));
    /// # });
    /// ```
    pub fn server<S>(id: impl Into<String>, args: S::Args) -> ChildSpec
    where
        S: GenServer,
        S::Args: Clone + Sync,
    {
        ChildSpec::new(id, move || start_server(Options::<S>::new(), args.clone()))
    }

    /// A gen_server of this name.
    ///
    /// ```
    #[doc = include_str!("../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::supervisor::{ChildSpec, Flags, start_link};
    ///
    /// let counter = ChildSpec::named_server::<Counter>("counter", 40);
    /// start_link(Flags::default(), vec![counter]).unwrap();
    /// assert_eq!(Server::<Counter>::of("counter").call(2), Ok(42));
    /// # });
    /// ```
    pub fn named_server<S>(name: impl Into<String>, args: S::Args) -> ChildSpec
    where
        S: GenServer,
        S::Args: Clone + Sync,
    {
        let name = name.into();
        let id = name.clone();
        ChildSpec::new(id, move || {
            start_server(Options::<S>::new().name(name.as_str()), args.clone())
        })
    }

    /// A supervisor of these children.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// # let worker = || ChildSpec::process("worker", || drop(receive_any()));
    /// let inner = ChildSpec::supervisor("inner", Flags::default(), vec![worker()]);
    /// let outer = start_link(Flags::default(), vec![inner]).unwrap();
    /// let inner = outer.which_child("inner").unwrap().pid().unwrap();
    /// assert_eq!(Supervisor::of(inner).count_children().unwrap().active, 1);
    /// # });
    /// ```
    pub fn supervisor(id: impl Into<String>, flags: Flags, children: Vec<ChildSpec>) -> ChildSpec {
        let start = move || {
            let supervisor = super::start_link(flags.clone(), children.clone())?;
            child_of(supervisor.server_ref())
        };
        ChildSpec::new(id, start).kind(Kind::Supervisor)
    }

    /// A dynamic supervisor.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any()));
    /// let inner = ChildSpec::dynamic_supervisor("inner", Flags::default(), template);
    /// let outer = start_link(Flags::default(), vec![inner]).unwrap();
    /// let inner = outer.which_child("inner").unwrap().pid().unwrap();
    /// assert!(DynamicSupervisor::<()>::of(inner).start_child(()).is_ok());
    /// # });
    /// ```
    pub fn dynamic_supervisor<A: Message + Sync>(
        id: impl Into<String>,
        flags: Flags,
        template: Template<A>,
    ) -> ChildSpec {
        let start = move || {
            let (flags, template) = (flags.clone(), template.clone());
            child_of(DynamicSupervisor::start_link(flags, template)?.server_ref())
        };
        ChildSpec::new(id, start).kind(Kind::Supervisor)
    }

    /// A dynamic supervisor of this name.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any()));
    /// let inner = ChildSpec::named_dynamic_supervisor("inner", Flags::default(), template);
    /// start_link(Flags::default(), vec![inner]).unwrap();
    /// assert!(DynamicSupervisor::<()>::of("inner").start_child(()).is_ok());
    /// # });
    /// ```
    pub fn named_dynamic_supervisor<A: Message + Sync>(
        name: impl Into<String>,
        flags: Flags,
        template: Template<A>,
    ) -> ChildSpec {
        let id = name.into();
        let name = id.clone();
        let start = move || {
            let (flags, template) = (flags.clone(), template.clone());
            let started = DynamicSupervisor::start_link_named(name.as_str(), flags, template)?;
            child_of(started.server_ref())
        };
        ChildSpec::new(id, start).kind(Kind::Supervisor)
    }

    /// A process that runs `f`.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let worker = ChildSpec::process("worker", || drop(receive_any()));
    /// assert!(start_link(Flags::default(), vec![worker]).is_ok());
    /// # });
    /// ```
    pub fn process(
        id: impl Into<String>,
        f: impl Fn() + Clone + Send + Sync + 'static,
    ) -> ChildSpec {
        ChildSpec::new(id, move || {
            let spawned = proc_lib::spawn_opt(runtime::Spawn::new().link(), f.clone());
            spawned
                .map(|spawned| spawned.pid.into())
                .map_err(StartError::Spawn)
        })
    }

    /// When it is restarted.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let spec = ChildSpec::process("worker", || drop(receive_any())).restart(Restart::Temporary);
    /// assert!(format!("{spec:?}").contains("restart: Temporary"));
    /// # });
    /// ```
    pub fn restart(mut self, restart: Restart) -> ChildSpec {
        self.restart = restart;
        self
    }

    /// How it is ended: within five seconds, if nothing is said; a supervisor without limit.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let spec = ChildSpec::process("worker", || drop(receive_any())).shutdown(Shutdown::BrutalKill);
    /// assert!(format!("{spec:?}").contains("shutdown: BrutalKill"));
    /// # });
    /// ```
    pub fn shutdown(mut self, shutdown: Shutdown) -> ChildSpec {
        self.shutdown = Some(shutdown);
        self
    }

    /// What it is.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let spec = ChildSpec::process("worker", || drop(receive_any())).kind(Kind::Supervisor);
    /// assert!(format!("{spec:?}").contains("kind: Supervisor"));
    /// # });
    /// ```
    pub fn kind(mut self, kind: Kind) -> ChildSpec {
        self.kind = kind;
        self
    }

    /// Its end counts for [`AutoShutdown`].
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let spec = ChildSpec::process("worker", || drop(receive_any())).significant(true);
    /// assert!(format!("{spec:?}").contains("significant: true"));
    /// # });
    /// ```
    pub fn significant(mut self, significant: bool) -> ChildSpec {
        self.significant = significant;
        self
    }

    /// Its name among its siblings.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// assert_eq!(ChildSpec::process("worker", || {}).id(), "worker");
    /// # });
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The partition of this number, which tells its pid at each start.
    pub(super) fn into_partition(
        mut self,
        number: usize,
        tells: impl Fn(Pid) + Send + Sync + 'static,
    ) -> ChildSpec {
        let start = self.start;
        self.id = number.to_string();
        self.start = Arc::new(move || {
            let child = start()?;
            tells(child.pid);
            Ok(child)
        });
        self
    }

    /// A temporary child is not started again: what its start function holds is let go.
    pub(super) fn forget_start(&mut self) {
        if self.restart == Restart::Temporary {
            self.start = Arc::new(|| Err(StartError::Ignore));
        }
    }

    pub(crate) fn how_to_end(&self) -> Shutdown {
        let default = match self.kind {
            Kind::Worker => Shutdown::default(),
            Kind::Supervisor => Shutdown::Infinity,
        };
        self.shutdown.unwrap_or(default)
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("id", &self.id)
            .field("restart", &self.restart)
            .field("shutdown", &self.how_to_end())
            .field("kind", &self.kind)
            .field("significant", &self.significant)
            .finish_non_exhaustive()
    }
}

/// Why specifications are refused. Mirrors the errors of `supervisor:check_childspecs/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// Two have this id.
    DuplicateId(String),
    /// A significant child is permanent, or its supervisor never ends by itself: `bad_combination`.
    BadCombination(String),
    /// The period is shorter than a millisecond.
    Period(Duration),
    /// The flags of a dynamic supervisor ask for what has no meaning there: a strategy other than one_for_one, or an
    /// auto_shutdown.
    Dynamic,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecError::DuplicateId(id) => write!(f, "two children have the id {id}"),
            SpecError::BadCombination(id) => write!(
                f,
                "the child {id} is significant: then it cannot be permanent, and its supervisor \
                 needs an auto_shutdown"
            ),
            SpecError::Period(period) => write!(f, "a period of {period:?} is too short"),
            SpecError::Dynamic => f.write_str(
                "a dynamic supervisor restarts each child alone, and never ends because of one",
            ),
        }
    }
}

impl std::error::Error for SpecError {}

/// The code of a supervisor cannot be changed to that: the reason why [`sys::change_code`] is refused by one that was
/// given a value of a type that says nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownChange;

impl fmt::Display for UnknownChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the code of a supervisor cannot be changed to a value of this type")
    }
}

impl std::error::Error for UnknownChange {}

/// Checks specifications. Mirrors `supervisor:check_childspecs/2`.
///
/// # Errors
///
/// See [`SpecError`].
///
/// ```
#[doc = include_str!("../../doc/supervisor.txt")]
/// # runtime::run(|| {
/// let worker = ChildSpec::process("worker", || {});
/// let twice = [worker.clone(), worker];
/// let checked = check_childspecs(&Flags::default(), &twice);
/// assert_eq!(checked, Err(SpecError::DuplicateId("worker".to_owned())));
/// # });
/// ```
pub fn check_childspecs(flags: &Flags, specs: &[ChildSpec]) -> Result<(), SpecError> {
    if flags.period < Duration::from_millis(1) {
        return Err(SpecError::Period(flags.period));
    }
    let mut ids = HashSet::with_capacity(specs.len());
    for spec in specs {
        check(flags, spec)?;
        if !ids.insert(&spec.id) {
            return Err(SpecError::DuplicateId(spec.id.clone()));
        }
    }
    Ok(())
}

pub(crate) fn check(flags: &Flags, spec: &ChildSpec) -> Result<(), SpecError> {
    let bad = spec.significant
        && (spec.restart == Restart::Permanent || flags.auto_shutdown == AutoShutdown::Never);
    if bad {
        return Err(SpecError::BadCombination(spec.id.clone()));
    }
    Ok(())
}
