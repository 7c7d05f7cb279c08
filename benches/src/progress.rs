//! The progress bar: which measurement of how many is under way. Nothing where stderr is no
//! terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::mode::Mode;
use crate::workload::Workload;

/// A bar that ends with the program, or before.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of `steps` measurements.
    pub fn new(steps: usize) -> Progress {
        let style =
            ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed}, {eta} left  {msg:36}")
                .expect("a template of the right form");
        Progress(ProgressBar::new(steps as u64).with_style(style))
    }

    /// Measures `workload` in `mode` from now on.
    pub fn begins(&self, workload: &Workload, mode: &Mode) {
        self.0
            .set_message(format!("{} {}", workload.name, mode.path()));
        self.0.tick();
    }

    /// One measurement is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Prints to stdout, and the bar is not in the way.
    ///
    /// # Panics
    ///
    /// If stdout cannot be written to.
    pub fn print(&self, text: &str) {
        use std::io::Write;
        self.0.suspend(|| {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).expect("stdout is open");
            out.flush().expect("stdout is open");
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
