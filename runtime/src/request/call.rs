//! One request, and its answer.
//!
//! Called by users, and by the servers' crates for their clients. The reference of a request is its tag, its monitor
//! and the alias that it is answered over, all in one.
//!
//! Invariants:
//! * Of a request that was given up, by a deadline, a drop or an exit, nothing arrives any more; what is in the
//!   mailbox by then is taken out, unless the mailbox is being worked on.
//! * A wait begins where the mailbox ended when the request was made, so its cost does not grow with what lies there.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::time::Duration;

use super::error::{CallError, Failure};
use super::server::ServerRef;
use super::snapshot::Snapshot;
use super::{Call, Cast, Client};
use crate::mailbox::deadline::{Deadline, IntoDeadline};
use crate::mailbox::receive::receive_answer;
use crate::mailbox::reference::Ref;
use crate::mailbox::scan::{Position, position_of};
use crate::mailbox::{queue, urgent};
use crate::message::{AnyMessage, Message};
use crate::process::catch::catch;
use crate::process::current::self_pid;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::process::slot::bit;
use crate::process::try_current;
use crate::scheduler;
use crate::signal::monitor::{Down, Monitor, MonitorAlias, demonitor};

/// Calls a server: sends it `request`, and waits for the answer, until the deadline: a
/// [`Duration`], an [`Instant`](std::time::Instant), or an `Option<Duration>` (`None`: for ever). A switch point.
///
/// Mirrors `gen_server:call/3`.
///
/// # Errors
///
/// The server does not exist, ends without answering, does not answer in time, is the caller; or the
/// answer is no `R`: see [`Failure`].
///
/// # Panics
///
/// Outside a process.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::request::{Call, call};
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let doubler = spawn!(|| loop {
///     receive! { Call { client, request }: Call<u32> => client.of::<u32>().reply(2 * request) }
/// });
/// assert_eq!(call(doubler, 21u32, Duration::from_secs(5)), Ok(42u32));
/// # });
/// ```
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
        return Err(CallError::new(&server, server.absence()));
    };
    if pid == self_pid() {
        return Err(CallError::new(&server, Failure::CallingSelf));
    }
    let call = Outstanding(ask(pid, true, message));
    let deadline = deadline.into_deadline();
    let time = time_until(deadline);
    let answer = wait::<R>(call.0, deadline);
    let Answer::Reply(answer) = answer else {
        return unanswered(&server, pid, call, time, answer);
    };
    // Nothing more comes of it.
    mem::forget(call);
    Ok(answer)
}

/// What becomes of a call whose answer has not come in time, or does not.
#[cold]
#[cfg_attr(debug_assertions, track_caller)]
fn unanswered<R: Message>(
    server: &ServerRef,
    pid: Pid,
    call: Outstanding,
    time: Duration,
    mut answer: Answer<R>,
) -> Result<R, CallError> {
    let mut snapshot = None;
    if let Answer::None = answer {
        snapshot = Some(Snapshot::of(call.0.creator(), pid));
        answer = last::<R>(call.0);
    }
    // Nothing more comes of it.
    mem::forget(call);
    let failure = match answer {
        Answer::Reply(answer) => return Ok(answer),
        Answer::Down(ExitReason::NoProc) => Failure::NoProc,
        Answer::Down(reason) => Failure::Ended(reason),
        Answer::Other(answer) => Failure::WrongAnswer { answer },
        Answer::None => return Err(CallError::timeout(server, time, snapshot)),
    };
    Err(CallError::new(server, failure))
}

/// Sends a server a request that has no answer. Nobody there to take it is no error, nor is a node without a
/// connection, or a registry that panics over it.
///
/// Mirrors `gen_server:cast/2`.
pub fn cast<Q: Message>(server: impl Into<ServerRef>, request: Q) {
    let cast = Cast { request };
    match server.into() {
        ServerRef::Pid(pid) => crate::send(pid, cast),
        ServerRef::Via(registry, name) => {
            drop(catch(|| registry.send(&name, AnyMessage::new(cast))));
        }
        named => {
            if let Some(pid) = named.whereis() {
                crate::send(pid, cast);
            }
        }
    }
}

/// Sends the request; the answer comes over the reference.
fn ask<M: Message>(pid: Pid, is_call: bool, message: impl FnOnce(Client) -> M) -> Ref {
    Monitor::request(pid, is_call, |tag| {
        // Should this unwind, there is no request.
        let request = Outstanding(tag);
        let message = AnyMessage::new(message(Client::of_tag(tag)));
        mem::forget(request);
        message
    })
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
    tag_of(message) == Some(tag)
}

/// The request that the message would be for.
#[inline]
pub(super) fn tag_of(message: &AnyMessage) -> Option<Ref> {
    match message.answered() {
        Some((creator, number)) => Some(Ref::unmarked(creator, number)),
        None => message.downcast_ref::<Down>().map(|down| down.monitor),
    }
}

fn answer_of<R: Message>(message: AnyMessage) -> Answer<R> {
    if message.answered().is_some() {
        return match message.open().downcast::<R>() {
            Ok(answer) => Answer::Reply(answer),
            Err(other) => Answer::Other(other.type_name()),
        };
    }
    match message.downcast::<Down>() {
        Ok(down) => Answer::Down(down.reason),
        Err(_) => unreachable!("it was asked whether it is an answer"),
    }
}

#[cfg_attr(debug_assertions, track_caller)]
fn wait<R: Message>(tag: Ref, deadline: Deadline) -> Answer<R> {
    receive_answer(tag, deadline, |m| is_for(m, tag)).map_or(Answer::None, answer_of)
}

/// Ends the wait. What has come since the mailbox was last looked at counts; nothing comes from now on.
#[cold]
#[cfg_attr(debug_assertions, track_caller)]
fn last<R: Message>(tag: Ref) -> Answer<R> {
    match demonitor(tag) {
        // Whatever comes over the alias ends the monitor.
        true => Answer::None,
        false => wait(tag, Deadline::After(Duration::ZERO)),
    }
}

/// How long that is from now on.
fn time_until(deadline: Deadline) -> Duration {
    match deadline {
        Deadline::Never => Duration::MAX,
        Deadline::After(time) => time,
        Deadline::At(instant) => instant.saturating_duration_since(scheduler::now()),
    }
}

/// A request whose answer has not come: given up when this is dropped, by an exit too.
struct Outstanding(Ref);

impl Drop for Outstanding {
    fn drop(&mut self) {
        give_up(&[self.0]);
    }
}

/// The client waits no more: no answer comes from now on, and one that is here is thrown away. No switch point,
/// and nothing if the client is not the calling process.
pub(super) fn give_up(tags: &[Ref]) {
    let Some(slot) = try_current() else { return };
    let me = slot.pid();
    let mut here: Vec<Ref> = Vec::new();
    for &tag in tags.iter().filter(|tag| tag.creator() == me) {
        if !demonitor(tag) {
            here.push(tag);
        }
    }
    // While a guard runs, or a message is dropped, the mailbox is not to be touched.
    if here.is_empty() || slot.has(bit::GUARD | bit::ENDING) {
        return;
    }
    let mut position = Position {
        urgent: urgent::end(slot),
        ordinary: here
            .iter()
            .map(|tag| position_of(slot, tag.marker()))
            .min()
            .unwrap_or(0),
    };
    here.sort_unstable();
    for _ in 0..here.len() {
        let answer = queue::take_from(slot, &mut position, |message| {
            tag_of(message).is_some_and(|tag| here.binary_search(&tag).is_ok())
        });
        if answer.is_none() {
            break;
        }
    }
}

/// A request that was sent, and is to be answered by an `R`. Of the process that has sent it: if that drops it
/// before it has the answer, the request is given up, and none comes.
///
/// Mirrors `gen_server:request_id/0`.
pub struct RequestId<R> {
    pub(super) tag: Ref,
    /// Who was asked; whoever was meant, if there was no process.
    server: ServerRef,
    /// Whether the answer, or that there is none, was seen.
    answered: Cell<bool>,
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
///
/// ```
/// use runtime::prelude::*;
/// use runtime::request::{Call, send_request, wait_response};
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let doubler = spawn!(|| {
///     receive! { Call { client, request }: Call<u32> => client.of::<u32>().reply(2 * request) }
/// });
/// let request = send_request::<_, u32>(doubler, 21u32);
/// // Whatever else there is to do.
/// assert_eq!(wait_response(&request, Duration::from_secs(5)), Some(Ok(42)));
/// # });
/// ```
pub fn send_request<Q: Message, R: Message>(
    server: impl Into<ServerRef>,
    request: Q,
) -> RequestId<R> {
    let server = server.into();
    let (tag, server) = match server.whereis() {
        Some(pid) => {
            let tag = ask(pid, false, |client| Call { client, request });
            (tag, ServerRef::Pid(pid))
        }
        None => {
            drop(request);
            // A name that nobody has: its monitor tells at once.
            let nobody = match &server {
                ServerRef::Name(name) => name.clone(),
                other => other.to_string().into(),
            };
            let monitor = Monitor::new().alias(MonitorAlias::ReplyDemonitor);
            (monitor.nobody(nobody), server)
        }
    };
    RequestId {
        tag,
        server,
        answered: Cell::new(false),
        answer: PhantomData,
    }
}

fn receipt<R>(request: &RequestId<R>, answer: Answer<R>) -> Option<Receipt<R>> {
    let failure = match answer {
        Answer::Reply(answer) => {
            request.answered.set(true);
            return Some(Ok(answer));
        }
        Answer::Down(ExitReason::NoProc) => request.server.absence(),
        Answer::Down(reason) => Failure::Ended(reason),
        Answer::Other(answer) => Failure::WrongAnswer { answer },
        Answer::None => return None,
    };
    request.answered.set(true);
    Some(Err(CallError::new(&request.server, failure)))
}

/// Waits for the answer to a request, until the deadline; then it is `None`, and the answer can be waited
/// for again. A switch point.
///
/// Mirrors `gen_server:wait_response/2`.
///
/// # Panics
///
/// Outside a process, and inside a guard.
#[cfg_attr(debug_assertions, track_caller)]
pub fn wait_response<R: Message>(
    request: &RequestId<R>,
    deadline: impl IntoDeadline,
) -> Option<Receipt<R>> {
    let answer = wait::<R>(request.tag, deadline.into_deadline());
    receipt(request, answer)
}

/// As [`wait_response`], and gives the request up at the deadline: no answer comes any more.
///
/// Mirrors `gen_server:receive_response/2`.
///
/// # Panics
///
/// As [`wait_response`].
#[cfg_attr(debug_assertions, track_caller)]
pub fn receive_response<R: Message>(
    request: RequestId<R>,
    deadline: impl IntoDeadline,
) -> Option<Receipt<R>> {
    wait_response(&request, deadline)
}

/// Whether a message that was received is the answer to a request.
///
/// Mirrors `gen_server:check_response/2`.
pub fn check_response<R: Message>(message: AnyMessage, request: &RequestId<R>) -> Checked<R> {
    if !is_for(&message, request.tag) {
        return Checked::NoReply(message);
    }
    match receipt(request, answer_of::<R>(message)) {
        Some(receipt) => Checked::Response(receipt),
        None => unreachable!("there is an answer"),
    }
}

impl<R: Message> RequestId<R> {
    /// Whom it was sent to: a pid; of a name that nobody had, the name.
    pub fn server(&self) -> &ServerRef {
        &self.server
    }
}

impl<R> RequestId<R> {
    /// Its tag, if its answer was not seen: whoever takes it gives it up.
    pub(super) fn take_outstanding(&self) -> Option<Ref> {
        (!self.answered.replace(true)).then_some(self.tag)
    }
}

impl<R> Drop for RequestId<R> {
    fn drop(&mut self) {
        if let Some(tag) = self.take_outstanding() {
            give_up(&[tag]);
        }
    }
}

impl<R> fmt::Debug for RequestId<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId<{} to {}>", self.tag, self.server)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Answers when it is told to, and ends.
    fn server() {
        let Call { client, request } = receive_type::<Call<u32>>();
        receive! { "answer" : &str => client.of::<u32>().reply(request + 1) }
    }

    /// An answer that comes between the time-out and the end of the wait is the call's, and so is the server's end;
    /// afterwards none comes.
    #[crate::test]
    fn what_comes_at_the_last_moment() {
        for (told, answered) in [(Some("answer"), true), (Some("end"), false), (None, false)] {
            let pid = spawn!(server);
            let request = 1u32;
            let tag = ask(pid, false, |client| Call { client, request });
            let none = wait::<u32>(tag, Deadline::After(Duration::ZERO));
            assert!(matches!(none, Answer::None));
            match told {
                Some("answer") => send(pid, "answer"),
                Some(_) => exit_signal(pid, ExitReason::Shutdown),
                None => {}
            }
            if told.is_some() {
                let end = monitor(pid);
                receive! { Down { monitor, .. } if monitor == end => {} }
            }
            match last::<u32>(tag) {
                Answer::Reply(2) => assert!(answered),
                Answer::Down(ExitReason::Shutdown) => assert_eq!(told, Some("end")),
                Answer::None => assert_eq!(told, None),
                _ => panic!("{told:?}"),
            }
            send(pid, "answer");
            let end = monitor(pid);
            receive! { Down { monitor, .. } if monitor == end => {} }
            assert!(receive_timeout(Duration::ZERO).is_none());
        }
    }
}
