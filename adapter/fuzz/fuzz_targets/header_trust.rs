//! Request headers: any lists in the ConfigMap, any headers and any subject give the user that a small model gives.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use rcgen::CertificateParams;
use setpoint_adapter::fuzzing::{Authentication, Identity};
use setpoint_fuzz::certificates::{Authority, config_map, issue, name};
use setpoint_rules::percent_decoded;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    issuer: Issuer,
    common_names: Vec<&'a str>,
    organizations: Vec<&'a str>,
    allowed_names: Vec<&'a str>,
    /// Whether the subject's common name is allowed as well.
    is_allowed: bool,
    usernames: Vec<&'a str>,
    uids: Vec<&'a str>,
    groups: Vec<&'a str>,
    prefixes: Vec<&'a str>,
    headers: Vec<(Header<'a>, &'a [u8])>,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq, Eq)]
enum Issuer {
    FrontProxies,
    Clients,
    Nobody,
    /// No certificate at all.
    None,
}

/// A header that means something by one of the lists, or another.
#[derive(Arbitrary, Debug)]
enum Header<'a> {
    Username(u8),
    Uid(u8),
    Group(u8),
    Extra(u8, &'a str),
    Other(&'a str),
}

static AUTHORITIES: LazyLock<[Authority; 3]> = LazyLock::new(|| [0, 1, 2].map(Authority::new));

fuzz_target!(|input: Input<'_>| {
    let common_names = &input.common_names[..input.common_names.len().min(2)];
    let organizations = &input.organizations[..input.organizations.len().min(2)];
    // Go takes the last one.
    let common_name = common_names.last().copied().unwrap_or_default();
    let mut allowed_names = input.allowed_names.clone();
    allowed_names.extend(input.is_allowed.then_some(common_name));

    let [front_proxies, clients, nobody] = &*AUTHORITIES;
    let (issuer, key) = match input.issuer {
        Issuer::FrontProxies => (Some(front_proxies), 0),
        Issuer::Clients => (Some(clients), 1),
        Issuer::Nobody => (Some(nobody), 2),
        Issuer::None => (None, 0),
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common_names, organizations);
    let certificate = issuer.and_then(|issuer| issue(&params, 3, issuer.params(), key));
    let certificates: Vec<_> = certificate.into_iter().collect();

    let mut data = config_map(&front_proxies.pem, &clients.pem);
    for (key, list) in [
        ("requestheader-allowed-names", &allowed_names),
        ("requestheader-username-headers", &input.usernames),
        ("requestheader-uid-headers", &input.uids),
        ("requestheader-group-headers", &input.groups),
        ("requestheader-extra-headers-prefix", &input.prefixes),
    ] {
        data.insert(key.to_owned(), serde_json::to_string(list).expect("JSON"));
    }
    let (headers, sent) = headers(&input);

    let user = Authentication::new(&data).user(&certificates, &headers);
    let is_proxy = allowed_names.is_empty() || allowed_names.contains(&common_name);
    let expected = match input.issuer {
        _ if certificates.is_empty() => Some(anonymous()),
        Issuer::FrontProxies if is_proxy => claimed(&input, &sent),
        Issuer::Clients if !common_name.is_empty() => Some(Identity {
            name: common_name.to_owned(),
            groups: organizations
                .iter()
                .map(|&group| group.to_owned())
                .collect(),
            ..nobody_yet()
        }),
        _ => None,
    };
    assert_eq!(user.map(sorted), expected.map(authenticated).map(sorted));
});

/// The headers, and their names in lower case with their values as text, in the order in which they are sent.
fn headers(input: &Input<'_>) -> (HeaderMap, Vec<(String, String)>) {
    let mut headers = HeaderMap::new();
    let mut sent = Vec::new();
    for (header, value) in input.headers.iter().take(100) {
        let of = |list: &[&str], index: u8| {
            let index = usize::from(index).checked_rem(list.len());
            index.map_or(String::new(), |index| list[index].to_owned())
        };
        let name = match header {
            Header::Username(index) => of(&input.usernames, *index),
            Header::Uid(index) => of(&input.uids, *index),
            Header::Group(index) => of(&input.groups, *index),
            Header::Extra(index, key) => of(&input.prefixes, *index) + key,
            Header::Other(name) => (*name).to_owned(),
        };
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        let Ok(value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        sent.push((name.as_str().to_owned(), text));
        headers.append(name, value);
    }
    (headers, sent)
}

/// The user that a front proxy names in headers.
fn claimed(input: &Input<'_>, sent: &[(String, String)]) -> Option<Identity> {
    let values = |name: &str| -> Vec<String> {
        let name = name.to_ascii_lowercase();
        let fitting = sent.iter().filter(|(sent, _)| *sent == name);
        fitting.map(|(_, value)| value.clone()).collect()
    };
    let first = |names: &[&str]| {
        let firsts = names
            .iter()
            .filter_map(|name| values(name).into_iter().next());
        firsts
            .into_iter()
            .find(|value| !value.is_empty())
            .unwrap_or_default()
    };
    let mut user = Identity {
        name: first(&input.usernames),
        uid: first(&input.uids),
        groups: input.groups.iter().flat_map(|name| values(name)).collect(),
        ..nobody_yet()
    };
    user.groups.retain(|group| !group.is_empty());
    let names: BTreeSet<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    for prefix in input
        .prefixes
        .iter()
        .filter(|prefix| !prefix.trim().is_empty())
    {
        for name in &names {
            if let Some(key) = name.strip_prefix(&prefix.to_ascii_lowercase()) {
                let key = percent_decoded(key).unwrap_or_else(|_| key.to_owned());
                user.extra.entry(key).or_default().extend(values(name));
            }
        }
    }
    (!user.name.is_empty()).then_some(user)
}

fn nobody_yet() -> Identity {
    Identity {
        name: String::new(),
        uid: String::new(),
        groups: Vec::new(),
        extra: BTreeMap::new(),
    }
}

fn anonymous() -> Identity {
    Identity {
        name: "system:anonymous".to_owned(),
        groups: vec!["system:unauthenticated".to_owned()],
        ..nobody_yet()
    }
}

fn authenticated(mut user: Identity) -> Identity {
    let says = |group: &String| {
        ["system:authenticated", "system:unauthenticated"].contains(&group.as_str())
    };
    if user.name != "system:anonymous" && !user.groups.iter().any(says) {
        user.groups.push("system:authenticated".to_owned());
    }
    user
}

/// Headers with the same key stand in no order.
fn sorted(mut user: Identity) -> Identity {
    user.extra.values_mut().for_each(|values| values.sort());
    user
}
