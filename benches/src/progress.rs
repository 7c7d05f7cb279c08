//! The progress bar: which measurement of how many is under way. Nothing where stderr is no
//! terminal.

use std::io::{self, Write};
use std::process;

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

    /// Prints to stdout, and the bar is not in the way. Ends the program if that cannot be: nobody reads on.
    pub fn print(&self, text: &str) {
        let written = self.0.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        });
        if let Err(error) = written {
            self.0.finish_and_clear();
            eprintln!("compare: stdout: {error}");
            process::exit(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
