//! A real Prometheus of an installation, asked over its HTTP API.

pub(crate) mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use serde_json::Value;
use setpoint_cluster::{Cluster, Target};

use crate::outcome::HarnessProblem;
use crate::request::{Identity, Limit, Question, ask_over};
use crate::timeouts::Timeouts;
use crate::wait::ready_pod;

pub(crate) use targets::{Active, Targets};

/// The port of Prometheus (`adapter/deploy`).
const PORT: u16 = 9090;
/// The pause before it is asked again; less than the shortest scrape interval.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// A real Prometheus.
pub(crate) struct Prometheus {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    /// How long an answer may take.
    within: Duration,
}

impl Prometheus {
    /// The Prometheus in a container `prometheus` of that namespace.
    #[must_use]
    pub(crate) fn new(cluster: Arc<dyn Cluster>, namespace: &str, timeouts: &Timeouts) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            within: timeouts.prometheus,
        }
    }

    /// What it scrapes, and what it doesn't.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn targets(&self) -> Result<Targets, HarnessProblem> {
        let data = self.ask("/api/v1/targets?state=any").await?;
        serde_json::from_value(data).map_err(problem("read Prometheus' targets"))
    }

    /// The instant vector that it answers a query with.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn query(&self, promql: &str) -> Result<Vec<Element>, HarnessProblem> {
        let query = encoded(promql);
        let data = self.ask(&format!("/api/v1/query?query={query}")).await?;
        let not_a_vector = || format!("it is no instant vector: {data}");
        vector(&data).ok_or_else(|| problem("read Prometheus' answer")(not_a_vector()))
    }

    /// The `data` of an answer.
    async fn ask(&self, path: &str) -> Result<Value, HarnessProblem> {
        let answer = tokio::time::timeout(self.within, self.answer(path)).await;
        let answer = answer
            .unwrap_or_else(|_| Err(format!("it doesn't answer within {:?}", self.within).into()));
        answer.map_err(problem(format!("ask Prometheus for {path}")))
    }

    async fn answer(&self, path: &str) -> Result<Value, BoxError> {
        let client = self.cluster.client();
        let pod = ready_pod(&client, &self.namespace, "prometheus", self.within).await?;
        let target = Target::Pod {
            namespace: self.namespace.clone(),
            name: pod.name_any(),
        };
        let stream = self.cluster.connect(&target, PORT).await?;
        let question = Question {
            method: http::Method::GET,
            path: path.to_owned(),
            headers: BTreeMap::new(),
            identity: Identity::Nobody,
        };
        let answer = ask_over(stream, "prometheus", &question, Limit::of(self.within)).await?;
        let mut document: Value = serde_json::from_slice(&answer.body)?;
        if document["status"] == "success" {
            Ok(document["data"].take())
        } else {
            Err(format!("{}: {}", answer.status, document["error"]).into())
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn problem<E: Into<BoxError>>(doing: impl Into<String>) -> impl FnOnce(E) -> HarnessProblem {
    let doing = doing.into();
    move |source| HarnessProblem::Prometheus {
        doing,
        source: source.into(),
    }
}

/// An element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    /// Its labels, as JSON.
    pub labels: Value,
    /// Its value.
    pub value: f64,
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.labels, self.value)
    }
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

/// A query as part of a URL.
pub(crate) fn encoded(text: &str) -> String {
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
    fn an_instant_vector_is_read_and_nothing_else_is() {
        let data = json!({"resultType": "vector", "result": [{"metric": {"pod": "a"}, "value": [1, "0.5"]}]});
        let found = vector(&data).unwrap();
        assert_eq!(found[0].to_string(), r#"{"pod":"a"} 0.5"#);
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
