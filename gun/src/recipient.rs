//! Who waits for a stream, and what they are told: the same for each protocol.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use runtime::{AnyMessage, Message, Pid, Ref, demonitor_flush, monitor};

use crate::command::Request;
use crate::content::{Chain, Handlers, Out};
use crate::cookies;
use crate::error::Reason;
use crate::event::{Endpoint, Event};
use crate::info::{StreamInfo, StreamState};
use crate::layer::Env;
use crate::message::{
    Data, Error, Inform, Push, Response, Sse, StreamRef, Trailers, TunnelUp, Upgrade, Ws,
};
use crate::options::ReplyTo;
use crate::pool::load::Counted;
use crate::sse::SseEvent;
use crate::websocket::Frame;

/// The most bytes of a data message.
pub(crate) const PIECE: usize = 16 * 1024;

/// The most informational responses to a request.
pub(crate) const INFORMS: usize = 100;

pub(crate) struct Recipient {
    pub(crate) stream: StreamRef,
    to: Told,
    /// Messages that may still be sent.
    flow: Option<i64>,
    /// How many informational responses there were.
    informed: usize,
    /// Nothing is told any more.
    silent: bool,
    handlers: Option<Handlers>,
    /// What of a response's body has come and waits for flow, and whether the body ends with it.
    held: Option<(Bytes, bool)>,
    /// Who has the response's body, if its messages are not the plain ones.
    chain: Option<Chain>,
    /// What its cookies are for, if cookies are kept.
    pub(crate) cookies: Option<Box<cookies::Target>>,
    /// It is cancelled when the one who gets its messages ends.
    watch: Option<Watch>,
    /// A pool counts it.
    place: Option<Counted>,
}

/// Who it is, for the handlers.
struct Told {
    env: Arc<Env>,
    stream: StreamRef,
    reply_to: ReplyTo,
}

impl Recipient {
    pub(crate) fn new(
        env: &Arc<Env>,
        stream: StreamRef,
        reply_to: ReplyTo,
        flow: Option<u32>,
    ) -> Recipient {
        Recipient {
            stream,
            to: Told {
                env: env.clone(),
                stream,
                reply_to,
            },
            flow: flow.map(i64::from),
            informed: 0,
            silent: false,
            held: None,
            handlers: None,
            chain: None,
            cookies: None,
            watch: None,
            place: None,
        }
    }

    /// Who has made a request. `flow` and `handlers`: what the protocol's options say.
    pub(crate) fn of(
        env: &Arc<Env>,
        request: &mut Request,
        flow: Option<u32>,
        handlers: Option<&Handlers>,
    ) -> Recipient {
        let flow = request.flow.or(flow);
        let reply_to = request.reply_to.clone();
        let mut to = Recipient::new(env, request.stream, reply_to, flow);
        to.handlers = handlers.cloned();
        // It comes by the pool, which has counted it, or to a connection of a pool's.
        let load = env.opts.load.as_ref();
        to.place = request
            .place
            .take()
            .or_else(|| load.map(|load| load.count()));
        if request.cancel_on_down
            && let Some(pid) = to.pid()
        {
            to.watch = Some(Watch::new(env, pid, to.stream));
        }
        to
    }

    /// Another stream for the same recipient, with as much flow.
    pub(crate) fn promised(&self, stream: StreamRef, flow: Option<u32>) -> Recipient {
        let mut promised = Recipient::new(&self.to.env, stream, self.reply_to(), flow);
        promised.silent = self.silent;
        promised.handlers = self.handlers.clone();
        promised
    }

    pub(crate) fn env(&self) -> &Arc<Env> {
        &self.to.env
    }

    pub(crate) fn reply_to(&self) -> ReplyTo {
        self.to.reply_to.clone()
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        self.to.reply_to.pid()
    }

    /// Nothing is told from now on.
    pub(crate) fn silence(&mut self) {
        self.silent = true;
    }

    /// Silent streams are read to the end, whatever the flow.
    pub(crate) fn may_flow(&self) -> bool {
        self.silent || self.flow.is_none_or(|left| left > 0)
    }

    /// Another flow than was said at first.
    pub(crate) fn set_flow(&mut self, flow: Option<u32>) {
        self.flow = flow.map(i64::from);
    }

    pub(crate) fn update_flow(&mut self, messages: u32) {
        if let Some(left) = &mut self.flow {
            *left += i64::from(messages);
        }
    }

    fn pay(&mut self, messages: u32) {
        if let Some(left) = &mut self.flow {
            *left -= i64::from(messages);
        }
    }

    fn event(&self, event: Event<'_>) {
        self.to.env.events.tell(event);
    }

    fn tell<M: Message>(&self, message: M) {
        if !self.silent {
            self.to.reply_to.tell(message);
        }
    }

    /// `Err`: there were too many.
    pub(crate) fn inform(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Reason> {
        let stream = self.stream;
        if self.informed == INFORMS {
            return Err(Reason::Protocol);
        }
        self.informed += 1;
        self.event(Event::ResponseStart { stream });
        self.event(Event::ResponseInform {
            stream,
            status,
            headers: &headers,
        });
        self.tell(Inform {
            conn: self.to.env.conn,
            stream,
            status,
            headers,
        });
        Ok(())
    }

    /// The head of a response has come with which something else than a body begins.
    pub(crate) fn granted(&self, status: StatusCode, headers: &HeaderMap) {
        let stream = self.stream;
        self.event(Event::ResponseStart { stream });
        if status.is_informational() {
            self.event(Event::ResponseInform {
                stream,
                status,
                headers,
            });
        } else {
            self.event(Event::ResponseHeaders {
                stream,
                status,
                headers,
            });
            self.event(Event::ResponseEnd { stream });
        }
    }

    pub(crate) fn push(&self, promised: StreamRef, method: Method, uri: Uri, headers: HeaderMap) {
        let stream = self.stream;
        self.event(Event::PushPromiseStart { stream });
        self.event(Event::PushPromiseEnd {
            stream,
            promised,
            method: &method,
            uri: &uri,
            headers: &headers,
        });
        self.tell(Push {
            conn: self.to.env.conn,
            stream,
            promised,
            method,
            uri,
            headers,
        });
    }

    pub(crate) fn response(&mut self, fin: bool, status: StatusCode, headers: HeaderMap) {
        let stream = self.stream;
        self.event(Event::ResponseStart { stream });
        self.event(Event::ResponseHeaders {
            stream,
            status,
            headers: &headers,
        });
        if let Some(handlers) = self.handlers.take().filter(|_| !fin) {
            self.chain = Some(Chain::new(&handlers, status, &headers));
        }
        self.tell(Response {
            conn: self.to.env.conn,
            stream,
            fin,
            status,
            headers,
        });
        if fin {
            self.event(Event::ResponseEnd { stream });
        }
    }

    /// A piece of a body, in messages of the size allowed, as far as the flow goes. True: the body was told to its
    /// end; `Err`: a handler cannot go on.
    pub(crate) fn data(&mut self, bytes: Bytes, fin: bool) -> Result<bool, Reason> {
        self.held = Some((bytes, fin));
        self.go_on()
    }

    /// Whether there is something left of what has come: nothing more is to be taken before that was told.
    pub(crate) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Tells what is left, as [`data`](Recipient::data) does.
    pub(crate) fn go_on(&mut self) -> Result<bool, Reason> {
        while self.may_flow()
            && let Some((mut bytes, fin)) = self.held.take()
        {
            let data = bytes.split_to(bytes.len().min(PIECE));
            let last = bytes.is_empty();
            if !last {
                self.held = Some((bytes, fin));
            }
            match &mut self.chain {
                Some(chain) if !self.silent => {
                    let cost = chain.handle(fin && last, data, &mut self.to);
                    let cost = cost.map_err(Reason::Content)?;
                    self.pay(cost);
                }
                Some(_) => {}
                None => {
                    if !self.silent {
                        self.to.data(fin && last, data);
                    }
                    self.pay(1);
                }
            }
            if fin && last {
                let stream = self.stream;
                self.event(Event::ResponseEnd { stream });
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn trailers(&self, headers: HeaderMap) {
        let stream = self.stream;
        self.event(Event::ResponseTrailers {
            stream,
            headers: &headers,
        });
        self.event(Event::ResponseEnd { stream });
        self.tell(Trailers {
            conn: self.to.env.conn,
            stream,
            headers,
        });
    }

    pub(crate) fn upgrade(&self, protocols: Vec<String>, headers: HeaderMap) {
        self.tell(Upgrade {
            conn: self.to.env.conn,
            stream: self.stream,
            protocols,
            headers,
        });
    }

    pub(crate) fn tunnel_up(&self, protocol: crate::Protocol) {
        self.tell(TunnelUp {
            conn: self.to.env.conn,
            stream: self.stream,
            protocol,
        });
    }

    pub(crate) fn ws(&mut self, frame: Frame) {
        self.tell(Ws {
            conn: self.to.env.conn,
            stream: self.stream,
            frame,
        });
        self.pay(1);
    }

    /// What a Websocket's handler has sent.
    pub(crate) fn handled(&mut self, messages: u32) {
        self.pay(messages);
    }

    pub(crate) fn fail(&self, reason: Reason) {
        if let Reason::Reset(_) = reason {
            self.event(Event::Cancel {
                stream: self.stream,
                endpoint: Endpoint::Remote,
                reason,
            });
        }
        self.tell(Error {
            conn: self.to.env.conn,
            stream: Some(self.stream),
            reason,
        });
    }

    /// It was asked to say no more.
    pub(crate) fn cancelled(&self) {
        self.event(Event::Cancel {
            stream: self.stream,
            endpoint: Endpoint::Local,
            reason: Reason::Normal,
        });
    }

    pub(crate) fn info(&self) -> StreamInfo {
        StreamInfo {
            stream: self.stream,
            reply_to: self.pid(),
            state: if self.silent {
                StreamState::Stopping
            } else {
                StreamState::Running
            },
            intermediaries: Vec::new(),
            tunnel: None,
        }
    }
}

impl Out for Told {
    fn data(&mut self, fin: bool, data: Bytes) {
        self.reply_to.tell(Data {
            conn: self.env.conn,
            stream: self.stream,
            fin,
            data,
        });
    }

    fn sse(&mut self, event: Option<SseEvent>) {
        self.reply_to.tell(Sse {
            conn: self.env.conn,
            stream: self.stream,
            event,
        });
    }

    fn message(&mut self, message: AnyMessage) {
        self.reply_to.tell_any(message);
    }
}

/// A monitor of who gets a stream's messages, which ends with the stream.
struct Watch {
    env: Arc<Env>,
    monitor: Ref,
}

impl Watch {
    fn new(env: &Arc<Env>, pid: Pid, stream: StreamRef) -> Watch {
        let monitor = monitor(pid);
        env.watches().insert(monitor, stream);
        let env = Arc::clone(env);
        Watch { env, monitor }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // If it is there no more, it was for its message that the stream ends.
        if self.env.watches().remove(&self.monitor).is_some() {
            demonitor_flush(self.monitor);
        }
    }
}
