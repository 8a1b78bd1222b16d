//! Values of flags as pflag reads them.

use url::Url;

/// `strconv.ParseBool`
pub(super) fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false"),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseUrlError {
    #[error(transparent)]
    Url(#[from] url::ParseError),
    #[error("only http and https can be used; is http:// missing in front?")]
    Scheme,
}

/// The URL of Prometheus. Without a scheme, everything before the first colon would be taken for it.
/// The messages don't repeat the text: it may hold a password.
pub(super) fn parse_prometheus_url(text: &str) -> Result<Url, ParseUrlError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => Err(ParseUrlError::Scheme),
        Err(error) => Err(error.into()),
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
    fn a_url_needs_a_scheme_that_prometheus_has() {
        for good in ["http://prometheus:9090/prefix/", "https://localhost"] {
            assert!(parse_prometheus_url(good).is_ok(), "{good}");
        }
        for bad in [
            "prom.obs.svc:9090",
            "prometheus",
            "//prometheus",
            "unix:/socket",
            "",
        ] {
            assert_eq!(
                parse_prometheus_url(bad),
                Err(ParseUrlError::Scheme),
                "{bad}"
            );
        }
        assert!(matches!(
            parse_prometheus_url("http://a:b"),
            Err(ParseUrlError::Url(_))
        ));
    }

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
