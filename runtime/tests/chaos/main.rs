//! Chaos: thousands of processes in random trees of links and monitors, which end each other at
//! every point at which a process can be, and a ledger of what each of them must hear of it.
//!
//! Runs for a few seconds, or for `RUNTIME_STRESS_SECONDS`; a failure names the seed of its round,
//! and `RUNTIME_CHAOS_SEED` begins with that. The seed decides what each process does, not who
//! comes first, so a seed fails again often, not always.
//!
//! A round has *observers*, which trap exits and live through it, and *mortals*. What an observer
//! must hear is known exactly, because it survives: of each monitor that it has not ended one
//! `Down`, of each link one `Exit`, nothing of those that it has ended, of each mortal nothing
//! after its `Down`. With half of the mortals an observer itself links and unlinks, with the other
//! half they do. Everybody who hears the end of a mortal must hear the same reason, which must be
//! one that the mortal had: its own, one that it was sent, or that of a process it was linked to.
//!
//! Mortals wait for messages, time-outs, timers, sockets, futures, calls that block a thread, and answers
//! about each other, on stacks and at rest, and while they unwind; they agree to priority messages, and
//! send them; they trap exits by turns.
//!
//! After each round all are dead, and then no process, stack, name, timer, descriptor or half link is left;
//! over the rounds neither slots nor memory grow. Debug builds poison what is freed.

mod mortal;
mod observer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use mortal::Here;
use observer::Observer;
use runtime::prelude::*;
use runtime::{
    AliasMode, Monitor, MonitorAlias, Monitored, ShutdownReport, SpawnError, TaggedDown, alias,
    demonitor_flush, unalias, unregister,
};

/// How long anything may take that must happen: only what is lost needs it.
const LONG: Duration = Duration::from_secs(60);
const NOW: Duration = Duration::ZERO;
/// Observers of a round.
const OBSERVERS: usize = 8;
/// Mortals of a round.
const MORTALS: u64 = 1500;
/// Rounds on one node.
const ROUNDS: u64 = 4;
/// More slots than this cannot be in use, if those of the dead are used again.
const SLOTS: u64 = 20 * MORTALS;
/// Bytes by which a node may leave more behind than one before it.
const SLACK: i64 = 4 << 20;

/// Counts the bytes that are allocated.
struct Counting;

static BYTES: AtomicI64 = AtomicI64::new(0);

// SAFETY: the system's, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as i64, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as i64, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A generator of numbers, good enough to disturb.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random((seed ^ 0xD6E8_FEB8_6659_FD93).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn micros(&mut self, bound: u64) -> Duration {
        Duration::from_micros(self.below(bound))
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        match list.len() as u64 {
            0 => None,
            len => Some(list[self.below(len) as usize].clone()),
        }
    }
}

/// A reason that no other is equal to.
#[derive(Debug, PartialEq)]
struct Why(u64);

/// The reason of a signal to an observer, which nobody ends with.
#[derive(Debug, PartialEq)]
struct Poke {
    from: u64,
    number: u64,
}

/// The only panic that mortals mean.
const PANIC: &str = "the mortal panics";

/// Messages to observers: each sender's are numbered.
#[derive(Debug)]
struct Letter {
    from: u64,
    number: u64,
}

#[derive(Debug)]
struct OverAlias(Ref);

#[derive(Debug)]
struct Junk;

#[derive(Debug)]
struct Finish;

/// What a link between a mortal and an observer is, as far as the mortal knows.
mod towards {
    pub const NONE: u8 = 0;
    pub const LINKED: u8 = 1;
    pub const UNKNOWN: u8 = 2;
}

/// What is known of a mortal.
#[derive(Default)]
struct Life {
    id: u64,
    pid: OnceLock<Pid>,
    /// Where it was seen last: for whoever reads why a round does not end.
    doing: Mutex<&'static str>,
    /// The reasons that it may have ended with, but for those of its links.
    reasons: Mutex<Vec<ExitReason>>,
    panics: AtomicBool,
    linked: Mutex<Vec<Arc<Life>>>,
    /// What others were told of its end.
    heard: Mutex<Option<ExitReason>>,
    /// Its links to the observers, if it is the one who makes them.
    towards: [AtomicU8; OBSERVERS],
    /// Letters and pokes to each observer.
    sent: [AtomicU64; OBSERVERS],
}

impl Life {
    /// Whether links with observers are the mortal's to make and end; else they are theirs.
    fn links_itself(&self) -> bool {
        self.id % 2 == 1
    }

    fn name(&self) -> String {
        format!("mortal {}", self.id)
    }

    fn may_end_with(&self, reason: &ExitReason) {
        let reason = match reason {
            ExitReason::Kill => ExitReason::Killed,
            ExitReason::Normal => return,
            other => other.clone(),
        };
        self.reasons.lock().unwrap().push(reason);
    }

    fn ends_itself_with(&self, reason: &ExitReason) {
        self.reasons.lock().unwrap().push(reason.clone());
    }

    /// The reason was one that it had.
    fn is_accounted_for(&self) -> bool {
        let Some(heard) = self.heard.lock().unwrap().clone() else {
            return true;
        };
        if let ExitReason::Panic(report) = &heard
            && self.panics.load(SeqCst)
            && report.message() == PANIC
        {
            return true;
        }
        self.reasons.lock().unwrap().contains(&heard)
            || self.linked.lock().unwrap().iter().any(|other| {
                let theirs = other.heard.lock().unwrap();
                theirs.as_ref().is_none_or(|theirs| *theirs == heard)
            })
    }
}

struct World {
    seed: u64,
    over: AtomicBool,
    numbers: AtomicU64,
    born: AtomicU64,
    alive: AtomicI64,
    events: AtomicU64,
    people: Mutex<Vec<Arc<Life>>>,
    by_pid: Mutex<HashMap<Pid, Arc<Life>>>,
    observers: OnceLock<Vec<Pid>>,
    aliases: Mutex<Vec<Ref>>,
    /// Aliases of mortals for priority messages.
    urgent: Mutex<Vec<Ref>>,
    names: Mutex<()>,
    wrong: Mutex<Vec<String>>,
}

impl World {
    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, SeqCst)
    }

    fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    fn someone(&self, random: &mut Random) -> Option<Arc<Life>> {
        let people = self.people.lock().unwrap();
        // The young, mostly: they live.
        let from = if random.one_in(4) {
            0
        } else {
            people.len().saturating_sub(200)
        };
        random.of(&people[from..])
    }

    fn observer(&self, random: &mut Random) -> (usize, Pid) {
        let observers = self.observers.wait();
        let which = random.below(OBSERVERS as u64) as usize;
        (which, observers[which])
    }

    /// Makes a mortal known, once: by itself or by its parent, whoever is first.
    fn settle(&self, life: &Arc<Life>, pid: Pid) {
        let mut by_pid = self.by_pid.lock().unwrap();
        if life.pid.set(pid).is_ok() {
            by_pid.insert(pid, Arc::clone(life));
            self.people.lock().unwrap().push(Arc::clone(life));
        }
    }

    fn reason(&self, random: &mut Random) -> ExitReason {
        match random.below(10) {
            0 => ExitReason::Normal,
            1 => ExitReason::Shutdown,
            2 => ExitReason::shutdown_with(Why(self.number())),
            3 => ExitReason::Kill,
            4 => ExitReason::NoProc,
            5 => ExitReason::NoConnection,
            _ => ExitReason::other(Why(self.number())),
        }
    }

    /// Sends a mortal an exit signal.
    fn signal(&self, to: &Life, reason: ExitReason) {
        let Some(&pid) = to.pid.get() else { return };
        to.may_end_with(&reason);
        self.events.fetch_add(1, SeqCst);
        let kill = reason == ExitReason::Kill;
        let effective = runtime::try_self_pid().is_none();
        exit_signal(pid, reason);
        if kill && effective && is_process_alive(pid) {
            self.wrong(format!("{pid} was killed, and is alive"));
        }
    }

    /// Somebody was told why a mortal ended.
    fn hear(&self, of: &Life, reason: &ExitReason) {
        let Some(&pid) = of.pid.get() else { return };
        if is_process_alive(pid) {
            self.wrong(format!("{pid} is alive, but ended: {reason}"));
        }
        if *reason == ExitReason::NoProc {
            return;
        }
        let mut heard = of.heard.lock().unwrap();
        match &*heard {
            None => *heard = Some(reason.clone()),
            Some(before) if before == reason => {}
            Some(before) => self.wrong(format!("{pid} ended twice: {before}, {reason}")),
        }
    }

    fn send_over_alias(&self, random: &mut Random) {
        let alias = random.of(&self.aliases.lock().unwrap());
        if let Some(alias) = alias {
            send(alias, OverAlias(alias));
        }
    }
}

/// One round; returns how much has happened in it.
fn round(node: &Node, seed: u64) -> u64 {
    let world = Arc::new(World {
        seed,
        over: AtomicBool::new(false),
        numbers: AtomicU64::new(0),
        born: AtomicU64::new(0),
        alive: AtomicI64::new(0),
        events: AtomicU64::new(0),
        people: Mutex::default(),
        by_pid: Mutex::default(),
        observers: OnceLock::new(),
        aliases: Mutex::default(),
        urgent: Mutex::default(),
        names: Mutex::default(),
        wrong: Mutex::default(),
    });
    let (done, observers_done) = mpsc::channel();
    let observers = (0..OBSERVERS).map(|which| {
        let done = done.clone();
        let observer = Observer::new(&world, which);
        let spawn = Spawn::new().node(node).label("observer");
        spawn.spawn(move || observer.observe(&done)).unwrap().pid
    });
    let observers = observers.collect();
    (0..OBSERVERS).for_each(|_| observers_done.recv_timeout(LONG).expect("an observer"));
    world.observers.set(observers).unwrap();

    thread::scope(|scope| {
        for enemy in 0..2 {
            let world = &world;
            scope.spawn(move || {
                let mut random = Random::new(seed ^ 0xE0 ^ enemy);
                let mut pokes = [0; OBSERVERS];
                let from = u64::MAX - enemy;
                while !world.over.load(SeqCst) {
                    if random.one_in(20) {
                        Here::spawn(world, &mut random, None, Some(node));
                    }
                    if random.one_in(20)
                        && let Some(life) = world.someone(&mut random)
                    {
                        world.signal(&life, world.reason(&mut random));
                    }
                    let (which, observer) = world.observer(&mut random);
                    if random.one_in(10) {
                        let number = pokes[which];
                        pokes[which] += 1;
                        exit_signal(observer, ExitReason::other(Poke { from, number }));
                    }
                    if random.one_in(10) {
                        world.send_over_alias(&mut random);
                    }
                    // How dense the trouble is.
                    thread::sleep(random.micros(60));
                }
            });
        }
        let mut random = Random::new(seed);
        let start = Instant::now();
        while world.born.load(SeqCst) < MORTALS && start.elapsed() < LONG / 20 {
            Here::spawn(&world, &mut random, None, Some(node));
            // Most are to be the mortals' own children.
            thread::sleep(Duration::from_micros(500));
        }
        world.over.store(true, SeqCst);
    });

    // Until all are dead: some that were being born are not known yet.
    let start = Instant::now();
    while world.alive.load(SeqCst) > 0 {
        let people = world.people.lock().unwrap().clone();
        for life in people
            .iter()
            .filter(|life| *life.doing.lock().unwrap() != "gone")
        {
            world.signal(life, ExitReason::Kill);
        }
        if start.elapsed() > LONG {
            let doing = |life: &Arc<Life>| {
                let doing = *life.doing.lock().unwrap();
                (doing != "gone").then(|| format!("{:?} {doing}", life.pid))
            };
            let stuck: Vec<_> = people.iter().filter_map(doing).collect();
            panic!(
                "seed {seed}: {} cannot be killed: {stuck:?}",
                world.alive.load(SeqCst)
            );
        }
        // Then those are tried again that live on.
        thread::sleep(Duration::from_millis(2));
    }
    for &observer in world.observers.wait() {
        send(observer, Finish);
    }
    for _ in 0..OBSERVERS {
        if observers_done.recv_timeout(2 * LONG).is_err() {
            world.wrong("an observer does not end".into());
        }
    }
    let people = world.people.lock().unwrap();
    for life in people.iter().filter(|life| !life.is_accounted_for()) {
        world.wrong(format!(
            "{:?} ended with {:?}, and could with {:?}",
            life.pid, life.heard, life.reasons
        ));
    }
    for life in people.iter() {
        let pid = life.pid.get().unwrap().to_string();
        let index: u64 = pid.split('.').nth(1).unwrap().parse().unwrap();
        if index > SLOTS {
            world.wrong(format!("slots are not used again: {pid}"));
        }
        // Lives know each other in circles.
        life.linked.lock().unwrap().clear();
    }
    let wrong = world.wrong.lock().unwrap();
    let first: Vec<_> = wrong.iter().take(10).collect();
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} wrong: {first:#?}",
        wrong.len()
    );
    world.events.load(SeqCst)
}

/// How many descriptors the program has open.
fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}

/// Nothing is left on the node: it asks a process, which is alone.
fn nothing_is_left(node: &Node, seed: u64) {
    let start = Instant::now();
    loop {
        let left = node.run(|| {
            let info = runtime::info().unwrap();
            [
                ("processes", info.processes - 1),
                ("zombies", info.zombies),
                ("names", info.names),
                ("timers", info.timers),
                ("descriptors", info.descriptors),
                ("calls of `blocking`", info.blocking),
                ("stacks", info.standing.iter().sum()),
            ]
        });
        if left.iter().all(|(_, count)| *count == 0) {
            return;
        }
        assert!(start.elapsed() < LONG, "seed {seed}: left are {left:?}");
        thread::yield_now();
    }
}

/// Whatever ends whom, wherever it is: every `Down` and `Exit` that had to come comes once, with a
/// reason that was there, none comes after its monitor or link was ended, and nothing is left.
#[test]
fn chaos() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&PANIC) {
                usual(info);
            }
        }));
    });
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let end = Instant::now() + Duration::from_secs(number("RUNTIME_STRESS_SECONDS").unwrap_or(3));
    let mut seed = number("RUNTIME_CHAOS_SEED").unwrap_or_else(|| {
        let time = std::time::SystemTime::UNIX_EPOCH.elapsed();
        time.map_or(1, |time| time.as_nanos() as u64)
    });
    let (mut nodes, mut events, mut most) = (0, 0, None);
    let descriptors = open();
    while nodes < 2 || Instant::now() < end {
        let node = Builder::new()
            .workers(1 + nodes as usize % 3)
            .start()
            .unwrap();
        for _ in 0..ROUNDS {
            events += round(&node, seed);
            seed = seed.wrapping_add(1);
        }
        nothing_is_left(&node, seed);
        assert_eq!(
            node.shutdown(LONG),
            ShutdownReport::default(),
            "seed {seed}"
        );
        assert_eq!(open(), descriptors, "seed {seed}: descriptors");
        nodes += 1;
        let bytes = BYTES.load(SeqCst);
        // The first nodes fill what is kept for the later ones.
        if nodes <= 6 {
            most = most.max(Some(bytes));
        }
        assert!(
            most.is_some_and(|most| bytes < most + SLACK),
            "seed {seed}: {bytes} bytes are left after {nodes} nodes, {most:?} before"
        );
    }
    println!(
        "{nodes} nodes, {} rounds, {events} events, {most:?} bytes",
        nodes * ROUNDS
    );
}
