//! Limits of mailboxes: what is dropped, who ends, what is reported.

mod expect;

use std::time::Duration;

use expect::{Census, NOW, end_of, message, reports, until};
use runtime::prelude::*;
use runtime::request::{Failure, send_request, wait_response};
use runtime::{MailboxFull, mailbox_len, trap_exit};

const LIMIT: u32 = 10;

/// A process with a limit that receives on command.
fn limited(limit: u32, then: AtLimit) -> Pid {
    let root = self_pid();
    let spawned = Spawn::new()
        .mailbox_limit(limit, then)
        .spawn(move || {
            send(root, "ready");
            // A command passes a full mailbox as a signal would: it is the first message.
            receive_type::<&str>();
            let all: Vec<u32> =
                std::iter::from_fn(|| receive! { n: u32 => Some(n), after NOW => None }).collect();
            send(root, all);
            receive_type::<&str>();
        })
        .unwrap();
    assert_eq!(message::<&str>(), "ready");
    spawned.pid
}

/// `DropNewest` drops what comes to a full mailbox, and takes again when there is room.
#[runtime::test]
fn drop_newest() {
    let root = self_pid();
    let spawned = Spawn::new()
        .mailbox_limit(LIMIT, AtLimit::DropNewest)
        .spawn(move || {
            for _ in 0..3 {
                until("a full mailbox", || mailbox_len(self_pid()) == Some(10));
                send(root, "full");
                sleep(Duration::from_millis(5));
                let all: Vec<u32> =
                    std::iter::from_fn(|| receive! { n: u32 => Some(n), after NOW => None })
                        .collect();
                send(root, all);
            }
        })
        .unwrap();
    let census = Census::default();
    for _ in 0..3 {
        for n in 0..LIMIT {
            send(spawned.pid, n);
        }
        assert_eq!(message::<&str>(), "full");
        for _ in 0..100 {
            send(spawned.pid, census.token());
        }
        assert_eq!(census.count(), 0, "what is not taken is dropped at once");
        assert!(message::<Vec<u32>>().into_iter().eq(0..LIMIT));
    }
    end_of(spawned.pid);
}

/// What a selective receive leaves in the mailbox counts.
#[runtime::test]
fn what_is_left_counts() {
    let pid = limited(LIMIT, AtLimit::DropNewest);
    for n in 0..LIMIT - 1 {
        send(pid, n);
    }
    send(pid, "go");
    let all: Vec<u32> = message();
    assert_eq!(all.len(), LIMIT as usize - 1);
    // Empty again: all ten places are there.
    for n in 0..2 * LIMIT {
        send(pid, n);
    }
    assert_eq!(mailbox_len(pid), Some(LIMIT as usize));
}

/// Many senders at once never bring more in than the limit.
#[runtime::test]
fn many_senders() {
    let pid = limited(1000, AtLimit::DropNewest);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                for n in 0..5000u32 {
                    send(pid, n);
                    assert!(mailbox_len(pid).is_some_and(|length| length <= 1000));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(mailbox_len(pid), Some(1000));
}

/// `Exit` ends the receiver, even if it traps exits, and whatever it waits in.
#[runtime::test]
fn exit_at_the_limit() {
    let root = self_pid();
    for _ in 0..20 {
        let census = Census::default();
        let token = census.token();
        let spawned = Spawn::new()
            .monitor()
            .mailbox_limit(3, AtLimit::Exit)
            .spawn(move || {
                let _token = token;
                trap_exit(true);
                send(root, "ready");
                receive_type::<&str>();
            })
            .unwrap();
        assert_eq!(message::<&str>(), "ready");
        for n in 0..3u32 {
            send(spawned.pid, n);
        }
        assert!(is_process_alive(spawned.pid));
        send(spawned.pid, 3u32);
        let reason = message::<Down>().reason;
        let full = reason.downcast_ref::<MailboxFull>();
        assert_eq!(full.map(|full| full.limit), Some(3), "{reason}");
        census.none_is_left();
    }
}

/// `Report` takes the message, and reports once.
#[runtime::test]
fn report_at_the_limit() {
    reports::collect();
    let pid = limited(LIMIT, AtLimit::Report);
    for n in 0..3 * LIMIT {
        send(pid, n);
    }
    let report = reports::expect("runtime::mailbox", &[&format!("pid={pid} ")]);
    assert!(report.fields.contains("limit=10"), "{report:?}");
    assert!(report.fields.contains("u32"), "{report:?}");
    send(pid, "go");
    assert!(message::<Vec<u32>>().into_iter().eq(0..3 * LIMIT));
}

/// A report of a mailbox over its limit names the process by its label, and apart from it the place
/// where it was spawned.
#[test]
fn the_report_names() {
    reports::collect();
    // With one thread the process waits before this one goes on.
    expect::alone(|| {
        let root = self_pid();
        let spawned = Spawn::new()
            .label("patient")
            .mailbox_limit(0, AtLimit::Report)
            .spawn(move || {
                send(root, "ready");
                receive_type::<&str>();
            })
            .unwrap();
        assert_eq!(message::<&str>(), "ready");
        send(spawned.pid, 1u32);
        let pid = format!("pid={} ", spawned.pid);
        let report = reports::expect("runtime::mailbox", &[&pid]);
        assert!(report.fields.contains("name=patient "), "{report:?}");
        let place = "place=runtime/tests/mailbox_limit.rs:";
        assert!(report.fields.contains(place), "{report:?}");
        send(spawned.pid, "go");
    });
}

/// A mailbox that grows long is reported by pid, place and length, though its owner never looks at
/// a message: whether it waits for something else, computes, or is a behaviour in a callback.
#[test]
fn long_mailboxes_are_reported() {
    const MANY: u32 = 40_000;
    reports::collect();
    let node = Builder::new().workers(2).start().unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let told = std::sync::Arc::clone(&stop);
    let wait = move || {
        while !told.load(std::sync::atomic::Ordering::Acquire) {
            std::thread::yield_now();
        }
    };
    let hog = wait.clone();
    let pids = [
        Spawn::new().node(&node).spawn(|| sleep(expect::LONG)),
        Spawn::new().node(&node).own_thread().spawn(hog),
        Spawn::new()
            .node(&node)
            .own_thread()
            .receive_loop(move |_| {
                wait();
                Flow::Exit(ExitReason::Normal)
            }),
    ];
    for pid in pids.map(|spawned| spawned.unwrap().pid) {
        for n in 0..MANY {
            send(pid, n);
        }
        let report = reports::expect("runtime::mailbox", &[&format!("pid={pid} "), "length="]);
        assert!(report.fields.contains("place=runtime/tests/"), "{report:?}");
        assert_eq!(
            reports::count("runtime::mailbox", &[&format!("pid={pid} ")]),
            1
        );
        runtime::exit_signal(pid, ExitReason::Kill);
    }
    stop.store(true, std::sync::atomic::Ordering::Release);
}

/// A mailbox that grows long because its owner matches few of its messages is reported with the types that
/// nobody matches, the most frequent first.
#[runtime::test]
fn the_types_that_nobody_matches() {
    #[derive(Debug)]
    struct Often;
    #[derive(Debug)]
    struct Seldom;
    reports::collect();
    let pid = spawn!(|| _ = receive_type::<&str>());
    for n in 0..40_000 {
        if n % 8 == 0 {
            send(pid, Seldom);
        } else {
            send(pid, Often);
        }
    }
    // It looks at them all.
    send(pid, 0u8);
    let report = reports::expect("runtime::mailbox", &[&format!("pid={pid} "), "Often"]);
    let place = |name: &str| report.fields.find(name);
    assert!(place("Seldom") > place("Often"), "{report:?}");
    assert!(place("Often").is_some(), "{report:?}");
    send(pid, "end");
}

/// Signals pass a full mailbox, trapped ones too.
#[runtime::test]
fn signals_pass() {
    let root = self_pid();
    let spawned = Spawn::new()
        .mailbox_limit(1, AtLimit::DropNewest)
        .spawn(move || {
            trap_exit(true);
            send(root, "ready");
            let exit: runtime::Exit = receive_type();
            send(root, exit);
            receive_type::<&str>();
        })
        .unwrap();
    assert_eq!(message::<&str>(), "ready");
    send(spawned.pid, 1u32);
    send(spawned.pid, 2u32);
    runtime::exit_signal(spawned.pid, ExitReason::Shutdown);
    assert_eq!(message::<runtime::Exit>().reason, ExitReason::Shutdown);
    runtime::exit_signal(spawned.pid, ExitReason::Kill);
    end_of(spawned.pid);
}

/// A limit of nothing takes nothing.
#[runtime::test]
fn none_at_all() {
    let spawned = Spawn::new()
        .mailbox_limit(0, AtLimit::DropNewest)
        .spawn(|| {
            receive_any();
        })
        .unwrap();
    for n in 0..100u32 {
        send(spawned.pid, n);
    }
    assert_eq!(mailbox_len(spawned.pid), Some(0));
    runtime::exit_signal(spawned.pid, ExitReason::Shutdown);
    end_of(spawned.pid);
}

/// A behaviour's mailbox may be limited as well.
#[runtime::test]
fn of_a_behaviour() {
    let root = self_pid();
    let spawned = Spawn::new()
        .mailbox_limit(5, AtLimit::DropNewest)
        .receive_loop(move |mail| {
            if mail.is::<&str>() {
                sleep(Duration::from_millis(20));
            }
            send(root, mail);
            Flow::Continue
        })
        .unwrap();
    for round in 0..3 {
        send(spawned.pid, "slow");
        until("it is awake", || mailbox_len(spawned.pid) == Some(0));
        for n in 0..10u32 {
            send(spawned.pid, n);
        }
        assert_eq!(message::<&str>(), "slow", "round {round}");
        for n in 0..5u32 {
            assert_eq!(message::<u32>(), n);
        }
    }
    expect::nothing();
}

/// A request that a full mailbox drops is one nevertheless: its client learns of the server's end.
#[runtime::test]
fn a_dropped_request() {
    for then in [AtLimit::DropNewest, AtLimit::Report, AtLimit::Exit] {
        let pid = limited(1, then);
        send(pid, 1u32);
        let request = send_request::<_, ()>(pid, 2u32);
        exit_signal(pid, ExitReason::Kill);
        let answer = wait_response(&request, expect::LONG).expect("it has ended");
        let failure = answer.expect_err("nobody answers").failure;
        assert!(
            matches!(failure, Failure::Ended(_)),
            "{then:?}: {failure:?}"
        );
    }
}
