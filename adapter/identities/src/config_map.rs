//! ConfigMap `extension-apiserver-authentication`, sound and broken.

use std::collections::BTreeMap;
use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::pool::{Authority, POOL};

/// The versions of the ConfigMap in their order; the ConfigMap is missing if there are none.
#[derive(Debug, Clone)]
pub struct World(pub Vec<ConfigMap>);

/// One version of it.
#[derive(Clone)]
pub struct ConfigMap {
    pub(crate) proxies: Bundle,
    pub(crate) clients: Bundle,
    pub(crate) allowed: List,
    pub(crate) users: List,
    pub(crate) uids: List,
    pub(crate) groups: List,
    pub(crate) prefixes: List,
}

/// The text of a bundle of certificates.
#[derive(Debug, Clone)]
pub(crate) enum Bundle {
    Of(Vec<Authority>),
    Missing,
    Empty,
    /// A sound certificate, and behind it one that is none.
    Broken(Authority),
    NoPem,
}

/// The text of a list.
#[derive(Debug, Clone)]
pub(crate) enum List {
    Of(Vec<&'static str>),
    Missing,
    Empty,
    Null,
    NotJson,
    OfNumbers,
    OtherType,
}

impl fmt::Debug for ConfigMap {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            proxies,
            clients,
            allowed,
            users,
            uids,
            groups,
            prefixes,
        } = self;
        write!(
            f,
            "proxies {proxies:?}, clients {clients:?}, allowed {allowed:?}, users {users:?}, uids {uids:?}, groups {groups:?}, prefixes {prefixes:?}"
        )
    }
}

impl Bundle {
    fn text(&self) -> Option<String> {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        match self {
            Self::Of(authorities) => Some(authorities.iter().map(|one| POOL.pem(*one)).collect()),
            Self::Missing => None,
            Self::Empty => Some(String::new()),
            Self::Broken(sound) => Some(format!("{}{broken}", POOL.pem(*sound))),
            Self::NoPem => Some("not a certificate".to_owned()),
        }
    }
}

impl List {
    fn text(&self) -> Option<String> {
        let text = match self {
            Self::Of(names) => return serde_json::to_string(names).ok(),
            Self::Missing => return None,
            Self::Empty => "",
            Self::Null => "null",
            Self::NotJson => "[\"X-Remote-User\"",
            Self::OfNumbers => "[7]",
            Self::OtherType => "\"X-Remote-User\"",
        };
        Some(text.to_owned())
    }

    /// Its names; none if it can't be read, so that nothing changes.
    pub(crate) fn names(&self) -> Option<&[&'static str]> {
        match self {
            Self::Of(names) => Some(names),
            Self::Missing | Self::Empty | Self::Null => Some(&[]),
            Self::NotJson | Self::OfNumbers | Self::OtherType => None,
        }
    }
}

impl ConfigMap {
    /// Its `data`.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, String> {
        let all = [
            ("requestheader-client-ca-file", self.proxies.text()),
            ("client-ca-file", self.clients.text()),
            ("requestheader-allowed-names", self.allowed.text()),
            ("requestheader-username-headers", self.users.text()),
            ("requestheader-uid-headers", self.uids.text()),
            ("requestheader-group-headers", self.groups.text()),
            ("requestheader-extra-headers-prefix", self.prefixes.text()),
        ];
        all.into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), text?)))
            .collect()
    }
}

/// A bundle in which one authority is most often the only one.
fn bundle(usual: Authority) -> impl Strategy<Value = Bundle> {
    let several = subsequence(Authority::ALL.to_vec(), 1..=4).prop_shuffle();
    prop_oneof![
        16 => Just(Bundle::Of(vec![usual])),
        5 => several.prop_map(Bundle::Of),
        1 => Just(Bundle::Missing),
        1 => Just(Bundle::Empty),
        1 => Just(Bundle::Broken(usual)),
        1 => Just(Bundle::NoPem),
    ]
}

/// A list that can be read.
fn readable_list(
    usual: &'static [&'static str],
    others: &'static [&'static str],
) -> impl Strategy<Value = List> {
    prop_oneof![
        8 => Just(List::Of(usual.to_vec())),
        4 => vec(select(others), 0..4).prop_map(List::Of),
        1 => select(vec![List::Missing, List::Empty, List::Null]),
    ]
}

fn list(
    usual: &'static [&'static str],
    others: &'static [&'static str],
) -> impl Strategy<Value = List> {
    prop_oneof![
        40 => readable_list(usual, others),
        1 => select(vec![List::NotJson, List::OfNumbers, List::OtherType]),
    ]
}

const ALLOWED: &[&str] = &["front-proxy-client"];
const OTHER_ALLOWED: &[&str] = &["front-proxy-client", "aggregator", "bob", "nobody", ""];
const USERS: &[&str] = &["X-Remote-User"];
const OTHER_USERS: &[&str] = &[
    "X-Remote-User",
    "x-our-user",
    "X-Remote-Group",
    " X-Remote-User",
    "not a header",
    "",
];
const UIDS: &[&str] = &["X-Remote-Uid"];
const OTHER_UIDS: &[&str] = &["X-Remote-Uid", "X-OUR-UID", ""];
const GROUPS: &[&str] = &["X-Remote-Group"];
const OTHER_GROUPS: &[&str] = &["X-Remote-Group", "x-our-group", "X-Remote-User", ""];
const PREFIXES: &[&str] = &["X-Remote-Extra-"];
const OTHER_PREFIXES: &[&str] = &[
    "X-Remote-Extra-",
    "x-remote-extra-",
    "X-Our-",
    "X-Remote-",
    "X-Remote-Extra-a",
    " ",
];
const ALL_PREFIXES: &[&str] = &["X-Remote-Extra-", "X-Our-", "X-Remote-", ""];

fn maps<L: Strategy<Value = List>>(
    list: fn(&'static [&'static str], &'static [&'static str]) -> L,
    other_prefixes: &'static [&'static str],
) -> impl Strategy<Value = ConfigMap> {
    let bundles = (bundle(Authority::FrontProxies), bundle(Authority::Clients));
    let lists = (
        list(ALLOWED, OTHER_ALLOWED),
        list(USERS, OTHER_USERS),
        list(UIDS, OTHER_UIDS),
        list(GROUPS, OTHER_GROUPS),
        list(PREFIXES, other_prefixes),
    );
    (bundles, lists).prop_map(
        |((proxies, clients), (allowed, users, uids, groups, prefixes))| ConfigMap {
            proxies,
            clients,
            allowed,
            users,
            uids,
            groups,
            prefixes,
        },
    )
}

pub(crate) fn readable() -> impl Strategy<Value = ConfigMap> {
    maps(readable_list, OTHER_PREFIXES)
}

pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let one = || prop_oneof![2 => maps(list, OTHER_PREFIXES), 1 => maps(list, ALL_PREFIXES)];
    prop_oneof![
        1 => Just(World(Vec::new())),
        12 => vec(one(), 1).prop_map(World),
        6 => vec(one(), 2..=3).prop_map(World),
    ]
}
