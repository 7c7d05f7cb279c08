//! Behaviours: what wakes them, what they find, what they may return.

mod expect;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect::behaviour::{By, DONE, WAIT, behaviour};
use expect::{Census, LONG, NOW, OnDrop, alone, end_of, message, nothing, reports, until};
use runtime::prelude::*;
use runtime::{drive, exit_signal};

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

/// Spawns a process that is such a behaviour, at rest or under `drive`.
fn either(driven: bool, mut behaviour: impl Behaviour + Send) -> Pid {
    match driven {
        true => spawn!(move || {
            drive(&mut behaviour);
        }),
        false => Spawn::new().behaviour(behaviour).unwrap().pid,
    }
}

/// Mail does not hide a time-out: what is due together is reported together, and what is not due
/// is not.
#[test]
fn a_time_out_with_mail() {
    const MAIL: u32 = 100;
    fn time_outs(driven: bool, until: fn(&Cx<'_>) -> Until) -> u32 {
        let root = self_pid();
        let mut count = 0;
        let wake = move |cx: &mut Cx<'_>| {
            count += u32::from(cx.cause().timeout);
            match cx.mail() {
                Some(mail) if mail.is::<&str>() => {
                    send(root, count);
                    DONE
                }
                _ => Next::Wait(until(cx)),
            }
        };
        let pid = either(driven, By(wake));
        for n in 1..MAIL {
            send(pid, n);
        }
        send(pid, "last");
        message()
    }
    alone(|| {
        for driven in [false, true] {
            // The start takes the first message.
            assert_eq!(time_outs(driven, |cx| Until::At(cx.now())), MAIL - 1);
            assert_eq!(time_outs(driven, |_| Until::After(NOW)), MAIL - 1);
            assert_eq!(time_outs(driven, |cx| Until::At(cx.now() + LONG)), 0);
            assert_eq!(time_outs(driven, |_| Until::After(LONG)), 0);
            assert_eq!(time_outs(driven, |_| Until::Forever), 0);
        }
    });
}

/// What wakes a behaviour before it can rest.
#[derive(Clone, Copy)]
enum Unrest {
    Mail,
    Waker,
    Time,
    Become,
}

/// Never rests until it is told to stop.
#[derive(Clone)]
struct Restless {
    by: Unrest,
    wakes: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Restless {
    /// Nobody else has had a turn for so long.
    const TOO_OFTEN: usize = 200_000;
}

impl Behaviour for Restless {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        let wakes = self.wakes.fetch_add(1, Ordering::AcqRel);
        if wakes == Restless::TOO_OFTEN || self.stop.load(Ordering::Acquire) {
            return DONE;
        }
        match self.by {
            Unrest::Mail => {
                cx.mail();
                send(self_pid(), ());
            }
            Unrest::Waker => cx.context().waker().wake_by_ref(),
            Unrest::Time => return Next::Wait(Until::After(NOW)),
            Unrest::Become => return Next::Become(Box::new(self.clone())),
        }
        WAIT
    }
}

/// A behaviour that always has something to do gives others their turn, whatever wakes it, at rest
/// and under `drive`.
#[test]
fn the_restless_give_turns() {
    alone(|| {
        use Unrest::{Become, Mail, Time, Waker};
        for (by, driven) in [Mail, Waker, Time, Become]
            .into_iter()
            .flat_map(|by| [(by, false), (by, true)])
        {
            let restless = Restless {
                by,
                wakes: Arc::default(),
                stop: Arc::default(),
            };
            let (wakes, stop) = (Arc::clone(&restless.wakes), Arc::clone(&restless.stop));
            let pid = either(driven, restless);
            for _ in 0..5 {
                yield_now();
            }
            stop.store(true, Ordering::Release);
            end_of(pid);
            let wakes = wakes.load(Ordering::Acquire);
            assert!(wakes > 5 && wakes < Restless::TOO_OFTEN, "{wakes}");
        }
    });
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

    /// `Hibernate` wakes at once for mail that lies before the save position too.
    #[runtime::test]
    fn hibernates_on_passed_over_mail() {
        for driven in [false, true] {
            let root = self_pid();
            let mut passed = false;
            let pid = either(
                driven,
                By(move |cx: &mut Cx<'_>| {
                    if passed {
                        send(root, cx.mail().is_some());
                        return DONE;
                    }
                    if cx.mail_where(|m| m.is::<&str>()).is_none() {
                        return WAIT;
                    }
                    passed = true;
                    Next::Hibernate(Until::Forever)
                }),
            );
            send(pid, 1u8);
            send(pid, "behind it");
            assert!(message::<bool>());
            end_of(pid);
        }
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

    /// A panic in the destructor of the state ends the process with that panic: at its end, if
    /// that was in order, and when it becomes another.
    #[runtime::test]
    fn a_destructor_that_panics() {
        reports::collect();
        for becomes in [false, true] {
            let last = OnDrop(|| panic!("in the state's destructor"));
            let state = By(move |_: &mut Cx<'_>| {
                let _keep = &last;
                match becomes {
                    true => Next::Become(Box::new(By(|_: &mut Cx<'_>| WAIT))),
                    false => DONE,
                }
            });
            let label = format!("becomes {becomes}");
            let pid = Spawn::new().label(&*label).behaviour(state).unwrap().pid;
            end_of(pid);
            let parts = ["in the state's destructor", &format!("pid={pid}"), &label];
            reports::expect("runtime::process", &parts);
        }
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

/// Mail cannot be taken in a guard: it might be the very message that the guard looks at.
#[runtime::test(workers = 1)]
fn no_mail_in_a_guard() {
    let root = self_pid();
    let pid = behaviour(move |cx| {
        if cx.cause().start {
            return WAIT;
        }
        // It lies in the ring from here on.
        assert!(receive_where(NOW, |_| false).is_none());
        let said = expect::panic_of(|| receive_where(NOW, |_| cx.mail().is_some()));
        assert!(said.contains("inside a guard"), "{said}");
        let said = expect::panic_of(|| receive_where(NOW, |_| cx.mail_where(|_| true).is_some()));
        assert!(said.contains("inside a guard"), "{said}");
        let mail = cx.mail().expect("it kept its place");
        send(root, mail);
        DONE
    });
    yield_now();
    send(pid, "a text of its own".to_owned());
    assert_eq!(message::<String>(), "a text of its own");
}
