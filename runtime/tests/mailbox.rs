//! Mailboxes: order, selection, guards, references, hostile messages.

mod expect;

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use expect::{Census, LONG, NOW, OnDrop, message, nothing, panic_of, reports, text_of};
use runtime::prelude::*;
use runtime::{demonitor_flush, mailbox_len};

fn to_self(message: impl Message) {
    send(self_pid(), message);
}

/// Every message is an `AnyMessage`, wherever a type is asked for: it is passed on as it is.
#[runtime::test]
fn of_any_type() {
    to_self(1u8);
    to_self("two");
    to_self(3u32);
    let first = receive_type::<AnyMessage>();
    assert!(first.is::<u8>() && first.is::<AnyMessage>());
    assert!(
        first
            .downcast_ref::<AnyMessage>()
            .is_some_and(AnyMessage::is::<u8>)
    );
    let first = first.downcast::<AnyMessage>().unwrap();
    assert_eq!(first.downcast::<u8>().unwrap(), 1);

    let fresh = make_ref();
    to_self("four");
    let fourth = receive_ref(fresh, LONG, |m: &AnyMessage| m.is::<&str>()).unwrap();
    assert_eq!(fourth.downcast::<&str>().unwrap(), "four");
    assert_eq!(message::<AnyMessage>().downcast::<&str>().unwrap(), "two");
    assert_eq!(receive_type::<u32>(), 3);
}

mod order {
    use super::*;

    /// Messages from one process to another arrive in the order in which they were sent.
    #[runtime::test]
    fn from_one_sender() {
        let root = self_pid();
        spawn!(move || {
            for n in 0..100_000u32 {
                send(root, n);
            }
        });
        for n in 0..100_000u32 {
            assert_eq!(message::<u32>(), n);
        }
    }

    /// What 64 threads of the operating system send to one mailbox arrives, each message once,
    /// those of each thread in order.
    #[runtime::test]
    fn from_64_threads() {
        const EACH: u32 = 2000;
        let root = self_pid();
        let threads: Vec<_> = (0..64usize)
            .map(|sender| {
                std::thread::spawn(move || {
                    for n in 0..EACH {
                        send(root, (sender, n));
                    }
                })
            })
            .collect();
        let mut next = [0; 64];
        for _ in 0..64 * EACH {
            let (sender, n) = message::<(usize, u32)>();
            assert_eq!(n, next[sender]);
            next[sender] += 1;
        }
        assert_eq!(next, [EACH; 64]);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        nothing();
    }

    /// The same from 64 processes, to a receiver that selects by sender.
    #[runtime::test]
    fn from_64_processes_by_turns() {
        const EACH: u32 = 100;
        let root = self_pid();
        for sender in 0..64u32 {
            spawn!(move || {
                for n in 0..EACH {
                    send(root, (sender, n));
                    if n % 7 == 0 {
                        yield_now();
                    }
                }
            });
        }
        for n in 0..EACH {
            for sender in (0..64).rev() {
                let from = receive! {
                    (from, number): (u32, u32) if from == sender => { assert_eq!(number, n); from }
                    after LONG => panic!("nothing from {sender}"),
                };
                assert_eq!(from, sender);
            }
        }
        nothing();
    }

    /// What a process sends to itself arrives too, in order with the rest.
    #[runtime::test]
    fn from_oneself() {
        for n in 0..10u32 {
            to_self(n);
        }
        for n in 0..10u32 {
            assert_eq!(message::<u32>(), n);
        }
    }
}

mod selection {
    use super::*;

    /// Messages that no arm takes stay, in order, for a later receive.
    #[runtime::test]
    fn what_is_left_stays_in_order() {
        for n in 0..1000u32 {
            to_self(n);
            to_self(f64::from(n));
        }
        for n in (0..1000u32).rev() {
            receive! { m: u32 if m == n => {}, after NOW => panic!("{n} is missing") }
        }
        for n in 0..1000u32 {
            let found: f64 = message();
            assert_eq!(found, f64::from(n));
        }
        nothing();
    }

    /// Any order of taking leaves the rest in its order: the mailbox stays whole whatever is
    /// taken from its middle.
    #[runtime::test]
    fn from_the_middle() {
        let mut model = Vec::new();
        let mut random = 12_345u64;
        let mut next = 0u64;
        for _ in 0..20_000 {
            // A xorshift; the numbers need no quality.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if model.is_empty() || (random % 5 < 3 && model.len() < 300) {
                to_self(next);
                model.push(next);
                next += 1;
            } else {
                let wanted = model.remove(random as usize % model.len());
                receive! { n: u64 if n == wanted => {}, after NOW => panic!("{wanted} is missing") }
            }
        }
        for wanted in model {
            assert_eq!(message::<u64>(), wanted);
        }
        nothing();
    }

    /// A receive that waits sees a message that came while it waited, and those before it stay.
    #[runtime::test]
    fn while_it_waits() {
        to_self(1u8);
        let root = self_pid();
        spawn!(move || {
            send(root, 2u8);
            sleep(Duration::from_millis(2));
            send(root, 3u32);
            send(root, 4u8);
        });
        assert_eq!(message::<u32>(), 3);
        assert_eq!([message::<u8>(), message(), message()], [1, 2, 4]);
    }

    /// A receive in the body of another is a receive like any other.
    #[runtime::test]
    fn nested() {
        to_self(1u8);
        to_self(2u16);
        to_self(3u32);
        let all = receive! {
            c: u32 => receive! {
                b: u16 => receive! { a: u8 => (a, b, c) }
            }
        };
        assert_eq!(all, (1, 2, 3));
    }

    /// A message that is not taken is neither dropped nor cloned.
    #[runtime::test]
    fn not_dropped() {
        let census = Census::default();
        for _ in 0..100 {
            to_self(census.token());
        }
        to_self("other");
        assert_eq!(message::<&str>(), "other");
        assert_eq!(census.count(), 100);
        let kept: Vec<expect::Token> = (0..50).map(|_| message()).collect();
        assert_eq!(census.count(), 100);
        drop(kept);
        assert_eq!(census.count(), 50);
    }

    /// Messages of every size and alignment arrive as they were sent.
    #[runtime::test]
    fn of_every_shape() {
        #[derive(Debug, PartialEq, Clone, Copy)]
        #[repr(align(4096))]
        struct Aligned(u8);
        #[derive(Debug, PartialEq)]
        struct Nothing;
        for _ in 0..100 {
            to_self(Nothing);
            to_self(Aligned(7));
            to_self([3u64; 10_000]);
            to_self(Box::new([4u8; 100]));
        }
        for _ in 0..100 {
            assert_eq!(message::<Nothing>(), Nothing);
            receive! { a: Aligned => {
                assert_eq!(a, Aligned(7));
                assert!((&raw const a).is_aligned());
            } }
            assert_eq!(message::<[u64; 10_000]>(), [3; 10_000]);
            assert_eq!(*message::<Box<[u8; 100]>>(), [4; 100]);
        }
        nothing();
    }

    /// The mailbox's length counts what was not received, for its owner and for others.
    #[runtime::test]
    fn its_length() {
        let pid = spawn!(|| {
            receive_type::<&str>();
        });
        for _ in 0..100 {
            send(pid, 1u8);
        }
        expect::until("its length", || mailbox_len(pid) == Some(100));
        send(pid, "end");
        expect::until("its end", || mailbox_len(pid).is_none());
        to_self(1u8);
        to_self(2u16);
        assert_eq!(mailbox_len(self_pid()), Some(2));
        assert_eq!(message::<u16>(), 2);
        assert_eq!(mailbox_len(self_pid()), Some(1));
        assert_eq!(message::<u8>(), 1);
        assert_eq!(mailbox_len(self_pid()), Some(0));
    }
}

mod guards {
    use super::*;

    /// A guard that panics leaves its message in its place.
    #[runtime::test]
    fn that_panics() {
        reports::collect();
        for unseen in [true, false] {
            for n in [1u8, 2, 3] {
                to_self(n);
            }
            if !unseen {
                // Now they have been looked at, and lie where a second look finds them.
                receive! { _: u64 => {}, after NOW => {} }
            }
            for _ in 0..3 {
                let text = panic_of(|| receive! { n: u8 if n == 2 && panic!("no two") => {} });
                assert_eq!(text, "no two");
                let text = panic_of(|| receive_where(NOW, |m| m.is::<u8>() && panic!("none")));
                assert_eq!(text, "none");
            }
            assert_eq!([message::<u8>(), message(), message()], [1, 2, 3]);
            nothing();
        }
    }

    /// A receive inside a guard panics with a clear message, and the mailbox stays as it was.
    #[runtime::test]
    fn that_receives() {
        reports::collect();
        type Look = fn();
        let looks: [Look; 6] = [
            || drop(receive_any()),
            || drop(receive_timeout(NOW)),
            || _ = receive_type::<u8>(),
            || receive! { _: u8 => {}, after NOW => {} },
            || sleep(Duration::from_millis(1)),
            || drop(runtime::drive(&mut Greedy)),
        ];
        for look in looks {
            for unseen in [true, false] {
                to_self(1u8);
                to_self(2u16);
                if !unseen {
                    // Now they have been looked at, and lie where a second look finds them.
                    receive! { _: u64 => {}, after NOW => {} }
                }
                for _ in 0..2 {
                    let text = panic_of(|| receive! { n: u8 if { look(); n > 0 } => {} });
                    assert!(text.contains("inside a guard"), "{text}");
                    let text = panic_of(|| {
                        receive_where(NOW, |_| {
                            look();
                            true
                        })
                    });
                    assert!(text.contains("inside a guard"), "{text}");
                }
                assert_eq!((message::<u8>(), message::<u16>()), (1, 2));
                nothing();
            }
        }
    }

    /// A behaviour that receives whatever there is.
    struct Greedy;

    impl Behaviour for Greedy {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            drop(cx.mail());
            Next::Exit(ExitReason::Normal)
        }
    }

    /// A guard may send, spawn, and make a reference; what it sends to its own process is looked
    /// at by the same receive, in its turn.
    #[runtime::test]
    fn that_sends() {
        to_self(1u8);
        to_self(2u16);
        let asked = std::cell::Cell::new(0);
        let taken = receive! {
            n: u8 if {
                asked.set(asked.get() + 1);
                if asked.get() < 4 { to_self(n + 1) }
                let _ = (make_ref(), spawn!(|| {}));
                n == 4
            } => n,
        };
        assert_eq!((taken, asked.get()), (4, 4));
        assert_eq!(message::<u16>(), 2);
        assert_eq!([message::<u8>(), message(), message()], [1, 2, 3]);
        nothing();
    }

    /// A guard that ends a monitor leaves what has come of it in the mailbox: it may be the very
    /// message that the guard looks at.
    #[runtime::test]
    fn that_flushes() {
        for unseen in [true, false] {
            let (_, watch) = spawn_monitor!(|| exit(ExitReason::other("a reason".to_owned())));
            expect::until("its end", || mailbox_len(self_pid()) == Some(1));
            if !unseen {
                // Now it has been looked at, and lies where a second look finds it.
                receive! { _: u64 => {}, after NOW => {} }
            }
            receive! {
                Down { monitor, reason, .. } if !demonitor_flush(monitor) && monitor == watch => {
                    assert_eq!(reason, ExitReason::other("a reason".to_owned()));
                }
            }
            nothing();
        }
    }

    /// A guard is no switch point, also if its process's turn is over and a fatal exit is raised in it.
    #[test]
    fn that_catches_a_kill() {
        expect::alone(|| {
            let (tell, told) = std::sync::mpsc::channel();
            let (_, watch) = spawn_monitor!(move || {
                let turns = Arc::new(AtomicU32::new(0));
                let others = Arc::clone(&turns);
                spawn!(move || loop {
                    others.fetch_add(1, Ordering::Relaxed);
                    yield_now();
                });
                yield_now();
                to_self(1u8);
                let before = turns.load(Ordering::Relaxed);
                assert_ne!(before, 0);
                receive! { _: u8 if {
                    let me = self_pid();
                    (0..10_000u16).for_each(|n| send(me, n));
                    catch_unwind(|| exit_signal(me, ExitReason::Kill)).is_err()
                } => {} }
                // A message would be lost now.
                let _ = tell.send(turns.load(Ordering::Relaxed) - before);
            });
            receive! { Down { monitor, reason, .. } if monitor == watch => {
                assert_eq!(reason, ExitReason::Killed);
            } }
            assert_eq!(told.recv(), Ok(0));
        });
    }

    /// `exit` inside a guard is as anywhere; caught, the message is in its place.
    #[runtime::test]
    fn that_exits() {
        to_self(1u8);
        let caught = catch_unwind(|| receive! { n: u8 if exit(ExitReason::other(n)) => {} });
        assert!(caught.is_err());
        assert_eq!(message::<u8>(), 1);
    }
}

mod hostile {
    use super::*;

    /// A message whose `Debug` panics, sends or receives is a message like any other, until
    /// somebody prints it.
    #[runtime::test]
    fn its_debug() {
        reports::collect();
        struct Loud(u8);
        impl fmt::Debug for Loud {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    0 => panic!("shy"),
                    1 => to_self("sent"),
                    _ => assert_eq!(receive_type::<&str>(), "sent"),
                }
                f.write_str("Loud")
            }
        }
        for n in 0..3 {
            to_self(Loud(n));
        }
        let shy = receive_any();
        assert_eq!(panic_of(|| format!("{shy:?}")), "shy");
        assert_eq!(format!("{:?}", receive_any()), "Loud");
        assert_eq!(format!("{:?}", receive_any()), "Loud");
        nothing();
        // Those that nobody takes harm nobody.
        for n in 0..3 {
            to_self(Loud(n));
        }
    }

    /// A message whose destructor sends, receives or panics does so where it is dropped.
    #[runtime::test]
    fn its_destructor() {
        reports::collect();
        to_self(Opaque(OnDrop(|| to_self("sent"))));
        to_self(Opaque(OnDrop(|| {
            assert_eq!(receive_type::<&str>(), "sent")
        })));
        to_self(Opaque(OnDrop(|| panic!("dropped"))));
        drop(receive_any());
        drop(receive_any());
        let bomb = receive_any();
        assert_eq!(panic_of(|| drop(bomb)), "dropped");
        nothing();
    }

    /// What a destructor does while a message is taken apart finds the mailbox whole.
    #[runtime::test]
    fn a_destructor_in_an_arm() {
        reports::collect();
        for n in 0..4u32 {
            to_self(n);
            to_self(Opaque(OnDrop(move || {
                assert_eq!(receive_type::<u32>(), n);
                assert!(n != 2, "the third");
            })));
        }
        // A catch-all would take the numbers: the type is named by what is left when they go.
        for n in 0..4 {
            let taken = catch_unwind(AssertUnwindSafe(|| {
                drop(receive_where(NOW, |m| !m.is::<u32>()).expect("one of four"));
            }));
            match taken {
                Ok(()) => assert_ne!(n, 2),
                Err(panic) => assert_eq!((n, text_of(&*panic)), (2, "the third")),
            }
        }
        nothing();
    }

    /// A message sent on is the same envelope: its value is neither dropped nor moved into
    /// another, and what it is stays visible.
    #[runtime::test]
    fn forwarded() {
        let census = Census::default();
        let root = self_pid();
        let relay = spawn!(move || loop {
            let message = receive_any();
            assert!(message.is::<expect::Token>());
            send(root, message);
        });
        send(relay, census.token());
        for _ in 0..100 {
            let message = receive_timeout(LONG).expect("it comes back");
            assert_eq!(census.count(), 1);
            send(relay, message);
        }
        let token: expect::Token = message();
        drop(token);
        assert_eq!(census.count(), 0);
    }
}

mod references {
    use super::*;
    use runtime::receive_ref;

    #[derive(Debug)]
    struct Answer(Ref, u32);

    /// References are unique, whoever makes them.
    #[runtime::test]
    fn are_unique() {
        let root = self_pid();
        let mut all: HashSet<Ref> = (0..1000).map(|_| make_ref()).collect();
        for _ in 0..10 {
            spawn!(move || send(root, (0..1000).map(|_| make_ref()).collect::<Vec<Ref>>()));
        }
        for _ in 0..10 {
            all.extend(message::<Vec<Ref>>());
        }
        assert_eq!(all.len(), 11_000);
    }

    /// A wait for the reply to a fresh reference looks at no message that is older.
    #[runtime::test]
    fn skip_what_is_older() {
        let old = make_ref();
        for n in 0..1000 {
            to_self(Answer(old, n));
        }
        for n in 0..100 {
            let fresh = make_ref();
            to_self(Answer(old, n));
            to_self(Answer(fresh, n));
            let mut looked_at = 0;
            let answer = receive_ref(fresh, LONG, |answer: &Answer| {
                looked_at += 1;
                answer.0 == fresh
            });
            assert_eq!(answer.map(|answer| answer.1), Some(n));
            // The one between, and the answer.
            assert_eq!(looked_at, 2, "round {n}");
        }
        let left: Vec<u32> = (0..1100).map(|_| message::<Answer>().1).collect();
        assert!(left.into_iter().eq((0..1000).chain(0..100)));
    }

    /// The reply is found whatever was taken from the mailbox between, and from whichever end.
    #[runtime::test]
    fn outlive_the_mailbox_they_marked() {
        for (before, taken) in [(0, 0), (1, 1), (100, 100), (100, 60), (1000, 999)] {
            for n in 0..before {
                to_self(n);
            }
            let fresh = make_ref();
            to_self(Answer(fresh, before));
            to_self("behind");
            for n in 0..taken {
                // Every second from the middle, so that gaps are closed.
                let wanted = if n % 2 == 0 {
                    n
                } else {
                    before - n - before % 2
                };
                let _ = receive_where(NOW, |m| m.downcast_ref() == Some(&wanted));
            }
            let answer = receive_ref(fresh, NOW, |answer: &Answer| answer.0 == fresh);
            assert_eq!(answer.map(|answer| answer.1), Some(before));
            assert_eq!(message::<&str>(), "behind");
            while receive_timeout(NOW).is_some() {}
        }
    }

    /// A reference made by another process marks nothing here: every message is looked at.
    #[runtime::test]
    fn of_others() {
        let root = self_pid();
        spawn!(move || send(root, make_ref()));
        let foreign: Ref = message();
        for n in 0..10 {
            to_self(Answer(foreign, n));
        }
        let answer = receive_ref(foreign, NOW, |answer: &Answer| answer.0 == foreign);
        assert_eq!(answer.map(|answer| answer.1), Some(0));
    }

    /// Giving up on a reply leaves it to whoever looks for it later.
    #[runtime::test]
    fn given_up() {
        let fresh = make_ref();
        let answer = receive_ref(fresh, NOW, |answer: &Answer| answer.0 == fresh);
        assert!(answer.is_none());
        to_self(Answer(fresh, 1));
        let answer = receive_ref(fresh, NOW, |answer: &Answer| answer.0 == fresh);
        assert_eq!(answer.map(|answer| answer.1), Some(1));
        nothing();
    }
}

/// A process that has ended takes nothing any more, and what is sent to it is dropped at once.
#[runtime::test]
fn the_dead_take_nothing() {
    let dead = spawn!(|| {});
    expect::end_of(dead);
    let census = Census::default();
    for _ in 0..1000 {
        send(dead, census.token());
    }
    assert_eq!(census.count(), 0);
    assert_eq!(mailbox_len(dead), None);
}

/// `Opaque` carries what cannot be printed.
#[runtime::test]
fn opaque() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let job: Box<dyn FnOnce(u32) + Send> = Box::new(move |n| {
        count.store(n, Ordering::Release);
    });
    to_self(Opaque(job));
    receive! { Opaque(job): Opaque<Box<dyn FnOnce(u32) + Send>> => job(5) }
    assert_eq!(calls.load(Ordering::Acquire), 5);
    to_self(Opaque([1u8; 8]));
    assert!(!format!("{:?}", receive_any()).contains('1'));
}

/// No misuse of what `receive!` stands on is unsound: an arm of any number is an arm, and a message
/// that the arms keep is theirs alone.
#[runtime::test]
fn arms_that_no_macro_makes() {
    use runtime::__rt::{Cursor, Deadline, receive};
    let scan = |arms: &mut dyn FnMut(&mut Cursor) -> u32| {
        receive(Deadline::After(Duration::ZERO), None, arms)
    };
    for arm in [1, u32::MAX - 1, u32::MAX] {
        to_self(arm);
        assert_eq!(scan(&mut |_| arm).arm(), arm);
    }
    // In the ring, and before.
    for in_the_ring in [false, true] {
        let census = Census::default();
        to_self(census.token());
        to_self(census.token());
        if in_the_ring {
            assert!(receive_where(Duration::ZERO, |_| false).is_none());
        }
        let mut kept = Vec::new();
        let picked = scan(&mut |cursor| {
            kept.push(cursor.lift_any());
            0
        });
        assert_eq!((picked.arm(), kept.len(), census.count()), (0, 2, 2));
        assert_eq!(mailbox_len(self_pid()), Some(0));
        // One goes back in the other's stead.
        to_self(kept.pop().unwrap());
        let mut other = kept.pop();
        scan(&mut |cursor| {
            kept.push(cursor.lift_any());
            cursor.lower(other.take().unwrap(), Ok(false));
            0
        });
        assert_eq!(census.count(), 2);
        drop(kept);
        assert_eq!(census.count(), 1);
        receive_timeout(Duration::ZERO);
        assert_eq!(census.count(), 0);
    }
    expect::nothing();
}
