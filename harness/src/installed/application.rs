//! The sample application of a scenario, which shows its values itself, and the wait until the adapter serves them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use parking_lot::Mutex;
use serde_json::Value;
use setpoint_cluster::Cluster;
use setpoint_replay::notation::Point;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::adapter::GROUP;
use super::arrival::{has_arrived, values};
use super::{Installed, PORT};
use crate::format::{Metric, On};
use crate::outcome::{ClusterProblem, HarnessProblem, Unmet};
use crate::prometheus::encoded;
use crate::timeouts::Timeouts;
use crate::traffic::{Traffic, is_ready, labels};

/// How often the adapter is asked at least, and at most; between them a few times in each sync, so that the HPA controller doesn't go
/// through several before it is noticed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// How many times in each sync.
const LOOKS_IN_A_SYNC: u32 = 4;

/// The application of one scenario.
pub(crate) struct Application {
    pub(super) installed: Installed,
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) timeouts: Timeouts,
    traffic: Arc<Traffic>,
    /// How long the slowest value took to arrive.
    slowest: Mutex<Duration>,
}

/// A value that each pod with some labels shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    pub(super) namespace: String,
    pub(super) selector: BTreeMap<String, String>,
    pub(super) metric: String,
    pub(super) value: f64,
}

impl Given {
    /// What a metric of a scenario gives to pods; none where it isn't one value of pods.
    fn of(metric: &Metric) -> Option<Self> {
        let On::Pods(selector) = &metric.on else {
            return None;
        };
        Some(Self {
            namespace: metric.namespace.clone(),
            selector: selector.clone(),
            metric: metric.custom.clone(),
            value: constant(metric)?,
        })
    }

    pub(super) fn labels(&self) -> String {
        labels(&self.selector)
    }
}

/// The value of a metric that has one that goes on for ever, and that a load can have.
pub(crate) fn constant(metric: &Metric) -> Option<f64> {
    match metric.values.points() {
        [Point::Value(value)] if metric.hold && *value >= 0.0 && value.is_finite() => Some(*value),
        _ => None,
    }
}

impl Application {
    #[must_use]
    pub(crate) fn new(
        installed: Installed,
        cluster: Arc<dyn Cluster>,
        traffic: Arc<Traffic>,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            installed,
            cluster,
            timeouts,
            traffic,
            slowest: Mutex::default(),
        }
    }

    /// How much later than elsewhere a change of a value is seen by the HPA.
    #[must_use]
    pub(crate) fn delay(&self) -> Duration {
        *self.slowest.lock()
    }

    /// Gives metrics these values, and waits until the adapter serves them. What comes back says how long that took.
    ///
    /// # Errors
    /// When they don't arrive in time, with what each hop has of them.
    pub(crate) async fn give(&self, metrics: &[Metric]) -> Result<String, Unmet> {
        let began = Instant::now();
        for metric in metrics {
            let given = Given::of(metric).ok_or_else(|| HarnessProblem::Scenario {
                problem: format!(
                    "the values of {} can't be shown by a sample application",
                    metric.custom
                ),
            })?;
            let (namespace, selector) = (&given.namespace, &given.selector);
            let within = self.timeouts.state;
            let traffic = &self.traffic;
            traffic
                .drive_each(namespace, selector, PORT, given.value, within)
                .await?;
            self.arrive(&given).await?;
        }
        let took = began.elapsed();
        let mut slowest = self.slowest.lock();
        *slowest = slowest.max(took);
        Ok(format!(
            "the adapter served it after {:.1}s",
            took.as_secs_f64()
        ))
    }

    async fn arrive(&self, given: &Given) -> Result<(), ClusterProblem> {
        let within = self.timeouts.factor.scale(self.installed.arrives_within);
        let sync = self.cluster.facts().hpa_sync_period;
        let (shortest, longest) = PAUSES;
        let mut looks = interval((sync / LOOKS_IN_A_SYNC).clamp(shortest, longest));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = Instant::now() + within;
        loop {
            looks.tick().await;
            let ready = self.ready(given).await?;
            let list = timeout(self.timeouts.answer, self.values(given)).await;
            let values = list.ok().and_then(Result::ok).map(|list| values(&list));
            if has_arrived(&ready, &values.unwrap_or_default(), given.value) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(ClusterProblem::NotArrived {
                    metric: given.metric.clone(),
                    value: given.value,
                    within,
                    hops: self.hops(given, &ready).await,
                });
            }
        }
    }

    /// The names of the ready pods.
    async fn ready(&self, given: &Given) -> Result<Vec<String>, ClusterProblem> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(), &given.namespace);
        let selected = ListParams::default().labels(&given.labels());
        let doing = "list the pods of the sample application";
        let pods = self.timeouts.call(doing, pods.list(&selected)).await?;
        let ready = pods.iter().filter(|pod| is_ready(pod));
        Ok(ready.map(ResourceExt::name_any).collect())
    }

    /// What the adapter answers, through the API server.
    pub(super) async fn values(&self, given: &Given) -> Result<Value, kube::Error> {
        let root = root(&self.version().await?);
        let Given {
            namespace, metric, ..
        } = given;
        let selector = encoded(&given.labels());
        let path =
            format!("{root}/namespaces/{namespace}/pods/*/{metric}?labelSelector={selector}");
        self.get(&path).await
    }

    /// The version of the group that the HPA controller asks for.
    pub(super) async fn version(&self) -> Result<String, kube::Error> {
        let group = self.get(&format!("/apis/{GROUP}")).await?;
        let version = group["preferredVersion"]["version"].as_str();
        Ok(version.unwrap_or("v1beta1").to_owned())
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, kube::Error> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(kube::Error::HttpError)?;
        self.cluster.client().request(request).await
    }
}

/// Where a version of the group is.
pub(super) fn root(version: &str) -> String {
    format!("/apis/{GROUP}/{version}")
}
