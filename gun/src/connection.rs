//! A connection's process: a future at rest, from the first attempt to the last.
//!
//! ```text
//!   connecting --connected--> up: http1, http2, websocket --lost--> waiting to retry --time--> connecting
//!       |  ^                    |                      |
//!       |  +--- failed, retries left                   |
//!       +--- no retries left, shutdown, the owner's end: the process exits
//! ```
//!
//! Invariants:
//! * All mail is taken here, in order, whatever the state: [`Connection::next`].
//! * Commands that come before there is a connection are postponed, in order.
//! * Once told to end (`ending`), it says no more of the connection and does not connect again.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream as _;
use runtime::future::{Messages, messages, sleep};
use runtime::request::Call;
use runtime::{
    AnyMessage, Down as ProcessDown, ExitReason, Pid, Ref, demonitor_flush, match_message, monitor,
    self_pid, send,
};

use crate::command::{Command, Info, Query};
use crate::connect::{Target, connect};
use crate::error::{BadState, Reason};
use crate::http1;
use crate::http2;
use crate::message::{Down, Error, Protocol, Up};
use crate::options::Opts;
use crate::websocket;

pub(crate) struct Connection {
    pub(crate) opts: Opts,
    /// The `host` header of requests that have none.
    pub(crate) authority: String,
    /// Why it ends, once it was told to.
    pub(crate) ending: Option<ExitReason>,
    pub(crate) postponed: VecDeque<Command>,
    owner: Pid,
    watch: Ref,
    target: Target,
    mail: Messages,
}

/// What mail asks for.
pub(crate) enum Asked {
    Command(Command),
    /// To be answered by who knows the streams.
    Query(Call<Query>),
    /// `ending` was set.
    End,
}

/// How a connection that was up has ended.
pub(crate) struct Lost {
    pub(crate) reason: Reason,
    pub(crate) killed: Vec<crate::StreamRef>,
}

/// Runs a connection: the process's whole life.
pub(crate) async fn run(owner: Pid, target: Target, authority: String, opts: Opts) -> ExitReason {
    let mut connection = Connection {
        opts,
        authority,
        ending: None,
        postponed: VecDeque::new(),
        owner,
        watch: monitor(owner),
        target,
        mail: messages(),
    };
    match connection.live().await {
        Err(reason) | Ok(reason) => reason,
    }
}

impl Connection {
    async fn live(&mut self) -> Result<ExitReason, ExitReason> {
        let mut left = self.opts.retry;
        let mut first = true;
        loop {
            let connecting = connect(self.target.clone(), self.opts.clone());
            let reason = match self.without_connection(connecting).await? {
                Ok((transport, protocol)) => {
                    (left, first) = (self.opts.retry, true);
                    let conn = self_pid();
                    send(self.owner, Up { conn, protocol });
                    let (protocol, lost) = match protocol {
                        Protocol::Http2 => (protocol, http2::run(self, transport).await),
                        Protocol::Http | Protocol::Ws => match http1::run(self, transport).await {
                            http1::Outcome::Lost(lost) => (Protocol::Http, lost),
                            http1::Outcome::Upgraded(upgraded) => {
                                (Protocol::Ws, websocket::run(self, *upgraded).await)
                            }
                        },
                    };
                    let Lost { reason, killed } = lost;
                    if let Some(reason) = self.ending.take() {
                        return Ok(reason);
                    }
                    let down = Down {
                        conn,
                        protocol,
                        reason,
                        killed,
                    };
                    send(self.owner, down);
                    reason
                }
                Err(reason) => reason,
            };
            if left == 0 {
                return Ok(match reason {
                    Reason::Normal => ExitReason::Normal,
                    reason => ExitReason::shutdown_with(reason),
                });
            }
            let next = self.opts.retry_fun.next(left, first);
            (left, first) = (next.retries, false);
            if !next.timeout.is_zero() {
                self.without_connection(sleep(next.timeout)).await?;
            }
        }
    }

    /// Awaits something while there is no connection. `Err`: it was told to end, which it does at once.
    async fn without_connection<F: Future>(&mut self, future: F) -> Result<F::Output, ExitReason> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            while let Poll::Ready(asked) = self.next(cx) {
                match asked {
                    Asked::Command(command) => self.postponed.push_back(command),
                    Asked::Query(Call { client, request }) => match request {
                        Query::Info => client.of().reply(self.info(None, None, 0)),
                        Query::StreamInfo(_) => {
                            client.of::<Option<crate::StreamInfo>>().reply(None);
                        }
                    },
                    Asked::End => {
                        let reason = self.ending.take();
                        return Poll::Ready(Err(reason.unwrap_or(ExitReason::Shutdown)));
                    }
                }
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// What mail asks for next. What concerns the owner alone is done here.
    pub(crate) fn next(&mut self, cx: &mut Context<'_>) -> Poll<Asked> {
        loop {
            let message = match Pin::new(&mut self.mail).poll_next(cx) {
                Poll::Ready(Some(message)) => message,
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            };
            let asked = match_message!(message {
                command: Command => self.heed(command),
                query: Call<Query> => Some(Asked::Query(query)),
                down: ProcessDown => self.gone(down),
                other: AnyMessage => unexpected(&other),
            });
            if let Some(asked) = asked {
                return Poll::Ready(asked);
            }
        }
    }

    fn heed(&mut self, command: Command) -> Option<Asked> {
        match command {
            Command::SetOwner { from, owner } => {
                self.set_owner(from, owner);
                None
            }
            Command::Shutdown => {
                self.ending.get_or_insert(ExitReason::Shutdown);
                Some(Asked::End)
            }
            command => Some(Asked::Command(command)),
        }
    }

    fn gone(&mut self, down: ProcessDown) -> Option<Asked> {
        if down.monitor != self.watch {
            return None;
        }
        self.ending.get_or_insert(owner_down(down.reason));
        Some(Asked::End)
    }

    fn set_owner(&mut self, from: Pid, owner: Pid) {
        if from != self.owner || self.ending.is_some() {
            let error = Error {
                conn: self_pid(),
                stream: None,
                reason: Reason::BadState(BadState::NotOwner),
            };
            send(from, error);
            return;
        }
        demonitor_flush(self.watch);
        self.owner = owner;
        self.watch = monitor(owner);
    }

    pub(crate) fn info(
        &self,
        protocol: Option<Protocol>,
        address: Option<std::net::SocketAddr>,
        streams: usize,
    ) -> Info {
        let (host, port) = match &self.target {
            Target::Tcp { host, port } => (host.as_str(), *port),
            Target::Unix(_) => ("localhost", 80),
        };
        Info {
            owner: self.owner,
            protocol,
            address,
            origin_host: host.to_owned(),
            origin_port: port,
            streams,
        }
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
