//! Models of a process that is ended in its absence, and comes back meanwhile.

use super::world::{ALIVE, Signal, TRAPS, World, pid};
use crate::loom::sync::Arc;
use crate::loom::thread;
use crate::mailbox::inbox::GONE;
use crate::mailbox::trail::Trail;
use crate::message::AnyMessage;

/// As `zombie::declare`, of a process with an exit signal in its inbox. True if it was ended here.
pub(super) fn declare(world: &World, who: usize) -> bool {
    let peer = world.peer(who);
    let (fatal, mut relations, rest) = {
        let mut relations = peer.relations.lock().unwrap();
        if peer.inbox.is_closed() || peer.inbox.flags() & TRAPS != 0 {
            return false;
        }
        let Some(fatal) = peer.inbox.seize(true) else {
            return false;
        };
        assert!(peer.inbox.set(GONE, ALIVE).is_some());
        let relations = std::mem::take(&mut *relations);
        (fatal, relations, peer.inbox.seize(false))
    };
    let chains = [Some(fatal), rest];
    for envelope in chains
        .into_iter()
        .flatten()
        .flat_map(|chain| chain.into_oldest_first())
    {
        // SAFETY: a chain's envelopes belong to whoever took it.
        match unsafe { AnyMessage::from_raw(envelope) }.downcast::<Signal>() {
            Ok(Signal::Link { from }) => {
                if !relations.links.accept(pid(from)) {
                    world.send(from, Signal::LinkExit { from: who });
                }
            }
            Ok(Signal::Monitor { from }) => _ = relations.monitored_by.insert(from, ()),
            Ok(question @ Signal::Question { .. }) => world.answer_for_the_dead(who, question),
            _ => {}
        }
    }
    world.tell(who, &relations);
    let mut gone = AnyMessage::signal(Signal::Gone);
    gone.header_mut().generation = ALIVE;
    let envelope = gone.into_raw();
    // SAFETY: the envelope is ours.
    match unsafe { peer.inbox.push_on_top(envelope, &Trail::new()) } {
        crate::mailbox::inbox::Pushed::Claimed => {
            // SAFETY: the envelope, and the process, are ours.
            drop(unsafe { AnyMessage::from_raw(envelope) });
            world.end(who);
        }
        crate::mailbox::inbox::Pushed::Queued(_) => {}
        crate::mailbox::inbox::Pushed::Dead => {
            // SAFETY: the envelope came back.
            drop(unsafe { AnyMessage::from_raw(envelope) });
        }
    }
    true
}

/// A process comes back while it is ended in its absence: its end is told once, whoever tells it.
#[test]
fn a_zombie_comes_back() {
    loom::model(|| {
        let world = World::new(2);
        world.monitor(0, 1);
        world.link(0, 1);
        world.drain(1);
        assert!(world.peer(0).inbox.wait());
        world.send(1, Signal::Exit);
        let watchdog = {
            let world = world.clone();
            thread::spawn(move || _ = declare(&world, 1))
        };
        world.run(1);
        watchdog.join().unwrap();
        assert!(!world.at_the_end(1));
        assert!(world.at_the_end(0));
        assert_eq!(
            world.hold(0, |private| (private.downs, private.exits)),
            (1, 1)
        );
        assert!(world.has_no_end(0, 1));
    });
}

/// A monitor and a link that meet a process which is ended in its absence, and does not come back
/// until they have been made: each is told, once.
#[test]
fn a_monitor_meets_a_zombie() {
    for links in [false, true] {
        loom::model(move || {
            let world = World::new(2);
            world.send(1, Signal::Exit);
            let watchdog = {
                let world = world.clone();
                thread::spawn(move || assert!(declare(&world, 1)))
            };
            if links {
                world.link(0, 1);
            } else {
                world.monitor(0, 1);
            }
            world.run(0);
            watchdog.join().unwrap();
            assert!(world.at_the_end(0));
            let told = world.hold(0, |private| (private.downs, private.exits));
            assert_eq!(told, if links { (0, 1) } else { (1, 0) });
            assert!(world.has_no_end(0, 1));
            world.run(1);
            assert!(!world.at_the_end(1));
        });
    }
}

/// A monitor that was sent before the exit, and that the process takes in while it is ended in its
/// absence, is told, once.
#[test]
fn a_monitor_meets_one_that_comes_back() {
    loom::model(|| {
        let world = World::new(2);
        let watchdog = {
            let world = world.clone();
            thread::spawn(move || _ = declare(&world, 1))
        };
        let owner = {
            let world = world.clone();
            thread::spawn(move || world.run(1))
        };
        world.monitor(0, 1);
        world.send(1, Signal::Exit);
        world.run(0);
        watchdog.join().unwrap();
        owner.join().unwrap();
        assert!(world.at_the_end(0));
        assert_eq!(world.hold(0, |private| private.downs), 1);
    });
}

/// A process that links itself to another while it is ended in its absence leaves no half link.
#[test]
fn a_zombie_links() {
    loom::model(|| {
        let world = World::new(2);
        assert!(world.peer(0).inbox.wait());
        world.send(1, Signal::Exit);
        let watchdog = {
            let world = world.clone();
            thread::spawn(move || _ = declare(&world, 1))
        };
        world.link(1, 0);
        world.run(1);
        watchdog.join().unwrap();
        assert!(world.at_the_end(0) && !world.at_the_end(1));
        assert!(world.has_no_end(0, 1));
        assert!(world.hold(0, |private| private.exits) >= 1);
    });
}

/// A process that lives when it has begun to trap exits is not ended by one; nor one that took it
/// for a message and traps none any more.
#[test]
fn an_exit_is_trapped_or_fatal() {
    loom::model(|| {
        let world = World::new(1);
        world.send(0, Signal::Exit);
        let watchdog = {
            let world = world.clone();
            thread::spawn(move || declare(&world, 0))
        };
        let trap = |world: &Arc<World>, traps: bool| {
            let _locked = world.peer(0).relations.lock().unwrap();
            world.hold(0, |private| private.traps = traps);
            if traps {
                let _ = world.peer(0).inbox.set(TRAPS, ALIVE);
            } else {
                let _ = world.peer(0).inbox.clear(TRAPS);
            }
        };
        trap(&world, true);
        let lives = world.peer(0).inbox.takes(ALIVE);
        world.drain(0);
        trap(&world, false);
        let trapped = world.hold(0, |private| private.trapped);
        let ended = watchdog.join().unwrap();
        assert!(trapped != ended, "trapped: {trapped}, ended: {ended}");
        assert!(!(lives && ended), "ended by what it trapped");
    });
}
