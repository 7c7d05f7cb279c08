//! HTTP/1.1 as a layer: hyper drives the bytes, the order of requests and their fates are kept here.
//!
//! Invariants:
//! * At most one request is in hyper's hands, the `active` one. The others queue behind it, in order.
//! * A stream that has told its end is in neither, so none that has finished is ever listed as killed.
//! * A cancelled stream stays, in silence, since its response must be read to find the next one.
//! * hyper and the active stream are polled when their wakers were called, each by itself: one often has something
//!   for the other, and nobody else is to be told. What a command has for one of them wakes it first.
//! * hyper rests from the end of a response's body, with which there is nothing left for it to do, until its wire
//!   or a request wakes it.

mod request;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, TRANSFER_ENCODING, UPGRADE};
use http::{Extensions, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use parking_lot::Mutex;
use runtime::WakeSet;
use runtime::future::{Sleep, sleep};

use crate::command::{Command, Piece};
use crate::error::{BadState, Reason};
use crate::headers::{says, tokens};
use crate::info::{Info, StreamInfo};
use crate::layer::{Env, Layer, Lost, Origin, Outcome, Shared, told};
use crate::message::{Protocol, StreamRef};
use crate::options::{Destination, HttpOpts, WsOpts};
use crate::outgoing::{Outgoing, Writer};
use crate::raw::Raw;
use crate::recipient::Recipient;
use crate::tunnel::Tunnel;
use crate::websocket::{self, Agreed, Websocket};
use crate::wire::{ForHyper, Wire};
pub(crate) struct Http1 {
    env: Arc<Env>,
    opts: HttpOpts,
    origin: Origin,
    here: StreamRef,
    address: Option<std::net::SocketAddr>,
    sender: SendRequest<Outgoing>,
    /// None once it has ended.
    driver: Option<Driver<ForHyper, Outgoing>>,
    active: Option<(Stream, Phase)>,
    queue: VecDeque<(Stream, http::Request<Outgoing>)>,
    /// Informational responses to the active request that were not told yet.
    informs: Informs,
    /// What requests have hyper note them by.
    hears: Extensions,
    /// hyper's part has ended, for this reason.
    lost: Option<Reason>,
    /// The active request is the last one.
    last: bool,
    /// All that hyper may have been woken for since is that a body was taken to its end.
    rests: bool,
    ending: bool,
    /// It is lost at once.
    aborted: Option<Reason>,
    killed: Vec<StreamRef>,
    /// How long the active stream is waited for, once it is to end.
    closing: Option<Sleep>,
    /// What has ended and may hold the wire of what is to come.
    done: Option<Driver<ForHyper, Outgoing>>,
    /// What is to come.
    next: Option<Next>,
    woken: WakeSet<Part>,
    driver_waker: Waker,
}

/// What is polled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// hyper, for what its wire has.
    Wire,
    /// hyper, for what we have.
    Driver,
    /// The active stream, and who waits for hyper to take the next.
    Stream,
}

type Informs = Arc<Mutex<VecDeque<(StatusCode, HeaderMap)>>>;

struct Stream {
    to: Recipient,
    body: Writer,
    asks: Asks,
    /// The request says that the connection is to end with it.
    last: bool,
}

/// What the connection may become by a request.
enum Asks {
    Response,
    Websocket(Box<WsOpts>, String),
    Tunnel(Box<Destination>),
    /// One of these protocols, of which we know nothing.
    Upgrade(Vec<String>),
}

/// What a request was granted.
enum Next {
    Websocket(Recipient, Box<WsOpts>, Agreed, HeaderMap),
    Tunnel(Recipient, Box<Destination>),
    Raw(Recipient),
}

enum Phase {
    Head(Pin<Box<dyn Future<Output = hyper::Result<http::Response<Incoming>>> + Send>>),
    Body(Incoming),
}

/// What has come of a look at the active stream.
enum Step {
    Pending,
    /// There may be more at once.
    Progress,
    /// The stream has come to its end.
    Ended,
    Failed(Reason),
}

impl Step {
    /// What has come of a piece of a body: whether it was told to its end.
    fn of(told: Result<bool, Reason>) -> Step {
        match told {
            Ok(true) => Step::Ended,
            Ok(false) => Step::Progress,
            Err(reason) => Step::Failed(reason),
        }
    }
}

impl Http1 {
    pub(crate) async fn begin(
        env: Arc<Env>,
        opts: HttpOpts,
        origin: Origin,
        wire: Wire,
        here: StreamRef,
    ) -> Result<Http1, Reason> {
        env.set_limit(here, 1);
        let address = wire.address();
        let mut woken = WakeSet::new();
        let wire = ForHyper::new(wire, woken.waker(Part::Wire));
        let driver_waker = woken.waker(Part::Driver);
        // Polled for the first time.
        woken.wake(Part::Driver);
        let shaken = Builder::new()
            .max_buf_size(opts.max_header_block_size)
            .title_case_headers(opts.title_case_headers)
            .handshake(wire)
            .await;
        let (sender, driver) = shaken.map_err(|error| Reason::of(&error))?;
        let informs = Informs::default();
        Ok(Http1 {
            env,
            opts,
            origin,
            here,
            address,
            sender,
            driver: Some(driver),
            active: None,
            queue: VecDeque::new(),
            hears: request::hears(&informs),
            informs,
            lost: None,
            last: false,
            rests: false,
            ending: false,
            aborted: None,
            killed: Vec::new(),
            closing: None,
            done: None,
            next: None,
            woken,
            driver_waker,
        })
    }

    /// Tells every stream that is left, and lists it.
    fn lose(&mut self, reason: Reason) -> Poll<Outcome> {
        let killed = self.kill(reason);
        Poll::Ready(Outcome::Lost(Lost { reason, killed }))
    }

    fn kill(&mut self, reason: Reason) -> Vec<StreamRef> {
        let active = self.active.take().map(|(stream, _)| stream);
        let queued = self.queue.drain(..).map(|(stream, _)| stream);
        for stream in active.into_iter().chain(queued) {
            stream.to.fail(told(reason));
            self.killed.push(stream.to.stream);
        }
        std::mem::take(&mut self.killed)
    }

    /// Those that have not begun never will.
    fn refuse_queued(&mut self, reason: Reason) {
        for (stream, _) in self.queue.drain(..) {
            stream.to.fail(reason);
        }
    }

    /// Adds to a request's body. The piece comes back if it is of none here.
    fn write(&mut self, piece: Piece) -> Result<(), Command> {
        let stream = piece.stream;
        let Some(found) = self.stream(stream) else {
            return Err(Command::Data(piece));
        };
        match found.body.write(piece) {
            Ok(true) if self.is_active(stream) => request::tell_end(&self.env, stream),
            // The end of one that waits is told with its head.
            Ok(_) => {}
            Err((what, piece)) => piece.refuse(&self.env, Reason::BadState(what)),
        }
        self.wake_driver();
        Ok(())
    }

    fn is_active(&self, id: StreamRef) -> bool {
        let active = self.active.as_ref();
        active.is_some_and(|(stream, _)| stream.to.stream == id)
    }

    fn stream(&self, id: StreamRef) -> Option<&Stream> {
        let active = self.active.as_ref().map(|(stream, _)| stream);
        let queued = self.queue.iter().map(|(stream, _)| stream);
        active
            .into_iter()
            .chain(queued)
            .find(|stream| stream.to.stream == id)
    }

    fn stream_mut(&mut self, id: StreamRef) -> Option<&mut Stream> {
        let active = self.active.as_mut().map(|(stream, _)| stream);
        let queued = self.queue.iter_mut().map(|(stream, _)| stream);
        active
            .into_iter()
            .chain(queued)
            .find(|stream| stream.to.stream == id)
    }

    /// Starts the next request, when hyper is ready for it.
    fn start_next(&mut self) {
        if !self.queue.is_empty()
            && self.may_start()
            && let Some((stream, request)) = self.queue.pop_front()
        {
            self.start(stream, request);
        }
    }

    /// Whether hyper takes a request now. If not, the stream's part is woken when it does.
    fn may_start(&mut self) -> bool {
        if self.active.is_some() || self.lost.is_some() || self.last {
            return false;
        }
        let waker = self.woken.waker(Part::Stream);
        let cx = &mut Context::from_waker(&waker);
        let ready = matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(())));
        if !ready && self.rests {
            // It has still to be seen to for the request before.
            self.wake_driver();
        }
        ready
    }

    /// Gives hyper a request.
    fn start(&mut self, stream: Stream, request: http::Request<Outgoing>) {
        request::tell_start(&self.env, &stream.to, &request, &self.origin);
        self.wake_driver();
        // Polled for the first time.
        self.woken.wake(Part::Stream);
        self.last = stream.last;
        let head = Box::pin(self.sender.send_request(request));
        self.active = Some((stream, Phase::Head(head)));
        if self.last {
            self.refuse_queued(Reason::Closing);
        }
    }

    /// There is something for hyper.
    fn wake_driver(&mut self) {
        self.rests = false;
        self.woken.wake(Part::Driver);
    }

    /// Goes on with hyper's part.
    fn drive(&mut self) {
        let becomes = self.may_become();
        let Some(driver) = &mut self.driver else {
            return;
        };
        let cx = &mut Context::from_waker(&self.driver_waker);
        let Poll::Ready(ended) = drive(driver, becomes, cx) else {
            return;
        };
        let driver = self.driver.take();
        self.lost = Some(match ended {
            Ok(()) => Reason::Closed,
            Err(error) => Reason::of(&error),
        });
        self.done = driver.filter(|_| becomes);
        // It has been told, and finds what is lost.
        self.woken.wake(Part::Stream);
    }

    /// hyper's part may end with something else to be spoken.
    fn may_become(&self) -> bool {
        let asks = |active: &(Stream, Phase)| !matches!(active.0.asks, Asks::Response);
        self.next.is_some() || self.active.as_ref().is_some_and(asks)
    }

    /// Something else is spoken from now on.
    fn switch(&mut self, shared: &mut Shared, status: StatusCode, headers: HeaderMap) {
        let Some((Stream { mut to, asks, .. }, _)) = self.active.take() else {
            return;
        };
        shared.keep_cookies(&to, &headers);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            to.granted(status, &headers);
        }
        let next = match asks {
            Asks::Tunnel(destination) if status.is_success() => {
                self.refuse_queued(Reason::BadState(BadState::NoTunnel));
                to.response(true, status, headers);
                Next::Tunnel(to, destination)
            }
            Asks::Websocket(opts, key) => match websocket::check(&headers, Some(&key), &opts) {
                Ok(agreed) => {
                    self.refuse_queued(Reason::BadState(BadState::Websocket));
                    Next::Websocket(to, opts, agreed, headers)
                }
                Err(error) => return self.fail(to, Reason::Handshake(error)),
            },
            Asks::Upgrade(asked) => match upgraded(&asked, &headers) {
                Some(protocol) => {
                    self.refuse_queued(Reason::BadState(BadState::Raw));
                    to.upgrade(vec![protocol], headers);
                    Next::Raw(to)
                }
                None => return self.fail(to, Reason::Protocol),
            },
            // Nobody has asked for it.
            Asks::Response | Asks::Tunnel(_) => return self.fail(to, Reason::Protocol),
        };
        self.next = Some(next);
        self.wake_driver();
    }

    /// A stream and the connection fail.
    fn fail(&mut self, to: Recipient, reason: Reason) {
        to.fail(reason);
        self.killed.push(to.stream);
        self.lost = Some(reason);
    }

    /// What the wire is for now.
    fn become_next(&mut self, next: Next, wire: Wire) -> Box<dyn Layer> {
        match next {
            Next::Websocket(to, opts, agreed, headers) => {
                let (origin, here) = (self.origin.clone(), self.here);
                Box::new(Websocket::new(
                    to, *opts, agreed, headers, wire, origin, here,
                ))
            }
            Next::Tunnel(to, destination) => {
                let protocol = Protocol::Http;
                let env = &self.env;
                Box::new(Tunnel::connect(
                    env,
                    to,
                    *destination,
                    wire,
                    &self.origin,
                    protocol,
                ))
            }
            Next::Raw(to) => Box::new(Raw::of(to, self.origin.clone(), wire, self.here)),
        }
    }

    /// `Err`: there were too many.
    fn tell_informs(&mut self, shared: &mut Shared) -> Result<(), Reason> {
        let informs = {
            let mut informs = self.informs.lock();
            if informs.is_empty() {
                return Ok(());
            }
            std::mem::take(&mut *informs)
        };
        for (status, headers) in informs {
            if let Some((stream, _)) = &mut self.active {
                if !self.opts.cookie_ignore_informational {
                    shared.keep_cookies(&stream.to, &headers);
                }
                stream.to.inform(status, headers)?;
            }
        }
        Ok(())
    }

    /// Tells the informational responses that hyper has seen.
    fn hear(&mut self, shared: &mut Shared) {
        if let Err(reason) = self.tell_informs(shared)
            && let Some((stream, _)) = self.active.take()
        {
            self.fail(stream.to, reason);
        }
    }

    /// Goes on with the active stream. True: it may come further at once.
    fn look(&mut self, shared: &mut Shared, cx: &mut Context<'_>) -> bool {
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
                    let is_tunnel = matches!(stream.asks, Asks::Tunnel(_));
                    if head.status == StatusCode::SWITCHING_PROTOCOLS
                        || is_tunnel && head.status.is_success()
                    {
                        self.switch(shared, head.status, head.headers);
                        return false;
                    }
                    let fin = body.is_end_stream();
                    if fin || can_be_read(&head.headers) {
                        shared.keep_cookies(&stream.to, &head.headers);
                        stream.asks = Asks::Response;
                        stream.to.response(fin, head.status, head.headers);
                        *phase = Phase::Body(body);
                        self.last |= last;
                        if fin { Step::Ended } else { Step::Progress }
                    } else {
                        Step::Failed(Reason::Protocol)
                    }
                }
            },
            Phase::Body(_) if stream.to.holds() && stream.to.may_flow() => {
                Step::of(stream.to.go_on())
            }
            Phase::Body(body) if stream.to.may_flow() => {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Pending => Step::Pending,
                    Poll::Ready(Some(Err(error))) => Step::Failed(Reason::of(&error)),
                    Poll::Ready(None) => Step::of(stream.to.data(Bytes::new(), true)),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(bytes) => Step::of(stream.to.data(bytes, body.is_end_stream())),
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
        let more = matches!(step, Step::Progress);
        match step {
            Step::Pending => return false,
            Step::Progress => {}
            // What is left of a body nobody can give any more, so nothing can follow it.
            Step::Ended => {
                self.last |= !stream.body.is_given();
                self.rests = matches!(phase, Phase::Body(_));
                self.active = None;
            }
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
        if self.last && !self.ending {
            self.refuse_queued(Reason::Closing);
        }
        more
    }
}

impl Layer for Http1 {
    fn command(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        match command {
            Command::Request(request) if request.tunnel == self.here => {
                if self.last || self.ending || self.lost.is_some() {
                    shared.too_late(self.here, request);
                } else {
                    self.request(shared, request);
                }
            }
            Command::Ping { tunnel, .. } if tunnel == self.here => {
                self.aborted = Some(Reason::PingUnsupported);
            }
            Command::Data(piece) => return self.write(piece),
            Command::Cancel { stream, .. } => match self.stream_mut(stream) {
                Some(found) => {
                    found.to.cancelled();
                    found.to.silence();
                    // It flows again, if it did not.
                    self.woken.wake(Part::Stream);
                }
                None => return Err(command),
            },
            Command::UpdateFlow { stream, .. } | Command::SetFlow { stream, .. } => {
                match self.stream_mut(stream) {
                    Some(found) => command.change_flow(&mut found.to),
                    None => return Err(command),
                };
                self.woken.wake(Part::Stream);
            }
            Command::WsSend { stream, .. } if self.stream(stream).is_some() => {
                command.refuse_as(&self.env, BadState::NoWebsocket);
            }
            command => return Err(command),
        }
        Ok(())
    }

    fn poll(&mut self, shared: &mut Shared, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            if let Some(reason) = self.aborted {
                return self.lose(reason);
            }
            self.start_next();
            let woken = self.woken.poll_next(cx);
            if let Poll::Ready((part, waker)) = &woken {
                let cx = &mut Context::from_waker(waker);
                match part {
                    Part::Driver if self.rests => {}
                    Part::Driver | Part::Wire => {
                        self.drive();
                        self.hear(shared);
                    }
                    Part::Stream => while self.look(shared, cx) {},
                }
            }
            if let Some(driver) = self.done.take_if(|_| self.next.is_some())
                && let Some(next) = self.next.take()
            {
                let parts = driver.into_parts();
                let wire = parts.io.into_inner().ahead(parts.read_buf);
                let layer = self.become_next(next, wire);
                return Poll::Ready(Outcome::Becomes(layer));
            }
            if self.active.is_none() && self.next.is_none() {
                if self.ending {
                    return self.lose(Reason::Normal);
                }
                // It may have closed before its last response was looked at, which was whole.
                if self.last
                    && self.killed.is_empty()
                    && self.lost.is_none_or(|lost| lost == Reason::Closed)
                {
                    return self.lose(Reason::Normal);
                }
                if let Some(reason) = self.lost {
                    return self.lose(reason);
                }
            }
            if woken.is_pending() {
                if let Some(time) = &mut self.closing
                    && Pin::new(time).poll(cx).is_ready()
                {
                    return self.lose(Reason::Normal);
                }
                return Poll::Pending;
            }
        }
    }

    fn end(&mut self, _: &mut Shared) {
        self.ending = true;
        self.refuse_queued(Reason::Closing);
        if self.closing.is_none() {
            self.closing = self.opts.closing_timeout.map(sleep);
        }
    }

    fn give_up(&mut self, _: &mut Shared, reason: Reason) -> Vec<StreamRef> {
        self.kill(reason)
    }

    fn protocol(&self) -> Protocol {
        Protocol::Http
    }

    fn info(&self, info: &mut Info) {
        info.protocol = Some(Protocol::Http);
        info.address = info.address.or(self.address);
        info.origin_scheme = Some(self.origin.scheme);
        info.transport = self.origin.transport();
        info.streams = self.queue.len() + usize::from(self.active.is_some());
    }

    fn stream_info(&self, stream: StreamRef) -> Option<StreamInfo> {
        self.stream(stream).map(|found| found.to.info())
    }
}

/// Goes on with a connection; one that may become something else is not shut down when HTTP is done.
fn drive(
    driver: &mut Driver<ForHyper, Outgoing>,
    becomes: bool,
    cx: &mut Context<'_>,
) -> Poll<hyper::Result<()>> {
    if becomes {
        driver.poll_without_shutdown(cx)
    } else {
        Pin::new(driver).poll(cx)
    }
}

/// Whether a body comes in chunks or as it is. hyper would give on what is coded otherwise.
fn can_be_read(headers: &HeaderMap) -> bool {
    if !headers.contains_key(TRANSFER_ENCODING) {
        return true;
    }
    let mut codings = tokens(headers, TRANSFER_ENCODING);
    let is_chunked = |coding: &str| coding.eq_ignore_ascii_case("chunked");
    codings.next().is_some_and(is_chunked) && codings.next().is_none()
}

/// The protocol that a 101 names, if it is one of those that were asked for.
fn upgraded(asked: &[String], headers: &HeaderMap) -> Option<String> {
    if !says(headers, CONNECTION, "upgrade") {
        return None;
    }
    let mut named = tokens(headers, UPGRADE);
    let is_asked = |name: &&str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    named.next().filter(is_asked).map(str::to_owned)
}

fn says_close(headers: &HeaderMap) -> bool {
    says(headers, CONNECTION, "close")
}
