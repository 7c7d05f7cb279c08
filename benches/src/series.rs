//! What one mode did in all rounds of one workload, failures included.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::measured::{Measured, Unit};
use crate::mode::Mode;
use crate::summary::Summary;

/// What one mode did in all rounds.
pub struct Series {
    pub mode: &'static Mode,
    pub measured: Vec<Measured>,
    pub failures: Vec<Failure>,
}

impl Series {
    /// Of no round yet.
    pub fn new(mode: &'static Mode) -> Series {
        Series {
            mode,
            measured: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// One more round.
    pub fn push(&mut self, round: Result<Measured, Failure>) {
        match round {
            Ok(measured) => self.measured.push(measured),
            Err(failure) => self.failures.push(failure),
        }
    }

    /// What came of it; `None` if every round failed.
    pub fn summary(&self, unit: Unit) -> Option<Summary> {
        (!self.measured.is_empty()).then(|| Summary::of(unit, &self.measured))
    }

    /// What failed, each reason once and with their count; `None` if nothing did.
    pub fn failed(&self) -> Option<String> {
        let reasons: BTreeSet<String> = self.failures.iter().map(ToString::to_string).collect();
        let reasons: Vec<String> = reasons.into_iter().collect();
        (!reasons.is_empty()).then(|| {
            let rounds = self.failures.len() + self.measured.len();
            let failed = self.failures.len();
            format!("{failed} of {rounds} rounds: {}", reasons.join("; "))
        })
    }
}

/// Why a child measured nothing.
#[derive(Debug)]
pub enum Failure {
    /// It could not be started.
    NotStarted(io::Error),
    /// It ended otherwise than it should.
    Ended(ExitStatus),
    /// What it printed is no measurement.
    Garbled(serde_json::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotStarted(error) => write!(f, "not started: {error}"),
            Failure::Ended(status) if status.signal() == Some(libc::SIGALRM) => {
                f.write_str("timed out")
            }
            Failure::Ended(status) => status.fmt(f),
            Failure::Garbled(error) => write!(f, "printed no measurement: {error}"),
        }
    }
}
