//! One request, and its answer.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::error::{CallError, Failure};
use super::server::ServerRef;
use super::{Call, Cast, Client, Reply};
use crate::mailbox::deadline::{Deadline, IntoDeadline};
use crate::mailbox::receive::receive_ref;
use crate::mailbox::reference::Ref;
use crate::message::{AnyMessage, Message};
use crate::process::exit_reason::ExitReason;
use crate::process::look::self_pid;
use crate::process::pid::Pid;
use crate::scheduler;
use crate::signal::monitor::{Down, Monitor, MonitorAlias, Monitored, demonitor_flush};

/// Calls a server: sends it `request`, and waits for the answer, until the deadline: a
/// [`Duration`], an [`Instant`](std::time::Instant), or an `Option<Duration>` (`None`: for ever). A switch point.
///
/// Mirrors `gen_server:call/3`.
///
/// # Errors
///
/// The server does not exist, ends without answering, does not answer in time, is the caller; or the
/// answer is no `R`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn call<Q: Message, R: Message>(
    server: impl Into<ServerRef>,
    request: Q,
    deadline: impl IntoDeadline,
) -> Result<R, CallError> {
    call_as(server, |client| Call { client, request }, deadline)
}

/// As [`call`](fn@call), with a message of another form, made of the client: for protocols beside that of
/// [`Call`].
///
/// # Errors
///
/// As there.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn call_as<M: Message, R: Message>(
    server: impl Into<ServerRef>,
    message: impl FnOnce(Client) -> M,
    deadline: impl IntoDeadline,
) -> Result<R, CallError> {
    let server = server.into();
    let Some(pid) = server.whereis() else {
        return Err(CallError::new(&server, Failure::NoProc));
    };
    if pid == self_pid() {
        return Err(CallError::new(&server, Failure::CallingSelf));
    }
    let tag = ask(pid, message);
    let (deadline, time) = fixed(deadline.into_deadline());
    let answer = wait::<R>(tag, deadline);
    let failure = match answer {
        Answer::Reply(answer) => return Ok(answer),
        Answer::Down(ExitReason::NoProc) => Failure::NoProc,
        Answer::Down(reason) => Failure::Ended(reason),
        Answer::Other(answer) => Failure::WrongAnswer { answer },
        Answer::None => {
            give_up(tag);
            Failure::Timeout(time)
        }
    };
    Err(CallError::new(&server, failure))
}

/// Sends a server a request that has no answer. Nobody there to take it is no error.
///
/// Mirrors `gen_server:cast/2`.
pub fn cast<Q: Message>(server: impl Into<ServerRef>, request: Q) {
    let cast = Cast { request };
    match server.into() {
        ServerRef::Pid(pid) => crate::send(pid, cast),
        ServerRef::Via(registry, name) => {
            drop(registry.send(&name, AnyMessage::new(cast)));
        }
        named => {
            if let Some(pid) = named.whereis() {
                crate::send(pid, cast);
            }
        }
    }
}

/// Sends the request; the answer comes over the reference.
fn ask<M: Message>(pid: Pid, message: impl FnOnce(Client) -> M) -> Ref {
    let tag = Monitor::new()
        .alias(MonitorAlias::ReplyDemonitor)
        .monitor(pid);
    let client = Client {
        pid: tag.creator(),
        tag,
    };
    crate::send(pid, message(client));
    tag
}

/// What came for a request.
enum Answer<R> {
    Reply(R),
    /// An answer of this type.
    Other(&'static str),
    Down(ExitReason),
    /// Nothing yet.
    None,
}

/// Whether the message is for the request.
fn is_for(message: &AnyMessage, tag: Ref) -> bool {
    if let Some(reply) = message.downcast_ref::<Reply>() {
        return reply.tag == tag;
    }
    if let Some(down) = message.downcast_ref::<Down>() {
        return down.monitor == tag;
    }
    false
}

fn answer_of<R: Message>(message: AnyMessage) -> Answer<R> {
    match message.downcast::<Reply>() {
        Ok(reply) => match reply.answer.downcast::<R>() {
            Ok(answer) => Answer::Reply(answer),
            Err(other) => Answer::Other(other.type_name()),
        },
        Err(message) => match message.downcast::<Down>() {
            Ok(down) => Answer::Down(down.reason),
            Err(_) => unreachable!("it was asked whether it is an answer"),
        },
    }
}

#[cfg_attr(debug_assertions, track_caller)]
fn wait<R: Message>(tag: Ref, deadline: Deadline) -> Answer<R> {
    let message = match deadline {
        Deadline::Never => receive_ref(tag, None, |m: &AnyMessage| is_for(m, tag)),
        Deadline::After(time) => receive_ref(tag, time, |m: &AnyMessage| is_for(m, tag)),
        Deadline::At(instant) => receive_ref(tag, instant, |m: &AnyMessage| is_for(m, tag)),
    };
    message.map_or(Answer::None, answer_of)
}

/// The deadline as a moment, so that waiting in several steps takes no longer; and how long that is.
fn fixed(deadline: Deadline) -> (Deadline, Duration) {
    match deadline {
        Deadline::Never => (Deadline::Never, Duration::MAX),
        Deadline::After(time) => (Deadline::After(time), time),
        Deadline::At(instant) => {
            let time = instant.saturating_duration_since(scheduler::now());
            (Deadline::At(instant), time)
        }
    }
}

/// The client waits no more: no answer comes from now on, and one that is here is thrown away.
fn give_up(tag: Ref) {
    demonitor_flush(tag);
    let _ = receive_ref(tag, Duration::ZERO, |m: &AnyMessage| is_for(m, tag));
}

/// A request that was sent, and is to be answered by an `R`. Of the process that has sent it.
///
/// Mirrors `gen_server:request_id/0`.
pub struct RequestId<R> {
    pub(super) tag: Ref,
    pub(super) server: ServerRef,
    answer: PhantomData<fn() -> R>,
}

/// What became of a request that was waited for.
pub type Receipt<R> = Result<R, CallError>;

/// What a message says of a request: see [`check_response`].
#[derive(Debug)]
pub enum Checked<R> {
    /// Nothing: it is given back. Erlang's `no_reply`.
    NoReply(AnyMessage),
    /// It is the answer, or tells that none comes.
    Response(Receipt<R>),
}

/// Sends a server a request, whose answer is to be waited for later. Never fails: if there is no such
/// server, the answer says so.
///
/// Mirrors `gen_server:send_request/2`.
///
/// # Panics
///
/// Outside a process.
pub fn send_request<Q: Message, R: Message>(
    server: impl Into<ServerRef>,
    request: Q,
) -> RequestId<R> {
    let server = server.into();
    let tag = match server.whereis() {
        Some(pid) => ask(pid, |client| Call { client, request }),
        None => {
            drop(request);
            // A name that nobody has: its monitor tells at once.
            let nobody = match &server {
                ServerRef::Name(name) => name.clone(),
                other => other.to_string().into(),
            };
            Monitor::new()
                .alias(MonitorAlias::ReplyDemonitor)
                .monitor(Monitored::Name(nobody))
        }
    };
    RequestId {
        tag,
        server,
        answer: PhantomData,
    }
}

fn receipt<R>(server: &ServerRef, answer: Answer<R>) -> Option<Receipt<R>> {
    let failure = match answer {
        Answer::Reply(answer) => return Some(Ok(answer)),
        Answer::Down(ExitReason::NoProc) => Failure::NoProc,
        Answer::Down(reason) => Failure::Ended(reason),
        Answer::Other(answer) => Failure::WrongAnswer { answer },
        Answer::None => return None,
    };
    Some(Err(CallError::new(server, failure)))
}

/// Waits for the answer to a request, until the deadline; then it is `None`, and the answer can be waited
/// for again. A switch point.
///
/// Mirrors `gen_server:wait_response/2`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn wait_response<R: Message>(
    request: &RequestId<R>,
    deadline: impl IntoDeadline,
) -> Option<Receipt<R>> {
    let answer = wait::<R>(request.tag, deadline.into_deadline());
    receipt(&request.server, answer)
}

/// As [`wait_response`], and gives the request up at the deadline: no answer comes any more.
///
/// Mirrors `gen_server:receive_response/2`.
///
/// # Panics
///
/// Outside a process.
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_response<R: Message>(
    request: RequestId<R>,
    deadline: impl IntoDeadline,
) -> Option<Receipt<R>> {
    let response = wait_response(&request, deadline);
    if response.is_none() {
        give_up(request.tag);
    }
    response
}

/// Whether a message that was received is the answer to a request.
///
/// Mirrors `gen_server:check_response/2`.
pub fn check_response<R: Message>(message: AnyMessage, request: &RequestId<R>) -> Checked<R> {
    if !is_for(&message, request.tag) {
        return Checked::NoReply(message);
    }
    match receipt(&request.server, answer_of::<R>(message)) {
        Some(receipt) => Checked::Response(receipt),
        None => unreachable!("there is an answer"),
    }
}

impl<R: Message> RequestId<R> {
    pub(super) fn abandon(self) {
        give_up(self.tag);
    }

    /// Whom it was sent to.
    pub fn server(&self) -> &ServerRef {
        &self.server
    }
}

impl<R> fmt::Debug for RequestId<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId<{} to {}>", self.tag, self.server)
    }
}
