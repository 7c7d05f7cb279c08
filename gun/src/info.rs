//! What is known of a connection and of its streams: the answers to [`info`](fn@crate::info) and
//! [`stream_info`](crate::stream_info), put together layer by layer.

use std::net::SocketAddr;

use runtime::Pid;

use crate::message::{Protocol, StreamRef};
use crate::options::Transport;

/// What is known of a connection: see [`info`](fn@crate::info).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Its owner.
    pub owner: Pid,
    /// How far it is.
    pub state: State,
    /// What is spoken over, to the origin.
    pub transport: Transport,
    /// What is spoken; none while it is not connected.
    pub protocol: Option<Protocol>,
    /// The peer's address; none while it is not connected, or of a Unix socket.
    pub address: Option<SocketAddr>,
    /// The scheme of requests' URIs; none if what is spoken has none.
    pub origin_scheme: Option<&'static str>,
    /// The host that requests go to: the one that it was opened with, or the end of a tunnel that the whole connection
    /// has become.
    pub origin_host: String,
    /// The port; 80 or 443 for a Unix socket.
    pub origin_port: u16,
    /// What is between, if the whole connection goes through tunnels, in the order of the data.
    pub intermediaries: Vec<Intermediary>,
    /// Streams that have not come to their end.
    pub streams: usize,
    /// Whether it keeps cookies.
    pub cookie_store: bool,
    /// Whether it has a handler of events.
    pub event_handler: bool,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It looks up, connects, shakes hands, or waits to try again.
    NotConnected,
    /// It is up.
    Connected,
    /// It ends when what is under way has ended.
    Closing,
}

/// Who passes on what goes through a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Intermediary {
    /// What it was asked with.
    pub kind: IntermediaryKind,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is spoken over, to it.
    pub transport: Transport,
    /// What is spoken with it.
    pub protocol: Protocol,
}

/// What an intermediary was asked with for a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntermediaryKind {
    /// CONNECT.
    Connect,
    /// SOCKS5.
    Socks5,
}

/// What is known of a request: see [`stream_info`](crate::stream_info).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// The request.
    pub stream: StreamRef,
    /// Who gets its messages, if that is a process.
    pub reply_to: Option<Pid>,
    /// Whether anybody still waits for it.
    pub state: StreamState,
    /// What is between, if it goes through tunnels, in the order of the data.
    pub intermediaries: Vec<Intermediary>,
    /// What it has become, if that is a tunnel.
    pub tunnel: Option<TunnelInfo>,
}

/// What is known of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TunnelInfo {
    /// What is spoken over, to its end.
    pub transport: Transport,
    /// What is spoken with its end; none while it is not up.
    pub protocol: Option<Protocol>,
    /// The scheme of requests' URIs; none if what is spoken has none.
    pub origin_scheme: Option<&'static str>,
    /// Its end's host.
    pub origin_host: String,
    /// Its end's port.
    pub origin_port: u16,
}

/// Whether anybody still waits for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It is waited for.
    Running,
    /// It was cancelled, and is read to its end in silence.
    Stopping,
}
