//! The operating system's signals, awaited and as messages.

mod expect;

use std::io::ErrorKind;

use expect::{end_of, message};
use futures_util::StreamExt;
use runtime::prelude::*;
use runtime::{OsSignal, Status, block_on, os_signal, os_signal_messages};

/// Sends this program a signal.
fn raise(signal: OsSignal) {
    // SAFETY: sends a signal that is handled.
    let raised = unsafe { libc::kill(libc::getpid(), signal.number()) };
    assert_eq!(raised, 0);
}

/// One that has come is there at once, another is waited for, by blocking and in a future; the process
/// can be killed meanwhile.
#[runtime::test]
fn awaited() {
    let mut signals = os_signal(OsSignal::User1).expect("it can be handled");
    raise(OsSignal::User1);
    signals.wait().expect("it comes");
    let parent = self_pid();
    let (waiter, monitor) = spawn_monitor!(move || {
        signals.wait().expect("it comes");
        send(parent, "woken");
        let signal = block_on(signals.next());
        assert!(matches!(signal, Some(Ok(OsSignal::User1))));
        send(parent, "woken");
        block_on(signals.next());
    });
    for _ in 0..2 {
        expect::until("it waits", || {
            runtime::process_info(waiter).is_some_and(|info| info.status == Status::Waiting)
        });
        raise(OsSignal::User1);
        assert_eq!(message::<&str>(), "woken");
    }
    exit_signal(waiter, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
}

/// As messages, to each process that asked; the messenger ends with it.
#[runtime::test]
fn as_messages() {
    let parent = self_pid();
    let other = spawn!(move || {
        let messenger = os_signal_messages(OsSignal::User2).expect("it can be handled");
        send(parent, messenger);
        let signal: OsSignal = receive_type();
        send(parent, signal);
    });
    let messenger: Pid = message();
    let own = os_signal_messages(OsSignal::User2).expect("it can be handled");
    raise(OsSignal::User2);
    for _ in 0..2 {
        assert_eq!(message::<OsSignal>(), OsSignal::User2);
    }
    end_of(other);
    end_of(messenger);
    exit_signal(own, ExitReason::Shutdown);
}

/// What cannot be handled is refused.
#[runtime::test]
fn what_cannot_be_handled() {
    for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, 0, -1, 4711] {
        let error = os_signal(OsSignal::Number(number)).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}");
    }
}
