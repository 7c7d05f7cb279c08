//! Models of priority messages against ordinary ones: both come through the one inbox, and part where
//! they are taken out of it, as in `queue::take_in`, `urgent::take_in` and `Cx::mail`.

use std::collections::VecDeque;

use super::super::inbox::{Inbox, Pushed};
use super::super::trail::Trail;
use super::place::Tracked;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::thread;
use crate::message::AnyMessage;

/// What the holder alone touches.
#[derive(Default)]
struct Private {
    urgent: VecDeque<u32>,
    ordinary: VecDeque<u32>,
    received: Vec<u32>,
}

/// A process that has agreed to priority messages.
struct Desk {
    inbox: Inbox,
    private: UnsafeCell<Private>,
    /// Priority messages of which their sender knows that they are there.
    there: AtomicUsize,
}

// SAFETY: the private half is touched by the holder alone, which is what loom checks.
unsafe impl Sync for Desk {}
// SAFETY: as above.
unsafe impl Send for Desk {}

/// From here on a message has priority.
const URGENT: u32 = 100;

impl Desk {
    fn new() -> Arc<Desk> {
        let desk = Desk {
            inbox: Inbox::new(),
            private: UnsafeCell::new(Private::default()),
            there: AtomicUsize::new(0),
        };
        desk.inbox.open();
        Arc::new(desk)
    }

    fn hold<R>(&self, f: impl FnOnce(&mut Private) -> R) -> R {
        // SAFETY: the caller holds the process, which is what loom checks.
        self.private.with_mut(|private| f(unsafe { &mut *private }))
    }

    fn accept(&self, message: AnyMessage) {
        let words = message.downcast_ref::<Tracked>().map(Tracked::read);
        let words = words.expect("the models' messages only");
        self.hold(|private| match message.header().has_priority() {
            true => private.urgent.push_back(words),
            false => private.ordinary.push_back(words),
        });
    }

    fn send(&self, words: u32) {
        let mut message = AnyMessage::new(Tracked::new(words));
        message.header_mut().generation = 1;
        message.header_mut().set_priority(words >= URGENT);
        let envelope = message.into_raw();
        // SAFETY: the envelope is ours.
        match unsafe { self.inbox.push(envelope, 1, &Trail::new()) } {
            Pushed::Queued(_) => {}
            Pushed::Claimed => {
                // SAFETY: the envelope, and the process, are ours.
                self.accept(unsafe { AnyMessage::from_raw(envelope) });
                self.run();
            }
            Pushed::Dead => unreachable!("it does not end"),
        }
        if words >= URGENT {
            self.there.fetch_add(1, Ordering::Release);
        }
    }

    /// One receive without a time-out. False: there is nothing.
    fn receive(&self) -> bool {
        let there = self.there.load(Ordering::Acquire);
        for envelope in self.inbox.take().into_oldest_first() {
            // SAFETY: a chain's envelopes belong to the holder who took it.
            self.accept(unsafe { AnyMessage::from_raw(envelope) });
        }
        self.hold(|private| {
            let urgent = private.urgent.pop_front();
            let next = urgent.or_else(|| private.ordinary.pop_front());
            let before = private.received.iter().filter(|words| **words >= URGENT);
            let owed = there > before.count();
            assert!(
                !owed || next >= Some(URGENT),
                "{next:?} goes before a priority message that was there"
            );
            private.received.extend(next);
            next.is_some()
        })
    }

    fn run(&self) {
        loop {
            while self.receive() {}
            if self.inbox.wait() {
                return;
            }
        }
    }

    /// At the end, when the caller is alone: what was received, in its order.
    fn received(&self) -> Vec<u32> {
        assert!(self.inbox.claim(), "the process runs, and nobody runs it");
        self.hold(|private| std::mem::take(&mut private.received))
    }
}

/// A priority message goes before what was taken in before it came, and is taken once.
#[test]
fn priority_goes_before_what_waits() {
    loom::model(|| {
        let desk = Desk::new();
        desk.send(1);
        desk.send(2);
        assert!(desk.receive());
        let urgent = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || desk.send(URGENT))
        };
        desk.run();
        urgent.join().unwrap();
        let mut received = desk.received();
        assert_eq!(received[0], 1);
        received.sort();
        assert_eq!(received, [1, 2, URGENT]);
    });
}

/// A priority message and an ordinary one that meet a process falling asleep: both wake it, and none is
/// lost or doubled.
#[test]
fn priority_and_ordinary_meet_suspend() {
    loom::model(|| {
        let desk = Desk::new();
        let senders = [1, URGENT].map(|words| {
            let desk = Arc::clone(&desk);
            thread::spawn(move || desk.send(words))
        });
        desk.run();
        for sender in senders {
            sender.join().unwrap();
        }
        let mut received = desk.received();
        received.sort();
        assert_eq!(received, [1, URGENT]);
    });
}

/// One sender's priority messages keep their order, and no ordinary one that it sends after them goes
/// before them.
#[test]
fn priority_keeps_its_order() {
    loom::model(|| {
        let desk = Desk::new();
        let sender = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || {
                desk.send(URGENT);
                desk.send(URGENT + 1);
                desk.send(1);
            })
        };
        desk.run();
        sender.join().unwrap();
        assert_eq!(desk.received(), [URGENT, URGENT + 1, 1]);
    });
}
