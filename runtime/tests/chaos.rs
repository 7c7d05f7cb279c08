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
//! After each round all are dead, and then no process, name or half link is left; over the rounds
//! neither slots nor memory grow. Debug builds poison what is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use runtime::prelude::*;
use runtime::{
    AliasMode, Monitor, MonitorAlias, Monitored, ShutdownReport, SpawnError, TaggedDown, alias,
    demonitor_flush, registered, unalias, unregister,
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

/// A mortal's hold on the world: part of whatever it is, as long as it is.
struct Here {
    world: Arc<World>,
    life: Arc<Life>,
    random: Random,
    monitors: HashMap<Ref, Arc<Life>>,
    links: Vec<Arc<Life>>,
    slow: bool,
    _alive: Alive,
}

impl Drop for Here {
    fn drop(&mut self) {
        if self.slow && thread::panicking() {
            // Blocked while it unwinds.
            match self.random.below(3) {
                0 => {
                    self.doing("unwinding, asleep");
                    sleep(self.random.micros(500));
                }
                1 => {
                    self.doing("unwinding, receiving");
                    drop(receive_timeout(self.random.micros(500)));
                }
                _ => {
                    self.doing("unwinding, yielding");
                    yield_now();
                }
            }
        }
    }
}

/// One who is alive. Dropped behind whatever [`Here`] does in its own destructor.
struct Alive(Arc<World>, Arc<Life>);

impl Drop for Alive {
    fn drop(&mut self) {
        *self.1.doing.lock().unwrap() = "gone";
        self.0.alive.fetch_sub(1, SeqCst);
    }
}

impl Here {
    /// Spawns a mortal: on a node from outside, or by a process, linked or monitored.
    fn spawn(
        world: &Arc<World>,
        random: &mut Random,
        parent: Option<&mut Here>,
        node: Option<&Node>,
    ) {
        if world.over.load(SeqCst) || world.born.fetch_add(1, SeqCst) >= MORTALS {
            return;
        }
        let life = Arc::new(Life {
            id: world.number(),
            ..Life::default()
        });
        world.alive.fetch_add(1, SeqCst);
        let seed = world.seed ^ life.id;
        let mut here = Here {
            world: Arc::clone(world),
            life: Arc::clone(&life),
            random: Random::new(seed),
            monitors: HashMap::new(),
            links: Vec::new(),
            slow: random.one_in(4),
            _alive: Alive(Arc::clone(world), Arc::clone(&life)),
        };
        let mut options = Spawn::new().priority(match random.below(8) {
            0 => Priority::Low,
            1 => Priority::High,
            2 => Priority::Max,
            _ => Priority::Normal,
        });
        if let Some(node) = node {
            options = options.node(node);
        }
        if random.one_in(100) {
            options = options.own_thread();
        }
        if random.one_in(8) {
            options = options.mailbox_limit(1000, AtLimit::DropNewest);
        }
        let parent = parent.map(|parent| {
            let (link, monitor) = (random.one_in(2), random.one_in(2));
            (parent, link, monitor)
        });
        if let Some((parent, link, monitor)) = &parent {
            if *link {
                options = options.link();
                parent.life.linked.lock().unwrap().push(Arc::clone(&life));
                life.linked.lock().unwrap().push(Arc::clone(&parent.life));
                here.links.push(Arc::clone(&parent.life));
            }
            if *monitor {
                options = options.monitor();
            }
        }
        let spawned = match random.below(5) {
            0 => options.behaviour(AtRest(here)),
            1 => options.receive_loop(move |_| here.on_mail()),
            _ => options.spawn(move || here.live()),
        };
        let spawned = match spawned {
            Ok(spawned) => spawned,
            // Too many with a thread of their own at the moment; nothing was spawned.
            Err(SpawnError::TooManyThreads { .. }) => return,
            Err(error) => return world.wrong(format!("no room for a process: {error}")),
        };
        world.settle(&life, spawned.pid);
        if let Some((parent, link, _)) = parent {
            if link {
                parent.links.push(Arc::clone(&life));
            }
            if let Some(monitor) = spawned.monitor {
                parent.monitors.insert(monitor, life);
            }
        }
    }

    fn doing(&self, what: &'static str) {
        *self.life.doing.lock().unwrap() = what;
    }

    /// Does this and that, and then ends or waits to be ended.
    fn live(mut self) -> Result<(), ExitReason> {
        self.world.settle(&self.life, self_pid());
        if self.random.one_in(3) {
            trap_exit(true);
        }
        for _ in 0..self.random.below(40) {
            self.step();
        }
        self.end()
    }

    fn step(&mut self) {
        let world = Arc::clone(&self.world);
        world.events.fetch_add(1, SeqCst);
        let Some(other) = world.someone(&mut self.random) else {
            return;
        };
        let Some(&pid) = other.pid.get() else { return };
        let random = &mut self.random;
        match random.below(26) {
            0 | 1 => {
                let (which, observer) = world.observer(random);
                let (from, number) = (self.life.id, self.life.sent[which].fetch_add(1, SeqCst));
                if random.one_in(2) {
                    send(observer, Letter { from, number });
                } else {
                    exit_signal(observer, ExitReason::other(Poke { from, number }));
                }
            }
            2 => send(pid, Junk),
            3 => {
                let monitor = match random.below(3) {
                    0 => monitor(pid),
                    1 => monitor(other.name().as_str()),
                    _ => Monitor::new().tag(Why(0)).monitor(pid),
                };
                self.monitors.insert(monitor, other);
            }
            4 => self.end_a_monitor(),
            5 | 6 => {
                self.life.linked.lock().unwrap().push(Arc::clone(&other));
                other.linked.lock().unwrap().push(Arc::clone(&self.life));
                self.life.ends_itself_with(&ExitReason::NoProc);
                self.links.push(Arc::clone(&other));
                self.doing("linking");
                link(pid);
            }
            7 => {
                if let Some(other) = random.of(&self.links) {
                    unlink(*other.pid.get().unwrap_or(&pid));
                }
            }
            8 | 9 => self.link_an_observer(),
            10 => {
                let reason = world.reason(random);
                world.signal(&other, reason);
            }
            11 => world.signal(&other, ExitReason::Kill),
            12 if random.one_in(4) => {
                let reason = world.reason(random);
                world.signal(&self.life, reason);
            }
            13 => drop(register(self.life.name(), self_pid())),
            14 => {
                let name = format!("house {}", random.below(16));
                match random.below(4) {
                    0 => drop(register(name, pid)),
                    1 => drop(unregister(&name)),
                    2 => drop(send(&*name, Junk)),
                    _ => {
                        let name = other.name();
                        drop(unregister(&name));
                    }
                }
            }
            15..18 => {
                let mut random = Random::new(self.random.below(u64::MAX));
                Here::spawn(&world, &mut random, Some(self), None);
            }
            18 => {
                self.doing("yielding");
                yield_now();
            }
            19 => {
                let time = random.micros(300);
                self.doing("sleeping");
                sleep(time);
            }
            20 => {
                let wait = random.micros(300);
                self.doing("receiving");
                if let Some(message) = receive_timeout(wait) {
                    self.read(message);
                }
            }
            21 => drop(trap_exit(random.one_in(2))),
            22 => world.send_over_alias(random),
            23 => {
                let ticks = random.below(5000);
                self.doing("ticking");
                (0..ticks).for_each(|_| tick());
            }
            24 => {
                let mode = match random.one_in(2) {
                    true => AliasMode::Reply,
                    false => AliasMode::ExplicitUnalias,
                };
                let alias = alias(mode);
                send(alias, Junk);
                if random.one_in(2) {
                    unalias(alias);
                }
            }
            _ => {
                let (_, observer) = world.observer(random);
                let _ = monitor(observer);
            }
        }
    }

    /// A monitor is ended: what `demonitor` says agrees with what has come.
    fn end_a_monitor(&mut self) {
        let Some(&watched) = self.monitors.keys().next() else {
            return;
        };
        self.monitors.remove(&watched);
        if self.random.one_in(2) {
            demonitor_flush(watched);
        } else {
            demonitor(watched);
        }
        let is_it = |message: &AnyMessage| {
            let down = message.downcast_ref::<Down>();
            let tagged = message.downcast_ref::<TaggedDown>().map(|t| &t.down);
            down.or(tagged).is_some_and(|down| down.monitor == watched)
        };
        drop(receive_where(NOW, is_it));
        if receive_where(NOW, is_it).is_some() {
            self.world.wrong("a monitor has sent twice".into());
        }
    }

    /// Links to an observer, or unlinks: what is known of it is noted when it is certain, which is
    /// after a switch point has raised nothing.
    fn link_an_observer(&mut self) {
        if !self.life.links_itself() {
            return;
        }
        let (which, observer) = self.world.observer(&mut self.random);
        let state = &self.life.towards[which];
        state.store(towards::UNKNOWN, SeqCst);
        self.doing("linking an observer");
        let then = if self.random.one_in(3) {
            unlink(observer);
            towards::NONE
        } else {
            link(observer);
            towards::LINKED
        };
        yield_now();
        state.store(then, SeqCst);
    }

    /// A mortal only looks at whether a monitor of its own sends once.
    fn read(&mut self, message: AnyMessage) {
        let down = match message.downcast::<Down>() {
            Ok(down) => down,
            Err(other) => match other.downcast::<TaggedDown>() {
                Ok(tagged) => tagged.down,
                Err(_) => return,
            },
        };
        match self.monitors.remove(&down.monitor) {
            Some(life) if matches!(down.object, Monitored::Pid(_)) => {
                self.world.hear(&life, &down.reason);
            }
            Some(_) => {}
            None if self.world.observers.get().is_some_and(|observers| {
                observers
                    .iter()
                    .any(|&pid| down.object == Monitored::Pid(pid))
            }) => {}
            None => self.world.wrong(format!("not monitored: {down:?}")),
        }
    }

    /// One of the ways to end, or to wait for it.
    fn end(mut self) -> Result<(), ExitReason> {
        let reason = match self.world.reason(&mut self.random) {
            // As its own reason it stays what it is.
            ExitReason::NoProc => ExitReason::Normal,
            reason => reason,
        };
        match self.random.below(16) {
            0 => {
                self.life.ends_itself_with(&ExitReason::Normal);
                Ok(())
            }
            1 => {
                self.life.ends_itself_with(&reason);
                Err(reason)
            }
            2 => {
                self.life.ends_itself_with(&reason);
                exit(reason)
            }
            3 => {
                self.life.panics.store(true, SeqCst);
                std::panic::panic_any(PANIC)
            }
            4 => {
                self.doing("asleep");
                loop {
                    sleep(Duration::from_secs(3600));
                }
            }
            5 if self.random.one_in(8) => {
                self.doing("yielding for ever");
                loop {
                    yield_now();
                }
            }
            5 if self.random.one_in(8) => {
                self.doing("ticking for ever");
                loop {
                    tick();
                }
            }
            6 | 7 => {
                self.doing("hibernated");
                hibernate(move || self.live())
            }
            8 | 9 => {
                self.doing("at rest");
                runtime::enter(Box::new(AtRest(self)))
            }
            10 => {
                self.doing("driving");
                let reason = runtime::drive(&mut AtRest(self));
                Err(reason)
            }
            11 => {
                self.doing("swallowing");
                for _ in 0..3 {
                    let _ = catch_unwind(AssertUnwindSafe(|| {
                        let message = receive_any();
                        self.read(message);
                        self.step();
                    }));
                }
                self.life.ends_itself_with(&ExitReason::Normal);
                Ok(())
            }
            12 => {
                self.doing("waiting with a time-out");
                loop {
                    let wait = self.random.micros(2000);
                    if let Some(message) = receive_timeout(wait) {
                        self.read(message);
                    }
                }
            }
            _ => {
                self.doing("waiting");
                loop {
                    let message = receive_any();
                    self.read(message);
                }
            }
        }
    }

    fn on_mail(&mut self) -> Flow {
        self.world.settle(&self.life, self_pid());
        match self.random.below(8) {
            0 => Flow::Hibernate,
            1 => {
                let reason = self.world.reason(&mut self.random);
                self.life.ends_itself_with(&reason);
                Flow::Exit(reason)
            }
            2 => {
                self.step();
                Flow::Continue
            }
            _ => Flow::Continue,
        }
    }
}

/// A mortal between two callbacks.
struct AtRest(Here);

impl Behaviour for AtRest {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        let here = &mut self.0;
        here.world.settle(&here.life, self_pid());
        if cx.cause().start && here.random.one_in(2) {
            trap_exit(here.random.one_in(2));
        }
        while let Some(message) = cx.mail() {
            here.read(message);
        }
        here.doing("in a callback");
        if here.random.one_in(2) {
            here.step();
        }
        if here.random.one_in(4) {
            here.doing("blocked in a callback");
            let wait = here.random.micros(500);
            if let Some(message) = receive_timeout(wait) {
                here.read(message);
            }
        }
        here.doing("at rest");
        match here.random.below(10) {
            0 => Next::Again,
            1 => Next::Hibernate(Until::Forever),
            2 => Next::Hibernate(Until::After(here.random.micros(1000))),
            3 | 4 => Next::Wait(Until::After(here.random.micros(1000))),
            5 => {
                let reason = here.world.reason(&mut here.random);
                here.life.ends_itself_with(&reason);
                Next::Exit(reason)
            }
            _ => Next::Wait(Until::Forever),
        }
    }
}

/// What an observer knows.
struct Observer {
    world: Arc<World>,
    which: usize,
    random: Random,
    /// Its monitors: whom, and whether by name.
    monitors: HashMap<Ref, (Arc<Life>, bool)>,
    /// Its links, as far as they are its own to make.
    links: HashMap<Pid, Arc<Life>>,
    /// Those of whose links it has heard the end.
    broken: HashSet<Pid>,
    /// The next letter or poke of each sender.
    next: HashMap<u64, u64>,
    /// Whose `Down` has come.
    gone: HashSet<u64>,
    aliases: HashMap<Ref, bool>,
    finish: bool,
}

impl Observer {
    fn observe(mut self, done: &Sender<()>) {
        trap_exit(true);
        // From here on it is known: nothing ends it.
        done.send(()).unwrap();
        while !self.finish {
            self.step();
        }
        self.hear_the_rest();
        done.send(()).unwrap();
    }

    fn step(&mut self) {
        let world = Arc::clone(&self.world);
        world.events.fetch_add(1, SeqCst);
        if let Some(life) = world.someone(&mut self.random)
            && let Some(&pid) = life.pid.get()
        {
            let random = &mut self.random;
            match random.below(12) {
                0..3 => {
                    let by_name = random.one_in(6);
                    let object = match by_name {
                        true => Monitored::from(life.name().as_str()),
                        false => Monitored::from(pid),
                    };
                    let mut monitor = Monitor::new();
                    if random.one_in(4) {
                        monitor = monitor.tag(Why(life.id));
                    }
                    let mut aliased = None;
                    if random.one_in(3) {
                        let mode = match random.below(3) {
                            0 => MonitorAlias::ExplicitUnalias,
                            1 => MonitorAlias::Demonitor,
                            _ => MonitorAlias::ReplyDemonitor,
                        };
                        aliased = Some(mode == MonitorAlias::ReplyDemonitor);
                        // Over such an alias nothing is sent but by this process itself, and only
                        // at once: it may end at any time.
                        monitor = monitor.alias(mode);
                    }
                    let watched = monitor.monitor(object);
                    if let Some(once) = aliased
                        && random.one_in(2)
                    {
                        self.over_a_monitor(watched, life, by_name, once);
                    } else {
                        self.monitors.insert(watched, (life, by_name));
                    }
                }
                3 | 4 => self.end_a_monitor(),
                5 | 6 if !life.links_itself() => {
                    if let std::collections::hash_map::Entry::Vacant(entry) = self.links.entry(pid)
                    {
                        entry.insert(life);
                        link(pid);
                    }
                }
                7 => self.unlink(),
                8 => {
                    let once = random.one_in(2);
                    let mode = match once {
                        true => AliasMode::Reply,
                        false => AliasMode::ExplicitUnalias,
                    };
                    let alias = alias(mode);
                    self.aliases.insert(alias, once);
                    world.aliases.lock().unwrap().push(alias);
                }
                9 => {
                    if let Some(&alias) = self.aliases.keys().next() {
                        let was = self.aliases.remove(&alias);
                        if !unalias(alias) && was == Some(false) {
                            world.wrong("an alias has ended by itself".into());
                        }
                        // What is in the mailbox stays.
                        while receive_where(NOW, |m| {
                            m.downcast_ref::<OverAlias>().is_some_and(|o| o.0 == alias)
                        })
                        .is_some()
                        {}
                        world.aliases.lock().unwrap().retain(|&a| a != alias);
                    }
                }
                _ => world.signal(&life, world.reason(random)),
            }
        }
        let wait = self.random.micros(200);
        let mut next = receive_timeout(wait);
        while let Some(message) = next {
            self.hear(message);
            next = receive_timeout(NOW);
        }
    }

    /// A message over a monitor's alias: if that ends the monitor, no `Down` comes.
    fn over_a_monitor(&mut self, watched: Ref, life: Arc<Life>, by_name: bool, once: bool) {
        send(watched, OverAlias(watched));
        let over = |m: &AnyMessage| {
            m.downcast_ref::<OverAlias>()
                .is_some_and(|o| o.0 == watched)
        };
        let arrived = receive_where(NOW, over).is_some();
        if arrived && once {
            if demonitor(watched) || unalias(watched) {
                self.world
                    .wrong("a reply has left its monitor or alias".into());
            }
        } else {
            self.monitors.insert(watched, (life, by_name));
        }
    }

    fn end_a_monitor(&mut self) {
        let Some(&watched) = self.monitors.keys().next() else {
            return;
        };
        self.monitors.remove(&watched);
        let flush = self.random.one_in(2);
        let stood = match flush {
            true => demonitor_flush(watched),
            false => demonitor(watched),
        };
        let down = receive_where(NOW, |message| {
            let down = message.downcast_ref::<Down>();
            let tagged = message.downcast_ref::<TaggedDown>().map(|t| &t.down);
            down.or(tagged).is_some_and(|down| down.monitor == watched)
        });
        if down.is_some() != (!stood && !flush) {
            self.world.wrong(format!(
                "demonitor says {stood} (flush: {flush}), but there was {down:?}"
            ));
        }
    }

    fn unlink(&mut self) {
        let Some(&pid) = self.links.keys().next() else {
            return;
        };
        unlink(pid);
        let life = self.links.remove(&pid);
        // What was in the mailbox stays.
        let exit = receive_where(NOW, |message| {
            let exit = message.downcast_ref::<Exit>();
            exit.is_some_and(|exit| exit.from == Some(pid) && poke(exit).is_none())
        });
        if let (Some(exit), Some(life)) = (exit, life) {
            let exit = exit.downcast::<Exit>().unwrap();
            self.world.hear(&life, &exit.reason);
        }
    }

    fn hear(&mut self, message: AnyMessage) {
        self.world.events.fetch_add(1, SeqCst);
        let message = match message.downcast::<Down>() {
            Ok(down) => return self.down(down, None),
            Err(message) => message,
        };
        let message = match message.downcast::<TaggedDown>() {
            Ok(tagged) => {
                let tag = tagged.tag.downcast_ref::<Why>().map(|why| why.0);
                return self.down(tagged.down, tag);
            }
            Err(message) => message,
        };
        let message = match message.downcast::<Exit>() {
            Ok(exit) => return self.exit(exit),
            Err(message) => message,
        };
        let message = match message.downcast::<Letter>() {
            Ok(letter) => return self.in_order(letter.from, letter.number),
            Err(message) => message,
        };
        let message = match message.downcast::<OverAlias>() {
            Ok(OverAlias(alias)) => {
                match self.aliases.get(&alias) {
                    Some(true) => drop(self.aliases.remove(&alias)),
                    Some(false) => {}
                    None => self
                        .world
                        .wrong("a message over an alias that has ended".into()),
                }
                return;
            }
            Err(message) => message,
        };
        if message.is::<Finish>() {
            self.finish = true;
        } else if !message.is::<Junk>() {
            self.world.wrong(format!("a stray message: {message:?}"));
        }
    }

    fn down(&mut self, down: Down, tag: Option<u64>) {
        let Some((life, by_name)) = self.monitors.remove(&down.monitor) else {
            return self
                .world
                .wrong(format!("not monitored, or twice: {down:?}"));
        };
        if tag.is_some_and(|tag| tag != life.id) {
            self.world.wrong(format!("the tag of another: {down:?}"));
        }
        let object = match by_name {
            true => Monitored::from(life.name().as_str()),
            false => Monitored::Pid(*life.pid.get().unwrap()),
        };
        if down.object != object {
            self.world.wrong(format!("not {object}: {down:?}"));
        }
        if by_name && down.reason == ExitReason::NoProc {
            return;
        }
        self.world.hear(&life, &down.reason);
        self.gone.insert(life.id);
        // One observer at a time: they try the name out.
        let _one = self.world.names.lock().unwrap();
        if let Some(pid) = whereis(&life.name()) {
            let what = format!("{pid} has a name, but is {down:?}");
            self.world.wrong(what);
        }
        if register(life.name(), self_pid()).is_ok() {
            drop(unregister(&life.name()));
        } else {
            let what = format!("a name is not free at {down:?}");
            self.world.wrong(what);
        }
    }

    fn exit(&mut self, exit: Exit) {
        if let Some(Poke { from, number }) = poke(&exit) {
            return self.in_order(*from, *number);
        }
        let Some(from) = exit.from else {
            return self.world.wrong(format!("nobody's exit: {exit:?}"));
        };
        let Some(life) = self.world.by_pid.lock().unwrap().get(&from).cloned() else {
            return self.world.wrong(format!("a stranger's exit: {exit:?}"));
        };
        self.world.hear(&life, &exit.reason);
        let expected = match life.links_itself() {
            true => self.broken.insert(from),
            false => self.links.remove(&from).is_some(),
        };
        if !expected {
            self.world.wrong(format!("not linked, or twice: {exit:?}"));
        }
        self.gone.insert(life.id);
    }

    /// Letters and pokes keep their order, whatever they are, and come before the end.
    fn in_order(&mut self, from: u64, number: u64) {
        let next = self.next.entry(from).or_default();
        if number != *next {
            self.world
                .wrong(format!("{from} sent {next}, and {number} came"));
        }
        *next = number + 1;
        if self.gone.contains(&from) {
            self.world
                .wrong(format!("{from} has ended, and then sent {number}"));
        }
    }

    /// All mortals are gone: what must be heard now comes, and no more.
    fn hear_the_rest(&mut self) {
        let world = Arc::clone(&self.world);
        loop {
            let lacks = self.lacks();
            let Some(lacks) = lacks else { break };
            match receive_timeout(LONG) {
                Some(message) => self.hear(message),
                None => {
                    world.wrong(format!("observer {} waits for {lacks}", self.which));
                    return;
                }
            }
        }
        let start = Instant::now();
        while let Some(&pid) = runtime::links().first() {
            if start.elapsed() > LONG {
                return world.wrong(format!("half a link, to {pid}"));
            }
            yield_now();
        }
        while let Some(message) = receive_timeout(NOW) {
            self.hear(message);
        }
        for life in world.people.lock().unwrap().iter() {
            let heard = life.pid.get().is_some_and(|pid| self.broken.contains(pid));
            if heard && life.towards[self.which].load(SeqCst) == towards::NONE {
                world.wrong(format!(
                    "{:?} was not linked, and yet its end came",
                    life.pid
                ));
            }
        }
    }

    fn lacks(&self) -> Option<String> {
        if let Some((watched, (life, _))) = self.monitors.iter().next() {
            return Some(format!("the Down of {watched}, {:?}", life.pid));
        }
        if let Some(pid) = self.links.keys().next() {
            return Some(format!("the Exit of {pid}"));
        }
        let people = self.world.people.lock().unwrap();
        let linked = people
            .iter()
            .filter(|life| life.towards[self.which].load(SeqCst) == towards::LINKED);
        linked
            .filter_map(|life| life.pid.get())
            .find(|pid| !self.broken.contains(pid))
            .map(|pid| format!("the Exit of {pid}, which has linked itself"))
    }
}

fn poke(exit: &Exit) -> Option<&Poke> {
    exit.reason.downcast_ref()
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
        names: Mutex::default(),
        wrong: Mutex::default(),
    });
    let (done, observers_done) = mpsc::channel();
    let observers = (0..OBSERVERS).map(|which| {
        let done = done.clone();
        let observer = Observer {
            world: Arc::clone(&world),
            which,
            random: Random::new(seed ^ (which as u64) << 32),
            monitors: HashMap::new(),
            links: HashMap::new(),
            broken: HashSet::new(),
            next: HashMap::new(),
            gone: HashSet::new(),
            aliases: HashMap::new(),
            finish: false,
        };
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
                    thread::sleep(random.micros(60));
                }
            });
        }
        let mut random = Random::new(seed);
        let start = Instant::now();
        while world.born.load(SeqCst) < MORTALS && start.elapsed() < LONG / 20 {
            Here::spawn(&world, &mut random, None, Some(node));
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
    while nodes < 2 || Instant::now() < end {
        let node = Builder::new()
            .workers(1 + nodes as usize % 3)
            .start()
            .unwrap();
        for _ in 0..ROUNDS {
            events += round(&node, seed);
            seed = seed.wrapping_add(1);
        }
        let names = node.run(registered);
        assert!(
            names.is_empty(),
            "seed {seed}: names of the dead: {names:?}"
        );
        assert_eq!(
            node.shutdown(LONG),
            ShutdownReport::default(),
            "seed {seed}"
        );
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
