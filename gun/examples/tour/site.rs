//! What the tour visits: servers on loopback for HTTP/1.1, HTTP/2 and Websocket, which all have the same pages.

use std::io::{BufRead, BufReader, Write};

use bytes::Bytes;
use http::{Request, Response};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::spawn_future;
use tokio_tungstenite::tungstenite::{self, Message};

/// What stands on a page.
pub fn page(path: &str) -> String {
    format!("this is {path}")
}

/// Listens at a free port, which it returns, and has connections served.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("localhost:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    spawn!(move || -> () {
        loop {
            serve(listener.accept().expect("it listens").0);
        }
    });
    port
}

pub fn http() -> u16 {
    listen(|stream| {
        spawn!(move || {
            let mut lines = BufReader::new(&stream).lines();
            while let Some(Ok(line)) = lines.next() {
                // The head ends with an empty line; our client sends no bodies.
                lines
                    .by_ref()
                    .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                    .count();
                let body = page(line.split(' ').nth(1).unwrap_or("/"));
                let length = body.len();
                let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                if (&stream).write_all(response.as_bytes()).is_err() {
                    return;
                }
            }
        });
    })
}

pub fn http2() -> u16 {
    listen(|stream| {
        spawn_future(async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else {
                return;
            };
            while let Some(Ok((request, mut to))) = connection.accept().await {
                let request: Request<h2::RecvStream> = request;
                if let Ok(mut body) = to.send_response(Response::new(()), false) {
                    // Whoever has gone needs no page.
                    let _ = body.send_data(Bytes::from(page(request.uri().path())), true);
                }
            }
        });
    })
}

pub fn websocket() -> u16 {
    listen(|stream| {
        spawn!(move || {
            let Ok(mut socket) = tungstenite::accept(stream) else {
                return;
            };
            while let Ok(message) = socket.read() {
                if let Message::Text(path) = message
                    && socket.send(Message::text(page(&path))).is_err()
                {
                    return;
                }
            }
        });
    })
}

/// The program's memory, in bytes.
pub fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}
