//! A real Prometheus of an installation, asked over its HTTP API.

mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use serde_json::Value;
use setpoint_cluster::{Cluster, Target};

use crate::expect::ready_pod;
use crate::request::{ANSWER, Identity, Limit, Question, ask_over};
use crate::words;

pub use targets::{Active, Dropped, Targets};

/// The port of Prometheus (`adapter/deploy`).
const PORT: u16 = 9090;
/// How long an answer may take.
const ANSWERS: Duration = Duration::from_secs(2);

/// A real Prometheus.
pub struct Prometheus {
    cluster: Arc<dyn Cluster>,
    namespace: &'static str,
}

impl Prometheus {
    /// The Prometheus in a container `prometheus` of that namespace.
    #[must_use]
    pub fn new(cluster: Arc<dyn Cluster>, namespace: &'static str) -> Self {
        Self { cluster, namespace }
    }

    /// What it scrapes, and what it doesn't.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub async fn targets(&self) -> Result<Targets, String> {
        let data = self.ask("/api/v1/targets?state=any").await?;
        serde_json::from_value(data).map_err(|error| format!("read its targets: {error}"))
    }

    /// The instant vector that it answers a query with.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub async fn query(&self, promql: &str) -> Result<Vec<Element>, String> {
        let query = encoded(promql);
        let data = self.ask(&format!("/api/v1/query?query={query}")).await?;
        vector(&data).ok_or_else(|| format!("its answer is no instant vector: {data}"))
    }

    /// The `data` of an answer.
    async fn ask(&self, path: &str) -> Result<Value, String> {
        let asked = tokio::time::timeout(ANSWERS, self.answer(path)).await;
        asked.unwrap_or_else(|_| Err(format!("Prometheus doesn't answer within {ANSWERS:?}")))
    }

    async fn answer(&self, path: &str) -> Result<Value, String> {
        let client = self.cluster.client();
        let pod = ready_pod(&client, self.namespace, "prometheus", ANSWERS).await;
        let target = Target::Pod {
            namespace: self.namespace.to_owned(),
            name: pod.map_err(|missed| missed.to_string())?.name_any(),
        };
        let stream = self.cluster.connect(&target, PORT).await;
        let question = Question {
            path: path.to_owned(),
            headers: BTreeMap::new(),
            identity: Identity::Nobody,
        };
        let stream = stream.map_err(|error| words(&error))?;
        let answer = ask_over(stream, "prometheus", &question, Limit::of(ANSWER)).await;
        let answer = answer.map_err(|error| words(&error))?;
        let mut document: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("{} without a JSON body: {error}", answer.status))?;
        if document["status"] == "success" {
            Ok(document["data"].take())
        } else {
            Err(format!("{}: {}", answer.status, document["error"]))
        }
    }
}

/// An element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Its labels, as JSON.
    pub labels: Value,
    /// Its value.
    pub value: f64,
}

fn vector(data: &Value) -> Option<Vec<Element>> {
    if data["resultType"] != "vector" {
        return None;
    }
    let element = |element: &Value| {
        Some(Element {
            labels: element["metric"].clone(),
            value: element["value"][1].as_str()?.parse().ok()?,
        })
    };
    data["result"].as_array()?.iter().map(element).collect()
}

/// Whether an answer is as many elements as expected, each near the expected value.
///
/// # Errors
/// What is wrong, in words.
pub fn judge_vector(
    found: &[Element],
    count: usize,
    value: Option<f64>,
    tolerance: f64,
) -> Result<(), String> {
    let near = |element: &Element| {
        value.is_none_or(|value| (element.value - value).abs() <= tolerance * value.abs())
    };
    if found.len() == count && found.iter().all(near) {
        return Ok(());
    }
    let shown = |element: &Element| format!("{} {}", element.labels, element.value);
    let shown: Vec<String> = found.iter().map(shown).collect();
    Err(format!(
        "there are {} elements: [{}]",
        found.len(),
        shown.join(", ")
    ))
}

/// A query as part of a URL.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_element_of_a_vector_must_be_near_the_value() {
        let data = json!({"resultType": "vector", "result": [
            {"metric": {"pod": "a"}, "value": [1, "0.5"]}, {"metric": {"pod": "b"}, "value": [1, "0.44"]},
        ]});
        let found = vector(&data).unwrap();
        assert_eq!(judge_vector(&found, 2, Some(0.47), 0.1), Ok(()));
        assert_eq!(judge_vector(&found, 2, None, 0.0), Ok(()));
        let wrong = judge_vector(&found, 2, Some(0.5), 0.1).unwrap_err();
        assert_eq!(
            wrong,
            r#"there are 2 elements: [{"pod":"a"} 0.5, {"pod":"b"} 0.44]"#
        );
        assert!(judge_vector(&found, 1, None, 0.0).is_err());
        assert!(vector(&json!({"resultType": "scalar", "result": [1, "2"]})).is_none());
    }

    #[test]
    fn a_query_survives_its_url() {
        assert_eq!(
            encoded("rate(x{a=~\"b\"}[5s])"),
            "rate%28x%7Ba%3D~%22b%22%7D%5B5s%5D%29".replace('~', "%7E")
        );
    }
}
