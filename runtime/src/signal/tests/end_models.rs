//! Models of the end of a process against what others do to it: links, monitors, kills, names.

use super::world::{ALIVE, KILLED, Signal, World};
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::sync::{Arc, Mutex};
use crate::loom::thread;

/// A link that meets the end of its other end: it is told, once, and nothing is left of it.
#[test]
fn link_meets_exit() {
    loom::model(|| {
        let world = World::new(2);
        let ends = {
            let world = world.clone();
            thread::spawn(move || world.end(1))
        };
        world.link(0, 1);
        world.run(0);
        ends.join().unwrap();
        assert!(world.at_the_end(0));
        assert!(world.has_no_end(0, 1));
        assert_eq!(world.hold(0, |private| private.exits), 1);
    });
}

/// A monitor that meets the end of what it watches fires once.
#[test]
fn monitor_meets_exit() {
    loom::model(|| {
        let world = World::new(2);
        let ends = {
            let world = world.clone();
            thread::spawn(move || {
                world.drain(1);
                world.end(1);
            })
        };
        world.monitor(0, 1);
        world.run(0);
        ends.join().unwrap();
        assert!(world.at_the_end(0));
        assert_eq!(world.hold(0, |private| private.downs), 1);
    });
}

/// A monitor that is taken back while it fires: it stood, and no `Down` comes; or it did not, and
/// one has come.
#[test]
fn demonitor_meets_exit() {
    loom::model(|| {
        let world = World::new(2);
        world.monitor(0, 1);
        world.drain(1);
        // A watcher on this thread would always come first: loom does not go back behind its first look.
        let watcher = {
            let world = world.clone();
            thread::spawn(move || {
                world.drain(0);
                let stood = world.demonitor(0, 1);
                let before = world.hold(0, |private| private.downs);
                assert_eq!(before, usize::from(!stood));
                world.run(0);
                before
            })
        };
        world.end(1);
        let before = watcher.join().unwrap();
        assert!(world.at_the_end(0));
        assert_eq!(world.hold(0, |private| private.downs), before);
    });
}

/// A kill that meets a process falling asleep, and a message's sender that claims it: it wakes, and
/// ends.
#[test]
fn kill_meets_suspend() {
    loom::model(|| {
        let world = World::new(2);
        assert!(world.peer(0).inbox.wait());
        let killer = {
            let world = world.clone();
            thread::spawn(move || {
                let _ = world.peer(1).inbox.set(KILLED, ALIVE);
                world.send(1, Signal::Exit);
            })
        };
        let other = {
            let world = world.clone();
            thread::spawn(move || world.send(1, Signal::Monitor { from: 0 }))
        };
        world.run(1);
        killer.join().unwrap();
        other.join().unwrap();
        assert!(!world.at_the_end(1), "it sleeps, and was killed");
    });
}

/// Two senders claim a waiting process by turns and apply what they bring in place: nothing is
/// lost, and in the end it waits.
#[test]
fn a_claim_applies_in_place() {
    loom::model(|| {
        let world = World::new(3);
        for waits in 0..3 {
            assert!(world.peer(waits).inbox.wait());
        }
        let links = {
            let world = world.clone();
            thread::spawn(move || {
                assert!(world.peer(0).inbox.claim());
                world.link(0, 2);
                world.run(0);
            })
        };
        let watches = {
            let world = world.clone();
            thread::spawn(move || {
                assert!(world.peer(1).inbox.claim());
                world.monitor(1, 2);
                assert!(world.demonitor(1, 2));
                world.run(1);
            })
        };
        links.join().unwrap();
        watches.join().unwrap();
        assert!((0..3).all(|peer| world.at_the_end(peer)));
        assert!(world.is_linked(0, 2) && world.is_linked(2, 0));
        assert!(world.with(2, |own| own.monitored_by.get(&1).is_none()));
    });
}

/// In place of the registry: one name, and two processes. A number is a process's and one; 0 is none.
#[derive(Default)]
struct Names {
    name: AtomicUsize,
    pids: [AtomicUsize; 2],
    changes: Mutex<()>,
}

const NAMED: u32 = 1 << 8;

impl Names {
    /// As `Registry::whereis`.
    fn whereis(&self, world: &World) -> Option<usize> {
        let who = self.name.load(Ordering::Acquire).checked_sub(1)?;
        world.is_live(who).then_some(who)
    }

    /// As `Registry::name_of`.
    fn has_name(&self, world: &World, who: usize) -> bool {
        self.pids[who].load(Ordering::Acquire) == 1 && self.whereis(world) == Some(who)
    }

    /// As `Registry::register`.
    fn register(&self, world: &World, who: usize) -> bool {
        let _changes = self.changes.lock().unwrap();
        if !world.is_live(who) || self.whereis(world).is_some() {
            return false;
        }
        let set = world.peer(who).inbox.set(NAMED, ALIVE);
        if set.is_none() || !world.is_live(who) {
            return false;
        }
        self.pids[who].store(1, Ordering::Release);
        self.name.store(who + 1, Ordering::Release);
        true
    }

    /// As `Registry::release`.
    fn release(&self, who: usize) {
        let _changes = self.changes.lock().unwrap();
        if self.name.load(Ordering::Relaxed) == who + 1 {
            self.name.store(0, Ordering::Release);
        }
        self.pids[who].store(0, Ordering::Release);
    }

    /// As `run::end`.
    fn end(&self, world: &World, who: usize) {
        world.end(who);
        if world.peer(who).inbox.flags_at_end() & NAMED != 0 {
            self.release(who);
        }
    }
}

/// A name that is given to a process that ends is free afterwards, whoever sees the other.
#[test]
fn a_name_goes_with_its_process() {
    loom::model(|| {
        let (world, names) = (World::new(1), Arc::new(Names::default()));
        let ends = {
            let (world, names) = (world.clone(), names.clone());
            thread::spawn(move || names.end(&world, 0))
        };
        names.register(&world, 0);
        ends.join().unwrap();
        assert_eq!(names.name.load(Ordering::Relaxed), 0);
        assert_eq!(names.pids[0].load(Ordering::Relaxed), 0);
    });
}

/// A name that two processes are given at once, while one of them ends, has one of them or none.
#[test]
fn a_name_has_one_process() {
    loom::model(|| {
        let (world, names) = (World::new(2), Arc::new(Names::default()));
        let ends = {
            let (world, names) = (world.clone(), names.clone());
            thread::spawn(move || names.end(&world, 0))
        };
        let first = {
            let (world, names) = (world.clone(), names.clone());
            thread::spawn(move || names.register(&world, 0))
        };
        let second = names.register(&world, 1);
        first.join().unwrap();
        ends.join().unwrap();
        assert_eq!(names.whereis(&world), second.then_some(1));
        assert_eq!(names.name.load(Ordering::Relaxed), 2 * usize::from(second));
    });
}

/// Who sees a name on a process sees it by the name too, and the other way round; a process that was
/// refused is never seen with it.
#[test]
fn a_name_is_seen_at_once() {
    loom::model(|| {
        let (world, names) = (World::new(2), Arc::new(Names::default()));
        let registers = |who| {
            let (world, names) = (world.clone(), names.clone());
            thread::spawn(move || names.register(&world, who))
        };
        let given = [registers(0), registers(1)];
        let by_pid = names.has_name(&world, 0);
        let by_name = names.whereis(&world);
        let again = names.has_name(&world, 0);
        let given = given.map(|one| one.join().unwrap());
        assert!(given[0] != given[1]);
        assert!(!by_pid || by_name == Some(0));
        assert!(by_name != Some(0) || again);
        assert!(!again || given[0]);
    });
}
