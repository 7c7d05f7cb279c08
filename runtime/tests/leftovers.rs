//! What a process leaves behind: its messages, its state, what is still sent to it.

mod expect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use expect::{Census, LONG, OnDrop, echo, end_of, is_well, message, nothing, reports, until};
use runtime::exit_signal;
use runtime::prelude::*;

#[derive(Debug)]
struct Ready(Pid);

/// Messages left at the end are dropped in the process's own context, each panic caught; what
/// their destructors send arrives.
#[runtime::test]
fn messages_left_at_the_end() {
    reports::collect();
    let root = self_pid();
    let census = Census::default();
    let everyone = census.clone();
    let pid = spawn!(move || {
        let leave = |round: u32| {
            for n in 0..3u32 {
                let token = everyone.token();
                let bomb = OnDrop(move || {
                    let _keep = &token;
                    send(root, (runtime::try_self_pid(), round, n));
                    match n {
                        0 => panic!("left behind"),
                        1 => drop(receive_any()),
                        _ => {}
                    }
                });
                send(self_pid(), Opaque(bomb));
            }
        };
        // Some are looked at and left, others never looked at.
        leave(0);
        send(self_pid(), "go");
        receive_type::<&str>();
        leave(1);
    });
    let mut dropped: Vec<_> = (0..6)
        .map(|_| message::<(Option<Pid>, u32, u32)>())
        .inspect(|(by, ..)| assert_eq!(*by, Some(pid)))
        .map(|(_, round, n)| (round, n))
        .collect();
    dropped.sort_unstable();
    assert_eq!(dropped, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    census.none_is_left();
    nothing();
}

/// A message's destructor that waits in another way than by a receive is refused as well when
/// it is dropped at the end of its process; nothing hangs.
#[runtime::test]
fn a_destructor_at_the_end_cannot_wait() {
    reports::collect();
    struct Idle;
    impl Behaviour for Idle {
        fn wake(&mut self, _: &mut Cx<'_>) -> Next {
            Next::Wait(Until::Forever)
        }
    }
    let census = Census::default();
    let pid = spawn!(|| {
        let _: &str = receive_type();
    });
    let ways: [fn(); 5] = [
        || sleep(Duration::from_secs(3600)),
        || drop(runtime::drive(&mut Idle)),
        || hibernate(|| {}),
        || exit(ExitReason::Shutdown),
        || drop(receive_timeout(LONG)),
    ];
    for way in ways {
        let token = census.token();
        send(
            pid,
            Opaque(OnDrop(move || {
                let _keep = &token;
                way();
            })),
        );
    }
    send(pid, "end");
    census.none_is_left();
    end_of(pid);
    is_well(echo());
}

/// A destructor of what a process holds at rest may block when the process is killed, and is
/// run to its end.
#[runtime::test(workers = 1)]
fn a_destructor_at_rest_may_block() {
    let root = self_pid();
    for hibernated in [false, true] {
        let done = Arc::new(AtomicU32::new(0));
        let note = Arc::clone(&done);
        let begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&begun);
        let last = OnDrop(move || {
            begins.store(true, Ordering::Release);
            sleep(Duration::from_millis(1));
            assert_eq!(receive_type::<u32>(), 5);
            assert!(receive_timeout(Duration::from_millis(1)).is_none());
            yield_now();
            note.fetch_add(1, Ordering::AcqRel);
        });
        let pid = if hibernated {
            spawn!(move || {
                send(root, "at rest");
                hibernate(move || drop(last))
            })
        } else {
            let spawned = Spawn::new().receive_loop(move |_| {
                let _keep = &last;
                Flow::Continue
            });
            send(root, "at rest");
            spawned.unwrap().pid
        };
        assert_eq!(message::<&str>(), "at rest");
        yield_now();
        exit_signal(pid, ExitReason::Kill);
        until("the destructor's begin", || begun.load(Ordering::Acquire));
        sleep(Duration::from_millis(3));
        send(pid, 5u32);
        until("the destructor's end", || done.load(Ordering::Acquire) == 1);
    }
}

/// A process that the last destructors of another link to it, at its spawn, ends: it is linked to one that
/// is no more.
#[runtime::test]
fn a_destructor_at_the_end_cannot_link() {
    #[derive(Debug)]
    struct Child(Pid);
    struct Last(Pid);
    impl Drop for Last {
        fn drop(&mut self) {
            let child = spawn_link!(|| receive! { "end": &str => {} });
            send(self.0, Child(child));
        }
    }
    impl std::fmt::Debug for Last {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Last")
        }
    }
    impl PartialEq for Last {
        fn eq(&self, _: &Last) -> bool {
            false
        }
    }
    let root = self_pid();
    // In a message that is left, and in the reason, which is dropped when all have been told.
    spawn!(move || send(self_pid(), Last(root)));
    spawn!(move || exit(ExitReason::other(Last(root))));
    for _ in 0..2 {
        end_of(message::<Child>().0);
    }
}

/// A message to the dead is dropped, at once, and `send` does not fail: not even if the
/// message's destructor panics.
#[runtime::test]
fn a_message_to_the_dead() {
    reports::collect();
    let dead = spawn!(|| {});
    end_of(dead);
    let dropped = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&dropped);
    send(
        dead,
        Opaque(OnDrop(move || {
            count.fetch_add(1, Ordering::AcqRel);
        })),
    );
    assert_eq!(dropped.load(Ordering::Acquire), 1);
    send(dead, Opaque(OnDrop(|| panic!("nobody to drop me"))));
}

/// The state of a process at rest is dropped in its own context, never in a sender's.
#[runtime::test]
fn a_state_at_rest_is_dropped_at_home() {
    let root = self_pid();
    let last = OnDrop(move || send(root, Ready(self_pid())));
    let spawned = Spawn::new()
        .receive_loop(move |_| {
            let _keep = &last;
            Flow::Exit(ExitReason::Normal)
        })
        .unwrap();
    send(spawned.pid, ());
    assert_eq!(message::<Ready>().0, spawned.pid);

    let log = Arc::new(std::sync::Mutex::new(None));
    let by = Arc::clone(&log);
    let last = OnDrop(move || *by.lock().unwrap() = Some(runtime::try_self_pid()));
    let spawned = Spawn::new()
        .receive_loop(move |_| {
            let _keep = &last;
            Flow::Continue
        })
        .unwrap();
    exit_signal(spawned.pid, ExitReason::Kill);
    until("the drop of the state", || log.lock().unwrap().is_some());
    assert_eq!(*log.lock().unwrap(), Some(Some(spawned.pid)));
}
