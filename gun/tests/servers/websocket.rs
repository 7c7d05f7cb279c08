//! A Websocket through a server that speaks HTTP/2 with us, and HTTP/1.1 with who answers (RFC 8441).

use gun::ws::Frame;
use gun::{Awaited, WsOpts};
use runtime::net::TcpListener;
use runtime::prelude::*;
use tokio_tungstenite::tungstenite;

use crate::exchange::{SOON, answer};

/// Who sends each message back, over HTTP/1.1: its port.
pub fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn!(move || {
        while let Ok((stream, _)) = listener.accept() {
            spawn!(move || {
                let Ok(mut socket) = tungstenite::accept(stream) else {
                    return;
                };
                while let Ok(message) = socket.read() {
                    let is_data = message.is_text() || message.is_binary();
                    if is_data && socket.send(message).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Messages go there and come back, beside requests that are answered otherwise; and then both sides say that it ends.
pub fn beside_requests(conn: Pid, path: &str, other: &str, body: &str) {
    let stream = gun::ws_upgrade(conn, path, (), WsOpts::new());
    let upgraded = gun::await_(conn, stream, SOON);
    assert!(
        matches!(upgraded, Ok(Awaited::Upgrade { .. })),
        "{upgraded:?}"
    );
    let frames = [Frame::text("hello"), Frame::binary(vec![7; 100_000])];
    gun::ws_send(conn, stream, frames.clone());
    for sent in frames {
        assert_eq!(gun::await_(conn, stream, SOON), Ok(Awaited::Ws(sent)));
    }
    let asked = gun::get(conn, other, ());
    assert_eq!(answer(conn, asked), (200, body.to_owned().into()));
    gun::ws_send(conn, stream, [Frame::Close]);
    let closed = gun::await_(conn, stream, SOON);
    assert!(
        matches!(&closed, Ok(Awaited::Ws(frame)) if frame.is_close()),
        "{closed:?}"
    );
    let asked = gun::get(conn, other, ());
    assert_eq!(answer(conn, asked), (200, body.to_owned().into()));
    gun::close(conn).unwrap();
}
