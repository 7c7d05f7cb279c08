//! reqwest, the client with all comfort, on hyper's pool and tokio.

use std::net::SocketAddr;

use hyper::body::Bytes;
use reqwest::Client;
use tokio::runtime::Runtime;

use super::Sides;
use super::pooled::{Shared, h2_get, http_get};
use crate::measured::Measured;
use crate::workload::SILENT_STREAMS;

pub static SIDES: &Sides<fn(&Runtime, u64) -> Measured> = &[
    ("http_get", |rt, n| http_get::<Reqwest>(rt, n)),
    ("h2_get", |rt, n| h2_get::<Reqwest>(rt, n, 0)),
    ("h2_get_silent", |rt, n| {
        h2_get::<Reqwest>(rt, n, SILENT_STREAMS)
    }),
];

#[derive(Clone)]
struct Reqwest {
    client: Client,
    origin: String,
}

impl Shared for Reqwest {
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
