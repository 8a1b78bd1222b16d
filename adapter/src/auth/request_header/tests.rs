use http::HeaderValue;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

use super::*;

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(
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

struct Cluster {
    front_proxy: Ca,
    clients: Ca,
    authenticator: CertificateAuthenticator,
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
    let authenticator = CertificateAuthenticator::new();
    authenticator.replace(AuthenticationConfig::from_data(&data).unwrap());
    Cluster {
        front_proxy,
        clients,
        authenticator,
    }
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
fn the_front_proxy_speaks_for_others() {
    let cluster = cluster(r#"["front-proxy-client"]"#);
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    let user = cluster.authenticator.judge(&[proxy], &claim()).unwrap();
    assert_eq!(user.name, "alice");
    assert_eq!(user.groups, ["a", "b", "system:authenticated"]);
    assert_eq!(user.extra["foo/bar"], ["x"]);
    assert_eq!(user.extra["bad%zz"], ["y"]);
}

#[test]
fn identity_headers_alone_are_worth_nothing() {
    let cluster = cluster("[]");
    assert_eq!(
        cluster.authenticator.judge(&[], &claim()).unwrap(),
        User::anonymous()
    );
}

#[test]
fn an_ordinary_certificate_speaks_for_its_subject_whatever_the_headers_say() {
    let cluster = cluster("[]");
    let bob = cluster.clients.issue("bob", |_| {});
    let user = cluster.authenticator.judge(&[bob], &claim()).unwrap();
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
    let outcome = name(strict.authenticator.judge(&[other], &claim()));
    assert_eq!(
        outcome,
        "x509: subject with cn=other is not in the allowed list"
    );
    let open = cluster("[]");
    let other = open.front_proxy.issue("other", |_| {});
    assert_eq!(name(open.authenticator.judge(&[other], &claim())), "alice");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_an_error_and_not_anonymous() {
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
        cluster
            .authenticator
            .judge(&[certificate], &claim())
            .unwrap_err();
    }
}

#[test]
fn a_front_proxy_that_names_nobody_has_said_nothing() {
    let cluster = cluster("[]");
    let proxy = cluster.front_proxy.issue("front-proxy-client", |_| {});
    // The certificate then has to hold as an ordinary one, which it doesn't.
    cluster
        .authenticator
        .judge(&[proxy], &HeaderMap::new())
        .unwrap_err();
}

#[test]
fn a_config_map_that_makes_no_sense_is_refused_whole() {
    for (key, value) in [
        (
            "requestheader-client-ca-file",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        ("client-ca-file", "no certificate at all"),
    ] {
        let data = [(key.to_owned(), value.to_owned())].into();
        let error = AuthenticationConfig::from_data(&data).unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
}
