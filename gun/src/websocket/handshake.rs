//! The headers that open a Websocket: what a request asks for, and what a response grants.

use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::deflate::Deflate;
use super::error::HandshakeError;
use crate::error::BadState;
use crate::headers::{says, tokens};
use crate::options::WsOpts;

/// The `sec-websocket-extensions` of a request that offers compression.
const OFFER: &str = "permessage-deflate; client_max_window_bits; server_max_window_bits=15";

/// What both sides have agreed on.
pub(crate) struct Agreed {
    pub(super) deflate: Option<Deflate>,
    /// Which subprotocol, of those that were offered.
    pub(super) protocol: Option<usize>,
}

/// Adds what a request for a Websocket must have over HTTP/1.1. The key that its answer is to show.
pub(crate) fn ask(headers: &mut HeaderMap, opts: &WsOpts) -> Result<String, BadState> {
    let key = generate_key();
    let value = HeaderValue::from_str(&key).map_err(|_| BadState::BadTarget)?;
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_KEY, value);
    offer(headers, opts)?;
    Ok(key)
}

/// Adds what it must have over any HTTP.
pub(crate) fn offer(headers: &mut HeaderMap, opts: &WsOpts) -> Result<(), BadState> {
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if !opts.protocols.is_empty() {
        let names: Vec<&str> = opts.protocols.iter().map(|one| one.name.as_str()).collect();
        let value = HeaderValue::from_str(&names.join(", ")).map_err(|_| BadState::BadTarget)?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    if opts.compress {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(OFFER));
    }
    Ok(())
}

/// Checks a response that grants a Websocket. There is no key over HTTP/2.
pub(crate) fn check(
    headers: &HeaderMap,
    key: Option<&str>,
    opts: &WsOpts,
) -> Result<Agreed, HandshakeError> {
    if let Some(key) = key {
        check_upgrade(headers)?;
        check_accept(key, headers)?;
    }
    let names: Vec<&str> = opts.protocols.iter().map(|one| one.name.as_str()).collect();
    let protocol = agreed_protocol(headers, &names)?;
    let deflate = agreed_extensions(headers, opts.compress)?;
    Ok(Agreed { deflate, protocol })
}

/// Checks that a 101 is a Websocket's.
///
/// # Errors
///
/// `connection` has no `upgrade`, or `upgrade` is not `websocket`.
pub(super) fn check_upgrade(headers: &HeaderMap) -> Result<(), HandshakeError> {
    match says(headers, CONNECTION, "upgrade") && says(headers, UPGRADE, "websocket") {
        true => Ok(()),
        false => Err(HandshakeError::Upgrade),
    }
}

/// Checks that the server has seen our key. There is none over HTTP/2.
///
/// # Errors
///
/// `sec-websocket-accept` is missing, repeated or another key's.
pub(super) fn check_accept(key: &str, headers: &HeaderMap) -> Result<(), HandshakeError> {
    let mut values = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
    let expected = derive_accept_key(key.as_bytes());
    match (values.next(), values.next()) {
        (Some(value), None) if value.as_bytes() == expected.as_bytes() => Ok(()),
        _ => Err(HandshakeError::Accept),
    }
}

/// The subprotocol that the server chose, as an index into those offered. None: it chose none.
///
/// # Errors
///
/// It chose one that was not offered, or several.
pub(super) fn agreed_protocol(
    headers: &HeaderMap,
    offered: &[impl AsRef<str>],
) -> Result<Option<usize>, HandshakeError> {
    let mut values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let chosen = offered
        .iter()
        .position(|name| name.as_ref().as_bytes() == value.as_bytes());
    match (chosen, values.next()) {
        (Some(index), None) => Ok(Some(index)),
        _ => Err(HandshakeError::Protocol),
    }
}

/// The compression that the server agreed to. None: it agreed to none.
///
/// # Errors
///
/// An extension that was not offered, or a parameter that is unknown, repeated or wrong.
pub(super) fn agreed_extensions(
    headers: &HeaderMap,
    compress: bool,
) -> Result<Option<Deflate>, HandshakeError> {
    let mut agreed = None;
    for extension in tokens(headers, SEC_WEBSOCKET_EXTENSIONS) {
        let mut parts = extension.split(';').map(str::trim);
        let offered = compress && parts.next() == Some("permessage-deflate");
        if !offered || agreed.is_some() {
            return Err(HandshakeError::Extension);
        }
        agreed = Some(parameters(parts)?);
    }
    // What is not text is no extension of ours.
    let odd = headers
        .get_all(SEC_WEBSOCKET_EXTENSIONS)
        .iter()
        .any(|v| v.to_str().is_err());
    if odd {
        return Err(HandshakeError::Extension);
    }
    Ok(agreed)
}

fn parameters<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Deflate, HandshakeError> {
    let mut agreed = Deflate::default();
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
            None => (part, None),
        };
        if seen.contains(&name) {
            return Err(HandshakeError::Parameter);
        }
        seen.push(name);
        match (name, value) {
            ("client_no_context_takeover", None) => agreed.client_no_context_takeover = true,
            ("server_no_context_takeover", None) => agreed.server_no_context_takeover = true,
            ("client_max_window_bits", Some(bits)) => agreed.client_max_window_bits = window(bits)?,
            ("server_max_window_bits", Some(bits)) => agreed.server_max_window_bits = window(bits)?,
            _ => return Err(HandshakeError::Parameter),
        }
    }
    Ok(agreed)
}

fn window(value: &str) -> Result<u8, HandshakeError> {
    match value {
        "8" => Ok(8),
        "9" => Ok(9),
        "10" => Ok(10),
        "11" => Ok(11),
        "12" => Ok(12),
        "13" => Ok(13),
        "14" => Ok(14),
        "15" => Ok(15),
        _ => Err(HandshakeError::Parameter),
    }
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|v| v.strip_suffix('"'))
        .unwrap_or(value)
}
