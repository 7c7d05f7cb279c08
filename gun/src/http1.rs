//! HTTP/1.1 on a connection: hyper drives the bytes, the order of requests and their fates are kept here.
//!
//! Invariants:
//! * At most one request is in hyper's hands, the `active` one. The others queue behind it, in order.
//! * A stream that has told its end is in neither, so none that has finished is ever listed as killed.
//! * A cancelled stream stays, in silence, since its response must be read to find the next one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use runtime::future::{Sleep, sleep};
use runtime::request::Call;
use runtime::{Pid, self_pid, send};

use crate::command::{Body, Command, Query, Request};
use crate::connect::Transport;
use crate::connection::{Asked, Connection, Lost};
use crate::error::{BadState, Reason};
use crate::message::{Error, Protocol, StreamRef};
use crate::options::WsOpts;
use crate::outgoing::{Outgoing, Writer};
use crate::recipient::{PIECE, Recipient};
use crate::websocket::{self, Deflate, Upgraded};

/// How HTTP/1.1 has ended on a connection.
pub(crate) enum Outcome {
    Lost(Lost),
    Upgraded(Box<Upgraded>),
}

/// Speaks HTTP/1.1 until the connection is lost, has become a Websocket, or has ended as it was
/// told to.
pub(crate) async fn run(connection: &mut Connection, transport: Transport) -> Outcome {
    let address = transport.address();
    let shaken = Builder::new()
        .read_buf_exact_size(Some(PIECE))
        .handshake(transport)
        .await;
    let (sender, driver) = match shaken {
        Ok(both) => both,
        Err(error) => {
            return Outcome::Lost(Lost {
                reason: Reason::of(&error),
                killed: Vec::new(),
            });
        }
    };
    let mut http = Http {
        conn: self_pid(),
        address,
        sender,
        driver: Some(driver),
        active: None,
        queue: VecDeque::new(),
        lost: None,
        last: false,
        killed: Vec::new(),
        closing: None,
        done: None,
        upgrading: None,
    };
    let postponed = std::mem::take(&mut connection.postponed);
    for command in postponed {
        http.command(connection, command);
    }
    std::future::poll_fn(|cx| http.poll(connection, cx)).await
}

struct Http {
    conn: Pid,
    address: Option<std::net::SocketAddr>,
    sender: SendRequest<Outgoing>,
    /// None once it has ended.
    driver: Option<Driver<Transport, Outgoing>>,
    active: Option<(Stream, Phase)>,
    queue: VecDeque<(Stream, http::Request<Outgoing>)>,
    /// Why the connection is lost, once it is.
    lost: Option<Reason>,
    /// Either side has said that no request follows the active one.
    last: bool,
    killed: Vec<StreamRef>,
    /// How long the active stream is waited for, once it is to end.
    closing: Option<Sleep>,
    /// What has ended and may hold a Websocket's socket.
    done: Option<Driver<Transport, Outgoing>>,
    /// A Websocket to be, whose response has come.
    upgrading: Option<(Recipient, WsOpts, Option<Deflate>)>,
}

struct Stream {
    to: Recipient,
    body: Writer,
    /// It asks for a Websocket, with this key.
    websocket: Option<(WsOpts, String)>,
}

enum Phase {
    Head(Pin<Box<dyn Future<Output = hyper::Result<http::Response<Incoming>>> + Send>>),
    Body(Incoming),
}

/// What has come of a look at the active stream.
enum Step {
    Pending,
    Progress,
    /// The stream has come to its end.
    Ended,
    Failed(Reason),
}

impl Http {
    fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Outcome> {
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
            let asks = self.asks_for_websocket();
            if let Some(driver) = &mut self.driver
                && let Poll::Ready(ended) = drive(driver, asks, cx)
            {
                progress = true;
                let driver = self.driver.take();
                self.lost = Some(match ended {
                    Ok(()) if self.last => Reason::Normal,
                    Ok(()) => Reason::Closed,
                    Err(error) => Reason::of(&error),
                });
                self.done = driver.filter(|_| asks);
            }
            progress |= self.start_next(cx);
            progress |= self.look(connection, cx);
            if let Some(driver) = self.done.take_if(|_| self.upgrading.is_some())
                && let Some((to, opts, deflate)) = self.upgrading.take()
            {
                let parts = driver.into_parts();
                return Poll::Ready(Outcome::Upgraded(Box::new(Upgraded {
                    to,
                    opts,
                    deflate,
                    transport: parts.io,
                    surplus: parts.read_buf,
                })));
            }
            if self.active.is_none() && self.upgrading.is_none() {
                if connection.ending.is_some() {
                    return Poll::Ready(Outcome::Lost(self.give_up(Reason::Normal)));
                }
                if let Some(reason) = self.lost {
                    return Poll::Ready(Outcome::Lost(self.give_up(reason)));
                }
                if self.last {
                    return Poll::Ready(Outcome::Lost(self.give_up(Reason::Normal)));
                }
            }
            if let Some(time) = &mut self.closing
                && Pin::new(time).poll(cx).is_ready()
            {
                return Poll::Ready(Outcome::Lost(self.give_up(Reason::Normal)));
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
        let active = self.active.take().map(|(stream, _)| stream);
        for stream in active
            .into_iter()
            .chain(self.queue.drain(..).map(|(stream, _)| stream))
        {
            stream.to.fail(told);
            self.killed.push(stream.to.stream);
        }
        Lost {
            reason,
            killed: std::mem::take(&mut self.killed),
        }
    }

    fn begin_to_end(&mut self, connection: &Connection) {
        self.refuse_queued();
        if self.closing.is_none() {
            self.closing = connection.opts.http.closing_timeout.map(sleep);
        }
    }

    /// Those that have not begun never will.
    fn refuse_queued(&mut self) {
        for (stream, _) in self.queue.drain(..) {
            stream.to.fail(Reason::Closing);
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
                let written = match self.stream(stream) {
                    Some(found) => found.body.write(data, fin),
                    None => Err(BadState::NoStream),
                };
                if let Err(what) = written {
                    self.refuse(from, stream, what);
                }
            }
            Command::Cancel { stream, from } => match self.stream(stream) {
                Some(found) => found.to.silence(),
                None => self.refuse(from, stream, BadState::NoStream),
            },
            Command::UpdateFlow { stream, messages } => {
                if let Some(found) = self.stream(stream) {
                    found.to.update_flow(messages);
                }
            }
            Command::WsSend { stream, from, .. } => {
                self.refuse(from, stream, BadState::NoWebsocket)
            }
            // The connection's own.
            Command::SetOwner { .. } | Command::Shutdown => {}
        }
    }

    fn refuse(&self, to: Pid, stream: StreamRef, what: BadState) {
        let error = Error {
            conn: self.conn,
            stream: Some(stream),
            reason: Reason::BadState(what),
        };
        send(to, error);
    }

    fn stream(&mut self, id: StreamRef) -> Option<&mut Stream> {
        let active = self.active.as_mut().map(|(stream, _)| stream);
        let queued = self.queue.iter_mut().map(|(stream, _)| stream);
        active
            .into_iter()
            .chain(queued)
            .find(|stream| stream.to.stream == id)
    }

    fn answer(&mut self, connection: &Connection, query: Call<Query>) {
        match query.request {
            Query::Info => {
                let streams = self.queue.len() + usize::from(self.active.is_some());
                let info = connection.info(Some(Protocol::Http), self.address, streams);
                query.client.of().reply(info);
            }
            Query::StreamInfo(stream) => {
                let info = self.stream(stream).map(|found| found.to.info());
                query.client.of().reply(info);
            }
        }
    }

    fn request(&mut self, connection: &Connection, request: Request) {
        let Request {
            stream: id,
            reply_to,
            flow,
            method,
            path,
            mut headers,
            body,
            websocket,
        } = request;
        let (outgoing, body) = match body {
            Body::Whole(bytes) => Outgoing::whole(bytes),
            Body::Streamed => Outgoing::streamed(content_length(&headers)),
        };
        let flow = flow.or(connection.opts.http.flow);
        let to = Recipient::new(self.conn, id, reply_to, flow);
        let websocket = match websocket {
            Some(opts) => match websocket::ask(&mut headers, &opts) {
                Ok(key) => Some((opts, key)),
                Err(what) => return to.fail(Reason::BadState(what)),
            },
            None => None,
        };
        let stream = Stream {
            to,
            body,
            websocket,
        };
        if self.last || connection.ending.is_some() {
            return stream.to.fail(Reason::Closing);
        }
        let Ok(mut request) = http::Request::builder()
            .method(method)
            .uri(path)
            .body(outgoing)
        else {
            return stream.to.fail(Reason::BadState(BadState::BadTarget));
        };
        *request.headers_mut() = headers;
        if let Err(what) = complete(&mut request, &connection.authority) {
            return stream.to.fail(Reason::BadState(what));
        }
        let to = stream.to.clone();
        hyper::ext::on_informational(&mut request, move |inform| {
            to.inform(inform.status(), inform.headers().clone());
        });
        self.queue.push_back((stream, request));
    }

    /// Gives hyper the next request, when it is ready for it.
    fn start_next(&mut self, cx: &mut Context<'_>) -> bool {
        if self.active.is_some() || self.lost.is_some() || self.last || self.queue.is_empty() {
            return false;
        }
        if !matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(()))) {
            return false;
        }
        let Some((stream, request)) = self.queue.pop_front() else {
            return false;
        };
        let last = says_close(request.headers());
        let head = Box::pin(self.sender.send_request(request));
        self.active = Some((stream, Phase::Head(head)));
        if last {
            self.last = true;
            self.refuse_queued();
        }
        true
    }

    /// hyper's part may end with a Websocket.
    fn asks_for_websocket(&self) -> bool {
        let asks = |active: &(Stream, Phase)| active.0.websocket.is_some();
        self.upgrading.is_some() || self.active.as_ref().is_some_and(asks)
    }

    /// The server speaks something else from now on. True, as there is nothing to wait for.
    fn switch(&mut self, headers: HeaderMap) -> bool {
        let Some((stream, _)) = self.active.take() else {
            return true;
        };
        let reason = match stream.websocket {
            // Nobody has asked for it.
            None => Reason::Protocol,
            Some((opts, key)) => match websocket::check(&headers, &key, &opts) {
                Ok(deflate) => {
                    for (queued, _) in self.queue.drain(..) {
                        queued.to.fail(Reason::BadState(BadState::Websocket));
                    }
                    stream.to.upgrade(headers);
                    self.upgrading = Some((stream.to, opts, deflate));
                    return true;
                }
                Err(error) => Reason::Handshake(error),
            },
        };
        stream.to.fail(reason);
        self.killed.push(stream.to.stream);
        self.lost = Some(reason);
        true
    }

    /// Goes on with the active stream. True: it has come further.
    fn look(&mut self, connection: &Connection, cx: &mut Context<'_>) -> bool {
        let Some((stream, phase)) = &mut self.active else {
            return false;
        };
        let step = match phase {
            Phase::Head(head) => match head.as_mut().poll(cx) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Err(error)) => Step::Failed(Reason::of(&error)),
                Poll::Ready(Ok(response)) => {
                    let (head, body) = response.into_parts();
                    let last = head.version < Version::HTTP_11 || says_close(&head.headers);
                    if head.status == StatusCode::SWITCHING_PROTOCOLS {
                        return self.switch(head.headers);
                    }
                    let fin = body.is_end_stream();
                    stream.to.response(fin, head.status, head.headers);
                    *phase = Phase::Body(body);
                    self.last |= last;
                    if fin { Step::Ended } else { Step::Progress }
                }
            },
            Phase::Body(body) if stream.to.may_flow() => {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Pending => Step::Pending,
                    Poll::Ready(Some(Err(error))) => Step::Failed(Reason::of(&error)),
                    Poll::Ready(None) => {
                        stream.to.data(Bytes::new(), true);
                        Step::Ended
                    }
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(bytes) => {
                            let fin = body.is_end_stream();
                            stream.to.data(bytes, fin);
                            if fin { Step::Ended } else { Step::Progress }
                        }
                        Err(frame) => match frame.into_trailers() {
                            Ok(headers) => {
                                stream.to.trailers(headers);
                                Step::Ended
                            }
                            Err(_) => Step::Progress,
                        },
                    },
                }
            }
            Phase::Body(_) => Step::Pending,
        };
        match step {
            Step::Pending => return false,
            Step::Progress => {}
            Step::Ended => self.active = None,
            Step::Failed(reason) => {
                if let Some((stream, _)) = self.active.take() {
                    stream.to.fail(reason);
                    self.killed.push(stream.to.stream);
                }
                // hyper tells the stream alone why, if there is one.
                if self.lost.is_none_or(|lost| lost == Reason::Closed) {
                    self.lost = Some(reason);
                }
            }
        }
        if self.last && connection.ending.is_none() {
            self.refuse_queued();
        }
        true
    }
}

/// Goes on with a connection; one that may become something else is not shut down when HTTP is done.
fn drive(
    driver: &mut Driver<Transport, Outgoing>,
    asks: bool,
    cx: &mut Context<'_>,
) -> Poll<hyper::Result<()>> {
    if asks {
        driver.poll_without_shutdown(cx)
    } else {
        Pin::new(driver).poll(cx)
    }
}

/// What a request must have: a host; the length or the coding of its body is hyper's to say.
fn complete(request: &mut http::Request<Outgoing>, authority: &str) -> Result<(), BadState> {
    let length = request.body().size_hint().exact();
    let headers = request.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    } else {
        headers.remove(CONTENT_LENGTH);
    }
    if !headers.contains_key(HOST) {
        let host = HeaderValue::from_str(authority).map_err(|_| BadState::BadTarget)?;
        headers.insert(HOST, host);
    }
    Ok(())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn says_close(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("close"))
}
