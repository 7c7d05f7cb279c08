//! What a supervisor is told: its flags, and the specifications of its children.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use runtime::{ExitReason, Pid, Term};

use crate::gen_server::{GenServer, Options, StartError};
use crate::proc_lib;

/// How children's ends concern each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Who ends is restarted, alone.
    #[default]
    OneForOne,
    /// All others are ended, and all restarted.
    OneForAll,
    /// Those started after it are ended, and restarted with it.
    RestForOne,
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

/// What a child is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It has no children.
    #[default]
    Worker,
    /// It is a supervisor.
    Supervisor,
}

/// When a supervisor ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoShutdown {
    /// Not because of its children's orderly ends.
    #[default]
    Never,
    /// When any significant child has ended, and is not restarted.
    AnySignificant,
    /// When the last significant child has.
    AllSignificant,
}

/// A supervisor's flags. Mirrors `supervisor:sup_flags/0`; the default is OTP's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// See [`Strategy`].
    pub strategy: Strategy,
    /// So many restarts within [`period`](Flags::period) are borne; one more ends the supervisor.
    pub intensity: u32,
    /// See [`intensity`](Flags::intensity).
    pub period: Duration,
    /// See [`AutoShutdown`].
    pub auto_shutdown: AutoShutdown,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags {
            strategy: Strategy::default(),
            intensity: 1,
            period: Duration::from_secs(5),
            auto_shutdown: AutoShutdown::default(),
        }
    }
}

impl Flags {
    /// With this strategy, otherwise the defaults.
    pub fn new(strategy: Strategy) -> Flags {
        Flags {
            strategy,
            ..Flags::default()
        }
    }

    /// See [`Flags::intensity`].
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Flags {
        self.intensity = restarts;
        self.period = period;
        self
    }

    /// See [`AutoShutdown`].
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Flags {
        self.auto_shutdown = auto_shutdown;
        self
    }
}

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
    pub fn server<S>(id: impl Into<String>, args: S::Args) -> ChildSpec
    where
        S: GenServer,
        S::Args: Clone + Sync,
    {
        ChildSpec::new(id, move || {
            let server = Options::<S>::new().start_link(args.clone())?;
            Ok(pid_of(&server.into()).into())
        })
    }

    /// A gen_server of this name.
    pub fn named_server<S>(name: impl Into<String>, args: S::Args) -> ChildSpec
    where
        S: GenServer,
        S::Args: Clone + Sync,
    {
        let name = name.into();
        let id = name.clone();
        ChildSpec::new(id, move || {
            let options = Options::<S>::new().name(name.as_str());
            let server = options.start_link(args.clone())?;
            Ok(pid_of(&server.into()).into())
        })
    }

    /// A process that runs `f`.
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
    pub fn restart(mut self, restart: Restart) -> ChildSpec {
        self.restart = restart;
        self
    }

    /// How it is ended: within five seconds, if nothing is said; a supervisor without limit.
    pub fn shutdown(mut self, shutdown: Shutdown) -> ChildSpec {
        self.shutdown = Some(shutdown);
        self
    }

    /// What it is.
    pub fn kind(mut self, kind: Kind) -> ChildSpec {
        self.kind = kind;
        self
    }

    /// Its end counts for [`AutoShutdown`].
    pub fn significant(mut self, significant: bool) -> ChildSpec {
        self.significant = significant;
        self
    }

    /// Its name among its siblings.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn how_to_end(&self) -> Shutdown {
        let default = match self.kind {
            Kind::Worker => Shutdown::Within(Duration::from_secs(5)),
            Kind::Supervisor => Shutdown::Infinity,
        };
        self.shutdown.unwrap_or(default)
    }
}

fn pid_of(server: &runtime::request::ServerRef) -> Pid {
    match server {
        runtime::request::ServerRef::Pid(pid) => *pid,
        _ => unreachable!("a server is started as a pid"),
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
        }
    }
}

impl std::error::Error for SpecError {}

/// Checks specifications. Mirrors `supervisor:check_childspecs/2`.
///
/// # Errors
///
/// See [`SpecError`].
pub fn check_childspecs(flags: &Flags, specs: &[ChildSpec]) -> Result<(), SpecError> {
    if flags.period < Duration::from_millis(1) {
        return Err(SpecError::Period(flags.period));
    }
    for (at, spec) in specs.iter().enumerate() {
        check(flags, spec)?;
        if specs[..at].iter().any(|other| other.id == spec.id) {
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

/// Whether a transient child has ended as it may.
pub(crate) fn is_orderly(reason: &ExitReason) -> bool {
    matches!(
        reason,
        ExitReason::Normal | ExitReason::Shutdown | ExitReason::ShutdownWith(_)
    )
}
