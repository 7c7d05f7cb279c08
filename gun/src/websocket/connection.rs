//! Websocket (RFC 6455) on a connection that HTTP/1.1 has handed over: the codec between the mailbox and the
//! socket.
//!
//! Invariants:
//! * After a close frame of ours no frame is sent; after one of the peer's none is read.
//! * Without flow nothing is read, so the peer is held back by its socket.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use runtime::future::{Sleep, sleep};
use runtime::request::Call;
use runtime::{self_pid, send};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    Codec, Deflate, Event, Frame, HandshakeError, Join, OFFER, agreed_extensions, agreed_protocol,
    check_accept, check_upgrade, generate_key,
};
use crate::command::{Command, Query};
use crate::connect::Transport;
use crate::connection::{Asked, Connection, Lost};
use crate::error::{BadState, Reason};
use crate::message::{Error, Protocol};
use crate::options::WsOpts;
use crate::recipient::{PIECE, Recipient};

const GOING_AWAY: u16 = 1001;
const NORMAL: u16 = 1000;

/// What a stream of HTTP/1.1 becomes.
pub(crate) struct Upgraded {
    pub(crate) to: Recipient,
    pub(crate) opts: WsOpts,
    pub(crate) transport: Transport,
    pub(crate) deflate: Option<Deflate>,
    /// What came after the response's head.
    pub(crate) surplus: Bytes,
}

/// Adds what a request for a Websocket must have. The key that its answer is to show.
pub(crate) fn ask(headers: &mut HeaderMap, opts: &WsOpts) -> Result<String, BadState> {
    let key = generate_key();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| BadState::BadTarget);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, value(&key)?);
    if !opts.protocols.is_empty() {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value(&opts.protocols.join(", "))?);
    }
    if opts.compress {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(OFFER));
    }
    Ok(key)
}

/// Checks a response with status 101. The compression that was agreed on.
pub(crate) fn check(
    headers: &HeaderMap,
    key: &str,
    opts: &WsOpts,
) -> Result<Option<Deflate>, HandshakeError> {
    check_upgrade(headers)?;
    check_accept(key, headers)?;
    agreed_protocol(headers, &opts.protocols)?;
    agreed_extensions(headers, opts.compress)
}

/// Speaks Websocket until the connection is lost, or has ended as it was told to.
pub(crate) async fn run(connection: &mut Connection, upgraded: Upgraded) -> Lost {
    let mut codec = Codec::new(upgraded.opts.max_message_size, upgraded.deflate);
    codec.feed(&upgraded.surplus);
    let mut websocket = Websocket {
        to: upgraded.to,
        transport: upgraded.transport,
        codec,
        joined: Join::default(),
        opts: upgraded.opts,
        outgoing: BytesMut::new(),
        sent_close: false,
        got_close: false,
        closing: None,
    };
    let postponed: VecDeque<Command> = std::mem::take(&mut connection.postponed);
    for command in postponed {
        websocket.command(command);
    }
    std::future::poll_fn(|cx| websocket.poll(connection, cx)).await
}

struct Websocket {
    to: Recipient,
    opts: WsOpts,
    transport: Transport,
    codec: Codec,
    /// A message in fragments, so far.
    joined: Join,
    outgoing: BytesMut,
    sent_close: bool,
    got_close: bool,
    /// How long the peer's close frame is waited for.
    closing: Option<Sleep>,
}

impl Websocket {
    fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Lost> {
        loop {
            let mut progress = false;
            while let Poll::Ready(asked) = connection.next(cx) {
                progress = true;
                match asked {
                    Asked::Command(command) => self.command(command),
                    Asked::Query(query) => self.answer(connection, query),
                    Asked::End => self.close(GOING_AWAY),
                }
            }
            match self.write(cx) {
                Ok(wrote) => progress |= wrote,
                Err(reason) => return Poll::Ready(self.lost(reason)),
            }
            if self.got_close && self.outgoing.is_empty() {
                return Poll::Ready(self.lost(Reason::Normal));
            }
            match self.read(cx) {
                Ok(read) => progress |= read,
                Err(reason) => return Poll::Ready(self.lost(reason)),
            }
            if let Some(time) = &mut self.closing
                && Pin::new(time).poll(cx).is_ready()
            {
                return Poll::Ready(self.lost(Reason::Normal));
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn lost(&self, reason: Reason) -> Lost {
        // After both have said so, the peer may be the one that closes.
        let reason = if self.sent_close && reason == Reason::Closed {
            Reason::Normal
        } else {
            reason
        };
        if reason != Reason::Normal {
            self.to.fail(reason);
        }
        Lost {
            reason,
            killed: vec![self.to.stream],
        }
    }

    fn command(&mut self, command: Command) {
        let (to, stream, what) = match command {
            Command::WsSend {
                stream,
                from,
                frames,
            } if stream == self.to.stream => {
                if frames.iter().all(|frame| self.send(frame)) {
                    return;
                }
                (from, stream, BadState::Frame)
            }
            Command::UpdateFlow { stream, messages } => {
                if stream == self.to.stream {
                    self.to.update_flow(messages);
                }
                return;
            }
            Command::Request(request) => {
                let flow = None;
                let to = Recipient::new(self.to.conn, request.stream, request.reply_to, flow);
                return to.fail(Reason::BadState(BadState::Websocket));
            }
            Command::WsSend { stream, from, .. } => (from, stream, BadState::NoStream),
            Command::Data { stream, from, .. } | Command::Cancel { stream, from } => {
                (from, stream, BadState::Websocket)
            }
            // The connection's own.
            Command::SetOwner { .. } | Command::Shutdown => return,
        };
        let error = Error {
            conn: self_pid(),
            stream: Some(stream),
            reason: Reason::BadState(what),
        };
        send(to, error);
    }

    fn answer(&mut self, connection: &Connection, query: Call<Query>) {
        match query.request {
            Query::Info => {
                let info = connection.info(Some(Protocol::Ws), self.transport.address(), 1);
                query.client.of().reply(info);
            }
            Query::StreamInfo(stream) => {
                let info = (stream == self.to.stream).then(|| self.to.info());
                query.client.of().reply(info);
            }
        }
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
        if frame.is_close() {
            self.sent_close = true;
            self.closing = self.opts.closing_timeout.map(sleep);
        }
        true
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let mut progress = false;
        while !self.outgoing.is_empty() {
            match AsyncWrite::poll_write(Pin::new(&mut self.transport), cx, &self.outgoing) {
                Poll::Pending => return Ok(progress),
                Poll::Ready(Ok(0)) => return Err(Reason::Closed),
                Poll::Ready(Ok(bytes)) => self.outgoing.advance(bytes),
                Poll::Ready(Err(error)) => return Err(error.into()),
            }
            progress = true;
        }
        match AsyncWrite::poll_flush(Pin::new(&mut self.transport), cx) {
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(progress),
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let mut progress = false;
        while !self.got_close && self.to.may_flow() {
            match self.codec.next() {
                Ok(Some(Event::Header(_))) => {}
                Ok(Some(Event::Frame(frame))) => self.got(frame),
                Ok(Some(Event::Fragment(part))) => {
                    if let Some(frame) = self.joined.push(part) {
                        self.got(frame);
                    }
                }
                Ok(None) => {
                    let mut room = [0; PIECE];
                    let mut read = ReadBuf::new(&mut room);
                    match AsyncRead::poll_read(Pin::new(&mut self.transport), cx, &mut read) {
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

    fn got(&mut self, frame: Frame) {
        match &frame {
            Frame::Ping(payload) => {
                self.send(&Frame::Pong(payload.clone()));
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
        self.to.ws(frame);
    }
}
