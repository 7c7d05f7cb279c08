//! apache2: early hints, pushes, and Websockets over HTTP/2.

use gun::Awaited;
use gun::Protocol::{Http, Http2};

use crate::exchange::{SOON, Way, answer, large, pushed, small};
use crate::server::{Server, Setup};
use crate::websocket::{beside_requests, echo};

const HTTP: Way = Way::tcp(20_001, Http);
const H2C: Way = Way::tcp(20_001, Http2);
const HTTPS: Way = Way::tls(20_002, Http);
const H2: Way = Way::tls(20_002, Http2);

fn start() -> Server {
    let setup = Setup::new();
    let (dir, host) = (setup.dir().display(), setup.host.clone());
    let [tcp, tls] = [0, 1].map(|n| setup.port(n));
    let echo = echo();
    let config = format!(
        "Listen {host}:{tcp}
        Listen {host}:{tls}
        MaxKeepAliveRequests 0
        H2WebSockets on
        H2EarlyHints on
        DocumentRoot {dir}
        <VirtualHost {host}:{tls}>
          SSLEngine on
          SSLCertificateFile {dir}/certificate.pem
          SSLCertificateKeyFile {dir}/key.pem
        </VirtualHost>
        <Location /small>
          H2Push off
        </Location>
        <Location /large>
          H2Push off
        </Location>
        <Location /pushing>
          H2PushResource /pushed
        </Location>
        <Location /hinting>
          H2Push off
          H2EarlyHint Link \"</style.css>; rel=preload\"
          H2PushResource /pushed
        </Location>
        ProxyPass /ws http://127.0.0.1:{echo}/ upgrade=websocket
        "
    );
    for (name, body) in [
        ("small", "hello"),
        ("pushing", "asked"),
        ("pushed", "unasked"),
        ("hinting", "hinted"),
    ] {
        setup.write(name, body);
    }
    setup.write("large", large());
    start_with(setup, &["headers", "proxy_http"], &config)
}

/// Starts one on two ports, with modules and a configuration of its own besides those that all have.
pub fn start_with(setup: Setup, modules: &[&str], config: &str) -> Server {
    let (dir, host) = (setup.dir().display(), &setup.host);
    let usual = [
        "mpm_event",
        "authz_core",
        "http2",
        "ssl",
        "socache_shmcb",
        "proxy",
    ];
    let modules: String = usual
        .iter()
        .chain(modules)
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let config = format!(
        "{modules}
        ServerRoot {dir}
        ServerName {host}
        PidFile {dir}/pid
        DefaultRuntimeDir {dir}
        ErrorLog /dev/stderr
        User daemon
        Group daemon
        Protocols h2c h2 http/1.1
        H2Direct on
        {config}"
    );
    setup.write("apache.conf", config);
    let config = setup.dir().join("apache.conf");
    setup.start("apache2", &["-X", "-f", config.to_str().unwrap()], 2)
}

/// Whatever the way: many requests go over a connection, and a large body comes whole.
#[runtime::test]
fn exchanges() {
    let server = start();
    for way in [HTTP, H2C, HTTPS, H2] {
        let conn = way.open(&server);
        small(conn, "/small", "hello");
        assert!(answer(conn, gun::get(conn, "/large", ())).1 == large());
        gun::close(conn).unwrap();
    }
}

/// What it pushes is announced before the response that it belongs to.
#[runtime::test]
fn push() {
    let server = start();
    for way in [H2C, H2] {
        pushed(way, &server);
    }
}

/// Early hints come before the response.
#[runtime::test]
fn early_hints() {
    let server = start();
    for way in [H2C, H2] {
        let conn = way.open(&server);
        let stream = gun::get(conn, "/hinting", ());
        let told = gun::await_(conn, stream, SOON);
        assert!(
            matches!(&told, Ok(Awaited::Inform { status, headers }) if *status == 103 && headers.contains_key("link")),
            "{told:?}"
        );
        assert_eq!(answer(conn, stream), (200, "hinted".into()));
        gun::close(conn).unwrap();
    }
}

/// A Websocket over HTTP/2 is one over HTTP/1.1 behind it.
#[runtime::test]
fn websocket_over_http2() {
    let server = start();
    for way in [H2C, H2] {
        beside_requests(way.open(&server), "/ws", "/small", "hello");
    }
}
