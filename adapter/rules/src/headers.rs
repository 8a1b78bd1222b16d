//! Headers of requests to Prometheus, by the namespace that a request is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::template::{Template, TemplateError, Value};

/// Headers, whose values are templates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(Arc<str>, Arc<Template>)>);

/// What a template may name.
const FIELDS: [&str; 1] = ["Namespace"];
/// The most bytes of a value.
const MAX_VALUE: usize = 4 << 10;
/// The most headers.
const MAX_HEADERS: usize = 32;
/// Headers that say who asks, and that a configuration can't hold.
const SECRET: [&str; 2] = ["authorization", "proxy-authorization"];
/// Headers that belong to the connection, to the form of the request, or to its trace.
const OWN: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
];

/// Why a header can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// No header can have the name.
    #[error("headers: `{name}` can't be the name of a header")]
    Name {
        /// The name, shortened.
        name: String,
    },
    /// The header stands twice, in other case.
    #[error("headers: `{name}` stands twice, as names of headers are the same in any case")]
    Twice {
        /// The name.
        name: String,
    },
    /// The header would be a secret in the configuration.
    #[error(
        "headers: `{name}` is a secret, and who reads the configuration could use it: name a file by `bearerTokenFile` or `basicAuth` of an upstream"
    )]
    Secret {
        /// The name.
        name: String,
    },
    /// The adapter sends the header itself.
    #[error(
        "headers: `{name}` is a header that the adapter sends itself, or that belongs to the connection"
    )]
    Own {
        /// The name.
        name: String,
    },
    /// There are too many.
    #[error("headers: there are more than {MAX_HEADERS}")]
    TooMany,
    /// The template of the value can't be used.
    #[error("headers.{name}: {source}")]
    Template {
        /// The name.
        name: String,
        /// Why.
        source: TemplateError,
    },
    /// The value is too long, or holds characters that no header may have.
    #[error(
        "headers.{name} gives what can't be the value of a header: visible ASCII of at most {MAX_VALUE} bytes is needed"
    )]
    Value {
        /// The name.
        name: String,
    },
}

impl Headers {
    /// # Errors
    /// A header that can't be sent, whatever the namespace.
    pub(crate) fn new(headers: &BTreeMap<String, String>) -> Result<Self, HeaderError> {
        if headers.len() > MAX_HEADERS {
            return Err(HeaderError::TooMany);
        }
        let mut compiled = Self::default();
        for (name, value) in headers {
            check_name(name)?;
            if compiled.position(name).is_some() {
                return Err(HeaderError::Twice { name: name.clone() });
            }
            let template = Template::parse(value).and_then(|template| {
                template.check_fields(&FIELDS)?;
                Ok(template)
            });
            let template = template.map_err(|source| HeaderError::Template {
                name: name.clone(),
                source,
            })?;
            compiled.0.push((name.as_str().into(), Arc::new(template)));
        }
        for namespace in [None, Some("a-namespace")] {
            compiled.render(namespace)?;
        }
        Ok(compiled)
    }

    /// These, and of `others` those of other names.
    pub(crate) fn over(&self, others: &Self) -> Self {
        let others = others.0.iter();
        let others = others.filter(|(name, _)| self.position(name).is_none());
        Self(others.chain(&self.0).cloned().collect())
    }

    /// The names, in the order of the values that [`Self::render`] gives.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The headers of a request about a namespace. Without one, `<<.Namespace>>` is empty. What is empty isn't sent.
    pub(crate) fn render(
        &self,
        namespace: Option<&str>,
    ) -> Result<Vec<(Arc<str>, String)>, HeaderError> {
        let data = [("Namespace", Value::text(namespace.unwrap_or_default()))];
        let data = Value::Record(data.into());
        let mut rendered = Vec::new();
        for (name, template) in &self.0 {
            let value = template.render(&data);
            let value = value.map_err(|source| HeaderError::Template {
                name: name.to_string(),
                source,
            })?;
            let value = value.trim();
            let is_visible = |c: char| c.is_ascii_graphic() || c == ' ';
            if value.len() > MAX_VALUE || !value.chars().all(is_visible) {
                let name = name.to_string();
                return Err(HeaderError::Value { name });
            }
            if !value.is_empty() {
                rendered.push((name.clone(), value.to_owned()));
            }
        }
        Ok(rendered)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let mut names = self.names();
        names.position(|known| known.eq_ignore_ascii_case(name))
    }
}

fn check_name(name: &str) -> Result<(), HeaderError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let short = || name.chars().take(80).collect();
    if name.is_empty() || name.len() > 128 || !name.chars().all(legal) {
        return Err(HeaderError::Name { name: short() });
    }
    let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_one_of(&SECRET) {
        return Err(HeaderError::Secret { name: short() });
    }
    if is_one_of(&OWN) {
        return Err(HeaderError::Own { name: short() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Result<Headers, HeaderError> {
        let pairs = pairs.iter();
        let map = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Headers::new(&map.collect())
    }

    fn shown(headers: &Headers, namespace: Option<&str>) -> Vec<String> {
        let rendered = headers.render(namespace).unwrap().into_iter();
        rendered
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    const ORG: (&str, &str) = ("X-Scope-OrgID", "<<.Namespace>>");

    #[test]
    fn values_are_by_the_namespace_and_what_is_empty_is_not_sent() {
        let headers = headers(&[
            ORG,
            ("X-Team", "team-<<.Namespace>>"),
            ("X-Or", "<<with .Namespace>><<.>><<else>>a|b<<end>>"),
        ]);
        let headers = headers.unwrap();
        assert_eq!(
            shown(&headers, Some("shop")),
            ["X-Or: shop", "X-Scope-OrgID: shop", "X-Team: team-shop"]
        );
        assert_eq!(shown(&headers, None), ["X-Or: a|b", "X-Team: team-"]);
    }

    #[test]
    fn a_header_of_the_rule_goes_before_the_same_one_of_its_upstream() {
        let of_upstream = headers(&[("x-scope-orgid", "all"), ("X-Other", "1")]).unwrap();
        let both = headers(&[ORG]).unwrap().over(&of_upstream);
        assert_eq!(shown(&both, Some("a")), ["X-Other: 1", "X-Scope-OrgID: a"]);
        assert_eq!(shown(&both, None), ["X-Other: 1"]);
    }

    #[test]
    fn what_cant_be_a_header_or_is_none_of_the_rules_is_refused() {
        for (pair, said) in [
            (("a b", ""), "can't be the name"),
            (("", ""), "can't be the name"),
            (("X-é", ""), "can't be the name"),
            (("Authorization", "Bearer x"), "bearerTokenFile"),
            (("HOST", "a"), "sends itself"),
            (("X-A", "<<.Pod>>"), "headers.X-A: column"),
            (("X-A", "<<"), "headers.X-A: column"),
            (("X-A", "<<slice .Namespace 3 5>>"), "headers.X-A: column"),
            (("X-A", "a\r\nX-B: c"), "can't be the value"),
            (("X-A", "é"), "can't be the value"),
            (("X-A", &"x".repeat(MAX_VALUE + 1)), "can't be the value"),
        ] {
            let error = headers(&[pair]).unwrap_err().to_string();
            assert!(error.contains(said), "{pair:?}: {error}");
        }
        let twice = headers(&[("X-A", "1"), ("x-a", "2")]);
        assert!(matches!(twice, Err(HeaderError::Twice { .. })));
        let names: Vec<_> = (0..=MAX_HEADERS)
            .map(|number| format!("X-{number}"))
            .collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        assert_eq!(headers(&many).unwrap_err(), HeaderError::TooMany);
    }

    #[test]
    fn names_and_values_may_be_as_long_as_their_bounds() {
        let value = "x".repeat(MAX_VALUE);
        assert_eq!(
            shown(&headers(&[("X-A", &value)]).unwrap(), None),
            [format!("X-A: {value}")]
        );
        let name = "x".repeat(128);
        assert!(headers(&[(&name, "1")]).is_ok());
        let error = headers(&[(&format!("{name}y"), "1")]).unwrap_err();
        assert!(matches!(error, HeaderError::Name { .. }), "{error}");
    }
}
