//! Server-sent events, taken from a body as it comes. The content handler [`Sse`](crate::content::Sse)
//! feeds it.
//!
//! Invariants: it does not matter how the body is cut into pieces; an event and its lines never hold
//! more than the limit; what is not whole when the body ends is no event.

use std::error::Error;
use std::fmt;

/// A server-sent event. Mirrors `gun_sse_h:event()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The last id that the server has given, with this event or before; empty if it gave none.
    pub last_event_id: String,
    /// What kind of event it is, `message` unless the server says otherwise.
    pub event_type: String,
    /// Its lines of data. None: the server has sent an id alone.
    pub data: Option<String>,
}

/// An event is longer than the limit, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseTooBig(pub usize);

impl fmt::Display for SseTooBig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of more than {} bytes", self.0)
    }
}

impl Error for SseTooBig {}

/// Takes a stream of events apart.
#[derive(Debug)]
pub(crate) struct Parser {
    limit: usize,
    /// The line under way.
    line: Vec<u8>,
    /// No line has ended yet, so that the next may begin with a byte order mark.
    first: bool,
    /// The last line ended with a carriage return, to which a line feed may belong.
    after_cr: bool,
    last_event_id: String,
    /// There was an id since the last event.
    id_set: bool,
    event_type: String,
    data: Option<Vec<u8>>,
}

impl Parser {
    /// A parser at the beginning of a body; an event may have `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Parser {
            limit,
            line: Vec::new(),
            first: true,
            after_cr: false,
            last_event_id: String::new(),
            id_set: false,
            event_type: String::new(),
            data: None,
        }
    }

    /// Takes the next piece of the body, and gives each event that it completes to `event`.
    pub(crate) fn feed(
        &mut self,
        mut piece: &[u8],
        event: &mut dyn FnMut(SseEvent),
    ) -> Result<(), SseTooBig> {
        while let Some(&byte) = piece.first() {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let end = piece.iter().position(|b| matches!(b, b'\r' | b'\n'));
            let part = &piece[..end.unwrap_or(piece.len())];
            let held = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
            if held + part.len() > self.limit {
                return Err(SseTooBig(self.limit));
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { break };
            self.after_cr = piece[end] == b'\r';
            piece = &piece[end + 1..];
            let mut line = std::mem::take(&mut self.line);
            self.end_line(&line, event);
            // Its room is used again.
            line.clear();
            self.line = line;
        }
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], event: &mut dyn FnMut(SseEvent)) {
        let line = match std::mem::take(&mut self.first) {
            true => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            return self.dispatch(event);
        }
        let colon = line.iter().position(|b| *b == b':');
        let (name, value) = match colon {
            // A comment.
            Some(0) => return,
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            b"event" => self.event_type = text(value),
            b"id" if !value.contains(&0) => {
                self.last_event_id = text(value);
                self.id_set = true;
            }
            _ => {}
        }
    }

    /// An empty line ends an event.
    fn dispatch(&mut self, event: &mut dyn FnMut(SseEvent)) {
        let data = self.data.take();
        let event_type = std::mem::take(&mut self.event_type);
        if !std::mem::take(&mut self.id_set) && data.is_none() {
            return;
        }
        event(SseEvent {
            last_event_id: self.last_event_id.clone(),
            event_type: match event_type.is_empty() {
                true => "message".into(),
                false => event_type,
            },
            data: data.map(|data| text(&data)),
        });
    }
}

/// What is not UTF-8 is replaced, as the standard says.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, kind: &str, data: Option<&str>) -> SseEvent {
        SseEvent {
            last_event_id: id.into(),
            event_type: kind.into(),
            data: data.map(Into::into),
        }
    }

    fn message(data: &str) -> SseEvent {
        event("", "message", Some(data))
    }

    /// The events of a body, which must not depend on where it is cut.
    fn events(body: &str) -> Vec<SseEvent> {
        let parse = |pieces: &[&[u8]]| {
            let mut parser = Parser::new(1000);
            let mut events = Vec::new();
            for piece in pieces {
                parser.feed(piece, &mut |event| events.push(event)).unwrap();
            }
            events
        };
        let whole = parse(&[body.as_bytes()]);
        for cut in 0..=body.len() {
            let (head, tail) = body.as_bytes().split_at(cut);
            assert_eq!(parse(&[head, tail]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(parse(&bytes), whole);
        whole
    }

    /// Lines of data are joined; the end of the body ends no event.
    #[test]
    fn data() {
        assert_eq!(events("data: a\ndata: b\n\ndata: c\n"), [message("a\nb")]);
        assert_eq!(
            events("data\n\ndata\ndata\n\n"),
            [message(""), message("\n")]
        );
        assert_eq!(
            events("data:x\n\ndata:  y\n\n"),
            [message("x"), message(" y")]
        );
        assert_eq!(events("data: a:b\n\n"), [message("a:b")]);
        assert_eq!(events("\n\n\n"), []);
    }

    /// Lines end with CR, LF or both, also where the body is cut between them.
    #[test]
    fn line_ends() {
        for end in ["\n", "\r", "\r\n"] {
            let body = format!("data: a{end}data: b{end}{end}data: c{end}{end}");
            assert_eq!(events(&body), [message("a\nb"), message("c")], "{end:?}");
        }
        assert_eq!(
            events("data: a\r\n\ndata: b\r\r"),
            [message("a"), message("b")]
        );
    }

    /// An event that ends with a carriage return does not wait for what may follow.
    #[test]
    fn carriage_return_is_enough() {
        let mut seen = Vec::new();
        let mut parser = Parser::new(100);
        parser
            .feed(b"data: a\r\r", &mut |event| seen.push(event))
            .unwrap();
        assert_eq!(seen, [message("a")]);
    }

    /// An id stays until another comes; the type does not.
    #[test]
    fn ids_and_types() {
        let body = "id: 1\nevent: tick\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: \0\ndata: d\n\n";
        let expected = [
            event("1", "tick", Some("a")),
            event("1", "message", Some("b")),
            event("", "message", Some("c")),
            event("", "message", Some("d")),
        ];
        assert_eq!(events(body), expected);
    }

    /// An id alone is told.
    #[test]
    fn lone_id() {
        let expected = [
            event("hello", "message", None),
            event("hello", "message", Some("a")),
        ];
        assert_eq!(events("id: hello\n\n\ndata: a\n\n"), expected);
    }

    /// A type alone is none, and does not touch the next event.
    #[test]
    fn lone_type() {
        assert_eq!(events("event: x\n\ndata: a\n\n"), [message("a")]);
    }

    /// Comments and unknown fields are overlooked.
    #[test]
    fn comments() {
        assert_eq!(
            events(": hi\n:\n\nfoo: bar\nDATA: x\n data: y\ndata: a\n: z\n\n"),
            [message("a")]
        );
    }

    /// A byte order mark is overlooked at the beginning, and only there.
    #[test]
    fn byte_order_mark() {
        assert_eq!(
            events("\u{feff}data: a\n\n\u{feff}data: b\n\n"),
            [message("a")]
        );
    }

    /// What is not UTF-8 is replaced.
    #[test]
    fn not_utf8() {
        let mut seen = Vec::new();
        let mut parser = Parser::new(100);
        parser
            .feed(b"data: a\xff\n\n", &mut |event| seen.push(event))
            .unwrap();
        assert_eq!(seen, [message("a\u{fffd}")]);
    }

    /// Neither a line nor the lines of an event exceed the limit; events do not add up.
    #[test]
    fn limit() {
        let feed = |body: &str| Parser::new(20).feed(body.as_bytes(), &mut |_| {});
        assert_eq!(feed(&"x".repeat(21)), Err(SseTooBig(20)));
        assert_eq!(feed(&"data: 5678\n".repeat(4)), Err(SseTooBig(20)));
        assert_eq!(feed(&"data: 5678\n\n".repeat(40)), Ok(()));
        assert_eq!(feed(&":comment\n".repeat(40)), Ok(()));
    }

    /// Whatever the bytes and wherever they are cut: the same events, or the same end, and never more than the limit.
    #[test]
    fn fuzz() {
        use rand::{RngExt, SeedableRng, rngs::SmallRng};
        let rng = &mut SmallRng::seed_from_u64(1);
        let words: [&[u8]; 12] = [
            b"data",
            b"id",
            b"event",
            b"retry",
            b":",
            b" ",
            b"\n",
            b"\r",
            b"\r\n",
            b"\xef\xbb\xbf",
            b"\xff\0",
            b"abc",
        ];
        for _ in 0..3000 {
            let count = rng.random_range(0..40);
            let body: Vec<u8> = (0..count)
                .flat_map(|_| words[rng.random_range(0..words.len())])
                .copied()
                .collect();
            let mut whole = Vec::new();
            let end = Parser::new(30).feed(&body, &mut |event| whole.push(event));
            let (mut parser, mut pieces, mut rest) = (Parser::new(30), Vec::new(), &body[..]);
            let mut cut = Ok(());
            while !rest.is_empty() && cut.is_ok() {
                let (piece, next) = rest.split_at(rng.random_range(1..=rest.len()));
                cut = parser.feed(piece, &mut |event| pieces.push(event));
                rest = next;
            }
            assert_eq!((&pieces, cut), (&whole, end), "{body:?}");
            let length = |event: &SseEvent| event.data.as_ref().map_or(0, String::len);
            // A byte that is no UTF-8 becomes three.
            assert!(whole.iter().all(|event| length(event) <= 3 * 30));
        }
    }
}
