//! What is asked of every server: small and large bodies, one connection for many requests, and a connection that is
//! taken away and comes back.

use std::time::Duration;

use bytes::Bytes;
use gun::{Awaited, Opts, Protocol, Reason, ReqOpts, StreamRef, Transport};
use http::Method;
use runtime::prelude::*;

use crate::server::Server;

/// Long enough for anything that is to come.
pub const SOON: Duration = Duration::from_secs(30);

/// The size of a large body, in bytes; not a multiple of anything.
const LARGE: usize = 12_345_679;

/// The way to a server.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub port: u16,
    pub transport: Transport,
    pub protocol: Protocol,
}

impl Way {
    pub const fn tcp(port: u16, protocol: Protocol) -> Way {
        Way {
            port,
            transport: Transport::Tcp,
            protocol,
        }
    }

    pub const fn tls(port: u16, protocol: Protocol) -> Way {
        Way {
            port,
            transport: Transport::Tls,
            protocol,
        }
    }

    /// A connection that is up, and tries again for as long as a server may take to start.
    pub fn open(&self, server: &Server) -> Pid {
        let opts = Opts::new()
            .transport(self.transport)
            .protocols([self.protocol])
            .tls(server.authority.trusted())
            .retry(1000)
            .retry_timeout(Duration::from_millis(20));
        let conn = gun::open(&server.host, self.port, opts).unwrap();
        assert_eq!(gun::await_up(conn, SOON), Ok(self.protocol), "{self:?}");
        conn
    }
}

/// A large body. No two pieces of it look the same.
pub fn large() -> Bytes {
    let words = (0u32..).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_be_bytes());
    words.take(LARGE).collect()
}

/// The response to a request: its status and its body.
pub fn answer(conn: Pid, stream: StreamRef) -> (u16, Bytes) {
    loop {
        match gun::await_(conn, stream, SOON).unwrap() {
            Awaited::Inform { .. } => {}
            Awaited::Response {
                fin: true, status, ..
            } => return (status.as_u16(), Bytes::new()),
            Awaited::Response {
                fin: false, status, ..
            } => {
                let (body, _) = gun::await_body(conn, stream, SOON).unwrap();
                return (status.as_u16(), body);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Many small requests go over one connection, some at a time.
pub fn small(conn: Pid, path: &str, body: &str) {
    for _ in 0..20 {
        let streams: Vec<StreamRef> = (0..10).map(|_| gun::get(conn, path, ())).collect();
        for stream in streams {
            assert_eq!(answer(conn, stream), (200, body.to_owned().into()));
        }
    }
    receive! {
        gun::Down { reason, .. } => panic!("the connection was lost: {reason}"),
        after Duration::ZERO => {}
    }
}

/// Sends a large body in pieces: what is answered.
pub fn send_large(conn: Pid, method: Method, path: &str, body: &Bytes) -> (u16, Bytes) {
    let length = body.len().to_string();
    let stream = gun::headers(
        conn,
        method,
        path,
        [("content-length", &*length)],
        ReqOpts::new(),
    );
    let mut rest = body.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(100_000));
        gun::data(conn, stream, rest.is_empty(), piece);
    }
    answer(conn, stream)
}

/// Stores a large body, and fetches it again.
pub fn store(conn: Pid, path: &str) {
    let body = large();
    let (status, _) = send_large(conn, Method::PUT, path, &body);
    assert!(matches!(status, 201 | 204), "{status}");
    let (status, stored) = answer(conn, gun::get(conn, path, ()));
    assert_eq!(status, 200);
    assert!(stored == body, "{} bytes of {LARGE}", stored.len());
}

/// A server that takes back an idle connection: the owner is told that it is down, and then that it is up.
pub fn taken_back(conn: Pid, take_back: impl FnOnce(), path: &str, body: &str) {
    take_back();
    let reason = receive! {
        gun::Down { conn: of, reason, killed, .. } if of == conn => {
            assert_eq!(killed, []);
            reason
        }
        after SOON => panic!("it is still up"),
    };
    assert!(
        matches!(reason, Reason::Normal | Reason::Closed),
        "{reason}"
    );
    gun::await_up(conn, SOON).unwrap();
    assert_eq!(
        answer(conn, gun::get(conn, path, ())),
        (200, body.to_owned().into())
    );
}

/// A server that takes back a connection amid a response lets this come to its end; and then as above.
pub fn taken_back_amid(
    conn: Pid,
    large_path: &str,
    take_back: impl FnOnce(),
    path: &str,
    body: &str,
) {
    let opts = ReqOpts::new().flow(1);
    let stream = gun::request(conn, Method::GET, large_path, (), "", opts);
    assert!(matches!(
        gun::await_(conn, stream, SOON),
        Ok(Awaited::Response { fin: false, .. })
    ));
    taken_back(
        conn,
        || {
            take_back();
            gun::update_flow(conn, stream, u32::MAX);
            let (body, _) = gun::await_body(conn, stream, SOON).unwrap();
            assert!(body == large(), "{} bytes of {LARGE}", body.len());
        },
        path,
        body,
    );
}

/// What is pushed is announced before the response that it belongs to, and comes whole.
pub fn pushed(way: Way, server: &Server) {
    let conn = way.open(server);
    let stream = gun::get(conn, "/pushing", ());
    let Ok(Awaited::Push { promised, uri, .. }) = gun::await_(conn, stream, SOON) else {
        panic!("no push");
    };
    assert_eq!(uri.path(), "/pushed");
    assert_eq!(answer(conn, stream), (200, "asked".into()));
    assert_eq!(answer(conn, promised), (200, "unasked".into()));
    gun::close(conn).unwrap();
}
