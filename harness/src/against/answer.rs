//! What is answered, without what two answers to the same question can't have in common.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

/// Headers that differ from answer to answer, or belong to the connection.
const NOT_COMPARED: [&str; 6] = [
    "audit-id",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "transfer-encoding",
];
/// How old a timestamp may be that counts as one of now.
const FRESH: SignedDuration = SignedDuration::from_secs(120);
/// Bytes of a body that are kept as they are; of a longer one its length and hash are.
const KEPT: usize = 64 << 10;
/// What stands in the place of a timestamp of now.
const NOW: &str = "NOW";

/// A timestamp in JSON and in YAML.
static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    let key = r#""?\b(?:timestamp|creationTimestamp)"?: ?"?"#;
    let time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z";
    #[expect(clippy::unwrap_used, reason = "a constant, seen by tests")]
    Regex::new(&format!("({key})({time})")).unwrap()
});

/// An answer as it is compared and recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The headers that are compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// The body as text; of one that is no text or long, its length and hash.
    pub(super) body: String,
}

impl Answer {
    /// What is compared of an answer. These differ between any two answers, and are left out or replaced:
    ///
    /// - the headers of the connection and of the one request ([`NOT_COMPARED`]);
    /// - timestamps of now; those of another time stay;
    /// - the order of `resources` in an APIResourceList and of `containers` in PodMetrics, which is another one at each
    ///   request in Go's adapter.
    pub(super) fn of(status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Self {
        let compared = headers.iter().filter(|(name, _)| {
            !NOT_COMPARED.contains(&name.as_str()) && !name.as_str().starts_with("x-kubernetes-pf-")
        });
        let mut all = BTreeMap::<String, String>::new();
        for (name, value) in compared {
            let value = String::from_utf8_lossy(value.as_bytes());
            all.entry(name.to_string())
                .and_modify(|values| *values = format!("{values}, {value}"))
                .or_insert_with(|| value.into_owned());
        }
        Self {
            status,
            headers: all,
            body: text(body, now),
        }
    }

    /// That no answer came, and why.
    pub(super) fn none(why: impl Into<String>) -> Self {
        Self {
            status: 0,
            headers: BTreeMap::new(),
            body: why.into(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}

/// The containers of a pod in compact JSON.
static CONTAINERS: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "a constant, seen by tests")]
    Regex::new(r#""containers":\[\{([^\[\]]*)\}\]"#).unwrap()
});

/// The shortest text that is looked for in a protobuf message. Lengths and numbers may look like letters.
const SHORTEST: usize = 4;

fn text(body: &[u8], now: Timestamp) -> String {
    let Some(text) = std::str::from_utf8(body)
        .ok()
        .filter(|text| text.len() <= KEPT && !text.contains('\0'))
    else {
        return shortened(body);
    };
    let text = TIMESTAMP.replace_all(text, |found: &Captures<'_>| {
        let is_now = found[2]
            .parse::<Timestamp>()
            .is_ok_and(|time| now.duration_since(time).abs() <= FRESH);
        let time = if is_now { NOW } else { &found[2] };
        format!("{}{time}", &found[1])
    });
    let sorted = sorted(&text).unwrap_or_else(|| text.into_owned());
    let containers = CONTAINERS.replace_all(&sorted, |found: &Captures<'_>| {
        let mut containers: Vec<&str> = found[1].split("},{").collect();
        containers.sort_unstable();
        format!("\"containers\":[{{{}}}]", containers.join("},{"))
    });
    containers.into_owned()
}

fn shortened(body: &[u8]) -> String {
    // A protobuf message of the same content may differ in its timestamps alone, which have one length and no letters.
    if body.starts_with(b"k8s\0") {
        let text = String::from_utf8_lossy(body);
        let is_other = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
        let texts = text.split(is_other).filter(|text| text.len() >= SHORTEST);
        let mut texts: Vec<&str> = texts.collect();
        if texts.iter().any(|text| text.starts_with("PodMetrics")) {
            // Where a container is followed by another one, the tag and the length of that look like letters.
            let before_the_next = |text: &str| text.rfind('"').filter(|at| at + 2 >= text.len());
            for text in &mut texts {
                *text = &text[..before_the_next(text).unwrap_or(text.len())];
            }
            texts.sort_unstable();
        }
        return format!(
            "a protobuf message of {} bytes:\n{}",
            body.len(),
            texts.join("\n")
        );
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    format!("{} bytes, SHA-256 {}", body.len(), hex::encode(digest))
}

/// An APIResourceList, in compact JSON or in YAML, with its resources sorted; none for any other text.
fn sorted(text: &str) -> Option<String> {
    let (head, list, separator, tail) = if text.starts_with("{\"kind\":\"APIResourceList\"") {
        let (head, list) = text.split_once("\"resources\":[{")?;
        let (list, tail) = list.rsplit_once("}]")?;
        // No resource of a metric has an object in it.
        (
            format!("{head}\"resources\":[{{"),
            list,
            "},{",
            format!("}}]{tail}"),
        )
    } else {
        let is_list = text.contains("\nkind: APIResourceList\n");
        let (head, list) = text.split_once("\nresources:\n- ").filter(|_| is_list)?;
        let list = list.strip_suffix('\n')?;
        (
            format!("{head}\nresources:\n- "),
            list,
            "\n- ",
            "\n".to_owned(),
        )
    };
    let mut resources: Vec<&str> = list.split(separator).collect();
    resources.sort_unstable();
    Some(head + &resources.join(separator) + &tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> String {
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        Answer::of(200, &HeaderMap::new(), body.as_bytes(), now).body
    }

    #[test]
    fn timestamps_of_now_are_replaced_and_others_stay() {
        let body = r#"{"timestamp":"2026-01-01T00:00:59Z","a":{"timestamp":"2025-01-01T00:00:00Z"},"b":"2026-01-01T00:00:59Z"}"#;
        let expected = r#"{"timestamp":"NOW","a":{"timestamp":"2025-01-01T00:00:00Z"},"b":"2026-01-01T00:00:59Z"}"#;
        assert_eq!(answer(body), expected);
        assert_eq!(
            answer("- timestamp: \"2026-01-01T00:01:00Z\"\n"),
            "- timestamp: \"NOW\"\n"
        );
    }

    #[test]
    fn resources_of_discovery_are_sorted_and_nothing_else_of_it_is_changed() {
        let body = "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"resources\":[{\"name\":\"b\",\"a\":[1]},{\"name\":\"a\"}]}\n";
        let expected = "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"resources\":[{\"name\":\"a\"},{\"name\":\"b\",\"a\":[1]}]}\n";
        assert_eq!(answer(body), expected);
        let yaml = "a: b\nkind: APIResourceList\nresources:\n- kind: a\n  name: b\n  verbs:\n  - get\n- kind: a\n  name: a\n";
        let expected = "a: b\nkind: APIResourceList\nresources:\n- kind: a\n  name: a\n- kind: a\n  name: b\n  verbs:\n  - get\n";
        assert_eq!(answer(yaml), expected);
        let other = r#"{"kind":"APIGroupList","resources":[{"name":"b"},{"name":"a"}]}"#;
        assert_eq!(answer(other), other);
    }

    #[test]
    fn containers_of_pods_are_sorted() {
        let body =
            r#"{"containers":[{"name":"b","usage":{"cpu":"1"}},{"name":"a","usage":{"cpu":"2"}}]}"#;
        let expected =
            r#"{"containers":[{"name":"a","usage":{"cpu":"2"}},{"name":"b","usage":{"cpu":"1"}}]}"#;
        assert_eq!(answer(body), expected);
    }

    #[test]
    fn headers_of_the_connection_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "now".parse().unwrap());
        headers.insert("audit-id", "1".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.append("vary", "a".parse().unwrap());
        headers.append("vary", "b".parse().unwrap());
        let answer = Answer::of(200, &headers, b"", Timestamp::now());
        let expected = [("content-type", "application/json"), ("vary", "a, b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(answer.headers, expected.into());
    }

    #[test]
    fn what_is_no_text_is_told_by_its_length() {
        let now = Timestamp::now();
        let of = |body: &[u8]| Answer::of(200, &HeaderMap::new(), body, now).body;
        assert_eq!(
            of(b"k8s\0\x05names\xff\x80ab\x04abcd"),
            "a protobuf message of 19 bytes:\nnames\nabcd"
        );
        // The containers of a pod in another order.
        let one = of(b"k8s\0\x0ePodMetricsList\x0a\x05proxy\x0a\x04100m\"(\x0a\x03web\x0a\x04200m");
        let other =
            of(b"k8s\0\x0ePodMetricsList\x0a\x03web\x0a\x04200m\"$\x0a\x05proxy\x0a\x04100m");
        assert_eq!(one, other);
        assert!(of(&[0xff, 0xfe]).starts_with("2 bytes, SHA-256 "));
        assert!(of(&vec![b'a'; KEPT + 1]).starts_with("65537 bytes, SHA-256 "));
    }
}
