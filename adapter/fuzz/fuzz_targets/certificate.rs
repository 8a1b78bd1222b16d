//! Any bytes as a certificate, as one between a good one and its authority, and as a bundle of authorities: nobody is
//! trusted by them.
#![no_main]

use std::sync::LazyLock;

use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use rcgen::CertificateParams;
use rustls_pki_types::CertificateDer;
use setpoint_adapter::fuzzing::Authentication;
use setpoint_fuzz::certificates::{Authority, config_map, issue, name};

struct Cluster {
    authentication: Authentication,
    trusted: Authority,
    /// Issued by the trusted authority.
    bob: CertificateDer<'static>,
    /// Issued by nobody who is trusted.
    mallory: CertificateDer<'static>,
    headers: HeaderMap,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let (trusted, stranger) = (Authority::new(0), Authority::new(1));
    let issued = |common_name: &str, authority: &Authority, key| {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&[common_name], &[]);
        issue(&params, 2, authority.params(), key).expect("a certificate")
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-remote-user", "alice".parse().expect("a value"));
    Cluster {
        authentication: Authentication::new(&config_map(&trusted.pem, &trusted.pem)),
        bob: issued("bob", &trusted, 0),
        mallory: issued("front-proxy-client", &stranger, 1),
        trusted,
        headers,
    }
});

fuzz_target!(|bytes: &[u8]| {
    let Cluster {
        authentication,
        trusted,
        bob,
        mallory,
        headers,
    } = &*CLUSTER;
    let bytes_as_certificate = CertificateDer::from(bytes.to_vec());
    for chain in [
        vec![bytes_as_certificate.clone()],
        vec![bytes_as_certificate.clone(), bob.clone()],
        vec![mallory.clone(), bytes_as_certificate.clone()],
    ] {
        assert_eq!(authentication.user(&chain, headers), None);
    }
    let user = authentication.user(&[bob.clone(), bytes_as_certificate], headers);
    assert_eq!(user.map(|user| user.name).as_deref(), Some("bob"));

    if let Ok(bundle) = std::str::from_utf8(bytes) {
        let clients = format!("{}{bundle}", trusted.pem);
        let by_bundle = Authentication::new(&config_map(bundle, &clients));
        // Where no bundle can be used, nobody looks at certificates.
        let name_of = |certificate: &CertificateDer<'static>| {
            let user = by_bundle.user(std::slice::from_ref(certificate), headers);
            user.map(|user| user.name)
                .filter(|name| name != "system:anonymous")
        };
        assert_eq!(name_of(mallory), None);
        assert!(name_of(bob).is_none_or(|name| name == "bob"));
    }
});
