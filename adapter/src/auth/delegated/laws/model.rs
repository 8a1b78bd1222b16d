//! The user of a request according to the documentation.

use super::pool::{Authority, POOL};
use super::{Allowed, Bundle, Case, Key, Names, Spelling, Stage, carol};
use crate::auth::User;

/// What is trusted after all versions of the ConfigMap. A broken part of one changes nothing.
#[derive(Default)]
struct Trust {
    proxy_ca: Option<Authority>,
    client_ca: Option<Authority>,
    /// One broken list makes all four count as broken.
    headers: Option<(Allowed, Spelling)>,
}

impl Trust {
    fn after(stages: &[Stage]) -> Self {
        let mut trust = Self::default();
        for stage in stages {
            if let Bundle::Of(authority) = stage.proxy_ca {
                trust.proxy_ca = Some(authority);
            }
            if let Bundle::Of(authority) = stage.client_ca {
                trust.client_ca = Some(authority);
            }
            match (stage.allowed, stage.names) {
                (Allowed::Garbage, _) | (_, Names::Garbage) => {}
                (allowed, Names::Of(spelling)) => trust.headers = Some((allowed, spelling)),
            }
        }
        trust
    }
}

impl Case {
    /// The user; none if the request is refused.
    pub(super) fn model(&self) -> Option<User> {
        let trust = Trust::after(&self.stages);
        let shape = &POOL.certificates[self.certificate];
        let mut refused = !shape.readable;
        if shape.der.is_some() && shape.readable {
            if let Some(authority) = trust.proxy_ca {
                let allowed = match trust.headers {
                    None | Some((Allowed::Everybody | Allowed::Garbage, _)) => true,
                    Some((Allowed::TheProxy, _)) => shape.common_name == "proxy",
                    Some((Allowed::Nobody, _)) => false,
                };
                if shape.holds_for != Some(authority) || !allowed {
                    refused = true;
                } else if let Some(user) = trust.headers.and_then(|(_, names)| self.claimed(names))
                {
                    return Some(user);
                }
            }
            if let Some(authority) = trust.client_ca {
                if shape.holds_for != Some(authority) {
                    refused = true;
                } else if !shape.common_name.is_empty() {
                    return Some(User {
                        name: shape.common_name.to_owned(),
                        groups: vec!["team".to_owned(), "system:authenticated".to_owned()],
                        ..User::default()
                    });
                }
            }
        }
        let text = self.authorization.as_deref().map(String::from_utf8_lossy);
        let words: Vec<&str> = text
            .as_deref()
            .map_or(Vec::new(), |text| text.trim().splitn(3, ' ').collect());
        match words.as_slice() {
            [scheme, "carol", ..] if scheme.eq_ignore_ascii_case("bearer") => {
                return Some(authenticated(carol()));
            }
            [scheme, token, ..] if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
                refused = true;
            }
            _ => {}
        }
        (!refused).then(|| User {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
            ..User::default()
        })
    }

    /// The user that the headers name.
    fn claimed(&self, spelling: Spelling) -> Option<User> {
        let of = |claims: &[(Spelling, Vec<u8>)]| -> Vec<String> {
            let fitting = claims.iter().filter(|(written, _)| *written == spelling);
            fitting
                .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
                .collect()
        };
        let first = |claims| of(claims).into_iter().next().unwrap_or_default();
        let mut user = User {
            name: first(&self.users),
            uid: first(&self.uids),
            groups: of(&self.groups),
            ..User::default()
        };
        user.groups.retain(|group| !group.is_empty());
        for (written, key, bytes) in &self.extra {
            if *written == spelling {
                let values = user.extra.entry(key.meaning()).or_default();
                values.push(String::from_utf8_lossy(bytes).into_owned());
            }
        }
        (!user.name.is_empty()).then(|| authenticated(user))
    }
}

fn authenticated(mut user: User) -> User {
    let says = |group: &String| group.starts_with("system:") && group.ends_with("authenticated");
    if user.name != "system:anonymous" && !user.groups.iter().any(says) {
        user.groups.push("system:authenticated".to_owned());
    }
    user
}

impl Key {
    /// The unescaped key; one with a broken escape is kept as it is.
    fn meaning(&self) -> String {
        let bytes: Option<Vec<u8>> = self.0.iter().map(|part| part.byte()).collect();
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_else(|| self.text())
    }
}
