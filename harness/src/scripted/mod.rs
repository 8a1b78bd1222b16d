//! The scripted adapter: an honest custom metrics API fed by a table, to prove what the control plane does with one.
//!
//! It knows nothing of Prometheus and of the product: its documents are written here, from the API's definition, so
//! that a mistake of the product can't be shared by what judges it.

mod discovery;
mod documents;
mod failures;
mod gate;
mod kept;
mod lie;
mod prometheus;
mod table;
mod told;
mod values;
mod vector;
mod written;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::sync::Mutex;

use failures::{bad_request, internal, no_such_path, redirect};
use kept::Kept;
use prometheus::Reading;
use written::Written;

pub use lie::Lie;
pub(crate) use prometheus::table_over;
pub use table::{Entry, Table};

/// The path of an object's metric.
const OBJECT: &str =
    "/apis/custom.metrics.k8s.io/{version}/namespaces/{namespace}/{resource}/{name}/{metric}";
/// The path of a namespace's own metric.
const NAMESPACE: &str =
    "/apis/custom.metrics.k8s.io/{version}/namespaces/{namespace}/metrics/{metric}";

/// How long a list of metrics is good.
const LISTED: Duration = Duration::from_secs(2);

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
    open(Scripted::new(Source::Table(table), None))
}

/// The whole API over a Prometheus, for callers who are known to the cluster and may.
pub fn guarded_router(address: String, client: kube::Client, lie: Option<Lie>) -> Router {
    let gate = gate::Gate::new(client.clone(), lie);
    let source = Source::Prometheus {
        address,
        client,
        read: Kept::for_(Duration::from_millis(100)),
    };
    open(Scripted::new(source, lie)).layer(from_fn_with_state(Arc::new(gate), gate::guard))
}

struct Scripted {
    source: Source,
    lie: Option<Lie>,
    began: Instant,
    /// How many times a liar was asked that answers otherwise each time.
    asked: AtomicU64,
    /// The same of its discovery, by version: the API server asks for all versions at once.
    discovered: [AtomicU64; documents::VERSIONS.len()],
    /// Who is answered, for a liar that answers one after the other.
    turn: Mutex<()>,
    /// What there was at first, for a liar who lists nothing else.
    first: Kept<Table>,
    /// What had values last, for a liar that goes on with them.
    valued: Kept<Table>,
    /// What was listed last.
    listed: Kept<Table>,
    /// What was listed, in aggregated form.
    aggregated: Written,
    /// The same of each version.
    versions: [Written; documents::VERSIONS.len()],
}

fn open(scripted: Scripted) -> Router {
    let of_objects = match scripted.lie {
        Some(Lie::TakesAnyMethod) => any(values::of_objects),
        _ => get(values::of_objects),
    };
    let scripted = Arc::new(scripted);
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .route("/apis", get(discovery::groups))
        .route("/apis/custom.metrics.k8s.io", get(discovery::group))
        .route(
            "/apis/custom.metrics.k8s.io/{version}",
            get(discovery::resources),
        )
        .route(OBJECT, of_objects)
        .route(NAMESPACE, get(values::of_namespace))
        .fallback(any_other_path)
        .layer(map_response_with_state(scripted.clone(), told))
        .with_state(scripted)
}

async fn any_other_path(State(scripted): State<Arc<Scripted>>) -> Response {
    if scripted.lies(Lie::TakesAnyPath) {
        return Json(serde_json::json!({"kind": "Status", "status": "Success"})).into_response();
    }
    no_such_path()
}

/// The answer as a liar gives it who has no documents for failures.
async fn told(State(scripted): State<Arc<Scripted>>, response: Response) -> Response {
    let status = response.status();
    if scripted.lies(Lie::BareErrors) && status.as_u16() >= 400 {
        return (status, "something went wrong").into_response();
    }
    response
}

impl Scripted {
    fn new(source: Source, lie: Option<Lie>) -> Self {
        let first = Kept::for_(Duration::MAX);
        Self {
            source,
            lie,
            began: Instant::now(),
            asked: AtomicU64::new(0),
            discovered: Default::default(),
            turn: Mutex::new(()),
            first,
            valued: Kept::for_(Duration::ZERO),
            listed: Kept::for_(LISTED),
            aggregated: Written::default(),
            versions: Default::default(),
        }
    }

    /// The table that discovery is made of.
    async fn offered(&self) -> Result<Arc<Table>, Response> {
        if self.lies(Lie::KeepsFirstDiscovery) {
            return self.first.or(self.table(&[])).await;
        }
        if self.lies(Lie::FailsWithPrometheus) {
            return self.table(&[]).await.map(Arc::new);
        }
        self.listed.renewed(self.table(&[])).await
    }

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
        let reading = read.or(prometheus::read(address, client, self.lie)).await;
        let reading = match (reading, self.lie) {
            (Err(error), Some(lie)) if error.is_passed_over_by(lie) => {
                read.last().await.ok_or_else(|| internal(&error))
            }
            (reading, _) => reading.map_err(|error| internal(&error)),
        };
        Ok(reading?.table(labels, self.lie))
    }

    /// How many times it was asked before.
    fn count(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a version's discovery is one of the few that a liar answers. Of the five requests that the API server makes
    /// at once to see whether a version is available, one always is.
    fn is_seldom_discovered(&self, version: &str) -> bool {
        let index = documents::VERSIONS.iter().position(|one| *one == version);
        let asked = index.and_then(|index| self.discovered.get(index));
        asked.is_none_or(|asked| {
            asked
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(discovery::SELDOM)
        })
    }

    fn lies(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    /// The way elsewhere, for a liar that sends there.
    fn elsewhere(&self) -> Option<Response> {
        self.lies(Lie::Redirects).then(redirect)
    }
}

#[cfg(test)]
mod tests;
