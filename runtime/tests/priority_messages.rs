//! Priority messages, after `signal_SUITE` and `receive_SUITE`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{
    AliasMode, Monitor, alias, alias_priority, exit_signal_priority, link_priority, process_info,
    receive_ref, send_priority, unalias,
};

fn priority_alias() -> Ref {
    alias_priority(AliasMode::ExplicitUnalias)
}

fn agrees(pid: Pid) -> bool {
    process_info(pid).unwrap().priority_messages
}

fn numbers() -> Vec<u32> {
    std::iter::from_fn(|| receive! { n: u32 => Some(n), after Duration::ZERO => None }).collect()
}

/// A priority message goes behind earlier ones and before ordinary ones, if both sides agree; the
/// length counts both.
#[runtime::test]
fn priority_messages() {
    let (urgent, plain) = (priority_alias(), alias(AliasMode::ExplicitUnalias));
    for n in 0..4u32 {
        send(self_pid(), n);
    }
    send_priority(urgent, 10u32);
    send(urgent, 4u32);
    send_priority(plain, 5u32);
    send_priority(urgent, 11u32);
    assert_eq!(process_info(self_pid()).unwrap().message_queue_len, 8);
    assert_eq!(numbers(), [10, 11, 0, 1, 2, 3, 4, 5]);
    // A message that came as an urgent one and is sent on is an ordinary one.
    send_priority(urgent, 1u32);
    let message = receive_any();
    send(self_pid(), 0u32);
    send(urgent, message);
    assert_eq!(numbers(), [0, 1]);
    // An alias that has ended lets nothing in; one for a reply lets one in.
    assert!(unalias(urgent));
    send_priority(urgent, 1u32);
    let once = alias_priority(AliasMode::Reply);
    send_priority(once, 2u32);
    send_priority(once, 3u32);
    assert_eq!(numbers(), [2]);
}

/// Mirrors `prio_msg_while_in_receive`: a priority message that comes while the receiver scans is
/// found first.
#[runtime::test]
fn prio_msg_while_in_receive() {
    let urgent = priority_alias();
    for n in 0..1000u32 {
        send(self_pid(), n);
    }
    let sent = Cell::new(false);
    let found = receive! {
        n: u32 if {
            let () = if !sent.replace(true) {
                send(self_pid(), 2000u32);
                send_priority(urgent, 1000u32);
            };
            n >= 1000
        } => n
    };
    assert_eq!(found, 1000);
    // One that has come before the receive, behind what was looked at long ago.
    send_priority(urgent, 5000u32);
    assert_eq!(receive_type::<u32>(), 5000);
    assert_eq!(receive_type::<u32>(), 0);
}

/// A process that waits is woken by a priority message, and one that it does not want stays first.
#[runtime::test]
fn prio_msg_to_the_waiting() {
    let me = self_pid();
    let child = spawn!(move || {
        send(me, priority_alias());
        receive! { "go": &str => {} }
        send(me, numbers());
    });
    let urgent: Ref = receive_type();
    send(child, 1u32);
    send_priority(urgent, 2u32);
    send_priority(urgent, 3u32);
    assert!(is_process_alive(child));
    send_priority(urgent, "go");
    assert_eq!(receive_type::<Vec<u32>>(), [2, 3, 1]);
}

/// Mirrors `call_with_huge_message_queue`, for priority messages: a wait for a fresh reference looks
/// at none of those that were there before, however many references are waited for.
#[runtime::test]
fn call_with_huge_message_queue() {
    #[derive(Debug)]
    struct Answer(Option<Ref>);
    let urgent = priority_alias();
    for _ in 0..10_000 {
        send_priority(urgent, Answer(None));
        send(self_pid(), Answer(None));
    }
    let tags: Vec<Ref> = (0..4).map(|_| make_ref()).collect();
    for &tag in tags.iter().rev() {
        send_priority(urgent, Answer(Some(tag)));
    }
    for &tag in &tags {
        let mut looked = 0;
        let answer = receive_ref(tag, Duration::ZERO, |answer: &Answer| {
            looked += 1;
            answer.0 == Some(tag)
        });
        assert!(answer.is_some());
        assert!(looked <= tags.len(), "{looked}");
    }
    // Places vanish, and what is remembered moves with them.
    let tag = make_ref();
    for _ in 0..9_900 {
        receive! { Answer(None) => {} }
    }
    send_priority(urgent, Answer(Some(tag)));
    let mut looked = 0;
    receive_ref(tag, Duration::ZERO, |answer: &Answer| {
        looked += 1;
        answer.0 == Some(tag)
    })
    .unwrap();
    assert_eq!(looked, 1);
}

/// The mailbox is what two plain queues would be, whatever is taken from the middle.
#[runtime::test]
fn two_queues() {
    let urgent = priority_alias();
    let (mut first, mut rest) = (vec![], vec![]);
    let mut seed = 1u64;
    for n in 0..20_000u32 {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        match seed >> 61 {
            0 | 1 => {
                send_priority(urgent, n);
                first.push(n);
            }
            2 | 3 => {
                send(self_pid(), n);
                rest.push(n);
            }
            _ => {
                let residue = (seed >> 32) as u32 % 5;
                let expected = first
                    .iter()
                    .chain(&rest)
                    .find(|n| **n % 5 == residue)
                    .copied();
                let taken = receive! {
                    n: u32 if n % 5 == residue => Some(n),
                    after Duration::ZERO => None,
                };
                assert_eq!(taken, expected);
                first.retain(|n| Some(*n) != taken);
                rest.retain(|n| Some(*n) != taken);
            }
        }
    }
    first.extend(rest);
    assert_eq!(numbers(), first);
}

/// Mirrors `priority_messages_link_enable_disable`: a link with priority is on, off by linking again
/// without, off by unlink, and off by the exit, which goes first.
#[runtime::test]
fn priority_messages_link_enable_disable() {
    trap_exit(true);
    let me = self_pid();
    let start = || {
        let child = spawn!(|| receive! { "end": &str => exit(ExitReason::other(1)) });
        assert!(!agrees(me));
        link_priority(child);
        assert!(agrees(me));
        // The other end has agreed to nothing.
        assert!(!agrees(child));
        child
    };
    let child = start();
    link(child);
    assert!(!agrees(me));
    link_priority(child);
    assert!(agrees(me));
    unlink(child);
    assert!(!agrees(me));
    exit_signal(child, ExitReason::Kill);

    for linked_again in [false, true] {
        let child = start();
        if linked_again {
            link(child);
        }
        let watched = monitor(child);
        send(me, 0u32);
        send(child, "end");
        receive! { Down { monitor, .. } if monitor == watched => {} }
        let first = receive_any();
        assert_eq!(first.is::<Exit>(), !linked_again);
        let second = receive_any();
        assert_eq!(second.is::<Exit>(), linked_again);
        assert!(!agrees(me));
    }
    // In one step with the spawn.
    let spawned = Spawn::new()
        .link_priority()
        .spawn(|| exit(ExitReason::Shutdown));
    assert!(agrees(me));
    let Exit { from, .. } = receive_type();
    assert_eq!(from, Some(spawned.unwrap().pid));
}

/// Mirrors `priority_messages_monitor_enable_disable`: a monitor with priority is on, off by
/// demonitor, and off by the Down, which goes first.
#[runtime::test]
fn priority_messages_monitor_enable_disable() {
    let me = self_pid();
    let child = spawn!(|| receive! { "end": &str => {} });
    let ordinary = monitor(child);
    assert!(!agrees(me));
    let urgent = Monitor::new().priority().monitor(child);
    assert!(agrees(me));
    assert!(demonitor(urgent));
    assert!(!agrees(me));
    let urgent = Monitor::new().priority().monitor(child);
    let tagged = Monitor::new().priority().tag(1).monitor(child);
    send(me, 0u32);
    send(child, "end");
    receive! { Down { monitor, .. } if monitor == ordinary => {} }
    let mut first: Vec<Ref> = (0..2)
        .map(|_| match receive_any().downcast::<Down>() {
            Ok(down) => down.monitor,
            Err(message) => {
                message
                    .downcast::<runtime::TaggedDown>()
                    .unwrap()
                    .down
                    .monitor
            }
        })
        .collect();
    first.sort();
    assert_eq!(first, [urgent, tagged]);
    assert_eq!(receive_type::<u32>(), 0);
    assert!(!agrees(me));
    // There is nothing to watch.
    send(me, 0u32);
    Monitor::new().priority().monitor(child);
    assert!(receive_any().is::<Down>());
}

/// An exit signal over a priority alias goes first if the receiver traps exits; over an alias that
/// has ended it is lost.
#[runtime::test]
fn priority_exit_signal() {
    trap_exit(true);
    let urgent = priority_alias();
    for (alias, first) in [(urgent, true), (alias(AliasMode::ExplicitUnalias), false)] {
        send(self_pid(), 0u32);
        exit_signal_priority(alias, ExitReason::Shutdown);
        assert_eq!(receive_any().is::<Exit>(), first);
        receive_any();
    }
    unalias(urgent);
    exit_signal_priority(urgent, ExitReason::Kill);
    receive! { message => panic!("{message:?}"), after Duration::ZERO => {} }
    // Who does not trap exits ends.
    let me = self_pid();
    let (child, watched) = spawn_monitor!(move || {
        send(me, priority_alias());
        receive_any();
    });
    exit_signal_priority(receive_type(), ExitReason::other(3));
    let Down {
        monitor, reason, ..
    } = receive_type();
    assert_eq!((monitor, reason), (watched, ExitReason::other(3)));
    assert!(!is_process_alive(child));
}

/// A behaviour's `mail` takes priority messages first, wherever the save position stands; one that
/// `mail_where` has passed does not wake it again.
#[runtime::test]
fn behaviours() {
    struct Picky {
        to: Pid,
        wakes: u32,
    }
    impl Behaviour for Picky {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            if cx.cause().start {
                send(self.to, priority_alias());
            }
            self.wakes += 1;
            while cx.mail_where(|mail| mail.is::<char>()).is_some() {
                let rest: Vec<u32> = std::iter::from_fn(|| cx.mail())
                    .filter_map(|mail| mail.downcast().ok())
                    .collect();
                send(self.to, (self.wakes, rest));
            }
            Next::Wait(Until::Forever)
        }
    }
    let picky = Picky {
        to: self_pid(),
        wakes: 0,
    };
    let pid = Spawn::new().behaviour(picky).unwrap().pid;
    let urgent: Ref = receive_type();
    // Each finds it waiting: the answer says so.
    send(pid, 1u32);
    assert!(is_process_alive(pid));
    send_priority(urgent, 2u32);
    assert!(is_process_alive(pid));
    send_priority(urgent, 3u32);
    assert!(is_process_alive(pid));
    send_priority(urgent, 'c');
    let (wakes, rest) = receive_type::<(u32, Vec<u32>)>();
    assert_eq!(rest, [2, 3, 1]);
    assert!(wakes <= 5, "{wakes}");
}

/// What is left at the end, and what a hibernated process holds, is dropped like any message.
#[runtime::test]
fn dropped_at_the_end() {
    #[derive(Debug)]
    struct Tells(Pid);
    impl Drop for Tells {
        fn drop(&mut self) {
            send(self.0, "dropped");
        }
    }
    let me = self_pid();
    let child = spawn!(move || {
        send(me, priority_alias());
        runtime::hibernate(|| receive! { "end": &str => {} });
    });
    send_priority(receive_type(), Tells(me));
    send(child, "end");
    assert_eq!(receive_type::<&str>(), "dropped");
}

/// A guard that panics leaves a priority message in its place.
#[runtime::test]
fn guard_panics() {
    let urgent = priority_alias();
    send_priority(urgent, 1u32);
    let kept = Rc::new(RefCell::new(0));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        receive! { n: u32 if { *kept.borrow_mut() += n; panic!("a guard") } => {} }
    }));
    assert!(caught.is_err());
    assert_eq!(numbers(), [1]);
}
