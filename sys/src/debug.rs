//! Debug functions of a process: log, trace, statistics.

use std::collections::VecDeque;
use std::time::Instant;

/// What a process keeps for its debug functions. Costs a pointer while none is on.
#[derive(Debug, Default)]
pub struct Debug {
    suspended: bool,
    on: Option<Box<On>>,
}

#[derive(Debug, Default)]
struct On {
    log: Option<(usize, VecDeque<LoggedEvent>)>,
    trace: bool,
    statistics: Option<Counts>,
}

#[derive(Debug)]
struct Counts {
    start: Instant,
    messages_in: u64,
    messages_out: u64,
}

/// What happens in a process. Mirrors `sys:system_event/0`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message was taken.
    In {
        /// The message, for people.
        message: String,
    },
    /// An answer was sent by a callback's return.
    Out {
        /// The answer, for people.
        reply: String,
    },
    /// A callback returned without an answer.
    NoReply,
    /// `handle_continue` has returned.
    Continue,
}

/// An event in the log.
pub type LoggedEvent = Event;

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
    /// Messages taken, without system messages.
    pub messages_in: u64,
    /// Answers sent by callbacks' returns.
    pub messages_out: u64,
}

impl Debug {
    /// Nothing is on. Mirrors `sys:debug_options([])`.
    pub fn new() -> Debug {
        Debug::default()
    }

    /// Whether the process is suspended: it takes system messages only.
    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    pub(crate) fn set_suspended(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    /// Whether any debug function is on: whether [`note`](Debug::note) does anything.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// Tells the debug functions of an event; `event` is called if one of them wants it. Mirrors
    /// `sys:handle_debug/4`.
    #[inline]
    pub fn note(&mut self, event: impl FnOnce() -> Event) {
        if let Some(on) = &mut self.on {
            on.note(event());
        }
    }

    /// The events in the log, the oldest first. Mirrors `sys:get_log/1`.
    pub fn log(&self) -> Vec<LoggedEvent> {
        let log = self.on.as_ref().and_then(|on| on.log.as_ref());
        log.map_or_else(Vec::new, |(_, events)| events.iter().cloned().collect())
    }

    pub(crate) fn set_log(&mut self, size: Option<usize>) {
        let on = self.on.get_or_insert_default();
        match size {
            None => on.log = None,
            Some(size) => {
                let (limit, events) = on.log.get_or_insert_default();
                *limit = size.max(1);
                while events.len() > *limit {
                    events.pop_front();
                }
            }
        }
        self.tidy();
    }

    pub(crate) fn set_trace(&mut self, trace: bool) {
        self.on.get_or_insert_default().trace = trace;
        self.tidy();
    }

    pub(crate) fn set_statistics(&mut self, counts: bool) {
        let on = self.on.get_or_insert_default();
        on.statistics = counts.then(|| Counts {
            start: runtime::now(),
            messages_in: 0,
            messages_out: 0,
        });
        self.tidy();
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
        self.on = None;
    }

    fn tidy(&mut self) {
        let off = self
            .on
            .as_ref()
            .is_some_and(|on| on.log.is_none() && !on.trace && on.statistics.is_none());
        if off {
            self.on = None;
        }
    }
}

impl On {
    fn note(&mut self, event: Event) {
        if let Some(counts) = &mut self.statistics {
            match event {
                Event::In { .. } => counts.messages_in += 1,
                Event::Out { .. } => counts.messages_out += 1,
                Event::NoReply | Event::Continue => {}
            }
        }
        if self.trace {
            let pid = runtime::self_pid();
            tracing::info!(target: "sys::trace", %pid, ?event, "event");
        }
        if let Some((limit, events)) = &mut self.log {
            if events.len() == *limit {
                events.pop_front();
            }
            events.push_back(event);
        }
    }
}
