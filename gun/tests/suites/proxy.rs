//! Proxies: CONNECT over HTTP/1.1 and over HTTP/2, and SOCKS5; each over TCP or TLS. What they are asked they tell the
//! test.

use bytes::Bytes;
use gun::{Destination, Http2Opts, Opts, Protocol, Socks5Auth, SocksOpts, Spoken, Transport};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use runtime::prelude::*;
use runtime::spawn_future;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::wire::{self, Failure, Wire};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Http,
    Https,
    H2c,
    H2,
    Socks5,
    Socks5Tls,
}

pub const KINDS: [Kind; 6] = [
    Kind::Http,
    Kind::Https,
    Kind::H2c,
    Kind::H2,
    Kind::Socks5,
    Kind::Socks5Tls,
];

/// What a proxy of CONNECT's was asked.
#[derive(Debug)]
pub struct Asked {
    pub port: u16,
    pub authority: String,
    pub headers: HeaderMap,
}

/// What a SOCKS proxy was asked: the name and the password, if it wanted any; the kind of address; the host.
#[derive(Debug)]
pub struct AskedSocks {
    pub user: Option<(String, String)>,
    pub host: String,
}

/// How a proxy answers.
#[derive(Clone, Default)]
pub struct Answer {
    /// Instead of 200, a whole head of HTTP/1's.
    pub head: Option<String>,
    /// What a SOCKS proxy wants to know.
    pub user: Option<(String, String)>,
    /// Instead of 0, for SOCKS.
    pub reply: u8,
}

#[derive(Clone, Copy, Debug)]
pub struct Proxy {
    pub kind: Kind,
    pub port: u16,
}

impl Kind {
    pub fn is_tls(self) -> bool {
        matches!(self, Kind::Https | Kind::H2 | Kind::Socks5Tls)
    }

    pub fn is_socks(self) -> bool {
        matches!(self, Kind::Socks5 | Kind::Socks5Tls)
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
            Kind::Socks5 | Kind::Socks5Tls => Protocol::Socks,
        }
    }

    pub fn start(self) -> Proxy {
        self.start_as(Answer::default())
    }

    /// One that answers so.
    pub fn start_as(self, answer: Answer) -> Proxy {
        let test = self_pid();
        let alpn: &[&str] = match self {
            Kind::Https => &["http/1.1"],
            Kind::H2 => &["h2"],
            _ => &[],
        };
        let tls = self.is_tls().then(|| wire::acceptor(alpn));
        let port = wire::listen(tls, move |wire| {
            let answer = answer.clone();
            async move {
                match self.protocol() {
                    Protocol::Http => connect(test, wire, answer).await,
                    Protocol::Http2 => {
                        wire::http2(wire, move |request, to| connect_h2(test, request, to)).await
                    }
                    _ => socks(test, wire, answer).await,
                }
            }
        });
        Proxy { kind: self, port }
    }
}

impl Proxy {
    /// What is spoken with it: for a SOCKS proxy, with what is beyond.
    pub fn spoken(self, beyond: impl FnOnce() -> SocksOpts) -> Spoken {
        if self.kind.is_socks() {
            beyond().into()
        } else {
            self.kind.protocol().into()
        }
    }

    /// However busy the machine is, nobody is given up.
    pub fn opts(self, spoken: Spoken) -> Opts {
        let http2 = Http2Opts::new()
            .preface_timeout(None)
            .settings_timeout(None);
        Opts::new()
            .http2(http2)
            .transport(self.kind.transport())
            .tls(wire::trusted())
            .protocols([spoken])
            .retry(0)
    }

    /// A connection to it, or through it if it is a SOCKS proxy, that is up.
    pub fn open(self, spoken: impl Into<Spoken>) -> Pid {
        let conn = gun::open("localhost", self.port, self.opts(spoken.into())).unwrap();
        let up = gun::await_up(conn, crate::peer::SOON);
        assert_eq!(up, Ok(self.kind.protocol()));
        conn
    }
}

/// The way to a port here, for CONNECT.
pub fn destination(port: u16, transport: Transport, spoken: impl Into<Spoken>) -> Destination {
    Destination::new("localhost", port)
        .transport(transport)
        .tls(wire::trusted())
        .protocols([spoken])
}

/// The way to a port here, for SOCKS.
pub fn beyond(port: u16, transport: Transport, spoken: impl Into<Spoken>) -> SocksOpts {
    SocksOpts::new("localhost", port)
        .transport(transport)
        .tls(wire::trusted())
        .protocols([spoken])
}

/// The name and the password that `Answer::user` wants.
pub fn user() -> Socks5Auth {
    Socks5Auth::UsernamePassword("user".into(), "secret".into())
}

async fn relay(mut wire: Wire, port: u16) -> Result<(), Failure> {
    let mut onwards = wire::dial(port)?;
    tokio::io::copy_bidirectional(&mut wire, &mut onwards).await?;
    Ok(())
}

async fn connect(test: Pid, mut wire: Wire, answer: Answer) -> Result<(), Failure> {
    while let Some(head) = wire::head(&mut wire).await? {
        let authority = head.split(' ').nth(1).ok_or("no target")?.to_owned();
        let mut headers = HeaderMap::new();
        for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").ok_or("no header")?;
            headers.append(name.parse::<http::HeaderName>()?, value.parse()?);
        }
        let port = wire::port_of(&authority)?;
        let asked = Asked {
            port,
            authority,
            headers,
        };
        send(test, asked);
        let given = answer.head.as_deref();
        let given = given.unwrap_or("HTTP/1.1 200 OK\r\n\r\n");
        wire.write_all(given.as_bytes()).await?;
        wire.flush().await?;
        if given
            .split(' ')
            .nth(1)
            .is_some_and(|code| code.starts_with('2'))
        {
            return relay(wire, port).await;
        }
    }
    Ok(())
}

async fn connect_h2(
    test: Pid,
    request: Request<RecvStream>,
    mut to: SendResponse<Bytes>,
) -> Result<(), Failure> {
    let (head, body) = request.into_parts();
    if head.method != http::Method::CONNECT {
        to.send_response(Response::builder().status(405).body(())?, true)?;
        return Ok(());
    }
    let authority = head.uri.authority().ok_or("no authority")?.to_string();
    let port = wire::port_of(&authority)?;
    let asked = Asked {
        port,
        authority,
        headers: head.headers,
    };
    send(test, asked);
    let onwards = wire::dial(port)?;
    let down = to.send_response(Response::new(()), false)?;
    let (read, write) = tokio::io::split(onwards);
    let down = spawn_future(async move {
        let _ = downwards(read, down).await;
    });
    let done = upwards(body, write).await;
    if done.is_err() {
        exit_signal(down, ExitReason::Kill);
    }
    done
}

type Socket = runtime::net::TcpStream;

async fn downwards(mut from: ReadHalf<Socket>, mut to: SendStream<Bytes>) -> Result<(), Failure> {
    loop {
        let mut room = vec![0; 16 * 1024];
        let read = from.read(&mut room).await?;
        room.truncate(read);
        wire::write(&mut to, room.into(), read == 0).await?;
        if read == 0 {
            return Ok(());
        }
    }
}

async fn upwards(mut from: RecvStream, mut to: WriteHalf<Socket>) -> Result<(), Failure> {
    while let Some(data) = from.data().await {
        let data = data?;
        to.write_all(&data).await?;
        from.flow_control().release_capacity(data.len())?;
    }
    to.shutdown().await?;
    Ok(())
}

async fn text(wire: &mut Wire) -> Result<String, Failure> {
    let mut text = vec![0; usize::from(wire.read_u8().await?)];
    wire.read_exact(&mut text).await?;
    Ok(String::from_utf8(text)?)
}

async fn socks(test: Pid, mut wire: Wire, answer: Answer) -> Result<(), Failure> {
    let mut greeting = [0; 2];
    wire.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    wire.read_exact(&mut methods).await?;
    let wanted = if answer.user.is_some() { 2 } else { 0 };
    let chosen = if methods.contains(&wanted) {
        wanted
    } else {
        0xff
    };
    wire.write_all(&[5, chosen]).await?;
    wire.flush().await?;
    let mut user = None;
    if chosen == 2 {
        wire.read_u8().await?;
        let given = (text(&mut wire).await?, text(&mut wire).await?);
        let fails = answer.user.as_ref() != Some(&given);
        wire.write_all(&[1, u8::from(fails)]).await?;
        wire.flush().await?;
        user = Some(given);
        if fails {
            return Ok(());
        }
    }
    let mut request = [0; 4];
    wire.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            wire.read_exact(&mut address).await?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        3 => text(&mut wire).await?,
        _ => {
            let mut address = [0; 16];
            wire.read_exact(&mut address).await?;
            std::net::Ipv6Addr::from(address).to_string()
        }
    };
    let port = wire.read_u16().await?;
    send(test, AskedSocks { user, host });
    wire.write_all(&[5, answer.reply, 0, 1, 127, 0, 0, 1, 0, 80])
        .await?;
    wire.flush().await?;
    if answer.reply != 0 {
        return Ok(());
    }
    relay(wire, port).await
}
