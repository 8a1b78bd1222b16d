//! The rules.

use std::collections::BTreeMap;

use crate::config_map::{Bundle, World};
use crate::pool::Authority;
use crate::token::{Reviewed, Token};
use crate::{Credential, Difference, Identity, Kind, Outcome, Request};

/// What is trusted. The two bundles and the lists are taken over apart; what can't be read changes nothing.
#[derive(Default)]
struct Trust<'a> {
    /// None before there was one; certificates then count for nothing.
    proxies: Option<&'a [Authority]>,
    clients: Option<&'a [Authority]>,
    /// Empty allows all.
    allowed: &'a [&'static str],
    users: &'a [&'static str],
    uids: &'a [&'static str],
    groups: &'a [&'static str],
    prefixes: &'a [&'static str],
}

impl<'a> Trust<'a> {
    fn after(world: &'a World) -> Self {
        let mut trust = Self::default();
        for map in &world.0 {
            if let Bundle::Of(authorities) = &map.proxies {
                trust.proxies = Some(authorities);
            }
            if let Bundle::Of(authorities) = &map.clients {
                trust.clients = Some(authorities);
            }
            // One list that can't be read leaves all as they were.
            if let (Some(allowed), Some(users), Some(uids), Some(groups), Some(prefixes)) = (
                map.allowed.names(),
                map.users.names(),
                map.uids.names(),
                map.groups.names(),
                map.prefixes.names(),
            ) {
                trust = Self {
                    allowed,
                    users,
                    uids,
                    groups,
                    prefixes,
                    ..trust
                };
            }
        }
        trust
    }
}

/// Who calls, by the rules of Kubernetes but for some differences.
pub(crate) fn caller(
    world: &World,
    credential: &Credential,
    request: &Request,
    applied: &[Difference],
) -> Outcome {
    let trust = Trust::after(world);
    let mut refusal = None;
    let mut refuse = |kind| {
        refusal.get_or_insert(kind);
    };
    let known = |kind, identity: Identity| Outcome {
        kind,
        identity: Some(with_authenticated(identity).sorted()),
    };
    if !credential.chain.is_empty() {
        // A handshake with one that can't be read fails, unless the test leaves the handshake out.
        if !credential.is_readable && !world.0.is_empty() {
            refuse(Kind::BadCertificate);
        }
        let counts = |authorities: &[Authority]| {
            let vouched = credential
                .vouched_by
                .is_some_and(|by| authorities.contains(&by));
            vouched
                && !(credential.is_authority && applied.contains(&Difference::AuthorityAsClient))
        };
        match trust.proxies {
            Some(proxies) if !counts(proxies) => refuse(Kind::BadCertificate),
            Some(_)
                if !trust.allowed.is_empty()
                    && !trust.allowed.contains(&&*credential.common_name) =>
            {
                refuse(Kind::BadName);
            }
            Some(_) => {
                if let Some(user) = claimed(&trust, request, applied) {
                    return known(Kind::Headers, user);
                }
            }
            None => {}
        }
        match trust.clients {
            Some(clients) if !counts(clients) => refuse(Kind::BadCertificate),
            Some(_) if !credential.common_name.is_empty() => {
                let user = Identity {
                    name: credential.common_name.clone(),
                    groups: credential.organizations.clone(),
                    ..Identity::default()
                };
                return known(Kind::Certificate, user);
            }
            _ => {}
        }
    }
    match bearer(request).map(|token| Token::reviewed(&token)) {
        Some(Reviewed::User(user)) => return known(Kind::Token, user),
        Some(Reviewed::Invalid) => refuse(Kind::BadToken),
        Some(Reviewed::Failed) => refuse(Kind::Unreviewed),
        None => {}
    }
    if let Some(kind) = refusal {
        return Outcome {
            kind,
            identity: None,
        };
    }
    Outcome {
        kind: Kind::Anonymous,
        identity: Some(Identity {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
            ..Identity::default()
        }),
    }
}

/// The user that headers name; none if they name none.
fn claimed(trust: &Trust<'_>, request: &Request, applied: &[Difference]) -> Option<Identity> {
    // Of each header the first value counts, and of these the first that isn't empty.
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| request.values(name).next());
        values.map(text).find(|value| !value.is_empty())
    };
    let groups = trust.groups.iter();
    let groups = groups.flat_map(|name| request.values(name).map(text));
    let mut user = Identity {
        name: first(trust.users)?,
        groups: groups.filter(|group| !group.is_empty()).collect(),
        extra: extra(trust, request, applied),
        ..Identity::default()
    };
    if !applied.contains(&Difference::NoUidHeaders) {
        user.uid = first(trust.uids).unwrap_or_default();
    }
    Some(user)
}

fn extra(
    trust: &Trust<'_>,
    request: &Request,
    applied: &[Difference],
) -> BTreeMap<String, Vec<String>> {
    let mut extra = BTreeMap::<String, Vec<String>>::new();
    for prefix in trust.prefixes {
        if prefix.is_empty() && applied.contains(&Difference::EmptyPrefix) {
            continue;
        }
        for field in &request.fields {
            let name = field.name.to_ascii_lowercase();
            if let Some(key) = name.strip_prefix(&prefix.to_ascii_lowercase()) {
                let key = match unescaped(key) {
                    Some(bytes) if applied.contains(&Difference::KeyWithoutText) => {
                        String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
                    }
                    Some(bytes) => text(&bytes),
                    None => key.to_owned(),
                };
                extra.entry(key).or_default().push(text(&field.value));
            }
        }
    }
    extra
}

/// What percent signs stand for; none if one of them stands for nothing.
fn unescaped(key: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = key.as_bytes();
    while let [first, behind @ ..] = rest {
        if *first == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let [high, low, behind @ ..] = behind else {
                return None;
            };
            bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    Some(bytes)
}

/// What Go writes into JSON: each byte that isn't of a character is replaced.
fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text
}

/// The token of the first `Authorization`. What follows behind it doesn't count.
fn bearer(request: &Request) -> Option<String> {
    let value = text(request.values("Authorization").next()?);
    let mut words = value.trim().split(' ');
    let is_bearer = words.next()?.to_lowercase() == "bearer";
    let token = words.next()?;
    (is_bearer && !token.is_empty()).then(|| token.to_owned())
}

/// Who is neither anonymous nor says whether it is authenticated is authenticated.
fn with_authenticated(mut user: Identity) -> Identity {
    let says = |group: &String| {
        matches!(
            group.as_str(),
            "system:authenticated" | "system:unauthenticated"
        )
    };
    if user.name != "system:anonymous" && !user.groups.iter().any(says) {
        user.groups.push("system:authenticated".to_owned());
    }
    user
}
