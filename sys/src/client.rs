//! The client's half: what anybody may ask of a process, and how long to wait for the answer.
//!
//! Called by users, and by `genserver` to stop a process. Each function is a call of `runtime::request` with a
//! [`System`] message, which `process` answers in the process that is asked.
//!
//! Invariant: a function's two forms, the free one and [`Within`]'s, say and do the same.

mod debug;
mod state;

use std::any::Any;
use std::time::Duration;

use runtime::request::{CallError, ServerRef, call_as};
use runtime::{ExitReason, Message, Pid};

use crate::debug::Statistics;
use crate::error::ChangeCodeError;
use crate::event::LoggedEvent;
use crate::process::{CodeChanged, Request, Status, System};
use crate::{TIMEOUT, in_process};

pub use debug::{install, log_to_file};
pub use state::{get_state, inspect, replace_state};

/// The functions of this crate, with a time-out of their own: each waits so long for its answer. Mirrors the
/// argument `Timeout` of `sys`'s functions.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::request::Failure;
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let deaf = spawn!(|| drop(receive_type::<u32>()));
/// let time = Duration::from_millis(1);
/// let error = sys::within(time).suspend(deaf).unwrap_err();
/// assert_eq!(error.failure, Failure::Timeout(time));
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "asks nothing by itself"]
pub struct Within {
    timeout: Option<Duration>,
}

/// Waits so long for answers; `None`: for ever.
///
/// ```
#[doc = include_str!("../doc/adder.txt")]
/// # runtime::run(|| {
/// let adder = spawn!(adder);
/// // A status may take its time.
/// let status = sys::within(None).get_status(adder).unwrap();
/// assert_eq!(status.state, "0");
/// # });
/// ```
pub fn within(timeout: impl Into<Option<Duration>>) -> Within {
    Within {
        timeout: timeout.into(),
    }
}

const USUAL: Within = Within {
    timeout: Some(TIMEOUT),
};

/// A function's two forms: the method, and the free one that waits for [`TIMEOUT`]. Both fail as a call does.
macro_rules! asks {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $request:expr;)*) => {
        impl Within {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// As [`request::call`](runtime::request::call).
                ///
                /// # Panics
                ///
                /// Outside a process.
                #[cfg_attr(debug_assertions, track_caller)]
                pub fn $name(self, server: impl Into<ServerRef>, $($arg: $type),*) -> Result<$answer, CallError> {
                    in_process(concat!("sys::", stringify!($name)));
                    self.ask(server, $request)
                }
            )*
        }

        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// As [`request::call`](runtime::request::call).
            ///
            /// # Panics
            ///
            /// Outside a process.
            #[cfg_attr(debug_assertions, track_caller)]
            pub fn $name(server: impl Into<ServerRef>, $($arg: $type),*) -> Result<$answer, CallError> {
                USUAL.$name(server, $($arg),*)
            }
        )*
    };
}

asks! {
    /// Suspends a process: it takes system messages only, all others wait. Mirrors `sys:suspend/1`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::suspend(adder).unwrap();
    /// send(adder, 7u32); // waits
    /// assert_eq!(sys::get_state::<u32>(adder), Ok(0));
    /// # });
    /// ```
    fn suspend() -> () = Request::Suspend;

    /// Lets a suspended process go on. Mirrors `sys:resume/1`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::suspend(adder).unwrap();
    /// send(adder, 7u32);
    /// sys::resume(adder).unwrap();
    /// assert_eq!(sys::get_state::<u32>(adder), Ok(7));
    /// # });
    /// ```
    fn resume() -> () = Request::Resume;

    /// What a process is and does. Mirrors `sys:get_status/1`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// let status = sys::get_status(adder).unwrap();
    /// assert_eq!((status.module, &*status.state, status.suspended), ("adder", "0", false));
    /// # });
    /// ```
    fn get_status() -> Status = Request::Status;

    /// Tells a process to end with `reason`, as if its parent had. Does not wait for the end. Mirrors
    /// `sys:terminate/2`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let (adder, watch) = spawn_monitor!(adder);
    /// sys::terminate(adder, ExitReason::Shutdown).unwrap();
    /// receive! { Down { monitor, reason, .. } if monitor == watch => {
    ///     assert_eq!(reason, ExitReason::Shutdown);
    /// } }
    /// # });
    /// ```
    fn terminate(reason: ExitReason) -> () = Request::Terminate(reason);

    /// Lets a process keep its last `size` events; `None`: no longer. Mirrors `sys:log/2`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::log(adder, Some(sys::LOG_SIZE)).unwrap();
    /// send(adder, 7u32);
    /// assert_eq!(sys::get_log(adder).unwrap()[0].to_string(), "got 7");
    /// sys::log(adder, None).unwrap();
    /// assert_eq!(sys::get_log(adder), Ok(vec![]));
    /// # });
    /// ```
    fn log(size: Option<usize>) -> () = Request::Log(size);

    /// The events that a process keeps, the oldest first. Mirrors `sys:log(Name, get)`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::log(adder, Some(1)).unwrap();
    /// send(adder, 7u32);
    /// send(adder, 8u32);
    /// let log = sys::get_log(adder).unwrap();
    /// assert_eq!(log, [LoggedEvent::In { message: "8".to_owned() }]);
    /// # });
    /// ```
    fn get_log() -> Vec<LoggedEvent> = Request::GetLog;

    /// Lets a process report the events that it keeps through `tracing`, at level info, under the target
    /// `sys::log`. Mirrors `sys:log(Name, print)`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::log(adder, Some(10)).unwrap();
    /// send(adder, 7u32);
    /// sys::print_log(adder).unwrap(); // INFO sys::log: event pid=<0.1.1> event=got 7
    /// # });
    /// ```
    fn print_log() -> () = Request::PrintLog;

    /// Lets a process report each event through `tracing`, at level info, under the target `sys::trace`, or no
    /// longer. Mirrors `sys:trace/2`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::trace(adder, true).unwrap();
    /// send(adder, 7u32); // INFO sys::trace: event pid=<0.1.1> event=got 7
    /// sys::trace(adder, false).unwrap();
    /// # });
    /// ```
    fn trace(on: bool) -> () = Request::Trace(on);

    /// Lets a process count its messages, or no longer; one that counts goes on. Mirrors `sys:statistics/2`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::statistics(adder, true).unwrap();
    /// send(adder, 7u32);
    /// let counted = sys::get_statistics(adder).unwrap().unwrap();
    /// assert_eq!((counted.messages_in, counted.messages_out), (1, 0));
    /// # });
    /// ```
    fn statistics(on: bool) -> () = Request::Statistics(on);

    /// What a process has counted; none if it does not. Mirrors `sys:statistics(Name, get)`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// assert_eq!(sys::get_statistics(adder), Ok(None));
    /// # });
    /// ```
    fn get_statistics() -> Option<Statistics> = Request::GetStatistics;

    /// Removes the debug function that was installed under this id, if it is there. Mirrors `sys:remove/2`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::install(adder, "own", |_: &Event<'_>| ControlFlow::Continue(())).unwrap();
    /// sys::remove(adder, "own").unwrap();
    /// assert!(sys::get_status(adder).unwrap().debug.is_empty());
    /// # });
    /// ```
    fn remove(id: &str) -> () = Request::Remove(id.to_owned());

    /// Turns all debug functions of a process off. Mirrors `sys:no_debug/1`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let adder = spawn!(adder);
    /// sys::statistics(adder, true).unwrap();
    /// sys::log(adder, Some(10)).unwrap();
    /// sys::no_debug(adder).unwrap();
    /// assert!(sys::get_status(adder).unwrap().debug.is_empty());
    /// # });
    /// ```
    fn no_debug() -> () = Request::NoDebug;
}

impl Within {
    #[cfg_attr(debug_assertions, track_caller)]
    fn ask<R: Message>(
        self,
        server: impl Into<ServerRef>,
        request: Request,
    ) -> Result<R, CallError> {
        let message = |client| System {
            client: Some(client),
            request,
        };
        call_as(server, message, self.timeout)
    }

    /// See [`change_code`].
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
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let (adder, patient) = (spawn!(adder), sys::within(None));
    /// patient.suspend(adder).unwrap();
    /// assert_eq!(patient.change_code(adder, 40u32), Ok(()));
    /// patient.resume(adder).unwrap();
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn change_code(
        self,
        server: impl Into<ServerRef>,
        extra: impl Any + Send,
    ) -> Result<(), ChangeCodeError> {
        in_process("sys::change_code");
        match self.ask(server, Request::ChangeCode(Box::new(extra))) {
            Ok(CodeChanged::Done) => Ok(()),
            Ok(CodeChanged::NotSuspended) => Err(ChangeCodeError::NotSuspended),
            Ok(CodeChanged::Refused(reason)) => Err(ChangeCodeError::Refused(reason)),
            Err(error) => Err(ChangeCodeError::Call(error)),
        }
    }
}

/// Changes the code of a suspended process: its `code_change` is called with `extra`. Mirrors
/// `sys:change_code/4`.
///
/// # Errors
///
/// See [`ChangeCodeError`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../doc/adder.txt")]
/// # runtime::run(|| {
/// use sys::ChangeCodeError;
///
/// let adder = spawn!(adder);
/// assert_eq!(sys::change_code(adder, 40u32), Err(ChangeCodeError::NotSuspended));
/// sys::suspend(adder).unwrap();
/// assert_eq!(sys::change_code(adder, 40u32), Ok(()));
/// sys::resume(adder).unwrap();
/// assert_eq!(sys::get_state::<u32>(adder), Ok(40));
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn change_code(
    server: impl Into<ServerRef>,
    extra: impl Any + Send,
) -> Result<(), ChangeCodeError> {
    USUAL.change_code(server, extra)
}

/// As [`terminate`], without an answer: for one that watches the process.
///
/// ```
#[doc = include_str!("../doc/adder.txt")]
/// # runtime::run(|| {
/// let (adder, watch) = spawn_monitor!(adder);
/// sys::order_to_terminate(adder, ExitReason::Shutdown);
/// receive! { Down { monitor, reason, .. } if monitor == watch => {
///     assert_eq!(reason, ExitReason::Shutdown);
/// } }
/// # });
/// ```
pub fn order_to_terminate(pid: Pid, reason: ExitReason) {
    runtime::send(pid, System::order(Request::Terminate(reason)));
}
