//! How long a receive waits.
//!
//! Made by the `after` arm of [`receive!`](crate::receive!) and by the functions that take a
//! time-out; read by `mailbox::receive`.

use std::time::{Duration, Instant};

/// How long to wait for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// For ever. Mirrors Erlang's `infinity`.
    Never,
    /// This long, counted from the moment of the receive. Zero: look once, and do not wait.
    After(Duration),
    /// Until then. A moment that has passed: look once, and do not wait.
    At(Instant),
}

/// What may stand behind `after`: a [`Duration`], an [`Instant`], or an
/// [`Option<Duration>`](Option), of which `None` waits for ever.
#[diagnostic::on_unimplemented(
    message = "`after` cannot wait for a `{Self}`",
    label = "not a time",
    note = "`after` takes a `Duration`, an `Instant` (a deadline), or an `Option<Duration>` (`None`: wait for ever)",
    note = "for instance `after Duration::from_millis(1000) => ..`"
)]
pub trait IntoDeadline {
    /// The deadline.
    fn into_deadline(self) -> Deadline;
}

impl IntoDeadline for Duration {
    #[inline]
    fn into_deadline(self) -> Deadline {
        Deadline::After(self)
    }
}

impl IntoDeadline for Instant {
    #[inline]
    fn into_deadline(self) -> Deadline {
        Deadline::At(self)
    }
}

impl IntoDeadline for Option<Duration> {
    #[inline]
    fn into_deadline(self) -> Deadline {
        self.map_or(Deadline::Never, Deadline::After)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `None` waits for ever, as Erlang's `infinity`; a duration of zero is not `None`.
    #[test]
    fn an_optional_duration() {
        assert_eq!(None::<Duration>.into_deadline(), Deadline::Never);
        assert_eq!(
            Some(Duration::ZERO).into_deadline(),
            Deadline::After(Duration::ZERO)
        );
    }
}
