//! hyper's pool of connections, on tokio: as most programs use hyper.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use super::Sides;
use crate::exchange::{self, Async};
use crate::measured::Measured;
use crate::server::{BODY, Nginx, SILENT};
use crate::workload::{CONNECTIONS, SILENT_STREAMS, STREAMS, in_task};

pub static SIDES: &Sides<fn(&Runtime, u64) -> Measured> = &[
    ("http_get", |rt, n| http_get::<Pooled>(rt, n)),
    ("h2_get", |rt, n| h2_get::<Pooled>(rt, n, 0)),
    ("h2_get_silent", |rt, n| {
        h2_get::<Pooled>(rt, n, SILENT_STREAMS)
    }),
];

/// A client that all tasks share, and that finds a connection for each request.
pub trait Shared: Clone + Send + Sync + 'static {
    /// Of this server, by HTTP/2 without TLS or by HTTP/1.1.
    fn new(server: SocketAddr, h2: bool) -> Self;

    /// The body of the answer, whose status is 200.
    fn get(&self, path: &str) -> impl Future<Output = Bytes> + Send;
}

pub fn http_get<C: Shared>(rt: &Runtime, n: u64) -> Measured {
    let server = Nginx::start().http;
    in_task(rt, async move {
        let client = C::new(server, false);
        exchange::by_tasks(vec![client; CONNECTIONS], n).await
    })
}

pub fn h2_get<C: Shared>(rt: &Runtime, n: u64, silent: usize) -> Measured {
    let server = Nginx::start().h2c;
    in_task(rt, async move {
        let client = C::new(server, true);
        client.get("/").await;
        for _ in 0..silent {
            let client = client.clone();
            tokio::spawn(async move { drop(client.get(SILENT).await) });
        }
        exchange::by_tasks(vec![client; STREAMS], n).await
    })
}

#[derive(Clone)]
struct Pooled {
    client: Client<HttpConnector, Empty<Bytes>>,
    origin: String,
}

impl Shared for Pooled {
    fn new(server: SocketAddr, h2: bool) -> Pooled {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Pooled {
            client: Client::builder(TokioExecutor::new())
                .http2_only(h2)
                .build(connector),
            origin: format!("http://{server}"),
        }
    }

    async fn get(&self, path: &str) -> Bytes {
        let uri: Uri = format!("{}{path}", self.origin).parse().expect("a URI");
        let response = self.client.get(uri).await.expect("an answer");
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.expect("a body");
        body.to_bytes()
    }
}

impl<C: Shared> Async for C {
    async fn exchange(&mut self) {
        assert_eq!(self.get("/").await, BODY);
    }
}
