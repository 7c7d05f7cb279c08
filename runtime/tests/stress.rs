//! Stress of mailboxes, slots, wake-ups and time-outs, with everything that races racing.
//!
//! Each test runs for about a second, or for `RUNTIME_STRESS_SECONDS`, and then accounts for what
//! it has made: every message was received or dropped once, every process has ended. A debug
//! build poisons freed envelopes, so that a stale link is found where it is followed.
//!
//! What is lost shows as a test that does not end. No process here panics: one that finds
//! something wrong does, which fails whatever test looks next.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, Once};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use runtime::prelude::*;
use runtime::{ShutdownReport, drop_timer, exit_signal, read_timer, yield_now};

/// How long a process may take to do what it is waited for: only a lost one needs it.
const LONG: Duration = Duration::from_secs(60);

/// Until when a test goes on making trouble.
struct Time(Instant);

impl Time {
    fn start() -> Time {
        let seconds = std::env::var("RUNTIME_STRESS_SECONDS").ok();
        let seconds = seconds.and_then(|n| n.parse().ok()).unwrap_or(1);
        Time(Instant::now() + Duration::from_secs(seconds))
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.0
    }

    /// Lets the rest go by, in which others make the trouble.
    fn pass(&self) {
        thread::sleep(self.0.saturating_duration_since(Instant::now()));
    }
}

/// Panics of the whole program.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn node(workers: usize) -> Node {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            usual(info);
        }));
    });
    Builder::new().workers(workers).start().unwrap()
}

/// All processes of the node end when they are told to, and nobody needs to be killed.
#[track_caller]
fn finish(node: Node) {
    assert_eq!(node.shutdown(LONG), ShutdownReport::default());
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked");
}

/// Counts what is alive of what it has stamped.
#[derive(Clone, Default)]
struct Census(Arc<AtomicI64>);

impl Census {
    fn stamp(&self) -> Stamp {
        self.0.fetch_add(1, Ordering::Relaxed);
        Stamp(Arc::clone(&self.0))
    }

    #[track_caller]
    fn assert_empty(&self) {
        assert_eq!(self.0.load(Ordering::Relaxed), 0);
    }
}

#[derive(Debug)]
struct Stamp(Arc<AtomicI64>);

impl Drop for Stamp {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A generator of numbers, good enough to disturb.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[derive(Debug)]
struct Numbered {
    from: usize,
    number: u64,
    _stamp: Stamp,
}

/// What 64 threads send to one mailbox arrives, each thread's messages in order.
#[test]
fn sixty_four_threads_and_one_mailbox() {
    const THREADS: usize = 64;
    const BATCH: u64 = 200;
    let (time, node, census) = (Time::start(), node(2), Census::default());
    let (done, batches) = mpsc::channel::<()>();
    let collector = Spawn::new().node(&node).spawn(move || {
        let mut next = [0; THREADS];
        let mut sum = 0;
        loop {
            receive! {
                Numbered { from, number, .. } => {
                    assert_eq!(next[from], number, "out of order");
                    next[from] += 1;
                    sum += 1;
                    if sum % (THREADS as u64 * BATCH) == 0 {
                        done.send(()).unwrap();
                    }
                }
            }
        }
    });
    let collector = collector.unwrap().pid;
    let mut number = 0;
    while !time.is_over() {
        thread::scope(|scope| {
            for from in 0..THREADS {
                let census = &census;
                scope.spawn(move || {
                    for number in number..number + BATCH {
                        let _stamp = census.stamp();
                        send(
                            collector,
                            Numbered {
                                from,
                                number,
                                _stamp,
                            },
                        );
                    }
                });
            }
        });
        batches.recv_timeout(LONG).unwrap();
        number += BATCH;
    }
    finish(node);
    census.assert_empty();
}

/// A process's own name, which no other has.
#[derive(Debug)]
struct Letter {
    to: u64,
    _stamp: Stamp,
}

/// The pid that was spawned last in each of a few places, and the name of its process.
type Board = Arc<[Mutex<Option<(Pid, u64)>>; 8]>;

fn an_address(board: &Board, random: &mut Random) -> Option<(Pid, u64)> {
    *board[random.below(8) as usize].lock().unwrap()
}

/// Processes live for a few messages and their slots are used again at once, while others send to
/// pids that were current a moment ago: nobody gets what was meant for another, and nothing
/// leaks.
#[test]
fn letters_to_the_dying() {
    let (time, node, census) = (Time::start(), node(2), Census::default());
    let over = Arc::new(AtomicBool::new(false));
    let lives = Arc::new(AtomicU64::new(0));
    let received = Arc::new(AtomicU64::new(0));
    let board = Board::default();

    /// Lives until it has had its letters, then has a successor in its place on the board.
    fn live(name: u64, letters: u64, received: &AtomicU64) {
        for _ in 0..letters {
            receive! {
                Letter { to, .. } => {
                    assert_eq!(to, name, "another's letter");
                    received.fetch_add(1, Ordering::Relaxed);
                }
                after Duration::from_millis(1) => return,
            }
        }
    }

    for place in 0..8 {
        let (over, lives, received) = (over.clone(), lives.clone(), received.clone());
        let board = Arc::clone(&board);
        let parent = Spawn::new().node(&node).spawn(move || {
            let mut random = Random::new(place as u64 + 1);
            while !over.load(Ordering::Relaxed) {
                let name = lives.fetch_add(1, Ordering::Relaxed);
                let (letters, received) = (random.below(4), received.clone());
                let (me, ended) = (self_pid(), make_ref());
                let pid = spawn!(move || {
                    // Also if the process is killed or panics.
                    struct Last(Pid, Ref);
                    impl Drop for Last {
                        fn drop(&mut self) {
                            send(self.0, self.1);
                        }
                    }
                    let _last = Last(me, ended);
                    live(name, letters, &received);
                });
                *board[place].lock().unwrap() = Some((pid, name));
                receive_ref(ended, LONG, |r: &Ref| *r == ended).expect("a child is lost");
            }
        });
        parent.unwrap();
    }

    let senders: Vec<_> = (0..4)
        .map(|seed| {
            let (board, over, census) = (Arc::clone(&board), over.clone(), census.clone());
            thread::spawn(move || {
                let mut random = Random::new(seed + 100);
                while !over.load(Ordering::Relaxed) {
                    if let Some((pid, to)) = an_address(&board, &mut random) {
                        // A burst, so that some are under way when the process ends.
                        for _ in 0..random.below(8) {
                            send(
                                pid,
                                Letter {
                                    to,
                                    _stamp: census.stamp(),
                                },
                            );
                        }
                    }
                }
            })
        })
        .collect();
    for seed in 0..4 {
        let (board, over, census) = (Arc::clone(&board), over.clone(), census.clone());
        let sender = Spawn::new().node(&node).spawn(move || {
            let mut random = Random::new(seed + 200);
            while !over.load(Ordering::Relaxed) {
                if let Some((pid, to)) = an_address(&board, &mut random) {
                    send(
                        pid,
                        Letter {
                            to,
                            _stamp: census.stamp(),
                        },
                    );
                }
                yield_now();
            }
        });
        sender.unwrap();
    }

    time.pass();
    over.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    finish(node);
    census.assert_empty();
    assert!(lives.load(Ordering::Relaxed) > 8);
    assert!(received.load(Ordering::Relaxed) > 0);
}

/// A newborn with a limited mailbox is not hurt by senders who count at the mailbox of the process
/// that was there before: its first message finds room.
#[test]
fn limits_of_the_newborn() {
    let (time, node, census) = (Time::start(), node(2), Census::default());
    let over = Arc::new(AtomicBool::new(false));
    let board = Board::default();
    let senders: Vec<_> = (0..4)
        .map(|seed| {
            let (board, over, census) = (Arc::clone(&board), over.clone(), census.clone());
            thread::spawn(move || {
                let mut random = Random::new(seed + 1);
                while !over.load(Ordering::Relaxed) {
                    if let Some((pid, to)) = an_address(&board, &mut random) {
                        send(
                            pid,
                            Letter {
                                to,
                                _stamp: census.stamp(),
                            },
                        );
                    }
                }
            })
        })
        .collect();
    let (done, parents) = mpsc::channel::<()>();
    for place in 0..8 {
        let (over, board, done) = (over.clone(), Arc::clone(&board), done.clone());
        let parent = Spawn::new().node(&node).spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let parent = self_pid();
                let body = move || {
                    let name: u64 = receive_type();
                    receive! {
                        Letter { to, .. } => assert_eq!(to, name, "another's letter"),
                        after Duration::from_millis(1) => {}
                    }
                    send(parent, name);
                };
                let child = Spawn::new().mailbox_limit(64, AtLimit::DropNewest);
                let pid = child.spawn(body).unwrap().pid;
                // The first to a mailbox that is empty.
                let name = place as u64;
                send(pid, name);
                *board[place].lock().unwrap() = Some((pid, name));
                receive! {
                    n: u64 => assert_eq!(n, name),
                    after LONG => panic!("the first message was dropped"),
                }
            }
            done.send(()).unwrap();
        });
        parent.unwrap();
    }
    time.pass();
    over.store(true, Ordering::Relaxed);
    for _ in 0..8 {
        parents.recv_timeout(2 * LONG).unwrap();
    }
    for sender in senders {
        sender.join().unwrap();
    }
    finish(node);
    census.assert_empty();
}

/// Trees of processes, spawned and gone at once, on all workers: each leaf reports once.
#[test]
fn storms_of_spawns() {
    fn grow(depth: u32, root: Pid, census: &Census) {
        if depth == 0 {
            send(root, census.stamp());
            return;
        }
        for _ in 0..8 {
            let census = census.clone();
            spawn!(move || grow(depth - 1, root, &census));
        }
    }
    let (time, node, census) = (Time::start(), node(2), Census::default());
    while !time.is_over() {
        let census = census.clone();
        node.run(move || {
            let me = self_pid();
            for _ in 0..4 {
                let census = census.clone();
                spawn!(move || grow(3, me, &census));
            }
            for _ in 0..4 * 8 * 8 * 8 {
                receive! {
                    _stamp: Stamp => {}
                    after LONG => panic!("a leaf is lost"),
                }
            }
        });
    }
    finish(node);
    census.assert_empty();
}

#[derive(Debug)]
struct Ask(Pid, Ref, u64);
#[derive(Debug)]
struct Answer(Ref, u64);

/// A question, its answer, and a time-out that races with it, between processes on all workers: no
/// time-out is early, and no answer is lost, however late.
#[test]
fn answers_race_with_time_outs() {
    let (time, node) = (Time::start(), node(2));
    let over = Arc::new(AtomicBool::new(false));
    let (done, clients) = mpsc::channel::<u64>();
    for seed in 1..=8 {
        let (over, done) = (over.clone(), done.clone());
        let client = Spawn::new().node(&node).spawn(move || {
            let mut random = Random::new(seed);
            let server = spawn!(move || {
                let mut random = Random::new(seed + 50);
                loop {
                    receive! {
                        Ask(from, tag, n) => {
                            match random.below(6) {
                                0 => sleep(Duration::from_micros(random.below(3000))),
                                1 => yield_now(),
                                _ => {}
                            }
                            send(from, Answer(tag, n));
                        }
                    }
                }
            });
            let mut timeouts = 0;
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                n += 1;
                let tag = make_ref();
                send(server, Ask(self_pid(), tag, n));
                let patience = Duration::from_micros(random.below(3000));
                let start = Instant::now();
                let answer = receive_ref(tag, patience, |answer: &Answer| answer.0 == tag);
                let answer = answer.unwrap_or_else(|| {
                    assert!(start.elapsed() >= patience, "early");
                    timeouts += 1;
                    receive_ref(tag, LONG, |answer: &Answer| answer.0 == tag).expect("lost")
                });
                assert_eq!(answer.1, n);
            }
            assert_eq!(mailbox_len(), 0);
            done.send(timeouts).unwrap();
        });
        client.unwrap();
    }
    time.pass();
    over.store(true, Ordering::Relaxed);
    let timeouts: u64 = (0..8)
        .map(|_| clients.recv_timeout(2 * LONG).unwrap())
        .sum();
    assert!(timeouts > 0, "nothing raced");
    finish(node);
}

fn mailbox_len() -> usize {
    runtime::mailbox_len(self_pid()).unwrap()
}

/// Something that becomes ready, as a future waits for it.
#[derive(Default)]
struct Source {
    ready: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

/// Polls its source until it has seen `goal`, then reports.
struct Poller {
    source: Arc<Source>,
    goal: u64,
    done: Sender<u64>,
    mail: u64,
}

impl Behaviour for Poller {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        while cx.mail().is_some() {
            self.mail += 1;
        }
        if cx.cause().start {
            *self.source.waker.lock().unwrap() = Some(cx.context().waker().clone());
        }
        // Only when woken for it: then it must be all that was made ready before.
        let seen = match cx.cause().start || cx.cause().future {
            true => self.source.ready.load(Ordering::Relaxed),
            false => 0,
        };
        if seen >= self.goal {
            self.done.send(self.mail).unwrap();
            return Next::Exit(ExitReason::Normal);
        }
        Next::Wait(Until::Forever)
    }
}

/// Wakers called from foreign threads, while mail comes: the process sees what was made ready
/// before the last call, and wakers that outlive it hit nobody.
#[test]
fn wakers_from_outside() {
    const THREADS: usize = 4;
    const CALLS: u64 = 200;
    let (time, node) = (Time::start(), node(2));
    let outlived = Mutex::new(Vec::new());
    while !time.is_over() {
        let source = Arc::new(Source::default());
        let (done, end) = mpsc::channel();
        let poller = Poller {
            source: source.clone(),
            goal: THREADS as u64 * CALLS,
            done,
            mail: 0,
        };
        let poller = Spawn::new().node(&node).behaviour(poller).unwrap().pid;
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for n in 0..CALLS {
                        if n % 16 == 0 {
                            send(poller, n);
                        }
                        source.ready.fetch_add(1, Ordering::Relaxed);
                        // None before the first poll, which looks for itself.
                        if let Some(waker) = &*source.waker.lock().unwrap() {
                            waker.wake_by_ref();
                        }
                        if n % 64 == 0
                            && let Some(old) = outlived.lock().unwrap().pop()
                        {
                            Waker::wake(old);
                        }
                    }
                });
            }
        });
        end.recv_timeout(LONG).expect("a wake-up is lost");
        outlived
            .lock()
            .unwrap()
            .extend(source.waker.lock().unwrap().take());
    }
    finish(node);
}

/// What the processes of the mixture know of each other.
struct Town {
    people: Mutex<HashMap<usize, Pid>>,
    census: Census,
    over: AtomicBool,
    born: AtomicUsize,
    kills: AtomicUsize,
}

impl Town {
    fn someone(&self, random: &mut Random) -> Option<Pid> {
        let people = self.people.lock().unwrap();
        let house = random.below(people.len().max(1) as u64) as usize;
        people.get(&house).copied()
    }

    /// A new process moves in.
    fn settle(self: &Arc<Town>, house: usize, seed: u64) {
        let town = Arc::clone(self);
        self.born.fetch_add(1, Ordering::Relaxed);
        let pid = spawn!(move || town.inhabit(house, seed));
        self.people.lock().unwrap().insert(house, pid);
    }

    /// Does this and that, and leaves the house to another, however it ends.
    fn inhabit(self: Arc<Town>, house: usize, seed: u64) {
        struct Heir(Arc<Town>, usize, u64);
        impl Drop for Heir {
            fn drop(&mut self) {
                if !self.0.over.load(Ordering::Relaxed) {
                    self.0.settle(self.1, self.2 + 1);
                }
            }
        }
        let _heir = Heir(Arc::clone(&self), house, seed);
        let mut random = Random::new(seed);
        for _ in 0..random.below(100) {
            let Some(other) = self.someone(&mut random) else {
                return;
            };
            match random.below(12) {
                0..6 => {
                    let to = random.below(3);
                    send(
                        other,
                        Letter {
                            to,
                            _stamp: self.census.stamp(),
                        },
                    );
                }
                6 => receive! {
                    Letter { to: 2, .. } => {}
                    after Duration::from_micros(random.below(1000)) => {}
                },
                7 => drop(receive_timeout(Duration::from_micros(random.below(200)))),
                8 => yield_now(),
                9 => sleep(Duration::from_micros(random.below(500))),
                10 => {
                    exit_signal(other, ExitReason::Kill);
                    assert!(!is_process_alive(other), "killed, and alive");
                    self.kills.fetch_add(1, Ordering::Relaxed);
                }
                _ => exit_signal(other, ExitReason::Normal),
            }
        }
    }
}

/// A mixture of everything, with kills: every message is accounted for, every process ends.
#[test]
fn a_mixture_with_kills() {
    let (time, node) = (Time::start(), node(2));
    let town = Arc::new(Town {
        people: Mutex::default(),
        census: Census::default(),
        over: AtomicBool::new(false),
        born: AtomicUsize::new(0),
        kills: AtomicUsize::new(0),
    });
    let settlers = Arc::clone(&town);
    node.run(move || (0..100).for_each(|house| settlers.settle(house, house as u64 * 1_000_000)));
    time.pass();
    town.over.store(true, Ordering::Relaxed);
    finish(node);
    town.census.assert_empty();
    assert!(town.born.load(Ordering::Relaxed) > 100);
    assert!(town.kills.load(Ordering::Relaxed) > 0);
    assert_eq!(Arc::strong_count(&town), 1, "a process was not unwound");
}

/// What is sent to the dead takes no room in the limited mailbox of the process that has their slot
/// now: a mailbox for one message always takes one.
#[test]
fn strays_take_no_room() {
    let time = Time::start();
    let node = node(2);
    let dead = Arc::new(AtomicU64::new(0));
    let pids: Arc<Mutex<Option<Pid>>> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let strays: Vec<_> = (0..2)
        .map(|_| {
            let (pids, over, dead) = (Arc::clone(&pids), Arc::clone(&over), Arc::clone(&dead));
            thread::spawn(move || {
                while !over.load(Ordering::Acquire) {
                    let Some(pid) = *pids.lock().unwrap() else {
                        continue;
                    };
                    // While it lives, while it ends, and when it is long gone.
                    while is_process_alive(pid) {
                        send(pid, "stray");
                    }
                    (0..50).for_each(|_| send(pid, "stray"));
                    dead.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let shared = Arc::clone(&pids);
    node.run(move || {
        let root = self_pid();
        let limited = |f: Box<dyn FnOnce() + Send>| {
            let spawn = Spawn::new().mailbox_limit(1, AtLimit::DropNewest);
            spawn.spawn(f).unwrap().pid
        };
        while !time.is_over() {
            // The strays are for this one, and for whoever comes after it.
            let victim = limited(Box::new(|| drop(receive_any())));
            *shared.lock().unwrap() = Some(victim);
            while is_process_alive(victim) {
                yield_now();
            }
            for n in 0..20u32 {
                let pid = limited(Box::new(move || {
                    let n: u32 = receive_type();
                    send(root, n);
                }));
                send(pid, n);
                let answer = receive! { m: u32 => Some(m), after LONG => None };
                assert_eq!(answer, Some(n), "the mailbox of {pid} was full");
            }
        }
    });
    over.store(true, Ordering::Release);
    for stray in strays {
        stray.join().unwrap();
    }
    finish(node);
}

/// Timers are set for processes that die meanwhile, by themselves, by neighbours and from outside,
/// and cancelled by all of them while they are due: each message is received or dropped once, none
/// is early, no cancelled one comes, and with its destination every timer is gone.
#[test]
fn timers_and_the_dying() {
    #[derive(Debug)]
    struct Alarm {
        due: Instant,
        to: Pid,
        _stamp: Stamp,
    }
    fn set(to: Pid, census: &Census, random: &mut Random) -> TimerRef {
        let time = Duration::from_micros(random.below(3000));
        let due = Instant::now() + time;
        let _stamp = census.stamp();
        send_after(time, to, Alarm { due, to, _stamp })
    }
    fn live(root: Pid, seed: u64, census: &Census, board: &Board) {
        let me = self_pid();
        let mut random = Random::new(seed);
        *board[random.below(8) as usize].lock().unwrap() = Some((me, seed));
        let mut own = Vec::new();
        for _ in 0..random.below(6) {
            own.push(set(me, census, &mut random));
            if let Some((neighbour, _)) = an_address(board, &mut random) {
                own.push(set(neighbour, census, &mut random));
            }
        }
        // Never due: only the end of the process frees it.
        let _stamp = census.stamp();
        send_after(LONG * 60, me, _stamp);
        for timer in own {
            match random.below(4) {
                0 => drop_timer(timer),
                1 => drop(cancel_timer(timer)),
                _ => drop(read_timer(timer)),
            }
        }
        for _ in 0..random.below(4) {
            receive! {
                Alarm { due, to, .. } => {
                    assert!(Instant::now() >= due, "early");
                    assert_eq!(to, me, "another's alarm");
                }
                after Duration::from_millis(2) => {}
            }
        }
        send(root, ());
    }
    let (time, node, census) = (Time::start(), node(2), Census::default());
    let board = Board::default();
    let over = Arc::new(AtomicBool::new(false));
    let outside = {
        let (board, census, over) = (board.clone(), census.clone(), over.clone());
        thread::spawn(move || {
            let mut random = Random::new(77);
            let mut set_before = None;
            while !over.load(Ordering::Relaxed) {
                if let Some((to, _)) = an_address(&board, &mut random) {
                    let timer = set(to, &census, &mut random);
                    if let Some(before) = set_before.replace(timer) {
                        cancel_timer(before);
                    }
                }
            }
        })
    };
    let mut seed = 0;
    while !time.is_over() {
        seed += 1000;
        let (board, census) = (board.clone(), census.clone());
        node.run(move || {
            let root = self_pid();
            for n in 0..100 {
                let (board, census) = (board.clone(), census.clone());
                spawn!(move || live(root, seed + n, &census, &board));
            }
            for _ in 0..100 {
                let done = receive! { (): () => true, after LONG => false };
                assert!(done, "a process is lost");
            }
        });
    }
    over.store(true, Ordering::Relaxed);
    outside.join().unwrap();
    finish(node);
    census.assert_empty();
}
