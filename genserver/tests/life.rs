//! Servers at the edges of their lives: what never ends by itself.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::gen_server::start;
use genserver::{Action, Called, Done, From, GenServer, Init, Never};
use runtime::prelude::*;
use runtime::{Builder, Until};

/// What takes longer will never come.
const LONG: Duration = Duration::from_secs(120);

#[track_caller]
fn down_of(watched: Ref) -> ExitReason {
    receive! {
        Down { monitor, reason, .. } if monitor == watched => reason,
        after LONG => panic!("no Down of {watched}"),
    }
}

/// Each callback of its wants to be called again at once.
struct Endless {
    by_continue: bool,
    left: Arc<AtomicU32>,
}

impl Endless {
    fn again(&self) -> Action<()> {
        match self.by_continue {
            true => Action::Continue(()),
            false => Action::TimeoutMsg(Until::After(Duration::ZERO), AnyMessage::new(())),
        }
    }

    fn step(&self) -> Result<Done<()>, ExitReason> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            1 => Ok(Done::Stop(ExitReason::Normal)),
            _ => Ok(Done::Go(self.again())),
        }
    }
}

impl GenServer for Endless {
    type Args = (bool, Arc<AtomicU32>);
    type Call = Never;
    type Reply = ();
    type Cast = Never;
    type Continue = ();

    fn init((by_continue, left): Self::Args) -> Result<Init<Self, ()>, ExitReason> {
        let state = Endless { by_continue, left };
        let action = state.again();
        Ok(Init::Ok(state, action))
    }

    fn handle_call(&mut self, never: Never, _: From<()>) -> Result<Called<(), ()>, ExitReason> {
        match never {}
    }

    fn handle_continue(&mut self, (): ()) -> Result<Done<()>, ExitReason> {
        self.step()
    }

    fn handle_info(&mut self, _: AnyMessage) -> Result<Done<()>, ExitReason> {
        self.step()
    }
}

/// A server that never waits, as each callback continues or has a time-out of zero, keeps neither others from running
/// nor its own end from coming.
#[test]
fn a_server_that_never_waits() {
    for by_continue in [true, false] {
        let node = Builder::new().workers(1).max_spares(0).start();
        node.expect("a node").run(move || {
            let left = Arc::new(AtomicU32::new(1_000_000));
            let server = start::<Endless>((by_continue, Arc::clone(&left))).expect("starts");
            let watch = monitor(server.whereis().expect("it lives"));
            exit_signal(server.whereis().expect("it lives"), ExitReason::Kill);
            assert_eq!(down_of(watch), ExitReason::Killed);
            assert!(left.load(Ordering::SeqCst) > 0);
        });
    }
}
