//! The runtime's reports, which go out as `tracing` events, collected for the whole test program.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static REPORTS: Mutex<Vec<Report>> = Mutex::new(Vec::new());

/// One event.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where it is from.
    pub target: String,
    /// Its fields, as `name=value` with a space behind each.
    pub fields: String,
}

/// Collects from now on. Panics of processes are then no longer printed, but reported.
pub fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Collector).expect("the only subscriber");
    });
}

/// The report from `target` that must come and holds all of `parts`.
#[track_caller]
pub fn expect(target: &str, parts: &[&str]) -> Report {
    let mut found = None;
    super::until(&format!("a report from {target} with {parts:?}"), || {
        found = find(target, parts);
        found.is_some()
    });
    found.expect("it was found")
}

/// The first report from `target` that holds all of `parts`.
pub fn find(target: &str, parts: &[&str]) -> Option<Report> {
    let reports = REPORTS.lock().unwrap_or_else(PoisonError::into_inner);
    reports
        .iter()
        .find(|report| {
            report.target == target && parts.iter().all(|part| report.fields.contains(part))
        })
        .cloned()
}

/// How many reports from `target` hold all of `parts`.
pub fn count(target: &str, parts: &[&str]) -> usize {
    let reports = REPORTS.lock().unwrap_or_else(PoisonError::into_inner);
    reports
        .iter()
        .filter(|report| {
            report.target == target && parts.iter().all(|part| report.fields.contains(part))
        })
        .count()
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let mut reports = REPORTS.lock().unwrap_or_else(PoisonError::into_inner);
        reports.push(Report {
            target: event.metadata().target().to_owned(),
            fields: fields.0,
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }
}
