//! Gun: the HTTP client whose connection is a process.
//!
//! [`open`](fn@open) starts a process that connects, and connects again when the connection is lost. Requests are
//! messages to it and return at once, with a reference; what comes of them are messages to the caller:
//! [`Response`], [`Data`], [`Trailers`], [`Inform`], [`Upgrade`], [`Ws`], [`Error`]. The owner, who opened the connection, is
//! told [`Up`] and [`Down`].
//!
//! ```
//! use runtime::prelude::*;
//! # use std::io::{Read, Write};
//! # fn server() -> u16 {
//! #     let listener = runtime::net::TcpListener::bind("127.0.0.1:0").unwrap();
//! #     let port = listener.local_addr().unwrap().port();
//! #     spawn!(move || {
//! #         let (mut stream, _) = listener.accept().unwrap();
//! #         stream.read(&mut [0; 1024]).unwrap();
//! #         stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").unwrap();
//! #         stream.read(&mut [0; 1024]).unwrap();
//! #     });
//! #     port
//! # }
//!
//! # runtime::run(|| {
//! # let port = server();
//! let conn = gun::open("localhost", port, gun::Opts::new()).unwrap();
//! let stream = gun::get(conn, "/", ());
//! receive! {
//!     gun::Response { stream: of, fin, status, .. } if of == stream => {
//!         assert_eq!(status, 200);
//!         assert!(!fin);
//!     }
//! }
//! let (body, _) = gun::await_body(conn, stream, std::time::Duration::from_secs(5)).unwrap();
//! assert_eq!(body, "hello");
//! gun::close(conn).unwrap();
//! # });
//! ```
//!
//! It speaks HTTP/1.1, HTTP/2, Websocket on either, and raw bytes; over TCP, TLS and Unix sockets, and through proxies of
//! CONNECT and SOCKS5, however nested.

#![forbid(unsafe_code)]

/// The programs in Gun's chapter of the book, so that `cargo test` compiles them.
#[cfg(doctest)]
#[doc = include_str!("../../docs/gun.md")]
struct Book;

mod body;
mod command;
mod connect;
mod connection;
pub mod content;
pub mod cookies;
mod ended;
mod error;
mod event;
mod headers;
mod http1;
mod http2;
mod info;
mod layer;
mod live;
mod message;
mod open;
mod options;
mod outgoing;
pub mod pool;
mod raw;
mod recipient;
mod request;
mod socks5;
mod sse;
mod stream;
mod supervisor;
mod tls;
mod tunnel;
mod wait;
mod websocket;
mod wire;

pub use body::{Body, SendBodyError, send_body};
pub use connection::OwnerDown;
pub use error::{BadState, CloseError, DataError, OpenError, Reason, TlsReason};
pub use event::{Endpoint, Event, EventHandler, RequestEvent};
pub use h2::Reason as Http2Code;
pub use headers::IntoHeaders;
pub use http;
pub use http2::Http2Settings;
pub use info::{Info, Intermediary, IntermediaryKind, State, StreamInfo, StreamState, TunnelInfo};
pub use message::{
    Data, Down, Error, Inform, Notice, Notify, Protocol, Push, Response, Sse, StreamRef, Trailers,
    TunnelUp, Up, Upgrade, Ws,
};
pub use open::{close, info, open, open_unix, ping, set_owner, shutdown};
pub use options::{
    Destination, Http2Opts, HttpOpts, HttpVersion, Opts, RawOpts, ReplyTo, ReqOpts, Retry,
    SocksOpts, Spoken, Transport, WsOpts,
};
pub use request::{
    connect, delete, get, head, headers, options, patch, post, put, request, ws_upgrade,
};
pub use socks5::{Socks5Auth, Socks5Error};
pub use sse::{SseEvent, SseTooBig};
pub use stream::{Flushed, cancel, data, data_sync, flush, stream_info, update_flow, ws_send};
pub use tls::TlsOpts;
pub use tokio_rustls::rustls::AlertDescription;
pub use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
pub use wait::{AwaitError, Awaited, await_, await_body, await_up};

/// What a Websocket carries.
pub mod ws {
    pub use crate::websocket::{
        CodecError, Fragment, Frame, HandshakeError, Kind, Received, Utf8Bytes, Violation,
        WsFrames, WsHandler,
    };
}
