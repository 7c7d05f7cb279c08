//! Named after the cases of Gun's rfc6265bis_SUITE; the data is our own.

use std::time::{Duration, SystemTime};

use super::cookie::SetCookieError as E;
use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

const NOW: u64 = 1_700_000_000;

fn target(url: &str) -> Target {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Target::new(scheme, authority, path)
}

/// A client that visits addresses one after another.
#[derive(Default)]
struct Client(List);

impl Client {
    fn set(&mut self, url: &str, header: &str) -> Result<(), E> {
        set_cookie(&mut self.0, &target(url), header.as_bytes(), at(NOW))
    }

    fn sent(&mut self, url: &str) -> String {
        self.sent_at(url, NOW)
    }

    fn sent_at(&mut self, url: &str, now: u64) -> String {
        header(&mut self.0, &target(url), at(now))
            .map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
            .unwrap_or_default()
    }
}

/// What is sent back to the place that set these.
fn echo(url: &str, headers: &[&str]) -> String {
    let mut client = Client::default();
    for header in headers {
        let _ = client.set(url, header);
    }
    client.sent(url)
}

const HTTP: &str = "http://www.example.org/dir/page?q=/x/";
const HTTPS: &str = "https://www.example.org/dir/page";

/// Control characters anywhere make it no cookie; a tab is none of them.
#[test]
fn wpt_name_ctl_value_ctl_and_attributes_ctl() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|b| *b != b'\t') {
        let c = char::from(byte);
        for header in [
            format!("a{c}b=c"),
            format!("a=b{c}c"),
            format!("a=b; Domain=example{c}.org"),
            format!("a=b; Path=/{c}"),
            format!("a=b; Max-Age=1{c}"),
            format!("a=b; Expires=Fri, 01 Jan{c} 2038 00:00:00 GMT"),
            format!("a=b; Secure{c}"),
            format!("a=b; HttpOnly{c}"),
            format!("a=b; SameSite{c}=Lax"),
        ] {
            assert_eq!(
                Client::default().set(HTTPS, &header),
                Err(E::Malformed),
                "{header:?}"
            );
        }
    }
    assert_eq!(echo(HTTP, &["\ta\t=\tb\tc\t"]), "a=b\tc");
}

/// Names and values are kept as they are, but for blanks around them.
#[test]
fn wpt_value() {
    for (header, expected) in [
        ("a=b", "a=b"),
        ("  a  =  b c  ; x", "a=b c"),
        ("a=\"b; c\"", "a=\"b"),
        ("a=b=c", "a=b=c"),
        ("a=", "a="),
        ("=b", "b"),
        ("b", "b"),
        ("==b", "=b"),
        ("=", ""),
        ("", ""),
        (" ; Secure", ""),
        ("a=b,c=d", "a=b,c=d"),
        ("a=ä", "a=ä"),
        ("A=b", "A=b"),
    ] {
        assert_eq!(echo(HTTP, &[header]), expected, "{header}");
    }
    assert_eq!(echo(HTTP, &["a=1", "A=2", "a=3"]), "A=2; a=3");
}

/// Unknown attributes are overlooked, known ones work in any case.
#[test]
fn wpt_attributes_invalid() {
    let url = "https://example.org/";
    for attributes in [
        "; foo",
        "; foo=bar",
        "; =",
        "; ; ;",
        "; Path",
        "; secure=no",
        "; SeCuRe",
        "; HTTPONLY=x",
        "; samesite=weird",
    ] {
        assert_eq!(
            echo(url, &[&format!("a=b{attributes}")]),
            "a=b",
            "{attributes}"
        );
    }
    let mut client = Client::default();
    client
        .set(url, "a=b; sEcUrE=; HttpOnly; SameSite=strict; samesite=LAX")
        .unwrap();
    let cookie = &client.0.cookies()[0];
    assert!(cookie.secure_only && cookie.http_only);
    assert_eq!(cookie.same_site, SameSite::Lax);
}

/// Max-Age is a number of seconds, goes before Expires, and below one it removes.
#[test]
fn wpt_attributes_max_age() {
    for (attribute, kept) in [
        ("Max-Age=1", true),
        ("Max-Age=0", false),
        ("Max-Age=-1", false),
        ("max-age=-99999999999999999999999", false),
        ("Max-Age=99999999999999999999999", true),
        ("Max-Age=", true),
        ("Max-Age=-", true),
        ("Max-Age=+0", true),
        ("Max-Age=0x", true),
        ("Max-Age=\"0\"", true),
        ("Max-Age=0; Max-Age=5", true),
        ("Max-Age=5; Max-Age=0", false),
        ("Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:01 GMT", true),
        ("Expires=Fri, 01 Jan 2038 00:00:00 GMT; Max-Age=0", false),
    ] {
        let sent = echo(HTTP, &["a=old", &format!("a=b; {attribute}")]);
        assert_eq!(sent, if kept { "a=b" } else { "" }, "{attribute}");
    }
    let mut client = Client::default();
    client.set(HTTP, "a=b; Max-Age=10").unwrap();
    assert_eq!(client.sent_at(HTTP, NOW + 9), "a=b");
    assert_eq!(client.sent_at(HTTP, NOW + 10), "");
}

/// A life is at most 400 days.
#[test]
fn max_age_is_capped() {
    let mut client = Client::default();
    client.set(HTTP, "a=b; Max-Age=99999999999").unwrap();
    client
        .set(HTTP, "c=d; Expires=Fri, 01 Jan 2999 00:00:00 GMT")
        .unwrap();
    for cookie in client.0.cookies() {
        assert_eq!(cookie.expiry_time, Some(at(NOW + 400 * 86_400)));
    }
}

/// Expires is read leniently; what is no date is overlooked.
#[test]
fn wpt_attributes_expires() {
    for (date, expected) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
        ("1994 nOVEmber 6th 8:49:37", Some(784_111_777)),
        ("08:49:37x 06 Nov 1994", Some(784_111_777)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("29 Feb 2000 00:00:00", Some(951_782_400)),
        ("31 Dec 69 23:59:59", Some(3_155_759_999)),
        ("1 Jan 70 0:0:0", Some(0)),
        ("29 Feb 1900 00:00:00", None),
        ("30 Feb 2001 00:00:00", None),
        ("31 Apr 2001 00:00:00", None),
        ("0 Jan 2001 00:00:00", None),
        ("32 Jan 2001 00:00:00", None),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 2001 24:00:00", None),
        ("1 Jan 2001 00:60:00", None),
        ("1 Jan 2001 00:00:60", None),
        ("1 Jan 2001 00:00", None),
        ("1 Jan 20011 00:00:00", None),
        ("1 Foo 2001 00:00:00", None),
        ("Jan 2001 00:00:00", None),
        ("", None),
    ] {
        assert_eq!(date::parse(date.as_bytes()), expected.map(at), "{date}");
    }
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(date::parse(b"31 Dec 1969 23:59:59"), Some(before));
    assert_eq!(echo(HTTP, &["a=b; Expires=nonsense"]), "a=b");
    assert_eq!(
        echo(HTTP, &["a=b", "a=; Expires=Sun, 06 Nov 1994 08:49:37 GMT"]),
        ""
    );
}

/// A domain is matched by itself and the names below it, never by an address.
#[test]
fn domain_match_table() {
    for (host, domain, expected) in [
        ("example.org", "example.org", true),
        ("www.example.org", "example.org", true),
        ("a.b.example.org", "example.org", true),
        ("example.org", "www.example.org", false),
        ("badexample.org", "example.org", false),
        ("example.com", "example.org", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "0.0.1", false),
        ("::1", "1", false),
        ("example.org", "", false),
    ] {
        assert_eq!(domain_match(host, domain), expected, "{host} {domain}");
    }
}

/// A path is matched by itself and by what lies below it.
#[test]
fn wpt_path_match() {
    for (path, cookie, expected) in [
        ("/", "/", true),
        ("/a", "/", true),
        ("/a", "/a", true),
        ("/a/", "/a", true),
        ("/a/b", "/a", true),
        ("/a/b", "/a/", true),
        ("/a", "/a/", false),
        ("/ab", "/a", false),
        ("/", "/a", false),
        ("/A", "/a", false),
    ] {
        assert_eq!(
            path_match(path.as_bytes(), cookie.as_bytes()),
            expected,
            "{path} {cookie}"
        );
    }
}

/// Without a path, or with one that does not begin with a slash, it is the request's directory.
#[test]
fn wpt_path_default() {
    for (url, path) in [
        ("http://h.org", "/"),
        ("http://h.org/", "/"),
        ("http://h.org/a", "/"),
        ("http://h.org/a/", "/a"),
        ("http://h.org/a/b?c/d", "/a"),
        ("http://h.org/a/b/c#d/e", "/a/b"),
    ] {
        for attribute in ["", "; Path", "; Path=", "; Path=x/y", "; Path=/z; Path="] {
            let mut client = Client::default();
            client.set(url, &format!("a=b{attribute}")).unwrap();
            assert_eq!(client.0.cookies()[0].path, path, "{url} {attribute}");
        }
    }
}

/// With a leading dot or without, a domain means the same: the host and its siblings below.
#[test]
fn wpt_domain_with_and_without_leading_period() {
    for domain in ["example.org", ".example.org", "EXAMPLE.org"] {
        let mut client = Client::default();
        client
            .set(HTTP, &format!("a=b; Path=/; Domain={domain}"))
            .unwrap();
        for (url, sent) in [
            ("http://example.org", "a=b"),
            ("http://www.example.org:8080/x", "a=b"),
            ("http://deep.www.EXAMPLE.org", "a=b"),
            ("http://example.com", ""),
            ("http://badexample.org", ""),
        ] {
            assert_eq!(client.sent(url), sent, "{domain} {url}");
        }
    }
    // The second replaces the first, for they name the same domain.
    let both = ["a=1; Domain=.example.org", "a=2; Domain=example.org"];
    assert_eq!(echo(HTTP, &both), "a=2");
}

/// Without a domain, or with an empty one, a cookie is for its host alone.
#[test]
fn wpt_domain_missing() {
    for header in [
        "a=b; Path=/",
        "a=b; Path=/; Domain=",
        "a=b; Path=/; Domain=org; Domain=",
    ] {
        let mut client = Client::default();
        client.set("http://example.org", header).unwrap();
        assert_eq!(client.sent("http://example.org"), "a=b");
        assert_eq!(client.sent("http://www.example.org"), "");
    }
    assert_eq!(
        echo(HTTP, &["a=1", "a=2; Domain=www.example.org"]),
        "a=1; a=2"
    );
}

/// A host sets cookies for itself and what it belongs to, not for others.
#[test]
fn wpt_domain_matches_host() {
    let set = |url, domain| Client::default().set(url, &format!("a=b; Domain={domain}"));
    assert_eq!(set(HTTP, "www.example.org"), Ok(()));
    assert_eq!(set(HTTP, "example.org"), Ok(()));
    assert_eq!(set(HTTP, "other.example.org"), Err(E::Domain));
    assert_eq!(set(HTTP, "a.www.example.org"), Err(E::Domain));
    assert_eq!(set(HTTP, "example.com"), Err(E::Domain));
    assert_eq!(set("http://127.0.0.1", "127.0.0.1"), Ok(()));
    assert_eq!(set("http://127.0.0.1", "0.0.1"), Err(E::Domain));
    assert_eq!(set("http://[::1]:80", "::1"), Ok(()));
}

/// Nobody sets cookies for a public suffix; a host that is one, for itself only.
#[test]
fn public_suffix() {
    let set = |url, domain| Client::default().set(url, &format!("a=b; Domain={domain}"));
    assert_eq!(set("http://example.org", "org"), Err(E::PublicSuffix));
    assert_eq!(set("http://example.co.uk", "co.uk"), Err(E::PublicSuffix));
    assert_eq!(
        set("http://me.github.io", "github.io"),
        Err(E::PublicSuffix)
    );
    let mut client = Client::default();
    client
        .set("http://github.io", "a=b; Domain=github.io")
        .unwrap();
    assert_eq!(client.sent("http://github.io"), "a=b");
    assert_eq!(client.sent("http://me.github.io"), "");
    assert_eq!(echo("http://localhost", &["a=b; Domain=localhost"]), "a=b");
}

/// `__Secure-` needs Secure, in any case.
#[test]
fn wpt_prefix_secure() {
    let set = |url, header: &str| Client::default().set(url, header);
    for name in ["__Secure-a", "__SECURE-a", "__secure-"] {
        assert_eq!(set(HTTPS, &format!("{name}=b; Secure")), Ok(()));
        assert_eq!(set(HTTPS, &format!("{name}=b")), Err(E::Prefix));
        assert_eq!(set(HTTP, &format!("{name}=b; Secure")), Err(E::Secure));
        assert_eq!(set(HTTP, &format!("{name}=b")), Err(E::Prefix));
    }
    assert_eq!(set(HTTPS, "=__Secure-a=b; Secure"), Err(E::Prefix));
}

/// `__Host-` needs Secure, no domain, and the path `/` spelled out.
#[test]
fn wpt_prefix_host() {
    let set = |header: &str| Client::default().set(HTTPS, header);
    assert_eq!(set("__Host-a=b; Secure; Path=/"), Ok(()));
    assert_eq!(set("__host-a=b; Path=/"), Err(E::Prefix));
    assert_eq!(set("__Host-a=b; Secure"), Err(E::Prefix));
    assert_eq!(set("__Host-a=b; Secure; Path=/dir"), Err(E::Prefix));
    assert_eq!(
        set("__Host-a=b; Secure; Path=/; Domain=example.org"),
        Err(E::Prefix)
    );
    assert_eq!(set("__Host-a; Secure; Path=/"), Err(E::Prefix));
}

/// Secure cookies are set and sent over TLS only, that of a Websocket included.
#[test]
fn wpt_secure() {
    let mut client = Client::default();
    assert_eq!(client.set(HTTP, "a=b; Secure"), Err(E::Secure));
    client.set(HTTPS, "a=b; Secure").unwrap();
    assert_eq!(client.sent(HTTP), "");
    assert_eq!(client.sent(HTTPS), "a=b");
    assert_eq!(client.sent("wss://www.example.org/dir/"), "a=b");
    assert_eq!(client.sent("ws://www.example.org/dir/"), "");
}

/// What comes without TLS may not stand before, or replace, what came with it.
#[test]
fn secure_cookies_are_not_shadowed() {
    let mut client = Client::default();
    client.set(HTTPS, "a=b; Secure; Path=/dir").unwrap();
    for header in [
        "a=x; Path=/dir",
        "a=x; Path=/dir/sub",
        "a=x; Path=/dir; Domain=example.org",
    ] {
        assert_eq!(client.set(HTTP, header), Err(E::Shadow), "{header}");
    }
    assert_eq!(client.set(HTTP, "a=x; Path=/"), Ok(()));
    assert_eq!(client.set(HTTP, "c=x; Path=/dir"), Ok(()));
    assert_eq!(
        client.set("http://other.example.org/dir/", "a=x; Path=/dir"),
        Ok(())
    );
    assert_eq!(client.set(HTTPS, "a=new; Path=/dir"), Ok(()));
}

/// Name and value have 4096 bytes at most, together.
#[test]
fn wpt_size_name_and_value() {
    let (name, value) = ("n".repeat(2048), "v".repeat(2048));
    assert_eq!(echo(HTTP, &[&format!("{name}={value}")]).len(), 4097);
    let set = |header: String| Client::default().set(HTTP, &header);
    assert_eq!(set(format!("{name}={value}v")), Err(E::TooBig));
    assert_eq!(set("v".repeat(4097)), Err(E::TooBig));
    assert_eq!(set("v".repeat(4096)), Ok(()));
}

/// An attribute of more than 1024 bytes is overlooked.
#[test]
fn wpt_size_attributes() {
    let path = |len: usize| format!("a=b; Path=/{}", "p".repeat(len - 1));
    assert_eq!(echo(HTTP, &[&path(1024)]), "");
    assert_eq!(echo(HTTP, &[&path(1025)]), "a=b");
    let age = format!("a=b; Max-Age={}", "0".repeat(1025));
    assert_eq!(echo(HTTP, &[&age]), "a=b");
}

/// Paths go in descending order, then by age; a replaced cookie keeps its age.
#[test]
fn order() {
    let mut client = Client::default();
    let now = std::cell::Cell::new(NOW);
    let mut set = |header: &str| {
        now.set(now.get() + 1);
        set_cookie(
            &mut client.0,
            &target(HTTP),
            header.as_bytes(),
            at(now.get()),
        )
        .unwrap();
    };
    set("a=1; Path=/");
    set("b=1; Path=/dir");
    set("c=1; Path=/");
    set("d=1; Path=/dir/page");
    set("a=2; Path=/");
    assert_eq!(client.sent(HTTP), "d=1; b=1; a=2; c=1");
}

/// Expired cookies go with `gc`, those of the session with `session_gc`.
#[test]
fn gc() {
    let mut client = Client::default();
    client.set(HTTP, "a=b; Max-Age=10").unwrap();
    client.set(HTTP, "c=d").unwrap();
    client.0.gc(at(NOW + 9));
    assert_eq!(client.0.cookies().len(), 2);
    client.0.gc(at(NOW + 10));
    assert_eq!(client.sent(HTTP), "c=d");
    client.0.session_gc();
    assert!(client.0.cookies().is_empty());
}

/// A list has an end: the cookie used longest ago goes first.
#[test]
fn list_is_bounded() {
    let mut client = Client::default();
    for n in 0..3005u64 {
        let header = format!("c{n}=x");
        set_cookie(&mut client.0, &target(HTTP), header.as_bytes(), at(NOW + n)).unwrap();
    }
    assert_eq!(client.0.cookies().len(), 3000);
    assert_eq!(client.0.cookies()[0].name, "c5");
}

/// All the headers of a response are looked at, and a bad one does not hide the others.
#[test]
fn headers_of_a_response() {
    let mut headers = http::HeaderMap::new();
    for value in ["a=1", "=", "b=2; Domain=example.com", "c=3"] {
        headers.append("set-cookie", value.parse().unwrap());
    }
    let mut list = List::new();
    set(&mut list, &target(HTTP), &headers, at(NOW));
    assert_eq!(
        header(&mut list, &target(HTTP), at(NOW)).unwrap(),
        "a=1; c=3"
    );
}

/// Whatever a server writes, it is kept or refused; what is kept is sent as a header that can stand, within its bounds.
#[test]
fn fuzz() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    let rng = &mut SmallRng::seed_from_u64(1);
    let words: [&[u8]; 24] = [
        b"name",
        b"=",
        b";",
        b" ",
        b"\t",
        b"Expires",
        b"Max-Age",
        b"Domain",
        b"Path",
        b"Secure",
        b"HttpOnly",
        b"SameSite",
        b"-",
        b"99999999999999999999",
        b"1",
        b"example.org",
        b".",
        b"/a",
        b"__Host-",
        b"Thu, 31 Feb",
        b"Fri, 01 Jan 9999",
        b"12:60:61",
        b"\xff",
        b"\x01",
    ];
    let targets = ["http://example.org/a/b", "https://www.example.org/a"].map(target);
    for _ in 0..5000 {
        let count = rng.random_range(0..30);
        let header: Vec<u8> = (0..count)
            .flat_map(|_| words[rng.random_range(0..words.len())])
            .copied()
            .collect();
        let mut list = List::new();
        for target in &targets {
            let kept = set_cookie(&mut list, target, &header, at(1_000_000)).is_ok();
            assert!(!kept || header.iter().all(|byte| *byte != 1), "{header:?}");
            let sent = super::header(&mut list, target, at(1_000_000));
            assert!(sent.is_none_or(|sent| sent.len() <= header.len() * 2 + 2));
        }
        super::date::parse(&header);
    }
}

/// Whatever stands in for a date, it is one or none.
#[test]
fn fuzz_dates() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    let rng = &mut SmallRng::seed_from_u64(2);
    let alphabet = b"0123456789:: -,JanFebDec";
    for _ in 0..20_000 {
        let length = rng.random_range(0..40);
        let text: Vec<u8> = (0..length)
            .map(|_| alphabet[rng.random_range(0..alphabet.len())])
            .collect();
        super::date::parse(&text);
    }
}
