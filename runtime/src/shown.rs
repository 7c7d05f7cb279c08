//! Values in reports: shown by their own `Debug`, which is held to bounds.
//!
//! Used by whatever reports messages, states and reasons, here and in the crates above.
//!
//! The value's `Debug` is user code: it writes to a buffer and never to a subscriber, runs as a
//! guard does, so it cannot receive, and its panic ends here.

use std::any::type_name;
use std::fmt::{self, Debug, Display, Write};

use parking_lot::RwLock;

use crate::message::AnyMessage;
use crate::process::{exit, guarded};

/// Whether reports hide values of a type.
type Hides = fn(type_name: &str) -> bool;

static HIDES: RwLock<Hides> = RwLock::new(|_| false);

/// Hides values of some types in reports, in the whole program: where a report would show one,
/// it names the type. `hides` is asked with the name that [`std::any::type_name`] gives; the
/// last one that was set counts.
///
/// It is asked about the value that is shown, not about those inside it. A type whose author
/// knows that it is secret is better kept in an [`Opaque`](crate::Opaque), which is never shown.
///
/// Serves where Erlang has `process_flag(sensitive, true)` and a behaviour's `format_status/1`.
///
/// ```
/// use runtime::Shown;
///
/// #[derive(Debug)]
/// struct Card(u64);
///
/// runtime::hide_in_reports(|type_name| type_name.ends_with("::Card"));
/// let card = Card(4711);
/// assert!(Shown::new(&card).to_string().ends_with("::Card: hidden>"));
/// ```
pub fn hide_in_reports(hides: fn(type_name: &str) -> bool) {
    *HIDES.write() = hides;
}

/// A value as reports show it: by its own [`Debug`], up to a length.
///
/// * What is longer is cut, and ends with `… (cut)`. A `Debug` that heeds the error which it gets
///   from then on is not asked for more.
/// * A `Debug` that panics or fails is replaced by the type's name.
/// * A `Debug` that receives or sleeps panics, as a guard does; one that sends has sent.
///   An [`exit`](crate::exit) in it is a panic like any other.
/// * What [`hide_in_reports`] says of the type is heeded.
///
/// ```
/// use runtime::Shown;
///
/// let bytes = [7u8; 1000];
/// assert_eq!(Shown::new(&bytes).limit(8).to_string(), "[7, 7, 7… (cut)");
/// ```
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    value: &'a dyn Debug,
    type_name: &'a str,
    limit: usize,
}

impl<'a> Shown<'a> {
    /// How many bytes of a value are shown, unless [`limit`](Shown::limit) says otherwise.
    pub const LIMIT: usize = 1024;

    /// Shows a value.
    pub fn new<T: Debug>(value: &'a T) -> Shown<'a> {
        Shown {
            value,
            type_name: type_name::<T>(),
            limit: Shown::LIMIT,
        }
    }

    /// Shows a message, under the name of its own type.
    pub fn message(message: &'a AnyMessage) -> Shown<'a> {
        Shown {
            value: message,
            type_name: message.type_name(),
            limit: Shown::LIMIT,
        }
    }

    /// Shows at most so many bytes of the value.
    pub fn limit(self, bytes: usize) -> Shown<'a> {
        Shown {
            limit: bytes,
            ..self
        }
    }

    fn write(&self, buffer: &mut Buffer) -> Result<(), Unshown> {
        let hides = *HIDES.read();
        let outcome = exit::quietly(|| {
            guarded(|| {
                if hides(self.type_name) {
                    return Err(Unshown::Hidden);
                }
                write!(buffer, "{:?}", self.value).map_err(|_| Unshown::Failed)
            })
        });
        outcome.unwrap_or(Err(Unshown::Panicked))
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer {
            text: String::new(),
            limit: self.limit,
            is_cut: false,
        };
        let Shown { type_name, .. } = self;
        match self.write(&mut buffer) {
            Err(Unshown::Hidden) => write!(f, "<{type_name}: hidden>"),
            // Whatever its `Debug` made of that.
            _ if buffer.is_cut => write!(f, "{}… (cut)", buffer.text),
            Err(Unshown::Panicked) => write!(f, "<{type_name}: its Debug panicked>"),
            Err(Unshown::Failed) => write!(f, "<{type_name}: its Debug failed>"),
            Ok(()) => f.write_str(&buffer.text),
        }
    }
}

impl Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Why a value is not shown.
enum Unshown {
    Hidden,
    Panicked,
    Failed,
}

/// Takes text up to a length, and fails from then on.
struct Buffer {
    text: String,
    limit: usize,
    is_cut: bool,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        let fits = text.floor_char_boundary(self.limit - self.text.len());
        self.text.push_str(&text[..fits]);
        self.is_cut = fits < text.len();
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}
