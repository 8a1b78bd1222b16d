//! Certificates of all kinds.

use std::sync::LazyLock;

use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose};
use rustls_pki_types::CertificateDer;

use super::super::tests::Ca;

/// Certificates by different issuers and with different flaws, made once.
pub(super) struct Pool {
    /// The authorities' certificates.
    pub(super) proxy_ca: String,
    pub(super) client_ca: String,
    pub(super) stranger_ca: String,
    pub(super) certificates: Vec<Shape>,
}

/// A certificate, with what the model needs.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) der: Option<CertificateDer<'static>>,
    /// The issuer; none if the certificate is invalid.
    pub(super) holds_for: Option<Authority>,
    pub(super) common_name: &'static str,
    pub(super) readable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authority {
    FrontProxy,
    Client,
    Stranger,
}

pub(super) static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let (proxy, client, stranger) = (Ca::new(), Ca::new(), Ca::new());
    let expired =
        |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let future =
        |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let serving = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let nameless = |params: &mut CertificateParams| {
        params.distinguished_name = DistinguishedName::new();
    };
    let shape = |name, der, holds_for, common_name| Shape {
        name,
        der,
        holds_for,
        common_name,
        readable: true,
    };
    use Authority::{Client, FrontProxy, Stranger};
    let certificates = vec![
        shape("none", None, None, ""),
        shape(
            "the proxy's",
            Some(proxy.issue("proxy", |_| {})),
            Some(FrontProxy),
            "proxy",
        ),
        shape(
            "another of the proxy's CA",
            Some(proxy.issue("other", |_| {})),
            Some(FrontProxy),
            "other",
        ),
        shape(
            "a nameless one of the proxy's CA",
            Some(proxy.issue("", nameless)),
            Some(FrontProxy),
            "",
        ),
        shape(
            "an expired one of the proxy's CA",
            Some(proxy.issue("proxy", expired)),
            None,
            "proxy",
        ),
        shape(
            "a future one of the proxy's CA",
            Some(proxy.issue("proxy", future)),
            None,
            "proxy",
        ),
        shape(
            "a serving one of the proxy's CA",
            Some(proxy.issue("proxy", serving)),
            None,
            "proxy",
        ),
        shape(
            "bob's",
            Some(client.issue("bob", |_| {})),
            Some(Client),
            "bob",
        ),
        shape(
            "a client's with the proxy's name",
            Some(client.issue("proxy", |_| {})),
            Some(Client),
            "proxy",
        ),
        shape(
            "a nameless client's",
            Some(client.issue("", nameless)),
            Some(Client),
            "",
        ),
        shape(
            "an expired client's",
            Some(client.issue("bob", expired)),
            None,
            "bob",
        ),
        shape(
            "a stranger's",
            Some(stranger.issue("proxy", |_| {})),
            Some(Stranger),
            "proxy",
        ),
        Shape {
            name: "no certificate at all",
            der: Some(CertificateDer::from(vec![0x30, 0x82, 0xff, 0xff, 0])),
            holds_for: None,
            common_name: "",
            readable: false,
        },
    ];
    Pool {
        proxy_ca: proxy.0.pem(),
        client_ca: client.0.pem(),
        stranger_ca: stranger.0.pem(),
        certificates,
    }
});
