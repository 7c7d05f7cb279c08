//! HTTP/2 on a connection: h2 drives the frames, streams and their fates are kept here.
//!
//! Invariants:
//! * A stream is in `streams` until its end was told; none that has finished is listed as killed.
//! * A stream is polled only when its waker was called, or a command has touched it.
//! * No more streams are open than the server allows: one more is refused at once, never queued.
//! * Bytes are given back to the stream's window when they have been told, so that a stream without flow holds
//!   its peer back, and the others go on.

// Until a connection is driven through it.
#[allow(dead_code)]
mod tap;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{Builder, Connection as Driver, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{Uri, Version};
use runtime::future::{Sleep, sleep};
use runtime::request::Call;
use runtime::{Pid, WakeSet, self_pid, send};

use crate::command::{Body, Command, Query, Request};
use crate::connect::Transport;
use crate::connection::{Asked, Connection, Lost};
use crate::error::{BadState, Reason};
use crate::message::{Error, Protocol, StreamRef};
use crate::recipient::Recipient;

/// Gun's initial windows, of a stream and of the connection, in bytes.
const WINDOW: u32 = 8_000_000;

/// Speaks HTTP/2 until the connection is lost, or has ended as it was told to.
pub(crate) async fn run(connection: &mut Connection, transport: Transport) -> Lost {
    let address = transport.address();
    let scheme = if matches!(transport, Transport::Tls(_)) {
        "https"
    } else {
        "http"
    };
    let shaken = Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(transport)
        .await;
    let (sender, driver) = match shaken {
        Ok(both) => both,
        Err(error) => {
            return Lost {
                reason: Reason::of_h2(&error),
                killed: Vec::new(),
            };
        }
    };
    let mut http = Http2 {
        conn: self_pid(),
        address,
        scheme,
        sender: Some(sender),
        driver,
        begun: 0,
        queue: VecDeque::new(),
        streams: HashMap::new(),
        woken: WakeSet::new(),
        going_away: false,
        closing: None,
    };
    let postponed = std::mem::take(&mut connection.postponed);
    for command in postponed {
        http.command(connection, command);
    }
    std::future::poll_fn(|cx| http.poll(connection, cx)).await
}

struct Http2 {
    conn: Pid,
    address: Option<std::net::SocketAddr>,
    scheme: &'static str,
    /// None once no request is to follow: h2 then closes when the streams have ended.
    sender: Option<SendRequest<Bytes>>,
    driver: Driver<Transport, Bytes>,
    /// How many streams there have been, which orders them.
    begun: u64,
    /// Requests that have not been given to h2: it takes them when it is polled.
    queue: VecDeque<(Recipient, http::Request<()>, Body)>,
    streams: HashMap<StreamRef, Stream>,
    woken: WakeSet<StreamRef>,
    /// The server takes no more requests.
    going_away: bool,
    /// How long the streams are waited for, once they are to end.
    closing: Option<Sleep>,
}

struct Stream {
    number: u64,
    to: Recipient,
    phase: Phase,
    upward: SendStream<Bytes>,
    /// What is still to be sent, and whether that is all.
    outgoing: VecDeque<Bytes>,
    fin: bool,
    /// The end was sent.
    sent: bool,
}

enum Phase {
    Head(ResponseFuture),
    Body(RecvStream),
}

/// How a stream has come to its end.
enum End {
    Finished,
    Failed(Reason),
}

impl Http2 {
    fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Lost> {
        loop {
            let mut progress = false;
            while let Poll::Ready(asked) = connection.next(cx) {
                progress = true;
                match asked {
                    Asked::Command(command) => self.command(connection, command),
                    Asked::Query(query) => self.answer(connection, query),
                    Asked::End => self.begin_to_end(connection),
                }
            }
            progress |= self.start(cx);
            let lost = match Pin::new(&mut self.driver).poll(cx) {
                Poll::Pending => None,
                Poll::Ready(Ok(())) if self.is_going_away(cx) => Some(Reason::Normal),
                Poll::Ready(Ok(())) => Some(Reason::Closed),
                Poll::Ready(Err(error)) => Some(Reason::of_h2(&error)),
            };
            let keys: Vec<StreamRef> = self.woken.drain(cx).collect();
            for key in keys {
                progress = true;
                self.look(key, lost.is_some());
            }
            if let Some(reason) = lost {
                return Poll::Ready(self.give_up(reason));
            }
            if self.streams.is_empty()
                && self.queue.is_empty()
                && self.sender.is_some()
                && (self.going_away || connection.ending.is_some())
            {
                self.sender = None;
                progress = true;
            }
            if let Some(time) = &mut self.closing
                && Pin::new(time).poll(cx).is_ready()
            {
                return Poll::Ready(self.give_up(Reason::Normal));
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    /// Tells every stream that is left, and lists it.
    fn give_up(&mut self, reason: Reason) -> Lost {
        let told = if reason == Reason::Normal {
            Reason::Closing
        } else {
            reason
        };
        let mut left: Vec<Stream> = self.streams.drain().map(|(_, stream)| stream).collect();
        left.sort_by_key(|stream| stream.number);
        let mut killed = Vec::new();
        let queued = self.queue.drain(..).map(|(to, ..)| to);
        for to in left.into_iter().map(|stream| stream.to).chain(queued) {
            to.fail(told);
            killed.push(to.stream);
        }
        Lost { reason, killed }
    }

    fn begin_to_end(&mut self, connection: &Connection) {
        for (to, ..) in self.queue.drain(..) {
            to.fail(Reason::Closing);
        }
        if self.closing.is_none() {
            self.closing = connection.opts.http2.closing_timeout.map(sleep);
        }
    }

    fn command(&mut self, connection: &Connection, command: Command) {
        match command {
            Command::Request(request) => self.request(connection, *request),
            Command::Data {
                stream,
                from,
                fin,
                data,
            } => {
                if let Err(what) = self.data(stream, fin, data) {
                    self.refuse(from, stream, what);
                }
            }
            Command::Cancel { stream, from } => match self.streams.remove(&stream) {
                Some(mut found) => {
                    self.woken.remove(&stream);
                    found.upward.send_reset(h2::Reason::CANCEL);
                }
                None => {
                    let before = self.queue.len();
                    self.queue.retain(|(to, ..)| to.stream != stream);
                    if self.queue.len() == before {
                        self.refuse(from, stream, BadState::NoStream);
                    }
                }
            },
            Command::UpdateFlow { stream, messages } => {
                if let Some(found) = self.streams.get_mut(&stream) {
                    found.to.update_flow(messages);
                    self.woken.waker(stream).wake();
                } else if let Some((to, ..)) =
                    self.queue.iter_mut().find(|(to, ..)| to.stream == stream)
                {
                    to.update_flow(messages);
                }
            }
            Command::WsSend { stream, from, .. } => {
                self.refuse(from, stream, BadState::NoWebsocket)
            }
            // The connection's own.
            Command::SetOwner { .. } | Command::Shutdown => {}
        }
    }

    fn data(&mut self, stream: StreamRef, fin: bool, data: Bytes) -> Result<(), BadState> {
        if let Some(found) = self.streams.get_mut(&stream) {
            if found.fin {
                return Err(BadState::BodyEnded);
            }
            if !data.is_empty() {
                found.outgoing.push_back(data);
            }
            found.fin = fin;
            self.woken.waker(stream).wake();
            return Ok(());
        }
        Err(BadState::NoStream)
    }

    fn refuse(&self, to: Pid, stream: StreamRef, what: BadState) {
        let error = Error {
            conn: self.conn,
            stream: Some(stream),
            reason: Reason::BadState(what),
        };
        send(to, error);
    }

    fn answer(&mut self, connection: &Connection, query: Call<Query>) {
        match query.request {
            Query::Info => {
                let streams = self.queue.len() + self.streams.len();
                let info = connection.info(Some(Protocol::Http2), self.address, streams);
                query.client.of().reply(info);
            }
            Query::StreamInfo(stream) => {
                let open = self.streams.get(&stream).map(|found| found.to.info());
                let queued = || self.queue.iter().find(|(to, ..)| to.stream == stream);
                let info = open.or_else(|| queued().map(|(to, ..)| to.info()));
                query.client.of().reply(info);
            }
        }
    }

    fn request(&mut self, connection: &Connection, request: Request) {
        let flow = request.flow.or(connection.opts.http2.flow);
        let to = Recipient::new(self.conn, request.stream, request.reply_to, flow);
        if self.going_away || connection.ending.is_some() {
            return to.fail(Reason::Closing);
        }
        if request.websocket.is_some() {
            return to.fail(Reason::BadState(BadState::NoWebsocket));
        }
        let mut headers = request.headers;
        let length = match &request.body {
            Body::Whole(bytes) => Some(bytes.len()),
            Body::Streamed => None,
        };
        let authority = connection.authority.as_str();
        let Some(uri) = clean(&mut headers, self.scheme, authority, &request.path, length) else {
            return to.fail(Reason::BadState(BadState::BadTarget));
        };
        let mut head = http::Request::new(());
        *head.method_mut() = request.method;
        *head.uri_mut() = uri;
        *head.version_mut() = Version::HTTP_2;
        *head.headers_mut() = headers;
        self.queue.push_back((to, head, request.body));
        // A body that is sent in pieces needs its stream.
        self.start(&mut Context::from_waker(std::task::Waker::noop()));
    }

    /// Gives h2 what it takes. True: it took something.
    fn start(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(sender) = &mut self.sender else {
            return false;
        };
        let mut progress = false;
        loop {
            match sender.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return progress,
                Poll::Ready(Err(_)) => {
                    // Why the connection is lost, if it is, its driver says.
                    self.going_away = true;
                    for (to, ..) in self.queue.drain(..) {
                        to.fail(Reason::Closing);
                        progress = true;
                    }
                    return progress;
                }
            }
            let Some((to, head, body)) = self.queue.pop_front() else {
                return progress;
            };
            progress = true;
            if self.streams.len() >= sender.current_max_send_streams() {
                to.fail(Reason::TooManyStreams);
                continue;
            }
            let (outgoing, fin) = match body {
                Body::Whole(bytes) if bytes.is_empty() => (VecDeque::new(), true),
                Body::Whole(bytes) => (VecDeque::from([bytes]), true),
                Body::Streamed => (VecDeque::new(), false),
            };
            let sent = fin && outgoing.is_empty();
            match sender.send_request(head, sent) {
                Err(error) => to.fail(Reason::of_h2(&error)),
                Ok((response, upward)) => {
                    let key = to.stream;
                    self.begun += 1;
                    let stream = Stream {
                        number: self.begun,
                        to,
                        phase: Phase::Head(response),
                        upward,
                        outgoing,
                        fin,
                        sent,
                    };
                    self.streams.insert(key, stream);
                    // Polled for the first time.
                    self.woken.waker(key).wake();
                }
            }
        }
    }

    /// The server has said so, or we have.
    fn is_going_away(&mut self, cx: &mut Context<'_>) -> bool {
        let said = |sender: &mut SendRequest<Bytes>| matches!(sender.poll_ready(cx), Poll::Ready(Err(error)) if error.is_go_away());
        self.going_away || self.sender.as_mut().is_none_or(said)
    }

    /// Goes on with a stream. `lost`: the connection is, and all that fail now do so for that.
    fn look(&mut self, key: StreamRef, lost: bool) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let waker = self.woken.waker(key);
        let cx = &mut Context::from_waker(&waker);
        stream.send(cx);
        let Some(end) = stream.receive(cx) else {
            return;
        };
        if lost && matches!(end, End::Failed(_)) {
            return;
        }
        self.woken.remove(&key);
        if let Some(stream) = self.streams.remove(&key)
            && let End::Failed(reason) = end
        {
            stream.to.fail(reason);
        }
    }
}

impl Stream {
    /// Sends what the peer's windows allow.
    fn send(&mut self, cx: &mut Context<'_>) {
        while let Some(data) = self.outgoing.front_mut() {
            self.upward.reserve_capacity(data.len());
            let room = match self.upward.poll_capacity(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(room))) => room,
                // The stream's other half says why it has ended.
                Poll::Ready(Some(Err(_)) | None) => {
                    self.sent = true;
                    self.outgoing.clear();
                    return;
                }
            };
            let piece = data.split_to(room.min(data.len()));
            if data.is_empty() {
                self.outgoing.pop_front();
            }
            let last = self.fin && self.outgoing.is_empty();
            self.sent |= last;
            // As above.
            let _ = self.upward.send_data(piece, last);
        }
        if self.fin && !self.sent {
            self.sent = true;
            let _ = self.upward.send_data(Bytes::new(), true);
        }
    }

    /// Tells what has come, as far as the flow allows.
    fn receive(&mut self, cx: &mut Context<'_>) -> Option<End> {
        if let Phase::Head(response) = &mut self.phase {
            while let Poll::Ready(Some(Ok(inform))) = response.poll_informational(cx) {
                let (head, ()) = inform.into_parts();
                self.to.inform(head.status, head.headers);
            }
            match Pin::new(response).poll(cx) {
                Poll::Pending => return None,
                Poll::Ready(Err(error)) => return Some(End::Failed(Reason::of_h2(&error))),
                Poll::Ready(Ok(response)) => {
                    let (head, body) = response.into_parts();
                    let fin = body.is_end_stream();
                    self.to.response(fin, head.status, head.headers);
                    if fin {
                        return Some(End::Finished);
                    }
                    self.phase = Phase::Body(body);
                }
            }
        }
        let Phase::Body(body) = &mut self.phase else {
            return None;
        };
        while self.to.may_flow() {
            match body.poll_data(cx) {
                Poll::Pending => return None,
                Poll::Ready(Some(Err(error))) => return Some(End::Failed(Reason::of_h2(&error))),
                Poll::Ready(Some(Ok(data))) => {
                    let fin = body.is_end_stream();
                    let length = data.len();
                    self.to.data(data, fin);
                    if fin {
                        return Some(End::Finished);
                    }
                    // It was given out, so it can be given back.
                    let _ = body.flow_control().release_capacity(length);
                }
                Poll::Ready(None) => match body.poll_trailers(cx) {
                    Poll::Pending => return None,
                    Poll::Ready(Err(error)) => return Some(End::Failed(Reason::of_h2(&error))),
                    Poll::Ready(Ok(Some(headers))) => {
                        self.to.trailers(headers);
                        return Some(End::Finished);
                    }
                    Poll::Ready(Ok(None)) => {
                        self.to.data(Bytes::new(), true);
                        return Some(End::Finished);
                    }
                },
            }
        }
        None
    }
}

/// Takes out what HTTP/2 does not have, and finds where a request goes.
fn clean(
    headers: &mut HeaderMap,
    scheme: &str,
    authority: &str,
    path: &str,
    length: Option<usize>,
) -> Option<Uri> {
    for name in [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ] {
        headers.remove(name);
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let host = headers.remove(HOST);
    let authority = match &host {
        Some(host) => host.to_str().ok()?,
        None => authority,
    };
    let uri = Uri::builder().scheme(scheme).authority(authority);
    uri.path_and_query(path).build().ok()
}
