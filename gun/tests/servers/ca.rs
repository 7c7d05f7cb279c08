//! An authority of the tests' own, and what it has signed.

use std::path::Path;

use gun::{CertificateDer, TlsOpts};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Who is trusted by a test, and by no other.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Trusts nobody else.
    pub fn trusted(&self) -> TlsOpts {
        TlsOpts::new().trust([CertificateDer::from(self.0.der().to_vec())])
    }

    /// Writes what shows that a server is `host`: `certificate.pem`, `key.pem`, and both in `both.pem`.
    pub fn identify(&self, host: &str, dir: &Path) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        let key = key.serialize_pem();
        std::fs::write(dir.join("certificate.pem"), &certificate).unwrap();
        std::fs::write(dir.join("key.pem"), &key).unwrap();
        std::fs::write(dir.join("both.pem"), certificate + &key).unwrap();
    }
}
