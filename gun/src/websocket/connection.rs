//! Websocket (RFC 6455) as a layer: the codec between the mailbox and a wire that HTTP has handed over.
//!
//! Invariants:
//! * After a close frame of ours no frame is sent; after one of the peer's none is read.
//! * Without flow nothing is read, so the peer is held back by its wire.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use runtime::future::{Sleep, sleep};
use tokio::io::{AsyncRead, ReadBuf};

use super::handler::{Received, WsFrames};
use super::{Agreed, Codec, Event, Frame, Join};
use crate::command::Command;
use crate::error::{BadState, Reason};
use crate::event;
use crate::info::{Info, StreamInfo};
use crate::layer::{Env, Layer, Lost, Origin, Outcome, Shared};
use crate::message::{Protocol, StreamRef};
use crate::options::WsOpts;
use crate::recipient::{PIECE, Recipient};
use crate::wire::Wire;

const GOING_AWAY: u16 = 1001;
const NORMAL: u16 = 1000;
/// While this many bytes wait to be sent, only the last ping is answered.
const HELD: usize = 64 * 1024;

pub(crate) struct Websocket {
    /// What requests name that are none of a Websocket's.
    here: StreamRef,
    to: Recipient,
    opts: WsOpts,
    origin: Origin,
    env: Arc<Env>,
    handler: Option<Box<dyn WsFrames>>,
    wire: Wire,
    codec: Codec,
    /// A message in fragments, so far.
    joined: Join,
    outgoing: BytesMut,
    /// A ping that is answered when there is room again.
    owed: Option<Bytes>,
    /// Frames of which the end was not told to be sent.
    unsent: u32,
    /// The last head was of a frame whose end was not told.
    amid: bool,
    sent_close: bool,
    got_close: bool,
    /// How long the peer's close frame is waited for.
    closing: Option<Sleep>,
    /// When the next ping is due.
    keepalive: Option<Sleep>,
}

impl Websocket {
    /// Speaks with who has granted it, with these headers, and tells so.
    pub(crate) fn new(
        to: Recipient,
        opts: WsOpts,
        agreed: Agreed,
        headers: HeaderMap,
        wire: Wire,
        origin: Origin,
        here: StreamRef,
    ) -> Websocket {
        let env = Arc::clone(to.env());
        env.set_limit(here, usize::MAX);
        let handler = match agreed.protocol {
            Some(at) => opts.protocols[at].handler.as_ref(),
            None => opts.default_handler.as_ref(),
        };
        let reply_to = to.reply_to();
        let handler = handler.map(|handler| handler.init(env.conn, to.stream, &reply_to, &headers));
        to.upgrade(vec!["websocket".to_owned()], headers);
        env.events.tell(event::Event::ProtocolChanged {
            stream: to.stream,
            protocol: Protocol::Ws,
        });
        Websocket {
            here,
            to,
            origin,
            env,
            handler,
            wire,
            codec: Codec::new(opts.max_message_size, agreed.deflate),
            joined: Join::default(),
            outgoing: BytesMut::new(),
            owed: None,
            unsent: 0,
            amid: false,
            sent_close: false,
            got_close: false,
            closing: None,
            keepalive: opts.keepalive.map(sleep),
            opts,
        }
    }

    fn lost(&self, reason: Reason) -> Poll<Outcome> {
        // After both have said so, the peer may be the one that closes.
        let reason = if self.sent_close && reason == Reason::Closed {
            Reason::Normal
        } else {
            reason
        };
        if reason != Reason::Normal {
            self.to.fail(reason);
        }
        let killed = vec![self.to.stream];
        Poll::Ready(Outcome::Lost(Lost { reason, killed }))
    }

    /// Closes, and waits for the peer to do so.
    fn close(&mut self, code: u16) {
        self.send(&Frame::CloseWith(code, "".into()));
    }

    /// False: it is none that may be sent.
    fn send(&mut self, frame: &Frame) -> bool {
        if self.sent_close {
            return true;
        }
        if self.codec.encode(frame, &mut self.outgoing).is_err() {
            return false;
        }
        let stream = self.to.stream;
        self.env
            .events
            .tell(event::Event::WsSendFrameStart { stream, frame });
        self.unsent += 1;
        if frame.is_close() {
            self.sent_close = true;
            self.closing = self.opts.closing_timeout.map(sleep);
        }
        true
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let progress = self.wire.take(&mut self.outgoing, cx)?;
        if !self.outgoing.is_empty() {
            return Ok(progress);
        }
        if let Some(payload) = self.owed.take() {
            self.send(&Frame::Pong(payload));
            return Ok(true);
        }
        for _ in 0..std::mem::take(&mut self.unsent) {
            let stream = self.to.stream;
            self.env
                .events
                .tell(event::Event::WsSendFrameEnd { stream });
        }
        self.wire.flush_some(cx)?;
        Ok(progress)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let mut progress = false;
        while !self.got_close && self.to.may_flow() {
            match self.codec.next() {
                Ok(Some(Event::Header(header))) => {
                    let stream = self.to.stream;
                    let events = &self.env.events;
                    events.tell(event::Event::WsRecvFrameStart { stream });
                    events.tell(event::Event::WsRecvFrameHeader {
                        stream,
                        opcode: header.opcode,
                        fin: header.fin,
                        length: header.len,
                    });
                    self.amid = true;
                }
                Ok(Some(Event::Frame(frame))) => {
                    self.ended();
                    self.got(frame);
                }
                Ok(Some(Event::Fragment(part))) => {
                    self.ended();
                    if let Some(handler) = &mut self.handler {
                        let cost = handler.handle(Received::Fragment(part));
                        self.to.handled(cost);
                    } else if let Some(frame) = self.joined.push(part) {
                        self.got(frame);
                    }
                }
                Ok(None) => {
                    let mut room = [0; PIECE];
                    let mut read = ReadBuf::new(&mut room);
                    match AsyncRead::poll_read(Pin::new(&mut self.wire), cx, &mut read) {
                        Poll::Pending => return Ok(progress),
                        Poll::Ready(Err(error)) => return Err(error.into()),
                        Poll::Ready(Ok(())) if read.filled().is_empty() => {
                            return Err(Reason::Closed);
                        }
                        Poll::Ready(Ok(())) => self.codec.feed(read.filled()),
                    }
                }
                Err(error) => {
                    self.to.fail(Reason::Websocket(error));
                    self.close(error.close_code());
                    self.got_close = true;
                }
            }
            progress = true;
        }
        Ok(progress)
    }

    /// The frame that has begun is whole.
    fn ended(&mut self) {
        if std::mem::take(&mut self.amid) {
            let stream = self.to.stream;
            self.env
                .events
                .tell(event::Event::WsRecvFrameEnd { stream });
        }
    }

    fn got(&mut self, frame: Frame) {
        match &frame {
            Frame::Ping(payload) => {
                // One answer stands for those to earlier pings.
                if self.outgoing.len() < HELD {
                    self.send(&Frame::Pong(payload.clone()));
                } else {
                    self.owed = Some(payload.clone());
                }
                if self.opts.silence_pings {
                    return;
                }
            }
            Frame::Pong(_) if self.opts.silence_pings => return,
            Frame::Close | Frame::CloseWith(..) => {
                self.got_close = true;
                self.close(NORMAL);
            }
            _ => {}
        }
        match &mut self.handler {
            Some(handler) => {
                let cost = handler.handle(Received::Frame(frame));
                self.to.handled(cost);
            }
            None => self.to.ws(frame),
        }
    }

    /// Pings the server when it is time. True: it was.
    fn keep_alive(&mut self, cx: &mut Context<'_>) -> bool {
        let (Some(time), Some(every)) = (&mut self.keepalive, self.opts.keepalive) else {
            return false;
        };
        if Pin::new(&mut *time).poll(cx).is_pending() {
            return false;
        }
        *time = sleep(every);
        self.send(&Frame::Ping(Bytes::new()));
        true
    }
}

impl Layer for Websocket {
    fn command(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        let mine = command.stream() == Some(self.to.stream);
        match command {
            Command::WsSend {
                stream,
                from,
                frames,
            } if mine => {
                if !frames.iter().all(|frame| self.send(frame)) {
                    let frames = Vec::new();
                    let command = Command::WsSend {
                        stream,
                        from,
                        frames,
                    };
                    command.refuse_as(&shared.env, BadState::Frame);
                }
            }
            command if mine && command.change_flow(&mut self.to) => {}
            // A stream of HTTP/2's can be reset.
            Command::Cancel { stream, .. } if mine && stream == self.here => {
                self.to.cancelled();
                self.to.silence();
            }
            Command::Data(_) | Command::Cancel { .. } if mine => {
                command.refuse_as(&shared.env, BadState::Websocket);
            }
            Command::Request(_) if command.tunnel() == Some(self.here) => {
                command.refuse_as(&shared.env, BadState::Websocket);
            }
            Command::Ping { .. } if command.tunnel() == Some(self.here) => {
                command.fail(&shared.env, Reason::PingUnsupported);
            }
            command => return Err(command),
        }
        Ok(())
    }

    fn poll(&mut self, _: &mut Shared, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            let mut progress = self.keep_alive(cx);
            match self.write(cx) {
                Ok(wrote) => progress |= wrote,
                Err(reason) => return self.lost(reason),
            }
            if self.got_close && self.outgoing.is_empty() {
                return self.lost(Reason::Normal);
            }
            match self.read(cx) {
                Ok(read) => progress |= read,
                Err(reason) => return self.lost(reason),
            }
            if let Some(time) = &mut self.closing
                && Pin::new(time).poll(cx).is_ready()
            {
                return self.lost(Reason::Normal);
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn end(&mut self, _: &mut Shared) {
        self.close(GOING_AWAY);
    }

    fn give_up(&mut self, _: &mut Shared, reason: Reason) -> Vec<StreamRef> {
        self.to.fail(crate::layer::told(reason));
        vec![self.to.stream]
    }

    fn protocol(&self) -> Protocol {
        Protocol::Ws
    }

    fn info(&self, info: &mut Info) {
        info.protocol = Some(Protocol::Ws);
        info.address = info.address.or(self.wire.address());
        info.origin_scheme = Some(self.origin.scheme);
        info.transport = self.origin.transport();
        info.streams = 1;
    }

    fn stream_info(&self, stream: StreamRef) -> Option<StreamInfo> {
        (stream == self.to.stream).then(|| self.to.info())
    }
}
