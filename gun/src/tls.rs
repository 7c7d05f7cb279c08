//! TLS over any wire, by rustls.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use futures_channel::oneshot;
use runtime::{Spawn, blocking};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::error::{Reason, TlsReason};
use crate::message::Protocol;
use crate::wire::Wire;

/// How TLS is spoken: Gun's `tls_opts`.
///
/// ```
/// use gun::{CertificateDer, Opts, PrivateKeyDer, TlsOpts, Transport};
///
/// /// To a server of our own, by its address, which knows us by a certificate.
/// fn inside(ca: CertificateDer<'static>, ours: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Opts {
///     let tls = TlsOpts::new()
///         .trust([ca])
///         .certificate(vec![ours], key)
///         .server_name("inside.example");
///     Opts::new().transport(Transport::Tls).tls(tls)
/// }
///
/// let test = Opts::new().tls(TlsOpts::new().verify_none());
/// ```
#[derive(Clone, Default)]
pub struct TlsOpts {
    trusted: Trusted,
    identity: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    server_name: Option<String>,
}

#[derive(Clone, Default)]
enum Trusted {
    #[default]
    System,
    These(Arc<RootCertStore>),
    Anyone,
}

impl TlsOpts {
    /// The system's trust store, no certificate of our own, the host's name.
    pub fn new() -> TlsOpts {
        TlsOpts::default()
    }

    /// Trusts these authorities and no others. What is no certificate is left out.
    pub fn trust(
        mut self,
        authorities: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> TlsOpts {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(authorities);
        self.trusted = Trusted::These(Arc::new(store));
        self
    }

    /// Trusts whoever answers: the connection is encrypted, and nobody knows with whom. OTP's `verify_none`.
    pub fn verify_none(mut self) -> TlsOpts {
        self.trusted = Trusted::Anyone;
        self
    }

    /// The certificate that is shown to a server which asks for one, with its chain, and its key.
    pub fn certificate(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> TlsOpts {
        self.identity = Some(Arc::new((chain, key)));
        self
    }

    /// The name that is asked for (SNI) and that the server's certificate must have, if it is not the host's.
    pub fn server_name(mut self, name: impl Into<String>) -> TlsOpts {
        self.server_name = Some(name.into());
        self
    }
}

impl fmt::Debug for TlsOpts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted = match self.trusted {
            Trusted::System => "the system's",
            Trusted::These(_) => "given",
            Trusted::Anyone => "anyone",
        };
        f.debug_struct("TlsOpts")
            .field("trusted", &trusted)
            .field("identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// Speaks TLS with whoever is at the stream's other end.
pub(crate) async fn handshake(
    opts: &TlsOpts,
    protocols: &[Protocol],
    host: String,
    wire: Wire,
) -> Result<TlsStream, Reason> {
    let mut config = config(opts).await?;
    let names = protocols.iter().filter_map(|protocol| alpn(*protocol));
    config.alpn_protocols = names.map(<[u8]>::to_vec).collect();
    let name = opts.server_name.clone().unwrap_or(host);
    let name = ServerName::try_from(name).map_err(|_| Reason::Tls(TlsReason::ServerName))?;
    let connector = TlsConnector::from(Arc::new(config));
    Ok(TlsStream(connector.connect(name, wire).await?))
}

async fn config(opts: &TlsOpts) -> Result<ClientConfig, Reason> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(reason)?;
    let builder = match &opts.trusted {
        Trusted::Anyone => {
            let verifier = Arc::new(Anyone(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        }
        Trusted::System => verified(builder, system().await?, provider)?,
        Trusted::These(store) => verified(builder, Arc::clone(store), provider)?,
    };
    Ok(match opts.identity.as_deref() {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(reason)?,
        None => builder.with_no_client_auth(),
    })
}

/// What others call it; nothing where both sides just know.
fn alpn(protocol: Protocol) -> Option<&'static [u8]> {
    match protocol {
        // A Websocket begins as HTTP/1.1.
        Protocol::Http | Protocol::Ws => Some(b"http/1.1"),
        Protocol::Http2 => Some(b"h2"),
        Protocol::Raw | Protocol::Socks | Protocol::Http3 => None,
    }
}

type Unverified =
    tokio_rustls::rustls::ConfigBuilder<ClientConfig, tokio_rustls::rustls::WantsVerifier>;
type Verified = tokio_rustls::rustls::ConfigBuilder<
    ClientConfig,
    tokio_rustls::rustls::client::WantsClientCert,
>;

fn verified(
    builder: Unverified,
    store: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<Verified, Reason> {
    let verifier = WebPkiServerVerifier::builder_with_provider(store, provider).build();
    let verifier = verifier.map_err(|_| Reason::Tls(TlsReason::NoAuthority))?;
    Ok(builder.with_webpki_verifier(verifier))
}

/// The system's trust store: read once, off the workers.
async fn system() -> Result<Arc<RootCertStore>, Reason> {
    static STORE: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(store) = STORE.get() {
        return Ok(Arc::clone(store));
    }
    let (tell, told) = oneshot::channel();
    let reading = Spawn::new().label("gun: trust store").spawn(move || {
        let store = blocking(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(store)
        });
        // Nobody may wait for it any more.
        let _ = tell.send(store);
    });
    reading.map_err(io::Error::other)?;
    let store = told.await.map_err(io::Error::other)?;
    Ok(Arc::clone(STORE.get_or_init(|| store)))
}

pub(crate) fn reason(error: Error) -> Reason {
    Reason::Tls(match error {
        Error::AlertReceived(alert) => TlsReason::Alert(alert),
        Error::InvalidCertificate(_) => TlsReason::Certificate,
        _ => TlsReason::Protocol,
    })
}

/// Checks the signatures, so that it is one peer throughout, and nothing else.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A stream of what is inside.
pub(crate) struct TlsStream(client::TlsStream<Wire>);

impl TlsStream {
    /// What both sides have agreed on; without an answer, the only one that was offered, or HTTP/1.1.
    pub(crate) fn protocol(&self, offered: &[Protocol]) -> Protocol {
        let agreed = self.0.get_ref().1.alpn_protocol();
        let found = agreed.and_then(|name| {
            offered
                .iter()
                .find(|protocol| alpn(**protocol) == Some(name))
        });
        match (found, offered) {
            (Some(protocol), _) | (None, [protocol]) => *protocol,
            (None, _) => Protocol::Http,
        }
    }

    pub(crate) fn inner(&mut self) -> Pin<&mut client::TlsStream<Wire>> {
        Pin::new(&mut self.0)
    }

    /// What it goes over.
    pub(crate) fn below(&self) -> &Wire {
        self.0.get_ref().0
    }
}
