//! The client's half: what anybody may ask of a process.

use std::any::Any;
use std::fmt;

use runtime::request::{CallError, Client, ServerRef, call_as};
use runtime::{ExitReason, Message, Pid};

use crate::TIMEOUT;
use crate::debug::{LoggedEvent, Statistics};
use crate::process::{Request, Status, System, name_of};

#[cfg_attr(debug_assertions, track_caller)]
fn ask<R: Message>(server: impl Into<ServerRef>, request: Request) -> Result<R, CallError> {
    let message = |client| System {
        client: Some(client),
        request,
    };
    call_as(server, message, TIMEOUT)
}

/// Suspends a process: it takes system messages only, all others wait. Mirrors `sys:suspend/1`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn suspend(server: impl Into<ServerRef>) -> Result<(), CallError> {
    ask(server, Request::Suspend)
}

/// Lets a suspended process go on. Mirrors `sys:resume/1`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn resume(server: impl Into<ServerRef>) -> Result<(), CallError> {
    ask(server, Request::Resume)
}

/// What a process is and does. Mirrors `sys:get_status/1`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn get_status(server: impl Into<ServerRef>) -> Result<Status, CallError> {
    ask(server, Request::Status)
}

/// Why a state could not be looked at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StateError {
    /// The call has failed.
    Call(CallError),
    /// The state is of another type than it was taken for.
    WrongType {
        /// The type it was taken for.
        expected: &'static str,
    },
    /// The function has panicked, or exited; the state is as it was. Erlang's `callback_failed`.
    CallbackFailed(ExitReason),
}

/// Calls `f` with the state of a process, in that process, and gives its result here. The state of a
/// gen_server is its `Self`.
///
/// # Errors
///
/// See [`StateError`].
#[cfg_attr(debug_assertions, track_caller)]
pub fn inspect<S, R, F>(server: impl Into<ServerRef>, f: F) -> Result<R, StateError>
where
    S: Any,
    R: Message,
    F: FnOnce(&S) -> R + Send + 'static,
{
    with_state(server, move |state: &mut S| {
        runtime::catch(|| f(state)).map_err(Into::into)
    })
}

/// A copy of the state of a process. Mirrors `sys:get_state/1`.
///
/// # Errors
///
/// See [`StateError`].
#[cfg_attr(debug_assertions, track_caller)]
pub fn get_state<S>(server: impl Into<ServerRef>) -> Result<S, StateError>
where
    S: Any + Clone + Message,
{
    inspect(server, S::clone)
}

/// Puts what `f` makes of the state of a process in its place, and gives a copy here. If `f` panics the state
/// is as it was. Mirrors `sys:replace_state/2`.
///
/// # Errors
///
/// See [`StateError`].
#[cfg_attr(debug_assertions, track_caller)]
pub fn replace_state<S, F>(server: impl Into<ServerRef>, f: F) -> Result<S, StateError>
where
    S: Any + Clone + Message,
    F: FnOnce(&S) -> S + Send + 'static,
{
    with_state(server, move |state: &mut S| {
        let new = runtime::catch(|| f(state)).map_err(ExitReason::from)?;
        *state = new.clone();
        Ok(new)
    })
}

#[cfg_attr(debug_assertions, track_caller)]
fn with_state<S, R, F>(server: impl Into<ServerRef>, f: F) -> Result<R, StateError>
where
    S: Any,
    R: Message,
    F: FnOnce(&mut S) -> Result<R, ExitReason> + Send + 'static,
{
    let look = move |state: &mut dyn Any, client: Client| {
        let answer = match state.downcast_mut::<S>() {
            Some(state) => f(state).map_err(StateError::CallbackFailed),
            None => Err(StateError::WrongType {
                expected: name_of::<S>(),
            }),
        };
        client.of::<Result<R, StateError>>().reply(answer);
    };
    let answer = ask(server, Request::State(Box::new(look)));
    answer.map_err(StateError::Call)?
}

/// Changes the code of a suspended process: its `code_change` is called with `extra`. Mirrors
/// `sys:change_code/4`.
///
/// # Errors
///
/// The call has failed; inside: the process refuses, or is not suspended.
#[cfg_attr(debug_assertions, track_caller)]
pub fn change_code(
    server: impl Into<ServerRef>,
    extra: impl Any + Send,
) -> Result<Result<(), ExitReason>, CallError> {
    ask(server, Request::ChangeCode(Box::new(extra)))
}

/// Tells a process to end with `reason`, as if its parent had. Does not wait for the end. Mirrors
/// `sys:terminate/2`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn terminate(server: impl Into<ServerRef>, reason: ExitReason) -> Result<(), CallError> {
    ask(server, Request::Terminate(reason))
}

/// As [`terminate`], without an answer: for one that watches the process.
pub fn order_to_terminate(pid: Pid, reason: ExitReason) {
    runtime::send(pid, System::order(Request::Terminate(reason)));
}

/// Lets a process keep its last `size` events; `None`: no longer. Mirrors `sys:log/2`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn log(server: impl Into<ServerRef>, size: Option<usize>) -> Result<(), CallError> {
    ask(server, Request::Log(size))
}

/// The events that a process keeps, the oldest first. Mirrors `sys:log(Name, get)`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn get_log(server: impl Into<ServerRef>) -> Result<Vec<LoggedEvent>, CallError> {
    ask(server, Request::GetLog)
}

/// Lets a process report each event through `tracing`, at level info, under the target `sys::trace`, or no
/// longer. Mirrors `sys:trace/2`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn trace(server: impl Into<ServerRef>, on: bool) -> Result<(), CallError> {
    ask(server, Request::Trace(on))
}

/// Lets a process count its messages, or no longer. Mirrors `sys:statistics/2`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn statistics(server: impl Into<ServerRef>, on: bool) -> Result<(), CallError> {
    ask(server, Request::Statistics(on))
}

/// What a process has counted; none if it does not. Mirrors `sys:statistics(Name, get)`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn get_statistics(server: impl Into<ServerRef>) -> Result<Option<Statistics>, CallError> {
    ask(server, Request::GetStatistics)
}

/// Turns all debug functions of a process off. Mirrors `sys:no_debug/1`.
///
/// # Errors
///
/// As [`request::call`](runtime::request::call).
#[cfg_attr(debug_assertions, track_caller)]
pub fn no_debug(server: impl Into<ServerRef>) -> Result<(), CallError> {
    ask(server, Request::NoDebug)
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Call(error) => fmt::Display::fmt(error, f),
            StateError::WrongType { expected } => write!(f, "the state is no {expected}"),
            StateError::CallbackFailed(reason) => {
                write!(
                    f,
                    "the function has failed, the state is as it was: {reason}"
                )
            }
        }
    }
}

impl std::error::Error for StateError {}
