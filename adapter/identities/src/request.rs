//! Headers that name users, and those that look so.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::Token;

/// The headers of a request that may say who calls, in their order.
#[derive(Clone)]
pub struct Request {
    /// Names may be repeated.
    pub fields: Vec<Field>,
}

/// A header.
#[derive(Clone)]
pub struct Field {
    /// As it is spelled.
    pub name: String,
    /// Bytes that are visible, spaces or no ASCII; without white space at its ends.
    pub value: Vec<u8>,
    /// Whether it is sent with white space around it, which is no part of it.
    pub is_padded: bool,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value.escape_ascii())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.fields).finish()
    }
}

impl Field {
    /// The line of a request of HTTP/1.1, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let (before, behind) = if self.is_padded {
            (" \t ", "  ")
        } else {
            (" ", "")
        };
        let name = self.name.as_bytes();
        [
            name,
            b":",
            before.as_bytes(),
            &self.value,
            behind.as_bytes(),
            b"\r\n",
        ]
        .concat()
    }
}

impl Request {
    /// The values of a header in their order; its name counts in any case.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter();
        fields
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.as_slice())
    }
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "alice",
        "",
        "system:masters",
        "system:authenticated",
        "system:anonymous",
        "system:unauthenticated",
        "two words",
        "a,b",
        "front-proxy-client",
        "\u{e9}t\u{e9}",
        "%2f",
    ]);
    let byte = prop_oneof![6 => 0x21..=0x7eu8, 2 => 0x80..=0xffu8, 1 => Just(b' ')];
    let any = vec(byte, 0..10).prop_map(|bytes| bytes.trim_ascii().to_vec());
    prop_oneof![
        6 => Just(b"alice".to_vec()),
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        2 => any,
        1 => Just(vec![0xe2, 0x82, b'x', 0xff]),
    ]
}

fn in_any_case(name: String) -> impl Strategy<Value = String> {
    let upper = name.to_ascii_uppercase();
    let lower = name.to_ascii_lowercase();
    prop_oneof![4 => Just(name), 1 => Just(upper), 1 => Just(lower)]
}

fn key() -> impl Strategy<Value = String> {
    let part = select(vec![
        "a", "b", "B", ".", "-", "%2f", "%2F", "%41", "%ff", "%ff", "%c3%a9", "%", "%zz", "%4",
        "+", "user",
    ]);
    vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn name() -> impl Strategy<Value = String> {
    let extra = (
        select(vec!["X-Remote-Extra-", "X-Our-", "X-Remote-"]),
        key(),
    );
    let extra = extra.prop_map(|(prefix, key)| format!("{prefix}{key}"));
    // Headers that never count.
    let foreign = select(vec![
        "X-Forwarded-User",
        "X-Forwarded-Group",
        "X_Remote_User",
        "X-Remote-Users",
        "Remote-User",
        "X-Remote-Name",
    ]);
    prop_oneof![
        8 => Just("X-Remote-User".to_owned()),
        2 => Just("X-Our-User".to_owned()),
        2 => Just("X-Remote-Uid".to_owned()),
        1 => Just("X-Our-Uid".to_owned()),
        5 => Just("X-Remote-Group".to_owned()),
        1 => Just("X-Our-Group".to_owned()),
        5 => extra,
        2 => foreign.prop_map(str::to_owned),
    ]
    .prop_flat_map(in_any_case)
}

fn authorization() -> impl Strategy<Value = Vec<u8>> {
    let known = select(Token::ALL.to_vec()).prop_map(|token| token.text().into_bytes());
    let token = prop_oneof![
        12 => known,
        1 => Just(b"stranger".to_vec()),
        1 => Just(b"a.b.c\xff".to_vec()),
    ];
    let scheme = select(vec![
        "Bearer ", "Bearer ", "Bearer ", "Bearer ", "Bearer ", "bearer ", "BEARER ", "Bearer  ",
        "Bearer\t", "Bearer", "Basic ", "Token ", "",
    ]);
    let behind = select(vec!["", "", "", "", "", " more", " more words", ","]);
    (scheme, token, behind).prop_map(|(scheme, token, behind)| {
        let all = [scheme.as_bytes(), &token, behind.as_bytes()].concat();
        all.trim_ascii().to_vec()
    })
}

pub(crate) fn requests() -> impl Strategy<Value = Request> {
    let fields = vec((name(), value()), 0..7);
    let tokens = prop_oneof![5 => vec(authorization(), 0), 9 => vec(authorization(), 1), 1 => vec(authorization(), 2)];
    let tokens = (select(vec!["Authorization", "authorization"]), tokens);
    (fields, tokens, any::<u16>()).prop_map(|(mut fields, (name, tokens), padded)| {
        let tokens = tokens.into_iter().map(|token| (name.to_owned(), token));
        fields.extend(tokens);
        let fields = fields.into_iter().enumerate();
        let field = |(at, (name, value)): (usize, (String, Vec<u8>))| Field {
            name,
            value,
            is_padded: padded >> (2 * (at % 8)) & 3 == 3,
        };
        Request {
            fields: fields.map(field).collect(),
        }
    })
}
