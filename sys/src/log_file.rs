//! The file of `log_to_file`: a line for each event. Written by `debug`, in the process that is observed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::event::LoggedEvent;

#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Makes the file, or empties it. Waits off the workers: a pipe may take its time.
    pub(crate) fn open(path: PathBuf) -> io::Result<LogFile> {
        runtime::blocking(move || {
            let file = File::create(&path)?;
            Ok(LogFile { path, file })
        })
    }

    /// Writes an event's line. False: it could not, which is reported, and the file is of no more use.
    pub(crate) fn write(&mut self, event: &LoggedEvent) -> bool {
        let pid = runtime::self_pid();
        // Multi-line texts would look like several events.
        let text = event.to_string().replace('\n', "\\n");
        // One write for each line, so that files which several processes share hold whole lines.
        let written = self
            .file
            .write_all(format!("*DBG* {pid} {text}\n").as_bytes());
        let written = written.inspect_err(|error| report("cannot write", &self.path, error));
        written.is_ok()
    }
}

/// Reports that the log of the calling process cannot be written.
pub(crate) fn report(what: &'static str, path: &Path, error: &io::Error) {
    tracing::warn!(
        target: "sys::log_to_file",
        pid = %runtime::self_pid(),
        path = %path.display(),
        %error,
        "{what} the log file"
    );
}
