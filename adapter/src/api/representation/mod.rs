//! In which form a document is answered: JSON, indented JSON, YAML or protobuf, as `k8s.io/apiserver` chooses it
//! (`pkg/endpoints/handlers/negotiation`).

mod indented;
mod protobuf;
mod yaml;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use indented::indented;
use protobuf::message_of;
use yaml::yaml_of;

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    /// As documents are made.
    Json,
    /// Indented, for people.
    Pretty,
    Yaml,
    /// A document of a kind that has no message stays in JSON.
    Protobuf,
}

impl Representation {
    /// The form that a request asks for; none if it takes only others. Of equally good ones the first counts.
    pub(super) fn asked(headers: &HeaderMap, query_string: Option<&str>) -> Option<Self> {
        let accept = headers.get_all(header::ACCEPT).iter();
        let ranges = accept.filter_map(|accept| accept.to_str().ok());
        let ranges: Vec<&str> = ranges.flat_map(|accept| accept.split(',')).collect();
        let (mut best, mut found) = (0.0, None);
        for range in &ranges {
            let (quality, representation) = of_range(range);
            if representation.is_some() && quality > best {
                (best, found) = (quality, representation);
            }
        }
        let empty = ranges.iter().all(|range| range.trim().is_empty());
        let found = found.or_else(|| empty.then_some(Self::Json));
        let pretty = found == Some(Self::Json) && is_pretty(headers, query_string);
        found.map(|found| if pretty { Self::Pretty } else { found })
    }

    /// Gives a document in JSON this form; other answers stay as they are. None if the document ends early.
    pub(super) async fn applied(self, response: Response) -> Option<Response> {
        let content_type = response.headers().get(header::CONTENT_TYPE);
        if self == Self::Json || content_type.is_none_or(|found| found != JSON) {
            return Some(response);
        }
        let (mut head, body) = response.into_parts();
        // It is in memory already.
        let document = to_bytes(body, usize::MAX).await.ok()?;
        let (content_type, body) = match self {
            Self::Json => (JSON, document.into()),
            Self::Pretty => {
                let text = indented(&String::from_utf8_lossy(&document));
                (JSON, Body::from(text))
            }
            Self::Yaml => {
                let text = serde_json::from_slice(&document).map(|value| yaml_of(&value));
                (YAML, Body::from(text.unwrap_or_default()))
            }
            Self::Protobuf => match message_of(&document) {
                Some(message) => (PROTOBUF, Body::from(message)),
                None => (JSON, document.into()),
            },
        };
        let content_type = HeaderValue::from_static(content_type);
        head.headers.insert(header::CONTENT_TYPE, content_type);
        head.headers.remove(header::CONTENT_LENGTH);
        Some(Response::from_parts(head, body))
    }
}

/// How much a range of an `Accept` header is wanted, and what it asks for.
fn of_range(range: &str) -> (f64, Option<Representation>) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut quality = 1.0;
    let mut transformed = false;
    for part in parts {
        match part.split_once('=') {
            Some(("q", value)) => quality = value.parse().unwrap_or(1.0),
            // Another kind of document, such as a table. Groups that have one look for themselves.
            Some(("as" | "stream", _)) => transformed = true,
            _ => {}
        }
    }
    let representation = match media_type {
        _ if transformed && media_type != JSON => None,
        JSON | "application/*" | "*/*" => Some(Representation::Json),
        YAML => Some(Representation::Yaml),
        PROTOBUF => Some(Representation::Protobuf),
        _ => None,
    };
    (quality, representation)
}

/// `pretty` asks for indentation unless it is `false` or `0`; without it, browsers and tools of people do
/// (`isPrettyPrint`).
fn is_pretty(headers: &HeaderMap, query_string: Option<&str>) -> bool {
    let mut parameters = url::form_urlencoded::parse(query_string.unwrap_or_default().as_bytes());
    let pretty = parameters.find(|(key, _)| key == "pretty");
    if let Some((_, value)) = pretty.filter(|(_, value)| !value.is_empty()) {
        return matches!(&*value, "1" | "true" | "t" | "T" | "TRUE" | "True");
    }
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
    let agent = agent.unwrap_or_default();
    [&b"curl"[..], b"Wget", b"Mozilla/5.0"]
        .iter()
        .any(|tool| agent.starts_with(tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str, query: &str) -> Option<Representation> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Representation::asked(&headers, Some(query))
    }

    #[test]
    fn the_form_is_the_one_that_is_wanted_most() {
        use Representation::{Json, Pretty, Protobuf, Yaml};
        for (accept, expected) in [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/vnd.kubernetes.protobuf, */*", Some(Protobuf)),
            ("application/yaml", Some(Yaml)),
            ("application/json;q=0.5, application/yaml", Some(Yaml)),
            ("application/json, application/yaml", Some(Json)),
            ("application/yaml;as=Table, application/json", Some(Json)),
            ("text/html", None),
            ("application/vnd.kubernetes.protobuf", Some(Protobuf)),
            (
                "application/vnd.kubernetes.protobuf;as=Table, */*",
                Some(Json),
            ),
        ] {
            assert_eq!(asked(accept, ""), expected, "{accept}");
        }
        assert_eq!(asked("*/*", "a=b&pretty=true"), Some(Pretty));
        assert_eq!(asked("*/*", "pretty=false"), Some(Json));
    }

    #[test]
    fn what_people_ask_with_is_answered_for_people() {
        for (agent, query, expected) in [
            ("curl/8.0", "", Representation::Pretty),
            ("Wget/1.21", "pretty=", Representation::Pretty),
            ("Mozilla/5.0 (X11)", "", Representation::Pretty),
            ("curl/8.0", "pretty=false", Representation::Json),
            ("kubectl/v1.37.2", "", Representation::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            let asked = Representation::asked(&headers, Some(query));
            assert_eq!(asked, Some(expected), "{agent} {query}");
        }
    }
}
