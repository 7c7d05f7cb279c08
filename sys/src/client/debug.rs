//! Debug functions of the user's own, and files of events.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use runtime::request::{CallError, ServerRef};

use super::{USUAL, Within};
use crate::error::LogToFileError;
use crate::event::Event;
use crate::in_process;
use crate::option::DebugFunction;
use crate::process::Request;

impl Within {
    /// See [`log_to_file`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    #[doc = include_str!("../../doc/adder.txt")]
    /// # runtime::run(|| {
    /// use sys::LogToFileError;
    ///
    /// let adder = spawn!(adder);
    /// let opened = sys::within(None).log_to_file(adder, Some("/no/such/folder/log".into()));
    /// assert!(matches!(opened, Err(LogToFileError::OpenFile(_))));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn log_to_file(
        self,
        server: impl Into<ServerRef>,
        path: Option<PathBuf>,
    ) -> Result<(), LogToFileError> {
        in_process("sys::log_to_file");
        match self.ask::<io::Result<()>>(server, Request::LogToFile(path)) {
            Ok(opened) => opened.map_err(LogToFileError::OpenFile),
            Err(error) => Err(LogToFileError::Call(error)),
        }
    }

    /// See [`install`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    #[doc = include_str!("../../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let (me, adder) = (self_pid(), spawn!(adder));
    /// let tells = move |event: &Event<'_>| {
    ///     send(me, event.logged().to_string());
    ///     ControlFlow::Break(()) // once is enough
    /// };
    /// sys::within(None).install(adder, "tells", tells).unwrap();
    /// send(adder, 7u32);
    /// assert_eq!(receive_type::<String>(), "got 7");
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn install<F>(
        self,
        server: impl Into<ServerRef>,
        id: impl Into<String>,
        f: F,
    ) -> Result<(), CallError>
    where
        F: FnMut(&Event<'_>) -> ControlFlow<()> + Send + 'static,
    {
        in_process("sys::install");
        self.ask(server, Request::Install(DebugFunction::new(id, f)))
    }
}

/// Lets a process write each event as a line to a file, which it makes, or empties; `None`: no longer. The
/// file that it wrote to is closed, also if the new one cannot be opened. If a
/// line cannot be written that is reported, and the file is closed. Mirrors `sys:log_to_file/2`.
///
/// # Errors
///
/// See [`LogToFileError`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/adder.txt")]
/// # runtime::run(|| {
/// let adder = spawn!(adder);
/// let path = std::env::temp_dir().join(format!("adder-{}", std::process::id()));
/// sys::log_to_file(adder, Some(path.clone())).unwrap();
/// send(adder, 7u32);
/// sys::log_to_file(adder, None).unwrap();
/// let log = std::fs::read_to_string(&path).unwrap();
/// assert_eq!(log, format!("*DBG* {adder} got 7\n"));
/// # std::fs::remove_file(path).unwrap();
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn log_to_file(
    server: impl Into<ServerRef>,
    path: Option<PathBuf>,
) -> Result<(), LogToFileError> {
    USUAL.log_to_file(server, path)
}

/// Lets a process call `f` with each event, until that breaks off, panics, or is removed by its `id`. If the
/// process has a function of that id nothing happens. Mirrors `sys:install/2`.
///
/// `f` is called in the process, between its callbacks.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use runtime::prelude::*;
/// use std::any::Any;
/// use std::ops::ControlFlow;
/// use sys::{Debug, Event, System};
///
/// struct Adder(u32);
///
/// impl sys::Process for Adder {
///     fn state(&mut self) -> &mut dyn Any { &mut self.0 }
///     fn show(&self) -> String { self.0.to_string() }
///     fn module(&self) -> &'static str { "adder" }
/// }
///
/// fn adder() {
///     let (mut adder, mut debug) = (Adder(0), Debug::new());
///     loop {
///         let message = receive_any();
///         match message.downcast::<System>() {
///             Ok(system) => drop(sys::handle(system, &mut debug, &mut adder)),
///             Err(message) => {
///                 debug.note(|| Event::In { message: &message });
///                 adder.0 += message.downcast::<u32>().unwrap_or(0);
///             }
///         }
///     }
/// }
///
/// # runtime::run(|| {
/// let (me, adder) = (self_pid(), spawn!(adder));
/// sys::install(adder, "great ones", move |event: &Event<'_>| {
///     if let Some(n @ 100..) = event.request::<u32>() {
///         send(me, *n);
///     }
///     ControlFlow::Continue(())
/// })?;
/// send(adder, 7u32);
/// send(adder, 700u32);
/// assert_eq!(receive_type::<u32>(), 700);
/// sys::remove(adder, "great ones")?;
/// # Ok::<(), runtime::request::CallError>(()) }).unwrap();
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn install<F>(
    server: impl Into<ServerRef>,
    id: impl Into<String>,
    f: F,
) -> Result<(), CallError>
where
    F: FnMut(&Event<'_>) -> ControlFlow<()> + Send + 'static,
{
    USUAL.install(server, id, f)
}
