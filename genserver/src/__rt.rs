//! What the code that `#[gen_server]` writes is made of; hidden.
//!
//! A method may return what it has to say in short: the traits here make of it what the trait's
//! callback returns.

pub use runtime::{AnyMessage, ExitReason};

pub use crate::ask::Ask;
pub use crate::gen_server::{Called, Done, From, GenServer, Init, Never, Timeout};

use runtime::Message;

use crate::gen_server::{self, Action};

/// What an `#[init]` returns.
#[diagnostic::on_unimplemented(
    message = "an `#[init]` cannot return a `{Self}`",
    label = "not a state",
    note = "it returns the state: `Self`; or `Init<Self>`, which can say more; or a `Result` of one of them"
)]
pub trait IntoInit<S: GenServer> {
    fn into_init(self) -> Result<Init<S, S::Continue>, ExitReason>;
}

impl<S: GenServer> IntoInit<S> for S {
    fn into_init(self) -> Result<Init<S, S::Continue>, ExitReason> {
        Ok(Init::Ok(self, Action::Wait))
    }
}

impl<S: GenServer> IntoInit<S> for Init<S, S::Continue> {
    fn into_init(self) -> Result<Init<S, S::Continue>, ExitReason> {
        Ok(self)
    }
}

impl<S: GenServer, T: IntoInit<S>, E: Into<ExitReason>> IntoInit<S> for Result<T, E> {
    fn into_init(self) -> Result<Init<S, S::Continue>, ExitReason> {
        self.map_err(Into::into)?.into_init()
    }
}

/// What a `#[call]` returns that does not return its answer alone.
#[diagnostic::on_unimplemented(
    message = "a `#[call]` that has a `From<{R}>` cannot return a `{Self}`",
    label = "not what becomes of the call",
    note = "the answer goes over the `From`; it returns nothing, `Done` or `Called<{R}>`, or a `Result` of one of them"
)]
pub trait IntoCalled<R, C> {
    fn into_called(self) -> Result<Called<R, C>, ExitReason>;
}

impl<R, C> IntoCalled<R, C> for Called<R, C> {
    fn into_called(self) -> Result<Called<R, C>, ExitReason> {
        Ok(self)
    }
}

impl<R, C> IntoCalled<R, C> for Done<C> {
    fn into_called(self) -> Result<Called<R, C>, ExitReason> {
        Ok(match self {
            Done::Go(action) => Called::NoReply(action),
            Done::Stop(reason) => Called::Stop(reason),
        })
    }
}

impl<R, C> IntoCalled<R, C> for () {
    fn into_called(self) -> Result<Called<R, C>, ExitReason> {
        Ok(Called::NoReply(Action::Wait))
    }
}

impl<R, C, T: IntoCalled<R, C>, E: Into<ExitReason>> IntoCalled<R, C> for Result<T, E> {
    fn into_called(self) -> Result<Called<R, C>, ExitReason> {
        self.map_err(Into::into)?.into_called()
    }
}

/// What any other callback returns.
#[diagnostic::on_unimplemented(
    message = "a callback that answers nobody cannot return a `{Self}`",
    label = "nobody takes it",
    note = "it returns nothing, or `Done`, or a `Result` of one of them"
)]
pub trait IntoDone<C> {
    fn into_done(self) -> Result<Done<C>, ExitReason>;
}

impl<C> IntoDone<C> for Done<C> {
    fn into_done(self) -> Result<Done<C>, ExitReason> {
        Ok(self)
    }
}

impl<C> IntoDone<C> for () {
    fn into_done(self) -> Result<Done<C>, ExitReason> {
        Ok(gen_server::done())
    }
}

impl<C, T: IntoDone<C>, E: Into<ExitReason>> IntoDone<C> for Result<T, E> {
    fn into_done(self) -> Result<Done<C>, ExitReason> {
        self.map_err(Into::into)?.into_done()
    }
}

pub fn init<S: GenServer, T: IntoInit<S>>(init: T) -> Result<Init<S, S::Continue>, ExitReason> {
    init.into_init()
}

/// Says that an answer can be none. Stands before each use of an answer, so that a mistake, which is one for the
/// compiler if it is the same at the same place, is told once.
pub fn is_message<R: Message>() {}

/// The answer travels as what it is.
pub fn answered<R: Message, C>(answer: R) -> Result<Called<AnyMessage, C>, ExitReason> {
    Ok(gen_server::reply(AnyMessage::new(answer)))
}

pub fn called<R: Message, C, T: IntoCalled<R, C>>(
    called: T,
) -> Result<Called<AnyMessage, C>, ExitReason> {
    Ok(match called.into_called()? {
        Called::Reply(answer, action) => Called::Reply(AnyMessage::new(answer), action),
        Called::NoReply(action) => Called::NoReply(action),
        Called::StopReply(reason, answer) => Called::StopReply(reason, AnyMessage::new(answer)),
        Called::Stop(reason) => Called::Stop(reason),
    })
}

pub fn done<C, T: IntoDone<C>>(done: T) -> Result<Done<C>, ExitReason> {
    done.into_done()
}

/// A message that no `#[info]` takes.
pub fn no_info<S: GenServer>(message: AnyMessage) -> Result<Done<S::Continue>, ExitReason> {
    gen_server::report_no_handle_info::<S>(&message);
    Ok(gen_server::done())
}
