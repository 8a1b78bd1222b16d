//! Request headers: a front proxy names the user, and its certificate proves that it may
//! (`apiserver/pkg/authentication/request/headerrequest/requestheader.go`).

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use setpoint_rules::percent_decoded;

use super::User;
use super::error::AuthenticationError;

/// The headers that name the user, and which front proxies may use them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RequestHeaders {
    /// Common names that a front proxy's certificate may have; empty allows all.
    pub(super) allowed_names: Vec<String>,
    pub(super) username: Vec<HeaderName>,
    pub(super) uid: Vec<HeaderName>,
    pub(super) group: Vec<HeaderName>,
    /// In lower case, as header names are.
    pub(super) extra_prefixes: Vec<String>,
}

impl RequestHeaders {
    /// Whether a front proxy may have this common name.
    pub(super) fn allow(&self, common_name: &str) -> Result<(), AuthenticationError> {
        if self.allowed_names.is_empty()
            || self.allowed_names.iter().any(|name| name == common_name)
        {
            return Ok(());
        }
        Err(AuthenticationError::NotAllowed {
            common_name: common_name.to_owned(),
        })
    }

    /// The user that a front proxy names; none if it names none.
    pub(super) fn user(&self, headers: &HeaderMap) -> Option<User> {
        // The first of several values counts, as in Go's `Header.Get`.
        let first = |names: &[HeaderName]| {
            names
                .iter()
                .filter_map(|name| texts(headers, name).next())
                .find(|text| !text.is_empty())
        };
        let groups = || {
            let all = self.group.iter().flat_map(|name| texts(headers, name));
            all.filter(|group| !group.is_empty()).collect()
        };
        first(&self.username).map(|name| User {
            name,
            uid: first(&self.uid).unwrap_or_default(),
            groups: groups(),
            extra: extra(headers, &self.extra_prefixes),
        })
    }
}

/// The values of a header.
fn texts(headers: &HeaderMap, header: &HeaderName) -> impl Iterator<Item = String> {
    headers
        .get_all(header)
        .into_iter()
        .map(|value| text(value.as_bytes()))
}

/// Each byte that isn't of a character of UTF-8 is replaced, as where Go writes JSON. Dropping it could turn one name into
/// another.
fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

fn extra(headers: &HeaderMap, prefixes: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for prefix in prefixes {
        for header in headers.keys() {
            if let Some(key) = header.as_str().strip_prefix(prefix.as_str()) {
                let values = extra.entry(unescaped(key)).or_default();
                values.extend(texts(headers, header));
            }
        }
    }
    extra
}

/// Keys are percent-escaped; one with a broken escape is kept as it is (`unescapeExtraKey`).
fn unescaped(key: &str) -> String {
    percent_decoded(key).unwrap_or_else(|_| key.to_owned())
}
