//! A connection's process: a future at rest, from the first attempt to the last.
//!
//! ```text
//!   connecting --connected--> up: a layer --lost--> waiting to retry --time--> connecting
//!       |  ^                    |                      |
//!       |  +--- failed, retries left                   |
//!       +--- no retries left, shutdown, the owner's end: the process exits
//! ```
//!
//! Invariants:
//! * All mail is taken here, in order, whatever the state: [`Connection::next`].
//! * Commands that come before there is a connection are postponed, in order, up to a limit.
//! * Suspended by `sys`, it takes system messages alone, and does nothing else.
//! * Once told to end (`ending`), it says no more of the connection and does not connect again.

use std::any::Any;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream as _;
use runtime::future::{Messages, Receive, messages, receive_type, sleep};
use runtime::request::Call;
use runtime::{
    AnyMessage, Down as ProcessDown, ExitReason, Pid, Ref, demonitor_flush, match_message, monitor,
    self_pid, send,
};

use sys::{Debug, Handled, System};

use crate::command::{Command, Piece, Query, Sent};
use crate::connect::{Target, connect};
use crate::ended;
use crate::error::{BadState, Reason};
use crate::event::Event;
use crate::info::{Info, State};
use crate::layer::{Env, Layer, Lost, Origin, Outcome, Shared};
use crate::live::Live;
use crate::message::{Down, Error, Protocol, Up};
use crate::options::{Hop, Opts, Owner, ReplyTo};

struct Connection {
    shared: Shared,
    /// Why it ends, once it was told to.
    ending: Option<ExitReason>,
    watch: Ref,
    target: Target,
    hop: Hop,
    mail: Messages,
    /// While it is suspended, what it takes from its mailbox.
    system: Receive<System>,
    debug: Debug,
    /// It ends at once, for this reason.
    stopped: Option<ExitReason>,
}

/// What mail asks for.
enum Asked {
    Command(Command),
    /// To be answered by who knows the streams.
    Query(Call<Query>),
    /// `ending` was set.
    End,
}

/// Runs a connection: the process's whole life.
pub(crate) async fn run(owner: Pid, target: Target, hop: Hop, opts: Opts) -> ExitReason {
    let _live = Live::new();
    let env = Env::new(self_pid(), opts);
    env.events.tell(Event::Init {
        owner,
        transport: hop.transport,
        origin_host: &hop.host,
        origin_port: hop.port,
    });
    let mut connection = Connection {
        shared: Shared::new(Arc::clone(&env), Owner::new(owner)),
        ending: None,
        watch: monitor(owner),
        target,
        hop,
        mail: messages(),
        system: receive_type(),
        debug: Debug::new(),
        stopped: None,
    };
    let (Err(reason) | Ok(reason)) = connection.live().await;
    connection.shared.end_session();
    env.events.tell(Event::Terminate { reason: &reason });
    reason
}

impl Connection {
    async fn live(&mut self) -> Result<ExitReason, ExitReason> {
        let env = Arc::clone(&self.shared.env);
        let (retry, retry_fun) = (env.opts.retry, &env.opts.retry_fun);
        let mut left = retry;
        let mut first = true;
        loop {
            let owner = ReplyTo::owner(self.shared.owner.clone());
            let (target, hop) = (self.target.clone(), self.hop.clone());
            // Boxed, as it is large, and done with before the connection idles.
            let connecting = Box::pin(connect(Arc::clone(&env), target, hop, owner));
            let reason = match self.without_connection(connecting).await? {
                Ok(mut layer) => {
                    let conn = env.conn;
                    let protocol = layer.protocol();
                    send(self.shared.owner.get(), Up { conn, protocol });
                    let Lost { reason, killed } = self.up(&mut layer).await;
                    env.events.tell(Event::Disconnect { reason });
                    if let Some(reason) = self.stopped.take().or_else(|| self.ending.take()) {
                        return Ok(reason);
                    }
                    // A proxy that leads nowhere is not worth more attempts than no proxy.
                    let nowhere = [protocol, layer.protocol()] == [Protocol::Socks; 2];
                    if !nowhere {
                        (left, first) = (retry, true);
                    }
                    let down = Down {
                        conn,
                        protocol: layer.protocol(),
                        reason,
                        killed,
                    };
                    send(self.shared.owner.get(), down);
                    reason
                }
                Err(reason) => reason,
            };
            if left == 0 {
                let reason = match reason {
                    Reason::Normal => ExitReason::Normal,
                    reason => ExitReason::shutdown_with(reason),
                };
                ended::note(env.conn, reason.clone());
                return Ok(reason);
            }
            let next = retry_fun.next(left, first);
            (left, first) = (next.retries, false);
            if !next.timeout.is_zero() {
                self.without_connection(sleep(next.timeout)).await?;
            }
        }
    }

    /// Drives what is spoken, until it is lost.
    async fn up(&mut self, layer: &mut Box<dyn Layer>) -> Lost {
        let postponed = std::mem::take(&mut self.shared.postponed);
        postponed.offer(layer.as_mut(), &mut self.shared);
        std::future::poll_fn(|cx| {
            while let Poll::Ready(asked) = self.next(Some(layer.as_ref()), cx) {
                match asked {
                    Asked::Command(command) => self.command(layer.as_mut(), command),
                    Asked::Query(query) => self.answer(Some(layer.as_ref()), query),
                    Asked::End => layer.end(&mut self.shared),
                }
            }
            if self.stopped.is_some() {
                let killed = layer.give_up(&mut self.shared, Reason::Normal);
                let reason = Reason::Normal;
                return Poll::Ready(Lost { reason, killed });
            }
            if self.debug.is_suspended() {
                return Poll::Pending;
            }
            loop {
                match layer.poll(&mut self.shared, cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Outcome::Lost(lost)) => return Poll::Ready(lost),
                    Poll::Ready(Outcome::Becomes(next)) => {
                        *layer = next;
                        if self.shared.ending {
                            layer.end(&mut self.shared);
                        }
                    }
                }
            }
        })
        .await
    }

    fn command(&mut self, layer: &mut dyn Layer, command: Command) {
        if let Err(command) = layer.command(&mut self.shared, command) {
            // Its request may wait for the next connection.
            if self.shared.postponed.concerns(&command) {
                self.shared.postpone(command);
            } else {
                command.refuse(&self.shared.env);
            }
        }
    }

    /// Awaits something while there is no connection. `Err`: it was told to end, which it does at once.
    async fn without_connection<F: Future>(&mut self, future: F) -> Result<F::Output, ExitReason> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            while let Poll::Ready(asked) = self.next(None, cx) {
                match asked {
                    Asked::Command(command) => self.shared.postpone(command),
                    Asked::Query(query) => self.answer(None, query),
                    Asked::End => {
                        let reason = self.ending.take();
                        return Poll::Ready(Err(reason.unwrap_or(ExitReason::Shutdown)));
                    }
                }
            }
            if let Some(reason) = self.stopped.take() {
                return Poll::Ready(Err(reason));
            }
            if self.debug.is_suspended() {
                return Poll::Pending;
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// What mail asks for next. What concerns the owner alone, or `sys`, is done here.
    fn next(&mut self, layer: Option<&dyn Layer>, cx: &mut Context<'_>) -> Poll<Asked> {
        while self.stopped.is_none() {
            if self.debug.is_suspended() {
                let system = ready!(Pin::new(&mut self.system).poll(cx));
                self.system = receive_type();
                self.obey(layer, system);
                continue;
            }
            let message = match Pin::new(&mut self.mail).poll_next(cx) {
                Poll::Ready(Some(message)) => message,
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            };
            if self.debug.is_on() && !message.is::<System>() {
                self.debug.note(|| sys::Event::In { message: &message });
            }
            let asked = match_message!(message {
                command: Command => self.heed(command),
                query: Call<Query> => Some(asked(query)),
                down: ProcessDown => self.gone(down),
                system: System => {
                    self.obey(layer, system);
                    None
                }
                other: AnyMessage => unexpected(&other),
            });
            if let Some(asked) = asked {
                return Poll::Ready(asked);
            }
        }
        Poll::Pending
    }

    /// Does what a system message asks.
    fn obey(&mut self, layer: Option<&dyn Layer>, system: System) {
        let mut shown = Shown(self.info(layer));
        let handled = sys::handle(system, &mut self.debug, &mut shown);
        if let Handled::Terminate(reason) = handled {
            self.stopped = Some(reason);
        }
    }

    fn heed(&mut self, command: Command) -> Option<Asked> {
        match command {
            Command::SetOwner { from, owner } => {
                self.set_owner(from, owner);
                None
            }
            Command::Shutdown => Some(self.end(ExitReason::Shutdown)),
            command => Some(Asked::Command(command)),
        }
    }

    fn end(&mut self, reason: ExitReason) -> Asked {
        self.ending.get_or_insert(reason);
        self.shared.ending = true;
        Asked::End
    }

    fn gone(&mut self, down: ProcessDown) -> Option<Asked> {
        if down.monitor == self.watch {
            return Some(self.end(owner_down(down.reason)));
        }
        let stream = self.shared.env.watches().remove(&down.monitor)?;
        let from = self.shared.env.conn;
        Some(Asked::Command(Command::Cancel { stream, from }))
    }

    fn set_owner(&mut self, from: Pid, owner: Pid) {
        if from != self.shared.owner.get() || self.shared.ending {
            let error = Error {
                conn: self.shared.env.conn,
                stream: None,
                reason: Reason::BadState(BadState::NotOwner),
            };
            send(from, error);
            return;
        }
        demonitor_flush(self.watch);
        self.shared.owner.set(owner);
        self.watch = monitor(owner);
    }

    fn answer(&self, layer: Option<&dyn Layer>, query: Call<Query>) {
        let Call { client, request } = query;
        match request {
            Query::Info => client.of().reply(self.info(layer)),
            Query::StreamInfo(stream) => {
                client
                    .of()
                    .reply(layer.and_then(|layer| layer.stream_info(stream)));
            }
            // Was made a command.
            Query::Data { .. } => {}
        }
    }

    fn info(&self, layer: Option<&dyn Layer>) -> Info {
        let opts = &self.shared.env.opts;
        let mut info = Info {
            owner: self.shared.owner.get(),
            state: match layer {
                None => State::NotConnected,
                Some(_) if self.shared.ending => State::Closing,
                Some(_) => State::Connected,
            },
            transport: self.hop.transport,
            protocol: None,
            address: None,
            origin_scheme: Some(Origin::of(&self.hop).scheme),
            origin_host: self.hop.host.clone(),
            origin_port: self.hop.port,
            intermediaries: Vec::new(),
            streams: 0,
            cookie_store: opts.cookie_store.is_some(),
            event_handler: opts.event_handler.is_some(),
        };
        if let Some(layer) = layer {
            layer.info(&mut info);
        }
        info
    }
}

/// What `sys` sees of a connection: what [`info`](fn@crate::info) tells.
struct Shown(Info);

impl sys::Process for Shown {
    fn state(&mut self) -> &mut dyn Any {
        &mut self.0
    }

    fn show(&self) -> String {
        format!("{:?}", self.0)
    }

    fn module(&self) -> &'static str {
        "gun"
    }
}

/// A piece of a body that is waited for is a command like one that is not.
fn asked(query: Call<Query>) -> Asked {
    match query.request {
        Query::Data { stream, fin, data } => Asked::Command(Command::Data(Piece {
            stream,
            from: query.client.pid(),
            fin,
            data,
            sent: Some(Sent::to(query.client)),
        })),
        _ => Asked::Query(query),
    }
}

fn unexpected(message: &AnyMessage) -> Option<Asked> {
    tracing::debug!(target: "gun::unexpected", ?message);
    None
}

/// The exit reason after the owner's.
fn owner_down(reason: ExitReason) -> ExitReason {
    if reason.is_orderly() {
        reason
    } else {
        ExitReason::shutdown_with(OwnerDown(reason))
    }
}

/// Why a connection has exited whose owner has: Gun's `{owner_down, Reason}`.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnerDown(pub ExitReason);

impl std::fmt::Display for OwnerDown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the owner has ended: {}", self.0)
    }
}
