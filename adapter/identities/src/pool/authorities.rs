use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

use super::Authority;
use super::mint::{Issuer, authority, root, subject};

pub(super) fn all() -> Vec<(Authority, Issuer)> {
    let with = |name: &str, change: fn(&mut CertificateParams)| {
        let mut params = authority(name);
        change(&mut params);
        root(params, &PKCS_ECDSA_P256_SHA256)
    };
    let key = KeyPair::generate().unwrap();
    let again = KeyPair::try_from(key.serialized_der()).unwrap();
    let mut before = authority("clients");
    before.not_after = date_time_ymd(2001, 1, 1);
    vec![
        (
            Authority::Clients,
            CertifiedIssuer::self_signed(authority("clients"), key).unwrap(),
        ),
        (
            Authority::ClientsBefore,
            CertifiedIssuer::self_signed(before, again).unwrap(),
        ),
        (
            Authority::FrontProxies,
            root(authority("front-proxies"), &PKCS_RSA_SHA256),
        ),
        (Authority::Strangers, with("front-proxies", |_| {})),
        (
            Authority::Expired,
            with("expired", |params| {
                params.not_after = date_time_ymd(2001, 1, 1);
            }),
        ),
        (
            Authority::Future,
            with("future", |params| {
                params.not_before = date_time_ymd(4000, 1, 1);
            }),
        ),
        (
            Authority::ForServers,
            with("for-servers", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        (
            Authority::NoSigner,
            with("no-signer", |params| {
                params.key_usages = vec![KeyUsagePurpose::CrlSign];
            }),
        ),
        (
            Authority::Shallow,
            with("shallow", |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            }),
        ),
        (
            Authority::Pinned,
            with("pinned", |params| {
                params.is_ca = IsCa::ExplicitNoCa;
                params.distinguished_name = subject(&["pinned"], &["team"]);
            }),
        ),
    ]
}
