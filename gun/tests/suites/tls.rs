//! TLS: who is trusted, what is told, and how long a handshake may take.

use std::sync::Arc;
use std::time::Duration;

use gun::{CertificateDer, Opts, PrivateKeyDer, Reason, TlsOpts, TlsReason, Transport};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use runtime::block_on;
use runtime::net::TcpListener;
use runtime::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::peer::SOON;

struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

fn identity(name: &str) -> Identity {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    Identity {
        certificate: cert.der().clone(),
        key: PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
    }
}

/// A server that answers each connection's first request with the name it was asked for; it asks for a
/// certificate of `clients` if there are any.
fn server(identity: &Identity, clients: Option<&Identity>) -> u16 {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Some(clients) => {
            let mut store = RootCertStore::empty();
            store.add(clients.certificate.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(store.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let chain = vec![identity.certificate.clone()];
    let mut config = builder
        .with_single_cert(chain, identity.key.clone_key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn!(move || {
        while let Ok((stream, _)) = listener.accept() {
            let acceptor = acceptor.clone();
            spawn!(move || {
                // Whoever does not trust us goes away.
                let _ = block_on(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let (_, session) = stream.get_ref();
                    let name = session.server_name().unwrap_or("nobody").to_owned();
                    let spoken = session.alpn_protocol().map(<[u8]>::to_vec);
                    if spoken.as_deref() == Some(b"h2") {
                        return stream.read(&mut [0; 1024]).await;
                    }
                    assert_eq!(spoken.as_deref(), Some(&b"http/1.1"[..]));
                    let _head = stream.read(&mut [0; 1024]).await?;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", name.len());
                    stream.write_all((head + &name).as_bytes()).await?;
                    stream.flush().await?;
                    stream.read(&mut [0; 1024]).await
                });
            });
        }
    });
    port
}

fn opts(tls: TlsOpts) -> Opts {
    let opts = Opts::new().transport(Transport::Tls).tls(tls).retry(0);
    opts.protocols([gun::Protocol::Http])
}

fn ask(conn: Pid) -> String {
    let stream = gun::get(conn, "/", ());
    let (body, _) = gun::await_body(conn, stream, SOON).unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Why a connection cannot be made.
fn fails(host: &str, port: u16, opts: Opts) -> Reason {
    // Linked, so that its reason is told however early it ends.
    trap_exit(true);
    let conn = gun::open(host, port, opts.supervise(false)).unwrap();
    receive! {
        Exit { from, reason: ExitReason::ShutdownWith(why), .. } if from == Some(conn) => {
            *why.downcast_ref::<Reason>().unwrap()
        }
        after SOON => panic!("it goes on"),
    }
}

/// The host's name is asked for.
#[runtime::test]
fn server_name_indication_default() {
    let identity = identity("localhost");
    let port = server(&identity, None);
    let tls = TlsOpts::new().trust([identity.certificate.clone()]);
    let conn = gun::open("localhost", port, opts(tls)).unwrap();
    assert_eq!(ask(conn), "localhost");
    gun::close(conn).unwrap();
}

/// Another name may be asked for.
#[runtime::test]
fn server_name_indication_custom() {
    let identity = identity("example.org");
    let port = server(&identity, None);
    let tls = TlsOpts::new()
        .trust([identity.certificate.clone()])
        .server_name("example.org");
    let conn = gun::open("localhost", port, opts(tls)).unwrap();
    assert_eq!(ask(conn), "example.org");
    gun::close(conn).unwrap();
}

/// An address is no name, and is not asked for.
#[runtime::test]
fn server_name_indication_none() {
    let port = server(&identity("localhost"), None);
    let conn = gun::open("127.0.0.1", port, opts(TlsOpts::new().verify_none())).unwrap();
    assert_eq!(ask(conn), "nobody");
    gun::close(conn).unwrap();
}

/// A certificate of another name, or of an authority that is not trusted, ends the attempt; unless anybody is
/// trusted.
#[runtime::test]
fn verification() {
    let identity = identity("example.org");
    let port = server(&identity, None);
    let other_name = TlsOpts::new().trust([identity.certificate.clone()]);
    let other_authority = TlsOpts::new().trust([self::identity("a").certificate]);
    for tls in [other_name, other_authority, TlsOpts::new()] {
        let reason = fails("localhost", port, opts(tls));
        // The machine may have no trust store.
        let untrusted = [TlsReason::Certificate, TlsReason::NoAuthority].map(Reason::Tls);
        assert!(untrusted.contains(&reason), "{reason}");
    }
    let conn = gun::open("localhost", port, opts(TlsOpts::new().verify_none())).unwrap();
    assert_eq!(ask(conn), "localhost");
    gun::close(conn).unwrap();
}

/// A certificate whose time is over, or has not come, is not to be trusted, whoever has signed it.
#[runtime::test]
fn expired_certificate() {
    use rcgen::date_time_ymd;
    let day = date_time_ymd;
    for (from, to) in [
        (day(2001, 1, 1), day(2002, 1, 1)),
        (day(4001, 1, 1), day(4002, 1, 1)),
    ] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (from, to);
        let identity = Identity {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        };
        let port = server(&identity, None);
        let tls = TlsOpts::new().trust([identity.certificate.clone()]);
        let reason = fails("localhost", port, opts(tls));
        assert_eq!(reason, Reason::Tls(TlsReason::Certificate));
    }
}

/// A server that asks for a certificate gets ours; without one its alert is the reason.
#[runtime::test]
fn client_certificate() {
    let (ours, theirs) = (identity("client"), identity("localhost"));
    let port = server(&theirs, Some(&ours));
    let tls = TlsOpts::new().trust([theirs.certificate.clone()]);
    let with = tls
        .clone()
        .certificate(vec![ours.certificate.clone()], ours.key.clone_key());
    let conn = gun::open("localhost", port, opts(with)).unwrap();
    assert_eq!(ask(conn), "localhost");
    gun::close(conn).unwrap();

    // By TLS 1.3 the alert comes after our side of the handshake is done.
    let conn = gun::open("localhost", port, opts(tls)).unwrap();
    let alert = Reason::Tls(TlsReason::Alert(gun::AlertDescription::CertificateRequired));
    receive! {
        down: gun::Down => assert_eq!((down.conn, down.reason), (conn, alert)),
        after SOON => panic!("no Down"),
    }
}

/// What is spoken is what the server chooses of what is offered; if nothing is said, HTTP/2 is offered too.
#[runtime::test]
fn protocols() {
    let identity = identity("localhost");
    let port = server(&identity, None);
    let tls = TlsOpts::new().trust([identity.certificate.clone()]);
    let all = Opts::new().transport(Transport::Tls).tls(tls.clone());
    for (opts, spoken) in [
        (all, gun::Protocol::Http2),
        (opts(tls), gun::Protocol::Http),
    ] {
        let conn = gun::open("localhost", port, opts).unwrap();
        assert_eq!(gun::await_up(conn, SOON), Ok(spoken));
        gun::close(conn).unwrap();
    }
}

/// A server that chooses none of what is offered speaks the only one there is, or else HTTP/1.1.
#[runtime::test]
fn protocols_without_an_answer() {
    use gun::Protocol::{Http, Http2};
    let hold = |mut wire: crate::wire::Wire| async move {
        while wire.read(&mut [0; 1024]).await? > 0 {}
        Ok::<(), crate::wire::Failure>(())
    };
    let port = crate::wire::listen(Some(crate::wire::acceptor(&[])), hold);
    let all = || {
        Opts::new()
            .transport(Transport::Tls)
            .tls(crate::wire::trusted())
    };
    for (opts, spoken) in [
        (all(), Http),
        (all().protocols([Http2, Http]), Http),
        (all().protocols([Http2]), Http2),
    ] {
        let conn = gun::open("localhost", port, opts).unwrap();
        assert_eq!(gun::await_up(conn, SOON), Ok(spoken));
        gun::close(conn).unwrap();
    }
}

/// What is offered is offered in the order that it was given in.
#[runtime::test]
fn order_of_protocols() {
    use gun::Protocol::{Http, Http2};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (protocols, names) in [
        ([Http, Http2], ["http/1.1", "h2"]),
        ([Http2, Http], ["h2", "http/1.1"]),
    ] {
        let opts = Opts::new().transport(Transport::Tls).protocols(protocols);
        let opts = opts.tls(TlsOpts::new().verify_none());
        let conn = gun::open("localhost", port, opts).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let accepting = tokio_rustls::LazyConfigAcceptor::new(Default::default(), stream);
        let begun = block_on(accepting).unwrap();
        let hello = begun.client_hello();
        assert!(hello.alpn().unwrap().eq(names.map(str::as_bytes)));
        gun::close(conn).unwrap();
    }
}

/// A peer that says nothing is waited for as long as it was said.
#[runtime::test]
fn tls_handshake_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let opts = opts(TlsOpts::new().verify_none()).tls_handshake_timeout(Duration::from_millis(10));
    assert_eq!(fails("127.0.0.1", port, opts), Reason::Timeout);
}
