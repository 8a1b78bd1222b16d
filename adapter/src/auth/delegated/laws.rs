//! Whoever is let in was proven: certificates, headers, tokens and ConfigMaps of all kinds against a small model.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose};

use super::tests::{ALL, Ca, OnlyCarol};
use super::*;

/// Certificates of every kind, made once: what matters is who made them and what is wrong with them.
struct Pool {
    proxy_ca: String,
    client_ca: String,
    certificates: Vec<Shape>,
}

/// A certificate and what the model has to know of it.
struct Shape {
    name: &'static str,
    der: Option<CertificateDer<'static>>,
    /// The authority that stands behind it, if it holds at all.
    holds_for: Option<Authority>,
    common_name: &'static str,
    readable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authority {
    FrontProxy,
    Client,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
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
    use Authority::{Client, FrontProxy};
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
            None,
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
        certificates,
    }
});

#[derive(Debug, Clone)]
struct Case {
    certificate: usize,
    /// Values of the username header, raw.
    users: Vec<Vec<u8>>,
    groups: Vec<Vec<u8>>,
    extra: Vec<(String, Vec<u8>)>,
    authorization: Option<Vec<u8>>,
    proxy_ca: Bundle,
    client_ca: Bundle,
    /// Allowed names as the ConfigMap has them.
    allowed: Allowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bundle {
    Right,
    Missing,
    Garbage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Everybody,
    TheProxy,
    Nobody,
    Garbage,
}

/// Bytes that may stand in a header, UTF-8 or not.
fn raw() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(b"alice".to_vec()),
        1 => Just(Vec::new()),
        1 => Just(b"system:masters".to_vec()),
        1 => Just(vec![0xff, 0xfe]),
        2 => proptest::collection::vec(prop_oneof![0x21..=0x7eu8, 0x80..=0xffu8], 0..12),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let bundle = || {
        prop_oneof![
            4 => Just(Bundle::Right),
            1 => Just(Bundle::Missing),
            1 => Just(Bundle::Garbage),
        ]
    };
    let allowed = prop_oneof![
        Just(Allowed::Everybody),
        Just(Allowed::TheProxy),
        Just(Allowed::Nobody),
        Just(Allowed::Garbage)
    ];
    let authorization = proptest::option::of(prop_oneof![
        2 => Just(b"Bearer carol".to_vec()),
        1 => Just(b"bearer  carol".to_vec()),
        1 => Just(b"Basic carol".to_vec()),
        1 => raw().prop_map(|token| [b"Bearer ".to_vec(), token].concat()),
    ]);
    (
        0..POOL.certificates.len(),
        proptest::collection::vec(raw(), 0..3),
        proptest::collection::vec(raw(), 0..4),
        proptest::collection::vec(("[a-z%0-9._-]{1,10}", raw()), 0..3),
        authorization,
        bundle(),
        bundle(),
        allowed,
    )
        .prop_map(
            |(certificate, users, groups, extra, authorization, proxy_ca, client_ca, allowed)| {
                Case {
                    certificate,
                    users,
                    groups,
                    extra,
                    authorization,
                    proxy_ca,
                    client_ca,
                    allowed,
                }
            },
        )
}

impl Case {
    fn data(&self) -> BTreeMap<String, String> {
        let mut data = BTreeMap::new();
        let mut put = |key: &str, value: &str| {
            data.insert(key.to_owned(), value.to_owned());
        };
        for (key, bundle, right) in [
            (
                "requestheader-client-ca-file",
                self.proxy_ca,
                &POOL.proxy_ca,
            ),
            ("client-ca-file", self.client_ca, &POOL.client_ca),
        ] {
            match bundle {
                Bundle::Right => put(key, right),
                Bundle::Missing => {}
                Bundle::Garbage => put(
                    key,
                    "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
                ),
            }
        }
        put("requestheader-username-headers", r#"["X-Remote-User"]"#);
        put("requestheader-group-headers", r#"["X-Remote-Group"]"#);
        put(
            "requestheader-extra-headers-prefix",
            r#"["X-Remote-Extra-"]"#,
        );
        put(
            "requestheader-allowed-names",
            match self.allowed {
                Allowed::Everybody => "[]",
                Allowed::TheProxy => r#"["proxy"]"#,
                Allowed::Nobody => r#"["nobody"]"#,
                Allowed::Garbage => "{",
            },
        );
        data
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &[u8]| {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::from_bytes(value))
            {
                headers.append(name, value);
            }
        };
        self.users
            .iter()
            .for_each(|user| add("x-remote-user", user));
        self.groups
            .iter()
            .for_each(|group| add("x-remote-group", group));
        for (key, value) in &self.extra {
            add(&format!("x-remote-extra-{key}"), value);
        }
        if let Some(authorization) = &self.authorization {
            add(header::AUTHORIZATION.as_str(), authorization);
        }
        headers
    }

    /// Who that is, by the words of the documentation: a name, nobody, or refused.
    fn model(&self) -> Result<String, ()> {
        let shape = &POOL.certificates[self.certificate];
        // A list that can't be read leaves all four header settings as they were: unset. Nobody can be named by header then.
        let headers_known = self.allowed != Allowed::Garbage;
        let mut refused = !shape.readable;
        if shape.der.is_some() && shape.readable {
            if self.proxy_ca == Bundle::Right {
                let allowed = match self.allowed {
                    Allowed::Everybody | Allowed::Garbage => true,
                    Allowed::TheProxy => shape.common_name == "proxy",
                    Allowed::Nobody => false,
                };
                if shape.holds_for != Some(Authority::FrontProxy) || !allowed {
                    refused = true;
                } else if let (true, Some(user)) = (headers_known, self.users.first())
                    && !user.is_empty()
                {
                    return Ok(String::from_utf8_lossy(user).into_owned());
                }
            }
            if self.client_ca == Bundle::Right {
                if shape.holds_for != Some(Authority::Client) {
                    refused = true;
                } else if !shape.common_name.is_empty() {
                    return Ok(shape.common_name.to_owned());
                }
            }
        }
        let text = self.authorization.as_deref().map(String::from_utf8_lossy);
        let words: Vec<&str> = text
            .as_deref()
            .map_or(Vec::new(), |text| text.trim().splitn(3, ' ').collect());
        match words.as_slice() {
            [scheme, token, ..] if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
                if *token == "carol" {
                    return Ok("carol".to_owned());
                }
                refused = true;
            }
            _ => {}
        }
        if refused {
            Err(())
        } else {
            Ok("system:anonymous".to_owned())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn nobody_is_let_in_who_was_not_proven_and_everybody_who_was(case in cases()) {
        let mut config = AuthenticationConfig::default();
        config.take_over(&case.data(), ALL);
        let tokens = BearerTokens::new(Arc::new(OnlyCarol), Duration::from_secs(10));
        let authenticator = DelegatedAuthenticator::new(Some(tokens));
        authenticator.replace(Arc::new(config));
        let shape = &POOL.certificates[case.certificate];
        let chain: Vec<_> = shape.der.iter().cloned().collect();
        let outcome = futures::executor::block_on(authenticator.judge(&chain, &case.headers()));
        let anonymous = User::anonymous();
        match (&outcome, case.model()) {
            (Ok(user), Ok(name)) => {
                prop_assert_eq!(&user.name, &name, "with {}", shape.name);
                let authenticated = user.groups.iter().any(|group| group == "system:authenticated");
                prop_assert!(authenticated || *user == anonymous);
            }
            (Err(_), Err(())) => {}
            (outcome, expected) => prop_assert!(false, "{outcome:?} instead of {expected:?} with {}", shape.name),
        }
    }
}
