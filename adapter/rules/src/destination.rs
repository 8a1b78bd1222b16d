//! Whom a rule asks, and how.

use std::sync::Arc;

use crate::headers::{HeaderError, Headers};
use crate::upstream::{Upstream, Upstreams};

/// Where a question goes, with its headers. The default is the Prometheus that flags name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The upstream; none is the Prometheus that flags name.
    pub upstream: Option<Arc<Upstream>>,
    /// Headers beside those that all its requests have.
    pub headers: Vec<(Arc<str>, String)>,
}

/// What is asked at a relist: series, by a selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesQuery {
    /// A PromQL selector of series.
    pub selector: String,
    /// Who is asked. Headers are those without a namespace.
    pub to: Destination,
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// The configuration has no such upstream.
    #[error("upstream: there is no upstream `{name}`; {}", known_upstreams(.known))]
    NoUpstream {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A header can't be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl DestinationError {
    /// The key that it is about.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::NoUpstream { .. } => "upstream",
            Self::Header(_) => "headers",
        }
    }
}

fn known_upstreams(known: &[String]) -> String {
    match known {
        [] => "`upstreams` of the configuration has none".to_owned(),
        known => format!("there is `{}`", known.join("`, `")),
    }
}

/// Whom a rule asks; headers depend on the namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asks {
    upstream: Option<Arc<Upstream>>,
    headers: Headers,
}

impl Asks {
    /// By the name of an upstream, which may be empty, and the headers of a rule.
    pub(crate) fn new(
        name: &str,
        headers: &std::collections::BTreeMap<String, String>,
        upstreams: &Upstreams,
    ) -> Result<Self, DestinationError> {
        let headers = Headers::new(headers)?;
        if name.is_empty() {
            let upstream = None;
            return Ok(Self { upstream, headers });
        }
        let found = upstreams.iter().find(|(upstream, _)| upstream.name == name);
        let (upstream, of_upstream) = found.ok_or_else(|| DestinationError::NoUpstream {
            name: name.to_owned(),
            known: upstreams
                .iter()
                .map(|(known, _)| known.name.clone())
                .collect(),
        })?;
        Ok(Self {
            upstream: Some(upstream.clone()),
            headers: headers.over(of_upstream),
        })
    }

    pub(crate) fn upstream(&self) -> Option<&Arc<Upstream>> {
        self.upstream.as_ref()
    }

    pub(crate) fn header_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.headers.names()
    }

    /// Who is asked about a namespace. `*` is none: no namespace is called so.
    pub(crate) fn about(&self, namespace: Option<&str>) -> Result<Destination, HeaderError> {
        Ok(Destination {
            upstream: self.upstream.clone(),
            headers: self.headers.render(namespace.filter(|name| *name != "*"))?,
        })
    }
}
