//! Gun: the HTTP/1.1, HTTP/2 and Websocket client whose connection is a process.
//!
//! Empty so far: it stands on `genserver` and on I/O.

#![forbid(unsafe_code)]
