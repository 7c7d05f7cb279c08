//! Who waits for a stream, and what they are told: the same for each protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use runtime::{Message, Pid};

use crate::command::{StreamInfo, StreamState};
use crate::error::Reason;
use crate::message::{Data, Error, Inform, Response, StreamRef, Trailers, Upgrade, Ws};
use crate::options::ReplyTo;
use crate::websocket::Frame;

/// The most bytes of a data message.
pub(crate) const PIECE: usize = 16 * 1024;

#[derive(Clone)]
pub(crate) struct Recipient {
    pub(crate) conn: Pid,
    pub(crate) stream: StreamRef,
    reply_to: ReplyTo,
    /// Data messages that may still be sent.
    flow: Option<i64>,
    silent: Arc<AtomicBool>,
}

impl Recipient {
    pub(crate) fn new(
        conn: Pid,
        stream: StreamRef,
        reply_to: ReplyTo,
        flow: Option<u32>,
    ) -> Recipient {
        Recipient {
            conn,
            stream,
            reply_to,
            flow: flow.map(i64::from),
            silent: Arc::default(),
        }
    }

    /// Nothing is told from now on.
    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Silent streams are read to the end, whatever the flow.
    pub(crate) fn may_flow(&self) -> bool {
        self.is_silent() || self.flow.is_none_or(|left| left > 0)
    }

    pub(crate) fn update_flow(&mut self, messages: u32) {
        if let Some(left) = &mut self.flow {
            *left += i64::from(messages);
        }
    }

    fn tell<M: Message>(&self, message: M) {
        if !self.is_silent() {
            self.reply_to.tell(message);
        }
    }

    pub(crate) fn inform(&self, status: StatusCode, headers: HeaderMap) {
        self.tell(Inform {
            conn: self.conn,
            stream: self.stream,
            status,
            headers,
        });
    }

    pub(crate) fn response(&self, fin: bool, status: StatusCode, headers: HeaderMap) {
        self.tell(Response {
            conn: self.conn,
            stream: self.stream,
            fin,
            status,
            headers,
        });
    }

    /// A piece of a body, in messages of the size allowed.
    pub(crate) fn data(&mut self, mut bytes: Bytes, fin: bool) {
        loop {
            let data = bytes.split_to(bytes.len().min(PIECE));
            let last = bytes.is_empty();
            self.tell(Data {
                conn: self.conn,
                stream: self.stream,
                fin: fin && last,
                data,
            });
            if let Some(left) = &mut self.flow {
                *left -= 1;
            }
            if last {
                return;
            }
        }
    }

    pub(crate) fn upgrade(&self, headers: HeaderMap) {
        self.tell(Upgrade {
            conn: self.conn,
            stream: self.stream,
            protocols: vec!["websocket".to_owned()],
            headers,
        });
    }

    pub(crate) fn ws(&mut self, frame: Frame) {
        self.tell(Ws {
            conn: self.conn,
            stream: self.stream,
            frame,
        });
        if let Some(left) = &mut self.flow {
            *left -= 1;
        }
    }

    pub(crate) fn trailers(&self, headers: HeaderMap) {
        self.tell(Trailers {
            conn: self.conn,
            stream: self.stream,
            headers,
        });
    }

    pub(crate) fn fail(&self, reason: Reason) {
        self.tell(Error {
            conn: self.conn,
            stream: Some(self.stream),
            reason,
        });
    }

    pub(crate) fn info(&self) -> StreamInfo {
        StreamInfo {
            stream: self.stream,
            reply_to: self.reply_to.pid(),
            state: if self.is_silent() {
                StreamState::Stopping
            } else {
                StreamState::Running
            },
        }
    }
}
