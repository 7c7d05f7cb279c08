//! How many restarts a supervisor bears. Asked by both kinds of supervisor before each restart.

use std::collections::VecDeque;
use std::time::Instant;

use super::flags::Flags;

/// When children were restarted, within the period.
#[derive(Default)]
pub(super) struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Counts one more. False: there were too many, and the supervisor has to end.
    pub(super) fn bear(&mut self, flags: &Flags) -> bool {
        let now = runtime::now();
        self.0.push_back(now);
        while self
            .0
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) > flags.period)
        {
            self.0.pop_front();
        }
        self.0.len() as u64 <= u64::from(flags.intensity)
    }
}
