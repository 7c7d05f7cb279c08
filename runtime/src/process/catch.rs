//! [`catch`]: keeps panics and exits from ending the process.
//!
//! Called by users, and by behaviours around their callbacks.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use super::behaviour::Next;
use super::exit::{self, Raise};
use super::exit_reason::{ExitReason, PanicReport};

/// What [`catch`] has caught.
#[derive(Clone, Debug, PartialEq)]
pub enum Caught {
    /// The process called [`exit`](crate::exit), with this reason.
    Exit(ExitReason),
    /// It panicked.
    Panic(PanicReport),
}

impl Caught {
    /// The reason with which the process would have ended.
    pub fn into_reason(self) -> ExitReason {
        match self {
            Caught::Exit(reason) => reason,
            Caught::Panic(report) => ExitReason::Panic(report),
        }
    }
}

impl From<Caught> for ExitReason {
    fn from(caught: Caught) -> ExitReason {
        caught.into_reason()
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caught::Exit(reason) => write!(f, "exit: {reason:?}"),
            Caught::Panic(report) => fmt::Display::fmt(report, f),
        }
    }
}

/// Calls `f`, and catches what would end the process from inside: a panic, and
/// [`exit`](crate::exit).
///
/// What [`std::panic::catch_unwind`] would hold up for a moment only, or ought not to catch, is
/// passed on: a fatal exit signal, a kill, and [`hibernate`](crate::hibernate) and
/// [`enter`](crate::enter), which unwind the stack that they leave behind. A panic is told with its
/// place, not as a payload; [`Err`] converts into the [`ExitReason`], so `?` ends the process as if
/// nothing had been caught.
///
/// Unlike `catch_unwind` it takes any closure: what `f` has changed may be changed by half when it
/// panics, and it is for the caller to put that right, or to drop it.
///
/// Mirrors `try .. catch` of the classes `error` and `exit`. On a thread that is no process it
/// catches panics.
///
/// # Errors
///
/// [`Caught`] tells an exit and a panic apart.
///
/// ```
/// use runtime::{Caught, ExitReason, catch, exit};
///
/// # runtime::run(|| {
/// assert_eq!(catch(|| 1 + 1), Ok(2));
/// assert_eq!(catch(|| exit(ExitReason::Shutdown)), Err::<(), _>(Caught::Exit(ExitReason::Shutdown)));
/// # });
/// ```
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Caught> {
    called(f).or_else(|stopped| match stopped {
        Stopped::Caught(caught) => Err(caught),
        Stopped::Passes(raise) => panic::resume_unwind(Box::new(raise)),
    })
}

/// As [`catch`], for a behaviour that has nothing more to do but to end when `f` has: what `catch` passes on is not
/// raised a second time, but what [`Behaviour::wake`](crate::Behaviour::wake) is to return.
///
/// # Errors
///
/// `Err` of the inner result is what `catch` has caught; of the outer one, what it passes on.
#[doc(hidden)]
pub fn catch_all<T>(f: impl FnOnce() -> T) -> Result<Result<T, Caught>, Next> {
    match called(f) {
        Ok(value) => Ok(Ok(value)),
        Err(Stopped::Caught(caught)) => Ok(Err(caught)),
        Err(Stopped::Passes(raise)) => Err(match raise {
            Raise::Enter(behaviour) => Next::Become(behaviour),
            // The signal's reason takes its place.
            Raise::Exit(_) | Raise::Fatal => Next::Exit(ExitReason::Killed),
        }),
    }
}

/// How a call came to its end that did not return.
enum Stopped {
    Caught(Caught),
    Passes(Raise),
}

fn called<T>(f: impl FnOnce() -> T) -> Result<T, Stopped> {
    let payload = match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => return Ok(value),
        Err(payload) => payload,
    };
    let payload = match payload.downcast::<Raise>() {
        Ok(raise) => {
            return Err(match *raise {
                Raise::Exit(reason) => Stopped::Caught(Caught::Exit(reason)),
                passes => Stopped::Passes(passes),
            });
        }
        Err(payload) => payload,
    };
    let report = exit::report_of(super::try_current(), &*payload);
    exit::drop_quietly(payload);
    Err(Stopped::Caught(Caught::Panic(report)))
}
