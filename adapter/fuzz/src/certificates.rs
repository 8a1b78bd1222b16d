//! Certificates that are made while fuzzing, and what is trusted.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls_pki_types::CertificateDer;

/// The distinguished name of a certificate that has these common names and organizations, in this order.
pub fn name(common_names: &[&str], organizations: &[&str]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    // An attribute type stands once in this type, but the own one beside the known one.
    let types = |known: DnType, last: u64| [known, DnType::CustomDnType(vec![2, 5, 4, last])];
    for (type_, text) in types(DnType::CommonName, 3).into_iter().zip(common_names) {
        name.push(type_, *text);
    }
    for (type_, text) in types(DnType::OrganizationName, 10)
        .into_iter()
        .zip(organizations)
    {
        name.push(type_, *text);
    }
    name
}

/// A certificate authority.
pub struct Authority {
    params: CertificateParams,
    pub pem: String,
}

/// One key for all: making keys is slow, and who signs is what counts.
pub static KEYS: LazyLock<Vec<KeyPair>> = LazyLock::new(|| {
    let key = || KeyPair::generate().expect("a key");
    std::iter::repeat_with(key).take(8).collect()
});

impl Authority {
    /// Signs with one of the [`KEYS`].
    pub fn new(key: usize) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&[&format!("authority {key}")], &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&KEYS[key]).expect("an authority");
        Self {
            pem: certificate.pem(),
            params,
        }
    }

    pub fn params(&self) -> &CertificateParams {
        &self.params
    }
}

/// Issues a certificate for the first of the [`KEYS`] but those of authorities.
pub fn issue(
    params: &CertificateParams,
    key: usize,
    issuer: &CertificateParams,
    issuer_key: usize,
) -> Option<CertificateDer<'static>> {
    let issuer = Issuer::from_params(issuer, &KEYS[issuer_key]);
    let certificate = params.signed_by(&KEYS[key], &issuer).ok()?;
    Some(certificate.der().clone())
}

/// The data of ConfigMap `extension-apiserver-authentication`, with the usual headers.
pub fn config_map(front_proxies: &str, clients: &str) -> BTreeMap<String, String> {
    [
        ("client-ca-file", clients),
        ("requestheader-client-ca-file", front_proxies),
        ("requestheader-allowed-names", r#"["front-proxy-client"]"#),
        ("requestheader-username-headers", r#"["X-Remote-User"]"#),
        ("requestheader-group-headers", r#"["X-Remote-Group"]"#),
        (
            "requestheader-extra-headers-prefix",
            r#"["X-Remote-Extra-"]"#,
        ),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
