//! The machine, in a line: what it is, and what the steps cost of which all else is made. Beside these a ratio
//! says what it is bound by: `split` cannot be faster than a cache line travels.
//!
//! Called by the driver, when the workloads are done.

use std::fmt;
use std::fs;
use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

/// Each cost is the median of so many measurements.
const ROUNDS: usize = 5;
const LOCKED: u32 = 1_000_000;
const TRIPS: u64 = 20_000;
const PAGES: usize = 1024;

/// What a machine is, and how fast.
pub struct Machine {
    cores: usize,
    processor: Option<String>,
    /// What steps cost, as far as they can be taken here.
    costs: Vec<(&'static str, Duration)>,
}

impl Machine {
    /// Measures the machine that this runs on; takes some tens of milliseconds.
    pub fn measured() -> Machine {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        let info = fs::read_to_string("/proc/cpuinfo").ok();
        let model = info.as_deref().and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            line.split_once(": ")
        });
        let other_core = || (cores > 1).then(round_trip);
        let costs = [
            ("a locked operation", median(|| Some(locked()))),
            ("a cache line to another core and back", median(other_core)),
            ("a fresh page", median(touched)),
        ];
        Machine {
            cores,
            processor: model.map(|(_, name)| name.to_owned()),
            costs: costs
                .into_iter()
                .filter_map(|(step, cost)| Some((step, cost?)))
                .collect(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        write!(f, "{} cores, {processor}", self.cores)?;
        for (step, cost) in &self.costs {
            write!(f, ", {step} {cost:?}")?;
        }
        Ok(())
    }
}

fn median(measure: impl Fn() -> Option<Duration>) -> Option<Duration> {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| measure()).collect::<Option<_>>()?;
    times.sort_unstable();
    Some(times[ROUNDS / 2])
}

/// An atomic read-modify-write on a line that is at hand.
fn locked() -> Duration {
    let word = AtomicU64::new(0);
    let start = Instant::now();
    for _ in 0..LOCKED {
        hint::black_box(&word).fetch_add(1, Ordering::AcqRel);
    }
    start.elapsed() / LOCKED
}

/// Two threads take turns with one word: the line goes to another core and comes back.
fn round_trip() -> Duration {
    let word = CachePadded::new(AtomicU64::new(0));
    let turn = |parity: u64| {
        for step in (parity..2 * TRIPS).step_by(2) {
            while word.load(Ordering::Acquire) != step {
                hint::spin_loop();
            }
            word.store(step + 1, Ordering::Release);
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| turn(1));
        let start = Instant::now();
        turn(0);
        let time = start.elapsed() / TRIPS as u32;
        other.join().expect("it takes its turns");
        time
    })
}

/// The first touch of a page of 4 KiB. None: the system gives no memory.
fn touched() -> Option<Duration> {
    const PAGE: usize = 4096;
    // SAFETY: a fresh mapping, that nothing else refers to.
    let pages = unsafe {
        libc::mmap(
            ptr::null_mut(),
            PAGES * PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if pages == libc::MAP_FAILED {
        return None;
    }
    let start = Instant::now();
    for page in 0..PAGES {
        // SAFETY: within the mapping, which can be written.
        unsafe { pages.cast::<u8>().add(page * PAGE).write_volatile(1) };
    }
    let time = start.elapsed() / PAGES as u32;
    // SAFETY: the mapping made above, that is not used again.
    unsafe { libc::munmap(pages, PAGES * PAGE) };
    Some(time)
}
