//! An origin that can be spoken with in each way: HTTP/1.1 and HTTP/2, over TCP and TLS.

use std::sync::Arc;

use bytes::Bytes;
use gun::{CertificateDer, Opts, Protocol, TlsOpts, Transport};
use http::{HeaderMap, Request, Response, StatusCode};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::spawn_future;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::peer::SOON;

/// How an origin is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Http,
    Https,
    H2c,
    H2,
}

pub const WAYS: [Way; 4] = [Way::Http, Way::Https, Way::H2c, Way::H2];

impl Way {
    pub fn transport(self) -> Transport {
        match self {
            Way::Http | Way::H2c => Transport::Tcp,
            Way::Https | Way::H2 => Transport::Tls,
        }
    }

    pub fn protocol(self) -> Protocol {
        match self {
            Way::Http | Way::Https => Protocol::Http,
            Way::H2c | Way::H2 => Protocol::Http2,
        }
    }

    pub fn scheme(self) -> &'static str {
        match self.transport() {
            Transport::Tls => "https",
            _ => "http",
        }
    }
}

/// What is answered: the headers of an early hint, if there is one; a head, and a body.
#[derive(Default)]
pub struct Reply {
    pub hint: Option<HeaderMap>,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

type Handler = fn(&Request<()>, Bytes) -> Reply;

pub struct Origin {
    pub way: Way,
    pub port: u16,
    certificate: CertificateDer<'static>,
}

impl Origin {
    /// Starts one, whose name is `localhost`.
    pub fn start(way: Way, handler: Handler) -> Origin {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        spawn!(move || {
            while let Ok((stream, _)) = listener.accept() {
                let acceptor = acceptor.clone();
                spawn_future(async move {
                    // Whoever has enough goes away.
                    let _ = match way.transport() {
                        Transport::Tls => match acceptor.accept(stream).await {
                            Ok(stream) => serve(way, stream, handler).await,
                            Err(_) => None,
                        },
                        _ => serve(way, stream, handler).await,
                    };
                });
            }
        });
        Origin {
            way,
            port,
            certificate,
        }
    }

    pub fn trusted(&self) -> TlsOpts {
        TlsOpts::new().trust([self.certificate.clone()])
    }

    pub fn opts(&self, opts: Opts) -> Opts {
        opts.transport(self.way.transport())
            .protocols([self.way.protocol()])
            .tls(self.trusted())
    }

    /// A connection that is up.
    pub fn open(&self, opts: Opts) -> Pid {
        let conn = gun::open("localhost", self.port, self.opts(opts)).unwrap();
        assert_eq!(gun::await_up(conn, SOON), Ok(self.way.protocol()));
        conn
    }
}

async fn serve<S>(way: Way, stream: S, handler: Handler) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match way.protocol() {
        Protocol::Http2 => http2(stream, handler).await,
        _ => http1(stream, handler).await,
    }
}

async fn http1<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, handler: Handler) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        };
        let head: Vec<u8> = read.drain(..end).collect();
        let mut lines = head[..end - 4].split(|byte| *byte == b'\n');
        let first = String::from_utf8(lines.next()?.to_vec()).ok()?;
        let mut words = first.split(' ');
        let mut request = Request::builder().method(words.next()?).uri(words.next()?);
        for line in lines {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|byte| *byte == b':')?;
            request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
        }
        let request = request.body(()).ok()?;
        let length = request.headers().get("content-length");
        let length = length.map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        while read.len() < length {
            if stream.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        }
        let body: Vec<u8> = read.drain(..length).collect();
        let reply = handler(&request, body.into());
        let mut out = Vec::new();
        if let Some(hint) = &reply.hint {
            out.extend(b"HTTP/1.1 103 Early Hints\r\n");
            write_headers(&mut out, hint);
        }
        out.extend(format!("HTTP/1.1 {}\r\n", reply.status).as_bytes());
        let switches = reply.status == StatusCode::SWITCHING_PROTOCOLS;
        let mut headers = reply.headers;
        match &reply.trailers {
            Some(_) => {
                headers.insert("transfer-encoding", "chunked".parse().unwrap());
            }
            None if switches => {}
            None => {
                headers.insert("content-length", reply.body.len().into());
            }
        }
        write_headers(&mut out, &headers);
        if reply.trailers.is_some() && !reply.body.is_empty() {
            out.extend(format!("{:x}\r\n", reply.body.len()).as_bytes());
        }
        if request.method() != "HEAD" {
            out.extend(&reply.body);
        }
        if let Some(trailers) = &reply.trailers {
            out.extend(b"\r\n0\r\n");
            write_headers(&mut out, trailers);
        }
        stream.write_all(&out).await.ok()?;
        stream.flush().await.ok()?;
        if switches {
            // Whatever it is, it ends when the client says so.
            while stream.read_buf(&mut read).await.ok()? > 0 {}
            return None;
        }
    }
}

fn write_headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        out.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    out.extend(b"\r\n");
}

async fn http2<S>(stream: S, handler: Handler) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut to))) = connection.accept().await {
        spawn_future(async move {
            let is_head = request.method() == "HEAD";
            let (head, mut body) = request.into_parts();
            let mut bytes = Vec::new();
            while let Some(Ok(data)) = body.data().await {
                let _ = body.flow_control().release_capacity(data.len());
                bytes.extend(data);
            }
            let reply = handler(&Request::from_parts(head, ()), bytes.into());
            let response = |status: StatusCode, headers: HeaderMap| {
                let mut response = Response::new(());
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            };
            if let Some(hint) = reply.hint {
                let hint = response(StatusCode::EARLY_HINTS, hint);
                to.send_informational(hint).unwrap();
            }
            let head = response(reply.status, reply.headers);
            let fin = is_head || reply.body.is_empty() && reply.trailers.is_none();
            // The client may have gone.
            let Ok(mut body) = to.send_response(head, fin) else {
                return;
            };
            if !fin {
                let _ = body.send_data(reply.body, reply.trailers.is_none());
            }
            if let Some(trailers) = reply.trailers {
                let _ = body.send_trailers(trailers);
            }
        });
    }
    Some(())
}

/// A proxy that grants each tunnel, to wherever it is to go on this machine, over HTTP/1.1.
pub fn proxy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn!(move || {
        while let Ok((client, _)) = listener.accept() {
            spawn_future(async move {
                // Either end may go away.
                let _ = pass_on(client).await;
            });
        }
    });
    port
}

async fn pass_on(mut client: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let address = head.split(' ').nth(1)?;
    let port: u16 = address.rsplit(':').next()?.parse().ok()?;
    let to = [([127, 0, 0, 1], port).into()];
    let mut origin = TcpStream::connecting(&to).await.ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    client.flush().await.ok()?;
    tokio::io::copy_bidirectional(&mut client, &mut origin)
        .await
        .ok()?;
    Some(())
}
