//! Behaviours: what wakes them, what they find, what they may return.

mod expect;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect::behaviour::{By, DONE, WAIT, behaviour};
use expect::{Census, NOW, alone, end_of, message, nothing, reports, until};
use runtime::exit_signal;
use runtime::prelude::*;

mod causes {
    use super::*;

    /// The first wake is the start, without mail; later ones are not, and mail is no cause.
    #[runtime::test]
    fn the_start() {
        let root = self_pid();
        let pid = behaviour(move |cx| {
            let mail = std::iter::from_fn(|| cx.mail()).count();
            send(root, (cx.cause(), mail));
            WAIT
        });
        let (start, mail) = message::<(Cause, usize)>();
        assert!(start.start && !start.timeout && !start.future);
        assert_eq!(mail, 0);
        send(pid, ());
        assert_eq!(message::<(Cause, usize)>(), (Cause::default(), 1));
        nothing();
    }

    /// Mail sent before the first wake is found by it.
    #[runtime::test(workers = 1)]
    fn mail_before_the_start() {
        let root = self_pid();
        let pid = behaviour(move |cx| {
            let mail = std::iter::from_fn(|| cx.mail()).count();
            send(root, (cx.cause(), mail));
            WAIT
        });
        // The caller has not switched since: the newborn waits behind it.
        for _ in 0..5 {
            send(pid, ());
        }
        let (cause, mail) = message::<(Cause, usize)>();
        assert!(cause.start);
        assert_eq!(mail, 5);
        yield_now();
        nothing();
    }

    /// Mail that comes while the callback runs causes another wake.
    #[runtime::test]
    fn mail_during_a_wake() {
        let root = self_pid();
        let mut wakes = 0;
        behaviour(move |cx| {
            wakes += 1;
            while cx.mail().is_some() {}
            send(root, wakes);
            if wakes < 5 {
                send(self_pid(), ());
            }
            WAIT
        });
        for n in 1..=5 {
            assert_eq!(message::<i32>(), n);
        }
        sleep(Duration::from_millis(2));
        nothing();
    }

    /// Mail that a wake leaves unseen wakes it again at once.
    #[runtime::test]
    fn mail_left_unseen() {
        let root = self_pid();
        let pid = behaviour(move |cx| {
            if let Some(mail) = cx.mail() {
                send(root, mail);
            }
            WAIT
        });
        for n in 0..100u32 {
            send(pid, n);
        }
        for n in 0..100u32 {
            assert_eq!(message::<u32>(), n);
        }
    }
}

mod nexts {
    use super::*;

    /// `Again` gives others their turn, and comes back without mail.
    #[test]
    fn again() {
        alone(|| {
            let stop = Arc::new(AtomicBool::new(false));
            let (told, root) = (Arc::clone(&stop), self_pid());
            let census = Census::default();
            let token = census.token();
            let mut count = 0u32;
            behaviour(move |cx| {
                let _keep = &token;
                assert_eq!(cx.cause().start, count == 0);
                count += 1;
                if told.load(Ordering::Acquire) {
                    send(root, count);
                    return DONE;
                }
                Next::Again
            });
            for _ in 0..5000 {
                // Each a turn of others.
                spawn!(move || send(root, "turn"));
                assert_eq!(message::<&str>(), "turn");
            }
            stop.store(true, Ordering::Release);
            assert!(message::<u32>() > 1);
            census.none_is_left();
        });
    }

    /// `spent` tells when the turn's budget is gone, and `Again` gives a new one.
    #[runtime::test]
    fn spent() {
        let root = self_pid();
        let mut turns = 0;
        behaviour(move |cx| {
            assert!(!cx.spent());
            turns += 1;
            let mut sent = 0u32;
            while !cx.spent() {
                send(root, turns);
                sent += 1;
                assert!(sent < 1_000_000, "never spent");
            }
            if turns == 3 { DONE } else { Next::Again }
        });
        until("three turns", || {
            receive_where(NOW, |m| m.downcast_ref() == Some(&3)).is_some()
        });
    }

    /// `Become` goes on as another behaviour: started anew, the mailbox as it was, the old state
    /// dropped first.
    #[runtime::test]
    fn becomes() {
        let root = self_pid();
        let census = Census::default();
        let (token, watch) = (census.token(), census.clone());
        let pid = behaviour(move |cx| {
            let _keep = &token;
            if cx.mail_where(|m| m.is::<&str>()).is_none() {
                return WAIT;
            }
            let watch = watch.clone();
            Next::Become(Box::new(By(move |cx: &mut Cx<'_>| {
                assert_eq!(watch.count(), 0);
                cx.rewind();
                let mail = std::iter::from_fn(|| cx.mail()).count();
                send(root, (cx.cause(), mail));
                WAIT
            })))
        });
        send(pid, 1u32);
        send(pid, "become");
        let (cause, mail) = message::<(Cause, usize)>();
        assert!(cause.start);
        assert_eq!(mail, 1);
        send(pid, 2u32);
        assert_eq!(message::<(Cause, usize)>(), (Cause::default(), 1));
    }

    /// `Hibernate` wakes at once if mail is queued, and otherwise when some comes.
    #[runtime::test]
    fn hibernates() {
        let root = self_pid();
        let mut wakes = 0u32;
        let pid = behaviour(move |cx| {
            wakes += 1;
            send(root, (wakes, cx.mail().is_some()));
            if wakes == 2 {
                send(self_pid(), "while awake");
            }
            Next::Hibernate(Until::Forever)
        });
        assert_eq!(message::<(u32, bool)>(), (1, false));
        send(pid, ());
        assert_eq!(message::<(u32, bool)>(), (2, true));
        assert_eq!(message::<(u32, bool)>(), (3, true));
        sleep(Duration::from_millis(2));
        nothing();
    }

    /// `Exit` ends the process, and drops its state.
    #[runtime::test]
    fn exits() {
        let census = Census::default();
        let token = census.token();
        let pid = behaviour(move |_| {
            let _keep = &token;
            Next::Exit(ExitReason::other("enough"))
        });
        end_of(pid);
        census.none_is_left();
    }

    /// A panic or an exit in a callback ends the process, alone, and drops its state.
    #[runtime::test]
    fn panics() {
        reports::collect();
        let census = Census::default();
        for n in 0..3 {
            let token = census.token();
            let pid = behaviour(move |cx| {
                let _keep = &token;
                if cx.mail().is_some() {
                    match n {
                        0 => panic!("in a callback"),
                        1 => exit(ExitReason::Shutdown),
                        _ => exit_signal(self_pid(), ExitReason::Shutdown),
                    }
                }
                WAIT
            });
            send(pid, ());
            end_of(pid);
        }
        census.none_is_left();
        reports::expect("runtime::process", &["in a callback"]);
    }
}

mod loops {
    use super::*;

    /// A receive loop given as a closure gets each message, oldest first, until it says so.
    #[runtime::test]
    fn a_closure() {
        let root = self_pid();
        let mut sum = 0;
        let spawned = Spawn::new()
            .receive_loop(move |mail| match mail.downcast::<u32>() {
                Ok(n) => {
                    sum = sum * 3 % 1_000_003 + n;
                    if n % 5 == 0 {
                        Flow::Hibernate
                    } else {
                        Flow::Continue
                    }
                }
                Err(_) => {
                    send(root, sum);
                    Flow::Exit(ExitReason::Normal)
                }
            })
            .unwrap();
        let mut expected = 0;
        for n in 0..20_000u32 {
            send(spawned.pid, n);
            expected = expected * 3 % 1_000_003 + n;
            if n % 1000 == 0 {
                yield_now();
            }
        }
        send(spawned.pid, "end");
        assert_eq!(message::<u32>(), expected);
        end_of(spawned.pid);
    }

    /// A receive loop with a long mailbox gives others their turn.
    #[test]
    fn gives_turns() {
        alone(|| {
            let root = self_pid();
            let turns = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&turns);
            let spawned = Spawn::new()
                .receive_loop(move |mail| match mail.is::<&str>() {
                    true => {
                        send(root, count.load(Ordering::Acquire));
                        Flow::Exit(ExitReason::Normal)
                    }
                    false => Flow::Continue,
                })
                .unwrap();
            for n in 0..100_000u32 {
                send(spawned.pid, n);
            }
            send(spawned.pid, "end");
            let ticker = spawn!(move || loop {
                turns.fetch_add(1, Ordering::AcqRel);
                yield_now();
            });
            let turns = message::<usize>();
            assert!(turns > 5, "{turns}");
            exit_signal(ticker, ExitReason::Kill);
        });
    }
}

/// A signal that comes while a callback runs ends the process when it returns, whether the
/// callback has looked for mail behind it or not.
#[runtime::test]
fn a_signal_during_a_wake() {
    for look in [false, true] {
        let pid = behaviour(move |cx| {
            if let Some(mail) = cx.mail() {
                assert!(mail.is::<()>());
                exit_signal(self_pid(), ExitReason::Shutdown);
                if look {
                    assert!(cx.mail().is_none());
                    assert!(cx.mail_where(|_| true).is_none());
                }
            }
            WAIT
        });
        send(pid, ());
        end_of(pid);
    }
}

/// A hundred behaviours at rest that talk on both workers lose nothing.
#[runtime::test]
fn a_crowd_that_talks() {
    const COUNT: usize = 100;
    const HOPS: u32 = 500;
    #[derive(Debug)]
    struct Ring(Vec<Pid>);
    let root = self_pid();
    let log = Arc::new(Mutex::new(HashSet::new()));
    let pids: Vec<Pid> = (0..COUNT)
        .map(|_| {
            let mut ring = Vec::new();
            let mut random = 1usize;
            let log = Arc::clone(&log);
            behaviour(move |cx| {
                while let Some(mail) = cx.mail() {
                    match mail.downcast::<Ring>() {
                        Ok(Ring(pids)) => ring = pids,
                        Err(mail) => {
                            let left: u32 = mail.downcast().unwrap();
                            random = random
                                .wrapping_mul(6_364_136_223_846_793_005)
                                .wrapping_add(1);
                            match left {
                                0 => send(root, ()),
                                _ => send(ring[(random >> 33) % ring.len()], left - 1),
                            }
                        }
                    }
                    log.lock().unwrap().insert(std::thread::current().id());
                }
                WAIT
            })
        })
        .collect();
    for &pid in &pids {
        send(pid, Ring(pids.clone()));
    }
    for &pid in &pids {
        send(pid, HOPS);
    }
    for _ in 0..COUNT {
        message::<()>();
    }
    assert!(receive_timeout(NOW).is_none());
}
