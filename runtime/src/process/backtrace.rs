//! Where a process is: its stack, without what the runtime has put around the process's own calls.
//!
//! Captured by the process itself, when it is looked at (`info`); names are put to the frames when it is shown. The
//! capture begins in the look and ends in the worker's thread. Shown is what lies between the runtime's function that
//! the process waits in and the one that calls its body.
//!
//! Whose a frame is says its place in the source, and where there is none its name: a function that was inlined has
//! no more than the last part of that. Invariant: in doubt a frame is shown.

use std::backtrace::Backtrace;
use std::fmt;

/// Where a process is: the calls on its stack, the innermost first. The first one is the function of this crate that
/// it waits in, the others are its own; shown with `{:#}` those of the scheduler are there too.
pub struct ProcessBacktrace(Backtrace);

/// The function that calls the bodies of processes, see `process::run`.
const BOTTOM: &str = "call_body";
/// Where this is, below the root of the crate.
const HERE: &str = "process/backtrace.rs";
/// The standard library, as it comes without its source, and with it.
const STD: [&str; 2] = ["/rustc/", "/rustlib/src/rust/library/"];

impl ProcessBacktrace {
    /// Of the running process.
    pub(super) fn capture() -> ProcessBacktrace {
        ProcessBacktrace(Backtrace::force_capture())
    }
}

impl fmt::Display for ProcessBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Display::fmt(&self.0, f);
        }
        let shown = self.0.to_string();
        for (number, frame) in own(&frames(&shown)).iter().enumerate() {
            writeln!(f, "{number:4}: {}", frame.name)?;
            if let Some(place) = frame.place {
                writeln!(f, "{place}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ProcessBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

struct Frame<'a> {
    name: &'a str,
    /// The line that tells it.
    place: Option<&'a str>,
}

/// What [`Backtrace`] shows: `   7: name`, and below it, where it is known, `             at path:line:column`.
fn frames(shown: &str) -> Vec<Frame<'_>> {
    let mut lines = shown.lines().peekable();
    let mut frames = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((_, name)) = line.split_once(": ") {
            let place = lines.next_if(|line| line.trim_start().starts_with("at "));
            frames.push(Frame { name, place });
        }
    }
    frames
}

/// The frames of the process's own functions, and that of the runtime which the innermost of them has called.
fn own<'f, 's>(frames: &'f [Frame<'s>]) -> &'f [Frame<'s>] {
    let root = frames
        .iter()
        .find_map(|frame| frame.place?.split_once(HERE));
    let root = root.map(|(root, _)| root);
    let bottom = frames.iter().rposition(Frame::is_bottom);
    let frames = &frames[..bottom.unwrap_or(frames.len())];
    let is_own = |frame: &Frame<'_>| !frame.is_of_runtime(root) && !frame.is_of_std();
    let (Some(innermost), Some(outermost)) = (
        frames.iter().position(is_own),
        frames.iter().rposition(is_own),
    ) else {
        return frames;
    };
    let called = |frame: &Frame<'_>| frame.is_of_runtime(root);
    let first = frames[..innermost].iter().rposition(called);
    &frames[first.unwrap_or(innermost)..=outermost]
}

impl Frame<'_> {
    fn is_bottom(&self) -> bool {
        self.name.rsplit("::").next() == Some(BOTTOM)
    }

    /// Of this crate, whose sources are in `root`.
    fn is_of_runtime(&self, root: Option<&str>) -> bool {
        match (self.place, root) {
            (Some(place), Some(root)) => place.starts_with(root),
            _ => self.is_in(&["runtime"]),
        }
    }

    fn is_of_std(&self) -> bool {
        match self.place {
            Some(place) => STD.iter().any(|path| place.contains(path)),
            // What has no path is not Rust's, or was made by the compiler.
            None => !self.name.contains("::") || self.is_in(&["core", "alloc", "std"]),
        }
    }

    fn is_in(&self, crates: &[&str]) -> bool {
        let name = self.name.trim_start_matches(['<', '&']);
        name.split_once("::")
            .is_some_and(|(first, _)| crates.contains(&first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACED: &str = "
   0: capture
             at ./src/process/backtrace.rs:28:26
   1: {closure#1}<runtime::signal::question::Pending>
             at ./src/message/envelope.rs:184:22
   2: call_once<u8>
             at /root/.rustup/toolchains/x/lib/rustlib/src/rust/library/core/src/ops/function.rs:250:5
   3: receive_type<u8>
             at ./src/mailbox/receive.rs:355:18
   4: {closure#0}
             at ./examples/one.rs:11:45
   5: catch<u8>
             at ./src/process/catch.rs:74:5
   6: main
             at ./examples/one.rs:9:5
   7: {closure#0}<one::main>
             at ./src/process/spawn.rs:358:57
   8: call_body
             at ./src/process/run.rs:109:14
   9: main
             at ./examples/one.rs:3:1
";

    const NAMED: &str = "
   0: runtime::process::info::look_closer
   1: <runtime::signal::question::Pending as core::ops::drop::Drop>::drop
   2: core::ptr::drop_in_place::<runtime::signal::question::Pending>
   3: __rust_try
   4: runtime::mailbox::receive::receive_type::<u8>
   5: one::main::{closure#0}
   6: core::ops::function::FnOnce::call_once
   7: runtime::process::run::call_body
   8: one::main
";

    fn names(shown: &str) -> Vec<&str> {
        let frames = frames(shown);
        own(&frames).iter().map(|frame| frame.name).collect()
    }

    /// By their places, or without debug information by their names, the look's and the scheduler's frames are told
    /// from the process's own, and left out.
    #[test]
    fn the_process_s_own_frames() {
        let placed = ["receive_type<u8>", "{closure#0}", "catch<u8>", "main"];
        assert_eq!(names(PLACED), placed);
        let named = [
            "runtime::mailbox::receive::receive_type::<u8>",
            "one::main::{closure#0}",
        ];
        assert_eq!(names(NAMED), named);
    }

    /// Where no frame is the process's, none of those above its bottom is left out.
    #[test]
    fn no_frame_of_its_own() {
        let shown = "   0: runtime::a\n   1: runtime::b\n   2: runtime::process::run::call_body\n";
        assert_eq!(names(shown), ["runtime::a", "runtime::b"]);
    }
}
