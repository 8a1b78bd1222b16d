//! Properties of authentication: any certificates, headers, tokens and ConfigMaps give the user that
//! a small model gives.

mod model;
mod pool;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, header};
use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{ALL, block_on, peer};
use super::*;
use crate::auth::ReviewError;
use crate::auth::bearer::TokenReviewer;
use crate::auth::error::TokenReviewError;
use pool::{Authority, POOL};

#[derive(Debug, Clone)]
struct Case {
    /// The versions of the ConfigMap in their order.
    stages: Vec<Stage>,
    certificate: usize,
    /// Values of the username headers, raw.
    users: Vec<(Spelling, Vec<u8>)>,
    uids: Vec<(Spelling, Vec<u8>)>,
    groups: Vec<(Spelling, Vec<u8>)>,
    extra: Vec<(Spelling, Key, Vec<u8>)>,
    authorization: Option<Vec<u8>>,
}

/// One version of the ConfigMap.
#[derive(Debug, Clone)]
struct Stage {
    proxy_ca: Bundle,
    client_ca: Bundle,
    allowed: Allowed,
    names: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bundle {
    Of(Authority),
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

/// The names of the headers in the ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Of(Spelling),
    Garbage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Usual,
    Custom,
}

impl Spelling {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Usual => "X-Remote-",
            Self::Custom => "X-Our-",
        }
    }
}

/// The part of a header name after the prefix.
#[derive(Debug, Clone)]
struct Key(Vec<KeyPart>);

#[derive(Debug, Clone, Copy)]
enum KeyPart {
    Plain(u8),
    Escaped(u8),
    /// A percent sign without hexadecimal digits.
    Broken,
}

impl KeyPart {
    fn byte(self) -> Option<u8> {
        match self {
            Self::Plain(byte) | Self::Escaped(byte) => Some(byte),
            Self::Broken => None,
        }
    }
}

impl Key {
    fn text(&self) -> String {
        let text = |part: &KeyPart| match part {
            KeyPart::Plain(byte) => char::from(*byte).to_string(),
            KeyPart::Escaped(byte) => format!("%{byte:02x}"),
            KeyPart::Broken => "%z".to_owned(),
        };
        self.0.iter().map(text).collect()
    }
}

/// The user of the only valid token.
fn carol() -> User {
    User {
        name: "carol".to_owned(),
        uid: "c-1".to_owned(),
        groups: vec!["singers".to_owned()],
        extra: [("scopes".to_owned(), vec!["read".to_owned()])].into(),
    }
}

/// The token `carol` is valid; the review of `unlucky` fails.
struct OnlyCarol;

impl TokenReviewer for OnlyCarol {
    fn review<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, TokenReviewError>> {
        Box::pin(std::future::ready(match token {
            "carol" => Ok(Some(carol())),
            "unlucky" => Err(TokenReviewError::Ask(ReviewError::Busy)),
            _ => Ok(None),
        }))
    }
}

/// Bytes that may stand in a header, UTF-8 or not.
fn raw() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(b"alice".to_vec()),
        1 => Just(Vec::new()),
        1 => Just(b"system:masters".to_vec()),
        1 => Just(b"system:authenticated".to_vec()),
        1 => Just(b"system:anonymous".to_vec()),
        1 => Just(b"system:unauthenticated".to_vec()),
        1 => Just(vec![0xff, 0xfe]),
        2 => vec(prop_oneof![0x21..=0x7eu8, 0x80..=0xffu8], 0..12),
    ]
}

fn spelling() -> impl Strategy<Value = Spelling> {
    prop_oneof![3 => Just(Spelling::Usual), 1 => Just(Spelling::Custom)]
}

fn key() -> impl Strategy<Value = Key> {
    let part = prop_oneof![
        6 => prop_oneof![b'a'..=b'c', Just(b'.'), Just(b'-')].prop_map(KeyPart::Plain),
        3 => prop_oneof![Just(b'a'), Just(b'/'), Just(b'A'), any::<u8>()].prop_map(KeyPart::Escaped),
        1 => Just(KeyPart::Broken),
    ];
    vec(part, 1..5).prop_map(Key)
}

fn stage() -> impl Strategy<Value = Stage> {
    let bundle = |right: Authority| {
        prop_oneof![
            6 => Just(Bundle::Of(right)),
            1 => Just(Bundle::Of(Authority::Stranger)),
            1 => Just(Bundle::Missing),
            1 => Just(Bundle::Garbage),
        ]
    };
    let allowed = prop_oneof![
        3 => Just(Allowed::Everybody),
        2 => Just(Allowed::TheProxy),
        1 => Just(Allowed::Nobody),
        1 => Just(Allowed::Garbage),
    ];
    let names = prop_oneof![4 => spelling().prop_map(Names::Of), 1 => Just(Names::Garbage)];
    let (proxy, client) = (bundle(Authority::FrontProxy), bundle(Authority::Client));
    (proxy, client, allowed, names).prop_map(|(proxy_ca, client_ca, allowed, names)| Stage {
        proxy_ca,
        client_ca,
        allowed,
        names,
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let authorization = proptest::option::of(prop_oneof![
        2 => Just(b"Bearer carol".to_vec()),
        1 => Just(b"Bearer unlucky".to_vec()),
        1 => Just(b"bearer  carol".to_vec()),
        1 => Just(b"Basic carol".to_vec()),
        1 => raw().prop_map(|token| [b"Bearer ".to_vec(), token].concat()),
    ]);
    (
        vec(stage(), 0..4),
        0..POOL.certificates.len(),
        vec((spelling(), raw()), 0..3),
        vec((spelling(), raw()), 0..2),
        vec((spelling(), raw()), 0..4),
        vec((spelling(), key(), raw()), 0..3),
        authorization,
    )
        .prop_map(
            |(stages, certificate, users, uids, groups, extra, authorization)| Case {
                stages,
                certificate,
                users,
                uids,
                groups,
                extra,
                authorization,
            },
        )
}

impl Stage {
    fn data(&self) -> BTreeMap<String, String> {
        let mut data = BTreeMap::new();
        let mut put = |key: &str, value: &str| {
            data.insert(key.to_owned(), value.to_owned());
        };
        for (key, bundle) in [
            ("requestheader-client-ca-file", self.proxy_ca),
            ("client-ca-file", self.client_ca),
        ] {
            match bundle {
                Bundle::Of(Authority::FrontProxy) => put(key, &POOL.proxy_ca),
                Bundle::Of(Authority::Client) => put(key, &POOL.client_ca),
                Bundle::Of(Authority::Stranger) => put(key, &POOL.stranger_ca),
                Bundle::Missing => {}
                Bundle::Garbage => put(
                    key,
                    "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
                ),
            }
        }
        for (key, name) in [
            ("requestheader-username-headers", "User"),
            ("requestheader-uid-headers", "Uid"),
            ("requestheader-group-headers", "Group"),
            ("requestheader-extra-headers-prefix", "Extra-"),
        ] {
            match self.names {
                Names::Of(spelling) => put(key, &format!("[\"{}{name}\"]", spelling.prefix())),
                // One of them is enough.
                Names::Garbage if name == "Group" => put(key, "[7]"),
                Names::Garbage => put(key, &format!("[\"X-Remote-{name}\"]")),
            }
        }
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
}

impl Case {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &[u8]| {
            headers.append(
                HeaderName::try_from(name).unwrap(),
                HeaderValue::from_bytes(value).unwrap(),
            );
        };
        for (kind, claims) in [
            ("user", &self.users),
            ("uid", &self.uids),
            ("group", &self.groups),
        ] {
            for (spelling, value) in claims {
                add(&format!("{}{kind}", spelling.prefix()), value);
            }
        }
        for (spelling, key, value) in &self.extra {
            add(&format!("{}extra-{}", spelling.prefix(), key.text()), value);
        }
        if let Some(authorization) = &self.authorization {
            add(header::AUTHORIZATION.as_str(), authorization);
        }
        headers
    }
}

/// Two headers may give the same key, in no defined order.
fn sorted(mut user: User) -> User {
    user.extra.values_mut().for_each(|values| values.sort());
    user
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_user_is_authenticated_if_and_only_if_the_credentials_are_valid(case in cases()) {
        let mut config = AuthenticationConfig::default();
        for stage in &case.stages {
            config.update(&stage.data(), ALL);
        }
        let tokens = BearerTokens::new(Arc::new(OnlyCarol), Duration::from_secs(10));
        let authenticator = DelegatedAuthenticator::new(Some(tokens));
        authenticator.replace(Arc::new(config));
        let shape = &POOL.certificates[case.certificate];
        let chain: Vec<_> = shape.der.iter().cloned().collect();
        let outcome = block_on(authenticator.user(&peer(&chain), &case.headers()));
        // Name, uid, groups and extra: nothing may come from an unverified source.
        prop_assert_eq!(outcome.ok().map(sorted), case.model().map(sorted), "with {}", shape.name);
    }
}
