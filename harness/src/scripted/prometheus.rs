//! The table, read from Prometheus each time it is needed.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use setpoint_cluster::Connection;
use tokio::net::TcpStream;

use super::table::{Entry, Table};
use crate::request::{Identity, Limit, Question, RequestError, ask_over, failed};
use crate::timeouts::Timeouts;

/// `{namespace!=""}`: every series that is of some object.
const ALL: &str = "/api/v1/query?query=%7Bnamespace%21%3D%22%22%7D";

/// What labels stand for: label, resource, kind.
const OBJECTS: [(&str, &str, &str); 2] =
    [("pod", "pods", "Pod"), ("service", "services", "Service")];

/// What Prometheus and the API server answered.
pub(super) struct Reading {
    /// The newest value of every series, a vector in JSON.
    vector: Value,
    pods: Labels,
}

impl Reading {
    /// The value of each pod, Service and namespace: the sum over its series that have the labels.
    pub(super) fn table(&self, labels: &[(String, String)]) -> Table {
        of_vector(&self.vector, labels, &self.pods)
    }
}

/// Asks for all series and all pods.
pub(super) async fn read(address: &str, client: &Client) -> Result<Reading, RequestError> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(failed(format!("reach Prometheus at {address}")))?;
    let limit = Limit::of(Timeouts::default().answer);
    read_over(Box::new(stream), address, client, limit).await
}

/// The value of each pod, Service and namespace, the sum over its series, by a stream to Prometheus.
///
/// # Errors
/// When Prometheus or the API server has no answer.
pub(crate) async fn table_over(
    stream: Connection,
    address: &str,
    client: &Client,
    limit: Limit,
) -> Result<Table, RequestError> {
    Ok(read_over(stream, address, client, limit).await?.table(&[]))
}

async fn read_over(
    stream: Connection,
    address: &str,
    client: &Client,
    limit: Limit,
) -> Result<Reading, RequestError> {
    let question = Question {
        method: http::Method::GET,
        path: ALL.to_owned(),
        headers: BTreeMap::new(),
        identity: Identity::Nobody,
    };
    let answer = ask_over(stream, "prometheus", &question, limit).await?;
    if answer.status != 200 {
        let answered = format!("it answered {}", answer.status);
        return Err(failed(format!("ask Prometheus at {address}"))(answered));
    }
    let mut body: Value =
        serde_json::from_slice(&answer.body).map_err(failed("read Prometheus' answer as JSON"))?;
    Ok(Reading {
        vector: body["data"]["result"].take(),
        pods: pods(client).await?,
    })
}

/// Labels by namespace and name.
pub(super) type Labels = BTreeMap<(String, String), BTreeMap<String, String>>;

/// The labels of all pods.
pub(super) async fn pods(client: &Client) -> Result<Labels, RequestError> {
    let pods: Api<Pod> = Api::all(client.clone());
    let pods = pods.list(&ListParams::default()).await;
    let pods = pods.map_err(failed("list pods"))?;
    let labelled = |pod: &Pod| {
        let key = (pod.namespace().unwrap_or_default(), pod.name_any());
        (key, pod.labels().clone())
    };
    Ok(pods.iter().map(labelled).collect())
}

fn of_vector(result: &Value, required: &[(String, String)], pods: &Labels) -> Table {
    let mut values: BTreeMap<(&str, &str, &str, String, String), f64> = BTreeMap::new();
    for element in result.as_array().into_iter().flatten() {
        let label = |name: &str| element["metric"][name].as_str().map(str::to_owned);
        if !required
            .iter()
            .all(|(name, value)| label(name).as_ref() == Some(value))
        {
            continue;
        }
        let (Some(metric), Some(namespace)) =
            (element["metric"]["__name__"].as_str(), label("namespace"))
        else {
            continue;
        };
        let value = element["value"][1]
            .as_str()
            .and_then(|text| text.parse().ok());
        let value: f64 = value.unwrap_or_default();
        for (name, resource, kind) in OBJECTS {
            if let Some(object) = label(name) {
                let key = (metric, resource, kind, namespace.clone(), object);
                *values.entry(key).or_default() += value;
            }
        }
        let key = (metric, "namespaces", "Namespace", String::new(), namespace);
        *values.entry(key).or_default() += value;
    }
    let mut metrics = Vec::new();
    for ((metric, resource, kind, namespace, name), value) in values {
        let key = (namespace, name);
        let labels = pods.get(&key).cloned().unwrap_or_default();
        let (namespace, name) = key;
        metrics.push(Entry {
            metric: metric.to_owned(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            api_version: "/v1".to_owned(),
            namespace,
            name,
            labels,
            value: quantity(value),
        });
    }
    Table { metrics }
}

/// A value in thousandths, in its shortest form.
fn quantity(value: f64) -> String {
    let milli = (value * 1000.0).trunc();
    if (milli % 1000.0).abs() < f64::EPSILON {
        format!("{}", milli / 1000.0)
    } else {
        format!("{milli}m")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_series_is_a_value_of_each_object_that_its_labels_name() {
        let result = json!([
            {"metric": {"__name__": "rps", "namespace": "default", "pod": "web-1", "service": "web"}, "value": [1, "1.5"]},
            {"metric": {"__name__": "rps", "namespace": "default", "pod": "web-2", "service": "web"}, "value": [1, "2"]},
            {"metric": {"__name__": "up", "job": "x"}, "value": [1, "1"]},
        ]);
        let labels = BTreeMap::from([(
            ("default".to_owned(), "web-1".to_owned()),
            BTreeMap::from([("app".to_owned(), "web".to_owned())]),
        )]);
        let shown = |table: &Table| -> Vec<String> {
            let entry = |entry: &Entry| {
                format!(
                    "{}/{} {} {}",
                    entry.resource, entry.metric, entry.name, entry.value
                )
            };
            table.metrics.iter().map(entry).collect()
        };
        let table = of_vector(&result, &[], &labels);
        assert_eq!(
            shown(&table),
            [
                "namespaces/rps default 3500m",
                "pods/rps web-1 1500m",
                "pods/rps web-2 2",
                "services/rps web 3500m"
            ]
        );
        assert_eq!(table.metrics[1].labels["app"], "web");
        let second = [("pod".to_owned(), "web-2".to_owned())];
        assert_eq!(
            shown(&of_vector(&result, &second, &labels)),
            [
                "namespaces/rps default 2",
                "pods/rps web-2 2",
                "services/rps web 2"
            ]
        );
    }
}
