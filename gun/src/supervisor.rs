//! The supervisors that connections, and the managers of pools, stand under: one of each for a node, `gun_sup` and
//! `gun_pools_sup`, after Gun's.
//!
//! Each is started by the first child that wants it, and again if somebody has ended it. Connections are not
//! restarted: one that ends has had its retries.

use genserver::supervisor::{ChildError, DynamicSupervisor, Flags, Restart, Template};
use genserver::{Never, StartError};
use runtime::request::Failure;
use runtime::{
    Down, ExitReason, Message, Pid, Ref, Spawn, SpawnError, demonitor_flush, hibernate, make_ref,
    monitor, receive, receive_type, self_pid, send,
};

use crate::connect::Target;
use crate::connection;
use crate::error::OpenError;
use crate::options::{Hop, Opts};

/// A connection to be.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) owner: Pid,
    pub(crate) target: Target,
    pub(crate) hop: Hop,
    pub(crate) opts: Opts,
}

impl Opening {
    /// Starts the connection with these options.
    pub(crate) fn spawn(self, options: Spawn<'_>) -> Result<Pid, SpawnError> {
        let Opening {
            owner,
            target,
            hop,
            opts,
        } = self;
        let running = connection::run(owner, target, hop, opts);
        Ok(options.label("gun").future(running)?.pid)
    }
}

/// Starts a connection under its supervisor.
pub(crate) fn open(opening: &Opening) -> Result<Pid, OpenError> {
    let template = || {
        let start = |opening: &Opening| {
            let spawned = opening.clone().spawn(Spawn::new().link());
            spawned.map(Into::into).map_err(StartError::Spawn)
        };
        Template::new(start).restart(Restart::Temporary)
    };
    start_child("gun_sup", template, opening).map_err(|refused| match refused {
        Refused::Spawn(error) => OpenError::Spawn(error),
        Refused::Failed(reason) => OpenError::Supervisor(reason),
        Refused::AlreadyStarted(_) => OpenError::Supervisor(ExitReason::Normal),
    })
}

/// Why a child was not started.
#[derive(Debug)]
pub(crate) enum Refused {
    AlreadyStarted(Pid),
    Spawn(SpawnError),
    Failed(ExitReason),
}

impl From<StartError> for Refused {
    fn from(error: StartError) -> Refused {
        match error {
            StartError::AlreadyStarted(pid) => Refused::AlreadyStarted(pid),
            StartError::Spawn(error) => Refused::Spawn(error),
            StartError::Failed(reason) => Refused::Failed(reason),
            // Nothing here refuses to start, or is given a time.
            _ => Refused::Failed(ExitReason::Normal),
        }
    }
}

/// Starts a child under the supervisor of this name, and the supervisor if there is none.
pub(crate) fn start_child<A>(
    name: &'static str,
    template: impl Fn() -> Template<A>,
    args: &A,
) -> Result<Pid, Refused>
where
    A: Message + Clone + Sync,
{
    let supervisor = DynamicSupervisor::of(name);
    loop {
        return match supervisor.start_child(args.clone()) {
            Ok(Some(child)) => Ok(child.pid),
            Ok(None) => Err(Refused::Failed(ExitReason::Normal)),
            Err(ChildError::Call(error)) if error.failure == Failure::NoProc => {
                start(name, template())?;
                continue;
            }
            Err(ChildError::AlreadyStarted(pid)) => Err(Refused::AlreadyStarted(pid)),
            Err(ChildError::Failed(reason)) => Err(Refused::Failed(reason)),
            Err(error) => Err(Refused::Failed(ExitReason::other(error))),
        };
    }
}

/// Has a supervisor started, by a process that has nothing else to do than to be its parent.
fn start<A>(name: &'static str, template: Template<A>) -> Result<(), Refused>
where
    A: Message + Clone + Sync,
{
    let tag = make_ref();
    let me = self_pid();
    let parent = Spawn::new().label(name).spawn(move || {
        let started = DynamicSupervisor::start_link_named(name, Flags::default(), template);
        let started = match started {
            Ok(_) => Ok(true),
            // Somebody else was faster.
            Err(StartError::AlreadyStarted(_)) => Ok(false),
            Err(error) => Err(Refused::from(error)),
        };
        let stays = matches!(started, Ok(true));
        let started = started.map(drop);
        send(me, Parent { tag, started });
        if stays {
            hibernate(|| match receive_type::<Never>() {});
        }
    });
    let watch = monitor(parent.map_err(Refused::Spawn)?.pid);
    let started = receive! {
        Parent { tag: of, started } if of == tag => started,
        Down { monitor, reason, .. } if monitor == watch => Err(Refused::Failed(reason)),
    };
    demonitor_flush(watch);
    started
}

/// What a supervisor's parent says of it.
#[derive(Debug)]
struct Parent {
    tag: Ref,
    started: Result<(), Refused>,
}
