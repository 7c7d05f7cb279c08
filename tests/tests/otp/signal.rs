//! After `signal_SUITE`. A mailbox here has one kind of storage, whose parts a message moves
//! between: what was sent, what was taken in, what was looked at and left. The cases that switch
//! the storage (`parallel_*`, `move_msgs_*`) make messages move between those.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runtime::prelude::*;

use crate::expect::{LONG, NOW, down_of, exit_of, message, nothing};

/// A message, and then an exit signal, from one sender: they arrive in that order.
#[runtime::test]
fn xm_sig_order() {
    let me = self_pid();
    trap_exit(true);
    for n in 0..1000u32 {
        let sender = spawn!(move || {
            send(me, n);
            exit_signal(me, ExitReason::other(n));
        });
        let Some(first) = receive_timeout(LONG) else {
            panic!("nothing came");
        };
        assert_eq!(first.downcast::<u32>().unwrap(), n);
        assert_eq!(exit_of(sender), ExitReason::other(n));
    }
}

/// Who links again to one that has unlinked it and ends is told `NoProc`, never the old reason.
#[runtime::test]
fn unlink_exit() {
    trap_exit(true);
    let me = self_pid();
    for _ in 0..1000 {
        let other = spawn_link!(move || {
            unlink(me);
            send(me, "unlinked");
            exit(ExitReason::other("old"))
        });
        receive! { "unlinked" : &str => {} }
        link(other);
        assert_eq!(exit_of(other), ExitReason::NoProc);
        nothing();
    }
}

/// What a process sends before it ends arrives before its `Down`, whoever else sends meanwhile.
#[runtime::test]
fn monitor_order() {
    order(|child| child.into());
}

/// As `monitor_order`, by name.
#[runtime::test]
fn monitor_named_order_local() {
    order(|child| {
        register("sender", child).unwrap();
        "sender".into()
    });
}

fn order(named: impl Fn(Pid) -> runtime::Monitored) {
    let me = self_pid();
    let noise = spawn!(move || loop {
        send(me, 0u64);
        yield_now();
    });
    for _ in 0..500 {
        let child = spawn!(move || {
            receive_type::<&str>();
            (0..10u32).for_each(|n| send(me, n));
        });
        let watched = monitor(named(child));
        send(child, "go");
        let mut next = 0;
        loop {
            receive! {
                n: u32 => {
                    assert_eq!(n, next);
                    next += 1;
                }
                Down { monitor, .. } if monitor == watched => break,
                _: u64 => {}
            }
        }
        assert_eq!(next, 10, "the Down overtook a message");
    }
    exit_signal(noise, ExitReason::Kill);
}

/// Many send to one mailbox: nothing is lost, and each sender's messages keep their order.
#[runtime::test]
fn parallel_signal_enqueue_race_1() {
    race(false);
}

/// As before, while the receiver moves messages about: it leaves some, hibernates, goes back to
/// them.
#[runtime::test]
fn parallel_signal_enqueue_race_2() {
    race(true);
}

fn race(moves: bool) {
    const SENDERS: u32 = 50;
    const EACH: u32 = 200;
    let (collector, ended) = spawn_monitor!(move || collect(vec![0; SENDERS as usize], moves));
    for sender in 0..SENDERS {
        spawn!(move || {
            for n in 0..EACH {
                send(collector, (sender, n));
                if n % 16 == 0 {
                    yield_now();
                }
            }
        });
    }
    assert_eq!(down_of(ended), ExitReason::Normal);

    fn collect(mut next: Vec<u32>, moves: bool) {
        loop {
            if next.iter().all(|&n| n == EACH) {
                return;
            }
            if moves && next.iter().sum::<u32>() % 64 == 0 {
                // Looks at all, takes the newest of nobody, and sleeps without a stack.
                assert!(receive_where(NOW, |_| false).is_none());
                let (sender, n) = message::<(u32, u32)>();
                next[sender as usize] += 1;
                assert_eq!(next[sender as usize], n + 1);
                if next.iter().all(|&n| n == EACH) {
                    return;
                }
                runtime::hibernate(move || collect(next, moves));
            }
            let (sender, n) = message::<(u32, u32)>();
            assert_eq!(next[sender as usize], n, "out of order");
            next[sender as usize] += 1;
        }
    }
}

/// Messages that were left, and are moved by a hibernation, keep order and content.
#[runtime::test]
fn move_msgs_off_heap_signal_basic() {
    let me = self_pid();
    let mover = spawn!(move || {
        receive_type::<&str>();
        runtime::hibernate(move || {
            for n in 0..1000u32 {
                assert_eq!(message::<(u32, String)>(), (n, n.to_string()));
            }
            send(me, "all there");
        })
    });
    for n in 0..1000u32 {
        send(mover, (n, n.to_string()));
    }
    send(mover, "go");
    assert_eq!(message::<&str>(), "all there");
}

/// The same while more are being sent and received.
#[runtime::test]
fn move_msgs_off_heap_signal_recv() {
    fn take(from: u32, root: Pid) {
        for n in from..from + 10 {
            assert_eq!(message::<u32>(), n);
        }
        match from {
            990 => send(root, "all there"),
            _ => {
                assert!(receive_where(NOW, |_| false).is_none());
                runtime::hibernate(move || take(from + 10, root))
            }
        }
    }
    let mover = spawn!(take, 0, self_pid());
    for n in 0..1000u32 {
        send(mover, n);
        if n % 7 == 0 {
            yield_now();
        }
    }
    assert_eq!(message::<&str>(), "all there");
}

/// The same while the receiver ends: each message is dropped, once.
#[runtime::test]
fn move_msgs_off_heap_signal_exit() {
    #[derive(Debug)]
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    for round in 0..100 {
        let (mover, watched) = spawn_monitor!(|| {
            receive_type::<&str>();
            runtime::hibernate(|| drop(receive_where(LONG, |_| false)))
        });
        for n in 0..100 {
            if n == round {
                send(mover, "go");
            }
            if n == 2 * round {
                exit_signal(mover, ExitReason::Kill);
            }
            send(mover, Counted(Arc::clone(&dropped)));
        }
        exit_signal(mover, ExitReason::Kill);
        assert_eq!(down_of(watched), ExitReason::Killed);
    }
    assert_eq!(dropped.load(Ordering::Acquire), 100 * 100);
}
