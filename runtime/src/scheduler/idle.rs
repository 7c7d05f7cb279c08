//! Who sleeps, who searches, and who wakes whom.
//!
//! One [`Idle`] per node. Workers call it when they run out of work; whoever makes work calls
//! [`Idle::notify_one`] (anybody may take it) or [`Idle::poke`] (that worker alone can). The
//! promise: **no work that may be stolen waits while a worker with a seat sleeps and nobody
//! searches**, and nobody pays for it but who falls asleep. README.md has the argument.
//!
//! ```text
//!            begin_search             sleep
//!   busy ---------------> searching --------> asleep with a seat
//!    ^  <---------------      ^  |   <--------  |  |
//!    |    Searcher::drop      |  |    Woken::   |  | Woken::Poked, Woken::TimedOut
//!    +------------------------|--|--------------|--+
//!                             |  | give_up, then the seat is given away
//!                             |  +-----------------------> sleep_without_seat
//! ```
//!
//! Invariants:
//! * a worker's state changes by read-modify-write only (`park`);
//! * a worker's bit in the idle set, and its part of the sleeper count, are set and cleared by that
//!   worker alone, and only while it has a seat;
//! * a place among the searchers is a [`Searcher`], held by one thread at a time; the only moment
//!   without an owner is between a notification and the waking up of the notified;
//! * who lowers the searcher count to zero looks at every queue afterwards, or has another look.

pub(super) mod worker_set;

use std::fmt;
use std::mem;
use std::sync::OnceLock;
use std::time::Duration;

use super::barrier;
use super::counts::{Counts, Lowered};
use super::park::{Alarm, Bed, Parker, Poll, Rose};
use super::seat::Inside;
use worker_set::WorkerSet;

/// The most workers of one node, spares included. (Few under loom: every word is a load to permute.)
pub(crate) const MAX_WORKERS: usize = if cfg!(loom) { 64 } else { 256 };

/// The sleepers of one node.
pub(crate) struct Idle {
    head: Head,
    /// How many workers with a seat there are.
    seats: usize,
    workers: Box<[Parker]>,
    watchdog: Parker,
    /// Wakes the one that sleeps in the poll. Set before anybody does.
    alarm: OnceLock<Alarm>,
}

/// What every notifier reads: on a line of its own.
#[repr(align(128))]
struct Head {
    counts: Counts,
    /// Those who sleep with a seat.
    set: WorkerSet,
}

/// A place among the searchers. While one exists, new work notifies nobody.
///
/// Dropped when its owner stops searching for any other reason than that there is nothing: it has
/// found work. The last searcher that does so wakes another, since more may have come.
#[must_use = "dropping it says that work was found"]
pub(crate) struct Searcher<'a> {
    idle: &'a Idle,
}

/// Proof that its holder stopped searching empty-handed and nothing that was pushed while it was
/// counted can be waiting: it may give its seat away.
#[must_use]
pub(crate) struct EmptyHanded(());

/// What a worker with a seat saw when it looked for the last time before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing anywhere.
    Nothing,
    /// Only work that nobody else may take. To be answered after every shared queue was looked at.
    Own,
    /// Work that anybody may take, or a worker that wants a seat.
    Work,
}

/// Why a worker with a seat is up again.
#[must_use]
pub(crate) enum Woken<'a> {
    /// There is, or was, work that anybody may take: it searches.
    Searching(Searcher<'a>),
    /// Something of its own: its inbox, its seat, the end of the node.
    Own,
    /// The time-out is over, or the system woke it for nothing.
    TimedOut,
}

impl Idle {
    /// The sleepers of a node of `seats` seats and at most `workers` workers.
    ///
    /// # Panics
    ///
    /// If `workers` is more than [`MAX_WORKERS`].
    pub(crate) fn new(workers: usize, seats: usize) -> Self {
        assert!(workers <= MAX_WORKERS, "at most {MAX_WORKERS} workers");
        barrier::register();
        Self {
            head: Head {
                counts: Counts::new(),
                set: WorkerSet::new(),
            },
            seats,
            workers: (0..workers).map(|_| Parker::new()).collect(),
            watchdog: Parker::new(),
            alarm: OnceLock::new(),
        }
    }

    /// Tells how one that sleeps in the poll is woken; before anybody does.
    pub(crate) fn set_alarm(&self, alarm: Alarm) {
        let first = self.alarm.set(alarm).is_ok();
        debug_assert!(first, "a node has one poll");
    }

    /// Counts a worker among the awake. Called before its thread starts.
    pub(crate) fn enlist(&self) {
        self.head.counts.enlist();
    }

    /// A worker that ends: awake, no searcher, and without a seat.
    pub(crate) fn resign(&self) {
        self.head.counts.resign();
    }

    // Those who make work.

    /// Called after work was put where anybody may take it: wakes at most one worker, and only if
    /// none searches. With nobody asleep: a compiler fence, a load and a branch.
    #[inline]
    pub(crate) fn notify_one(&self) {
        barrier::light();
        if self.head.counts.load().wants_a_searcher() {
            self.notify_slowly();
        }
    }

    /// Whether a worker with a seat sleeps or searches: then others offer it something.
    #[inline]
    pub(crate) fn is_anybody_hungry(&self) -> bool {
        self.head.counts.load().is_anybody_hungry()
    }

    #[cold]
    fn notify_slowly(&self) {
        loop {
            let seen = self.head.counts.load();
            if !seen.wants_a_searcher() {
                return;
            }
            if !self.head.counts.claim_search(seen) {
                continue;
            }
            // One in the poll last: else nobody would be.
            let alarm = &self.alarm;
            if self.sleepers().any(|it| it.notify(Bed::Seated, alarm))
                || self.sleepers().any(|it| it.notify(Bed::Polling, alarm))
            {
                return; // with our place among the searchers
            }
            // All of them are waking up already, for something else. Those who saw our place
            // taken did not notify: if one lay down meanwhile, that is for us to do.
            if self.head.counts.lower_search() == Lowered::OthersSearch
                || !self.sleepers().any(Parker::is_notifiable)
            {
                return;
            }
        }
    }

    /// Called after something was put where only `worker` may take it: wakes it if it sleeps.
    #[inline]
    pub(crate) fn poke(&self, worker: usize) {
        barrier::light();
        self.workers[worker].poke(&self.alarm);
    }

    /// Wakes every worker and the watchdog, for the end of the node: their last looks ask for it too.
    pub(crate) fn poke_all(&self) {
        barrier::light();
        for worker in &self.workers {
            worker.poke(&self.alarm);
        }
        self.watchdog.poke(&self.alarm);
    }

    // Workers.

    /// Begins to search, unless half of those awake do so already.
    pub(crate) fn begin_search(&self) -> Option<Searcher<'_>> {
        let seen = self.head.counts.load();
        let awake = self.seats.saturating_sub(seen.sleepers());
        if 2 * seen.searchers() >= awake {
            return None;
        }
        Some(self.search())
    }

    fn search(&self) -> Searcher<'_> {
        self.head.counts.raise_search();
        Searcher { idle: self }
    }

    /// Puts the calling worker `me`, which has a seat, to sleep: until it is notified or poked, for
    /// `timeout` at most, or not at all if `look` sees something.
    ///
    /// It sleeps [`Inside`], so that its seat is not taken meanwhile: notifications go to those with a
    /// seat. `look` is the last look at every queue, at the own inbox, and at whether anybody wants a seat.
    ///
    /// With a `poll`, which is the caller's alone, it sleeps there, until something comes there too.
    pub(crate) fn sleep<'a, T>(
        &'a self,
        me: usize,
        _: &Inside<'_, T>,
        searcher: Option<Searcher<'a>>,
        timeout: Option<Duration>,
        poll: Option<&mut dyn Poll>,
        look: impl FnOnce() -> Look,
    ) -> Woken<'a> {
        let parker = &self.workers[me];

        parker.lie_down(match poll {
            None => Bed::Seated,
            Some(_) => Bed::Polling,
        });
        self.head.set.insert(me);
        self.head
            .counts
            .fall_asleep(searcher.map(mem::forget).is_some());
        // Who pushed before this is seen by the look, or sees that we sleep and do not search.
        barrier::heavy();
        let seen = look();
        if seen == Look::Nothing {
            match poll {
                None => parker.wait(Bed::Seated, timeout),
                Some(poll) => parker.wait_polling(poll, timeout),
            }
        }

        let rose = parker.rise();
        self.head.set.remove(me);
        // Work that we saw may be more than we take, and its pushers may have relied on us: only a
        // searcher's end passes that on. A notified one has its place already.
        let before = self
            .head
            .counts
            .wake_up(seen == Look::Work && rose != Rose::Notified);
        if before.awake() == 0 {
            self.rouse_watchdog();
        }
        match (rose, seen) {
            (Rose::Notified, _) | (_, Look::Work) => Woken::Searching(Searcher { idle: self }),
            (Rose::Poked, _) | (_, Look::Own) => Woken::Own,
            (Rose::Alone, Look::Nothing) => Woken::TimedOut,
        }
    }

    /// Puts the calling worker `me`, which has no seat, to sleep: until it is poked, for `timeout` at
    /// most, or not at all if `look` sees something. `look` looks at the own inbox and the own seat.
    pub(crate) fn sleep_without_seat(
        &self,
        me: usize,
        timeout: Option<Duration>,
        look: impl FnOnce() -> bool,
    ) {
        let parker = &self.workers[me];
        parker.lie_down(Bed::Aside);
        self.head.counts.fall_asleep_aside();
        barrier::heavy();
        if !look() {
            parker.wait(Bed::Aside, timeout);
        }
        let (Rose::Alone | Rose::Poked | Rose::Notified) = parker.rise();
        if self.head.counts.wake_up_aside().awake() == 0 {
            self.rouse_watchdog();
        }
    }

    // The watchdog.

    /// How many workers do not sleep, with a seat or without.
    pub(crate) fn awake(&self) -> usize {
        self.head.counts.load().awake()
    }

    /// How many workers sleep with their seat.
    pub(crate) fn sleeping(&self) -> usize {
        self.head.counts.load().sleepers()
    }

    /// Whether every worker sleeps.
    pub(crate) fn all_asleep(&self) -> bool {
        self.head.counts.all_asleep()
    }

    /// Whether a worker that is counted among the sleeping has been woken.
    pub(crate) fn anybody_is_woken(&self) -> bool {
        self.workers.iter().any(Parker::is_woken)
    }

    /// Whether somebody sleeps in the poll.
    pub(crate) fn anybody_polls(&self) -> bool {
        self.sleepers().any(Parker::is_polling)
    }

    /// Wakes one that sleeps with its seat, so that it lies down anew, in the poll.
    pub(crate) fn poke_a_sleeper(&self) {
        barrier::light();
        if let Some(parker) = self.sleepers().find(|it| it.is_notifiable()) {
            parker.poke(&self.alarm);
        }
    }

    /// Puts the watchdog to sleep while every worker sleeps, for `timeout` at most, or not at all if
    /// `look` sees that it is needed (the node has ended: then nobody is awake either).
    pub(crate) fn watchdog_sleep(&self, timeout: Option<Duration>, look: impl FnOnce() -> bool) {
        self.watchdog.lie_down(Bed::Aside);
        barrier::heavy();
        if self.awake() == 0 && !look() {
            self.watchdog.wait(Bed::Aside, timeout);
        }
        let (Rose::Alone | Rose::Poked | Rose::Notified) = self.watchdog.rise();
    }

    /// Called by the first worker that is up again, and after something was made for which the watchdog
    /// looks before it sleeps.
    #[cold]
    pub(crate) fn rouse_watchdog(&self) {
        barrier::light();
        self.watchdog.poke(&self.alarm);
    }

    /// The parkers of those in the idle set. Who calls this has acquired the count, which was raised
    /// after each of them was in the set and lay down.
    fn sleepers(&self) -> impl Iterator<Item = &Parker> {
        self.head.set.iter().map(|worker| &self.workers[worker])
    }
}

impl<'a> Searcher<'a> {
    /// Stops searching empty-handed without falling asleep, to give the seat away. `look` is a last
    /// look at every shared queue; if it sees something the search goes on.
    ///
    /// The count is lowered *before* the seat goes: else the next owner could look and sleep while new
    /// work still saw a searcher. And the last searcher looks, since the next owner may be too busy to.
    pub(crate) fn give_up(self, look: impl FnOnce() -> bool) -> Result<EmptyHanded, Searcher<'a>> {
        let idle = self.idle;
        mem::forget(self);
        if idle.head.counts.lower_search() == Lowered::Last {
            barrier::heavy();
            if look() {
                return Err(idle.search());
            }
        }
        Ok(EmptyHanded(()))
    }
}

impl Drop for Searcher<'_> {
    fn drop(&mut self) {
        if self.idle.head.counts.lower_search() == Lowered::Last {
            self.idle.notify_one();
        }
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.head.counts.load();
        f.debug_struct("Idle")
            .field("awake", &seen.awake())
            .field("sleepers", &seen.sleepers())
            .field("searchers", &seen.searchers())
            .finish_non_exhaustive()
    }
}
