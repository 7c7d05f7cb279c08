//! The ends that a process chooses: `exit`, an error, a result; and what `run` makes of them.

mod expect;

use std::panic::{catch_unwind, panic_any};
use std::thread::panicking;
use std::time::Duration;

use expect::{OnDrop, end_of, message, panic_of, reports};
use runtime::exit_signal;
use runtime::prelude::*;

#[derive(Debug)]
struct Ready(Pid);

/// `exit` ends the process, runs its destructors, and is no panic.
#[runtime::test]
fn exit_unwinds() {
    reports::collect();
    let root = self_pid();
    let pid = spawn!(move || {
        let _last = OnDrop(move || send(root, Ready(self_pid())));
        exit(ExitReason::other("enough"));
    });
    assert_eq!(message::<Ready>().0, pid);
    end_of(pid);
    assert!(reports::find("runtime::process", &[&format!("pid={pid} ")]).is_none());
}

/// `exit` may be caught, as in Erlang; then the process goes on as if nothing had been.
#[runtime::test]
fn a_caught_exit() {
    for _ in 0..3 {
        let caught = catch_unwind(|| exit(ExitReason::Shutdown));
        assert!(caught.is_err());
        assert!(!panicking());
    }
    sleep(Duration::from_millis(1));
    yield_now();
    send(self_pid(), 1u8);
    assert_eq!(message::<u8>(), 1);
}

/// A process function may return an error, which is its exit reason.
#[runtime::test]
fn an_error_ends_the_process() {
    fn fails() -> Result<(), std::num::ParseIntError> {
        "x".parse::<u8>()?;
        unreachable!()
    }
    use runtime::ProcessResult;
    let error = "x".parse::<u8>().unwrap_err();
    assert_eq!(fails().into_reason(), ExitReason::from(error));
    assert_eq!(Ok::<(), ExitReason>(()).into_reason(), ExitReason::Normal);
    assert_eq!(
        Err::<(), _>(ExitReason::Shutdown).into_reason(),
        ExitReason::Shutdown
    );
    end_of(spawn!(fails));
}

/// Two reasons are equal if they say the same.
#[test]
fn reasons_compare() {
    assert_eq!(ExitReason::other(3), ExitReason::other(3));
    assert_ne!(ExitReason::other(3), ExitReason::other(4));
    assert_ne!(ExitReason::other(3u8), ExitReason::other(3u16));
    assert_ne!(ExitReason::other(3), ExitReason::shutdown_with(3));
    assert_ne!(ExitReason::Kill, ExitReason::Killed);
    assert_eq!(ExitReason::other(3).clone(), ExitReason::other(3));
    assert!(ExitReason::shutdown_with(3).is_orderly());
    assert!(!ExitReason::other(3).is_orderly());
}

mod roots {
    use super::*;

    fn node() -> Node {
        Builder::new().workers(1).start().unwrap()
    }

    /// `run` returns what its process returns.
    #[test]
    fn run_returns_the_result() {
        assert_eq!(runtime::run(|| vec![1, 2, 3]), [1, 2, 3]);
        assert_eq!(node().run(|| Err::<(), _>("no")), Err("no"));
    }

    /// `run` goes on with its process's panic, payload and all.
    #[test]
    fn run_panics_with_the_payload() {
        reports::collect();
        let panic = catch_unwind(|| node().run(|| panic_any(17u64))).unwrap_err();
        assert_eq!(panic.downcast_ref::<u64>(), Some(&17));
        let text = panic_of(|| runtime::run(|| panic!("of a root")));
        assert_eq!(text, "of a root");
    }

    /// `run` names the reason if its process exits.
    #[test]
    fn run_names_the_exit() {
        let text = panic_of(|| node().run(|| exit(ExitReason::other("enough"))));
        assert!(text.contains("\"enough\""), "{text}");
    }

    /// `run` names the reason if its process is ended by a signal.
    #[test]
    fn run_names_the_signal() {
        let text = panic_of(|| {
            node().run(|| {
                exit_signal(self_pid(), ExitReason::other("told so"));
                receive_any();
            })
        });
        assert!(text.contains("told so"), "{text}");
        let text = panic_of(|| {
            node().run(|| {
                exit_signal(self_pid(), ExitReason::Kill);
                receive_any();
            })
        });
        assert!(text.contains("killed"), "{text}");
    }

    /// A fatal signal decides the reason even if the function returns after swallowing it.
    #[test]
    fn a_swallowed_signal_decides() {
        let text = panic_of(|| {
            node().run(|| {
                exit_signal(self_pid(), ExitReason::other("told so"));
                let _ = catch_unwind(|| drop(receive_any()));
                5
            })
        });
        assert!(text.contains("told so"), "{text}");
    }

    /// `run` inside a process is refused: it would block the worker.
    #[runtime::test]
    fn run_inside_a_process() {
        let text = panic_of(|| runtime::run(|| ()));
        assert!(text.contains("spawn a process"), "{text}");
    }
}

/// `exit` in a destructor that runs while its process unwinds aborts the program, as a panic there does.
#[test]
fn an_exit_in_an_unwinding_destructor() {
    let end = expect::child::run("an_exit_in_an_unwinding_destructor", || {
        runtime::run(|| {
            let _last = OnDrop(|| exit(ExitReason::Shutdown));
            exit(ExitReason::other("first"))
        })
    });
    assert_eq!(end.signal, Some(libc::SIGABRT), "{}", end.errors);
}

/// An exit that would unwind through a frame of C's convention aborts the program.
#[test]
fn an_exit_through_a_foreign_frame() {
    extern "C" fn foreign() {
        receive_any();
    }
    let end = expect::child::run("an_exit_through_a_foreign_frame", || {
        runtime::run(|| {
            let pid = spawn!(|| foreign());
            yield_now();
            exit_signal(pid, ExitReason::Shutdown);
            end_of(pid);
        })
    });
    assert_eq!(end.signal, Some(libc::SIGABRT), "{}", end.errors);
}
