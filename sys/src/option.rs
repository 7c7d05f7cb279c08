//! What a process may do with its events: see [`DebugOption`].

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

use runtime::catch;

use crate::event::Event;

/// A debug function that is on from a process's start. Mirrors `sys:debug_option/0`.
#[derive(Debug)]
#[non_exhaustive]
pub enum DebugOption {
    /// See [`trace`](crate::trace).
    Trace,
    /// Keeps so many events; usually [`LOG_SIZE`](crate::LOG_SIZE). See [`log`](crate::log).
    Log(usize),
    /// See [`statistics`](crate::statistics).
    Statistics,
    /// See [`log_to_file`](crate::log_to_file). If the file cannot be opened that is reported, and the process
    /// goes on without.
    LogToFile(PathBuf),
    /// See [`install`](crate::install).
    Install(DebugFunction),
}

impl DebugOption {
    /// The option to install `f`. See [`install`](crate::install).
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let me = self_pid();
    /// let mut debug = Debug::with([DebugOption::install("tells", move |event: &Event<'_>| {
    ///     send(me, event.logged().to_string());
    ///     ControlFlow::Continue(())
    /// })]);
    /// debug.note(|| Event::Other(Value::new(&7)));
    /// assert_eq!(receive_type::<String>(), "7");
    /// # });
    /// ```
    pub fn install<F>(id: impl Into<String>, f: F) -> DebugOption
    where
        F: FnMut(&Event<'_>) -> ControlFlow<()> + Send + 'static,
    {
        DebugOption::Install(DebugFunction::new(id, f))
    }
}

type Function = Box<dyn FnMut(&Event<'_>) -> ControlFlow<()> + Send>;

/// A function that a process calls with each of its events.
pub struct DebugFunction {
    pub(crate) id: String,
    function: Function,
}

impl DebugFunction {
    /// The function `f`, to be known as `id`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let own = DebugFunction::new("own", |_: &Event<'_>| ControlFlow::Break(()));
    /// let mut debug = Debug::with([DebugOption::Install(own)]);
    /// debug.note(|| Event::Other(Value::new(&7)));
    /// assert!(!debug.is_on()); // it has broken off
    /// # });
    /// ```
    pub fn new<F>(id: impl Into<String>, f: F) -> DebugFunction
    where
        F: FnMut(&Event<'_>) -> ControlFlow<()> + Send + 'static,
    {
        DebugFunction {
            id: id.into(),
            function: Box::new(f),
        }
    }

    /// Tells it of an event. None: it is done, or has failed, and is gone.
    pub(crate) fn tell(mut self, event: &Event<'_>) -> Option<DebugFunction> {
        match catch(|| (self.function)(event)) {
            Ok(ControlFlow::Continue(())) => Some(self),
            _ => {
                self.remove();
                None
            }
        }
    }

    /// Drops it, of which the process that it observes shall notice nothing.
    pub(crate) fn remove(self) {
        drop(catch(|| drop(self)));
    }
}

impl fmt::Debug for DebugFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DebugFunction({:?})", self.id)
    }
}
