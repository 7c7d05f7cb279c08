//! The models' process: an inbox, and what its holder alone touches.
//!
//! Whoever claims the process runs it on the spot, on his own thread: so each change of hands is
//! tried, and loom refuses two holders at a time. At the end of a model the process must wait: a
//! wake-up that was lost leaves it running without a holder.

use std::fmt;
use std::ptr::NonNull;

use super::super::chain::{next, set_next};
use super::super::inbox::{Inbox, Pushed, Woke};
use super::super::trail::Trail;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Arc;
use crate::message::{AnyMessage, Header};

/// A message that loom tracks: what it says was written by its sender alone, and it must be dropped.
pub(super) struct Tracked {
    words: UnsafeCell<u32>,
    _counted: Arc<()>,
}

// SAFETY: one thread at a time owns it, which is what loom checks.
unsafe impl Send for Tracked {}

impl Tracked {
    pub(super) fn new(words: u32) -> Tracked {
        let message = Tracked {
            words: UnsafeCell::new(0),
            _counted: Arc::new(()),
        };
        // SAFETY: the message is ours. A tracked write: loom refuses a reader that is not after it.
        message.words.with_mut(|place| unsafe { *place = words });
        message
    }

    pub(super) fn read(&self) -> u32 {
        // SAFETY: the message is the caller's.
        self.words.with(|words| unsafe { *words })
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracked")
    }
}

/// What the holder alone touches.
#[derive(Default)]
pub(super) struct Private {
    /// What was received, by the generations of the process.
    pub(super) received: Vec<Vec<u32>>,
    /// Messages to those who were here before.
    pub(super) strays: usize,
    /// What the holder does before it waits.
    pub(super) looks: usize,
    pub(super) timer: Timer,
}

/// One process's time-out, see `a_timer_is_not_lost`.
#[derive(Default)]
pub(super) struct Timer {
    pub(super) armed: bool,
    pub(super) fired: usize,
}

/// A slot: its inbox, and its private half.
pub(super) struct Place {
    pub(super) inbox: Inbox,
    private: UnsafeCell<Private>,
    /// What the process does each time before it waits.
    before_wait: fn(&Place),
}

// SAFETY: the private half is touched by the holder alone, which is what loom checks.
unsafe impl Sync for Place {}
// SAFETY: as above.
unsafe impl Send for Place {}

impl Place {
    /// A process that was just spawned; the caller holds it.
    pub(super) fn new() -> Place {
        Place::with(|_| ())
    }

    /// As [`new`](Place::new); the process does this each time before it waits.
    pub(super) fn with(before_wait: fn(&Place)) -> Place {
        let place = Place {
            inbox: Inbox::new(),
            private: UnsafeCell::new(Private::default()),
            before_wait,
        };
        place.spawn();
        place
    }

    /// A new process takes the place.
    pub(super) fn spawn(&self) {
        self.hold(|private| private.received.push(Vec::new()));
        self.inbox.open();
    }

    /// Ends the process that the caller holds. True: another may take the place.
    pub(super) fn end(&self) -> bool {
        for envelope in self.inbox.close().into_oldest_first() {
            // SAFETY: the chain's envelopes are ours.
            drop(unsafe { AnyMessage::from_raw(envelope) });
        }
        self.hold(|_| ());
        self.inbox.retire()
    }

    /// What the holder may do.
    pub(super) fn hold<R>(&self, f: impl FnOnce(&mut Private) -> R) -> R {
        // SAFETY: the caller holds the process, which is what loom checks.
        self.private.with_mut(|private| f(unsafe { &mut *private }))
    }

    /// Runs the process that the caller holds until it waits.
    pub(super) fn run(&self) {
        loop {
            self.drain();
            (self.before_wait)(self);
            if self.inbox.wait() {
                return;
            }
        }
    }

    fn drain(&self) {
        for envelope in self.inbox.take().into_oldest_first() {
            self.accept(envelope);
        }
    }

    fn accept(&self, envelope: NonNull<Header>) {
        // SAFETY: the envelope is the holder's.
        let message = unsafe {
            assert!(next(envelope).is_null(), "a link in a private queue");
            AnyMessage::from_raw(envelope)
        };
        let mine = message.header().generation == self.inbox.generation();
        self.hold(|private| {
            if !mine {
                private.strays += 1;
                return;
            }
            match (
                message.downcast_ref::<Tracked>(),
                private.received.last_mut(),
            ) {
                (Some(said), Some(received)) => received.push(said.read()),
                _ => panic!("a message to a process"),
            }
        });
    }

    /// Sends to the process of the generation `to`, and runs it if it waited. False: it is dead.
    pub(super) fn send(&self, to: u32, words: u32) -> bool {
        let mut message = AnyMessage::new(Tracked::new(words));
        message.header_mut().generation = to;
        let envelope = message.into_raw();
        // SAFETY: the envelope is ours. Like one that is forwarded, it still has the link of the
        // queue that it was in.
        let pushed = unsafe {
            set_next(envelope, envelope.as_ptr());
            self.inbox.push(envelope, to, &Trail::new())
        };
        match pushed {
            Pushed::Queued(_) => true,
            Pushed::Claimed => {
                self.accept(envelope);
                self.run();
                true
            }
            Pushed::Dead => {
                // SAFETY: the envelope came back.
                drop(unsafe { AnyMessage::from_raw(envelope) });
                false
            }
        }
    }

    /// Wakes the process of the generation `to`, and runs it if it waited.
    pub(super) fn wake(&self, flags: u32, to: u32) {
        if self.inbox.wake_with(flags, to) == Woke::Claimed {
            self.run();
        }
    }

    /// At the end, when the caller is alone: the process must wait. What it has seen.
    pub(super) fn at_the_end<R>(&self, f: impl FnOnce(&mut Private) -> R) -> R {
        assert!(self.inbox.claim(), "the process runs, and nobody runs it");
        self.hold(f)
    }
}
