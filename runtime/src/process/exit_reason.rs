//! Why a process ended: the reason, the value in it, and what is known of a panic.
//!
//! Made by users for `exit` and `exit_signal`, by `?` in process functions, and by `exit::end_of`
//! for panics; read by whoever is told of an end.
//!
//! Invariants:
//! * A clone is a reference count at most, and shares the value.
//! * Comparing and showing a reason runs the value's own `PartialEq` and `Debug`: never while the
//!   runtime holds a reference into a queue or a table.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::sync::Arc;

/// Why a process ended, or is told to end.
///
/// Cheap to clone. Two reasons are equal if they say the same; backtraces do not count.
///
/// Mirrors Erlang's exit reasons: `normal`, `shutdown`, `{shutdown, Term}`, `kill`, `killed`,
/// `noproc`, `noconnection`, `{Error, Stack}`, and any other term.
///
/// ```
/// use runtime::ExitReason;
///
/// #[derive(Debug, PartialEq)]
/// struct DiskFull { volume: u8 }
///
/// let reason = ExitReason::other(DiskFull { volume: 3 });
/// assert_eq!(reason, ExitReason::other(DiskFull { volume: 3 }));
/// assert_eq!(reason.downcast_ref::<DiskFull>().unwrap().volume, 3);
/// assert!(!reason.is_normal());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ExitReason {
    /// The process did its work.
    Normal,
    /// It was told to stop, in order.
    Shutdown,
    /// As [`Shutdown`](ExitReason::Shutdown), with something to say about it.
    ShutdownWith(Term),
    /// It called [`exit`](crate::exit) with `Kill`; as a signal: the order to die, which cannot
    /// be trapped.
    Kill,
    /// It was killed by a [`Kill`](ExitReason::Kill) signal.
    Killed,
    /// There is no such process.
    NoProc,
    /// The node of the process cannot be reached.
    NoConnection,
    /// It panicked.
    Panic(PanicReport),
    /// Any other reason.
    Other(Term),
}

impl ExitReason {
    /// A reason of the caller's own.
    pub fn other<T>(value: T) -> ExitReason
    where
        T: Any + Send + Sync + fmt::Debug + PartialEq,
    {
        ExitReason::Other(Term::new(value))
    }

    /// A shutdown with something to say about it: Erlang's `{shutdown, Term}`.
    pub fn shutdown_with<T>(value: T) -> ExitReason
    where
        T: Any + Send + Sync + fmt::Debug + PartialEq,
    {
        ExitReason::ShutdownWith(Term::new(value))
    }

    /// Whether the reason is [`Normal`](ExitReason::Normal).
    pub fn is_normal(&self) -> bool {
        matches!(self, ExitReason::Normal)
    }

    /// Whether the end was in order: `Normal`, `Shutdown` or `ShutdownWith`. OTP logs no report
    /// of such an end.
    pub fn is_orderly(&self) -> bool {
        matches!(
            self,
            ExitReason::Normal | ExitReason::Shutdown | ExitReason::ShutdownWith(_)
        )
    }

    /// The value given to [`other`](ExitReason::other) or
    /// [`shutdown_with`](ExitReason::shutdown_with), if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        match self {
            ExitReason::Other(term) | ExitReason::ShutdownWith(term) => term.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitReason::Normal => f.write_str("normal"),
            ExitReason::Shutdown => f.write_str("shutdown"),
            ExitReason::ShutdownWith(term) => write!(f, "shutdown: {term:?}"),
            ExitReason::Kill => f.write_str("kill"),
            ExitReason::Killed => f.write_str("killed"),
            ExitReason::NoProc => f.write_str("noproc"),
            ExitReason::NoConnection => f.write_str("noconnection"),
            ExitReason::Panic(report) => fmt::Display::fmt(report, f),
            ExitReason::Other(term) => write!(f, "{term:?}"),
        }
    }
}

/// An error ends a process with itself as the reason, so that `?` works in process functions.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for ExitReason {
    fn from(error: E) -> ExitReason {
        ExitReason::Other(Term(Arc::new(OfError(error))))
    }
}

/// A value inside an [`ExitReason`]: cheap to clone, comparable, printable.
#[derive(Clone)]
pub struct Term(Arc<dyn Value>);

impl Term {
    /// Makes a term of any comparable value.
    pub fn new<T>(value: T) -> Term
    where
        T: Any + Send + Sync + fmt::Debug + PartialEq,
    {
        Term(Arc::new(OfValue(value)))
    }

    /// The value, if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.0.value().downcast_ref()
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

impl PartialEq for Term {
    fn eq(&self, other: &Term) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.same(&*other.0)
    }
}

trait Value: Send + Sync {
    fn value(&self) -> &dyn Any;
    fn same(&self, other: &dyn Value) -> bool;
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

struct OfValue<T>(T);

impl<T: Any + Send + Sync + fmt::Debug + PartialEq> Value for OfValue<T> {
    fn value(&self) -> &dyn Any {
        &self.0
    }
    fn same(&self, other: &dyn Value) -> bool {
        other.value().downcast_ref::<T>() == Some(&self.0)
    }
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Errors need not be comparable: two of one type are equal if they print the same with the flag `-`, by
/// which [`CallError`](crate::request::CallError) leaves out what does not count.
struct OfError<E>(E);

impl<E: std::error::Error + Send + Sync + 'static> Value for OfError<E> {
    fn value(&self) -> &dyn Any {
        &self.0
    }
    fn same(&self, other: &dyn Value) -> bool {
        other
            .value()
            .downcast_ref::<E>()
            .is_some_and(|other| format!("{other:-?}") == format!("{:-?}", self.0))
    }
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What is known of a panic: message, place, and a backtrace where one was taken (it is if
/// `RUST_BACKTRACE` asks for it). Equal if message and place are.
#[derive(Clone)]
pub struct PanicReport(Arc<PanicParts>);

pub(crate) struct PanicParts {
    pub(crate) message: String,
    pub(crate) location: Option<String>,
    pub(crate) backtrace: Backtrace,
}

impl PanicReport {
    pub(crate) fn new(parts: PanicParts) -> PanicReport {
        PanicReport(Arc::new(parts))
    }

    /// What the panic said; a payload that is no string is named by `Box<dyn Any>`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened, as `file:line:column`; `None` if a panic hook of the program's own
    /// stood before the runtime's.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The stack at the time, if it was captured.
    pub fn backtrace(&self) -> Option<&Backtrace> {
        (self.0.backtrace.status() == BacktraceStatus::Captured).then_some(&self.0.backtrace)
    }
}

impl PartialEq for PanicReport {
    fn eq(&self, other: &PanicReport) -> bool {
        self.0.message == other.0.message && self.0.location == other.0.location
    }
}

impl fmt::Debug for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PanicReport")
            .field("message", &self.0.message)
            .field("location", &self.0.location)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.location {
            Some(location) => write!(f, "panic at {location}: {}", self.0.message),
            None => write!(f, "panic: {}", self.0.message),
        }
    }
}
