//! What a process function may return, and the exit reason that it stands for.
//!
//! Used by everything that spawns.

use super::exit_reason::ExitReason;

/// What a process function may return: nothing, or a `Result` whose error is the exit reason.
#[diagnostic::on_unimplemented(
    message = "a process function cannot return `{Self}`",
    note = "it returns `()`, `!`, or `Result<(), E>` with an error, or an `ExitReason`, as `E`"
)]
pub trait ProcessResult {
    /// The exit reason that it stands for.
    fn into_reason(self) -> ExitReason;
}

impl ProcessResult for () {
    #[inline]
    fn into_reason(self) -> ExitReason {
        ExitReason::Normal
    }
}

/// The type `!`, which stable Rust lets only functions name.
type Never = <fn() -> ! as Returns>::Type;

#[doc(hidden)]
pub trait Returns {
    type Type;
}

impl<T> Returns for fn() -> T {
    type Type = T;
}

/// A function that never returns, such as an endless loop.
impl ProcessResult for Never {
    fn into_reason(self) -> ExitReason {
        self
    }
}

/// What may stand in a process function's `Err`: whatever becomes an [`ExitReason`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an exit reason",
    note = "use an error type; or make a reason of what is comparable, such as a `String`: \
            `map_err(ExitReason::other)`; or of what an error says: \
            `map_err(|error| ExitReason::other(error.to_string()))`"
)]
pub trait IntoReason: Into<ExitReason> {}

#[diagnostic::do_not_recommend]
impl<T: Into<ExitReason>> IntoReason for T {}

impl<T: ProcessResult, E: IntoReason> ProcessResult for Result<T, E> {
    fn into_reason(self) -> ExitReason {
        match self {
            Ok(value) => value.into_reason(),
            Err(error) => error.into(),
        }
    }
}

impl ProcessResult for ExitReason {
    fn into_reason(self) -> ExitReason {
        self
    }
}
