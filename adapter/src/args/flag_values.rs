//! Values of flags as pflag reads them.

/// `strconv.ParseBool`
pub(super) fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false"),
    }
}

/// A word that belongs to no flag. pflag leaves such words alone, and the chart of the community gives
/// the name of prometheus-adapter's program as the first. A value that has lost its flag looks like
/// one too, so only paths of programs and `true`, which changes nothing, are let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word;

pub(super) fn parse_word(text: &str) -> Result<Word, &'static str> {
    let is_program =
        text.starts_with('/') && text.ends_with("adapter") && !text.contains([' ', '=']);
    if is_program || text == "true" {
        Ok(Word)
    } else {
        Err("it belongs to no flag")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_no_values_are_let_through() {
        for word in ["/adapter", "/usr/bin/prometheus-adapter", "true"] {
            assert_eq!(parse_word(word), Ok(Word), "{word}");
        }
        for word in [
            "false",
            "hunter2",
            "adapter",
            "/etc/config.yaml",
            "/a b=adapter",
        ] {
            assert!(parse_word(word).is_err(), "{word}");
        }
    }

    #[test]
    fn booleans_are_those_of_go() {
        assert_eq!((parse_bool("T"), parse_bool("0")), (Ok(true), Ok(false)));
        assert!(parse_bool("yes").is_err());
    }
}
