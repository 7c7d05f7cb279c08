//! What happens in a process: as its debug functions see it, and as its log keeps it.
//!
//! A process makes [`Event`]s, which borrow what they tell of; what is kept of one is text, a [`LoggedEvent`],
//! made of it at most once, and only if a log, a trace or a file is on.

use std::any::Any;
use std::fmt;

use runtime::request::{Call, Cast};
use runtime::{AnyMessage, Message, Pid, Shown};

/// What happens in a process, as its debug functions see it. Mirrors `sys:system_event/0`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A message was taken, or a time-out came. System messages are no events.
    In {
        /// The message. What a call or a cast asks is given by [`request`](Event::request).
        message: &'a AnyMessage,
    },
    /// A callback has returned with an answer.
    Out {
        /// The answer.
        reply: Value<'a>,
        /// Whose answer it is.
        to: Pid,
        /// The state that the callback has left.
        state: Value<'a>,
    },
    /// A callback has returned without an answer.
    NoReply {
        /// The state that the callback has left.
        state: Value<'a>,
    },
    /// `handle_continue` has returned. A `NoReply` follows.
    Continue,
    /// What a process written by hand tells of itself.
    Other(Value<'a>),
}

/// A value in an event.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    value: &'a dyn Any,
    shown: Shown<'a>,
}

/// An event as the log keeps it: for people.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LoggedEvent {
    /// See [`Event::In`].
    In {
        /// The message.
        message: String,
    },
    /// See [`Event::Out`].
    Out {
        /// The answer.
        reply: String,
        /// Whose answer it is.
        to: Pid,
        /// The new state.
        state: String,
    },
    /// See [`Event::NoReply`].
    NoReply {
        /// The new state.
        state: String,
    },
    /// See [`Event::Continue`].
    Continue,
    /// See [`Event::Other`].
    Other(String),
}

impl<'a> Event<'a> {
    /// What was asked or sent, if the event is a call, a cast or another message that carries a `Q`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let (me, adder) = (self_pid(), spawn!(adder));
    /// sys::install(adder, "numbers", move |event: &Event<'_>| {
    ///     if let Some(n) = event.request::<u32>() {
    ///         send(me, *n);
    ///     }
    ///     ControlFlow::Continue(())
    /// })
    /// .unwrap();
    /// send(adder, 7u32);
    /// assert_eq!(receive_type::<u32>(), 7);
    /// # });
    /// ```
    pub fn request<Q: Message>(&self) -> Option<&'a Q> {
        let Event::In { message } = *self else {
            return None;
        };
        let call = message.downcast_ref::<Call<Q>>().map(|call| &call.request);
        let cast = || message.downcast_ref::<Cast<Q>>().map(|cast| &cast.request);
        call.or_else(cast).or_else(|| message.downcast_ref())
    }

    /// The event for people.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let event = Event::Other(Value::new(&"woken up"));
    /// assert_eq!(event.logged().to_string(), "\"woken up\"");
    /// # });
    /// ```
    pub fn logged(&self) -> LoggedEvent {
        match self {
            Event::In { message } => LoggedEvent::In {
                message: Shown::message(message).to_string(),
            },
            Event::Out { reply, to, state } => LoggedEvent::Out {
                reply: reply.to_string(),
                to: *to,
                state: state.to_string(),
            },
            Event::NoReply { state } => LoggedEvent::NoReply {
                state: state.to_string(),
            },
            Event::Continue => LoggedEvent::Continue,
            Event::Other(value) => LoggedEvent::Other(value.to_string()),
        }
    }
}

impl<'a> Value<'a> {
    /// A value that is shown as its `Debug` does.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// assert_eq!(Value::new(&Some(7)).to_string(), "Some(7)");
    /// # });
    /// ```
    pub fn new<T: Any + fmt::Debug>(value: &'a T) -> Value<'a> {
        let shown = Shown::new(value);
        Value { value, shown }
    }

    /// A value that is shown otherwise.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// use runtime::Shown;
    ///
    /// let password = "secret".to_owned();
    /// let value = Value::shown_as(&password, Shown::new(&"a password"));
    /// assert_eq!(value.to_string(), "\"a password\"");
    /// # });
    /// ```
    pub fn shown_as(value: &'a dyn Any, shown: Shown<'a>) -> Value<'a> {
        Value { value, shown }
    }

    /// The value, if it is a `T`.
    ///
    /// ```
    #[doc = include_str!("../doc/adder.txt")]
    /// # runtime::run(|| {
    /// let value = Value::new(&7u32);
    /// assert_eq!(value.downcast_ref::<u32>(), Some(&7));
    /// assert_eq!(value.downcast_ref::<&str>(), None);
    /// # });
    /// ```
    pub fn downcast_ref<T: Any>(&self) -> Option<&'a T> {
        self.value.downcast_ref()
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shown, f)
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shown, f)
    }
}

impl fmt::Display for LoggedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoggedEvent::In { message } => write!(f, "got {message}"),
            LoggedEvent::Out { reply, to, state } => {
                write!(f, "sent {reply} to {to}, new state {state}")
            }
            LoggedEvent::NoReply { state } => write!(f, "new state {state}"),
            LoggedEvent::Continue => f.write_str("continued"),
            LoggedEvent::Other(text) => f.write_str(text),
        }
    }
}
