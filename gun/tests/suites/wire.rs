//! What the proxies and the origins of these suites stand on: listeners in processes of their own, over TCP or over
//! TLS by an authority that the tests trust.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gun::{CertificateDer, PrivateKeyDer, TlsOpts};
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::Request;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::spawn_future;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{WantsServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use tokio_rustls::server::TlsStream;

/// Both ways.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// One end of a connection, whatever it goes over.
pub type Wire = Pin<Box<dyn Io>>;

/// Something of the network has failed, as the test may want it to.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// `localhost`, as all servers here are called.
fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Identity {
            certificate: cert.der().clone(),
            key: PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
        }
    })
}

/// Trusts the servers here, and nobody else.
pub fn trusted() -> TlsOpts {
    TlsOpts::new().trust([identity().certificate.clone()])
}

/// Accepts TLS, and chooses these protocols where they are offered.
pub fn acceptor(alpn: &[&str]) -> TlsAcceptor {
    let builder = builder().with_no_client_auth();
    accepting(builder, alpn)
}

/// Accepts TLS from those alone who show a certificate of ours, and chooses what is offered.
pub fn demanding() -> TlsAcceptor {
    let mut store = RootCertStore::empty();
    store.add(identity().certificate.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(store.into(), provider);
    let builder = builder().with_client_cert_verifier(verifier.build().unwrap());
    accepting(builder, &["h2", "http/1.1"])
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn accepting(builder: ConfigBuilder<ServerConfig, WantsServerCert>, alpn: &[&str]) -> TlsAcceptor {
    let identity = identity();
    let chain = vec![identity.certificate.clone()];
    let mut config = builder
        .with_single_cert(chain, identity.key.clone_key())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Serves each connection in a process, over TLS if there is an acceptor: the port. It ends with whoever has asked
/// for it.
pub fn listen<F, S>(tls: Option<TlsAcceptor>, serve: S) -> u16
where
    S: Fn(Wire) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn_link!(move || {
        while let Ok((stream, _)) = listener.accept() {
            let (tls, serve) = (tls.clone(), serve.clone());
            spawn_future(async move {
                // Whether it went well the test sees at its own end.
                let _ = async {
                    let wire: Wire = match tls {
                        Some(tls) => Box::pin(secured(tls, stream).await?),
                        None => Box::pin(stream),
                    };
                    serve(wire).await
                }
                .await;
            });
        }
    });
    port
}

/// Shakes hands. Whom it refuses it hears out, so that no reset of the socket overtakes what it says.
async fn secured(tls: TlsAcceptor, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
    match tls.accept(stream).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((error, mut stream)) => {
            while stream.read(&mut [0; 1024]).await? > 0 {}
            Err(error.into())
        }
    }
}

/// Serves HTTP/2: each request in a process.
pub async fn http2<F>(
    wire: Wire,
    serve: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut connection = server::handshake(wire).await?;
    while let Some(next) = connection.accept().await {
        let (request, to) = next?;
        let served = serve(request, to);
        spawn_future(async move {
            // Whether it went well the test sees at its own end.
            let _ = served.await;
        });
    }
    Ok(())
}

/// To a port of ours, whatever the host was called.
pub fn dial(port: u16) -> Result<TcpStream, Failure> {
    Ok(TcpStream::connect(("127.0.0.1", port))?)
}

/// The port of `host:port`.
pub fn port_of(authority: &str) -> Result<u16, Failure> {
    let (_, port) = authority.rsplit_once(':').ok_or("no port")?;
    Ok(port.parse()?)
}

/// A head of HTTP/1; none: the peer has closed instead.
pub async fn head(wire: &mut Wire) -> Result<Option<String>, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if wire.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8(head)?))
}

/// A header of a head.
pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Sends as much as the window allows, and waits for the rest.
pub async fn write(
    to: &mut SendStream<Bytes>,
    mut data: Bytes,
    fin: bool,
) -> Result<(), h2::Error> {
    if data.is_empty() {
        return to.send_data(data, fin);
    }
    while !data.is_empty() {
        to.reserve_capacity(data.len());
        let Some(room) = std::future::poll_fn(|cx| to.poll_capacity(cx)).await else {
            return Ok(());
        };
        let piece = data.split_to(room?.min(data.len()));
        to.send_data(piece, fin && data.is_empty())?;
    }
    Ok(())
}
