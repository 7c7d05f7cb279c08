//! A spawn: a process's life from its spawning to its end, in waves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use runtime::prelude::*;

/// So many are spawned before it is awaited that they have ended.
const WAVE: u64 = 100;

#[derive(Debug)]
struct Done;

pub(super) fn waves(n: u64) {
    let root = self_pid();
    let left = Arc::new(AtomicU64::new(0));
    for first in (0..n).step_by(WAVE as usize) {
        let size = WAVE.min(n - first);
        left.store(size, Ordering::Relaxed);
        for _ in 0..size {
            let left = Arc::clone(&left);
            spawn!(move || {
                if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    send(root, Done);
                }
            });
        }
        receive! { Done => {} }
    }
}
