//! Certificates of tests.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

/// A certificate authority that lives as long as its test.
pub struct TestAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct CertificatePair {
    /// The certificate alone, without its issuer's.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl Default for TestAuthority {
    fn default() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        Self { issuer }
    }
}

impl TestAuthority {
    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A serving certificate for a name or an IP address.
    #[must_use]
    pub fn server(&self, name: &str) -> CertificatePair {
        self.issue(CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// A client certificate of a user of this name.
    #[must_use]
    pub fn client(&self, common_name: &str) -> CertificatePair {
        let mut params = CertificateParams::default();
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> CertificatePair {
        let key = KeyPair::generate().unwrap();
        CertificatePair {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}
