//! What the functions of this crate ask of a connection's process.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use runtime::request::Client;
use runtime::{Pid, send};
use sys::in_process;

use crate::error::{BadState, Reason};
use crate::layer::Env;
use crate::message::{Error, StreamRef};
use crate::options::{Destination, ReplyTo, ReqOpts, WsOpts};
use crate::pool::load::Counted;
use crate::recipient::Recipient;
use crate::websocket::Frame;

#[derive(Debug)]
pub(crate) enum Command {
    Request(Box<Request>),
    Data(Piece),
    Cancel {
        stream: StreamRef,
        from: Pid,
    },
    UpdateFlow {
        stream: StreamRef,
        messages: u32,
    },
    /// From now on so many messages more, whatever was said before.
    SetFlow {
        stream: StreamRef,
        messages: u32,
    },
    WsSend {
        stream: StreamRef,
        from: Pid,
        frames: Vec<Frame>,
    },
    Ping {
        ping: StreamRef,
        tunnel: StreamRef,
        reply_to: ReplyTo,
    },
    SetOwner {
        from: Pid,
        owner: Pid,
    },
    Shutdown,
}

/// A piece of a request's body.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) stream: StreamRef,
    pub(crate) from: Pid,
    pub(crate) fin: bool,
    pub(crate) data: Bytes,
    /// Who waits for it to be sent.
    pub(crate) sent: Option<Sent>,
}

impl Piece {
    /// It is not taken: tells whoever has sent it.
    pub(crate) fn refuse(self, env: &Env, reason: Reason) {
        match self.sent {
            Some(sent) => sent.answer(Err(match reason {
                Reason::BadState(what) => what,
                _ => BadState::NoStream,
            })),
            None => send(
                self.from,
                Error {
                    conn: env.conn,
                    stream: Some(self.stream),
                    reason,
                },
            ),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) stream: StreamRef,
    pub(crate) reply_to: ReplyTo,
    /// The tunnel that it goes through.
    pub(crate) tunnel: StreamRef,
    pub(crate) flow: Option<u32>,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BodyKind,
    pub(crate) asks: Asks,
    pub(crate) cancel_on_down: bool,
    /// Its place, if it comes by a pool.
    pub(crate) place: Option<Counted>,
}

impl Request {
    /// A new request, with these options.
    #[track_caller]
    /// `what`: the function that makes it.
    pub(crate) fn new(
        what: &str,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: BodyKind,
        asks: Asks,
        opts: ReqOpts,
    ) -> Request {
        let me = in_process(what);
        Request {
            stream: StreamRef::new(),
            reply_to: opts.reply_to.unwrap_or_else(|| me.into()),
            tunnel: opts.tunnel.unwrap_or(StreamRef::UNDEFINED),
            flow: opts.flow,
            method,
            path: path.to_owned(),
            headers,
            body,
            asks,
            cancel_on_down: opts.cancel_on_down,
            place: None,
        }
    }
}

#[derive(Debug)]
pub(crate) enum BodyKind {
    Whole(Bytes),
    /// Comes as `Command::Data`.
    Streamed,
}

/// What a request is to lead to.
#[derive(Debug)]
pub(crate) enum Asks {
    Response,
    /// With these options, or the connection's.
    Websocket(Option<Box<WsOpts>>),
    Tunnel(Box<Destination>),
}

/// Who waits for a piece of a body to be sent. Answered with an error if it is dropped first.
#[derive(Debug)]
pub(crate) struct Sent(Option<Box<Client>>);

impl Sent {
    pub(crate) fn to(client: Client) -> Sent {
        Sent(Some(Box::new(client)))
    }

    pub(crate) fn answer(mut self, result: Result<(), BadState>) {
        if let Some(client) = self.0.take() {
            client.of().reply(result);
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            client.of().reply(Err::<(), _>(BadState::NoStream));
        }
    }
}

impl Command {
    /// How much memory it holds, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Command>()
            + match self {
                Command::Request(request) => {
                    let body = match &request.body {
                        BodyKind::Whole(bytes) => bytes.len(),
                        BodyKind::Streamed => 0,
                    };
                    let name = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                        name.as_str().len() + value.len()
                    };
                    let headers: usize = request.headers.iter().map(name).sum();
                    size_of::<Request>() + request.path.len() + headers + body
                }
                Command::Data(piece) => piece.data.len(),
                Command::WsSend { frames, .. } => frames.iter().map(Frame::size).sum(),
                _ => 0,
            }
    }

    /// Changes a stream's flow, if that is what it is about.
    pub(crate) fn change_flow(&self, to: &mut Recipient) -> bool {
        match self {
            Command::UpdateFlow { messages, .. } => to.update_flow(*messages),
            Command::SetFlow { messages, .. } => to.set_flow(Some(*messages)),
            _ => return false,
        }
        true
    }

    /// The stream that it is about, or that it begins.
    pub(crate) fn stream(&self) -> Option<StreamRef> {
        match self {
            Command::Request(request) => Some(request.stream),
            Command::Data(Piece { stream, .. })
            | Command::Cancel { stream, .. }
            | Command::UpdateFlow { stream, .. }
            | Command::SetFlow { stream, .. }
            | Command::WsSend { stream, .. } => Some(*stream),
            Command::Ping { .. } | Command::SetOwner { .. } | Command::Shutdown => None,
        }
    }

    /// The tunnel that it goes through, if that is known without its stream.
    pub(crate) fn tunnel(&self) -> Option<StreamRef> {
        match self {
            Command::Request(request) => Some(request.tunnel),
            Command::Ping { tunnel, .. } => Some(*tunnel),
            _ => None,
        }
    }

    /// Nobody takes it: tells whoever has sent it.
    pub(crate) fn refuse(self, env: &Arc<Env>) {
        match self {
            Command::Request(_) => self.refuse_as(env, BadState::NoTunnel),
            Command::Ping { .. } => self.refuse_as(env, BadState::NoTunnel),
            _ => self.refuse_as(env, BadState::NoStream),
        }
    }

    /// Tells whoever has sent it why it is not done. An update of what has no flow is for nothing, and no error.
    pub(crate) fn refuse_as(self, env: &Arc<Env>, what: BadState) {
        self.fail(env, Reason::BadState(what));
    }

    pub(crate) fn fail(self, env: &Arc<Env>, reason: Reason) {
        let (to, stream) = match self {
            Command::Request(request) => {
                let flow = None;
                return Recipient::new(env, request.stream, request.reply_to, flow).fail(reason);
            }
            Command::Ping { reply_to, ping, .. } => {
                return reply_to.tell(Error {
                    conn: env.conn,
                    stream: Some(ping),
                    reason,
                });
            }
            Command::Data(piece) => return piece.refuse(env, reason),
            Command::Cancel { from, stream } | Command::WsSend { from, stream, .. } => {
                (from, stream)
            }
            Command::UpdateFlow { .. }
            | Command::SetFlow { .. }
            | Command::SetOwner { .. }
            | Command::Shutdown => return,
        };
        let error = Error {
            conn: env.conn,
            stream: Some(stream),
            reason,
        };
        send(to, error);
    }
}

#[derive(Debug)]
pub(crate) enum Query {
    Info,
    StreamInfo(StreamRef),
    /// A piece of a body, answered when it was sent.
    Data {
        stream: StreamRef,
        fin: bool,
        data: Bytes,
    },
}
