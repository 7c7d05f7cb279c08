//! rfc6265bis_SUITE: cookies between a connection and an origin that sets what it is asked to, and shows what it gets.
//! Each case is asked in each way there is. The cases are those of the Web Platform Tests, in our words.

use std::time::SystemTime;

use bytes::Bytes;
use gun::cookies::{self, List};
use gun::{Awaited, Http2Opts, HttpOpts, Opts, ReqOpts, WsOpts};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use runtime::prelude::*;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::origin::{Origin, Reply, WAYS, Way, proxy};
use crate::peer::{Line, Peer, SOON};

/// Each `x-set` becomes a cookie, each `x-hint` one of an early hint; the body is the cookies that came.
fn handler(request: &Request<()>, _: Bytes) -> Reply {
    let all = |name: &str| {
        let mut headers = HeaderMap::new();
        for value in request.headers().get_all(name) {
            headers.append("set-cookie", value.clone());
        }
        headers
    };
    let mut headers = all("x-set");
    let cookies: Vec<&[u8]> = request
        .headers()
        .get_all("cookie")
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let hint = Some(all("x-hint")).filter(|headers| !headers.is_empty());
    let mut status = StatusCode::OK;
    if let Some(key) = request.headers().get("sec-websocket-key") {
        status = StatusCode::SWITCHING_PROTOCOLS;
        let accept = derive_accept_key(key.as_bytes());
        headers.insert("sec-websocket-accept", accept.parse().unwrap());
        headers.insert("connection", "upgrade".parse().unwrap());
        headers.insert("upgrade", "websocket".parse().unwrap());
    }
    Reply {
        hint,
        status,
        headers,
        body: match status {
            StatusCode::OK => cookies.join(&b"; "[..]).into(),
            _ => Bytes::new(),
        },
        ..Reply::default()
    }
}

/// A connection with cookies.
struct Session {
    conn: Pid,
    opts: ReqOpts,
}

impl Session {
    fn start(way: Way) -> Session {
        let conn = Origin::start(way, handler).open(Opts::new().cookie_store(List::new));
        let opts = ReqOpts::new();
        Session { conn, opts }
    }

    fn ask(&self, host: &str, path: &str, name: &'static str, cookies: &[&[u8]]) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().unwrap());
        for cookie in cookies {
            headers.append(name, HeaderValue::from_bytes(cookie).unwrap());
        }
        let conn = self.conn;
        let stream = gun::request(conn, Method::GET, path, headers, "", self.opts.clone());
        gun::await_body(conn, stream, SOON).unwrap().0.to_vec()
    }

    fn set(&self, host: &str, path: &str, cookies: &[&str]) {
        let cookies: Vec<&[u8]> = cookies.iter().map(|cookie| cookie.as_bytes()).collect();
        self.ask(host, path, "x-set", &cookies);
    }

    fn sent(&self, host: &str, path: &str) -> String {
        String::from_utf8(self.ask(host, path, "x-set", &[])).unwrap()
    }
}

/// In each way, a table's rows: what is set at `/cookies/set`, and what is sent there then. Each row has a host of its own.
fn table(rows: &[(&[&str], &str)]) {
    for way in WAYS {
        let session = Session::start(way);
        for (row, (set, sent)) in rows.iter().enumerate() {
            let host = format!("row-{row}.example.org");
            session.set(&host, "/cookies/set", set);
            assert_eq!(
                session.sent(&host, "/cookies/get"),
                *sent,
                "{way:?}: {set:?}"
            );
        }
        gun::close(session.conn).unwrap();
    }
}

/// Early hints set cookies.
#[runtime::test]
fn dont_ignore_informational_set_cookie() {
    for way in WAYS {
        let session = Session::start(way);
        session.ask("a.example.org", "/", "x-hint", &[b"early=1"]);
        assert_eq!(session.sent("a.example.org", "/"), "early=1", "{way:?}");
        gun::close(session.conn).unwrap();
    }
}

/// They do not if the options say so.
#[runtime::test]
fn ignore_informational_set_cookie() {
    for way in WAYS {
        let opts = Opts::new()
            .cookie_store(List::new)
            .http(HttpOpts::new().cookie_ignore_informational(true))
            .http2(Http2Opts::new().cookie_ignore_informational(true));
        let conn = Origin::start(way, handler).open(opts);
        let opts = ReqOpts::new();
        let session = Session { conn, opts };
        session.ask("a.example.org", "/", "x-hint", &[b"early=1"]);
        assert_eq!(session.sent("a.example.org", "/"), "", "{way:?}");
        gun::close(session.conn).unwrap();
    }
}

/// Without a store there are no cookies; one's own header is sent as it is, and joined by those that are kept.
#[runtime::test]
fn cookies_of_the_users_own() {
    for way in WAYS {
        let conn = Origin::start(way, handler).open(Opts::new());
        let headers = [("x-set", "a=1"), ("cookie", "own=1")];
        let stream = gun::get(conn, "/", headers);
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "own=1");
        let stream = gun::get(conn, "/", ());
        assert_eq!(gun::await_body(conn, stream, SOON).unwrap().0, "");
        gun::close(conn).unwrap();
    }
    // HTTP/1.1 has no more than one such header.
    let (_peer, conn, mut line) = kept();
    gun::get(conn, "/", [("cookie", "own=1")]);
    let head = line.head();
    assert!(head.contains("cookie: own=1; kept=1\r\n"), "{head}");
    assert_eq!(head.matches("cookie:").count(), 1, "{head}");
    gun::close(conn).unwrap();
}

/// A connection that keeps a cookie, and the server's side of it.
fn kept() -> (Peer, Pid, Line) {
    let peer = Peer::new();
    let (conn, mut line) = peer.open(Opts::new().cookie_store(List::new));
    let stream = gun::get(conn, "/", ());
    line.head();
    line.write("HTTP/1.1 204 No Content\r\nset-cookie: kept=1\r\n\r\n");
    gun::await_(conn, stream, SOON).unwrap();
    (peer, conn, line)
}

fn through_a_tunnel(way: Way) {
    let origin = Origin::start(way, handler);
    let opts = Opts::new().cookie_store(List::new).retry(0);
    let conn = gun::open("127.0.0.1", proxy(), opts).unwrap();
    let destination = gun::Destination::new("localhost", origin.port)
        .transport(way.transport())
        .protocols([way.protocol()])
        .tls(origin.trusted());
    let tunnel = gun::connect(conn, destination, (), ReqOpts::new());
    while !matches!(gun::await_(conn, tunnel, SOON).unwrap(), Awaited::Up(_)) {}
    let opts = ReqOpts::new().tunnel(tunnel);
    let session = Session { conn, opts };
    session.set("a.example.org", "/", &["a=1", "b=2; Secure"]);
    let sent = match way.scheme() {
        "https" => "a=1; b=2",
        _ => "a=1",
    };
    assert_eq!(session.sent("a.example.org", "/"), sent, "{way:?}");
    gun::close(conn).unwrap();
}

/// Cookies are kept of responses that come through a tunnel over TCP, and sent through it.
#[runtime::test]
fn set_cookie_connect_tcp() {
    through_a_tunnel(Way::Http);
    through_a_tunnel(Way::H2c);
}

/// So they are through one in which TLS is spoken: it is that which makes it secure.
#[runtime::test]
fn set_cookie_connect_tls() {
    through_a_tunnel(Way::Https);
    through_a_tunnel(Way::H2);
}

/// A response with a control character in a cookie is none: it fails, and nothing is kept. A tab may be in a value.
fn refused(cookie: impl Fn(u8) -> Vec<u8>) {
    for byte in [0, 1, 8, 11, 12, 31, 127] {
        let peer = Peer::new();
        let opts = Opts::new().cookie_store(List::new);
        let (conn, mut line) = peer.open(opts);
        let stream = gun::get(conn, "/", ());
        line.head();
        let head = b"HTTP/1.1 204 No Content\r\nset-cookie: ";
        line.write([head, &cookie(byte)[..], b"\r\n\r\n"].concat());
        assert!(gun::await_(conn, stream, SOON).is_err(), "{byte}");
        let mut line = peer.accept();
        gun::get(conn, "/", ());
        assert!(!line.head().contains("cookie"), "{byte}");
        gun::close(conn).unwrap();
    }
}

/// In a cookie's name there is no control character; a tab around it is no part of it.
#[runtime::test]
fn wpt_name_ctl() {
    refused(|byte| [b"na", &[byte][..], b"me=value"].concat());
    table(&[
        (&["\tname=1"], "name=1"),
        (&["name\t=1"], "name=1"),
        (&["na\tme=1"], "na\tme=1"),
    ]);
}

/// Nor in its value.
#[runtime::test]
fn wpt_value_ctl() {
    refused(|byte| [b"name=va", &[byte][..], b"lue"].concat());
    table(&[
        (&["name=\tvalue"], "name=value"),
        (&["name=va\tlue"], "name=va\tlue"),
        (&["name=value\t"], "name=value"),
    ]);
}

/// Nor in a domain; one with a tab in it is another.
#[runtime::test]
fn wpt_attributes_ctl_domain2() {
    refused(|byte| [b"name=1; Domain=ex", &[byte][..], b"ample.org"].concat());
    table(&[(&["name=1; Domain=exam\tple.org"], "")]);
    table(&[(&["name=1; Domain=\texample.org"], "name=1")]);
}

/// Nor in a path; tabs around it are no part of it.
#[runtime::test]
fn wpt_attributes_ctl_path() {
    refused(|byte| [b"name=1; Path=/", &[byte][..]].concat());
    table(&[
        (&["name=1; Path=\t/cookies"], "name=1"),
        (&["name=1; Path=/cookies\t"], "name=1"),
        (&["name=1; Path=/coo\tkies"], ""),
    ]);
}

/// Nor in an age; one with a tab in it is none.
#[runtime::test]
fn wpt_attributes_ctl_max_age() {
    refused(|byte| [b"name=1; Max-Age=10", &[byte][..], b"00"].concat());
    table(&[
        (&["name=1; Max-Age=\t0"], ""),
        (&["name=1; Max-Age=0\t"], ""),
        (&["name=1; Max-Age=0\t0"], "name=1"),
    ]);
}

/// Nor at the end of one.
#[runtime::test]
fn wpt_attributes_ctl_max_age2() {
    refused(|byte| [b"name=1; Max-Age=1000", &[byte][..]].concat());
}

/// Nor in a date; a tab in it is a delimiter.
#[runtime::test]
fn wpt_attributes_ctl_expires() {
    refused(|byte| [b"name=1; Expires=Fri, 01", &[byte][..], b" Jan 2038"].concat());
    table(&[
        (&["name=1; Expires=Thu,\t01 Jan 1970\t00:00:00 GMT"], ""),
        (
            &["name=1; Expires=Fri, 01\tJan 2038 00:00:00 GMT"],
            "name=1",
        ),
    ]);
}

/// Nor at the end of one.
#[runtime::test]
fn wpt_attributes_ctl_expires2() {
    refused(|byte| {
        [
            b"name=1; Expires=Fri, 01 Jan 2038 00:00:00 GMT",
            &[byte][..],
        ]
        .concat()
    });
}

/// Nor in what has no value; with a tab in it, it is something else.
#[runtime::test]
fn wpt_attributes_ctl_secure() {
    refused(|byte| [b"name=1; Sec", &[byte][..], b"ure"].concat());
    table(&[(&["name=1; Sec\ture"], "name=1")]);
}

/// Nor after it.
#[runtime::test]
fn wpt_attributes_ctl_secure2() {
    refused(|byte| [b"name=1; Secure", &[byte][..]].concat());
}

/// Nor in HttpOnly.
#[runtime::test]
fn wpt_attributes_ctl_httponly() {
    refused(|byte| [b"name=1; HttpOnly", &[byte][..]].concat());
    table(&[
        (&["name=1; HttpOnly\t"], "name=1"),
        (&["name=1; Http\tOnly"], "name=1"),
    ]);
}

/// Nor in SameSite.
#[runtime::test]
fn wpt_attributes_ctl_samesite() {
    refused(|byte| [b"name=1; SameSite=La", &[byte][..], b"x"].concat());
    table(&[(&["name=1; SameSite=La\tx"], "name=1")]);
}

/// Nor at its end.
#[runtime::test]
fn wpt_attributes_ctl_samesite2() {
    refused(|byte| [b"name=1; SameSite=Lax", &[byte][..]].concat());
}

/// What is no attribute, or has no sense, is overlooked; the last of a name is what counts.
#[runtime::test]
fn wpt_attributes_invalid() {
    table(&[
        (&["a=1; Invalid"], "a=1"),
        (&["a=1; Invalid=1"], "a=1"),
        (&["a=1;;;;"], "a=1"),
        (&["a=1; =; =b"], "a=1"),
        (&["a=1; Domain"], "a=1"),
        (&["a=1; Path"], "a=1"),
        (&["a=1; Expires"], "a=1"),
        (&["a=1; Expires=never"], "a=1"),
        (&["a=1; Max-Age"], "a=1"),
        (&["a=1; Max-Age=none"], "a=1"),
        (&["a=1; SameSite=sometimes"], "a=1"),
        (&["a=1; Path=/other; Path=/cookies"], "a=1"),
        (&["a=1; Path=/cookies; Path=/other"], ""),
    ]);
}

/// An age of none ends a cookie, and goes before a date.
#[runtime::test]
fn wpt_attributes_max_age() {
    let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    let future = "Expires=Fri, 01 Jan 2038 00:00:00 GMT";
    table(&[
        (&["a=1", "a=1; Max-Age=0"], ""),
        (&["a=1", "a=1; Max-Age=-1"], ""),
        (&["a=1", "a=1; Max-Age=-"], "a=1"),
        (&["a=1; Max-Age=1000"], "a=1"),
        (&["a=1; Max-Age=99999999999999999999"], "a=1"),
        (&["a=1", &format!("a=1; {past}")], ""),
        (&[&format!("a=1; {past}; Max-Age=1000")], "a=1"),
        (&[&format!("a=1; Max-Age=1000; {past}")], "a=1"),
        (&[&format!("a=1; Max-Age=0; {future}")], ""),
    ]);
}

/// Who gets a cookie that `www.example.org` has set with this domain.
fn domains(attribute: &str, gets: &[&str], gets_not: &[&str]) {
    for way in WAYS {
        let session = Session::start(way);
        session.set("www.example.org", "/", &[&format!("a=1{attribute}")]);
        for host in gets {
            assert_eq!(session.sent(host, "/"), "a=1", "{way:?}: {host}");
        }
        for host in gets_not {
            assert_eq!(session.sent(host, "/"), "", "{way:?}: {host}");
        }
        gun::close(session.conn).unwrap();
    }
}

/// A period before a domain says nothing.
#[runtime::test]
fn wpt_domain_with_leading_period() {
    domains(
        "; Domain=.example.org",
        &["www.example.org", "example.org", "a.b.example.org"],
        &["example.com", "notexample.org"],
    );
}

/// So the same cookie with and without one is one cookie.
#[runtime::test]
fn wpt_domain_with_and_without_leading_period() {
    table(&[
        (
            &["a=1; Domain=.example.org", "a=2; Domain=example.org"],
            "a=2",
        ),
        (
            &["b=1; Domain=example.org", "b=2; Domain=.example.org"],
            "a=2; b=2",
        ),
    ]);
}

/// A domain that is the host is for those below it too.
#[runtime::test]
fn wpt_domain_matches_host() {
    domains(
        "; Domain=www.example.org",
        &["www.example.org", "a.www.example.org"],
        &["example.org", "other.example.org"],
    );
    // One that is not is refused, and so is one that is nobody's.
    domains("; Domain=other.example.org", &[], &["www.example.org"]);
    domains("; Domain=org", &[], &["www.example.org", "org"]);
}

/// Without a domain it is for the host alone.
#[runtime::test]
fn wpt_domain_missing() {
    for attribute in ["", "; Domain=", "; Domain"] {
        domains(
            attribute,
            &["www.example.org"],
            &["example.org", "a.www.example.org"],
        );
    }
}

/// A cookie without a path is for the folder that has set it.
#[runtime::test]
fn wpt_path_default() {
    for way in WAYS {
        let session = Session::start(way);
        session.set("a.example.org", "/folder/set?a=/b/c", &["a=1"]);
        for (path, sent) in [
            ("/folder", "a=1"),
            ("/folder/", "a=1"),
            ("/folder/get", "a=1"),
            ("/folder/below/get?query", "a=1"),
            ("/", ""),
            ("/folders", ""),
        ] {
            assert_eq!(session.sent("a.example.org", path), sent, "{way:?}: {path}");
        }
        gun::close(session.conn).unwrap();
    }
}

/// A path is matched by whole names. Longer paths go first.
#[runtime::test]
fn wpt_path_match() {
    table(&[
        (&["a=1; Path=/"], "a=1"),
        (&["a=1; Path=/cookies"], "a=1"),
        (&["a=1; Path=/cookies/"], "a=1"),
        (&["a=1; Path=/cookies/get"], "a=1"),
        (&["a=1; Path=/cookies/get/"], ""),
        (&["a=1; Path=/cook"], ""),
        (&["a=1; Path=/Cookies"], ""),
        (&["a=1; Path=cookies"], "a=1"),
        (&["a=1; Path=\"/cookies\""], "a=1"),
        (&["a=1; Path=/", "a=2; Path=/cookies"], "a=2; a=1"),
    ]);
}

/// The prefix `__Host-` promises: secure, of one host, for all of it.
#[runtime::test]
fn wpt_prefix_host() {
    prefixes(&[
        ("__Host-a=1; Secure; Path=/", true),
        ("__host-a=1; Secure; Path=/", true),
        ("__Host-a=1; Path=/", false),
        ("__Host-a=1; Secure", false),
        ("__Host-a=1; Secure; Path=/cookies", false),
        ("__Host-a=1; Secure; Path=/; Domain=HOST", false),
        ("=__Host-a=1; Secure; Path=/", false),
    ]);
}

/// The prefix `__Secure-` promises that it is secure.
#[runtime::test]
fn wpt_prefix_secure() {
    prefixes(&[
        ("__Secure-a=1; Secure", true),
        ("__SECURE-a=1; Secure; Domain=HOST", true),
        ("__Secure-a=1", false),
        ("=__Secure-a=1; Secure", false),
    ]);
}

/// Over TLS those are kept that keep their promise, over TCP none.
fn prefixes(rows: &[(&str, bool)]) {
    for way in WAYS {
        let session = Session::start(way);
        for (row, (cookie, keeps)) in rows.iter().enumerate() {
            let host = format!("www.row-{row}.org");
            session.set(&host, "/", &[&cookie.replace("HOST", &host)]);
            let kept = !session.sent(&host, "/").is_empty();
            let is_tls = way.scheme() == "https";
            assert_eq!(kept, *keeps && is_tls, "{way:?}: {cookie}");
        }
        gun::close(session.conn).unwrap();
    }
}

/// A secure cookie is set over TLS alone.
#[runtime::test]
fn wpt_secure() {
    for way in WAYS {
        let session = Session::start(way);
        session.set("www.example.org", "/", &["a=1; Secure", "b=1"]);
        let sent = match way.scheme() {
            "https" => "a=1; b=1",
            _ => "b=1",
        };
        assert_eq!(session.sent("www.example.org", "/"), sent, "{way:?}");
        gun::close(session.conn).unwrap();
    }
}

/// So it is with the answer that grants a Websocket. The cookies outlive the connection, which is made again.
#[runtime::test]
fn wpt_secure_ws() {
    for way in [Way::Http, Way::Https] {
        let session = Session::start(way);
        let conn = session.conn;
        let mut headers = HeaderMap::new();
        headers.insert("host", "www.example.org".parse().unwrap());
        for cookie in ["a=1; Secure", "b=1"] {
            headers.append("x-set", cookie.parse().unwrap());
        }
        let opts = WsOpts::new().closing_timeout(std::time::Duration::from_millis(1));
        let stream = gun::ws_upgrade(conn, "/", headers, opts);
        assert!(matches!(
            gun::await_(conn, stream, SOON),
            Ok(Awaited::Upgrade { .. })
        ));
        gun::ws_send(conn, stream, [gun::ws::Frame::Close]);
        receive! {
            gun::Down { .. } => {}
            after SOON => panic!("no Down"),
        }
        let sent = match way {
            Way::Https => "a=1; b=1",
            _ => "b=1",
        };
        assert_eq!(session.sent("www.example.org", "/"), sent, "{way:?}");
        gun::close(conn).unwrap();
    }
}

/// Names and values of 4096 bytes together are kept, longer ones are not; an attribute too long is overlooked.
#[runtime::test]
fn wpt_size_attributes() {
    let name = |length: usize| format!("{}=b", "a".repeat(length - 1));
    let path = |length: usize| format!("a=1; Path=/cookies; Path=/{}", "x".repeat(length - 1));
    table(&[
        (&[&name(4096)], &name(4096)),
        (&[&name(4097)], ""),
        (&[&path(1024)], ""),
        (&[&path(1025)], "a=1"),
        (&[&format!("a=1; Domain={}.org", "x".repeat(1021))], "a=1"),
    ]);
}

/// A value is what is between the first equals sign and the semicolon, without what is around it.
#[runtime::test]
fn wpt_value() {
    table(&[
        (&["a=1=2"], "a=1=2"),
        (&["a==1"], "a==1"),
        (&["a=  1  ; b"], "a=1"),
        (&["a=\"1\""], "a=\"1\""),
        (&["a=\"1;2\""], "a=\"1"),
        (&["a=1,2"], "a=1,2"),
        (&["a="], "a="),
        (&["a"], "a"),
        (&["=a"], "a"),
        (&["="], ""),
        (&["; a=1"], ""),
    ]);
}

/// Bytes that are no ASCII go there and back.
#[runtime::test]
fn wpt_encoding() {
    for way in WAYS {
        let session = Session::start(way);
        let cookie = "ä=ö; Path=/".as_bytes();
        session.ask("a.example.org", "/", "x-set", &[cookie]);
        let sent = session.ask("a.example.org", "/", "x-set", &[]);
        assert_eq!(sent, "ä=ö".as_bytes(), "{way:?}");
        gun::close(session.conn).unwrap();
    }
}

/// A pushed response sets cookies as any other does, for the path that it was pushed for.
#[runtime::test]
fn set_cookie_by_a_pushed_response() {
    use crate::frames::{self, END_HEADERS, END_STREAM, HEADERS, OK, literal, promise};
    let peer = Peer::new();
    let me = self_pid();
    let opts = Opts::new()
        .cookie_store(List::new)
        .event_handler(move || TellCookies(me));
    let (conn, mut frames) = frames::open(&peer, opts, &[]);
    let stream = gun::get(conn, "/deep/down", ());
    frames.until(HEADERS);
    frames.write(promise(0x86, &format!("127.0.0.1:{}", peer.port())));
    let head = [OK, &literal("set-cookie", "pushed=1")].concat();
    frames.frame(HEADERS, END_HEADERS | END_STREAM, 2, head);
    let Ok(Awaited::Push { promised, .. }) = gun::await_(conn, stream, SOON) else {
        panic!("no push");
    };
    gun::await_(conn, promised, SOON).unwrap();
    gun::get(conn, "/other", ());
    receive! {
        Sent(cookies) if !cookies.is_empty() => assert_eq!(cookies, "pushed=1"),
        after SOON => panic!("none is sent"),
    }
    gun::close(conn).unwrap();
}

/// The cookies of a request.
#[derive(Debug)]
struct Sent(String);

struct TellCookies(Pid);

impl gun::EventHandler for TellCookies {
    fn handle(&mut self, event: gun::Event<'_>) {
        if let gun::Event::RequestHeaders(request) = event {
            let cookies = request.headers.get("cookie");
            let cookies = cookies.map_or("", |cookies| cookies.to_str().unwrap());
            send(self.0, Sent(cookies.to_owned()));
        }
    }
}

/// Cookies outlive the connection that they came by, not the process.
#[runtime::test]
fn cookies_after_a_loss() {
    let (peer, conn, line) = kept();
    drop(line);
    let mut line = peer.accept();
    gun::get(conn, "/", ());
    let head = line.head();
    assert!(head.contains("cookie: kept=1\r\n"), "{head}");
    gun::close(conn).unwrap();
}

/// A store of the user's own: what it is asked to do, a list does; the end of the session it tells.
#[derive(Debug)]
struct Own(List, Pid);

#[derive(Debug)]
struct SessionEnded;

impl cookies::CookieStore for Own {
    fn query(&mut self, target: &cookies::Target, now: SystemTime) -> Vec<cookies::Cookie> {
        self.0.query(target, now)
    }
    fn set_cookie_secure_match(&self, cookie: &cookies::Cookie) -> bool {
        self.0.set_cookie_secure_match(cookie)
    }
    fn set_cookie_take_exact_match(&mut self, new: &cookies::Cookie) -> Option<cookies::Cookie> {
        self.0.set_cookie_take_exact_match(new)
    }
    fn store(
        &mut self,
        cookie: cookies::Cookie,
        now: SystemTime,
    ) -> Result<(), cookies::StoreError> {
        self.0.store(cookie, now)
    }
    fn gc(&mut self, now: SystemTime) {
        self.0.gc(now);
    }
    fn session_gc(&mut self) {
        send(self.1, SessionEnded);
    }
}

/// A store is told when the process ends, with which its session does, and not before.
#[runtime::test]
fn session_gc() {
    let me = self_pid();
    let peer = Peer::new();
    let opts = Opts::new().cookie_store(move || Own(List::new(), me));
    let (conn, line) = peer.open(opts);
    drop(line);
    let _line = peer.accept();
    assert_eq!(gun::await_up(conn, SOON), Ok(gun::Protocol::Http));
    receive! {
        SessionEnded => panic!("it goes on"),
        after std::time::Duration::ZERO => {}
    }
    gun::shutdown(conn);
    receive! {
        SessionEnded => {}
        after SOON => panic!("not told"),
    }
}
