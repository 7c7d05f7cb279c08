//! Behaviours at rest that are stolen all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use runtime::exit_signal;
use runtime::prelude::*;

/// Behaviours that move between the workers all the time, until it is dropped.
pub struct Unrest(Vec<Pid>, Arc<AtomicUsize>);

impl Unrest {
    /// Begins.
    pub fn new() -> Unrest {
        let moves = Arc::new(AtomicUsize::new(0));
        let pids = (0..16)
            .map(|_| {
                let moves = Arc::clone(&moves);
                let mut last = None;
                let spawned = Spawn::new().receive_loop(move |mail| {
                    if last
                        .replace(thread::current().id())
                        .is_some_and(|last| last != thread::current().id())
                    {
                        moves.fetch_add(1, Ordering::AcqRel);
                    }
                    // Enough work to be worth a theft.
                    std::hint::black_box((0..500).fold(0u64, |a, b| a ^ (a << 1) ^ b));
                    send(self_pid(), mail);
                    Flow::Continue
                });
                let pid = spawned.unwrap().pid;
                send(pid, ());
                pid
            })
            .collect();
        Unrest(pids, moves)
    }

    /// How often one was called on another worker than before.
    pub fn moves(&self) -> usize {
        self.1.load(Ordering::Acquire)
    }
}

impl Drop for Unrest {
    fn drop(&mut self) {
        for &pid in &self.0 {
            exit_signal(pid, ExitReason::Kill);
        }
    }
}
