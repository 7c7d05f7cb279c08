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
    ("http_get", |rt, n| http_get(rt, n)),
    ("h2_get", |rt, n| h2_get(rt, n, 0)),
    ("h2_get_silent", |rt, n| h2_get(rt, n, SILENT_STREAMS)),
];

fn http_get(rt: &Runtime, n: u64) -> Measured {
    let server = Nginx::start().http;
    in_task(rt, async move {
        let client = Pooled::new(server, false);
        exchange::by_tasks(vec![client; CONNECTIONS], n).await
    })
}

fn h2_get(rt: &Runtime, n: u64, silent: usize) -> Measured {
    let server = Nginx::start().h2c;
    in_task(rt, async move {
        let client = Pooled::new(server, true);
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

impl Pooled {
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

impl Async for Pooled {
    async fn exchange(&mut self) {
        assert_eq!(self.get("/").await, BODY);
    }
}
