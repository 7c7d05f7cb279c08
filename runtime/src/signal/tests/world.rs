//! The models' processes: inboxes, and relations behind their locks.
//!
//! Whoever claims a process runs it on the spot, as in the mailbox's models. A process waits, ends
//! or is held by the thread that plays it; at the end of a model all must wait or have ended.

use std::num::NonZeroU32;

use super::super::links::{Links, Unlinked};
use super::super::table::Table;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::{Arc, Mutex};
use crate::mailbox::chain::Chain;
use crate::mailbox::inbox::{Inbox, Pushed};
use crate::mailbox::trail::Trail;
use crate::message::{AnyMessage, Kind};
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;

/// The generation of all of them.
pub(super) const ALIVE: u32 = 1;
pub(super) const KILLED: u32 = 1 << 1;
pub(super) const TRAPS: u32 = 1 << 11;

/// As `signal::Signal`, without what the protocols do not look at.
#[derive(Clone, Debug)]
pub(super) enum Signal {
    Link {
        from: usize,
    },
    Unlink {
        from: usize,
        id: u64,
    },
    Unlinked {
        from: usize,
        id: u64,
    },
    LinkExit {
        from: usize,
    },
    Monitor {
        from: usize,
    },
    Demonitor {
        from: usize,
    },
    Down {
        from: usize,
    },
    /// As an envelope of `Kind::Reply`, to the call whose monitor watches `of`.
    Reply {
        of: usize,
        settled: bool,
    },
    Exit,
    /// As `Signal::Gone`.
    Gone,
    /// A deep one is answered by the process itself, when it runs.
    Question {
        from: usize,
        number: u64,
        deep: bool,
    },
    Answer {
        number: u64,
        alive: bool,
    },
}

/// What lies behind the lock.
#[derive(Default)]
pub(super) struct Relations {
    pub(super) links: Links,
    /// Of every process there is one monitor at most.
    pub(super) monitors: Table<usize, (), 1>,
    pub(super) monitored_by: Table<usize, (), 1>,
}

/// What the holder alone touches.
#[derive(Default)]
pub(super) struct Private {
    pub(super) exits: usize,
    pub(super) downs: usize,
    /// Answers to its calls.
    pub(super) replies: usize,
    /// A fatal exit was applied.
    pub(super) fatal: bool,
    /// An exit signal was trapped.
    pub(super) trapped: bool,
    pub(super) traps: bool,
    pub(super) ending: bool,
    /// The number of its last question.
    pub(super) asking: u64,
    /// The answers to that: whether the other is alive.
    pub(super) answers: Vec<bool>,
    /// The questions that it has to answer itself: who asks, and the number.
    asked: Vec<(usize, u64)>,
}

pub(super) struct Peer {
    pub(super) inbox: Inbox,
    pub(super) relations: Mutex<Relations>,
    private: UnsafeCell<Private>,
}

/// Some processes; each is held by the thread that made it until it waits.
pub(super) struct World(Vec<Peer>);

// SAFETY: the private halves are touched by the holder alone, which is what loom checks.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

pub(super) fn pid(of: usize) -> Pid {
    Pid::new(of as u32, NonZeroU32::MIN)
}

fn index(pid: Pid) -> usize {
    pid.index() as usize
}

impl World {
    pub(super) fn new(count: usize) -> Arc<World> {
        let peers = (0..count).map(|_| {
            let peer = Peer {
                inbox: Inbox::new(),
                relations: Mutex::new(Relations::default()),
                private: UnsafeCell::new(Private::default()),
            };
            peer.inbox.open();
            peer
        });
        Arc::new(World(peers.collect()))
    }

    pub(super) fn peer(&self, of: usize) -> &Peer {
        &self.0[of]
    }

    /// What the holder may do.
    pub(super) fn hold<R>(&self, me: usize, f: impl FnOnce(&mut Private) -> R) -> R {
        // SAFETY: the caller holds the process, which is what loom checks.
        self.0[me]
            .private
            .with_mut(|private| f(unsafe { &mut *private }))
    }

    pub(super) fn with<R>(&self, me: usize, f: impl FnOnce(&mut Relations) -> R) -> R {
        f(&mut self.0[me].relations.lock().unwrap())
    }

    /// As `table::is_live`.
    pub(super) fn is_live(&self, of: usize) -> bool {
        let inbox = &self.0[of].inbox;
        !inbox.is_closed() && inbox.takes(ALIVE)
    }

    // As `signal::send` and `scheduler::deliver`.

    pub(super) fn send(&self, to: usize, signal: Signal) {
        let question = match signal {
            Signal::Link { .. }
            | Signal::Unlink { .. }
            | Signal::Monitor { .. }
            | Signal::Question { .. } => Some(signal.clone()),
            _ => None,
        };
        let exit = matches!(signal, Signal::Exit);
        let mut message = AnyMessage::signal(signal);
        message.header_mut().generation = ALIVE;
        if exit {
            message.header_mut().kind = Kind::Exit;
        }
        let inbox = &self.0[to].inbox;
        let envelope = message.into_raw();
        // SAFETY: the envelope is ours.
        match unsafe { inbox.push(envelope, ALIVE, &Trail::new()) } {
            Pushed::Queued(_) => {
                if let Some(question) = question
                    && !inbox.takes(ALIVE)
                {
                    self.answer_for_the_dead(to, question);
                }
            }
            Pushed::Claimed => {
                // SAFETY: the envelope is ours.
                self.accept(to, unsafe { AnyMessage::from_raw(envelope) });
                if self.wakes(to) || !inbox.wait() {
                    self.run(to);
                }
            }
            // SAFETY: the envelope came back.
            Pushed::Dead => match unsafe { AnyMessage::from_raw(envelope) }.downcast::<Signal>() {
                Ok(signal) => self.answer_for_the_dead(to, signal),
                Err(_) => unreachable!(),
            },
        }
    }

    pub(super) fn answer_for_the_dead(&self, to: usize, signal: Signal) {
        match signal {
            Signal::Link { from } => self.send(from, Signal::LinkExit { from: to }),
            Signal::Unlink { from, id } => self.send(from, Signal::Unlinked { from: to, id }),
            Signal::Monitor { from } => self.send(from, Signal::Down { from: to }),
            Signal::Question { from, number, .. } => self.answer(from, number, false),
            _ => {}
        }
    }

    /// As `deliver::claimed`: whether the process has to run for what has come.
    fn wakes(&self, me: usize) -> bool {
        self.hold(me, |private| {
            private.fatal || !private.asked.is_empty() || !private.answers.is_empty()
        })
    }

    fn answer(&self, to: usize, number: u64, alive: bool) {
        self.send(to, Signal::Answer { number, alive });
    }

    /// As `Pending::drop`, of all that the process was asked.
    fn answer_all(&self, me: usize) {
        let (asked, ending) = self.hold(me, |private| {
            (std::mem::take(&mut private.asked), private.ending)
        });
        for (from, number) in asked {
            self.answer(from, number, !ending);
        }
    }

    /// The process, which the caller holds, goes on until it waits, or has taken a fatal exit and
    /// ends.
    pub(super) fn run(&self, me: usize) {
        loop {
            self.drain(me);
            if self.hold(me, |private| private.fatal) {
                return self.end(me);
            }
            self.answer_all(me);
            if self.0[me].inbox.wait() {
                return;
            }
        }
    }

    pub(super) fn drain(&self, me: usize) {
        self.take_in(me, self.0[me].inbox.take());
    }

    fn take_in(&self, me: usize, chain: Chain) {
        for envelope in chain.into_oldest_first() {
            // SAFETY: a chain's envelopes belong to the holder who took it.
            self.accept(me, unsafe { AnyMessage::from_raw(envelope) });
        }
    }

    fn accept(&self, me: usize, message: AnyMessage) {
        match message.downcast::<Signal>() {
            Ok(signal) => self.apply(me, signal),
            Err(_) => unreachable!("signals only"),
        }
    }

    /// As `signal::apply`.
    fn apply(&self, me: usize, signal: Signal) {
        match signal {
            Signal::Link { from } => {
                let linked = self.with(me, |own| own.links.accept(pid(from)));
                if !linked && self.hold(me, |private| private.ending) {
                    self.send(from, Signal::LinkExit { from: me });
                }
            }
            Signal::Unlink { from, id } => {
                self.with(me, |own| own.links.remove(pid(from)));
                self.send(from, Signal::Unlinked { from: me, id });
            }
            Signal::Unlinked { from, id } => {
                if !self.hold(me, |private| private.ending) {
                    self.with(me, |own| own.links.acknowledged(pid(from), id));
                }
            }
            Signal::LinkExit { from } => {
                let link = self.with(me, |own| own.links.forget(pid(from)));
                if link.is_some_and(|link| link.is_active()) {
                    // As if it trapped exits: the models look at what is told.
                    self.hold(me, |private| private.exits += 1);
                }
            }
            Signal::Monitor { from } => _ = self.with(me, |own| own.monitored_by.insert(from, ())),
            Signal::Demonitor { from } => _ = self.with(me, |own| own.monitored_by.remove(&from)),
            Signal::Down { from } => {
                if self.with(me, |own| own.monitors.remove(&from)).is_some() {
                    self.hold(me, |private| private.downs += 1);
                }
            }
            Signal::Reply { of, settled } => {
                // As `alias::admit`.
                if self.with(me, |own| own.monitors.remove(&of)).is_some() {
                    self.hold(me, |private| private.replies += 1);
                    if !settled {
                        self.send(of, Signal::Demonitor { from: me });
                    }
                }
            }
            Signal::Exit => self.hold(me, |private| {
                if private.traps {
                    private.trapped = true;
                } else {
                    private.fatal = true;
                }
            }),
            Signal::Gone => self.hold(me, |private| private.fatal = true),
            Signal::Question { from, number, deep } => {
                let (ending, fatal) = self.hold(me, |private| (private.ending, private.fatal));
                if deep && !ending {
                    self.hold(me, |private| private.asked.push((from, number)));
                } else {
                    self.answer(from, number, !ending && !fatal);
                }
            }
            Signal::Answer { number, alive } => self.hold(me, |private| {
                if private.asking == number {
                    private.answers.push(alive);
                }
            }),
        }
    }

    // As `link`, `unlink`, `monitor`, `demonitor`, of the process that the caller holds.

    pub(super) fn link(&self, me: usize, to: usize) {
        if !self.with(me, |own| own.links.link(pid(to), false)) {
            return;
        }
        if self.is_live(to) {
            self.send(to, Signal::Link { from: me });
            if !self.0[me].inbox.takes(ALIVE) {
                let _ = self.with(me, |own| own.links.link(pid(to), false));
            }
        } else {
            self.with(me, |own| own.links.forget(pid(to)));
            self.hold(me, |private| private.exits += 1);
        }
    }

    pub(super) fn unlink(&self, me: usize, from: usize) {
        if let Unlinked::Tell(id) = self.with(me, |own| own.links.unlink(pid(from))) {
            self.send(from, Signal::Unlink { from: me, id });
        }
    }

    pub(super) fn monitor(&self, me: usize, to: usize) {
        self.with(me, |own| own.monitors.insert(to, ()));
        self.send(to, Signal::Monitor { from: me });
    }

    pub(super) fn demonitor(&self, me: usize, of: usize) -> bool {
        let stood = self.with(me, |own| own.monitors.remove(&of)).is_some();
        if stood {
            self.send(of, Signal::Demonitor { from: me });
        }
        stood
    }

    /// As `send::answer`, to a call of `of`.
    pub(super) fn reply(&self, me: usize, to: usize, of: usize) {
        let has_effect =
            || self.0[me].inbox.takes(ALIVE) && !self.hold(me, |private| private.fatal);
        let settle = |own: &mut Relations| me == of && own.monitored_by.remove(&to).is_some();
        let settled = has_effect() && self.with(me, settle);
        if settled || has_effect() {
            self.send(to, Signal::Reply { of, settled });
        }
    }

    /// As `question::ask`, up to where it waits.
    pub(super) fn ask(&self, me: usize, of: usize, deep: bool) {
        let number = self.hold(me, |private| {
            private.asking += 1;
            private.asking
        });
        let from = me;
        self.send(of, Signal::Question { from, number, deep });
    }

    /// As `question::ask` at its end: what comes later is no answer.
    pub(super) fn take_answers(&self, me: usize) -> Vec<bool> {
        self.hold(me, |private| {
            private.asking += 1;
            std::mem::take(&mut private.answers)
        })
    }

    /// As `run::end`.
    pub(super) fn end(&self, me: usize) {
        self.hold(me, |private| private.ending = true);
        self.take_in(me, self.0[me].inbox.close());
        self.answer_all(me);
        let relations = self.with(me, std::mem::take);
        self.tell(me, &relations);
    }

    /// As `signal::tell`.
    pub(super) fn tell(&self, me: usize, relations: &Relations) {
        for to in relations.links.active() {
            self.send(index(to), Signal::LinkExit { from: me });
            if self.is_live(index(to)) {
                let reason = ExitReason::Shutdown;
                self.with(index(to), |other| other.links.break_off(pid(me), &reason));
            }
        }
        for (&from, ()) in relations.monitored_by.iter() {
            self.send(from, Signal::Down { from: me });
        }
    }

    /// At the end, when the caller is alone: the process waits, or has ended.
    pub(super) fn at_the_end(&self, me: usize) -> bool {
        if self.0[me].inbox.is_closed() {
            return false;
        }
        assert!(self.0[me].inbox.claim(), "it runs, and nobody runs it");
        true
    }

    pub(super) fn is_linked(&self, me: usize, to: usize) -> bool {
        self.with(me, |own| own.links.active().any(|end| end == pid(to)))
    }

    /// Nothing is left of a link of the process's, not even a mark.
    pub(super) fn has_no_end(&self, me: usize, to: usize) -> bool {
        self.with(me, |own| own.links.forget(pid(to))).is_none()
    }
}
