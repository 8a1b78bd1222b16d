//! What is asked: a line such as `GET /apis/custom.metrics.k8s.io/v1beta1 | Accept=application/yaml`.

use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderName, HeaderValue, Method};

/// A request as its line says, with all placeholders filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// The line with its placeholders filled.
    pub(super) line: String,
    /// The line as it stands in the corpus.
    pub(super) template: String,
    pub(super) method: Method,
    /// Path and query, as they are sent.
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a line is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRequest {
    /// A placeholder has no value.
    #[error("`{line}` has the placeholder $({name}), which has no value")]
    Placeholder {
        /// The line.
        line: String,
        /// The placeholder's name.
        name: String,
    },
    /// The line isn't `METHOD /path | Header=value`.
    #[error("`{0}` is not of the form `METHOD /path | Header=value`")]
    Form(String),
}

impl Request {
    /// A line with its placeholders, such as `$(METRIC)`, replaced.
    pub(super) fn of(template: &str, values: &BTreeMap<String, String>) -> Result<Self, NoRequest> {
        let line = filled(template, values)?;
        let no_form = || NoRequest::Form(line.clone());
        let mut parts = line.split(" | ");
        let (method, path) = parts
            .next()
            .and_then(|first| first.split_once(' '))
            .ok_or_else(no_form)?;
        let method = method.parse().map_err(|_| no_form())?;
        if !path.starts_with('/') || path.contains(' ') {
            return Err(no_form());
        }
        let headers = parts.map(|header| {
            let (name, value) = header.split_once('=')?;
            Some((name.parse().ok()?, value.parse().ok()?))
        });
        let headers = headers.collect::<Option<_>>().ok_or_else(no_form)?;
        Ok(Self {
            method,
            path: path.to_owned(),
            headers,
            line,
            template: template.to_owned(),
        })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Puts values in the place of `$(NAME)`.
fn filled(line: &str, values: &BTreeMap<String, String>) -> Result<String, NoRequest> {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("$(") {
        let (name, after) = after
            .split_once(')')
            .ok_or_else(|| NoRequest::Form(line.to_owned()))?;
        let value = values.get(name).ok_or_else(|| NoRequest::Placeholder {
            line: line.to_owned(),
            name: name.to_owned(),
        })?;
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    Ok(text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_method_path_and_headers() {
        let values = BTreeMap::from([("METRIC".to_owned(), "m".to_owned())]);
        let request = Request::of("HEAD /a/$(METRIC)?b=c | Accept=text/plain", &values).unwrap();
        assert_eq!(request.method, Method::HEAD);
        assert_eq!(request.path, "/a/m?b=c");
        assert_eq!(request.headers[0].1, "text/plain");
        assert_eq!(request.to_string(), "HEAD /a/m?b=c | Accept=text/plain");
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        let values = BTreeMap::new();
        for line in ["/a", "GET a", "GET /a b", "GET /a | Accept", "GET /$(", ""] {
            let error = Request::of(line, &values).unwrap_err();
            assert!(matches!(error, NoRequest::Form(_)), "{line}: {error}");
        }
        let error = Request::of("GET /$(X)", &values).unwrap_err();
        assert!(error.to_string().contains("$(X)"), "{error}");
    }
}
