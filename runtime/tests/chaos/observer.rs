//! An observer: what it does, and what it must hear.

use super::*;

/// What an observer knows.
pub(super) struct Observer {
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
    pub(super) fn new(world: &Arc<World>, which: usize) -> Observer {
        Observer {
            world: Arc::clone(world),
            which,
            random: Random::new(world.seed ^ (which as u64) << 32),
            monitors: HashMap::new(),
            links: HashMap::new(),
            broken: HashSet::new(),
            next: HashMap::new(),
            gone: HashSet::new(),
            aliases: HashMap::new(),
            finish: false,
        }
    }

    pub(super) fn observe(mut self, done: &Sender<()>) {
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
