//! Debug functions of a process: log, trace, statistics, a log file, installed functions.
//!
//! Kept by the process that they observe, which tells them its events by [`Debug::note`]; [`handle`](crate::handle)
//! turns them on and off.
//!
//! Invariants:
//! * `on` is there if and only if a debug function is on.
//! * Nothing that a debug function does ends the process: a function that fails, or a file that cannot be
//!   written, is removed.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::event::{Event, LoggedEvent};
use crate::log_file::{self, LogFile};
use crate::option::{DebugFunction, DebugOption};

/// What a process keeps for its debug functions, and whether it is suspended. Costs a pointer while it is not and none
/// is on.
#[derive(Debug, Default)]
pub struct Debug {
    on: Option<Box<On>>,
}

#[derive(Debug, Default)]
struct On {
    suspended: bool,
    log: Option<Log>,
    trace: bool,
    statistics: Option<Counts>,
    file: Option<LogFile>,
    functions: Vec<DebugFunction>,
}

#[derive(Debug, Default)]
struct Log {
    limit: usize,
    events: VecDeque<LoggedEvent>,
}

#[derive(Debug)]
struct Counts {
    start: Instant,
    messages_in: u64,
    messages_out: u64,
}

/// What was counted. Mirrors the answer of `sys:statistics(Name, get)`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// When it began.
    pub start_time: Instant,
    /// When it was asked for.
    pub current_time: Instant,
    /// Reductions of the process, modulo 2^32.
    pub reductions: u32,
    /// Messages taken and time-outs, without system messages.
    pub messages_in: u64,
    /// Answers sent by callbacks' returns.
    pub messages_out: u64,
}

impl Counts {
    fn from_now() -> Counts {
        Counts {
            start: runtime::now(),
            messages_in: 0,
            messages_out: 0,
        }
    }
}

impl Debug {
    /// Nothing is on. Mirrors `sys:debug_options([])`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let debug = Debug::new();
    /// assert!(!debug.is_on() && !debug.is_suspended());
    /// # });
    /// ```
    pub fn new() -> Debug {
        Debug::default()
    }

    /// These are on. Mirrors `sys:debug_options/1`. A switch point, if a file is to be opened.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let debug = Debug::with([DebugOption::Log(10), DebugOption::Statistics]);
    /// assert_eq!(debug.functions(), ["log", "statistics"]);
    /// # });
    /// ```
    pub fn with(options: impl IntoIterator<Item = DebugOption>) -> Debug {
        let mut debug = Debug::new();
        for option in options {
            match option {
                DebugOption::Trace => debug.set_trace(true),
                DebugOption::Log(size) => debug.set_log(Some(size)),
                DebugOption::Statistics => debug.set_statistics(true),
                // One that cannot be opened leaves the one before it.
                DebugOption::LogToFile(path) => match LogFile::open(path.clone()) {
                    Ok(file) => debug.change(|on| on.file = Some(file)),
                    Err(error) => log_file::report("cannot open", &path, &error),
                },
                DebugOption::Install(function) => debug.install(function),
            }
        }
        debug
    }

    /// Whether the process is suspended: it takes system messages only.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// // What a process written by hand waits for.
    /// let next = |debug: &Debug| match debug.is_suspended() {
    ///     true => receive_where(None, AnyMessage::is::<System>).unwrap(),
    ///     false => receive_any(),
    /// };
    /// send(self_pid(), "hello");
    /// assert!(next(&Debug::new()).is::<&str>());
    /// # });
    /// ```
    pub fn is_suspended(&self) -> bool {
        self.on.as_ref().is_some_and(|on| on.suspended)
    }

    pub(crate) fn set_suspended(&mut self, suspended: bool) {
        self.change(|on| on.suspended = suspended);
        runtime::request::note_suspended(suspended);
    }

    /// Whether any debug function is on: whether [`note`](Debug::note) does anything.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// assert!(!Debug::new().is_on());
    /// assert!(Debug::with([DebugOption::Trace]).is_on());
    /// # });
    /// ```
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.as_ref().is_some_and(|on| on.any())
    }

    /// Tells the debug functions of an event; `event` is called if any is on. Mirrors `sys:handle_debug/4`.
    ///
    /// # Panics
    ///
    /// Outside a process, if a trace or a log file is on.
    ///
    /// ```
    /// use sys::{Debug, DebugOption, Event, LoggedEvent, Value};
    ///
    /// # runtime::run(|| {
    /// let mut debug = Debug::with([DebugOption::Log(10)]);
    /// debug.note(|| Event::Other(Value::new(&"woken up")));
    /// assert_eq!(debug.log(), [LoggedEvent::Other("\"woken up\"".to_owned())]);
    /// # });
    /// ```
    #[inline]
    pub fn note<'a>(&mut self, event: impl FnOnce() -> Event<'a>) {
        if self.is_on() {
            self.note_on(&event());
        }
    }

    #[cold]
    fn note_on(&mut self, event: &Event<'_>) {
        if let Some(on) = &mut self.on {
            on.note(event);
        }
        self.tidy();
    }

    /// The events in the log, the oldest first. Mirrors `sys:get_log/1`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let mut debug = Debug::with([DebugOption::Log(1)]);
    /// debug.note(|| Event::Other(Value::new(&1)));
    /// debug.note(|| Event::Other(Value::new(&2)));
    /// assert_eq!(debug.log(), [LoggedEvent::Other("2".to_owned())]);
    /// # });
    /// ```
    pub fn log(&self) -> Vec<LoggedEvent> {
        let log = self.on.as_ref().and_then(|on| on.log.as_ref());
        log.map_or_else(Vec::new, |log| log.events.iter().cloned().collect())
    }

    /// Reports the events in the log through `tracing`, at level info, under the target `sys::log`. Mirrors
    /// `sys:print_log/1`.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let mut debug = Debug::with([DebugOption::Log(10)]);
    /// debug.note(|| Event::Other(Value::new(&"woken up")));
    /// debug.print_log(); // INFO sys::log: event pid=<0.1.1> event="woken up"
    /// # });
    /// ```
    pub fn print_log(&self) {
        let pid = runtime::self_pid();
        for event in self.log() {
            tracing::info!(target: "sys::log", %pid, %event, "event");
        }
    }

    /// The debug functions that are on, by their options' names and the ids of those installed.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let install = DebugOption::install("own", |_: &Event<'_>| ControlFlow::Continue(()));
    /// let debug = Debug::with([install, DebugOption::Trace]);
    /// assert_eq!(debug.functions(), ["trace", "own"]);
    /// # });
    /// ```
    pub fn functions(&self) -> Vec<String> {
        let Some(on) = &self.on else {
            return Vec::new();
        };
        let own = [
            ("trace", on.trace),
            ("log", on.log.is_some()),
            ("statistics", on.statistics.is_some()),
            ("log_to_file", on.file.is_some()),
        ];
        let own = own.into_iter().filter(|(_, on)| *on);
        let installed = on.functions.iter().map(|function| function.id.clone());
        own.map(|(name, _)| name.to_owned())
            .chain(installed)
            .collect()
    }

    pub(crate) fn set_log(&mut self, size: Option<usize>) {
        self.change(|on| match size {
            None => on.log = None,
            Some(size) => {
                let log = on.log.get_or_insert_default();
                log.limit = size.max(1);
                let surplus = log.events.len().saturating_sub(log.limit);
                log.events.drain(..surplus);
            }
        });
    }

    pub(crate) fn set_trace(&mut self, trace: bool) {
        self.change(|on| on.trace = trace);
    }

    pub(crate) fn set_statistics(&mut self, counts: bool) {
        self.change(|on| match counts {
            // One that counts goes on.
            true => _ = on.statistics.get_or_insert_with(Counts::from_now),
            false => on.statistics = None,
        });
    }

    /// Writes to another file from now on, or to none: that too if it cannot be opened.
    pub(crate) fn set_log_file(&mut self, path: Option<PathBuf>) -> io::Result<()> {
        self.change(|on| on.file = None);
        if let Some(path) = path {
            let file = LogFile::open(path)?;
            self.change(|on| on.file = Some(file));
        }
        Ok(())
    }

    /// Installs a function; one whose id is there is not installed again.
    pub(crate) fn install(&mut self, function: DebugFunction) {
        let mut surplus = None;
        self.change(|on| {
            if on.functions.iter().any(|other| other.id == function.id) {
                surplus = Some(function);
            } else {
                on.functions.push(function);
            }
        });
        if let Some(surplus) = surplus {
            surplus.remove();
        }
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.change(|on| {
            let found = on.functions.iter().position(|function| function.id == id);
            if let Some(at) = found {
                on.functions.remove(at).remove();
            }
        });
    }

    pub(crate) fn statistics(&self) -> Option<Statistics> {
        let counts = self.on.as_ref()?.statistics.as_ref()?;
        let info = runtime::process_info(runtime::self_pid());
        Some(Statistics {
            start_time: counts.start,
            current_time: runtime::now(),
            reductions: info.map_or(0, |info| info.reductions),
            messages_in: counts.messages_in,
            messages_out: counts.messages_out,
        })
    }

    pub(crate) fn clear(&mut self) {
        if let Some(on) = &mut self.on {
            let suspended = on.suspended;
            let cleared = On {
                suspended,
                ..On::default()
            };
            let old = std::mem::replace(&mut **on, cleared);
            self.tidy();
            old.functions.into_iter().for_each(DebugFunction::remove);
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut On)) {
        change(self.on.get_or_insert_default());
        self.tidy();
    }

    fn tidy(&mut self) {
        if self
            .on
            .as_ref()
            .is_some_and(|on| !on.suspended && !on.any())
        {
            self.on = None;
        }
    }
}

impl On {
    /// Whether any debug function is on.
    fn any(&self) -> bool {
        self.log.is_some()
            || self.trace
            || self.statistics.is_some()
            || self.file.is_some()
            || !self.functions.is_empty()
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Some(counts) = &mut self.statistics {
            match event {
                Event::In { .. } => counts.messages_in += 1,
                Event::Out { .. } => counts.messages_out += 1,
                _ => {}
            }
        }
        if self.trace || self.log.is_some() || self.file.is_some() {
            self.write(event.logged());
        }
        let functions = std::mem::take(&mut self.functions);
        let told = functions
            .into_iter()
            .filter_map(|function| function.tell(event));
        self.functions = told.collect();
    }

    fn write(&mut self, event: LoggedEvent) {
        if self.trace {
            let pid = runtime::self_pid();
            tracing::info!(target: "sys::trace", %pid, %event, "event");
        }
        if self.file.as_mut().is_some_and(|file| !file.write(&event)) {
            self.file = None;
        }
        if let Some(log) = &mut self.log {
            if log.events.len() == log.limit {
                log.events.pop_front();
            }
            log.events.push_back(event);
        }
    }
}
