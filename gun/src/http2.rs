//! HTTP/2 as a layer: h2 drives the frames, streams and their fates are kept here; what h2 hides, the tap shows.
//!
//! Invariants:
//! * A stream is in `streams` until its end was told and its body has gone up; none whose end was told is listed as
//!   killed, nor one that the server has refused.
//! * A stream is polled only when its waker was called, or a command has touched it.
//! * No more streams are open than the server allows: one more is refused at once, never queued.
//! * Bytes are given back to the stream's window when they have been told, so that a stream without flow holds
//!   its peer back, and the others go on.

mod liveness;
mod request;
mod settings;
mod stream;
mod tap;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection as Driver, PushPromise, SendRequest};
use runtime::WakeSet;
use runtime::future::{Sleep, sleep};
use rustc_hash::FxBuildHasher;

use crate::command::{BodyKind, Command, Piece, Request};
use crate::error::{BadState, Reason};
use crate::info::{Info, StreamInfo};
use crate::layer::{Env, Layer, Lost, Origin, Outcome, Shared, told};
use crate::message::{Protocol, StreamRef};
use crate::options::Http2Opts;
use crate::recipient::Recipient;
use crate::tunnel::Tunnel;
use crate::websocket::{self, Websocket};
use crate::wire::Wire;
use liveness::Liveness;
use request::Asks;
pub use settings::Settings as Http2Settings;
use stream::{End, Granted, Step, Stream};
use tap::Tap;

pub(crate) struct Http2 {
    env: Arc<Env>,
    opts: Http2Opts,
    origin: Origin,
    here: StreamRef,
    address: Option<std::net::SocketAddr>,
    /// None once no request is to follow: h2 then closes when the streams have ended.
    sender: Option<SendRequest<Bytes>>,
    driver: Driver<Tap<Wire>, Bytes>,
    tap: tap::Handle,
    liveness: Liveness,
    /// The server's settings; none until they have come.
    settings: Option<Http2Settings>,
    /// How many streams there have been, which orders them.
    begun: u64,
    /// Requests that have not been given to h2: it takes them when it is polled.
    queue: VecDeque<Queued>,
    /// Requests for Websockets, which the server's settings must allow.
    parked: VecDeque<(Recipient, Box<Request>)>,
    streams: HashMap<StreamRef, Entry, FxBuildHasher>,
    /// How many of them the server has begun.
    pushed: usize,
    /// Those that have become tunnels.
    tunnels: Vec<StreamRef>,
    /// Tunnels and Websockets that have ended since the connection is lost, with their numbers.
    ended: Vec<(u64, StreamRef)>,
    /// Why there is no TLS any more.
    failed: Option<Reason>,
    woken: WakeSet<Part>,
    /// The server takes no more requests.
    going_away: bool,
    /// The last stream that the server has taken, if it has said so.
    last: Option<u32>,
    ending: bool,
    /// It is lost at once.
    aborted: Option<Reason>,
    /// How long the streams are waited for, once they are to end.
    closing: Option<Sleep>,
}

/// What is polled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// h2, and who waits for it to take the next request.
    Driver,
    Stream(StreamRef),
}

/// How many streams h2 begins before the server has said how many it takes.
const BEFORE_SETTINGS: usize = 100;

struct Queued {
    to: Recipient,
    head: http::Request<()>,
    body: BodyKind,
    asks: Asks,
    /// Bytes of the body, if they are known.
    length: Option<u64>,
    /// Pieces of the body that have come meanwhile.
    pieces: Vec<Piece>,
}

/// What a stream is.
enum Entry {
    Stream(Box<Stream>),
    /// A tunnel, or a Websocket; with its number.
    Layer(u64, Box<dyn Layer>),
}

impl Http2 {
    pub(crate) async fn begin(
        env: Arc<Env>,
        opts: Http2Opts,
        origin: Origin,
        wire: Wire,
        here: StreamRef,
    ) -> Result<Http2, Reason> {
        env.set_limit(here, BEFORE_SETTINGS);
        let address = wire.address();
        let (tapped, tap) = tap::tap(wire);
        let mut builder = Builder::new();
        builder
            .enable_push(opts.push)
            .initial_window_size(opts.initial_stream_window_size)
            .initial_connection_window_size(opts.initial_connection_window_size)
            .max_frame_size(opts.max_frame_size_received)
            .max_header_list_size(opts.max_fragmented_header_block_size)
            .header_table_size(opts.max_decode_table_size);
        if let Some(streams) = opts.max_concurrent_streams {
            builder.max_concurrent_streams(streams);
        }
        let shaken = builder.handshake(tapped).await;
        let (sender, driver) = shaken.map_err(|error| Reason::of_h2(&error))?;
        Ok(Http2 {
            env,
            origin,
            here,
            address,
            sender: Some(sender),
            driver,
            tap,
            liveness: Liveness::new(&opts),
            opts,
            settings: None,
            begun: 0,
            queue: VecDeque::new(),
            parked: VecDeque::new(),
            streams: HashMap::default(),
            pushed: 0,
            tunnels: Vec::new(),
            ended: Vec::new(),
            failed: None,
            woken: WakeSet::new(),
            going_away: false,
            last: None,
            ending: false,
            aborted: None,
            closing: None,
        })
    }

    fn kill(&mut self, shared: &mut Shared, reason: Reason) -> Vec<StreamRef> {
        let mut left: Vec<(u64, Entry)> = self
            .streams
            .drain()
            .map(|(_, entry)| (entry.number(), entry))
            .collect();
        left.sort_by_key(|(number, _)| *number);
        let mut numbered = std::mem::take(&mut self.ended);
        for (number, entry) in left {
            match entry {
                Entry::Stream(stream) if stream.answered => {}
                Entry::Stream(stream) => {
                    stream.to.fail(told(reason));
                    numbered.push((number, stream.to.stream));
                }
                Entry::Layer(_, mut layer) => {
                    let killed = layer.give_up(shared, reason);
                    numbered.extend(killed.into_iter().map(|stream| (number, stream)));
                }
            }
        }
        numbered.sort_by_key(|(number, _)| *number);
        let mut killed: Vec<StreamRef> = numbered.into_iter().map(|(_, stream)| stream).collect();
        for queued in self.queue.drain(..) {
            queued.to.fail(told(reason));
            killed.push(queued.to.stream);
        }
        for (to, _) in self.parked.drain(..) {
            to.fail(told(reason));
            killed.push(to.stream);
        }
        killed
    }

    fn lose(&mut self, shared: &mut Shared, reason: Reason) -> Poll<Outcome> {
        let killed = self.kill(shared, reason);
        Poll::Ready(Outcome::Lost(Lost { reason, killed }))
    }

    /// Those that have not begun never will.
    fn refuse_queued(&mut self) {
        for queued in self.queue.drain(..) {
            queued.to.fail(Reason::Closing);
        }
        for (to, _) in self.parked.drain(..) {
            to.fail(Reason::Closing);
        }
    }

    fn cancel(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        let Some(stream) = command.stream() else {
            return Err(command);
        };
        match self.forget(stream) {
            Some(Entry::Stream(mut found)) => {
                found.to.cancelled();
                found.reset();
            }
            Some(Entry::Layer(_, mut layer)) => {
                // It knows whom not to tell.
                let _ = layer.command(shared, command);
                layer.give_up(shared, Reason::Normal);
            }
            None => {
                let before = self.queue.len() + self.parked.len();
                self.queue.retain(|queued| queued.to.stream != stream);
                self.parked.retain(|(to, _)| to.stream != stream);
                if self.queue.len() + self.parked.len() == before {
                    return Err(command);
                }
            }
        }
        Ok(())
    }

    /// Takes a stream out.
    fn forget(&mut self, key: StreamRef) -> Option<Entry> {
        let entry = self.streams.remove(&key)?;
        self.woken.remove(&Part::Stream(key));
        match &entry {
            Entry::Stream(stream) if stream.is_pushed() => self.pushed -= 1,
            Entry::Stream(_) => {}
            Entry::Layer(..) => self.tunnels.retain(|tunnel| *tunnel != key),
        }
        Some(entry)
    }

    /// Offers a command to the tunnels.
    fn offer(&mut self, shared: &mut Shared, mut command: Command) -> Result<(), Command> {
        // The one it names, if it is one of these; else the one that has a tunnel of that name in it.
        let named = command
            .tunnel()
            .filter(|tunnel| self.tunnels.contains(tunnel));
        let any = self.tunnels.iter().copied().filter(|_| named.is_none());
        for key in named.into_iter().chain(any) {
            if let Some(Entry::Layer(_, layer)) = self.streams.get_mut(&key) {
                match layer.command(shared, command) {
                    Ok(()) => {
                        self.woken.wake(Part::Stream(key));
                        return Ok(());
                    }
                    Err(back) => command = back,
                }
            }
        }
        Err(command)
    }

    /// Does what is asked of a stream. The command comes back if it is none of ours.
    fn of_stream(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        let Some(key) = command.stream() else {
            return Err(command);
        };
        match self.streams.get_mut(&key) {
            None => {}
            Some(Entry::Layer(_, layer)) => {
                self.woken.wake(Part::Stream(key));
                return layer.command(shared, command);
            }
            Some(Entry::Stream(stream)) => {
                self.woken.wake(Part::Stream(key));
                match command {
                    Command::Data(piece) => stream.data(&self.env, piece),
                    command if command.change_flow(&mut stream.to) => {}
                    command => command.refuse_as(&self.env, BadState::NoWebsocket),
                }
                return Ok(());
            }
        }
        if let Some((to, _)) = self.parked.iter_mut().find(|(to, _)| to.stream == key) {
            if !command.change_flow(to) {
                let what = match command {
                    Command::Data(_) => BadState::BodyEnded,
                    _ => BadState::NoWebsocket,
                };
                command.refuse_as(&self.env, what);
            }
            return Ok(());
        }
        let mut queue = self.queue.iter_mut();
        let Some(queued) = queue.find(|queued| queued.to.stream == key) else {
            return Err(command);
        };
        match command {
            Command::Data(piece) => queued.pieces.push(piece),
            command if command.change_flow(&mut queued.to) => {}
            command => command.refuse_as(&self.env, BadState::NoWebsocket),
        }
        Ok(())
    }

    /// Gives h2 what it takes.
    fn start(&mut self) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        let waker = self.woken.waker(Part::Driver);
        let cx = &mut Context::from_waker(&waker);
        while !self.queue.is_empty() {
            match sender.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return,
                Poll::Ready(Err(_)) => {
                    // Why the connection is lost, if it is, its driver says.
                    self.going_away = true;
                    for queued in self.queue.drain(..) {
                        queued.to.fail(Reason::Closing);
                    }
                    return;
                }
            }
            let Some(queued) = self.queue.pop_front() else {
                return;
            };
            let open = self.streams.len() - self.pushed;
            if open >= sender.current_max_send_streams() {
                queued.to.fail(Reason::TooManyStreams);
                continue;
            }
            request::tell_start(&self.env, &queued, &self.origin);
            let key = queued.to.stream;
            self.begun += 1;
            if let Some(stream) = Stream::begin(queued, sender, self.begun) {
                self.streams.insert(key, Entry::Stream(Box::new(stream)));
                // Polled for the first time.
                self.woken.wake(Part::Stream(key));
            }
        }
    }

    /// The server has said that it has not taken this stream.
    fn is_refused(&self, key: StreamRef) -> bool {
        match self.streams.get(&key) {
            Some(Entry::Stream(stream)) => stream.id.is_some_and(|id| {
                let id = u32::from(id);
                self.last.is_some_and(|last| id > last)
            }),
            _ => false,
        }
    }

    /// All has ended, and no more is to come.
    fn is_done(&self) -> bool {
        self.streams.is_empty()
            && self.queue.is_empty()
            && self.parked.is_empty()
            && self.sender.is_some()
            && (self.going_away || self.ending)
    }

    /// Why the connection is, whose driver has ended so. The streams are told first what they can be.
    fn lost(&mut self, shared: &mut Shared, ended: Result<(), h2::Error>) -> Reason {
        while let Some((part, waker)) = self.woken.pop() {
            if let Part::Stream(key) = part {
                self.look(shared, key, &waker, true);
            }
        }
        if let Some(reason) = self.aborted {
            return reason;
        }
        match ended {
            Ok(()) if self.is_going_away() => Reason::Normal,
            Ok(()) => Reason::Closed,
            // All has ended, and the server was faster to close.
            Err(error) if error.is_io() && self.streams.is_empty() && self.is_going_away() => {
                Reason::Normal
            }
            Err(error) => self.failed.unwrap_or_else(|| Reason::of_h2(&error)),
        }
    }

    /// The server has said so, or we have.
    fn is_going_away(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        let said = |sender: &mut SendRequest<Bytes>| matches!(sender.poll_ready(cx), Poll::Ready(Err(error)) if error.is_go_away());
        self.going_away || self.sender.as_mut().is_none_or(said)
    }

    /// Goes on with a stream. `lost`: the connection is, and all that fail now do so for that.
    fn look(&mut self, shared: &mut Shared, key: StreamRef, waker: &Waker, lost: bool) {
        let cx = &mut Context::from_waker(waker);
        if let Some(Entry::Stream(stream)) = self.streams.get_mut(&key) {
            for promise in stream.promises(cx) {
                self.promise(shared, key, promise);
            }
        }
        let Some(entry) = self.streams.get_mut(&key) else {
            return;
        };
        let step = match entry {
            Entry::Layer(number, layer) => loop {
                match layer.poll(shared, cx) {
                    Poll::Pending => return,
                    Poll::Ready(Outcome::Becomes(next)) => *layer = next,
                    // What it had to tell it has told.
                    Poll::Ready(Outcome::Lost(Lost { killed, .. })) => {
                        if lost {
                            let killed = killed.into_iter().map(|stream| (*number, stream));
                            self.ended.extend(killed);
                        }
                        break Step::End(End::Finished);
                    }
                }
            },
            Entry::Stream(stream) => stream.look(shared, &self.opts, cx),
        };
        match step {
            Step::Pending => {}
            Step::End(End::Failed(_)) if lost && !self.is_refused(key) => {}
            Step::End(end) => {
                if let (Some(Entry::Stream(mut stream)), End::Failed(reason)) =
                    (self.forget(key), end)
                {
                    stream.to.fail(reason);
                    if matches!(reason, Reason::Content(_) | Reason::Protocol) {
                        stream.reset();
                    }
                }
            }
            Step::Granted(granted) => self.grant(shared, key, granted),
        }
    }

    /// The server will answer what was not asked.
    fn promise(&mut self, shared: &Shared, of: StreamRef, promise: PushPromise) {
        let Some(Entry::Stream(stream)) = self.streams.get(&of) else {
            return;
        };
        let (request, response) = promise.into_parts();
        let (head, ()) = request.into_parts();
        let ours = head.uri.scheme_str() == Some(self.origin.scheme)
            && head.uri.authority().is_some_and(|authority| {
                authority
                    .as_str()
                    .eq_ignore_ascii_case(&self.origin.authority)
            });
        // What is dropped, h2 resets.
        if !ours || self.ending {
            return;
        }
        let key = StreamRef::new();
        let mut to = stream.to.promised(key, self.opts.flow);
        let path = head.uri.path();
        to.cookies = shared.cookie_target(&self.origin, &self.origin.authority, path);
        stream.to.push(key, head.method, head.uri, head.headers);
        self.begun += 1;
        let pushed = Stream::pushed(to, response, self.begun);
        self.streams.insert(key, Entry::Stream(Box::new(pushed)));
        self.pushed += 1;
        self.woken.wake(Part::Stream(key));
    }

    /// A stream becomes a tunnel, or a Websocket.
    fn grant(&mut self, shared: &mut Shared, key: StreamRef, granted: Granted) {
        let Some(Entry::Stream(stream)) = self.forget(key) else {
            return;
        };
        let Granted {
            status,
            headers,
            receiver,
        } = granted;
        shared.keep_cookies(&stream.to, &headers);
        let number = stream.number;
        let (mut to, asks, sender) = stream.into_parts();
        let Some(mut sender) = sender else {
            return;
        };
        let layer: Box<dyn Layer> = match asks {
            Asks::Response => return,
            Asks::Tunnel(destination) => {
                to.response(true, status, headers);
                self.tunnels.push(key);
                let wire = Wire::pipe(sender, receiver);
                let (env, origin, protocol) = (&self.env, &self.origin, Protocol::Http2);
                Box::new(Tunnel::connect(
                    env,
                    to,
                    *destination,
                    wire,
                    origin,
                    protocol,
                ))
            }
            Asks::Websocket(opts) => {
                to.granted(status, &headers);
                match websocket::check(&headers, None, &opts) {
                    Err(error) => {
                        sender.send_reset(h2::Reason::CANCEL);
                        return to.fail(Reason::Handshake(error));
                    }
                    Ok(agreed) => {
                        let wire = Wire::pipe(sender, receiver);
                        let origin = self.origin.clone();
                        Box::new(Websocket::new(
                            to, *opts, agreed, headers, wire, origin, key,
                        ))
                    }
                }
            }
        };
        self.streams.insert(key, Entry::Layer(number, layer));
        self.woken.wake(Part::Stream(key));
    }

    /// Takes what the tap has seen.
    fn hear(&mut self, shared: &mut Shared) {
        while let Some(event) = self.tap.event() {
            match event {
                tap::Event::Settings(settings) => self.settings_changed(shared, settings),
                tap::Event::GoAway { last } => {
                    self.going_away = true;
                    self.last = Some(self.last.map_or(last, |before| before.min(last)));
                }
                tap::Event::BadPreface => {
                    self.aborted = Some(Reason::GoAway(h2::Reason::PROTOCOL_ERROR));
                }
                tap::Event::SettingsAck => self.liveness.settings_acknowledged(),
                tap::Event::PingAck(payload) => self.liveness.answered(&self.env, payload),
                tap::Event::Failed(reason) => self.failed = Some(Reason::Tls(reason)),
            }
        }
    }

    fn settings_changed(&mut self, shared: &mut Shared, new: Http2Settings) {
        self.liveness.preface_came();
        let settings = self.settings.get_or_insert_default();
        settings.update(&new);
        let streams = settings.max_concurrent_streams;
        let streams = streams.map_or(usize::MAX, |streams| streams as usize);
        self.env.set_limit(self.here, streams);
        if self.opts.notify_settings_changed {
            liveness::notify_settings(shared, *settings);
        }
        for (to, request) in std::mem::take(&mut self.parked) {
            self.take(shared, to, *request);
        }
    }

    /// Lets go, with a reason that the server is told.
    fn go_away(&mut self, code: h2::Reason, cx: &mut Context<'_>) {
        self.tap.go_away(code);
        // Whether it goes out does not matter: the connection is lost.
        let _ = Pin::new(&mut self.driver).poll(cx);
        self.aborted = Some(Reason::GoAway(code));
    }
}

impl Entry {
    fn number(&self) -> u64 {
        match self {
            Entry::Stream(stream) => stream.number,
            Entry::Layer(number, _) => *number,
        }
    }
}

impl Layer for Http2 {
    fn command(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        match command {
            Command::Request(request) if request.tunnel == self.here => {
                if self.going_away || self.ending {
                    shared.too_late(self.here, request);
                } else {
                    self.request(shared, request);
                }
                Ok(())
            }
            Command::Ping {
                ping,
                tunnel,
                reply_to,
            } if tunnel == self.here => {
                self.liveness.ping(&self.tap, ping, reply_to);
                Ok(())
            }
            Command::Request(_) | Command::Ping { .. } => self.offer(shared, command),
            Command::Cancel { .. } => {
                let command = self.cancel(shared, command);
                command.or_else(|command| self.offer(shared, command))
            }
            command => {
                let command = self.of_stream(shared, command);
                command.or_else(|command| self.offer(shared, command))
            }
        }
    }

    fn poll(&mut self, shared: &mut Shared, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Whatever has come, the driver has its part in it.
        self.woken.wake(Part::Driver);
        loop {
            if self.aborted.is_some() {
                let reason = self.lost(shared, Ok(()));
                return self.lose(shared, reason);
            }
            self.start();
            match self.woken.poll_next(cx) {
                Poll::Ready((Part::Driver, waker)) => {
                    let cx = &mut Context::from_waker(&waker);
                    let driven = Pin::new(&mut self.driver).poll(cx);
                    self.hear(shared);
                    if let Poll::Ready(ended) = driven {
                        let reason = self.lost(shared, ended);
                        return self.lose(shared, reason);
                    }
                }
                Poll::Ready((Part::Stream(key), waker)) => self.look(shared, key, &waker, false),
                Poll::Pending => {
                    if let Some(time) = &mut self.closing
                        && Pin::new(time).poll(cx).is_ready()
                    {
                        return self.lose(shared, Reason::Normal);
                    }
                    if let Err(code) = self.liveness.poll(&self.tap, cx) {
                        self.go_away(code, cx);
                        continue;
                    }
                    if !self.is_done() {
                        return Poll::Pending;
                    }
                    self.sender = None;
                    self.woken.wake(Part::Driver);
                }
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        if self.ending {
            return;
        }
        self.ending = true;
        self.tap.go_away(h2::Reason::NO_ERROR);
        self.refuse_queued();
        for (key, entry) in &mut self.streams {
            if let Entry::Layer(_, layer) = entry {
                layer.end(shared);
                self.woken.wake(Part::Stream(*key));
            }
        }
        self.closing = self.opts.closing_timeout.map(sleep);
    }

    fn give_up(&mut self, shared: &mut Shared, reason: Reason) -> Vec<StreamRef> {
        self.kill(shared, reason)
    }

    fn protocol(&self) -> Protocol {
        Protocol::Http2
    }

    fn info(&self, info: &mut Info) {
        info.protocol = Some(Protocol::Http2);
        info.address = info.address.or(self.address);
        info.origin_scheme = Some(self.origin.scheme);
        info.transport = self.origin.transport();
        info.streams = self.queue.len() + self.parked.len() + self.streams.len();
    }

    fn stream_info(&self, stream: StreamRef) -> Option<StreamInfo> {
        match self.streams.get(&stream) {
            Some(Entry::Stream(found)) => return Some(found.to.info()),
            Some(Entry::Layer(_, layer)) => return layer.stream_info(stream),
            None => {}
        }
        let queued = self.queue.iter().map(|queued| &queued.to);
        let mut waiting = queued.chain(self.parked.iter().map(|(to, _)| to));
        if let Some(to) = waiting.find(|to| to.stream == stream) {
            return Some(to.info());
        }
        self.tunnels
            .iter()
            .find_map(|key| match self.streams.get(key) {
                Some(Entry::Layer(_, layer)) => layer.stream_info(stream),
                _ => None,
            })
    }
}
