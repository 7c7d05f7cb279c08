//! Origins: HTTP/1.1 and HTTP/2, which answer with what they were asked, and raw ones, which say what they hear; each
//! over TCP or TLS.

use bytes::Bytes;
use gun::{Protocol, StreamRef, Transport};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use runtime::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::SOON;
use crate::wire::{self, Failure, Wire};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Http,
    Https,
    H2c,
    H2,
    Raw,
    RawTls,
}

pub const KINDS: [Kind; 6] = [
    Kind::Http,
    Kind::Https,
    Kind::H2c,
    Kind::H2,
    Kind::Raw,
    Kind::RawTls,
];

#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub kind: Kind,
    pub port: u16,
}

impl Kind {
    pub fn is_tls(self) -> bool {
        matches!(self, Kind::Https | Kind::H2 | Kind::RawTls)
    }

    pub fn transport(self) -> Transport {
        if self.is_tls() {
            Transport::Tls
        } else {
            Transport::Tcp
        }
    }

    pub fn protocol(self) -> Protocol {
        match self {
            Kind::Http | Kind::Https => Protocol::Http,
            Kind::H2c | Kind::H2 => Protocol::Http2,
            Kind::Raw | Kind::RawTls => Protocol::Raw,
        }
    }

    /// The scheme of what is spoken there.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Kind::Http | Kind::H2c => Some("http"),
            Kind::Https | Kind::H2 => Some("https"),
            Kind::Raw | Kind::RawTls => None,
        }
    }

    pub fn start(self) -> Origin {
        let alpn: &[&str] = match self {
            Kind::Https => &["http/1.1"],
            Kind::H2 => &["h2"],
            _ => &[],
        };
        let tls = self.is_tls().then(|| wire::acceptor(alpn));
        let port = wire::listen(tls, move |wire| async move {
            match self.protocol() {
                Protocol::Http => http(wire).await,
                Protocol::Http2 => wire::http2(wire, http2).await,
                _ => raw(wire).await,
            }
        });
        Origin { kind: self, port }
    }
}

async fn http(mut wire: Wire) -> Result<(), Failure> {
    while let Some(head) = wire::head(&mut wire).await? {
        let length = wire::header(&head, "content-length").map_or(Ok(0), str::parse)?;
        let mut body = vec![0; length];
        wire.read_exact(&mut body).await?;
        let target = head.split(' ').nth(1).unwrap_or_default();
        let host = wire::header(&head, "host").unwrap_or_default();
        let said = format!("{target} {host} {}", String::from_utf8(body)?);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}",
            said.len()
        );
        wire.write_all(answer.as_bytes()).await?;
        wire.flush().await?;
    }
    Ok(())
}

async fn http2(request: Request<RecvStream>, mut to: SendResponse<Bytes>) -> Result<(), Failure> {
    let (head, mut sent) = request.into_parts();
    let mut body = Vec::new();
    while let Some(data) = sent.data().await {
        let data = data?;
        body.extend_from_slice(&data);
        sent.flow_control().release_capacity(data.len())?;
    }
    let host = head.uri.authority().map(ToString::to_string);
    let (target, host) = (head.uri.path(), host.unwrap_or_default());
    let said = format!("{target} {host} {}", String::from_utf8(body)?);
    let mut back = to.send_response(Response::new(()), false)?;
    Ok(wire::write(&mut back, Bytes::from(said), true).await?)
}

async fn raw(mut wire: Wire) -> Result<(), Failure> {
    loop {
        let mut room = [0; 1024];
        let read = wire.read(&mut room).await?;
        if read == 0 {
            return Ok(());
        }
        wire.write_all(&room[..read]).await?;
        wire.flush().await?;
    }
}

impl Origin {
    /// What it says of a POST of `hello` to `/path`.
    pub fn says(self) -> String {
        format!("/path localhost:{} hello", self.port)
    }

    /// Says something through a tunnel, and hears what is to be answered. The request, or the tunnel of raw bytes.
    pub fn exchange(self, conn: Pid, through: StreamRef) -> StreamRef {
        if self.kind.protocol() == Protocol::Raw {
            gun::data(conn, through, false, "hello");
            assert_eq!(heard(conn, through, 5), "hello");
            return through;
        }
        let opts = gun::ReqOpts::new().tunnel(through);
        let stream = gun::request(conn, http::Method::POST, "/path", (), "hello", opts);
        let (body, _) = gun::await_body(conn, stream, SOON).unwrap();
        assert_eq!(body, self.says());
        stream
    }
}

/// So many raw bytes.
pub fn heard(conn: Pid, from: StreamRef, bytes: usize) -> String {
    let mut heard = Vec::new();
    while heard.len() < bytes {
        match gun::await_(conn, from, SOON) {
            Ok(gun::Awaited::Data { fin: false, data }) => heard.extend_from_slice(&data),
            other => panic!("{other:?}"),
        }
    }
    String::from_utf8(heard).unwrap()
}
