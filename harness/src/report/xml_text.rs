//! Texts in XML.

use std::borrow::Cow;

/// A text with U+FFFD in place of each character that XML 1.0 can't have, even escaped: a document with one can't be read.
/// What escapes of terminals begin with stays, because JUnit's writer takes the whole escape out.
pub(crate) fn xml_text(text: &str) -> Cow<'_, str> {
    let stays =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{1b}' | ' '..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| if stays(c) { c } else { '\u{fffd}' });
    Cow::Owned(replaced.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cant_have_is_replaced() {
        assert_eq!(
            xml_text("a\n\t\u{fffe}b\u{ffff}\0c\u{8}"),
            "a\n\t\u{fffd}b\u{fffd}\u{fffd}c\u{fffd}"
        );
        assert_eq!(xml_text("é 𝄞 \u{fffd}\u{1b}[0m"), "é 𝄞 \u{fffd}\u{1b}[0m");
    }
}
