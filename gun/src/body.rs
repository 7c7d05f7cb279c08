//! Bodies as std's readers: a response's, and a request's.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use runtime::{Down as ProcessDown, Pid, Ref, demonitor_flush, monitor, receive, send};

use crate::command::Command;
use crate::error::{DataError, Reason};
use crate::message::{Data, Error, StreamRef, Trailers};
use crate::stream::{cancel, data_sync, flush};
use crate::wait::AwaitError;

/// How many messages are on the way at a time.
const FLOW: u32 = 8;

/// A response's body, to be read: as fast as it is read the server may send it, and no faster.
///
/// To be made by the process that gets the stream's messages, when it has the [`Response`](crate::Response) and that
/// is not `fin`. Its messages are no longer to be received otherwise. Dropped before its end, it cancels the
/// stream.
///
/// ```
/// use std::io::Read;
/// use std::time::Duration;
/// use runtime::prelude::*;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let stream = gun::get(conn, "/trailers", ());
/// receive! {
///     gun::Response { stream: of, fin: false, .. } if of == stream => {
///         let mut body = gun::Body::new(conn, stream, Duration::from_secs(30));
///         let mut text = String::new();
///         body.read_to_string(&mut text).unwrap();
///         assert_eq!(text, "hello");
///         assert_eq!(body.trailers().unwrap()["checksum"], "532");
///     }
/// }
/// # });
/// ```
#[derive(Debug)]
pub struct Body {
    conn: Pid,
    stream: StreamRef,
    timeout: Duration,
    watch: Ref,
    /// What was received and not read yet.
    rest: Bytes,
    ended: bool,
    trailers: Option<HeaderMap>,
}

impl Body {
    /// The body of a stream whose response has come. `timeout`: how long to wait for each piece.
    ///
    /// # Panics
    ///
    /// Outside a process.
    pub fn new(conn: Pid, stream: StreamRef, timeout: Duration) -> Body {
        let watch = monitor(conn);
        let messages = FLOW;
        send(conn, Command::SetFlow { stream, messages });
        Body {
            conn,
            stream,
            timeout,
            watch,
            rest: Bytes::new(),
            ended: false,
            trailers: None,
        }
    }

    /// The trailers, after the end.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The next piece as it has come; none at the end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use runtime::prelude::*;
    ///
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
    /// # runtime::run(|| {
    /// # let conn = server::conn();
    /// let stream = gun::get(conn, "/", ());
    /// receive! { gun::Response { stream: of, .. } if of == stream => {} }
    /// let mut body = gun::Body::new(conn, stream, Duration::from_secs(5));
    /// while let Some(piece) = body.piece().unwrap() {
    ///     println!("{} bytes", piece.len());
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The stream or the connection has failed, or nothing came in time; after the latter it may be tried again.
    ///
    /// # Panics
    ///
    /// In another process than the one that has made it.
    pub fn piece(&mut self) -> Result<Option<Bytes>, AwaitError> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        while !self.ended {
            let (conn, stream, watch) = (self.conn, self.stream, self.watch);
            let asked = (conn, stream);
            let result = receive! {
                Data { conn: at, stream: of, fin, data } if (at, of) == asked => Ok((fin, data)),
                Trailers { conn: at, stream: of, headers } if (at, of) == asked => {
                    self.trailers = Some(headers);
                    Ok((true, Bytes::new()))
                }
                Error { conn: at, stream: Some(of), reason } if (at, of) == asked => {
                    Err(AwaitError::Stream(reason))
                }
                Error { conn: of, stream: None, reason } if of == conn => {
                    Err(AwaitError::Connection(reason))
                }
                ProcessDown { monitor, reason, .. } if monitor == watch => {
                    Err(AwaitError::Down(reason))
                }
                after self.timeout => return Err(AwaitError::Timeout),
            };
            self.ended = !matches!(result, Ok((false, _)));
            let (fin, data) = result?;
            if !fin {
                let messages = 1;
                send(conn, Command::UpdateFlow { stream, messages });
            }
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl Read for Body {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && !to.is_empty() {
            match self.piece() {
                Ok(Some(data)) => self.rest = data,
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::new(kind(&error), error)),
            }
        }
        let taken = self.rest.len().min(to.len());
        to[..taken].copy_from_slice(&self.rest[..taken]);
        self.rest.advance(taken);
        Ok(taken)
    }
}

fn kind(error: &AwaitError) -> io::ErrorKind {
    match error {
        AwaitError::Timeout => io::ErrorKind::TimedOut,
        AwaitError::Down(_) => io::ErrorKind::NotConnected,
        AwaitError::Stream(reason) | AwaitError::Connection(reason) => match reason {
            Reason::Io(kind) => *kind,
            Reason::Closed | Reason::Reset(_) => io::ErrorKind::ConnectionReset,
            _ => io::ErrorKind::Other,
        },
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        demonitor_flush(self.watch);
        if !self.ended {
            let (conn, stream) = (self.conn, self.stream);
            // That it has ended meanwhile is nobody's business.
            let from = conn;
            send(conn, Command::Cancel { stream, from });
            flush(stream);
        }
    }
}

/// Sends what is left of a request's body, as a reader gives it, and its end: as fast as the server takes it, and no
/// faster. `timeout`: how long each piece may take. Returns how many bytes there were.
///
/// ```
/// use gun::ReqOpts;
/// use gun::http::Method;
/// use std::time::Duration;
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs/server.rs")); }
/// # runtime::run(|| {
/// # let conn = server::conn();
/// let limit = Duration::from_secs(5);
/// let stream = gun::headers(conn, Method::POST, "/echo", (), ReqOpts::new());
/// let file = &b"hello"[..];
/// assert_eq!(gun::send_body(conn, stream, file, limit).unwrap(), 5);
/// assert_eq!(gun::await_body(conn, stream, limit).unwrap().0, "hello");
/// # });
/// ```
///
/// # Errors
///
/// The reader fails, or panics, after which the request is cancelled; or the server takes no more.
///
/// # Panics
///
/// Outside a process.
pub fn send_body(
    conn: Pid,
    stream: StreamRef,
    mut from: impl Read,
    timeout: Duration,
) -> Result<u64, SendBodyError> {
    /// One piece is one round through the connection's mailbox.
    const PIECE: usize = 64 * 1024;
    /// Cancels the request unless the reader has given what it was asked for.
    struct Reading(Pid, StreamRef);
    impl Drop for Reading {
        fn drop(&mut self) {
            cancel(self.0, self.1);
        }
    }
    let mut sent = 0;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let reading = Reading(conn, stream);
        let read = from.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(SendBodyError::Read)?;
        std::mem::forget(reading);
        let fin = piece.len() < PIECE;
        sent += piece.len() as u64;
        data_sync(conn, stream, fin, piece, timeout).map_err(SendBodyError::Send)?;
        if fin {
            return Ok(sent);
        }
    }
}

/// Why [`send_body`] has not sent all.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendBodyError {
    /// The reader has failed.
    Read(io::Error),
    /// The server takes no more.
    Send(DataError),
}

impl fmt::Display for SendBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendBodyError::Read(error) => write!(f, "the body cannot be read: {error}"),
            SendBodyError::Send(error) => write!(f, "the body cannot be sent: {error}"),
        }
    }
}

impl StdError for SendBodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            SendBodyError::Read(error) => Some(error),
            SendBodyError::Send(error) => Some(error),
        }
    }
}
