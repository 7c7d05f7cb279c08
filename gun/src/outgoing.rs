//! A request's body on its way from the connection's mailbox to hyper, both in one process.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

use crate::command::{Piece, Sent};
use crate::error::BadState;

/// What hyper reads.
pub(crate) enum Outgoing {
    /// What is left of what was there from the start.
    Whole(Bytes),
    Streamed(Arc<Mutex<State>>),
}

/// What the connection writes; none if all was there from the start.
pub(crate) struct Writer(Option<Arc<Mutex<State>>>);

pub(crate) struct State {
    queue: VecDeque<(Bytes, Option<Sent>)>,
    ended: bool,
    /// Bytes to come, if the length is known.
    left: Option<u64>,
    queued: u64,
    reader: Option<Waker>,
}

/// What was not written, and why.
type Refused = (BadState, Piece);

impl Outgoing {
    /// A whole body.
    pub(crate) fn whole(bytes: Bytes) -> (Outgoing, Writer) {
        (Outgoing::Whole(bytes), Writer(None))
    }

    /// A body to come, of this length if it is known.
    pub(crate) fn streamed(length: Option<u64>) -> (Outgoing, Writer) {
        let state = Arc::new(Mutex::new(State {
            queue: VecDeque::new(),
            ended: length == Some(0),
            left: length,
            queued: 0,
            reader: None,
        }));
        (Outgoing::Streamed(Arc::clone(&state)), Writer(Some(state)))
    }
}

impl Writer {
    /// Adds to the body. Whether that is all of it; `Err`: it was not added.
    pub(crate) fn write(&self, piece: Piece) -> Result<bool, Refused> {
        let Some(state) = &self.0 else {
            return after_end(piece);
        };
        let (reader, ended) = {
            let mut state = state.lock();
            if state.ended && state.left == Some(0) {
                return after_end(piece);
            }
            if state.ended {
                return Err((BadState::BodyEnded, piece));
            }
            let length = piece.data.len() as u64;
            if let Some(left) = &mut state.left {
                match left.checked_sub(length) {
                    Some(rest) if piece.fin && rest > 0 => {
                        return Err((BadState::BodyTooShort, piece));
                    }
                    Some(rest) => *left = rest,
                    None => return Err((BadState::BodyTooLong, piece)),
                }
            }
            state.ended = piece.fin || state.left == Some(0);
            if piece.data.is_empty() {
                if let Some(sent) = piece.sent {
                    sent.answer(Ok(()));
                }
            } else {
                state.queued += length;
                state.queue.push_back((piece.data, piece.sent));
            }
            (state.reader.take(), state.ended)
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(ended)
    }
}

/// What is written after the end that the length says: another end says nothing new.
fn after_end(piece: Piece) -> Result<bool, Refused> {
    if !(piece.fin && piece.data.is_empty()) {
        return Err((BadState::BodyEnded, piece));
    }
    if let Some(sent) = piece.sent {
        sent.answer(Ok(()));
    }
    Ok(false)
}

impl Writer {
    /// Whether all of it was given.
    pub(crate) fn is_given(&self) -> bool {
        self.0.as_ref().is_none_or(|state| state.lock().ended)
    }
}

impl Outgoing {
    /// Whether all of it was there from the start.
    pub(crate) fn is_given(&self) -> bool {
        match self {
            Outgoing::Whole(_) => true,
            Outgoing::Streamed(state) => state.lock().ended,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let state = match self.get_mut() {
            Outgoing::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Outgoing::Whole(bytes) => {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))));
            }
            Outgoing::Streamed(state) => state,
        };
        let mut state = state.lock();
        match state.queue.pop_front() {
            Some((data, sent)) => {
                state.queued -= data.len() as u64;
                if let Some(sent) = sent {
                    sent.answer(Ok(()));
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outgoing::Whole(bytes) => bytes.is_empty(),
            Outgoing::Streamed(state) => {
                let state = state.lock();
                state.ended && state.queue.is_empty()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outgoing::Streamed(state) => {
                let state = state.lock();
                let left = state.left.map(|left| left + state.queued);
                left.map_or_else(SizeHint::new, SizeHint::with_exact)
            }
        }
    }
}
