//! Turns: who runs when, and where.

mod expect;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use expect::{NOW, alone, end_of, message, until};
use runtime::exit_signal;
use runtime::prelude::*;

/// Uses the processor for so long.
fn work(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

mod turns {
    use super::*;

    /// Counts turns until it is dropped.
    struct Neighbour(Pid, Arc<AtomicUsize>);

    impl Neighbour {
        fn new() -> Neighbour {
            let turns = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&turns);
            let pid = spawn!(move || loop {
                count.fetch_add(1, Ordering::AcqRel);
                yield_now();
            });
            // It has begun, and queues up with the others.
            while turns.load(Ordering::Acquire) == 0 {
                yield_now();
            }
            Neighbour(pid, turns)
        }

        fn turns(&self) -> usize {
            self.1.load(Ordering::Acquire)
        }
    }

    impl Drop for Neighbour {
        fn drop(&mut self) {
            exit_signal(self.0, ExitReason::Kill);
        }
    }

    /// A process that only receives what is in its own mailbox yields when its turn is over.
    #[test]
    fn a_receiver() {
        alone(|| {
            for n in 0..50_000u32 {
                send(self_pid(), n);
            }
            let neighbour = Neighbour::new();
            for n in 0..50_000u32 {
                assert_eq!(receive_type::<u32>(), n);
            }
            assert!(neighbour.turns() > 10, "{}", neighbour.turns());
        });
    }

    /// So does one whose receives time out at once.
    #[test]
    fn a_poller() {
        alone(|| {
            let neighbour = Neighbour::new();
            for _ in 0..50_000 {
                assert!(receive_timeout(NOW).is_none());
            }
            assert!(neighbour.turns() > 10, "{}", neighbour.turns());
        });
    }

    /// A computation that ticks yields when its turn is over.
    #[test]
    fn a_computation() {
        alone(|| {
            let neighbour = Neighbour::new();
            for _ in 0..50_000 {
                tick();
            }
            assert!(neighbour.turns() > 10, "{}", neighbour.turns());
        });
    }

    /// What is spent by sends is a debt that the next switch point pays; the sends themselves never
    /// switch, nor do spawns.
    #[test]
    fn a_sender() {
        alone(|| {
            let sink = Spawn::new().receive_loop(|_| Flow::Continue).unwrap().pid;
            let neighbour = Neighbour::new();
            for _ in 0..10 {
                let before = neighbour.turns();
                for n in 0..10_000u32 {
                    send(sink, n);
                }
                for _ in 0..100 {
                    spawn!(|| {});
                }
                assert_eq!(neighbour.turns(), before, "a send or a spawn has switched");
                tick();
                assert!(neighbour.turns() > before, "the debt was not paid");
            }
        });
    }

    /// Nor do links, monitors, aliases, names, timers, exit signals to others, labels, the dictionary,
    /// wakers and looks at counters switch, however much they cost.
    #[test]
    fn no_switch_points() {
        alone(|| {
            let other = Spawn::new().receive_loop(|_| Flow::Continue).unwrap().pid;
            let neighbour = Neighbour::new();
            let before = neighbour.turns();
            for n in 0..10_000u32 {
                runtime::link(other);
                runtime::unlink(other);
                assert!(demonitor(monitor(other)));
                assert!(!runtime::demonitor_flush(make_ref()));
                let alias = runtime::alias(runtime::AliasMode::ExplicitUnalias);
                send(alias, n);
                assert!(runtime::unalias(alias));
                register("a name", other).unwrap();
                assert_eq!(whereis("a name"), Some(other));
                send("a name", n).unwrap();
                unregister("a name").unwrap();
                assert!(cancel_timer(send_after(expect::LONG, other, n)).is_some());
                send_after(NOW, other, n);
                exit_signal(other, ExitReason::Normal);
                runtime::set_label("the root");
                runtime::dictionary::put("n", n);
                assert!(runtime::mailbox_len(other).is_some());
            }
            assert_eq!(neighbour.turns(), before, "one of them has switched");
            tick();
            assert!(neighbour.turns() > before, "the debt was not paid");
        });
    }

    /// `yield_now` lets each of those that wait have a turn.
    #[test]
    fn yielding() {
        alone(|| {
            let neighbours: Vec<Neighbour> = (0..5).map(|_| Neighbour::new()).collect();
            let before: Vec<usize> = neighbours.iter().map(Neighbour::turns).collect();
            for _ in 0..20 {
                yield_now();
            }
            for (neighbour, before) in neighbours.iter().zip(before) {
                assert!(neighbour.turns() >= before + 10);
            }
        });
    }

    /// Two processes that do nothing but talk to each other leave turns to a third, whether it has
    /// begun, is newborn, or is at rest.
    #[test]
    fn beside_a_pair_that_talks() {
        alone(|| {
            let root = self_pid();
            let turns = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&turns);
            let echo = spawn!(|| loop {
                receive! { to: Pid => send(to, ()) }
            });
            let talker = spawn!(move || loop {
                count.fetch_add(1, Ordering::AcqRel);
                send(echo, self_pid());
                receive_type::<()>();
            });
            let begun = |count: u32| {
                let goal = turns.load(Ordering::Acquire) + count;
                while turns.load(Ordering::Acquire) < goal {
                    yield_now();
                }
            };
            begun(100);
            // The third that has begun is this one: it has just had many turns.
            for _ in 0..20 {
                spawn!(move || send(root, "newborn"));
                assert_eq!(message::<&str>(), "newborn");
                let rest = Spawn::new().receive_loop(move |mail| {
                    send(root, mail);
                    Flow::Exit(ExitReason::Normal)
                });
                send(rest.unwrap().pid, "at rest");
                assert_eq!(message::<&str>(), "at rest");
            }
            exit_signal(talker, ExitReason::Kill);
            exit_signal(echo, ExitReason::Kill);
        });
    }

    /// A newborn that has waited for a millisecond goes before younger ones and before those that
    /// talk.
    #[test]
    fn an_old_newborn() {
        alone(|| {
            let root = self_pid();
            let turns = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&turns);
            let echo = spawn!(|| loop {
                receive! { to: Pid => send(to, ()) }
            });
            let talker = spawn!(move || loop {
                count.fetch_add(1, Ordering::AcqRel);
                work(Duration::from_micros(100));
                send(echo, self_pid());
                receive_type::<()>();
            });
            while turns.load(Ordering::Acquire) < 5 {
                yield_now();
            }
            for _ in 0..3 {
                let (seen, before) = (Arc::clone(&turns), turns.load(Ordering::Acquire));
                spawn!(move || send(root, seen.load(Ordering::Acquire) - before));
                let waited: u32 = message();
                // A budget of 64 turns for those that talk, half of them the talker's, and 8
                // choices at most until it is the newborns'.
                assert!(waited <= 8 * 32 + 10, "{waited} turns");
            }
            exit_signal(talker, ExitReason::Kill);
            exit_signal(echo, ExitReason::Kill);
        });
    }

    /// Times come due while processes talk, and what comes from outside is taken in.
    #[test]
    fn timers_and_strangers() {
        alone(|| {
            let root = self_pid();
            let echo = spawn!(|| loop {
                receive! { to: Pid => send(to, ()) }
            });
            let talker = spawn!(move || loop {
                send(echo, self_pid());
                receive_type::<()>();
            });
            for _ in 0..5 {
                sleep(Duration::from_millis(2));
                let stranger = thread::spawn(move || send(root, "from outside"));
                assert_eq!(message::<&str>(), "from outside");
                stranger.join().unwrap();
            }
            exit_signal(talker, ExitReason::Kill);
            exit_signal(echo, ExitReason::Kill);
        });
    }

    /// Of many that spawn without end, none starves.
    #[test]
    fn a_fountain() {
        alone(|| {
            let root = self_pid();
            let stop = Arc::new(AtomicBool::new(false));
            for _ in 0..3 {
                let told = Arc::clone(&stop);
                fn fountain(told: Arc<AtomicBool>) {
                    if !told.load(Ordering::Acquire) {
                        spawn!(fountain, told);
                    }
                }
                spawn!(fountain, told);
            }
            for n in 0..50u32 {
                let pid = spawn!(move || {
                    yield_now();
                    send(root, n);
                });
                assert_eq!(message::<u32>(), n);
                end_of(pid);
            }
            stop.store(true, Ordering::Release);
        });
    }
}

mod places {
    use super::*;

    /// Processes that one spawns and that have work to do are shared among the workers: newborn ones,
    /// ones at rest, and handlers that wait first.
    #[runtime::test]
    fn work_is_shared() {
        let root = self_pid();
        let job = move || {
            work(Duration::from_millis(1));
            send(root, thread::current().id());
        };
        let used = || -> HashMap<ThreadId, u32> {
            let mut used = HashMap::new();
            for _ in 0..128 {
                *used.entry(message::<ThreadId>()).or_default() += 1;
            }
            used
        };
        for _ in 0..128 {
            spawn!(job);
        }
        assert!(used().len() >= 2, "newborn");

        let rest: Vec<Pid> = (0..128)
            .map(|_| {
                let spawned = Spawn::new().receive_loop(move |_| {
                    job();
                    Flow::Continue
                });
                spawned.unwrap().pid
            })
            .collect();
        rest.iter().for_each(|&pid| send(pid, ()));
        assert!(used().len() >= 2, "at rest");
        rest.iter()
            .for_each(|&pid| exit_signal(pid, ExitReason::Kill));

        let handlers: Vec<Pid> = (0..128)
            .map(|_| {
                spawn!(move || {
                    work(Duration::from_micros(200));
                    receive! { (): () => job() }
                })
            })
            .collect();
        handlers.iter().for_each(|&pid| send(pid, ()));
        let used = used();
        assert!(
            used.values().all(|&share| share < 120),
            "handlers: {used:?}"
        );
    }

    /// Two processes that talk start on one worker, and stay there.
    #[runtime::test]
    fn a_pair_stays_together() {
        let root = self_pid();
        let mut together = 0;
        for _ in 0..20 {
            spawn!(move || {
                let parent = self_pid();
                let mine = thread::current().id();
                let child = spawn!(move || {
                    for _ in 0..100 {
                        receive! { (): () => send(parent, thread::current().id()) }
                    }
                });
                let mut threads = HashSet::from([mine]);
                for _ in 0..100 {
                    send(child, ());
                    threads.insert(receive_type());
                }
                send(root, threads.len());
            });
            together += usize::from(message::<usize>() == 1);
        }
        assert!(together >= 15, "{together} of 20");
    }
}

/// A hundred processes and a hundred behaviours that talk across two workers, sleep, yield, spawn
/// and end lose nothing.
#[runtime::test]
fn a_crowd() {
    #[derive(Debug)]
    struct Token {
        hops: u32,
        random: u64,
    }
    #[derive(Debug)]
    struct Peers(Arc<Vec<Pid>>);

    fn hop(token: Token, peers: &[Pid], root: Pid) {
        let Token { hops, mut random } = token;
        if hops == 0 {
            return send(root, ());
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let token = Token {
            hops: hops - 1,
            random,
        };
        let to = peers[random as usize % peers.len()];
        match random >> 32 & 15 {
            0 => _ = spawn!(move || send(to, token)),
            1 => {
                yield_now();
                send(to, token);
            }
            _ => send(to, token),
        }
    }

    let root = self_pid();
    let pids: Vec<Pid> = (0..200)
        .map(|n| {
            if n % 2 == 0 {
                spawn!(move || {
                    let Peers(peers) = receive_type();
                    loop {
                        receive! {
                            token: Token => hop(token, &peers, root),
                            after Duration::from_micros(300) => sleep(Duration::from_micros(50)),
                        }
                    }
                })
            } else {
                let mut peers = None;
                let mut early = Vec::new();
                let spawned = Spawn::new().receive_loop(move |mail| {
                    match mail.downcast::<Peers>() {
                        Ok(Peers(all)) => {
                            for token in early.drain(..) {
                                hop(token, &all, root);
                            }
                            peers = Some(all);
                        }
                        Err(mail) => {
                            let token: Token = mail.downcast().unwrap();
                            match &peers {
                                Some(peers) => hop(token, peers, root),
                                None => early.push(token),
                            }
                        }
                    }
                    Flow::Continue
                });
                spawned.unwrap().pid
            }
        })
        .collect();
    let all = Arc::new(pids.clone());
    for &pid in &pids {
        send(pid, Peers(Arc::clone(&all)));
    }
    for (n, &pid) in pids.iter().enumerate() {
        let random = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        send(pid, Token { hops: 300, random });
    }
    for _ in 0..200 {
        message::<()>();
    }
    for &pid in &pids {
        exit_signal(pid, ExitReason::Kill);
    }
    until("the end of all", || {
        pids.iter().all(|&pid| !is_process_alive(pid))
    });
}
