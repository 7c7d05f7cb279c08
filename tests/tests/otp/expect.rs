//! What the cases expect of the processes that they spawn. Whatever must happen is waited for until [`LONG`] has
//! passed, which fails the case; so none depends on how fast the machine is.

use std::time::Duration;

use runtime::prelude::*;
use runtime::{Monitored, TaggedDown};

#[path = "../../../runtime/tests/expect/reports.rs"]
pub mod reports;

/// What takes longer will never come.
pub const LONG: Duration = Duration::from_secs(120);
/// Looks once and does not wait.
pub const NOW: Duration = Duration::ZERO;

/// The body of a process that ends with the reason that it is sent.
pub fn ends_on_demand() {
    let reason: ExitReason = receive_type();
    exit(reason)
}

/// The reason in the `Down` of a monitor, which must come.
#[track_caller]
pub fn down_of(watched: Ref) -> ExitReason {
    receive! {
        Down { monitor, reason, .. } if monitor == watched => reason,
        after LONG => panic!("no Down of {watched}"),
    }
}

/// The object and the reason in the `Down` of a monitor.
#[track_caller]
pub fn object_of(watched: Ref) -> (Monitored, ExitReason) {
    receive! {
        Down { monitor, object, reason, .. } if monitor == watched => (object, reason),
        after LONG => panic!("no Down of {watched}"),
    }
}

/// The `TaggedDown` of a monitor, which must come.
#[track_caller]
pub fn tagged_down_of(watched: Ref) -> TaggedDown {
    receive! {
        tagged @ TaggedDown { .. } if tagged.down.monitor == watched => tagged,
        after LONG => panic!("no TaggedDown of {watched}"),
    }
}

/// The reason in the `Exit` of a process, which must come.
#[track_caller]
pub fn exit_of(pid: Pid) -> ExitReason {
    receive! {
        Exit { from, reason, .. } if from == Some(pid) => reason,
        after LONG => panic!("no Exit of {pid}"),
    }
}

/// The message of this type that must come.
#[track_caller]
pub fn message<T: Message>() -> T {
    match receive_where(LONG, AnyMessage::is::<T>).map(AnyMessage::downcast) {
        Some(Ok(message)) => message,
        _ => panic!("no {} came", std::any::type_name::<T>()),
    }
}

/// Checks that the mailbox holds nothing.
#[track_caller]
pub fn nothing() {
    if let Some(message) = receive_timeout(NOW) {
        panic!("{message:?} came");
    }
}

/// Waits until the process has ended.
#[track_caller]
pub fn end_of(pid: Pid) {
    down_of(monitor(pid));
}

/// A process that has ended, with `Normal`.
pub fn dead() -> Pid {
    let (pid, watched) = spawn_monitor!(|| {});
    assert_eq!(down_of(watched), ExitReason::Normal);
    pid
}

/// Waits until it is so.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + LONG;
    while !so() {
        assert!(std::time::Instant::now() < deadline, "not in time: {what}");
        yield_now();
    }
}
