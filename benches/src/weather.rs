//! Who else was at work on this machine while something was measured.
//!
//! A figure taken beside a compiler is worth little, and nothing in it shows that. So the driver
//! asks how much CPU time the machine spent meanwhile that its children did not.

use std::fs;
use std::time::{Duration, Instant};

use crate::cpu;

/// The load average up to which a machine passes for idle.
const IDLE: f64 = 0.3;

/// The state of the accounts at one moment.
pub struct Weather {
    at: Instant,
    /// CPU time that the machine has spent.
    machine: Duration,
    /// CPU time that this program's children, those that have ended, have used.
    children: Duration,
}

impl Weather {
    /// The accounts now; `None` where the system keeps none.
    pub fn now() -> Option<Weather> {
        Some(Weather {
            at: Instant::now(),
            machine: spent(&fs::read_to_string("/proc/stat").ok()?)?,
            children: cpu::children_time(),
        })
    }

    /// How many cores others have used from this moment on; no child runs now.
    pub fn others_since(&self) -> Option<f64> {
        let now = Weather::now()?;
        let machine = now.machine.saturating_sub(self.machine);
        let children = now.children.saturating_sub(self.children);
        let wall = now.at - self.at;
        Some(machine.saturating_sub(children).as_secs_f64() / wall.as_secs_f64())
    }
}

/// A word of warning if this machine is at work already.
pub fn crowded() -> Option<String> {
    let load = load(&fs::read_to_string("/proc/loadavg").ok()?)?;
    (load > IDLE).then(|| format!("the load average was {load:.1} at the start: beware"))
}

/// The load of the last minute.
fn load(loadavg: &str) -> Option<f64> {
    loadavg.split_whitespace().next()?.parse().ok()
}

/// The CPU time in the first line of `/proc/stat`, taken away by other machines included.
fn spent(stat: &str) -> Option<Duration> {
    /// Of a tick, in the kernel's interface on every architecture.
    const MILLIS: u64 = 10;
    let mut fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, nice, system) = (ticks()?, ticks()?, ticks()?);
    let (_idle, _waiting) = (ticks()?, ticks()?);
    let (hard, soft, stolen) = (ticks()?, ticks()?, ticks()?);
    let all = user + nice + system + hard + soft + stolen;
    Some(Duration::from_millis(all * MILLIS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spent_leaves_out_idling() {
        // Idle and waiting for disks are not work; what other machines took is.
        let stat = "cpu  100 20 3 5000 700 4 50 6 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(spent(stat), Some(Duration::from_millis(1830)));
    }

    #[test]
    fn the_load_is_that_of_the_last_minute() {
        // The first of the three averages.
        assert_eq!(load("1.25 0.50 0.10 1/200 999\n"), Some(1.25));
        assert_eq!(load(""), None);
    }

    #[test]
    fn an_unknown_form_is_no_account() {
        // Where the file reads otherwise, nothing is claimed.
        assert_eq!(spent("cpu0 1 2 3\n"), None);
        assert_eq!(spent(""), None);
    }
}
