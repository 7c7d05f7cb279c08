//! One stream of HTTP/2's: what goes up, and what comes down.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::{PushPromise, PushPromises, PushedResponseFuture, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream, StreamId};
use http::{HeaderMap, StatusCode};

use super::Queued;
use super::request::Asks;
use crate::command::{BodyKind, Piece, Sent};
use crate::error::{BadState, Reason};
use crate::event::Event;
use crate::layer::{Env, Shared};
use crate::options::Http2Opts;
use crate::recipient::Recipient;

pub(super) struct Stream {
    /// Its place among all there have been.
    pub(super) number: u64,
    pub(super) to: Recipient,
    /// What h2 calls it; none if it was pushed.
    pub(super) id: Option<StreamId>,
    phase: Phase,
    asks: Asks,
    /// None: it was pushed.
    sender: Option<SendStream<Bytes>>,
    pushes: Option<PushPromises>,
    /// What is still to be sent, who waits for it, and whether that is all.
    outgoing: VecDeque<(Bytes, Option<Sent>)>,
    fin: bool,
    /// Bytes of the body that may still be given, if its length is known.
    left: Option<u64>,
    /// The end was sent.
    sent: bool,
    /// Bytes that have come and were not given back to the window.
    owed: usize,
    /// Its response has ended; the server may still read.
    pub(super) answered: bool,
}

pub(super) enum Phase {
    Head(ResponseFuture),
    Promised(PushedResponseFuture),
    Body(RecvStream),
}

/// What has come of a look at a stream.
pub(super) enum Step {
    Pending,
    End(End),
    Granted(Granted),
}

/// How a stream has come to its end.
pub(super) enum End {
    Finished,
    Failed(Reason),
}

/// What was asked for besides a response.
pub(super) struct Granted {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) receiver: RecvStream,
}

impl Stream {
    /// Gives h2 a request. None: it has not taken it, and the recipient was told.
    pub(super) fn begin(
        queued: Queued,
        h2: &mut SendRequest<Bytes>,
        number: u64,
    ) -> Option<Stream> {
        let Queued {
            to,
            head,
            body,
            asks,
            length,
            pieces,
        } = queued;
        let is_request = matches!(asks, Asks::Response);
        let (outgoing, fin) = match body {
            BodyKind::Whole(bytes) if bytes.is_empty() => (VecDeque::new(), is_request),
            BodyKind::Whole(bytes) => (VecDeque::from([(bytes, None)]), true),
            BodyKind::Streamed => (VecDeque::new(), length == Some(0)),
        };
        let sent = fin && outgoing.is_empty();
        let env = std::sync::Arc::clone(to.env());
        let (mut response, sender) = match h2.send_request(head, sent) {
            Ok(begun) => begun,
            Err(error) => {
                to.fail(Reason::of_h2(&error));
                return None;
            }
        };
        let mut stream = Stream {
            number,
            to,
            id: Some(response.stream_id()),
            pushes: Some(response.push_promises()),
            phase: Phase::Head(response),
            asks,
            sender: Some(sender),
            outgoing,
            fin,
            left: length,
            sent,
            owed: 0,
            answered: false,
        };
        for piece in pieces {
            stream.data(&env, piece);
        }
        Some(stream)
    }

    /// What the server has promised.
    pub(super) fn pushed(to: Recipient, response: PushedResponseFuture, number: u64) -> Stream {
        Stream {
            number,
            to,
            id: None,
            phase: Phase::Promised(response),
            asks: Asks::Response,
            sender: None,
            pushes: None,
            outgoing: VecDeque::new(),
            fin: true,
            left: None,
            sent: true,
            owed: 0,
            answered: false,
        }
    }

    pub(super) fn is_pushed(&self) -> bool {
        self.sender.is_none()
    }

    pub(super) fn into_parts(self) -> (Recipient, Asks, Option<SendStream<Bytes>>) {
        (self.to, self.asks, self.sender)
    }

    /// The server need not go on with it. A pushed one h2 resets when it is dropped.
    pub(super) fn reset(&mut self) {
        if let Some(sender) = &mut self.sender {
            sender.send_reset(h2::Reason::CANCEL);
        }
    }

    /// Adds to the body.
    pub(super) fn data(&mut self, env: &Env, piece: Piece) {
        let (fin, length) = (piece.fin, piece.data.len() as u64);
        let what = if self.fin {
            // An end of what has ended by its length says nothing new.
            (!(fin && length == 0 && self.left == Some(0))).then_some(BadState::BodyEnded)
        } else {
            match self.left {
                Some(left) if left < length => Some(BadState::BodyTooLong),
                Some(left) if left > length && fin => Some(BadState::BodyTooShort),
                _ => None,
            }
        };
        if let Some(what) = what {
            return piece.refuse(env, Reason::BadState(what));
        }
        if let Some(left) = &mut self.left {
            *left -= length;
        }
        if length > 0 || piece.sent.is_some() {
            self.outgoing.push_back((piece.data, piece.sent));
        }
        self.fin |= fin || self.left == Some(0);
    }

    /// Sends what the peer's windows allow.
    pub(super) fn send(&mut self, env: &Env, cx: &mut Context<'_>) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        while let Some((data, waits)) = self.outgoing.front_mut() {
            if data.is_empty() {
                if let Some(waits) = waits.take() {
                    waits.answer(Ok(()));
                }
                self.outgoing.pop_front();
                continue;
            }
            sender.reserve_capacity(data.len());
            let room = match sender.poll_capacity(cx) {
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
            if data.is_empty()
                && let Some((_, Some(waits))) = self.outgoing.pop_front()
            {
                waits.answer(Ok(()));
            }
            let last = self.fin && self.outgoing.is_empty();
            self.sent |= last;
            // As above.
            let _ = sender.send_data(piece, last);
            if last {
                let stream = self.to.stream;
                env.events.tell(Event::RequestEnd { stream });
            }
        }
        if self.fin && !self.sent {
            self.sent = true;
            let _ = sender.send_data(Bytes::new(), true);
            let stream = self.to.stream;
            env.events.tell(Event::RequestEnd { stream });
        }
    }

    /// What the server has promised, to be told before [`receive`](Stream::receive): a response may refer to it.
    pub(super) fn promises(&mut self, cx: &mut Context<'_>) -> Vec<PushPromise> {
        let mut promises = Vec::new();
        while let Some(pushes) = &mut self.pushes {
            match pushes.poll_push_promise(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(promise))) => promises.push(promise),
                Poll::Ready(Some(Err(_)) | None) => self.pushes = None,
            }
        }
        promises
    }

    /// Goes on in both directions. It has ended when both have.
    pub(super) fn look(
        &mut self,
        shared: &mut Shared,
        opts: &Http2Opts,
        cx: &mut Context<'_>,
    ) -> Step {
        let env = std::sync::Arc::clone(&shared.env);
        self.send(&env, cx);
        if !self.answered {
            match self.receive(shared, opts, cx) {
                Step::End(End::Finished) => self.answered = true,
                step => return step,
            }
            self.send(&env, cx);
        }
        let unread = |sender: &mut SendStream<Bytes>| sender.poll_reset(cx).is_ready();
        if self.sent || self.sender.as_mut().is_none_or(unread) {
            Step::End(End::Finished)
        } else {
            Step::Pending
        }
    }

    /// Tells what has come, as far as the flow allows.
    fn receive(&mut self, shared: &mut Shared, opts: &Http2Opts, cx: &mut Context<'_>) -> Step {
        let head = match &mut self.phase {
            Phase::Body(_) => None,
            Phase::Promised(response) => match Pin::new(response).poll(cx) {
                Poll::Pending => return Step::Pending,
                Poll::Ready(head) => Some(head),
            },
            Phase::Head(response) => {
                while let Poll::Ready(Some(Ok(inform))) = response.poll_informational(cx) {
                    let (head, ()) = inform.into_parts();
                    if !opts.cookie_ignore_informational {
                        shared.keep_cookies(&self.to, &head.headers);
                    }
                    if let Err(reason) = self.to.inform(head.status, head.headers) {
                        return Step::End(End::Failed(reason));
                    }
                }
                match Pin::new(response).poll(cx) {
                    Poll::Pending => return Step::Pending,
                    Poll::Ready(head) => Some(head),
                }
            }
        };
        match head {
            None => {}
            Some(Err(error)) => return Step::End(End::Failed(Reason::of_h2(&error))),
            Some(Ok(response)) => {
                let (head, receiver) = response.into_parts();
                let (status, headers) = (head.status, head.headers);
                if !matches!(self.asks, Asks::Response) && status.is_success() {
                    return Step::Granted(Granted {
                        status,
                        headers,
                        receiver,
                    });
                }
                self.refused();
                shared.keep_cookies(&self.to, &headers);
                let fin = receiver.is_end_stream();
                self.to.response(fin, status, headers);
                if fin {
                    return Step::End(End::Finished);
                }
                self.phase = Phase::Body(receiver);
            }
        }
        match self.body(cx) {
            // Nothing is taken then that could say so.
            Poll::Pending if !self.to.may_flow() => self.was_reset(cx),
            Poll::Pending => Step::Pending,
            Poll::Ready(end) => Step::End(end),
        }
    }

    /// Whether the server has given it up. After a whole response it may say NO_ERROR.
    fn was_reset(&mut self, cx: &mut Context<'_>) -> Step {
        let sender = self.sender.as_mut();
        match sender.map(|sender| sender.poll_reset(cx)) {
            Some(Poll::Ready(Ok(code))) if code != h2::Reason::NO_ERROR => {
                Step::End(End::Failed(Reason::Reset(code)))
            }
            _ => Step::Pending,
        }
    }

    /// What it asked for besides a response it does not get: there is nothing to say any more.
    fn refused(&mut self) {
        if !matches!(self.asks, Asks::Response) {
            self.asks = Asks::Response;
            self.fin = true;
        }
    }

    fn body(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let Phase::Body(body) = &mut self.phase else {
            return Poll::Pending;
        };
        while self.to.may_flow() {
            let told = if self.to.holds() {
                self.to.go_on()
            } else {
                // It was given out, so it can be given back.
                let given = std::mem::take(&mut self.owed);
                let _ = body.flow_control().release_capacity(given);
                match ready!(body.poll_data(cx)) {
                    Some(Err(error)) => return Poll::Ready(End::Failed(Reason::of_h2(&error))),
                    Some(Ok(data)) => {
                        self.owed = data.len();
                        self.to.data(data, body.is_end_stream())
                    }
                    None => match ready!(body.poll_trailers(cx)) {
                        Err(error) => return Poll::Ready(End::Failed(Reason::of_h2(&error))),
                        Ok(Some(headers)) => {
                            self.to.trailers(headers);
                            Ok(true)
                        }
                        Ok(None) => self.to.data(Bytes::new(), true),
                    },
                }
            };
            match told {
                Ok(true) => return Poll::Ready(End::Finished),
                Ok(false) => {}
                Err(reason) => return Poll::Ready(End::Failed(reason)),
            }
        }
        Poll::Pending
    }
}
