//! Sends each line of the standard input over a Websocket, and prints what comes back; closes at the end of the input.
//!
//! ```sh
//! cargo run --release -p gun --example ws_echo -- ws://localhost:9001/
//! ```

use std::error::Error;
use std::io;
use std::time::Duration;

use gun::ws::Frame;
use gun::{Awaited, Opts, Transport, Ws, WsOpts};
use http::Uri;
use runtime::blocking;
use runtime::prelude::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A line to be sent; none: there will be no more.
#[derive(Debug)]
struct Line(Option<String>);

/// Reads the standard input, beside the connection.
fn read(to: Pid) {
    while let Some(Ok(line)) = blocking(|| io::stdin().lines().next()) {
        send(to, Line(Some(line)));
    }
    send(to, Line(None));
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = std::env::args()
        .nth(1)
        .ok_or("usage: ws_echo ws://HOST[:PORT]/PATH")?;
    let uri: Uri = url.parse()?;
    let is_tls = uri.scheme_str() == Some("wss");
    let host = uri.host().ok_or("the URL has no host")?;
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let opts = Opts::new().retry(0).protocols([gun::Protocol::Http]);
    let opts = opts.transport(if is_tls {
        Transport::Tls
    } else {
        Transport::Tcp
    });
    let conn = gun::open(host, port, opts)?;
    let stream = gun::ws_upgrade(conn, uri.path(), (), WsOpts::new().compress(true));
    match gun::await_(conn, stream, PATIENCE)? {
        Awaited::Upgrade { .. } => {}
        other => return Err(format!("no Websocket: {other:?}").into()),
    }
    let me = self_pid();
    spawn!(move || read(me));
    let (mut sent, mut answered, mut ended) = (0, 0, false);
    while !ended || answered < sent {
        receive! {
            Line(Some(line)) => {
                sent += 1;
                gun::ws_send(conn, stream, [Frame::text(line)]);
            }
            Line(None) => ended = true,
            Ws { frame: Frame::Text(text), .. } => {
                answered += 1;
                println!("{text}");
            }
            Ws { frame, .. } if frame.is_close() => return Err("the server has closed".into()),
            gun::Error { reason, .. } => return Err(reason.into()),
        }
    }
    gun::ws_send(conn, stream, [Frame::Close]);
    gun::shutdown(conn);
    Ok(())
}
