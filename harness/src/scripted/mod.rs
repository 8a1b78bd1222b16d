//! The scripted adapter: an honest custom metrics API fed by a table, to prove what the control plane does with one.
//!
//! It knows nothing of Prometheus and of the product: its documents are written here, from the API's definition, so
//! that a mistake of the product can't be shared by what judges it.

mod documents;
mod gate;
mod kept;
mod lie;
mod prometheus;
mod table;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use setpoint_support::error_chain;

use kept::Kept;
use prometheus::Reading;

pub use lie::Lie;
pub(crate) use prometheus::table_over;
pub use table::{Entry, Table};

/// The age of a timestamp that is a lie.
const OLD: Duration = Duration::from_secs(2 * 60 * 60);

/// Where values come from.
enum Source {
    /// A table that stays as it is.
    Table(Table),
    /// A Prometheus, `host:port`; its series are those of the objects that their labels name.
    Prometheus {
        /// Its address.
        address: String,
        /// Lists pods.
        client: kube::Client,
        /// What was read last.
        read: Kept<Reading>,
    },
}

/// The whole API over a table. Whoever asks is answered: what it shows is for everybody.
pub fn router(table: Table) -> Router {
    open(Scripted {
        source: Source::Table(table),
        lie: None,
    })
}

/// The whole API over a Prometheus, for callers who are known to the cluster and may.
pub fn guarded_router(address: String, client: kube::Client, lie: Option<Lie>) -> Router {
    let gate = gate::Gate::new(client.clone(), lie);
    let source = Source::Prometheus {
        address,
        client,
        read: Kept::for_(Duration::from_millis(100)),
    };
    open(Scripted { source, lie }).layer(axum::middleware::from_fn_with_state(
        Arc::new(gate),
        gate::guard,
    ))
}

struct Scripted {
    source: Source,
    lie: Option<Lie>,
}

fn open(scripted: Scripted) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .route("/apis", get(groups))
        .route("/apis/custom.metrics.k8s.io", get(|| async { Json(documents::group()) }))
        .route("/apis/custom.metrics.k8s.io/{version}", get(resources))
        .route("/apis/custom.metrics.k8s.io/{version}/namespaces/{namespace}/{resource}/{name}/{metric}", get(values))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource") })
        .with_state(Arc::new(scripted))
}

impl Scripted {
    /// The values, summed over the series that have the labels.
    async fn table(&self, labels: &[(String, String)]) -> Result<Table, Response> {
        let (address, client, read) = match &self.source {
            Source::Table(table) if labels.is_empty() => return Ok(table.clone()),
            Source::Table(_) => return Err(bad_request("the values of a table have no series")),
            Source::Prometheus {
                address,
                client,
                read,
            } => (address, client, read),
        };
        let reading = read.or(prometheus::read(address, client)).await;
        Ok(reading.map_err(|error| internal(&error))?.table(labels))
    }

    fn lies(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    /// The way elsewhere, for a liar that sends there.
    fn elsewhere(&self) -> Option<Response> {
        let location = [(header::LOCATION, "/somewhere/else")];
        self.lies(Lie::Redirects)
            .then(|| (StatusCode::FOUND, location).into_response())
    }
}

async fn groups(State(scripted): State<Arc<Scripted>>, headers: HeaderMap) -> Response {
    if let Some(elsewhere) = scripted.elsewhere() {
        return elsewhere;
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    if accept.contains("as=APIGroupDiscoveryList") && accept.contains("v=v2") {
        let table = match scripted.table(&[]).await {
            Ok(table) => table,
            Err(response) => return response,
        };
        let content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        return (
            [(header::CONTENT_TYPE, content_type)],
            documents::aggregated(&table).to_string(),
        )
            .into_response();
    }
    Json(documents::groups()).into_response()
}

async fn resources(State(scripted): State<Arc<Scripted>>, Path(version): Path<String>) -> Response {
    if let Some(elsewhere) = scripted.elsewhere() {
        return elsewhere;
    }
    if !documents::VERSIONS.contains(&version.as_str()) {
        return failure(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        );
    }
    let table = match scripted.table(&[]).await {
        Ok(table) => table,
        Err(response) => return response,
    };
    let mut document = documents::resources(&table, &version);
    if scripted.lies(Lie::UnsortedDiscovery)
        && let Some(resources) = document["resources"].as_array_mut()
    {
        resources.reverse();
    }
    Json(document).into_response()
}

#[derive(Debug, Deserialize)]
struct ValuePath {
    version: String,
    namespace: String,
    resource: String,
    name: String,
    metric: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selectors {
    #[serde(default)]
    label_selector: String,
    #[serde(default)]
    metric_label_selector: String,
}

async fn values(
    State(scripted): State<Arc<Scripted>>,
    Path(path): Path<ValuePath>,
    Query(query): Query<Selectors>,
) -> Response {
    match scripted.lie {
        Some(Lie::HoldsRequests) => return std::future::pending().await,
        Some(Lie::HtmlBody) => return axum::response::Html("<h1>It works!</h1>").into_response(),
        Some(Lie::Redirects) => return scripted.elsewhere().unwrap_or_default(),
        _ => {}
    }
    let selectors = [&query.label_selector, &query.metric_label_selector];
    let [Some(labels), Some(series_labels)] = selectors.map(|text| table::required_labels(text))
    else {
        return bad_request("the scripted adapter understands label=value selectors only");
    };
    let (labels, selected) = match scripted.lie {
        Some(Lie::IgnoresLabelSelector) => (&[][..], &series_labels[..]),
        Some(Lie::IgnoresMetricLabelSelector) => (&labels[..], &[][..]),
        _ => (&labels[..], &series_labels[..]),
    };
    let table = match scripted.values_table(&path, selected).await {
        Ok(table) => table,
        Err(response) => return response,
    };
    let known = documents::VERSIONS.contains(&path.version.as_str())
        && table.has(&path.resource, &path.metric);
    if !known {
        let message = format!(
            "the server could not find the metric {} for {}",
            path.metric, path.resource
        );
        return failure(StatusCode::NOT_FOUND, "NotFound", &message);
    }
    let found = table.find(
        &path.namespace,
        &path.resource,
        &path.name,
        &path.metric,
        labels,
    );
    if found.is_empty() && path.name != "*" {
        let message = format!(
            "the server could not find the metric {} for {} {}",
            path.metric, path.resource, path.name
        );
        return failure(StatusCode::NOT_FOUND, "NotFound", &message);
    }
    let (named, measured) = match scripted.lie {
        Some(Lie::OmitsSelector) => (&[][..], Timestamp::now()),
        Some(Lie::OldTimestamps) => (&series_labels[..], Timestamp::now() - OLD),
        _ => (&series_labels[..], Timestamp::now()),
    };
    let mut document = documents::values(&path.version, &found, named, measured);
    if scripted.lies(Lie::WrongKind) {
        document["kind"] = "PodList".into();
        document["apiVersion"] = "v1".into();
    }
    Json(document).into_response()
}

impl Scripted {
    /// The table for an answer, with what a liar makes of its values.
    async fn values_table(
        &self,
        path: &ValuePath,
        labels: &[(String, String)],
    ) -> Result<Table, Response> {
        let mut table = match self.table(labels).await {
            Ok(table) => table,
            Err(_) if self.lies(Lie::ZeroWhilePrometheusFails) => self.zeros(path).await?,
            Err(response) => return Err(response),
        };
        if self.lies(Lie::IgnoresNamespace) {
            table.add_namesakes();
        }
        for entry in &mut table.metrics {
            match self.lie {
                Some(Lie::ConstantValue) => entry.value = "10".to_owned(),
                Some(Lie::WholeNumbers) => {
                    let milli = crate::quantity::milli(&entry.value).unwrap_or_default();
                    entry.value = (milli / 1000).to_string();
                }
                _ => {}
            }
        }
        Ok(table)
    }

    /// A zero for every pod.
    async fn zeros(&self, path: &ValuePath) -> Result<Table, Response> {
        let Source::Prometheus { client, .. } = &self.source else {
            return Ok(Table::default());
        };
        let pods = prometheus::pods(client).await;
        let pods = pods.map_err(|error| internal(&error))?;
        let zero = |((namespace, name), labels)| Entry {
            metric: path.metric.clone(),
            resource: "pods".to_owned(),
            kind: "Pod".to_owned(),
            api_version: "/v1".to_owned(),
            namespace,
            name,
            labels,
            value: "0".to_owned(),
        };
        Ok(Table {
            metrics: pods.into_iter().map(zero).collect(),
        })
    }
}

fn bad_request(message: &str) -> Response {
    failure(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// The adapter could not do what was asked.
fn internal(error: &(dyn std::error::Error + 'static)) -> Response {
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    failure(code, "InternalError", &error_chain(error))
}

fn failure(code: StatusCode, reason: &str, message: &str) -> Response {
    (
        code,
        Json(documents::status(code.as_u16(), reason, message)),
    )
        .into_response()
}

#[cfg(test)]
mod tests;
