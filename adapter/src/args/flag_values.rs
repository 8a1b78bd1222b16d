//! Values of flags as pflag reads them.

/// `strconv.ParseBool`
pub(super) fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false"),
    }
}

/// A word that belongs to no flag. pflag leaves such words alone, and so does the adapter, which tells of them: it may be a
/// value that has lost its flag. Its text isn't kept, since it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Whether it is known to be without a meaning: the path of the program, which the chart of the community gives as the
    /// first, and `true`, which is what a flag without a value means.
    pub(crate) is_usual: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "clap's parsers may fail")]
pub(super) fn parse_word(text: &str) -> Result<Word, std::convert::Infallible> {
    let is_program =
        text.starts_with('/') && text.ends_with("adapter") && !text.contains([' ', '=']);
    Ok(Word {
        is_usual: is_program || text == "true",
    })
}

/// What is said of words that belong to no flag; none where all are usual.
pub(crate) fn told_of(words: &[Word]) -> Option<String> {
    let count = words.iter().filter(|word| !word.is_usual).count();
    (count > 0).then(|| {
        format!(
            "arguments that belong to no flag have no effect, and there are {count}: values of flags that are true or false are written as --flag=value, \
             and others in quotes where they hold spaces"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_belong_to_no_flag_are_counted_and_usual_ones_are_not() {
        let told = |words: &[&str]| {
            let words = words.iter().map(|word| parse_word(word));
            told_of(&words.collect::<Result<Vec<_>, _>>().unwrap())
        };
        assert_eq!(
            told(&["/adapter", "/usr/bin/prometheus-adapter", "true"]),
            None
        );
        let told = told(&["/adapter", "false", "hunter2", "/etc/config.yaml"]).unwrap();
        assert!(told.contains("there are 3:"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn booleans_are_those_of_go() {
        assert_eq!((parse_bool("T"), parse_bool("0")), (Ok(true), Ok(false)));
        assert!(parse_bool("yes").is_err());
    }
}
