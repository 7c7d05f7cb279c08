//! A request's body on its way from the connection's mailbox to hyper, both in one process.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::error::BadState;

/// What hyper reads.
pub(crate) struct Outgoing(Arc<Mutex<State>>);

/// What the connection writes.
pub(crate) struct Writer(Arc<Mutex<State>>);

struct State {
    queue: VecDeque<Bytes>,
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
            VecDeque::from([bytes])
        };
        Outgoing::of(queue, true, Some(0), length)
    }

    /// A body to come, of this length if it is known.
    pub(crate) fn streamed(length: Option<u64>) -> (Outgoing, Writer) {
        Outgoing::of(VecDeque::new(), length == Some(0), length, 0)
    }

    fn of(
        queue: VecDeque<Bytes>,
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
    /// Adds to the body.
    pub(crate) fn write(&self, data: Bytes, fin: bool) -> Result<(), BadState> {
        let reader = {
            let mut state = locked(&self.0);
            if state.ended {
                // An end of what has ended by its length says nothing new.
                let repeated = fin && data.is_empty() && state.left == Some(0);
                return if repeated {
                    Ok(())
                } else {
                    Err(BadState::BodyEnded)
                };
            }
            let length = data.len() as u64;
            if let Some(left) = &mut state.left {
                *left = left.checked_sub(length).ok_or(BadState::BodyTooLong)?;
            }
            state.ended = fin || state.left == Some(0);
            if !data.is_empty() {
                state.queued += length;
                state.queue.push_back(data);
            }
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(())
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
            Some(data) => {
                state.queued -= data.len() as u64;
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
