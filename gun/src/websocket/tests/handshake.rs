//! The headers of handshakes, as servers answer them.

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::*;

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        })
        .collect()
}

/// A 101 has to say `upgrade` and `websocket`, in any case, among others.
#[test]
fn upgrade() {
    let check = |connection, upgrade| {
        check_upgrade(&headers(&[
            ("connection", connection),
            ("upgrade", upgrade),
        ]))
    };
    assert_eq!(check("Upgrade", "WebSocket"), Ok(()));
    assert_eq!(check("keep-alive, upgrade", "websocket"), Ok(()));
    assert_eq!(
        check("keep-alive", "websocket"),
        Err(HandshakeError::Upgrade)
    );
    assert_eq!(check("upgrade", "h2c"), Err(HandshakeError::Upgrade));
    assert_eq!(check_upgrade(&headers(&[])), Err(HandshakeError::Upgrade));
}

/// The accept value is the one of RFC 6455's example, once, and keys differ.
#[test]
fn accept() {
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let value = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let name = "sec-websocket-accept";
    assert_eq!(check_accept(key, &headers(&[(name, value)])), Ok(()));
    let wrong = Err(HandshakeError::Accept);
    assert_eq!(check_accept(key, &headers(&[])), wrong);
    assert_eq!(
        check_accept(key, &headers(&[(name, "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=")])),
        wrong
    );
    assert_eq!(
        check_accept(key, &headers(&[(name, value), (name, value)])),
        wrong
    );
    assert_eq!(generate_key().len(), 24);
    assert_ne!(generate_key(), generate_key());
}

/// The server may choose one of the subprotocols offered, or none.
#[test]
fn subprotocol() {
    let name = "sec-websocket-protocol";
    let choice = |list: &[(&'static str, &str)]| agreed_protocol(&headers(list), &["a", "b"]);
    assert_eq!(choice(&[]), Ok(None));
    assert_eq!(choice(&[(name, "b")]), Ok(Some(1)));
    assert_eq!(choice(&[(name, "c")]), Err(HandshakeError::Protocol));
    assert_eq!(choice(&[(name, "a, b")]), Err(HandshakeError::Protocol));
    assert_eq!(
        choice(&[(name, "a"), (name, "b")]),
        Err(HandshakeError::Protocol)
    );
}

/// Parameters may each be there once, with a value that they can have; nothing else may.
#[test]
fn extensions() {
    let name = "sec-websocket-extensions";
    let answer = |value: &str| agreed_extensions(&headers(&[(name, value)]), true);
    assert_eq!(agreed_extensions(&headers(&[]), true), Ok(None));
    assert_eq!(answer("permessage-deflate"), Ok(Some(Deflate::default())));
    assert_eq!(
        answer(
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; \
             client_max_window_bits=8;server_max_window_bits = \"9\""
        ),
        Ok(Some(Deflate {
            client_no_context_takeover: true,
            server_no_context_takeover: true,
            client_max_window_bits: 8,
            server_max_window_bits: 9,
        }))
    );
    for parameter in [
        "client_max_window_bits",
        "server_max_window_bits",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=08",
        "server_max_window_bits=x",
        "client_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits=9; client_max_window_bits=9",
        "unknown",
        "",
    ] {
        let value = format!("permessage-deflate; {parameter}");
        assert_eq!(answer(&value), Err(HandshakeError::Parameter), "{value}");
    }
    let unoffered = Err(HandshakeError::Extension);
    assert_eq!(answer("permessage-bzip2"), unoffered);
    assert_eq!(answer("permessage-deflate, permessage-deflate"), unoffered);
    let value = headers(&[(name, "permessage-deflate")]);
    assert_eq!(agreed_extensions(&value, false), unoffered);
}

/// Whatever a server answers about extensions, it is agreed on or refused; what is agreed on is within what was offered.
#[test]
fn fuzz() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    let rng = &mut SmallRng::seed_from_u64(1);
    let words = [
        "permessage-deflate",
        ";",
        ",",
        "=",
        " ",
        "\"",
        "client_max_window_bits",
        "server_max_window_bits",
        "client_no_context_takeover",
        "server_no_context_takeover",
        "8",
        "15",
        "16",
        "x",
    ];
    for _ in 0..20_000 {
        let count = rng.random_range(0..12);
        let value: String = (0..count)
            .map(|_| words[rng.random_range(0..words.len())])
            .collect();
        let headers = headers(&[("sec-websocket-extensions", &value)]);
        if let Ok(Some(agreed)) = agreed_extensions(&headers, true) {
            assert!((8..=15).contains(&agreed.client_max_window_bits));
            assert!((8..=15).contains(&agreed.server_max_window_bits));
        }
        let nothing = matches!(agreed_extensions(&headers, false), Ok(None) | Err(_));
        assert!(nothing, "{value}");
    }
}
