//! Ways in from outside, where the root process does not return.

mod expect;

use std::process::ExitCode;

use expect::{child, message, panic_of};
use runtime::__rt;
use runtime::prelude::*;

/// A main that hibernates goes on: the program ends when the continuation does, with success if
/// that was in order.
#[test]
fn a_main_that_hibernates() {
    let end = child::run("a_main_that_hibernates", || {
        let code = __rt::main(Builder::new().workers(2), || -> () {
            let root = self_pid();
            spawn!(move || send(root, 7u32));
            hibernate(move || {
                assert_eq!(message::<u32>(), 7);
                send(root, "again");
                hibernate(|| {
                    assert_eq!(message::<&str>(), "again");
                    eprintln!("to the end");
                })
            })
        });
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    });
    end.is_well();
    assert!(end.errors.contains("to the end"), "{}", end.errors);
}

/// The reason with which a main that hibernated ends decides the exit code.
#[test]
fn a_main_that_hibernates_and_fails() {
    let end = child::run("a_main_that_hibernates_and_fails", || {
        let code = __rt::main(Builder::new().workers(2), || -> () {
            send(self_pid(), ());
            hibernate(|| exit(ExitReason::other("enough")))
        });
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    });
    end.is_well();
}

/// A signal that ends the main at rest decides the exit code too.
#[test]
fn a_main_that_is_ended_at_rest() {
    let end = child::run("a_main_that_is_ended_at_rest", || {
        let code = __rt::main(Builder::new().workers(1), || -> () {
            let root = self_pid();
            spawn!(move || runtime::exit_signal(root, ExitReason::Shutdown));
            hibernate(|| unreachable!("no message came"))
        });
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    });
    end.is_well();
}

/// `run` says that a process which comes to rest gives it no result; the process goes on.
#[test]
fn a_run_that_hibernates() {
    let node = Builder::new().workers(1).start().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let text = panic_of(|| {
        node.run(move || -> u32 {
            sender.send(self_pid()).unwrap();
            hibernate(move || {
                let to: Pid = receive_type();
                send(to, "gone on");
            })
        })
    });
    assert!(text.contains("has come to rest"), "{text}");
    let pid = receiver.recv().unwrap();
    node.run(move || {
        send(pid, self_pid());
        assert_eq!(message::<&str>(), "gone on");
    });
}

/// So does a test.
#[runtime::test]
#[should_panic(expected = "has come to rest")]
fn a_test_that_hibernates() {
    hibernate(|| {})
}
