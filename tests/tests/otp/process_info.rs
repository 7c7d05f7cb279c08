//! After the cases of `process_SUITE` that look at processes while others send to them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runtime::prelude::*;
use runtime::{
    AliasMode, Look, ProcessInfo, Status, alias_priority, process_info, processes, send_priority,
};

use crate::expect::{end_of, message, until};

fn ends_when_told() {
    receive! { "end": &str => {} }
}

fn texts(info: &ProcessInfo) -> Vec<&str> {
    let shown = info.messages.iter().flatten();
    shown.map(|shown| shown.text.as_str()).collect()
}

/// What is sent to a pid that `processes` has shown arrives, also while that process is being spawned.
#[runtime::test(workers = 2)]
fn processes_send_infant() {
    #[derive(Debug)]
    struct Hello;
    const CHILDREN: usize = 3_000;
    let me = self_pid();
    let old: HashSet<Pid> = processes().into_iter().collect();
    let spawned = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&spawned);
    let spawner = spawn!(move || {
        for n in 0..CHILDREN {
            spawn!(move || {
                receive_type::<Hello>();
                send(me, self_pid());
            });
            if n % 16 == 0 {
                yield_now();
            }
        }
        told.store(true, Ordering::Release);
        ends_when_told();
    });
    let mut greeted = HashSet::new();
    loop {
        // Read first: then all are there to be seen.
        let all = spawned.load(Ordering::Acquire);
        for pid in processes() {
            if !old.contains(&pid) && pid != spawner && greeted.insert(pid) {
                send(pid, Hello);
            }
        }
        if all {
            break;
        }
        yield_now();
    }
    assert_eq!(greeted.len(), CHILDREN);
    for _ in 0..CHILDREN {
        let child: Pid = message();
        assert!(greeted.remove(&child), "{child}");
    }
    send(spawner, "end");
}

/// The length that `process_info` tells counts all that the asker has sent before, and is right when all
/// have sent, however many send meanwhile.
#[runtime::test]
fn process_info_other_message_queue_len_signal_race() {
    const SENDERS: usize = 10;
    const EACH: usize = 200;
    for victim in [
        spawn!(ends_when_told),
        spawn!(|| loop {
            receive! { "end": &str => return, after Duration::ZERO => yield_now() }
        }),
    ] {
        let senders: Vec<Ref> = (0..SENDERS)
            .map(|_| {
                let sends = move || {
                    let mut before = 0;
                    for sent in 1..=EACH {
                        send(victim, sent);
                        let info = process_info(victim).unwrap();
                        if info.stale {
                            // It was busy for too long: as others see it, in no order.
                            continue;
                        }
                        let length = info.message_queue_len;
                        assert!(length >= sent, "{length} of {sent}");
                        assert!(length >= before, "{length} after {before}");
                        assert!(length <= SENDERS * EACH, "{length}");
                        before = length;
                    }
                };
                spawn_monitor!(sends).1
            })
            .collect();
        for watched in senders {
            assert_eq!(crate::expect::down_of(watched), ExitReason::Normal);
        }
        until("all are counted", || {
            process_info(victim).unwrap().message_queue_len == SENDERS * EACH
        });
        send(victim, "end");
        end_of(victim);
    }
}

/// Many ask at once about a process that waits, one that works and one at rest: all are answered, with
/// what that process is.
#[runtime::test]
fn process_info_lock_reschedule() {
    let waits = spawn!(ends_when_told);
    let works = spawn!(|| loop {
        receive! { "end": &str => return, after Duration::ZERO => runtime::tick() }
    });
    let rests = Spawn::new().receive_loop(|mail| match mail.is::<&str>() {
        true => Flow::Exit(ExitReason::Normal),
        false => Flow::Continue,
    });
    let targets = [waits, works, rests.unwrap().pid];
    for pid in targets {
        // From here on it is what it will be.
        until("it has begun", || {
            let status = process_info(pid).unwrap().status;
            pid == works || matches!(status, Status::Waiting | Status::AtRest)
        });
    }
    let priorities = [Priority::Low, Priority::Normal, Priority::High];
    let askers: Vec<Ref> = (0..12)
        .map(|n| {
            let asker = Spawn::new().monitor().priority(priorities[n % 3]);
            let asks = move || {
                for round in 0..200 {
                    let pid = targets[(n + round) % 3];
                    let info = match round % 2 {
                        0 => process_info(pid),
                        _ => Look::new().messages(1).at(pid),
                    };
                    let info = info.unwrap();
                    assert_eq!(info.pid, pid);
                    // One that is made to show its messages runs for that; one that others look at
                    // may not be had in time.
                    assert!(!matches!(info.status, Status::Exiting | Status::Hibernated));
                    assert!(pid == targets[2] || info.status != Status::AtRest);
                }
            };
            asker.spawn(asks).unwrap().monitor.unwrap()
        })
        .collect();
    for watched in askers {
        assert_eq!(crate::expect::down_of(watched), ExitReason::Normal);
    }
    for pid in targets {
        send(pid, "end");
        end_of(pid);
    }
}

/// What a process sees of its own mailbox while another sends: the messages, in order, and as many of
/// them as the length says.
#[runtime::test]
fn process_info_self_msgq_len_messages() {
    const MESSAGES: usize = 2_000;
    let me = self_pid();
    let sender = spawn!(move || {
        for n in 0..MESSAGES {
            send(me, n);
            if n % 64 == 0 {
                yield_now();
            }
        }
    });
    let mut before = 0;
    until("all have come", || {
        let seen = Look::new().messages(usize::MAX).at(me).unwrap();
        let expected: Vec<String> = (0..seen.message_queue_len).map(|n| n.to_string()).collect();
        assert_eq!(texts(&seen), expected);
        assert!(seen.message_queue_len >= before);
        before = seen.message_queue_len;
        before == MESSAGES
    });
    end_of(sender);
    for n in 0..MESSAGES {
        assert_eq!(receive_type::<usize>(), n);
    }
}

/// The same where messages were taken out of the middle, priority messages came, and all else is asked for
/// too; and what is told of it without the messages is the same.
#[runtime::test]
fn process_info_self_msgq_len_more() {
    let me = self_pid();
    let urgent = alias_priority(AliasMode::ExplicitUnalias);
    let mut expected = Vec::new();
    for n in 0..300u32 {
        send(me, n);
        if n % 3 == 0 {
            receive! { taken: u32 if taken == n => {} }
        } else {
            expected.push(n.to_string());
        }
    }
    for n in 1000..1010u32 {
        send_priority(urgent, n);
        expected.insert((n - 1000) as usize, n.to_string());
    }
    let child = spawn_link!(ends_when_told);
    let watched = monitor(child);
    let look = Look::new().messages(usize::MAX).dictionary().backtrace();
    for _ in 0..3 {
        let seen = look.at(me).unwrap();
        assert_eq!(texts(&seen), expected);
        assert_eq!(seen.message_queue_len, expected.len());
        assert_eq!((seen.status, seen.stale), (Status::Running, false));
        assert_eq!((seen.links, seen.monitors.len()), (vec![child], 1));
        assert!(seen.priority_messages && seen.backtrace.is_some());
        let length = process_info(me).unwrap().message_queue_len;
        assert_eq!(length, expected.len());
    }
    for text in expected {
        assert_eq!(receive_type::<u32>().to_string(), text);
    }
    send(child, "end");
    assert_eq!(crate::expect::down_of(watched), ExitReason::Normal);
}

/// The length of the mailbox of a process that receives nothing is seen to grow, whatever that process
/// does.
#[runtime::test]
fn process_info_msgq_len_no_very_long_delay() {
    const MESSAGES: usize = 1_000;
    let over = Arc::new(AtomicBool::new(false));
    let till_over = Arc::clone(&over);
    let works = Spawn::new().own_thread().spawn(move || {
        // No switch point: it never takes its messages in.
        while !till_over.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    for victim in [works.unwrap().pid, spawn!(ends_when_told)] {
        let sender = spawn!(move || {
            for n in 0..MESSAGES {
                send(victim, n);
                yield_now();
            }
        });
        until("all are seen", || {
            runtime::mailbox_len(victim) == Some(MESSAGES)
        });
        end_of(sender);
        let info = process_info(victim).unwrap();
        // What a process that does not answer was asked counts as well.
        assert!(info.message_queue_len >= MESSAGES);
        assert!(info.stale || info.message_queue_len == MESSAGES);
        over.store(true, Ordering::Relaxed);
        send(victim, "end");
        end_of(victim);
    }
}
