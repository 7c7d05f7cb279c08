//! The watchdog: a thread per node that looks after the workers once a millisecond.
//!
//! It refreshes the coarse clock, and polls when nobody else does. It ends turns that last. When a worker has run one
//! process for more than [`STUCK`] while work is queued, it takes the worker's seat and gives it to a spare, which takes
//! over all that is at rest; the operating system then shares the cores. It fires the timers of
//! workers that do not come to it, ends processes that do not come to their end
//! (`process::zombie`), gives cold stacks' pages back, and reports. While every worker sleeps, so
//! does it.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::seat::{FreeSeat, Revoker};
use super::seated::Seated;
use super::seats::Seats;
use super::worker::{NOBODY, RESCUED, Worker};
use crate::abort;
use crate::blocking;
use crate::node::{self, Instance};
use crate::process::slot::Slot;
use crate::process::zombie;
use crate::report::report_aside;
use crate::stack;
use crate::timer::real_time;

/// How often the watchdog looks.
const PERIOD: Duration = Duration::from_millis(1);
/// How long one process may run while others wait, in nanoseconds.
const STUCK: u64 = 2_000_000;
/// How late a timer may be before the watchdog fires it, in nanoseconds.
const OVERDUE: u64 = 1_000_000;
/// How long a process may run before it is reported, in nanoseconds; then each time twice that.
const REPORT: u64 = 1_000_000_000;
/// Looks at an idle node before the watchdog sleeps.
const LINGER: u32 = 16;
/// How often cold stacks are looked for.
const TRIM: Duration = Duration::from_secs(1);
/// Idle stacks that keep their pages.
const KEEP: usize = 256;

/// Starts a node's watchdog.
pub(crate) fn start(instance: &Arc<Instance>, revoker: Revoker) -> std::io::Result<()> {
    let node = Arc::clone(instance);
    let thread = std::thread::Builder::new()
        .name(format!("watchdog-{}", instance.id()))
        .spawn(move || abort::on_unwind(|| Watchdog::new(&node, revoker).run()))?;
    instance.keep_thread(thread);
    Ok(())
}

struct Watchdog<'n> {
    node: &'n Arc<Instance>,
    revoker: Revoker,
    seen: Vec<Seen>,
    /// Seats taken that nobody could be given yet.
    free: Vec<FreeSeat<Seated>>,
    trimmed: Instant,
    /// When it looked last.
    looked: u64,
    /// When it was last seen that a worker with a seat had begun a turn.
    progress: u64,
    capped: bool,
}

/// What the watchdog knows of a worker.
#[derive(Clone, Copy, Default)]
struct Seen {
    turns: u32,
    /// When the turn was first seen.
    since: u64,
    /// The thread's CPU time then.
    cpu: Option<u64>,
    report_at: u64,
    /// The generation of the process that runs, and since when it is doomed.
    doomed: Option<(u32, Instant)>,
}

impl<'n> Watchdog<'n> {
    fn new(node: &'n Arc<Instance>, revoker: Revoker) -> Watchdog<'n> {
        Watchdog {
            node,
            revoker,
            seen: vec![Seen::default(); node.workers.len()],
            free: Vec::new(),
            trimmed: real_time(),
            looked: 0,
            progress: 0,
            capped: false,
        }
    }

    fn run(mut self) {
        let mut idle = 0;
        while !self.node.has_ended() {
            if self.node.idle.awake() == 0 {
                idle += 1;
            } else {
                idle = 0;
            }
            if idle > LINGER {
                idle = 0;
                // While some stacks are warm it comes back once to cool them.
                let warm = stack::trim_is_due(KEEP);
                self.node.clock().stop();
                self.node.idle.watchdog_sleep(warm.then_some(TRIM), || {
                    self.node.has_ended() || self.nobody_polls()
                });
                self.trim();
            } else {
                std::thread::sleep(PERIOD);
            }
            let now = self.node.clock().refresh();
            self.look(now);
        }
    }

    /// Whether there is something to poll for, and no sleeper is there to do it.
    fn nobody_polls(&self) -> bool {
        self.node.used_reactor().is_some() && !self.node.idle.anybody_polls()
    }

    /// Polls in the workers' place, if none has since the last time; and if they sleep, has one of them do it.
    fn look_at_reactor(&self, now: u64) {
        let Some(reactor) = self.node.used_reactor() else {
            return;
        };
        if (self.node.clock().is_paused() || reactor.looked() < self.looked)
            && let Some(others) = reactor.look(now)
            && !others.is_empty()
        {
            blocking::run_errand(self.node, || others.wake());
        }
        if self.node.idle.awake() == 0 && self.nobody_polls() {
            self.node.idle.poke_a_sleeper();
        }
    }

    fn look(&mut self, now: u64) {
        self.look_at_reactor(now);
        self.looked = now;
        if self.anybody_progresses() {
            self.progress = now;
        }
        let mut due = Vec::new();
        for id in 0..self.node.started() {
            let worker = &self.node.workers[id];
            // Virtual time's timekeeper comes to it, in order.
            let overdue = worker.next_expiry().saturating_add(OVERDUE) <= now;
            if overdue && !self.node.clock().is_paused() {
                worker.expire_for(now, &mut due);
            }
            self.look_at(id, worker, now);
        }
        self.place_free_seats();
        if real_time() - self.trimmed >= TRIM {
            self.trim();
        }
    }

    /// Whether a worker with a seat has begun a turn since the last look: then what may be stolen
    /// is being served.
    fn anybody_progresses(&self) -> bool {
        (0..self.node.started()).any(|id| {
            let worker = &self.node.workers[id];
            worker.is_seated() && worker.turns.load(Ordering::Relaxed) != self.seen[id].turns
        })
    }

    fn look_at(&mut self, id: usize, worker: &Worker, now: u64) {
        let seen = &mut self.seen[id];
        let turns = worker.turns.load(Ordering::Relaxed);
        let running = worker.running.load(Ordering::Relaxed);
        if turns != seen.turns || running.is_null() {
            *seen = Seen {
                turns,
                since: now,
                cpu: worker.cpu_clock.read(),
                report_at: now + REPORT,
                doomed: None,
            };
            return;
        }
        // SAFETY: it is a slot then, and slots live for ever.
        let slot = (running != NOBODY).then(|| unsafe { &*running });
        if let Some(slot) = slot {
            end_in_absence(self.node, slot, seen);
        }
        let ran = now - seen.since;
        if now >= seen.report_at {
            seen.report_at = now + 2 * ran;
            report_stall(self.node, worker, slot, ran);
        }
        if ran < STUCK / 2 {
            return;
        }
        worker.end_turn();
        // A node of one thread has nobody to take over: it keeps its order.
        if self.node.workers.len() == 1 {
            return;
        }
        if !worker.is_seated() {
            return worker.rescue(node::inject);
        }
        // Not for the time that the system has kept the thread from running, unless that lasts.
        let cpu = match (worker.cpu_clock.read(), seen.cpu) {
            (Some(now), Some(then)) => now.saturating_sub(then),
            _ => ran,
        };
        if cpu < STUCK / 2 && ran < 4 * STUCK {
            return;
        }
        // Somebody with a seat has time for what is behind this one: it need only be handed out.
        let somebody_serves = self.node.idle.sleeping() > 0 || now - self.progress < STUCK;
        if !somebody_serves && ran < STUCK {
            return;
        }
        let seat = self.node.seats.of(id);
        let Some(mut revoked) = seat.try_revoke(&mut self.revoker) else {
            return;
        };
        let next = revoked.with(Seated::take);
        let waits = next.is_some() || revoked.with(|seated| !seated.is_empty());
        if somebody_serves || !(waits || work_waits(self.node)) {
            revoked.with(rescue);
            revoked.give_back();
        } else {
            self.free.push(revoked.finish());
        }
        if let Some(slot) = next {
            node::inject(slot);
        }
        worker.rescue(node::inject);
    }

    /// Gives the seats in hand to those that want one, then to spares, then to new ones.
    fn place_free_seats(&mut self) {
        while let Some(seat) = self.free.pop() {
            let seats: &Seats<Seated> = &self.node.seats;
            let idle = &self.node.idle;
            let seat = match seats.grant_wanting(seat, idle) {
                Ok(_) => continue,
                Err(seat) => seat,
            };
            let seat = match seats.grant_spare(seat, idle) {
                Ok(_) => continue,
                Err(seat) => seat,
            };
            self.free.push(seat);
            // It stands by before its thread runs, so the next round finds it.
            if let Err(error) = self.node.start_spare() {
                if !std::mem::replace(&mut self.capped, true) {
                    let id = self.node.id();
                    report_aside(move || {
                        tracing::warn!(
                            target: "runtime::scheduler",
                            node = id,
                            error = %error,
                            "no spare worker: processes at rest wait for a stuck worker"
                        )
                    });
                }
                // Nobody takes them over: they are handed out.
                for seat in &mut self.free {
                    seat.with(rescue);
                }
                return;
            }
        }
    }

    fn trim(&mut self) {
        self.trimmed = real_time();
        if stack::trim_is_due(KEEP) {
            stack::trim(KEEP);
        }
    }
}

/// Hands out some of what goes with a seat, the oldest first.
fn rescue(seated: &mut Seated) {
    iter::from_fn(|| seated.queues.pop_oldest())
        .take(RESCUED)
        .for_each(node::inject);
}

fn work_waits(node: &Instance) -> bool {
    !node.injector.is_empty()
        || node.seats.anybody_wants()
        || node.started_workers().any(Worker::has_work_for_others)
}

/// Ends a process that has been doomed for longer than the grace time and reached no switch point.
fn end_in_absence(node: &Arc<Instance>, slot: &'static Slot, seen: &mut Seen) {
    let generation = slot.inbox.generation();
    match seen.doomed {
        Some((of, since)) if of == generation => {
            if real_time() - since >= node.exit_grace() {
                seen.doomed = None;
                zombie::declare(node, slot, of);
            }
        }
        _ => {
            let doomed = zombie::is_doomed(slot, generation);
            seen.doomed = doomed.then(|| (generation, real_time()));
        }
    }
}

#[cold]
fn report_stall(node: &Instance, worker: &Worker, running: Option<&Slot>, ran: u64) {
    let milliseconds = ran / 1_000_000;
    let (id, worker, processes) = (node.id(), worker.id(), worker.standing());
    let running = running.map(|slot| (slot.pid(), slot.place()));
    report_aside(move || match running {
        Some((pid, place)) => tracing::warn!(
            target: "runtime::scheduler",
            node = id,
            worker,
            %pid,
            place = place.map(tracing::field::display),
            milliseconds,
            processes,
            "worker blocked: a process has run without reaching a switch point, others stand behind it"
        ),
        None => tracing::warn!(
            target: "runtime::scheduler",
            node = id,
            worker,
            milliseconds,
            processes,
            "worker blocked: a waker, or the destructor of a message of a timer, has not returned"
        ),
    });
}
