//! nginx: HTTP/1.1 and HTTP/2, over TCP and TLS, and what comes of a reload.

use gun::Protocol::{Http, Http2};
use gun::{AwaitError, Http2Code, Reason};
use runtime::prelude::*;
use rustix::process::Signal;

use crate::exchange::{
    SOON, Way, answer, large, pushed, small, store, taken_back, taken_back_amid,
};
use crate::server::{Server, Setup};

const HTTP: Way = Way::tcp(20_001, Http);
const H2C: Way = Way::tcp(20_002, Http2);
const HTTPS: Way = Way::tls(20_003, Http);
const H2: Way = Way::tls(20_003, Http2);
/// Where a connection is for five requests and no more.
const FEW: Way = Way::tcp(20_004, Http);
const FEW_H2C: Way = Way::tcp(20_005, Http2);

/// Files that can be fetched and stored: `small`, `large`, and what a test adds.
pub fn start() -> Server {
    let setup = Setup::new();
    let (dir, host) = (setup.dir().display(), setup.host.clone());
    let [http, h2c, tls, few, few_h2c] = [0, 1, 2, 3, 4].map(|n| setup.port(n));
    let config = format!(
        "daemon off; user root; worker_processes 1; pid {dir}/pid; error_log stderr;
        events {{ worker_connections 1024; }}
        http {{
          access_log off;
          client_max_body_size 0;
          client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
          uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
          ssl_certificate {dir}/certificate.pem; ssl_certificate_key {dir}/key.pem;
          server {{
            listen {host}:{http};
            listen {host}:{h2c} http2;
            listen {host}:{tls} ssl http2;
            location / {{ root {dir}; dav_methods PUT; }}
            location /pushing {{ root {dir}; http2_push /pushed; }}
          }}
          server {{
            listen {host}:{few};
            listen {host}:{few_h2c} http2;
            keepalive_requests 5;
            location / {{ root {dir}; }}
          }}
        }}"
    );
    setup.write("nginx.conf", config);
    setup.write("small", "hello");
    setup.write("large", large());
    setup.write("pushing", "asked");
    setup.write("pushed", "unasked");
    let config = setup.dir().join("nginx.conf");
    // Else it would open the log of the system's nginx first.
    let args = ["-e", "stderr", "-c", config.to_str().unwrap()];
    setup.start("nginx", &args, 5)
}

/// Whatever the way: many requests on a connection, and bodies of many megabytes up and down.
#[runtime::test]
fn exchanges() {
    let server = start();
    for (index, way) in [HTTP, H2C, HTTPS, H2].into_iter().enumerate() {
        let conn = way.open(&server);
        small(conn, "/small", "hello");
        store(conn, &format!("/stored-{index}"));
        gun::close(conn).unwrap();
    }
}

/// A reload takes idle connections back; Gun connects again.
#[runtime::test]
fn reload() {
    let server = start();
    for way in [HTTP, H2C, HTTPS, H2] {
        let conn = way.open(&server);
        small(conn, "/small", "hello");
        taken_back(conn, || server.signal(Signal::HUP), "/small", "hello");
        gun::close(conn).unwrap();
    }
}

/// A reload lets a response come to its end. Over HTTP/2 nginx says GOAWAY, over HTTP/1.1 it closes.
#[runtime::test]
fn reload_amid_a_response() {
    let server = start();
    for way in [HTTP, H2C, HTTPS, H2] {
        let conn = way.open(&server);
        let reload = || server.signal(Signal::HUP);
        taken_back_amid(conn, "/large", reload, "/small", "hello");
        gun::close(conn).unwrap();
    }
}

/// What it pushes is announced before the response that it belongs to, and comes whole.
#[runtime::test]
fn push() {
    let server = start();
    for way in [H2C, H2] {
        pushed(way, &server);
    }
}

/// Of more requests at once than a connection is for, those beyond are told that nothing was done for them, by a GOAWAY
/// over HTTP/2, or by the last response over HTTP/1.1; the owner that the connection was lost, normally; and the next
/// one is as good.
#[runtime::test]
fn keepalive_requests() {
    let server = start();
    for (way, refused) in [
        (FEW, Reason::Closing),
        (FEW_H2C, Reason::GoAway(Http2Code::NO_ERROR)),
    ] {
        let conn = way.open(&server);
        // All of them in one turn.
        sys::suspend(conn).unwrap();
        let streams: Vec<_> = (0..10).map(|_| gun::get(conn, "/small", ())).collect();
        sys::resume(conn).unwrap();
        let (answered, beyond) = streams.split_at(5);
        for stream in answered {
            assert_eq!(answer(conn, *stream), (200, "hello".into()));
        }
        for stream in beyond {
            let told = gun::await_(conn, *stream, SOON);
            assert_eq!(told, Err(AwaitError::Stream(refused)), "{way:?}");
        }
        receive! {
            down: gun::Down => {
                assert_eq!((down.reason, down.killed), (Reason::Normal, vec![]), "{way:?}");
            }
            after SOON => panic!("no Down"),
        }
        assert_eq!(answer(conn, gun::get(conn, "/small", ())).0, 200);
        gun::close(conn).unwrap();
    }
}
