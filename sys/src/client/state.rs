//! Looking at a process's state, and replacing it.

use std::any::{Any, type_name};

use runtime::request::{Client, ServerRef};
use runtime::{ExitReason, Message, catch};

use super::{USUAL, Within};
use crate::error::StateError;
use crate::in_process;
use crate::process::Request;

impl Within {
    /// See [`inspect`].
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
    /// let adder = spawn!(adder);
    /// send(adder, 7u32);
    /// let is_odd = sys::within(None).inspect(adder, |n: &u32| n % 2 == 1);
    /// assert_eq!(is_odd, Ok(true));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn inspect<S, R, F>(self, server: impl Into<ServerRef>, f: F) -> Result<R, StateError>
    where
        S: Any,
        R: Message,
        F: FnOnce(&S) -> R + Send + 'static,
    {
        in_process("sys::inspect");
        self.with_state(server, move |state: &mut S| {
            catch(|| f(state)).map_err(Into::into)
        })
    }

    /// See [`get_state`].
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
    /// let adder = spawn!(adder);
    /// assert_eq!(sys::within(None).get_state::<u32>(adder), Ok(0));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn get_state<S>(self, server: impl Into<ServerRef>) -> Result<S, StateError>
    where
        S: Any + Clone + Message,
    {
        in_process("sys::get_state");
        self.inspect(server, S::clone)
    }

    /// See [`replace_state`].
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
    /// let adder = spawn!(adder);
    /// assert_eq!(sys::within(None).replace_state(adder, |n: &u32| n + 10), Ok(10));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn replace_state<S, F>(self, server: impl Into<ServerRef>, f: F) -> Result<S, StateError>
    where
        S: Any + Clone + Message,
        F: FnOnce(&S) -> S + Send + 'static,
    {
        in_process("sys::replace_state");
        self.with_state(server, move |state: &mut S| {
            let (new, copy) = catch(|| {
                let new = f(state);
                let copy = new.clone();
                (new, copy)
            })?;
            let old = std::mem::replace(state, new);
            drop(catch(|| drop(old)));
            Ok(copy)
        })
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn with_state<S, R, F>(self, server: impl Into<ServerRef>, f: F) -> Result<R, StateError>
    where
        S: Any,
        R: Message,
        F: FnOnce(&mut S) -> Result<R, ExitReason> + Send + 'static,
    {
        let look = move |state: &mut dyn Any, client: Client| {
            let answer = match state.downcast_mut::<S>() {
                Some(state) => f(state).map_err(StateError::CallbackFailed),
                None => Err(StateError::WrongType {
                    expected: type_name::<S>(),
                }),
            };
            client.of::<Result<R, StateError>>().reply(answer);
        };
        let answer = self.ask(server, Request::State(Box::new(look)));
        answer.map_err(StateError::Call)?
    }
}

/// Calls `f` with the state of a process, in that process, and gives its result here. The state of a
/// gen_server is its `Self`.
///
/// # Errors
///
/// See [`StateError`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/adder.txt")]
/// # runtime::run(|| {
/// let adder = spawn!(adder);
/// send(adder, 7u32);
/// assert_eq!(sys::inspect(adder, |n: &u32| n % 2 == 1), Ok(true));
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn inspect<S, R, F>(server: impl Into<ServerRef>, f: F) -> Result<R, StateError>
where
    S: Any,
    R: Message,
    F: FnOnce(&S) -> R + Send + 'static,
{
    USUAL.inspect(server, f)
}

/// A copy of the state of a process. Mirrors `sys:get_state/1`.
///
/// # Errors
///
/// See [`StateError`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/adder.txt")]
/// # runtime::run(|| {
/// use sys::StateError;
///
/// let adder = spawn!(adder);
/// send(adder, 7u32);
/// assert_eq!(sys::get_state::<u32>(adder), Ok(7));
/// let wrong = sys::get_state::<String>(adder);
/// assert!(matches!(wrong, Err(StateError::WrongType { .. })));
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn get_state<S>(server: impl Into<ServerRef>) -> Result<S, StateError>
where
    S: Any + Clone + Message,
{
    USUAL.get_state(server)
}

/// Puts what `f` makes of the state of a process in its place, and gives a copy here. If `f` panics the state
/// is as it was. Mirrors `sys:replace_state/2`.
///
/// # Errors
///
/// See [`StateError`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
#[doc = include_str!("../../doc/adder.txt")]
/// # runtime::run(|| {
/// use sys::StateError;
///
/// let adder = spawn!(adder);
/// assert_eq!(sys::replace_state(adder, |n: &u32| n + 10), Ok(10));
/// let failed = sys::replace_state(adder, |_: &u32| panic!("no state"));
/// assert!(matches!(failed, Err(StateError::CallbackFailed(_))));
/// assert_eq!(sys::get_state::<u32>(adder), Ok(10));
/// # });
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn replace_state<S, F>(server: impl Into<ServerRef>, f: F) -> Result<S, StateError>
where
    S: Any + Clone + Message,
    F: FnOnce(&S) -> S + Send + 'static,
{
    USUAL.replace_state(server, f)
}
