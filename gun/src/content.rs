//! What becomes of a response's body: a chain of handlers, each of which takes it or passes it on.
//! Mirrors `gun_content_handler`.
//!
//! The connection makes a chain when a response with a body begins, gives it each piece, and is told
//! how many messages of the flow that cost. What the built-in handlers have to say goes to an [`Out`], so
//! that the handlers know nothing of processes.

use std::fmt::{self, Debug};
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use runtime::AnyMessage;

use crate::sse::{Parser, SseEvent, SseTooBig};

/// Where handlers send what they make of a body: to whom the request's messages go.
pub trait Out {
    /// A piece of the body.
    fn data(&mut self, fin: bool, data: Bytes);
    /// An event; none: there will be no more.
    fn sse(&mut self, event: Option<SseEvent>);
    /// A message of the handler's own.
    fn message(&mut self, message: AnyMessage);
}

/// A kind of handler, as options list it.
pub trait ContentHandler: Debug + Send + Sync {
    /// Begins a response. None: this handler has no business with it.
    fn init(&self, status: StatusCode, headers: &HeaderMap) -> Option<Box<dyn Content>>;
}

/// A handler at work on one body.
pub trait Content: Debug + Send {
    /// Takes the next piece of the body; the last, which may be empty, with `fin`.
    ///
    /// # Errors
    ///
    /// The handler cannot go on: the request is cancelled, and fails.
    fn handle(
        &mut self,
        fin: bool,
        data: Bytes,
        out: &mut dyn Out,
    ) -> Result<Handled, ContentError>;
}

/// What a handler has done with a piece.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handled {
    /// The next handler gets this. So many messages were sent on the way.
    Pass(Bytes, u32),
    /// Nothing is left for the next handler. So many messages were sent.
    Done(u32),
}

/// Why a body cannot be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentError {
    /// A server-sent event is too long.
    Sse(SseTooBig),
    /// What a handler of the user's says.
    Other(&'static str),
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentError::Sse(error) => fmt::Display::fmt(error, f),
            ContentError::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ContentError {}

/// The handlers that a response's body is offered to, in order.
pub(crate) type Handlers = Arc<[Arc<dyn ContentHandler>]>;

/// The handlers of one body.
#[derive(Debug)]
pub(crate) struct Chain(Vec<Box<dyn Content>>);

impl Chain {
    pub(crate) fn new(
        handlers: &[Arc<dyn ContentHandler>],
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Self {
        let begin = |handler: &Arc<dyn ContentHandler>| handler.init(status, headers);
        Chain(handlers.iter().filter_map(begin).collect())
    }

    /// Handles a piece. Returns how many messages that cost.
    pub(crate) fn handle(
        &mut self,
        fin: bool,
        mut data: Bytes,
        out: &mut dyn Out,
    ) -> Result<u32, ContentError> {
        let mut flow = 0;
        for content in &mut self.0 {
            match content.handle(fin, data, out)? {
                Handled::Pass(rest, cost) => {
                    data = rest;
                    flow += cost;
                }
                Handled::Done(cost) => return Ok(flow + cost),
            }
        }
        Ok(flow)
    }
}

/// Sends the body as it comes, as `Data` messages. Mirrors `gun_data_h`.
#[derive(Debug, Clone, Copy, Default)]
pub struct DataHandler;

impl ContentHandler for DataHandler {
    fn init(&self, _: StatusCode, _: &HeaderMap) -> Option<Box<dyn Content>> {
        Some(Box::new(DataHandler))
    }
}

impl Content for DataHandler {
    fn handle(
        &mut self,
        fin: bool,
        data: Bytes,
        out: &mut dyn Out,
    ) -> Result<Handled, ContentError> {
        out.data(fin, data);
        Ok(Handled::Done(1))
    }
}

/// Sends the events of a body of the type `text/event-stream`; leaves others alone. Mirrors `gun_sse_h`.
#[derive(Debug, Clone, Copy)]
pub struct Sse {
    limit: usize,
}

impl Sse {
    /// An event may have a mebibyte.
    pub fn new() -> Self {
        Sse { limit: 1 << 20 }
    }

    /// How many bytes an event may have.
    pub fn limit(self, bytes: usize) -> Self {
        Sse { limit: bytes }
    }
}

impl Default for Sse {
    fn default() -> Self {
        Sse::new()
    }
}

impl ContentHandler for Sse {
    fn init(&self, _: StatusCode, headers: &HeaderMap) -> Option<Box<dyn Content>> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let essence = kind.split(';').next()?.trim();
        essence
            .eq_ignore_ascii_case("text/event-stream")
            .then(|| Box::new(Parser::new(self.limit)) as Box<dyn Content>)
    }
}

impl Content for Parser {
    fn handle(
        &mut self,
        fin: bool,
        data: Bytes,
        out: &mut dyn Out,
    ) -> Result<Handled, ContentError> {
        let mut flow = 0;
        self.feed(&data, &mut |event| {
            flow += 1;
            out.sse(Some(event));
        })
        .map_err(ContentError::Sse)?;
        if fin {
            flow += 1;
            out.sse(None);
        }
        Ok(Handled::Done(flow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What went out, in order.
    #[derive(Debug, Default)]
    struct Seen(Vec<String>);

    impl Out for Seen {
        fn data(&mut self, fin: bool, data: Bytes) {
            self.0.push(format!("data {fin} {data:?}"));
        }
        fn sse(&mut self, event: Option<SseEvent>) {
            let data = event.map(|event| event.data.unwrap_or_default());
            self.0.push(format!("sse {data:?}"));
        }
        fn message(&mut self, message: AnyMessage) {
            self.0.push(format!("{message:?}"));
        }
    }

    fn chain(handlers: &[Arc<dyn ContentHandler>], kind: &str) -> Chain {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        Chain::new(handlers, StatusCode::OK, &headers)
    }

    /// Data goes out as it comes, a message a piece.
    #[test]
    fn data() {
        let mut out = Seen::default();
        let mut chain = chain(&[Arc::new(DataHandler)], "text/plain");
        assert_eq!(chain.handle(false, "ab".into(), &mut out), Ok(1));
        assert_eq!(chain.handle(true, "".into(), &mut out), Ok(1));
        assert_eq!(out.0, ["data false b\"ab\"", "data true b\"\""]);
    }

    /// Events cost a message each, and so does their end.
    #[test]
    fn sse() {
        let mut out = Seen::default();
        let handlers: [Arc<dyn ContentHandler>; 2] = [Arc::new(Sse::new()), Arc::new(DataHandler)];
        let mut chain = chain(&handlers, "text/event-stream");
        assert_eq!(
            chain.handle(false, "data: a\n\ndata: b\n".into(), &mut out),
            Ok(1)
        );
        assert_eq!(chain.handle(false, "da".into(), &mut out), Ok(0));
        assert_eq!(chain.handle(true, "ta: c\n\n".into(), &mut out), Ok(2));
        assert_eq!(
            out.0,
            ["sse Some(\"a\")", "sse Some(\"b\\nc\")", "sse None"]
        );
    }

    /// The media type's parameters and case do not matter.
    #[test]
    fn with_mime_param() {
        for kind in ["text/event-stream;charset=utf-8", "Text/Event-Stream ; a=b"] {
            let mut out = Seen::default();
            let mut chain = chain(&[Arc::new(Sse::new())], kind);
            assert_eq!(chain.handle(true, "data: a\n\n".into(), &mut out), Ok(2));
        }
    }

    /// What is no stream of events goes to the next handler, or nowhere if there is none.
    #[test]
    fn other_types_pass() {
        let handlers: [Arc<dyn ContentHandler>; 2] = [Arc::new(Sse::new()), Arc::new(DataHandler)];
        let mut out = Seen::default();
        let mut both = chain(&handlers, "text/event-stream-not");
        assert_eq!(both.handle(true, "data: a\n\n".into(), &mut out), Ok(1));
        let mut alone = chain(&handlers[..1], "text/plain");
        assert_eq!(alone.handle(true, "data: a\n\n".into(), &mut out), Ok(0));
        assert_eq!(out.0, ["data true b\"data: a\\n\\n\""]);
    }

    /// An event beyond the limit is an error.
    #[test]
    fn too_big() {
        let mut out = Seen::default();
        let mut chain = chain(&[Arc::new(Sse::new().limit(10))], "text/event-stream");
        assert_eq!(
            chain.handle(false, "data: 0123456789".into(), &mut out),
            Err(ContentError::Sse(SseTooBig(10)))
        );
    }

    /// A handler may change the data and send messages of its own before the next one sees it.
    #[test]
    fn own_handler() {
        #[derive(Debug)]
        struct Upper;
        impl ContentHandler for Upper {
            fn init(&self, status: StatusCode, _: &HeaderMap) -> Option<Box<dyn Content>> {
                (status == StatusCode::OK).then(|| Box::new(Upper) as Box<dyn Content>)
            }
        }
        impl Content for Upper {
            fn handle(
                &mut self,
                _: bool,
                data: Bytes,
                out: &mut dyn Out,
            ) -> Result<Handled, ContentError> {
                out.message(AnyMessage::new(data.len()));
                Ok(Handled::Pass(data.to_ascii_uppercase().into(), 1))
            }
        }
        let mut out = Seen::default();
        let mut chain = chain(&[Arc::new(Upper), Arc::new(DataHandler)], "text/plain");
        assert_eq!(chain.handle(true, "ab".into(), &mut out), Ok(2));
        assert_eq!(out.0.len(), 2);
        assert_eq!(out.0[1], "data true b\"AB\"");
    }
}
