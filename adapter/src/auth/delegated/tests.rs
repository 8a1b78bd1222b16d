use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use http::HeaderValue;
use http::header;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use rustls_pki_types::CertificateDer;

use super::*;
use crate::auth::bearer::TokenReviewer;
use crate::auth::config::FromConfigMap;
use crate::auth::error::TokenReviewError;

pub(in crate::auth) struct Ca(pub(in crate::auth) CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(in crate::auth) fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        change(&mut params);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in crate::auth) fn issue(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "team");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        params
            .signed_by(&KeyPair::generate().unwrap(), &self.0)
            .unwrap()
            .der()
            .clone()
    }
}

/// A client with these certificates, over a connection of its own.
pub(in crate::auth) fn peer(certificates: &[CertificateDer<'static>]) -> Peer {
    Peer::new(([192, 0, 2, 1], 1024).into(), certificates.into())
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    RUNTIME.block_on(future)
}

struct Cluster {
    front_proxy: Ca,
    clients: Ca,
    authenticator: DelegatedAuthenticator,
    data: BTreeMap<String, String>,
}

fn cluster(allowed_names: &str) -> Cluster {
    let (front_proxy, clients) = (Ca::new(), Ca::new());
    let data = [
        ("client-ca-file", clients.0.pem()),
        ("requestheader-client-ca-file", front_proxy.0.pem()),
        ("requestheader-allowed-names", allowed_names.to_owned()),
        (
            "requestheader-username-headers",
            r#"["X-Remote-User"]"#.to_owned(),
        ),
        (
            "requestheader-group-headers",
            r#"["X-Remote-Group"]"#.to_owned(),
        ),
        (
            "requestheader-extra-headers-prefix",
            r#"["X-Remote-Extra-"]"#.to_owned(),
        ),
    ];
    let data = data
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let tokens = BearerTokens::new(Arc::new(OnlyCarol), Duration::from_secs(10));
    let mut cluster = Cluster {
        front_proxy,
        clients,
        authenticator: DelegatedAuthenticator::new(Some(tokens)),
        data,
    };
    assert!(cluster.update().is_empty());
    cluster
}

pub(super) const ALL: FromConfigMap = FromConfigMap {
    request_header: true,
    client_ca: true,
};

impl Cluster {
    /// As the watch does when the ConfigMap has changed to `data`.
    fn update(&mut self) -> Vec<String> {
        let mut config = self
            .authenticator
            .config
            .load_full()
            .map_or_else(AuthenticationConfig::default, |config| {
                AuthenticationConfig::clone(&config)
            });
        let errors = config.update(&self.data, ALL);
        self.authenticator.replace(Arc::new(config));
        errors.iter().map(ToString::to_string).collect()
    }

    fn user(
        &self,
        certificates: &[CertificateDer<'static>],
        headers: &HeaderMap,
    ) -> Result<User, AuthenticationError> {
        let peer = peer(certificates);
        block_on(self.authenticator.user(&peer, headers))
    }
}

/// The token `carol` is valid.
pub(super) struct OnlyCarol;

impl TokenReviewer for OnlyCarol {
    fn review<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, TokenReviewError>> {
        let user = (token == "carol").then(|| User {
            name: "carol".to_owned(),
            ..User::default()
        });
        Box::pin(std::future::ready(Ok(user)))
    }
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = claim();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    headers.insert(header::AUTHORIZATION, value);
    headers
}

fn claim() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-remote-user", HeaderValue::from_static("alice"));
    headers.append("x-remote-group", HeaderValue::from_static("a"));
    headers.append("x-remote-group", HeaderValue::from_static("b"));
    headers.append("x-remote-extra-foo%2fbar", HeaderValue::from_static("x"));
    headers.append("x-remote-extra-bad%zz", HeaderValue::from_static("y"));
    headers
}

fn name(outcome: Result<User, AuthenticationError>) -> String {
    outcome.map_or_else(|error| error.to_string(), |user| user.name)
}

#[test]
fn a_front_proxy_names_the_user_in_headers() {
    let cluster = cluster(r#"["front-proxy-client"]"#);
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    let user = cluster.user(&[proxy], &claim()).unwrap();
    assert_eq!(user.name, "alice");
    assert_eq!(user.groups, ["a", "b", "system:authenticated"]);
    assert_eq!(user.extra["foo/bar"], ["x"]);
    assert_eq!(user.extra["bad%zz"], ["y"]);
}

#[test]
fn a_front_proxy_may_say_that_the_user_is_anonymous() {
    let cluster = cluster("[]");
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    for (user, group) in [
        ("system:anonymous", "system:unauthenticated"),
        ("system:anonymous", "odd"),
        ("odd", "system:unauthenticated"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("x-remote-user", HeaderValue::from_static(user));
        headers.insert("x-remote-group", HeaderValue::from_static(group));
        let user = cluster.user(std::slice::from_ref(&proxy), &headers);
        assert_eq!(user.unwrap().groups, [group]);
    }
}

#[test]
fn request_headers_without_a_certificate_are_ignored() {
    let cluster = cluster("[]");
    assert_eq!(cluster.user(&[], &claim()).unwrap(), User::anonymous());
}

#[test]
fn a_client_certificate_names_its_subject_whatever_the_headers_say() {
    let cluster = cluster("[]");
    let bob = cluster.clients.issue("bob", |_| {});
    let user = cluster.user(&[bob], &claim()).unwrap();
    assert_eq!(
        (user.name.as_str(), user.groups),
        (
            "bob",
            vec!["team".to_owned(), "system:authenticated".to_owned()]
        )
    );
}

#[test]
fn a_front_proxy_with_another_name_is_refused_unless_all_are_allowed() {
    let strict = cluster(r#"["front-proxy-client"]"#);
    let other = strict.front_proxy.issue("other", |_| {});
    let outcome = name(strict.user(&[other], &claim()));
    assert_eq!(
        outcome,
        "x509: subject with cn=other is not in the allowed list"
    );
    let open = cluster("[]");
    let other = open.front_proxy.issue("other", |_| {});
    assert_eq!(name(open.user(&[other], &claim())), "alice");
}

#[test]
fn an_untrusted_certificate_is_an_error_and_not_anonymous() {
    let cluster = cluster("[]");
    let expired =
        |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let serving = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    for certificate in [
        Ca::new().issue("front-proxy-client", |_| {}),
        cluster.front_proxy.issue("front-proxy-client", expired),
        cluster.front_proxy.issue("front-proxy-client", serving),
        cluster.clients.issue("bob", expired),
        CertificateDer::from(vec![1, 2, 3]),
    ] {
        cluster.user(&[certificate], &claim()).unwrap_err();
    }
}

#[test]
fn an_authority_that_is_not_valid_now_issues_for_nobody_and_the_others_go_on() {
    let mut cluster = cluster("[]");
    let expired = Ca::with(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let future = Ca::with(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let good = cluster.clients.0.pem();
    let mut trust = |bundle: String| {
        cluster.data.insert("client-ca-file".to_owned(), bundle);
        assert!(cluster.update().is_empty());
        let issuers = [&expired, &future, &cluster.clients];
        issuers.map(|issuer| {
            cluster
                .user(&[issuer.issue("bob", |_| {})], &HeaderMap::new())
                .is_ok()
        })
    };
    let pem = |ca: &Ca| ca.0.pem();
    assert_eq!(trust(pem(&expired) + &pem(&future)), [false; 3]);
    let all = pem(&expired) + &good + &pem(&future);
    assert_eq!(trust(all), [false, false, true]);
}

#[test]
fn an_authority_for_servers_or_one_that_may_not_sign_issues_for_nobody() {
    let mut cluster = cluster("[]");
    let servers = Ca::with(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let lists = Ca::with(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    let both = Ca::with(|params| {
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    });
    let bundle = [&servers, &lists, &both].map(|ca| ca.0.pem()).concat();
    cluster.data.insert("client-ca-file".to_owned(), bundle);
    assert!(cluster.update().is_empty());
    let issued = [&servers, &lists, &both].map(|issuer| {
        let user = cluster.user(&[issuer.issue("bob", |_| {})], &HeaderMap::new());
        user.is_ok()
    });
    assert_eq!(issued, [false, false, true]);
}

#[test]
fn a_list_of_null_is_empty_and_bytes_that_are_no_text_are_replaced_one_by_one() {
    let mut cluster = cluster("[]");
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    cluster
        .data
        .insert("requestheader-allowed-names".to_owned(), "null".to_owned());
    assert!(cluster.update().is_empty());
    let mut headers = HeaderMap::new();
    let name = HeaderValue::from_bytes(b"\xe2\x82x\xff").unwrap();
    headers.insert("x-remote-user", name);
    let user = cluster.user(&[proxy], &headers);
    assert_eq!(user.unwrap().name, "\u{fffd}\u{fffd}x\u{fffd}");
}

#[test]
fn a_front_proxy_without_headers_names_no_user() {
    let cluster = cluster("[]");
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    // It then counts as an ordinary client certificate, which it isn't.
    cluster.user(&[proxy], &HeaderMap::new()).unwrap_err();
}

#[test]
fn a_broken_part_of_the_config_map_leaves_that_part_as_it_was() {
    let mut cluster = cluster("[]");
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    let others = Ca::new();
    let dave = others.issue("dave", |_| {});
    let set = |cluster: &mut Cluster, key: &str, value: &str| {
        cluster.data.insert(key.to_owned(), value.to_owned());
    };
    set(&mut cluster, "client-ca-file", &others.0.pem());
    for broken in [
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "no certificate at all",
        "",
    ] {
        set(&mut cluster, "requestheader-client-ca-file", broken);
        set(&mut cluster, "requestheader-allowed-names", "{not a list");
        let errors = cluster.update();
        assert!(
            errors[0].contains("requestheader-client-ca-file"),
            "{errors:?}"
        );
        assert!(
            errors[1].contains("requestheader-allowed-names"),
            "{errors:?}"
        );
        let user = cluster.user(std::slice::from_ref(&proxy), &claim());
        assert_eq!(name(user), "alice");
        let user = cluster.user(std::slice::from_ref(&dave), &claim());
        assert_eq!(name(user), "dave", "the other part is taken over");
    }
}

#[test]
fn header_names_and_authorities_follow_the_config_map() {
    let mut cluster = cluster("[]");
    let old = cluster.front_proxy.issue("front-proxy-client", |_| {});
    let front_proxy = Ca::new();
    let new = front_proxy.issue("front-proxy-client", |_| {});
    cluster.data.extend([
        (
            "requestheader-client-ca-file".to_owned(),
            front_proxy.0.pem(),
        ),
        (
            "requestheader-username-headers".to_owned(),
            r#"["X-First", "X-Second"]"#.to_owned(),
        ),
    ]);
    assert!(cluster.update().is_empty());
    let mut headers = claim();
    headers.insert("x-first", HeaderValue::from_static(""));
    headers.insert("x-second", HeaderValue::from_static("erin"));
    assert_eq!(name(cluster.user(&[new], &headers)), "erin");
    cluster.user(&[old], &headers).unwrap_err();
}

#[test]
fn a_token_counts_if_no_certificate_does() {
    let cluster = cluster("[]");
    let stranger = Ca::new().issue("front-proxy-client", |_| {});
    assert_eq!(name(cluster.user(&[], &bearer("carol"))), "carol");
    assert_eq!(name(cluster.user(&[stranger], &bearer("carol"))), "carol");
    let bob = cluster.clients.issue("bob", |_| {});
    assert_eq!(name(cluster.user(&[bob], &bearer("carol"))), "bob");
    assert_eq!(
        name(cluster.user(&[], &bearer("mallory"))),
        "invalid bearer token"
    );
}

#[test]
fn an_empty_prefix_adds_no_extra_attributes_and_the_others_count() {
    let mut cluster = cluster("[]");
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    cluster.data.insert(
        "requestheader-extra-headers-prefix".to_owned(),
        r#"["", " ", "X-Remote-Extra-", "X-Remote-"]"#.to_owned(),
    );
    assert!(cluster.update().is_empty());
    let mut headers = bearer("secret");
    headers.remove("x-remote-extra-bad%zz");
    let user = cluster.user(&[proxy], &headers).unwrap();
    let keys: Vec<&str> = user.extra.keys().map(String::as_str).collect();
    assert_eq!(keys, ["extra-foo/bar", "foo/bar", "group", "user"]);
}
