//! Errors as one line of text.

use std::error::Error;

/// An error and its sources, in one line. A source whose text already ends the line is left out.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    error_chain_until(error, |_| None)
}

/// As [`error_chain`], but ends at the first error for which `last` returns a text; the text
/// stands for that error and for its sources.
#[must_use]
pub fn error_chain_until(
    error: &(dyn Error + 'static),
    last: impl Fn(&(dyn Error + 'static)) -> Option<String>,
) -> String {
    let mut chain = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let replaced = last(error);
        next = if replaced.is_some() {
            None
        } else {
            error.source()
        };
        append(&mut chain, error.to_string(), replaced);
    }
    chain
}

/// Appends a text that the chain doesn't end with yet, and puts `replacement` in its place.
fn append(chain: &mut String, text: String, replacement: Option<String>) {
    if chain.ends_with(&text) {
        if let Some(replacement) = replacement {
            chain.truncate(chain.len() - text.len());
            chain.push_str(&replacement);
        }
        return;
    }
    if !chain.is_empty() {
        chain.push_str(": ");
    }
    chain.push_str(&replacement.unwrap_or(text));
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Self>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (first, rest) = texts.split_first().expect("a text");
        Layer(first, (!rest.is_empty()).then(|| Box::new(layers(rest))))
    }

    #[test]
    fn sources_follow_in_their_order() {
        let error = layers(&["read a file", "open it", "no permission"]);
        assert_eq!(error_chain(&error), "read a file: open it: no permission");
    }

    #[test]
    fn a_source_that_its_error_has_quoted_is_left_out() {
        let error = layers(&["read a file: no permission", "no permission", "code 13"]);
        assert_eq!(error_chain(&error), "read a file: no permission: code 13");
    }

    #[test]
    fn a_replaced_error_ends_the_chain() {
        let until = |error: &Layer| {
            error_chain_until(error, |error| {
                (error.to_string() == "a page of HTML").then(|| "refused".to_owned())
            })
        };
        let direct = layers(&["ask", "a page of HTML", "its bytes"]);
        assert_eq!(until(&direct), "ask: refused");
        let quoted = layers(&["ask: a page of HTML", "a page of HTML", "its bytes"]);
        assert_eq!(until(&quoted), "ask: refused");
        let alone = layers(&["a page of HTML", "its bytes"]);
        assert_eq!(until(&alone), "refused");
    }
}
