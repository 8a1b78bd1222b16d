use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SignatureAlgorithm,
};
use rustls_pki_types::CertificateDer;

/// An authority's certificate and key.
pub(super) type Issuer = CertifiedIssuer<'static, KeyPair>;

/// The same attributes once more: a name keeps one of each type.
const SECOND_NAME: [u64; 4] = [2, 5, 4, 3];
const SECOND_ORGANIZATION: [u64; 4] = [2, 5, 4, 10];

/// A subject: up to two common names and two organizations.
pub(super) fn subject(names: &[&str], organizations: &[&str]) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    let types = [
        DnType::OrganizationName,
        DnType::CustomDnType(SECOND_ORGANIZATION.to_vec()),
    ];
    for (kind, value) in types.into_iter().zip(organizations) {
        subject.push(kind, *value);
    }
    let types = [
        DnType::CommonName,
        DnType::CustomDnType(SECOND_NAME.to_vec()),
    ];
    for (kind, value) in types.into_iter().zip(names) {
        subject.push(kind, *value);
    }
    subject
}

/// What an authority's certificate says, before it is changed.
pub(super) fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[name], &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A root with a key of its own.
pub(super) fn root(params: CertificateParams, algorithm: &'static SignatureAlgorithm) -> Issuer {
    let key = KeyPair::generate_for(algorithm).unwrap();
    CertifiedIssuer::self_signed(params, key).unwrap()
}

/// An intermediate authority.
pub(super) fn below(
    issuer: &Issuer,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Issuer {
    let mut params = authority(name);
    change(&mut params);
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

/// A certificate and its key, PKCS#8.
pub(super) fn leaf(
    issuer: &Issuer,
    params: &CertificateParams,
    algorithm: &'static SignatureAlgorithm,
) -> (CertificateDer<'static>, Vec<u8>) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.der().clone(), key.serialize_der())
}
