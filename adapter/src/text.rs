//! Texts of others, bounded before they are repeated.

use std::borrow::Cow;

/// The first `most` bytes of a text, and `…` if there are more.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    Cow::Owned(format!("{}…", &text[..end.unwrap_or_default()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("größe", 5), "grö…");
        assert_eq!(cut("größe", 4), "grö…");
        assert_eq!(cut("größe", 3), "gr…");
        assert_eq!(cut("größe", 7), "größe");
    }
}
