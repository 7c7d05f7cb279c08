//! After `hibernate_SUITE`.

use runtime::prelude::*;
use runtime::{Look, Status, process_info};

use crate::expect::{down_of, message, nothing, until};

/// Hibernates and wakes many times: each message wakes it once and is still in the mailbox then;
/// what it was on the stack is gone, and so is the stack.
#[runtime::test]
fn basic() {
    fn woken(times: u32, root: Pid) {
        struct OnStack(Pid);
        impl Drop for OnStack {
            fn drop(&mut self) {
                send(self.0, "off the stack");
            }
        }
        let _gone = OnStack(root);
        match times {
            1000 => {}
            _ => runtime::hibernate(move || {
                assert_eq!(message::<u32>(), times);
                send(root, times);
                woken(times + 1, root)
            }),
        }
    }
    let root = self_pid();
    let (pid, ended) = spawn_monitor!(woken, 0, root);
    for n in 0..1000u32 {
        assert_eq!(message::<&str>(), "off the stack");
        if n % 100 == 0 {
            until("it hibernates", || {
                process_info(pid).is_some_and(|info| info.status == Status::Hibernated)
            });
            let look = Look::new().backtrace().at(pid).unwrap();
            assert!(look.stack_used.is_none() && look.backtrace.is_none());
        }
        send(pid, n);
        assert_eq!(message::<u32>(), n);
    }
    assert_eq!(message::<&str>(), "off the stack");
    assert_eq!(down_of(ended), ExitReason::Normal);
    nothing();
}

/// Who hibernates with a message queued wakes at once; the messages keep their order.
#[runtime::test]
fn messages_in_queue() {
    let root = self_pid();
    let pid = spawn!(move || {
        receive_type::<&str>();
        runtime::hibernate(move || {
            assert_eq!(message::<u32>(), 1);
            // Looked at and left counts as queued too.
            assert!(receive_where(crate::expect::NOW, |_| false).is_none());
            runtime::hibernate(move || {
                assert_eq!(message::<u32>(), 2);
                send(root, "awake");
            })
        })
    });
    send(pid, 1u32);
    send(pid, 2u32);
    send(pid, "go");
    assert_eq!(message::<&str>(), "awake");
}
