//! Virtual time: how the clock of a paused node moves.
//!
//! It jumps to the next timer when everything is still: every worker sleeps, nothing is queued,
//! nobody has been woken, and nothing is under way outside. The last worker that falls asleep
//! looks whether it is so, and wakes the timekeeper, whose wheel has all timers of the node; so a
//! jump takes no real time, and between two jumps everything that can happen happens.
//!
//! **Why it is still.** What a worker did before it fell asleep is seen by who finds all asleep
//! (`Idle::all_asleep`), also whom it has woken and what it has queued. A worker that rises
//! meanwhile, does something and sleeps again has begun a turn or fired timers, which `turns`
//! counts; so nothing was done between the two looks at it, and what was looked at in between
//! was so all the time. Threads that are no workers may come in at any time, as the rest of the
//! world does; what a process waits for from there is counted in `under_way`.
//!
//! Of input and output nobody knows whether it is under way: a peer may be about to answer, or
//! never will. So while a node has sockets, time jumps when nothing has come for [`QUIET`], in real
//! time: long enough for peers on the same machine, and no test of a silent one waits long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Instance;
use crate::io::reactor::Held;
use crate::scheduler::park::Poll;

/// How long nothing has come to a node's sockets when its time jumps.
const QUIET: Duration = Duration::from_millis(20);

/// Of one node.
#[derive(Default)]
pub(super) struct VirtualTime {
    /// What the node's processes have begun outside of its workers and wait for.
    under_way: AtomicUsize,
    /// The right to let time pass.
    jump: Mutex<()>,
}

/// Something that a process waits for happens outside of the node's workers: a blocking call.
/// Virtual time stands until this is dropped, which is to be done after the
/// process has been told.
pub(crate) struct UnderWay(Arc<Instance>);

impl UnderWay {
    pub(crate) fn on(node: Arc<Instance>) -> UnderWay {
        // Relaxed: a process waits meanwhile that began it.
        node.virtual_time.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(node)
    }

    pub(crate) fn node(&self) -> &Instance {
        &self.0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let node = &*self.0;
        let before = node.virtual_time.under_way.fetch_sub(1, Ordering::AcqRel);
        if before == 1 && node.clock.is_paused() {
            // It may be still now, and nobody has looked.
            node.idle.poke(node.timekeeper().id().into());
        }
    }
}

/// The poll of a node: on virtual time it lets time pass when all is quiet.
pub(crate) struct Polling<'n> {
    pub(crate) node: &'n Instance,
    pub(crate) held: Held<'n>,
}

impl Poll for Polling<'_> {
    fn wait(&mut self, timeout: Option<Duration>) -> bool {
        if !self.node.clock.is_paused() {
            return self.held.wait(timeout);
        }
        let came = self.held.wait(Some(QUIET));
        if !came {
            self.node.jump();
        }
        came
    }
}

impl Instance {
    /// Lets virtual time jump to the next timer if everything is still. Called by each worker
    /// that is counted among the sleeping, after its last look for work.
    #[inline]
    pub(crate) fn let_time_pass(&self) {
        if self.clock.is_paused() && self.used_reactor().is_none() {
            self.jump();
        }
    }

    #[cold]
    fn jump(&self) {
        let _jump = self.virtual_time.jump.lock();
        if !self.is_still() {
            return;
        }
        let keeper = self.timekeeper();
        let next = keeper.timers().earliest();
        // The end of time never comes.
        if let Some(next) = next.filter(|&next| next < u64::MAX) {
            self.clock.advance(next);
            self.idle.poke(keeper.id().into());
        }
    }

    fn is_still(&self) -> bool {
        let turns = || -> u64 {
            self.started_workers()
                .map(|worker| u64::from(worker.turns.load(Ordering::Relaxed)))
                .sum()
        };
        if !self.idle.all_asleep() {
            return false;
        }
        let before = turns();
        let work_waits = || {
            !self.injector.is_empty()
                || self
                    .started_workers()
                    .any(|worker| worker.has_mail() || worker.stealers().any())
        };
        self.virtual_time.under_way.load(Ordering::Acquire) == 0
            && !self.idle.anybody_is_woken()
            && !work_waits()
            && self.idle.all_asleep()
            && turns() == before
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::UnderWay;
    use crate::{Builder, now, receive_type, send, send_after, sleep};

    /// While something is under way outside, virtual time stands; when it has ended, it goes on.
    #[test]
    fn it_stands_while_something_is_under_way() {
        let hour = Duration::from_secs(3600);
        let node = Builder::new().paused(true).start().expect("a node");
        let instance = std::sync::Arc::clone(node.instance());
        let (pid_of, pids) = mpsc::channel();
        let (back, answers) = mpsc::channel();
        let under_way = UnderWay::on(std::sync::Arc::clone(&instance));
        let runs = std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                node.run(move || {
                    let start = now();
                    let me = crate::self_pid();
                    send_after(hour, me, "late");
                    pid_of.send(me).expect("somebody waits");
                    let _: u32 = receive_type();
                    back.send(now() - start).expect("somebody waits");
                    let _: &str = receive_type();
                    now() - start
                })
            });
            let pid = pids.recv().expect("the process has begun");
            // It waits; if time did not stand, the hour would pass.
            while instance.idle.awake() > 0 {
                std::thread::yield_now();
            }
            send(pid, 1u32);
            assert_eq!(answers.recv(), Ok(Duration::ZERO));
            while instance.idle.awake() > 0 {
                std::thread::yield_now();
            }
            drop(under_way);
            running.join()
        });
        assert_eq!(runs.expect("it has run"), hour);
        node.run(move || sleep(hour));
    }
}
