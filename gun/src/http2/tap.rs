//! A tap on the transport under h2: sees what h2 hides, and says what h2 has no call for.
//!
//! [`tap`] wraps a transport; h2 gets the [`Tap`], the connection keeps the [`Handle`]. Bytes pass as they
//! are. Of what comes in, the heads of frames are cut out, and what some of them say becomes an [`Event`].
//! Between frames that go out, whole frames are put in.
//!
//! Invariants:
//! * Nothing is put in before our first SETTINGS, within a frame, or within a run of CONTINUATION.
//! * What is put in waits for the next end of a frame, however much h2 has to send: a write that would go
//!   beyond is cut there.
//! * Events are bounded: when nobody takes them, nothing more is read.
//! * The lock is held over no call of the transport's.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use h2::Reason;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::settings::Settings;
use crate::error::{self, TlsReason};

const HEAD: usize = 9;
/// `PRI * HTTP/2.0` and so on, which goes before our first frame.
const PREFACE: usize = 24;
/// How much of a frame is kept to be read, in bytes. What is longer, a GOAWAY's text, is cut.
const KEPT: usize = 4096;
/// How many events may wait.
const WAITING: usize = 1024;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// What the server has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its settings, or some of them anew.
    Settings(Settings),
    /// It has taken our settings.
    SettingsAck,
    /// It has answered a ping: ours, or one of h2's.
    PingAck([u8; 8]),
    /// It takes no more streams, and has not seen those above `last`.
    GoAway { last: u32 },
    /// It does not speak HTTP/2. Reading fails from here on.
    BadPreface,
    /// There is no TLS with it any more.
    Failed(TlsReason),
}

/// Wraps a transport that nothing was sent on.
pub(crate) fn tap<T>(transport: T) -> (Tap<T>, Handle) {
    let shared = Arc::new(Mutex::new(Shared::default()));
    let tap = Tap {
        transport,
        shared: shared.clone(),
        inward: Cut::default(),
        kind: Head::default(),
        kept: Vec::new(),
        begun: false,
        refused: false,
        outward: Cut {
            left: PREFACE,
            ..Cut::default()
        },
        sent: 0,
        put: VecDeque::new(),
    };
    (tap, Handle(shared))
}

#[derive(Debug, Default)]
struct Shared {
    events: VecDeque<Event>,
    /// Whole frames to be put in.
    frames: VecDeque<u8>,
    /// Who polls the tap.
    waker: Option<Waker>,
}

/// Never under the lock: who is woken may want it.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The connection's end of a tap.
#[derive(Debug)]
pub(crate) struct Handle(Arc<Mutex<Shared>>);

impl Handle {
    /// The oldest event that was not taken. To be asked for after each poll of h2.
    pub(crate) fn event(&self) -> Option<Event> {
        let mut shared = self.0.lock();
        let event = shared.events.pop_front();
        // The tap may have stopped reading.
        let waker = match shared.events.len() + 1 == WAITING {
            true => shared.waker.take(),
            false => None,
        };
        drop(shared);
        wake(waker);
        event
    }

    /// Sends a PING. h2 ignores the answer, which is an [`Event::PingAck`].
    pub(crate) fn ping(&self, payload: [u8; 8]) {
        self.put(PING, &payload);
    }

    /// Sends a GOAWAY: we go, and say of no stream of the server's that we have seen it.
    pub(crate) fn go_away(&self, code: Reason) {
        let last = 0u32;
        self.put(
            GOAWAY,
            &[last.to_be_bytes(), u32::from(code).to_be_bytes()].concat(),
        );
    }

    /// A frame of the connection's own stream.
    fn put(&self, kind: u8, payload: &[u8]) {
        let mut shared = self.0.lock();
        let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
        shared.frames.extend([a, b, c, kind, 0, 0, 0, 0, 0]);
        shared.frames.extend(payload);
        let waker = shared.waker.take();
        drop(shared);
        wake(waker);
    }
}

impl Shared {
    fn sleep(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }
}

/// A transport with a tap on it.
#[derive(Debug)]
pub(crate) struct Tap<T> {
    transport: T,
    shared: Arc<Mutex<Shared>>,
    inward: Cut,
    /// The frame that is coming in, and what is kept of it.
    kind: Head,
    kept: Vec<u8>,
    /// The server's first frame was right.
    begun: bool,
    refused: bool,
    outward: Cut,
    /// How many frames of h2's have begun to go out.
    sent: u64,
    /// What is being put in now, to its end.
    put: VecDeque<u8>,
}

/// Where in a frame a direction is.
#[derive(Debug, Clone, Copy, Default)]
struct Cut {
    head: [u8; HEAD],
    have: usize,
    /// Bytes until the next head.
    left: usize,
    /// The headers of a stream go on in the next frame.
    in_block: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Head {
    len: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

enum Piece<'a> {
    /// Part of a head.
    Part,
    Head(Head),
    Payload(&'a [u8]),
}

impl Cut {
    /// Takes the next piece off `bytes`, which are not empty.
    fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Piece<'a> {
        if self.left > 0 {
            let (piece, rest) = bytes.split_at(self.left.min(bytes.len()));
            *bytes = rest;
            self.left -= piece.len();
            return Piece::Payload(piece);
        }
        let (part, rest) = bytes.split_at((HEAD - self.have).min(bytes.len()));
        *bytes = rest;
        self.head[self.have..self.have + part.len()].copy_from_slice(part);
        self.have += part.len();
        if self.have < HEAD {
            return Piece::Part;
        }
        self.have = 0;
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        let head = Head {
            len: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        };
        self.left = head.len;
        if matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) {
            self.in_block = flags & END_HEADERS == 0;
        }
        Piece::Head(head)
    }

    /// Whether another frame may stand here.
    fn between(&self) -> bool {
        self.have == 0 && self.left == 0 && !self.in_block
    }
}

impl<T> Tap<T> {
    /// Looks at what has come in. False: it is not HTTP/2.
    fn look(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match self.inward.next(&mut bytes) {
                Piece::Part => continue,
                Piece::Head(head) => {
                    if !self.begun && !self.begins(head) {
                        return false;
                    }
                    self.kind = head;
                    self.kept.clear();
                }
                Piece::Payload(piece) => {
                    if matches!(self.kind.kind, SETTINGS | PING | GOAWAY) {
                        let room = KEPT.saturating_sub(self.kept.len());
                        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
                    }
                }
            }
            if self.inward.left == 0
                && let Some(event) = self.event()
            {
                self.shared.lock().events.push_back(event);
            }
        }
        true
    }

    /// Whether this is how a server begins.
    fn begins(&mut self, head: Head) -> bool {
        self.begun = head.kind == SETTINGS && head.flags & ACK == 0 && head.stream == 0;
        if !self.begun {
            self.shared.lock().events.push_back(Event::BadPreface);
        }
        self.begun
    }

    /// What the frame that has come to its end says. Frames of a wrong length are h2's to refuse.
    fn event(&self) -> Option<Event> {
        let ack = self.kind.flags & ACK != 0;
        match self.kind.kind {
            SETTINGS if ack => Some(Event::SettingsAck),
            SETTINGS => Some(Event::Settings(Settings::parse(&self.kept))),
            PING if ack => Some(Event::PingAck(*self.kept.first_chunk()?)),
            GOAWAY => Some(Event::GoAway {
                last: last_of(self.kept.first_chunk()?),
            }),
            _ => None,
        }
    }

    /// Follows what has gone out.
    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Piece::Head(_) = self.outward.next(&mut bytes) {
                self.sent += 1;
            }
        }
    }

    /// Whether a frame may be put in here.
    fn may_put(&self) -> bool {
        self.sent > 0 && self.outward.between()
    }

    /// How much of `bytes` goes out before a frame may be put in.
    fn until_between(&self, bytes: &[u8]) -> usize {
        let (mut cut, mut rest) = (self.outward, bytes);
        let mut sent = self.sent;
        while !rest.is_empty() {
            if let Piece::Head(_) = cut.next(&mut rest) {
                sent += 1;
            }
            if sent > 0 && cut.between() {
                break;
            }
        }
        bytes.len() - rest.len()
    }
}

/// The last stream that a GOAWAY names; the code after it is h2's to tell.
fn last_of(goaway: &[u8; 8]) -> u32 {
    let [a, b, c, d, ..] = *goaway;
    u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff
}

impl<T: AsyncWrite + Unpin> Tap<T> {
    /// Puts in what waits, if it may stand here.
    fn poll_put(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.may_put() {
            return Poll::Ready(Ok(()));
        }
        if self.put.is_empty() {
            let mut shared = self.shared.lock();
            shared.sleep(cx);
            std::mem::swap(&mut self.put, &mut shared.frames);
        }
        while !self.put.is_empty() {
            let (bytes, _) = self.put.as_slices();
            let written = ready!(Pin::new(&mut self.transport).poll_write(cx, bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.put.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn waiting(&self) -> bool {
        !self.shared.lock().frames.is_empty()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Tap<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        {
            let mut shared = self.shared.lock();
            shared.sleep(cx);
            if shared.events.len() >= WAITING {
                return Poll::Pending;
            }
        }
        let before = buf.filled().len();
        if let Err(error) = ready!(Pin::new(&mut self.transport).poll_read(cx, buf)) {
            if let error::Reason::Tls(why) = error::Reason::of_io(&error) {
                self.shared.lock().events.push_back(Event::Failed(why));
            }
            return Poll::Ready(Err(error));
        }
        if !self.look(&buf.filled()[before..]) {
            buf.set_filled(before);
            self.refused = true;
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Tap<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_put(cx))?;
        let end = match self.waiting() {
            true => self.until_between(buf),
            false => buf.len(),
        };
        let written = ready!(Pin::new(&mut self.transport).poll_write(cx, &buf[..end]))?;
        self.follow(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_put(cx))?;
        if self.waiting() {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buf| &buf[..]));
        }
        let written = ready!(Pin::new(&mut self.transport).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for buf in bufs {
            let gone = left.min(buf.len());
            self.follow(&buf[..gone]);
            left -= gone;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_put(cx))?;
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_put(cx))?;
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
