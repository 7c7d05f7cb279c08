//! A mortal: what it does while it lives, and how it ends.

use std::io::Read;

use runtime::net::UnixStream;
use runtime::{
    Look, alias_priority, block_on, blocking, cancel_timer, exit_signal_priority, future,
    link_priority, process_info, send_priority,
};

use super::*;

/// A mortal's hold on the world: part of whatever it is, as long as it is.
pub(super) struct Here {
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
            match self.random.below(6) {
                0 => {
                    self.doing("unwinding, asleep");
                    sleep(self.random.micros(500));
                }
                1 => {
                    self.doing("unwinding, receiving");
                    drop(receive_timeout(self.random.micros(500)));
                }
                2 => {
                    self.doing("unwinding, in a call");
                    let time = self.random.micros(500);
                    blocking(move || thread::sleep(time));
                }
                3 => {
                    self.doing("unwinding, reading");
                    self.read_for(500);
                }
                4 => {
                    self.doing("unwinding, in a future");
                    block_on(future::sleep(self.random.micros(500)));
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
    pub(super) fn spawn(
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
        match random.below(36) {
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
                let monitor = match random.below(4) {
                    0 => monitor(pid),
                    2 => Monitor::new().priority().monitor(pid),
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
                if self.random.one_in(4) {
                    link_priority(pid);
                } else {
                    link(pid);
                }
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
            25 => {
                let (_, observer) = world.observer(random);
                let _ = monitor(observer);
            }
            26 | 27 => self.set_a_timer(pid),
            28 | 29 => {
                self.doing("asking");
                match self.random.below(3) {
                    0 => drop(process_info(pid)),
                    1 => drop(Look::new().messages(3).backtrace().at(pid)),
                    _ => {
                        let _ = is_process_alive(pid);
                    }
                }
            }
            30 if random.one_in(2) => {
                let time = random.micros(300);
                self.doing("in a call");
                let answer = blocking(move || {
                    thread::sleep(time);
                    Box::new(time)
                });
                assert_eq!(*answer, time);
            }
            31 => {
                self.doing("reading");
                self.read_for(300);
            }
            32 => {
                let time = random.micros(300);
                self.doing("in a future");
                block_on(future::sleep(time));
            }
            _ => self.urgent(),
        }
    }

    /// A timer to another or to itself, by pid or by name, that may be cancelled, or never come.
    fn set_a_timer(&mut self, pid: Pid) {
        let to = match self.random.one_in(2) {
            true => pid,
            false => self_pid(),
        };
        let time = self.random.micros(2000);
        let timer = match self.random.below(4) {
            0 => send_after(time, self.life.name().as_str(), Junk),
            1 => send_after(Duration::from_secs(3600), to, Junk),
            _ => send_after(time, to, Junk),
        };
        if self.random.one_in(3)
            && let Some(left) = cancel_timer(timer)
            && (left > Duration::from_secs(3600) || cancel_timer(timer).is_some())
        {
            self.world.wrong(format!("cancelled with {left:?} left"));
        }
    }

    /// Waits at a socket to which nobody writes; at most so many microseconds.
    fn read_for(&mut self, micros: u64) {
        // There may be no descriptors left.
        let Ok((mut one, _other)) = UnixStream::pair() else {
            return;
        };
        let time = self.random.micros(micros) + Duration::from_micros(1);
        let _ = one.set_read_timeout(Some(time));
        if let Ok(bytes) = one.read(&mut [0; 8]) {
            self.world.wrong(format!("read {bytes} bytes of none"));
        }
    }

    /// Agrees to priority messages, or sends one: a message or an exit signal.
    fn urgent(&mut self) {
        let world = Arc::clone(&self.world);
        let other = self.random.of(&world.urgent.lock().unwrap());
        match (other, self.random.below(4)) {
            (Some(alias), 0) => send_priority(alias, Junk),
            (Some(alias), 1) => {
                // Only who traps exits is told; nobody ends by it.
                exit_signal_priority(alias, ExitReason::Normal);
            }
            _ => {
                let mode = match self.random.one_in(2) {
                    true => AliasMode::Reply,
                    false => AliasMode::ExplicitUnalias,
                };
                let alias = alias_priority(mode);
                send_priority(alias, Junk);
                let mut urgent = world.urgent.lock().unwrap();
                urgent.push(alias);
                let old = urgent.len().saturating_sub(100);
                drop(urgent.drain(..old));
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
        match self.random.below(19) {
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
            13 => {
                self.doing("reading for ever");
                if let Ok((mut one, _other)) = UnixStream::pair() {
                    let read = one.read(&mut [0; 8]);
                    self.world.wrong(format!("read {read:?} of nothing"));
                }
                self.life.ends_itself_with(&ExitReason::Normal);
                Ok(())
            }
            14 => {
                self.doing("in a future for ever");
                block_on(std::future::pending())
            }
            15 if self.random.one_in(8) => {
                self.doing("in a call for long");
                blocking(|| thread::sleep(Duration::from_millis(20)));
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
