//! A request's body on its way from the connection's mailbox to hyper, both in one process.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::command::Sent;
use crate::error::BadState;

/// What hyper reads.
pub(crate) struct Outgoing(Arc<Mutex<State>>);

/// What the connection writes.
pub(crate) struct Writer(Arc<Mutex<State>>);

struct State {
    queue: VecDeque<(Bytes, Option<Sent>)>,
    ended: bool,
    /// Bytes to come, if the length is known.
    left: Option<u64>,
    queued: u64,
    reader: Option<Waker>,
}

impl Outgoing {
    /// A whole body.
    pub(crate) fn whole(bytes: Bytes) -> (Outgoing, Writer) {
        let length = bytes.len() as u64;
        let queue = if bytes.is_empty() {
            VecDeque::new()
        } else {
            VecDeque::from([(bytes, None)])
        };
        Outgoing::of(queue, true, Some(0), length)
    }

    /// A body to come, of this length if it is known.
    pub(crate) fn streamed(length: Option<u64>) -> (Outgoing, Writer) {
        Outgoing::of(VecDeque::new(), length == Some(0), length, 0)
    }

    fn of(
        queue: VecDeque<(Bytes, Option<Sent>)>,
        ended: bool,
        left: Option<u64>,
        queued: u64,
    ) -> (Outgoing, Writer) {
        let state = Arc::new(Mutex::new(State {
            queue,
            ended,
            left,
            queued,
            reader: None,
        }));
        (Outgoing(Arc::clone(&state)), Writer(state))
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Adds to the body. Whether that is all of it; `Err`: it was not added.
    pub(crate) fn write(
        &self,
        data: Bytes,
        fin: bool,
        sent: Option<Sent>,
    ) -> Result<bool, (BadState, Option<Sent>)> {
        let (reader, ended) = {
            let mut state = locked(&self.0);
            if state.ended {
                // An end of what has ended by its length says nothing new.
                let repeated = fin && data.is_empty() && state.left == Some(0);
                if !repeated {
                    return Err((BadState::BodyEnded, sent));
                }
                if let Some(sent) = sent {
                    sent.answer(Ok(()));
                }
                return Ok(false);
            }
            let length = data.len() as u64;
            if let Some(left) = &mut state.left {
                match left.checked_sub(length) {
                    Some(rest) if fin && rest > 0 => return Err((BadState::BodyTooShort, sent)),
                    Some(rest) => *left = rest,
                    None => return Err((BadState::BodyTooLong, sent)),
                }
            }
            state.ended = fin || state.left == Some(0);
            if data.is_empty() {
                if let Some(sent) = sent {
                    sent.answer(Ok(()));
                }
            } else {
                state.queued += length;
                state.queue.push_back((data, sent));
            }
            (state.reader.take(), state.ended)
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(ended)
    }
}

impl Writer {
    /// Whether all of it was given.
    pub(crate) fn is_given(&self) -> bool {
        locked(&self.0).ended
    }
}

impl Outgoing {
    /// Whether all of it was there from the start.
    pub(crate) fn is_given(&self) -> bool {
        locked(&self.0).ended
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut state = locked(&self.0);
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
        let state = locked(&self.0);
        state.ended && state.queue.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let state = locked(&self.0);
        match state.left {
            Some(left) => SizeHint::with_exact(left + state.queued),
            None => SizeHint::new(),
        }
    }
}
