//! Behaviours: what wakes them, what they find, what they may do, where they run.

mod expect;

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect::{Census, NOW, OnDrop, alone, end_of, message, nothing, reports, until};
use runtime::prelude::*;
use runtime::{drive, enter, exit_signal};

/// A behaviour that is a closure.
struct By<F>(F);

impl<F: FnMut(&mut Cx<'_>) -> Next + 'static> Behaviour for By<F> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        (self.0)(cx)
    }
}

fn behaviour(f: impl FnMut(&mut Cx<'_>) -> Next + Send + 'static) -> Pid {
    Spawn::new().behaviour(By(f)).unwrap().pid
}

const WAIT: Next = Next::Wait(Until::Forever);
const DONE: Next = Next::Exit(ExitReason::Normal);

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

mod save_position {
    use super::*;

    #[derive(Debug)]
    struct Woken {
        taken: Vec<u32>,
        wakes: usize,
    }

    /// Takes the even numbers, until it is told to rewind.
    fn even() -> Pid {
        let root = self_pid();
        let (mut wakes, mut odd_too) = (0, false);
        behaviour(move |cx| {
            wakes += 1;
            let mut taken = Vec::new();
            loop {
                let mail = cx.mail_where(|m| match m.downcast_ref::<u32>() {
                    Some(n) => odd_too || n % 2 == 0,
                    None => true,
                });
                match mail.map(AnyMessage::downcast::<u32>) {
                    Some(Ok(n)) => taken.push(n),
                    Some(Err(_)) => {
                        odd_too = true;
                        cx.rewind();
                    }
                    None => break,
                }
            }
            send(root, Woken { taken, wakes });
            WAIT
        })
    }

    /// What `mail_where` passes over stays, in order, and does not wake the process again; mail
    /// beyond it does.
    #[runtime::test(workers = 1)]
    fn survives_wakes() {
        let pid = even();
        let Woken { taken, wakes } = message();
        assert_eq!((taken.len(), wakes), (0, 1));
        let mut all = Vec::new();
        for n in 0..100u32 {
            send(pid, n);
            let Woken { taken, wakes } = message();
            assert_eq!(wakes, n as usize + 2, "one wake for each message");
            all.extend(taken);
        }
        assert!(all.iter().copied().eq((0..100).step_by(2)));
        sleep(Duration::from_millis(2));
        nothing();
        send(pid, "rewind");
        let Woken { taken, .. } = message();
        assert!(taken.into_iter().eq((1..100).step_by(2)));
    }

    /// `mail` takes the oldest, wherever the save position stands, and the position keeps its
    /// place among the messages.
    #[runtime::test(workers = 1)]
    fn mail_ignores_it() {
        let root = self_pid();
        let mut first = true;
        let pid = behaviour(move |cx| {
            if std::mem::take(&mut first) {
                return WAIT;
            }
            // Passes over 0 to 9, and stops behind them.
            let ten = cx.mail_where(|m| m.downcast_ref::<u32>() == Some(&10));
            let oldest = cx.mail();
            let second = cx.mail();
            let next = cx.mail_where(|_| true);
            for mail in [ten, oldest, second, next].into_iter().flatten() {
                send(root, mail);
            }
            cx.rewind();
            while let Some(mail) = cx.mail_where(|_| true) {
                send(root, mail);
            }
            WAIT
        });
        yield_now();
        for n in 0..15u32 {
            send(pid, n);
        }
        let order: Vec<u32> = (0..15).map(|_| message()).collect();
        assert_eq!(order, [10, 0, 1, 11, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14]);
    }

    /// A `mail_where` whose test panics leaves the message in its place.
    #[runtime::test(workers = 1)]
    fn a_test_that_panics() {
        reports::collect();
        let root = self_pid();
        let pid = behaviour(move |cx| {
            for _ in 0..3 {
                let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    cx.mail_where(|m| m.is::<u32>() && panic!("a test's"))
                }));
                if tested.is_ok() {
                    return WAIT;
                }
                cx.rewind();
            }
            while let Some(mail) = cx.mail_where(|_| true) {
                send(root, mail);
            }
            WAIT
        });
        yield_now();
        for n in 0..3u32 {
            send(pid, n);
        }
        assert_eq!([message::<u32>(), message(), message()], [0, 1, 2]);
        nothing();
    }

    /// A test that receives is refused with a clear panic, and the mailbox stays whole.
    #[runtime::test(workers = 1)]
    fn a_test_that_receives() {
        reports::collect();
        let root = self_pid();
        let pid = behaviour(move |cx| {
            for _ in 0..2 {
                // Once with unseen messages, once with messages that were passed over.
                let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    cx.mail_where(|_| receive_timeout(NOW).is_some())
                }));
                match tested {
                    Ok(None) => return WAIT,
                    Ok(Some(mail)) => panic!("{mail:?} was taken"),
                    Err(panic) => {
                        let text = expect::text_of(&*panic);
                        assert!(text.contains("inside a guard"), "{text}");
                    }
                }
                drop(cx.mail_where(|_| false));
                cx.rewind();
            }
            while let Some(mail) = cx.mail() {
                send(root, mail);
            }
            WAIT
        });
        yield_now();
        for n in 0..3u32 {
            send(pid, n);
        }
        assert_eq!([message::<u32>(), message(), message()], [0, 1, 2]);
    }

    /// A receive inside a callback takes from the whole mailbox, and what it leaves beyond the save
    /// position wakes the process again.
    #[runtime::test(workers = 1)]
    fn and_a_receive_inside() {
        let root = self_pid();
        let mut wakes = 0;
        let pid = behaviour(move |cx| {
            wakes += 1;
            if wakes == 2 {
                drop(cx.mail_where(|m| m.is::<char>()));
                // From before the position, and from beyond it.
                assert_eq!(receive_type::<u8>(), 0);
                assert_eq!(receive_type::<u16>(), 1);
                assert_eq!(receive_type::<&str>(), "last");
                return WAIT;
            }
            while let Some(mail) = cx.mail_where(|_| true) {
                send(root, mail);
            }
            send(root, wakes);
            WAIT
        });
        assert_eq!(message::<i32>(), 1);
        send(pid, 2u32);
        send(pid, 0u8);
        send(pid, 'c');
        send(pid, 1u16);
        send(pid, 3u32);
        send(pid, "last");
        assert_eq!(message::<i32>(), 3);
        // 2 lies before the position, 3 beyond it.
        assert_eq!(message::<u32>(), 3);
        nothing();
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

mod blocking {
    use super::*;

    /// A callback may receive and sleep: its worker goes on with others meanwhile, and the state
    /// stays where it is.
    #[runtime::test(workers = 1)]
    fn a_callback_that_blocks() {
        struct Asker {
            root: Pid,
            state: [u64; 8],
        }
        impl Behaviour for Asker {
            fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
                let address = (&raw const self.state).addr();
                while let Some(mail) = cx.mail() {
                    let n: u64 = mail.downcast().unwrap();
                    send(self.root, (self_pid(), n));
                    let answer: u32 = receive_type();
                    sleep(Duration::from_micros(300));
                    self.state[n as usize % 8] += u64::from(answer);
                    assert_eq!((&raw const self.state).addr(), address);
                }
                if self.state.iter().sum::<u64>() == 8 {
                    send(self.root, "done");
                }
                WAIT
            }
        }
        let root = self_pid();
        let askers: Vec<Pid> = (0..20)
            .map(|_| {
                Spawn::new()
                    .behaviour(Asker {
                        root,
                        state: [0; 8],
                    })
                    .unwrap()
                    .pid
            })
            .collect();
        for n in 0..8u64 {
            for &asker in &askers {
                send(asker, n);
            }
        }
        for _ in 0..20 * 8 {
            let (asker, _) = message::<(Pid, u64)>();
            send(asker, 1u32);
        }
        for _ in 0..20 {
            assert_eq!(message::<&str>(), "done");
        }
    }

    /// Thousands of behaviours may block in their callbacks at a time; others come and go
    /// meanwhile, and all return.
    #[runtime::test]
    fn thousands_that_block() {
        const COUNT: usize = 3000;
        let root = self_pid();
        let blocked = Arc::new(AtomicUsize::new(0));
        let pids: Vec<Pid> = (0..COUNT)
            .map(|n| {
                let blocked = Arc::clone(&blocked);
                behaviour(move |cx| {
                    while let Some(mail) = cx.mail() {
                        assert!(mail.is::<&str>());
                        blocked.fetch_add(1, Ordering::AcqRel);
                        let number: usize = receive_type();
                        assert_eq!(number, n);
                        send(root, n);
                    }
                    WAIT
                })
            })
            .collect();
        for round in 1..=2 {
            for &pid in &pids {
                send(pid, "block");
            }
            until("all to block", || {
                blocked.load(Ordering::Acquire) == round * COUNT
            });
            let free = behaviour(move |cx| {
                if cx.mail().is_some() {
                    send(root, "free");
                }
                WAIT
            });
            send(free, ());
            assert_eq!(message::<&str>(), "free");
            for (n, &pid) in pids.iter().enumerate().rev() {
                send(pid, n);
            }
            let returned: HashSet<usize> = (0..COUNT).map(|_| message::<usize>()).collect();
            assert_eq!(returned.len(), COUNT);
        }
    }

    /// A behaviour that is killed while its callback blocks unwinds, and its state is dropped.
    #[runtime::test]
    fn killed_while_it_blocks() {
        let root = self_pid();
        let census = Census::default();
        let pids: Vec<Pid> = (0..100)
            .map(|_| {
                let (state, everyone) = (census.token(), census.clone());
                behaviour(move |_| {
                    let _keep = (&state, everyone.token());
                    send(root, ());
                    receive_any();
                    unreachable!()
                })
            })
            .collect();
        for _ in 0..100 {
            message::<()>();
        }
        assert_eq!(census.count(), 200);
        for pid in pids {
            exit_signal(pid, ExitReason::Kill);
        }
        census.none_is_left();
    }

    /// A behaviour that blocked comes to rest again, and rests and blocks by turns.
    #[runtime::test]
    fn by_turns() {
        let root = self_pid();
        let mut wakes = 0u32;
        let pid = behaviour(move |cx| {
            wakes += 1;
            while cx.mail().is_some() {
                if wakes % 2 == 0 {
                    yield_now();
                    sleep(Duration::from_micros(100));
                }
                send(root, ());
            }
            WAIT
        });
        for _ in 0..5000 {
            send(pid, ());
            message::<()>();
        }
    }
}

mod driven {
    use super::*;

    /// `drive` runs a behaviour whose state cannot be sent, on the caller's stack, and returns its
    /// reason.
    #[runtime::test]
    fn what_is_not_send() {
        let root = self_pid();
        let pid = spawn!(move || {
            let sum = Rc::new(Cell::new(0u64));
            let mine = Rc::clone(&sum);
            let mut counter = By(move |cx: &mut Cx<'_>| {
                while let Some(mail) = cx.mail() {
                    match mail.downcast::<u64>() {
                        Ok(n) => mine.set(mine.get() + n),
                        Err(_) => return Next::Exit(ExitReason::other("told so")),
                    }
                }
                if cx.cause().timeout {
                    send(root, "a time-out");
                }
                Next::Wait(Until::After(Duration::from_millis(5)))
            });
            let reason = drive(&mut counter);
            assert_eq!(reason, ExitReason::other("told so"));
            send(root, sum.get());
        });
        assert_eq!(message::<&str>(), "a time-out");
        for n in 0..=10u64 {
            send(pid, n);
        }
        send(pid, "end");
        assert_eq!(message::<u64>(), 55);
        end_of(pid);
    }

    /// `drive` follows `Become`, `Again` and `Hibernate`, and after it the process goes on.
    #[runtime::test]
    fn all_nexts() {
        let root = self_pid();
        send(root, 1u8);
        let log = Rc::new(Cell::new(0u32));
        let note = Rc::clone(&log);
        let mut step = 0;
        let reason = drive(&mut By(move |cx: &mut Cx<'_>| {
            step += 1;
            note.set(note.get() * 10 + step);
            match step {
                1 => {
                    assert!(cx.cause().start);
                    Next::Again
                }
                2 => {
                    assert!(!cx.cause().start);
                    // The byte lies before the position, and wakes nobody.
                    assert!(cx.mail_where(|m| m.is::<u64>()).is_none());
                    Next::Hibernate(Until::After(Duration::from_millis(2)))
                }
                _ => {
                    assert!(cx.cause().timeout);
                    let mut woken = 0;
                    Next::Become(Box::new(By(move |cx: &mut Cx<'_>| {
                        woken += 1;
                        assert_eq!(cx.cause().start, woken == 1);
                        if woken == 1 {
                            return Next::Again;
                        }
                        Next::Exit(ExitReason::Shutdown)
                    })))
                }
            }
        }));
        assert_eq!(reason, ExitReason::Shutdown);
        assert_eq!(log.get(), 123);
        assert_eq!(message::<u8>(), 1);
        nothing();
    }

    /// A signal ends a driven behaviour like any process that waits.
    #[runtime::test]
    fn ended_by_a_signal() {
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(|| assert!(runtime::panicking()));
            send(root, ());
            drive(&mut By(|_: &mut Cx<'_>| WAIT));
            unreachable!();
        });
        message::<()>();
        exit_signal(pid, ExitReason::Shutdown);
        end_of(pid);
    }
}

mod entered {
    use super::*;

    /// `enter` unwinds the caller's stack first, then starts the behaviour at rest, with the
    /// mailbox as it was.
    #[runtime::test]
    fn unwinds_first() {
        let root = self_pid();
        let census = Census::default();
        let (token, watch) = (census.token(), census.clone());
        let pid = spawn!(move || {
            let _token = token;
            let kept: u8 = receive_type();
            enter(Box::new(By(move |cx: &mut Cx<'_>| {
                assert_eq!(watch.count(), 0);
                let mail = std::iter::from_fn(|| cx.mail()).count();
                send(root, (cx.cause(), mail, kept));
                WAIT
            })))
        });
        send(pid, "left");
        send(pid, 3u8);
        let (cause, mail, kept) = message::<(Cause, usize, u8)>();
        assert!(cause.start);
        assert_eq!((mail, kept), (1, 3));
        assert!(is_process_alive(pid));
        send(pid, ());
        assert_eq!(message::<(Cause, usize, u8)>().1, 1);
    }

    /// A destructor that runs for `enter` may block and send.
    #[runtime::test(workers = 1)]
    fn a_destructor_that_blocks() {
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(move || {
                send(root, "unwinding");
                let n: u32 = receive_type();
                send(root, n);
            });
            enter(Box::new(By(move |cx: &mut Cx<'_>| {
                send(root, cx.mail().is_some());
                WAIT
            })))
        });
        assert_eq!(message::<&str>(), "unwinding");
        send(pid, 5u32);
        assert_eq!(message::<u32>(), 5);
        assert!(!message::<bool>());
        send(pid, ());
        assert!(message::<bool>());
    }

    /// A process that was told to exit does not enter: the signal decides.
    #[runtime::test]
    fn after_a_signal() {
        let entered = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&entered);
        let pid = spawn!(move || {
            exit_signal(self_pid(), ExitReason::Shutdown);
            enter(Box::new(By(move |_: &mut Cx<'_>| {
                flag.store(true, Ordering::Release);
                WAIT
            })))
        });
        end_of(pid);
        assert!(!entered.load(Ordering::Acquire));
    }

    /// A callback may enter another behaviour, and that one again, without end.
    #[runtime::test]
    fn again_and_again() {
        fn step(root: Pid, left: u32) -> ! {
            enter(Box::new(By(move |_: &mut Cx<'_>| match left {
                0 => {
                    send(root, "there");
                    DONE
                }
                _ => step(root, left - 1),
            })))
        }
        let root = self_pid();
        let pid = spawn!(move || step(root, 2000));
        assert_eq!(message::<&str>(), "there");
        end_of(pid);
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
