// The servers that the examples in the documentation speak with. Each example has this file in a module of its own.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use gun::{Opts, Protocol};
use runtime::net::{TcpListener, TcpStream, UnixListener};
use runtime::prelude::*;
use tokio_tungstenite::tungstenite;

/// A connection to a server that speaks HTTP/1.1.
pub fn conn() -> Pid {
    up(http(), Opts::new())
}

/// A connection to a server that speaks HTTP/2.
pub fn conn_http2() -> Pid {
    up(http2(), Opts::new().protocols([Protocol::Http2]))
}

fn up(port: u16, opts: Opts) -> Pid {
    let conn = gun::open("localhost", port, opts).unwrap();
    gun::await_up(conn, Duration::from_secs(10)).unwrap();
    conn
}

fn listen(serve: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn!(move || loop {
        let (stream, _) = listener.accept().unwrap();
        spawn!(move || serve(stream));
    });
    port
}

/// A server that speaks HTTP/1.1.
pub fn http() -> u16 {
    listen(|stream| {
        let _ = serve(stream);
    })
}

/// The same, on a Unix socket.
pub fn unix() -> PathBuf {
    let path = tempfile::tempdir().unwrap().keep().join("server");
    let listener = UnixListener::bind(&path).unwrap();
    spawn!(move || {
        let (stream, _) = listener.accept().unwrap();
        let _ = serve(stream);
    });
    path
}

/// A server that speaks HTTP/2, and pushes a style sheet before each answer.
pub fn http2() -> u16 {
    listen(|stream| {
        let _ = runtime::block_on(serve_http2(stream));
    })
}

fn serve(mut stream: impl Read + Write) -> std::io::Result<()> {
    loop {
        let head = until(&mut stream, b"\r\n\r\n")?;
        let asked: Vec<&str> = head.split(' ').collect();
        let body = body(&mut stream, &head)?;
        let hello = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let answer = match asked[1] {
            "/ws" => return websocket(stream, &head),
            "/close" => return Ok(()),
            "/never" => loop {
                sleep(Duration::from_secs(1000));
            },
            "/hints" => format!("HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n{hello}"),
            "/trailers" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                5\r\nhello\r\n0\r\nchecksum: 532\r\n\r\n"
                .to_owned(),
            "/events" => "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                content-length: 13\r\n\r\ndata: hello\n\n"
                .to_owned(),
            _ if asked[0] == "CONNECT" => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
            _ if asked[0] == "HEAD" => hello.trim_end_matches("hello").to_owned(),
            _ if body.is_empty() => hello.to_owned(),
            _ => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        };
        stream.write_all(answer.as_bytes())?;
    }
}

/// Reads up to this, with it.
fn until(stream: &mut impl Read, end: &[u8]) -> std::io::Result<String> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(String::from_utf8(read).unwrap())
}

fn body(stream: &mut impl Read, head: &str) -> std::io::Result<String> {
    let mut body = String::new();
    let length = |line: &str| line.strip_prefix("content-length: ")?.parse::<u64>().ok();
    if let Some(length) = head.lines().find_map(length) {
        stream.take(length).read_to_string(&mut body)?;
    } else if head.contains("chunked") {
        loop {
            let length = until(stream, b"\r\n")?;
            let length = u64::from_str_radix(length.trim_end(), 16).unwrap();
            stream.take(length).read_to_string(&mut body)?;
            until(stream, b"\r\n")?;
            if length == 0 {
                break;
            }
        }
    }
    Ok(body)
}

/// Says all messages again.
fn websocket(mut stream: impl Read + Write, head: &str) -> std::io::Result<()> {
    let key = |line: &str| Some(line.strip_prefix("sec-websocket-key: ")?.to_owned());
    let key = head.lines().find_map(key).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )?;
    let role = tungstenite::protocol::Role::Server;
    let mut socket = tungstenite::WebSocket::from_raw_socket(stream, role, None);
    while let Ok(message) = socket.read() {
        if message.is_text() || message.is_binary() {
            socket.send(message).map_err(std::io::Error::other)?;
        }
    }
    Ok(())
}

async fn serve_http2(stream: TcpStream) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(asked) = connection.accept().await {
        let (request, mut answer) = asked?;
        let mut promised = http::Request::new(());
        let style = request.uri().to_string() + "style.css";
        *promised.uri_mut() = style.parse().unwrap();
        let mut pushed = answer.push_request(promised)?;
        let mut pushed = pushed.send_response(http::Response::new(()), false)?;
        pushed.send_data("body {}".into(), true)?;
        let mut body = answer.send_response(http::Response::new(()), false)?;
        body.send_data("hello".into(), true)?;
    }
    Ok(())
}
