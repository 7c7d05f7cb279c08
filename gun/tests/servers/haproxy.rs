//! haproxy: HTTP/1.1 and HTTP/2 in front of what speaks HTTP/1.1, Websockets included.

use gun::Protocol::{Http, Http2};

use crate::exchange::{Way, small};
use crate::server::{Server, Setup};
use crate::websocket::{beside_requests, echo};

const HTTP: Way = Way::tcp(20_001, Http);
const H2C: Way = Way::tcp(20_002, Http2);
const HTTPS: Way = Way::tls(20_003, Http);
const H2: Way = Way::tls(20_003, Http2);

fn start() -> Server {
    let setup = Setup::new();
    let (dir, host) = (setup.dir().display(), setup.host.clone());
    let [http, h2c, tls] = [0, 1, 2].map(|n| setup.port(n));
    let echo = echo();
    let config = format!(
        "frontend all\n  bind {host}:{http}\n  bind {host}:{h2c} proto h2\n  \
         bind {host}:{tls} ssl crt {dir}/both.pem alpn h2,http/1.1\n  \
         http-request return status 200 content-type text/plain string hello if {{ path /small }}\n  \
         default_backend echo\n\
         backend echo\n  server one 127.0.0.1:{echo}\n"
    );
    start_with(setup, &config)
}

/// Starts one on three ports, with a configuration of its own besides what all have.
pub fn start_with(setup: Setup, config: &str) -> Server {
    let usual = "global\n  log stderr format raw daemon\n\
        defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n  timeout tunnel 60s\n";
    setup.write("haproxy.cfg", [usual, config].concat());
    let config = setup.dir().join("haproxy.cfg");
    setup.start("haproxy", &["-db", "-f", config.to_str().unwrap()], 3)
}

/// Whatever the way, many requests go over a connection.
#[runtime::test]
fn exchanges() {
    let server = start();
    for way in [HTTP, H2C, HTTPS, H2] {
        let conn = way.open(&server);
        small(conn, "/small", "hello");
        gun::close(conn).unwrap();
    }
}

/// A Websocket over HTTP/2 is one over HTTP/1.1 behind it.
#[runtime::test]
fn websocket_over_http2() {
    let server = start();
    for way in [H2C, H2] {
        beside_requests(way.open(&server), "/", "/small", "hello");
    }
}
