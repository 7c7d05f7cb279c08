//! Proxies as they are in use: squid, microsocks, dante, nghttpx, apache2, haproxy. Behind each is an nginx.

use gun::{
    AwaitError, Awaited, Destination, Opts, Protocol, Reason, ReqOpts, Socks5Auth, Socks5Error,
    SocksOpts, StreamRef, Transport,
};
use http::Method;
use runtime::prelude::*;

use crate::exchange::{SOON, answer, large};
use crate::server::{Server, Setup};
use crate::{apache, haproxy, nginx};

/// The ways to what is behind: its port, what is spoken over, and what is spoken.
const BEHIND: [(u16, Transport, Protocol); 4] = [
    (20_001, Transport::Tcp, Protocol::Http),
    (20_002, Transport::Tcp, Protocol::Http2),
    (20_003, Transport::Tls, Protocol::Http),
    (20_003, Transport::Tls, Protocol::Http2),
];

/// A connection to a proxy, or through it.
fn open(proxy: &Server, opts: Opts, port: u16) -> Pid {
    let opts = opts.tls(proxy.authority.trusted()).retry(0);
    let conn = gun::open(&proxy.host, port, opts).unwrap();
    gun::await_up(conn, SOON).unwrap();
    conn
}

fn speaking(protocol: Protocol, transport: Transport) -> Opts {
    Opts::new().transport(transport).protocols([protocol])
}

/// Many small bodies through a tunnel.
fn small(conn: Pid, tunnel: StreamRef) {
    for _ in 0..5 {
        let through = ReqOpts::new().tunnel(tunnel);
        let stream = gun::request(conn, Method::GET, "/small", (), "", through);
        assert_eq!(answer(conn, stream), (200, "hello".into()));
    }
}

/// Small bodies and a large one.
fn exchanges(conn: Pid, tunnel: StreamRef) {
    small(conn, tunnel);
    let through = ReqOpts::new().tunnel(tunnel);
    let stream = gun::request(conn, Method::GET, "/large", (), "", through);
    let (status, body) = answer(conn, stream);
    assert!(status == 200 && body == large(), "{} bytes", body.len());
}

fn to(behind: &Server, way: (u16, Transport, Protocol)) -> Destination {
    let (port, transport, protocol) = way;
    Destination::new(&*behind.host, port)
        .transport(transport)
        .tls(behind.authority.trusted())
        .protocols([protocol])
}

/// Asks for a tunnel: what the proxy answers.
fn ask(conn: Pid, to: Destination, opts: ReqOpts) -> (StreamRef, u16) {
    let tunnel = gun::connect(conn, to, (), opts);
    match gun::await_(conn, tunnel, SOON) {
        Ok(Awaited::Response { status, .. }) => (tunnel, status.as_u16()),
        other => panic!("{other:?}"),
    }
}

/// Through a proxy, each way that there is behind it.
fn connects(proxy: &Server, behind: &Server, port: u16, protocol: Protocol, transport: Transport) {
    for way in BEHIND {
        let conn = open(proxy, speaking(protocol, transport), port);
        let to = to(behind, way).credentials("user", "secret");
        let (tunnel, status) = ask(conn, to, ReqOpts::new());
        assert_eq!(status, 200, "{way:?}");
        assert_eq!(gun::await_(conn, tunnel, SOON), Ok(Awaited::Up(way.2)));
        if way == BEHIND[3] {
            exchanges(conn, tunnel);
        } else {
            small(conn, tunnel);
        }
        gun::close(conn).unwrap();
    }
}

/// squid: CONNECT over TCP, and over TLS; for those alone who say a password.
fn squid() -> Server {
    let setup = Setup::new();
    let (dir, host) = (setup.dir().display().to_string(), setup.host.clone());
    let [tcp, tls, open] = [0, 1, 2].map(|n| setup.port(n));
    // It asks a program whether a password is right.
    let config = format!(
        "http_port {host}:{tcp}
        http_port {host}:{open}
        https_port {host}:{tls} tls-cert={dir}/certificate.pem tls-key={dir}/key.pem
        pid_filename none
        access_log none
        cache_log /dev/null
        cache_store_log none
        cache deny all
        coredump_dir {dir}
        shutdown_lifetime 0 seconds
        workers 1
        visible_hostname localhost
        auth_param basic program {dir}/ask
        auth_param basic children 1 startup=1 idle=1
        acl open localport {open}
        acl known proxy_auth REQUIRED
        http_access allow open
        http_access allow known
        http_access deny all
        "
    );
    setup.write("squid.conf", config);
    setup.write(
        "ask",
        "#!/bin/sh\nwhile read -r asked; do [ \"$asked\" = \"user secret\" ] && echo OK || echo ERR; done\n",
    );
    setup.executable("ask");
    let config = setup.dir().join("squid.conf");
    // Its shared memory is called so.
    let name = format!("gun{}", host.replace('.', "x"));
    let args = ["-N", "-n", &name, "-d", "1", "-f", config.to_str().unwrap()];
    setup.start("squid", &args, 3)
}

/// CONNECT over HTTP/1.1, TCP and TLS, TLS in TLS too; without a password it is refused, and can be asked for again.
#[runtime::test]
fn through_squid() {
    let (proxy, behind) = (squid(), nginx::start());
    connects(&proxy, &behind, 20_001, Protocol::Http, Transport::Tcp);
    connects(&proxy, &behind, 20_002, Protocol::Http, Transport::Tls);
    for credentials in [None, Some(("user", "wrong"))] {
        let opts = speaking(Protocol::Http, Transport::Tcp);
        let conn = open(&proxy, opts, 20_001);
        let mut to = to(&behind, BEHIND[0]);
        if let Some((name, password)) = credentials {
            to = to.credentials(name, password);
        }
        let (tunnel, status) = ask(conn, to, ReqOpts::new());
        assert_eq!(status, 407);
        gun::await_body(conn, tunnel, SOON).unwrap();
        gun::close(conn).unwrap();
    }
}

/// A port where nobody is: the proxy's own response.
#[runtime::test]
fn squid_refuses() {
    let proxy = squid();
    let conn = open(&proxy, speaking(Protocol::Http, Transport::Tcp), 20_003);
    let (tunnel, status) = ask(conn, Destination::new(&*proxy.host, 1), ReqOpts::new());
    assert_eq!(status, 503);
    gun::await_body(conn, tunnel, SOON).unwrap();
}

/// Through one proxy to another.
#[runtime::test]
fn squid_behind_squid() {
    let (first, second, behind) = (squid(), squid(), nginx::start());
    let conn = open(&first, speaking(Protocol::Http, Transport::Tls), 20_002);
    let next = Destination::new(&*second.host, 20_002)
        .transport(Transport::Tls)
        .tls(second.authority.trusted())
        .protocols([Protocol::Http])
        .credentials("user", "secret");
    let (one, status) = ask(conn, next, ReqOpts::new());
    assert_eq!(status, 200);
    assert_eq!(
        gun::await_(conn, one, SOON),
        Ok(Awaited::Up(Protocol::Http))
    );
    let to = to(&behind, BEHIND[3]).credentials("user", "secret");
    let (two, status) = ask(conn, to, ReqOpts::new().tunnel(one));
    assert_eq!(status, 200);
    assert_eq!(
        gun::await_(conn, two, SOON),
        Ok(Awaited::Up(Protocol::Http2))
    );
    exchanges(conn, two);
    gun::close(conn).unwrap();
}

/// A SOCKS proxy's way to what is behind.
fn beyond(behind: &Server, way: (u16, Transport, Protocol), auth: Socks5Auth) -> SocksOpts {
    let (port, transport, protocol) = way;
    SocksOpts::new(&*behind.host, port)
        .transport(transport)
        .tls(behind.authority.trusted())
        .protocols([protocol])
        .auth([auth])
}

fn password() -> Socks5Auth {
    Socks5Auth::UsernamePassword("user".into(), "secret".into())
}

fn socks(proxy: &Server, behind: &Server, auth: &Socks5Auth) {
    for way in BEHIND {
        let opts = Opts::new().protocols([beyond(behind, way, auth.clone())]);
        let conn = open(proxy, opts, 20_001);
        let told = gun::await_(conn, StreamRef::UNDEFINED, SOON);
        assert_eq!(told, Ok(Awaited::Up(way.2)), "{way:?}");
        exchanges(conn, StreamRef::UNDEFINED);
        gun::close(conn).unwrap();
    }
}

/// Why a SOCKS proxy opens no tunnel.
fn refused(proxy: &Server, way: SocksOpts) -> Reason {
    let conn = open(proxy, Opts::new().protocols([way]), 20_001);
    receive! {
        gun::Down { conn: of, reason, .. } if of == conn => reason,
        after SOON => panic!("no Down"),
    }
}

/// microsocks, with and without a password.
#[runtime::test]
fn through_microsocks() {
    let behind = nginx::start();
    for (auth, args) in [
        (Socks5Auth::None, &[][..]),
        (password(), &["-u", "user", "-P", "secret"]),
    ] {
        let setup = Setup::new();
        let host = setup.host.clone();
        let args = [&["-i", &host, "-p", "20001"], args].concat();
        let proxy = setup.start("microsocks", &args, 1);
        socks(&proxy, &behind, &auth);
        let nobody = SocksOpts::new(&*behind.host, 1).auth([auth.clone()]);
        let reason = refused(&proxy, nobody);
        assert_eq!(reason, Reason::Socks5(Socks5Error::ConnectionRefused));
        if auth != Socks5Auth::None {
            let wrong = Socks5Auth::UsernamePassword("user".into(), "wrong".into());
            let reason = refused(&proxy, beyond(&behind, BEHIND[0], wrong));
            let expected = Socks5Error::UsernamePasswordAuthFailure;
            assert_eq!(reason, Reason::Socks5(expected));
            let reason = refused(&proxy, beyond(&behind, BEHIND[0], Socks5Auth::None));
            assert_eq!(reason, Reason::Socks5(Socks5Error::NoAcceptableMethod));
        }
    }
}

/// dante, whose rules forbid a port.
#[runtime::test]
fn through_dante() {
    let behind = nginx::start();
    let setup = Setup::new();
    let (host, port) = (setup.host.clone(), setup.port(0));
    setup.write(
        "danted.conf",
        format!(
            "logoutput: stderr
            internal: {host} port = {port}
            external: lo
            clientmethod: none
            socksmethod: none
            user.privileged: root
            user.unprivileged: root
            client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
            socks block {{ from: 0.0.0.0/0 to: 0.0.0.0/0 port = 20004 }}
            socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
            "
        ),
    );
    let config = setup.dir().join("danted.conf");
    let proxy = setup.start("danted", &["-f", config.to_str().unwrap()], 1);
    socks(&proxy, &behind, &Socks5Auth::None);
    for (port, why) in [
        (20_004, Socks5Error::ConnectionNotAllowedByRuleset),
        (1, Socks5Error::ConnectionRefused),
    ] {
        let reason = refused(&proxy, SocksOpts::new(&*behind.host, port));
        assert_eq!(reason, Reason::Socks5(why));
    }
}

/// nghttpx, which speaks HTTP/2 with us and leaves the rest to a squid.
#[runtime::test]
fn through_nghttpx() {
    let (squid, behind) = (squid(), nginx::start());
    let setup = Setup::new();
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| setup.dir().join(name));
    let (host, behind_it) = (&setup.host, &squid.host);
    let frontends = [
        format!("--frontend={host},20001;no-tls"),
        format!("--frontend={host},20002"),
        format!("--backend={behind_it},20003;;proto=http/1.1"),
    ];
    let mut args: Vec<&str> = frontends.iter().map(String::as_str).collect();
    args.extend([
        "--http2-proxy",
        "--conf=/dev/null",
        "--workers=1",
        "--single-process",
        "--errorlog-file=/dev/stderr",
        key.to_str().unwrap(),
        certificate.to_str().unwrap(),
    ]);
    let proxy = setup.start("nghttpx", &args, 2);
    connects(&proxy, &behind, 20_001, Protocol::Http2, Transport::Tcp);
    connects(&proxy, &behind, 20_002, Protocol::Http2, Transport::Tls);
    side_by_side(&proxy, &behind, 20_002);
}

/// Several tunnels over one HTTP/2 connection, at once.
fn side_by_side(proxy: &Server, behind: &Server, port: u16) {
    let conn = open(proxy, speaking(Protocol::Http2, Transport::Tls), port);
    let tunnels = BEHIND.map(|way| {
        let (tunnel, status) = ask(conn, to(behind, way), ReqOpts::new());
        assert_eq!(status, 200);
        assert_eq!(gun::await_(conn, tunnel, SOON), Ok(Awaited::Up(way.2)));
        tunnel
    });
    let streams = tunnels.map(|tunnel| {
        let through = ReqOpts::new().tunnel(tunnel);
        gun::request(conn, Method::GET, "/large", (), "", through)
    });
    for stream in streams {
        let (status, body) = answer(conn, stream);
        assert!(status == 200 && body == large(), "{} bytes", body.len());
    }
    gun::cancel(conn, tunnels[0]);
    let through = ReqOpts::new().tunnel(tunnels[0]);
    let late = gun::request(conn, Method::GET, "/small", (), "", through);
    let told = gun::await_(conn, late, SOON);
    let no_tunnel = Reason::BadState(gun::BadState::NoTunnel);
    assert_eq!(told, Err(AwaitError::Stream(no_tunnel)));
    small(conn, tunnels[1]);
    gun::close(conn).unwrap();
}

/// apache2, over HTTP/1.1 and HTTP/2.
#[runtime::test]
fn through_apache2() {
    let behind = nginx::start();
    let setup = Setup::new();
    let (dir, host) = (setup.dir().display().to_string(), setup.host.clone());
    let config = format!(
        "Listen {host}:20001
        Listen {host}:20002
        <VirtualHost {host}:20001>
          ProxyRequests on
          AllowCONNECT 20001 20002 20003
        </VirtualHost>
        <VirtualHost {host}:20002>
          SSLEngine on
          SSLCertificateFile {dir}/certificate.pem
          SSLCertificateKeyFile {dir}/key.pem
          ProxyRequests on
          AllowCONNECT 20001 20002 20003
        </VirtualHost>
        "
    );
    let proxy = apache::start_with(setup, &["proxy_connect"], &config);
    connects(&proxy, &behind, 20_001, Protocol::Http, Transport::Tcp);
    connects(&proxy, &behind, 20_002, Protocol::Http, Transport::Tls);
    connects(&proxy, &behind, 20_001, Protocol::Http2, Transport::Tcp);
    connects(&proxy, &behind, 20_002, Protocol::Http2, Transport::Tls);
    // A port that it does not allow.
    let conn = open(&proxy, speaking(Protocol::Http2, Transport::Tls), 20_002);
    let (tunnel, status) = ask(conn, Destination::new(&*behind.host, 22), ReqOpts::new());
    assert_eq!(status, 403);
    gun::await_body(conn, tunnel, SOON).unwrap();
    gun::close(conn).unwrap();
}

/// haproxy, which passes CONNECT on, over HTTP/1.1 and HTTP/2, to a squid.
#[runtime::test]
fn through_haproxy() {
    let (squid, behind) = (squid(), nginx::start());
    let setup = Setup::new();
    let (dir, host) = (setup.dir().display(), setup.host.clone());
    let config = format!(
        "frontend all\n  bind {host}:20001\n  bind {host}:20002 proto h2\n  \
         bind {host}:20003 ssl crt {dir}/both.pem alpn h2,http/1.1\n  default_backend squid\n\
         backend squid\n  server one {}:20003\n",
        squid.host
    );
    let proxy = haproxy::start_with(setup, &config);
    connects(&proxy, &behind, 20_001, Protocol::Http, Transport::Tcp);
    connects(&proxy, &behind, 20_002, Protocol::Http2, Transport::Tcp);
    connects(&proxy, &behind, 20_003, Protocol::Http, Transport::Tls);
    connects(&proxy, &behind, 20_003, Protocol::Http2, Transport::Tls);
    side_by_side(&proxy, &behind, 20_003);
}
