//! reqwest, the client with all comfort, on hyper's pool and tokio.

use std::net::SocketAddr;

use hyper::body::Bytes;
use reqwest::Client;
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
        let client = Reqwest::new(server, false);
        exchange::by_tasks(vec![client; CONNECTIONS], n).await
    })
}

fn h2_get(rt: &Runtime, n: u64, silent: usize) -> Measured {
    let server = Nginx::start().h2c;
    in_task(rt, async move {
        let client = Reqwest::new(server, true);
        client.get("/").await;
        for _ in 0..silent {
            let client = client.clone();
            tokio::spawn(async move { drop(client.get(SILENT).await) });
        }
        exchange::by_tasks(vec![client; STREAMS], n).await
    })
}

#[derive(Clone)]
struct Reqwest {
    client: Client,
    origin: String,
}

impl Reqwest {
    fn new(server: SocketAddr, h2: bool) -> Reqwest {
        let builder = Client::builder().no_proxy();
        let builder = if h2 {
            builder.http2_prior_knowledge()
        } else {
            builder
        };
        Reqwest {
            client: builder.build().expect("a client"),
            origin: format!("http://{server}"),
        }
    }

    async fn get(&self, path: &str) -> Bytes {
        let response = self.client.get(format!("{}{path}", self.origin));
        let response = response.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        response.bytes().await.expect("a body")
    }
}

impl Async for Reqwest {
    async fn exchange(&mut self) {
        assert_eq!(self.get("/").await, BODY);
    }
}
