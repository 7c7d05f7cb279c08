//! The supervisor that connections stand under, one for each node: `gun_sup`, after Gun's `gun_conns_sup`.
//!
//! It is started by the first connection that wants it, and again if somebody has ended it. Its children are not
//! restarted: a connection that ends has had its retries.

use genserver::StartError;
use genserver::supervisor::{ChildError, DynamicSupervisor, Flags, Restart, Template};
use runtime::request::Failure;
use runtime::{
    Down, ExitReason, Pid, Ref, Spawn, SpawnError, demonitor_flush, hibernate, make_ref, monitor,
    receive, receive_type, self_pid, send,
};

use crate::connect::Target;
use crate::connection;
use crate::error::OpenError;
use crate::options::{Hop, Opts};

const NAME: &str = "gun_sup";

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

/// Starts a connection under the supervisor.
pub(crate) fn open(opening: &Opening) -> Result<Pid, OpenError> {
    let supervisor = DynamicSupervisor::of(NAME);
    loop {
        let error = match supervisor.start_child(opening.clone()) {
            Ok(Some(child)) => return Ok(child.pid),
            // A connection never refuses to start.
            Ok(None) => ExitReason::Normal,
            Err(ChildError::Call(error)) if error.failure == Failure::NoProc => {
                start()?;
                continue;
            }
            Err(ChildError::Failed(reason)) => reason,
            Err(error) => ExitReason::other(error),
        };
        return Err(OpenError::Supervisor(error));
    }
}

/// Has a supervisor started, by a process that has nothing else to do than to be its parent.
fn start() -> Result<(), OpenError> {
    let tag = make_ref();
    let me = self_pid();
    let parent = Spawn::new().label("gun_sup's parent").spawn(move || {
        let template = Template::new(|opening: &Opening| {
            let spawned = opening.clone().spawn(Spawn::new().link());
            spawned.map(Into::into).map_err(StartError::Spawn)
        });
        let template = template.restart(Restart::Temporary);
        let started = DynamicSupervisor::start_link_named(NAME, Flags::default(), template);
        // It may be there by now: somebody else was faster.
        let started = match started {
            Ok(_) => Ok(true),
            Err(StartError::AlreadyStarted(_)) => Ok(false),
            Err(StartError::Spawn(error)) => Err(OpenError::Spawn(error)),
            Err(StartError::Failed(reason)) => Err(OpenError::Supervisor(reason)),
            // It takes part in its start, and nobody has given it a time.
            Err(_) => Err(OpenError::Supervisor(ExitReason::Normal)),
        };
        let stays = matches!(started, Ok(true));
        send(
            me,
            Parent {
                tag,
                started: started.map(drop),
            },
        );
        if stays {
            hibernate(|| match receive_type::<Never>() {});
        }
    });
    let watch = monitor(parent.map_err(OpenError::Spawn)?.pid);
    let started = receive! {
        Parent { tag: of, started } if of == tag => started,
        Down { monitor, reason, .. } if monitor == watch => Err(OpenError::Supervisor(reason)),
    };
    demonitor_flush(watch);
    started
}

/// What the supervisor's parent says of it.
#[derive(Debug)]
struct Parent {
    tag: Ref,
    started: Result<(), OpenError>,
}

/// What is never sent.
#[derive(Debug)]
enum Never {}
