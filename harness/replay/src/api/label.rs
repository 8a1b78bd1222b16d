//! The label that a path of the API names.

use std::borrow::Cow;

/// The label whose values a path asks for: its characters are percent-encoded, or all but letters, digits and `_` are
/// escaped as `U__…` (`model.UnescapeName`).
pub(super) fn label_of(path: &str) -> Option<Cow<'_, str>> {
    let label = path
        .strip_prefix("/api/v1/label/")?
        .strip_suffix("/values")?;
    if label.is_empty() || label.contains('/') {
        return None;
    }
    let label = percent_encoding::percent_decode_str(label).decode_utf8_lossy();
    match label.strip_prefix("U__").and_then(unescaped) {
        Some(name) => Some(Cow::Owned(name)),
        None => Some(label),
    }
}

/// What follows `U__`: `__` is `_`, and `_2e_` the character of that number; none if it isn't escaped so.
fn unescaped(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut parts = text.split('_');
    name.push_str(parts.next()?);
    while let Some(code) = parts.next() {
        if code.is_empty() {
            name.push('_');
        } else {
            let code = (code.len() <= 6).then_some(code)?;
            name.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        }
        name.push_str(parts.next()?);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_any_letters_can_be_named_in_a_path() {
        for (path, label) in [
            ("pod", Some("pod")),
            ("service.name", Some("service.name")),
            ("caf%C3%A9", Some("café")),
            ("U__service_2e_name", Some("service.name")),
            ("U__a__b", Some("a_b")),
            ("U__", Some("")),
            ("U__a_zz_b", Some("U__a_zz_b")),
            ("U__a_2e", Some("U__a_2e")),
            ("U__a_1234567_b", Some("U__a_1234567_b")),
            ("", None),
            ("a/b", None),
        ] {
            let found = label_of(&format!("/api/v1/label/{path}/values")).map(Cow::into_owned);
            assert_eq!(found.as_deref(), label, "{path}");
        }
    }
}
