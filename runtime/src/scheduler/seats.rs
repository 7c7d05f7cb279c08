//! The seats of one node: one per core, and more workers than that while some are stuck.
//!
//! Workers ask here for a seat, pass theirs on, or stand by; the watchdog takes and gives. A worker that
//! wants a seat is work like any other: it notifies; a worker with a seat that finds nothing else to do
//! sees it in its last look, and stands up for it. So the sleep protocol serves for both.
//!
//! Invariant: a worker is on the list `wanting` (`spares`) only in the state WANTING (SPARE), and whoever
//! takes it off makes the seat's next change; between the two nobody else does anything with it.

use super::idle::worker_set::WorkerSet;
use super::idle::{EmptyHanded, Idle};
use super::seat::{Asked, FreeSeat, Inside, Request, Revoker, Seat, Withdrawn};
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// All seats of a node, by worker.
pub(crate) struct Seats<T> {
    /// Shared, so that the address that a worker keeps of its own stays good when this is moved.
    list: Arc<[Seat<T>]>,
    /// Workers without a seat that have processes to run.
    wanting: WorkerSet,
    /// Workers without a seat that have nothing to do.
    spares: WorkerSet,
    /// Where the next grant begins to look, so that those who want get one in turn.
    turn: AtomicUsize,
}

impl<T> Seats<T> {
    /// The seats of `workers` workers, of which the first `seated` have one; and the right to revoke them.
    pub(crate) fn new(
        workers: usize,
        seated: usize,
        mut content: impl FnMut(usize) -> T,
    ) -> (Self, Revoker) {
        let seats = Self {
            list: (0..workers)
                .map(|me| Seat::new(me < seated, content(me)))
                .collect(),
            wanting: WorkerSet::new(),
            spares: WorkerSet::new(),
            turn: AtomicUsize::new(0),
        };
        (seats, Revoker::new())
    }

    /// The seat of one worker.
    #[inline]
    pub(crate) fn of(&self, worker: usize) -> &Seat<T> {
        &self.list[worker]
    }

    /// Whether a worker wants a seat: part of the last look of those who have one.
    #[inline]
    pub(crate) fn anybody_wants(&self) -> bool {
        !self.wanting.is_empty()
    }

    /// The worker `me`, which has processes to run and no seat, asks for one. It may run them meanwhile,
    /// and may ask again: it has one request at most.
    pub(crate) fn want(&self, me: usize, idle: &Idle) -> Asked {
        let asked = self.ask(me, Request::Want);
        if asked == Asked::Yes {
            idle.notify_one();
        }
        asked
    }

    /// The worker `me`, which has neither a seat nor processes to run, stands by, and then sleeps
    /// without a seat. Also called in the name of a spare whose thread is about to start.
    pub(crate) fn stand_by(&self, me: usize) -> Asked {
        self.ask(me, Request::Spare)
    }

    fn ask(&self, me: usize, request: Request) -> Asked {
        if self.list[me].request() == Some(request) {
            return Asked::Yes;
        }
        if self.withdraw(me) == Withdrawn::Seated {
            return Asked::Seated;
        }
        let asked = self.list[me].ask(request);
        if asked == Asked::Yes {
            self.list_of(request).insert(me);
        }
        asked
    }

    /// The worker `me` takes back what it asked for: because it has nothing to run any more, has
    /// something after all, or ends.
    pub(crate) fn withdraw(&self, me: usize) -> Withdrawn {
        let seat = &self.list[me];
        match seat.request() {
            Some(request) if self.list_of(request).remove(me) => {
                seat.withdraw(request);
                Withdrawn::Unseated
            }
            Some(_) => Withdrawn::Seated,
            None if seat.is_seated() => Withdrawn::Seated,
            None => Withdrawn::Unseated,
        }
    }

    /// Gives a seat to the next worker that wants one, and wakes it. Err: nobody does.
    pub(crate) fn grant_wanting(
        &self,
        free: FreeSeat<T>,
        idle: &Idle,
    ) -> Result<usize, FreeSeat<T>> {
        self.grant(Request::Want, free, idle)
    }

    /// Gives a seat to a worker that stands by, and wakes it. Err: nobody does.
    pub(crate) fn grant_spare(&self, free: FreeSeat<T>, idle: &Idle) -> Result<usize, FreeSeat<T>> {
        self.grant(Request::Spare, free, idle)
    }

    /// Takes a worker off those that stand by, for a process with a thread of its own: it stays without
    /// a seat until that ends. The caller hands the process over. None: nobody stands by.
    pub(crate) fn draft(&self) -> Option<usize> {
        let worker = self.next(Request::Spare)?;
        self.list[worker].draft();
        Some(worker)
    }

    /// As [`draft`](Seats::draft), for a worker whose thread is about to start.
    pub(crate) fn draft_new(&self, worker: usize) {
        self.list[worker].draft();
    }

    fn grant(
        &self,
        request: Request,
        free: FreeSeat<T>,
        idle: &Idle,
    ) -> Result<usize, FreeSeat<T>> {
        match self.next(request) {
            Some(worker) => {
                self.seat(worker, request, free, idle);
                Ok(worker)
            }
            None => Err(free),
        }
    }

    /// The worker `me`, which found no work, stands up for one that wants its seat. Returns who sits
    /// there now; Err: nobody wants it any more, and it stays.
    pub(crate) fn stand_up<'a>(
        &self,
        me: usize,
        inside: Inside<'a, T>,
        proof: EmptyHanded,
        idle: &Idle,
    ) -> Result<usize, Inside<'a, T>>
    where
        T: Default,
    {
        match self.next(Request::Want) {
            Some(worker) => {
                let free = self.list[me].surrender(inside, proof);
                self.seat(worker, Request::Want, free, idle);
                Ok(worker)
            }
            None => Err(inside),
        }
    }

    /// Takes one off a list: its request is ours to grant.
    fn next(&self, request: Request) -> Option<usize> {
        let worker = self
            .list_of(request)
            .take(self.turn.load(Ordering::Relaxed))?;
        self.turn.store(worker + 1, Ordering::Relaxed);
        Some(worker)
    }

    fn seat(&self, worker: usize, request: Request, free: FreeSeat<T>, idle: &Idle) {
        self.list[worker].grant(request, free);
        idle.poke(worker);
    }

    fn list_of(&self, request: Request) -> &WorkerSet {
        match request {
            Request::Want => &self.wanting,
            Request::Spare => &self.spares,
        }
    }
}
