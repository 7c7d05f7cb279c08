//! Bytes as they are, both ways.
//!
//! Invariants: without flow nothing is read; told to end, it first sends what it was given.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use crate::command::{Command, Sent};
use crate::error::{BadState, Reason};
use crate::info::{Info, StreamInfo};
use crate::layer::{Env, Layer, Lost, Origin, Outcome, Shared};
use crate::message::{Protocol, StreamRef};
use crate::options::{RawOpts, ReplyTo};
use crate::recipient::{PIECE, Recipient};
use crate::wire::Wire;

pub(crate) struct Raw {
    here: StreamRef,
    to: Recipient,
    origin: Origin,
    wire: Wire,
    outgoing: VecDeque<(Bytes, Option<Sent>)>,
    ending: bool,
}

impl Raw {
    pub(crate) fn new(
        env: Arc<Env>,
        opts: RawOpts,
        origin: Origin,
        wire: Wire,
        here: StreamRef,
        reply_to: ReplyTo,
    ) -> Raw {
        env.set_limit(here, usize::MAX);
        let to = Recipient::new(&env, here, reply_to, opts.flow);
        Raw::of(to, origin, wire, here)
    }

    /// What a stream of HTTP/1.1's has become.
    pub(crate) fn of(to: Recipient, origin: Origin, wire: Wire, here: StreamRef) -> Raw {
        Raw {
            here,
            to,
            origin,
            wire,
            outgoing: VecDeque::new(),
            ending: false,
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let mut progress = false;
        while let Some((data, sent)) = self.outgoing.front_mut() {
            progress |= self.wire.take(data, cx)?;
            if !data.is_empty() {
                return Ok(progress);
            }
            if let Some(sent) = sent.take() {
                sent.answer(Ok(()));
            }
            self.outgoing.pop_front();
        }
        self.wire.flush_some(cx)?;
        Ok(progress)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Reason> {
        let mut progress = false;
        while self.to.may_flow() {
            let mut room = [0; PIECE];
            let mut read = ReadBuf::new(&mut room);
            match AsyncRead::poll_read(Pin::new(&mut self.wire), cx, &mut read) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(error.into()),
                Poll::Ready(Ok(())) if read.filled().is_empty() => return Err(Reason::Closed),
                Poll::Ready(Ok(())) => {
                    self.to.data(Bytes::copy_from_slice(read.filled()), false)?;
                }
            }
            progress = true;
        }
        Ok(progress)
    }

    fn lost(&self, reason: Reason) -> Poll<Outcome> {
        let killed = Vec::new();
        Poll::Ready(Outcome::Lost(Lost { reason, killed }))
    }
}

impl Layer for Raw {
    fn command(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command> {
        let mine = command.stream() == Some(self.to.stream);
        match command {
            Command::Data(piece) if mine => self.outgoing.push_back((piece.data, piece.sent)),
            command if mine && command.change_flow(&mut self.to) => {}
            Command::Cancel { .. } | Command::WsSend { .. } if mine => {
                command.refuse_as(&shared.env, BadState::Raw);
            }
            Command::Request(_) if command.tunnel() == Some(self.here) => {
                command.refuse_as(&shared.env, BadState::Raw);
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
            let mut progress = match self.write(cx) {
                Ok(progress) => progress,
                Err(reason) => return self.lost(reason),
            };
            if self.ending && self.outgoing.is_empty() {
                return self.lost(Reason::Normal);
            }
            match self.read(cx) {
                Ok(read) => progress |= read,
                Err(reason) => return self.lost(reason),
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn end(&mut self, _: &mut Shared) {
        self.ending = true;
    }

    fn give_up(&mut self, _: &mut Shared, _: Reason) -> Vec<StreamRef> {
        Vec::new()
    }

    fn protocol(&self) -> Protocol {
        Protocol::Raw
    }

    fn info(&self, info: &mut Info) {
        info.protocol = Some(Protocol::Raw);
        info.address = info.address.or(self.wire.address());
        info.origin_scheme = None;
        info.transport = self.origin.transport();
    }

    fn stream_info(&self, stream: StreamRef) -> Option<StreamInfo> {
        (stream == self.to.stream).then(|| self.to.info())
    }
}
