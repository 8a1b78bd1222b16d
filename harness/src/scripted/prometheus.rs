//! What Prometheus is asked for each time it is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use setpoint_cluster::Connection;
use tokio::net::TcpStream;

use super::table::Table;
use super::{Lie, vector};
use crate::request::{Identity, Limit, Question, RequestError, ask_over, failed};
use crate::timeouts::Timeouts;

/// `{namespace!=""}`: every series that is of some object.
const ALL: &str = "/api/v1/query?query=%7Bnamespace%21%3D%22%22%7D";
/// How long a liar waits that is impatient.
const IMPATIENT: Duration = Duration::from_millis(500);

/// What Prometheus and the API server answered.
pub(super) struct Reading {
    /// The newest value of every series, elements of a vector in JSON.
    vector: Vec<Value>,
    pods: Labels,
}

impl Reading {
    /// The value of each pod, Service, Deployment and namespace: the sum over its series that have the labels.
    pub(super) fn table(&self, labels: &[(String, String)], lie: Option<Lie>) -> Table {
        vector::table(&self.vector, labels, &self.pods, lie)
    }
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("ask Prometheus at {address}")]
    Unanswered {
        address: String,
        #[source]
        source: RequestError,
    },
    #[error("Prometheus at {address} answered {status}")]
    Refused { address: String, status: u16 },
    #[error("read Prometheus' answer as JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("Prometheus' answer has no list of series")]
    NoList,
    #[error("Prometheus' answer has a value that isn't finite: {0}")]
    Value(Value),
    #[error("Prometheus warns: {0}")]
    Warned(Value),
    #[error(transparent)]
    Pods(RequestError),
}

impl ReadError {
    /// Whether a liar answers as before where this is so.
    pub(super) fn is_passed_over_by(&self, lie: Lie) -> bool {
        match self {
            Self::Unanswered { source, .. } if source.is_half_answered() => {
                lie == Lie::OldAfterHalves
            }
            Self::Unanswered { .. } => lie == Lie::OldAfterBreaks,
            Self::NotJson(_) => lie == Lie::OldAfterPages,
            Self::NoList => lie == Lie::OldAfterNumbers,
            Self::Refused {
                status: 300..=399, ..
            } => lie == Lie::OldAfterRedirects,
            Self::Refused { status: 429, .. } => lie == Lie::OldAfterTooMany,
            Self::Refused { .. } => lie == Lie::OldAfterErrors,
            Self::Value(_) | Self::Warned(_) | Self::Pods(_) => false,
        }
    }
}

/// Asks for all series and all pods.
pub(super) async fn read(
    address: &str,
    client: &Client,
    lie: Option<Lie>,
) -> Result<Reading, ReadError> {
    let limit = match lie {
        Some(Lie::Impatient) => IMPATIENT,
        _ => Timeouts::default().answer,
    };
    let limit = Limit::of(limit);
    let stream = limit.bound("connect", TcpStream::connect(address)).await;
    let stream = stream.map_err(|source| ReadError::Unanswered {
        address: address.to_owned(),
        source,
    })?;
    let body = ask(Box::new(stream), address, limit).await?;
    if let Some(warnings) = body.get("warnings")
        && lie == Some(Lie::FailsOnWarnings)
    {
        return Err(ReadError::Warned(warnings.clone()));
    }
    let reading = reading(body, client).await?;
    let is_nan = |element: &&Value| element["value"][1] == "NaN";
    match reading.vector.iter().find(is_nan) {
        Some(element) if lie == Some(Lie::FailsOnNan) => Err(ReadError::Value(element.clone())),
        _ => Ok(reading),
    }
}

/// The value of each pod, Service, Deployment and namespace, the sum over its series, by a stream to Prometheus.
///
/// # Errors
/// When Prometheus or the API server has no answer.
pub(crate) async fn table_over(
    stream: Connection,
    address: &str,
    client: &Client,
    limit: Limit,
) -> Result<Table, ReadError> {
    let body = ask(stream, address, limit).await?;
    Ok(reading(body, client).await?.table(&[], None))
}

/// The document that Prometheus answers with.
async fn ask(stream: Connection, address: &str, limit: Limit) -> Result<Value, ReadError> {
    let question = Question {
        method: http::Method::GET,
        path: ALL.to_owned(),
        headers: BTreeMap::new(),
        identity: Identity::Nobody,
    };
    let answer = ask_over(stream, "prometheus", &question, limit).await;
    let address = address.to_owned();
    match answer {
        Ok(answer) if answer.status == 200 => {
            serde_json::from_slice(&answer.body).map_err(ReadError::NotJson)
        }
        Ok(answer) => Err(ReadError::Refused {
            address,
            status: answer.status,
        }),
        Err(source) => Err(ReadError::Unanswered { address, source }),
    }
}

async fn reading(mut body: Value, client: &Client) -> Result<Reading, ReadError> {
    let Value::Array(vector) = body["data"]["result"].take() else {
        return Err(ReadError::NoList);
    };
    let is_infinite = |element: &&Value| {
        let value = element["value"][1].as_str();
        value.is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_infinite))
    };
    // Whatever is asked for: no scenario has another series beside an infinite one.
    if let Some(element) = vector.iter().find(is_infinite) {
        return Err(ReadError::Value(element.clone()));
    }
    let pods = pods(client).await.map_err(ReadError::Pods)?;
    Ok(Reading { vector, pods })
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
