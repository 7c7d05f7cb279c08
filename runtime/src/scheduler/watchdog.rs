//! The watchdog: a thread per node that looks after the workers once a millisecond.
//!
//! It refreshes the coarse clock. When a worker has run one process for more than
//! [`STUCK`] while work is queued, it takes the worker's seat and gives it to a spare, which takes
//! over all that is at rest; the operating system then shares the cores. It fires the timers of
//! workers that do not come to it, gives cold stacks' pages back, and reports. While every worker
//! sleeps, so does it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::seat::{FreeSeat, Revoker};
use super::seats::Seats;
use super::worker::{Seated, Worker};
use crate::abort;
use crate::node::{self, Instance};
use crate::process::slot::Slot;
use crate::report::report;
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
    free: Vec<FreeSeat>,
    trimmed: Instant,
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
}

impl<'n> Watchdog<'n> {
    fn new(node: &'n Arc<Instance>, revoker: Revoker) -> Watchdog<'n> {
        Watchdog {
            node,
            revoker,
            seen: vec![Seen::default(); node.workers.len()],
            free: Vec::new(),
            trimmed: real_time(),
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
                self.node
                    .idle
                    .watchdog_sleep(warm.then_some(TRIM), || self.node.has_ended());
                self.trim();
            } else {
                std::thread::sleep(PERIOD);
            }
            let now = self.node.clock().refresh();
            self.look(now);
        }
    }

    fn look(&mut self, now: u64) {
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
            };
            return;
        }
        let ran = now - seen.since;
        if now >= seen.report_at {
            seen.report_at = now + 2 * ran;
            report_stall(self.node, worker, running, ran);
        }
        // A node of one thread has nobody to take over: it keeps its order.
        if ran < STUCK / 2 || self.node.workers.len() == 1 {
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
        if somebody_serves || (next.is_none() && !work_waits(self.node)) {
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
                    report(|| {
                        tracing::warn!(
                            target: "runtime::scheduler",
                            node = self.node.id(),
                            error = %error,
                            "no spare worker: processes at rest wait for a stuck worker"
                        )
                    });
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

fn work_waits(node: &Instance) -> bool {
    !node.injector.is_empty()
        || node.seats.anybody_wants()
        || node.started_workers().any(Worker::has_work_for_others)
}

#[cold]
fn report_stall(node: &Instance, worker: &Worker, running: *const Slot, ran: u64) {
    // SAFETY: slots live for ever.
    let Some(slot) = (unsafe { running.as_ref() }) else {
        return;
    };
    report(|| {
        tracing::warn!(
            target: "runtime::scheduler",
            node = node.id(),
            worker = worker.id(),
            pid = %slot.pid(),
            place = slot.place().map(tracing::field::display),
            milliseconds = ran / 1_000_000,
            processes = worker.standing(),
            "worker blocked: a process has run without reaching a switch point, others stand behind it"
        )
    });
}
