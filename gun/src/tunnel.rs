//! A way through somebody else: what CONNECT or a SOCKS proxy has opened, with a layer at its end.
//!
//! Invariants:
//! * While it opens, commands that are for its end wait here, in order; what it takes is bounded.
//! * A tunnel of CONNECT's is a stream itself, and is the one that counts as killed. One of a SOCKS proxy's is none:
//!   what is in it counts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::command::Command;
use crate::connect::begin;
use crate::error::{BadState, Reason};
use crate::event::Event;
use crate::info::{Info, Intermediary, IntermediaryKind, StreamInfo, TunnelInfo};
use crate::layer::{Env, Layer, Lost, Origin, Outcome, Postponed, Shared, told};
use crate::message::{Protocol, StreamRef};
use crate::options::{Destination, Hop, ReplyTo, SocksOpts};
use crate::recipient::Recipient;
use crate::socks5::{Handshake, Socks5Auth};
use crate::wire::Wire;

pub(crate) struct Tunnel {
    /// What requests name that are to go through it.
    here: StreamRef,
    /// Who is told that it is up.
    to: Recipient,
    intermediary: Intermediary,
    /// Its end.
    origin: Origin,
    state: State,
}

type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Layer>, Reason>> + Send>>;

enum State {
    Opening(Opening, Postponed),
    Open(Box<dyn Layer>),
}

impl Tunnel {
    /// A stream of CONNECT's that was granted. `proxy`: who grants it; `protocol`: what was spoken with it.
    pub(crate) fn connect(
        env: &Arc<Env>,
        to: Recipient,
        destination: Destination,
        wire: Wire,
        proxy: &Origin,
        protocol: Protocol,
    ) -> Tunnel {
        let here = to.stream;
        let intermediary = intermediary(proxy, IntermediaryKind::Connect, protocol);
        let origin = Origin::of(&destination.hop);
        let env = Arc::clone(env);
        let opening = begin(env, destination.hop, wire, here, to.reply_to());
        Tunnel {
            here,
            to,
            intermediary,
            origin,
            state: State::Opening(Box::pin(opening), Postponed::default()),
        }
    }

    /// A SOCKS proxy with which nothing was spoken yet.
    pub(crate) fn socks(
        env: Arc<Env>,
        proxy: Origin,
        opts: SocksOpts,
        wire: Wire,
        here: StreamRef,
        reply_to: ReplyTo,
    ) -> Tunnel {
        let intermediary = intermediary(&proxy, IntermediaryKind::Socks5, Protocol::Socks);
        let origin = Origin::of(&opts.hop);
        let to = Recipient::new(&env, here, reply_to.clone(), None);
        let opening = async move {
            let SocksOpts { hop, auth } = opts;
            let wire = through(wire, &hop, &auth).await?;
            begin(env, hop, wire, here, reply_to).await
        };
        Tunnel {
            here,
            to,
            intermediary,
            origin,
            state: State::Opening(Box::pin(opening), Postponed::default()),
        }
    }

    fn is_stream(&self) -> bool {
        self.intermediary.kind == IntermediaryKind::Connect
    }

    /// Tells that it is there, and lets in what has waited.
    fn open(&mut self, shared: &mut Shared, mut layer: Box<dyn Layer>, waiting: Postponed) {
        let (stream, protocol) = (self.here, layer.protocol());
        let events = &shared.env.events;
        events.tell(Event::OriginChanged {
            stream,
            host: &self.origin.host,
            port: self.origin.port,
            transport: self.origin.transport(),
        });
        events.tell(Event::ProtocolChanged { stream, protocol });
        self.to.tunnel_up(protocol);
        waiting.offer(layer.as_mut(), shared);
        self.state = State::Open(layer);
    }
}

fn intermediary(proxy: &Origin, kind: IntermediaryKind, protocol: Protocol) -> Intermediary {
    Intermediary {
        kind,
        host: proxy.host.clone(),
        port: proxy.port,
        transport: proxy.transport(),
        protocol,
    }
}

/// Asks a SOCKS proxy for a way.
async fn through(mut wire: Wire, hop: &Hop, auth: &[Socks5Auth]) -> Result<Wire, Reason> {
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut shaking = Handshake::new(auth, &hop.host, hop.port, &mut output);
    loop {
        wire.write_all_buf(&mut output).await?;
        wire.flush().await?;
        if wire.read_buf(&mut input).await? == 0 {
            return Err(Reason::Closed);
        }
        let done = shaking.step(&mut input, &mut output);
        if done.map_err(Reason::Socks5)? {
            return Ok(wire.ahead(input.freeze()));
        }
    }
}

impl Layer for Tunnel {
    fn command(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        if let Command::Cancel { stream, .. } = command
            && self.is_stream()
            && stream == self.here
        {
            self.to.cancelled();
            self.to.silence();
            return Ok(());
        }
        match &mut self.state {
            State::Open(layer) => layer.command(shared, command),
            State::Opening(_, waiting) => {
                if command.tunnel() != Some(self.here) && !waiting.concerns(&command) {
                    return Err(command);
                }
                if let Err(command) = waiting.push(command) {
                    command.refuse_as(&shared.env, BadState::Postponed);
                }
                Ok(())
            }
        }
    }

    fn poll(&mut self, shared: &mut Shared, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            let outcome = match &mut self.state {
                State::Open(layer) => layer.poll(shared, cx),
                State::Opening(opening, waiting) => match opening.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(layer)) => {
                        let waiting = std::mem::take(waiting);
                        self.open(shared, layer, waiting);
                        continue;
                    }
                    Poll::Ready(Err(reason)) => {
                        let killed = self.give_up(shared, reason);
                        return Poll::Ready(Outcome::Lost(Lost { reason, killed }));
                    }
                },
            };
            match outcome {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Outcome::Becomes(layer)) => self.state = State::Open(layer),
                Poll::Ready(Outcome::Lost(Lost { reason, killed })) => {
                    let killed = if self.is_stream() {
                        self.to.fail(told(reason));
                        vec![self.here]
                    } else {
                        killed
                    };
                    return Poll::Ready(Outcome::Lost(Lost { reason, killed }));
                }
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        match &mut self.state {
            State::Open(layer) => layer.end(shared),
            State::Opening(opening, _) => {
                *opening = Box::pin(std::future::ready(Err(Reason::Normal)));
            }
        }
    }

    fn give_up(&mut self, shared: &mut Shared, reason: Reason) -> Vec<StreamRef> {
        let killed = match &mut self.state {
            State::Open(layer) => layer.give_up(shared, reason),
            State::Opening(_, waiting) => {
                for command in waiting.take() {
                    // It was not sent anywhere, and so may be by the next connection.
                    match command {
                        Command::Request(request) if !self.to.stream.is_defined() => {
                            shared.too_late(self.here, request);
                        }
                        command => command.fail(&shared.env, told(reason)),
                    }
                }
                Vec::new()
            }
        };
        if !self.is_stream() {
            return killed;
        }
        self.to.fail(told(reason));
        vec![self.here]
    }

    fn protocol(&self) -> Protocol {
        match &self.state {
            State::Open(layer) => layer.protocol(),
            State::Opening(..) => self.intermediary.protocol,
        }
    }

    fn info(&self, info: &mut Info) {
        info.intermediaries.push(self.intermediary.clone());
        info.origin_host.clone_from(&self.origin.host);
        info.origin_port = self.origin.port;
        info.transport = self.origin.transport();
        match &self.state {
            State::Open(layer) => layer.info(info),
            State::Opening(..) => {
                info.protocol = Some(self.intermediary.protocol);
                info.origin_scheme = None;
            }
        }
    }

    fn stream_info(&self, stream: StreamRef) -> Option<StreamInfo> {
        let layer = match &self.state {
            State::Open(layer) => Some(layer),
            State::Opening(..) => None,
        };
        if self.is_stream() && stream == self.here {
            let protocol = layer.map(|layer| layer.protocol());
            let tunnel = TunnelInfo {
                transport: self.origin.transport(),
                protocol,
                origin_scheme: protocol.and_then(|protocol| self.origin.scheme_of(protocol)),
                origin_host: self.origin.host.clone(),
                origin_port: self.origin.port,
            };
            return Some(StreamInfo {
                tunnel: Some(tunnel),
                ..self.to.info()
            });
        }
        let mut found = layer?.stream_info(stream)?;
        found.intermediaries.insert(0, self.intermediary.clone());
        Some(found)
    }
}
