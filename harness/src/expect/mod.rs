//! Expectations: named, bounded waits by watch that remember what they saw last.

mod discovery;
mod judge;
mod pod;
mod ready;
mod wait;

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use kube::runtime::watcher::watch_object;
use setpoint_cluster::Cluster;
use tokio::time::{MissedTickBehavior, interval};

pub(crate) use judge::has_ready_container;
pub(crate) use pod::words as pod_in_words;
pub use ready::ready_pod;
use wait::{Wait, keeps};

use crate::prometheus::{Prometheus, judge_vector};
use crate::request::Adapter;
use crate::scenario::{Expectation, Span};

/// How long a state is waited for where the scenario doesn't say.
const WITHIN: Span = Span::Time(Duration::from_secs(20));
/// How often Prometheus is asked for a state; less than the shortest scrape interval.
const LOOKS: Duration = Duration::from_millis(200);

/// What expectations are judged against.
#[derive(Clone)]
pub struct Scene {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The adapter, for questions to itself.
    pub adapter: Arc<Adapter>,
    /// The real Prometheus, where there is one.
    pub prometheus: Option<Arc<Prometheus>>,
}

/// An expectation that wasn't met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct Missed {
    /// What was expected.
    pub what: String,
    /// What was there instead, and when.
    pub problem: String,
}

/// What a judge says of a state: nothing, or what is wrong with it.
type Verdict = Result<(), String>;

/// Waits for the expected state.
///
/// # Errors
/// When it doesn't come in time, or doesn't stay.
pub async fn expect(scene: &Scene, expectation: &Expectation) -> Result<(), Missed> {
    let client = scene.cluster.client();
    let sync = scene.cluster.facts().hpa_sync_period;
    let within = |within: &Option<Span>| within.unwrap_or(WITHIN).duration(sync);
    match expectation {
        Expectation::Replicas {
            of,
            namespace,
            equals,
            within: time,
            for_,
            after,
        } => {
            let (_, name) = of.split_once('/').unwrap_or(("deployment", of));
            let api: Api<Deployment> = Api::namespaced(client, namespace);
            let hold = for_.map(|span| span.duration(sync)).unwrap_or_default();
            let judge = |deployment: Option<&Deployment>| judge::replicas(deployment, *equals);
            let Some(after) = after else {
                let what = format!("{of} has {equals} replicas");
                return Wait::until(what, within(time)).on(api, name, judge).await;
            };
            let proof = Box::pin(expect(scene, after));
            let what = format!("{of} keeps {equals} replicas");
            keeps(what, hold, watch_object(api, name), judge, proof).await
        }
        Expectation::Hpa {
            name,
            namespace,
            within: time,
            ..
        } => {
            let api: Api<HorizontalPodAutoscaler> = Api::namespaced(client, namespace);
            let wait = Wait::until(
                format!("HPA {name} {}", judge::words(expectation)),
                within(time),
            );
            wait.on(api, name, |hpa| judge::hpa(hpa, expectation)).await
        }
        Expectation::Apiservice {
            name,
            available,
            reason,
            message,
            within: time,
            for_,
        } => {
            let api: Api<APIService> = Api::all(client);
            let because = message.as_deref().or(reason.as_deref());
            let because = because.map_or_else(String::new, |why| format!(" because of `{why}`"));
            let hold = for_.map(|span| span.duration(sync)).unwrap_or_default();
            let wait = Wait {
                what: format!("APIService {name} has Available={available:?}{because}"),
                within: within(time),
                hold,
            };
            wait.on(api, name, |service| {
                judge::apiservice(service, *available, reason.as_deref(), message.as_deref())
            })
            .await
        }
        Expectation::Pod(expected) => {
            pod::expect(&client, expected, within(&expected.within)).await
        }
        Expectation::Discovery {
            group,
            version,
            has,
            within: time,
        } => discovery::expect(&scene.adapter, group, version, has, within(time)).await,
        Expectation::Target {
            discovered_labels,
            health,
            last_error,
            scrape_url,
            within: time,
        } => {
            let wanted = last_error.as_ref().or(scrape_url.as_ref());
            let with = wanted.map_or_else(String::new, |words| format!(" with `{words}`"));
            let what = format!("targets with {discovered_labels:?} are {health:?}{with}");
            let (error, url) = (last_error.as_deref(), scrape_url.as_deref());
            let prometheus = real_prometheus(scene, &what)?;
            let ask = || async move {
                let targets = prometheus.targets().await?;
                targets.judge(discovered_labels, *health, error, url)
            };
            asks(what, within(time), ask).await
        }
        Expectation::Query {
            promql,
            count,
            value,
            tolerance,
            within: time,
        } => {
            let near = value.map_or_else(String::new, |value| format!(" of {value}"));
            let what = format!("Prometheus answers {count} elements{near} to `{promql}`");
            let prometheus = real_prometheus(scene, &what)?;
            let ask = || async move {
                let found = prometheus.query(promql).await?;
                judge_vector(&found, *count, *value, *tolerance)
            };
            asks(what, within(time), ask).await
        }
    }
}

fn real_prometheus<'a>(scene: &'a Scene, what: &str) -> Result<&'a Prometheus, Missed> {
    let missed = || Missed {
        what: what.to_owned(),
        problem: "there is no real Prometheus in this installation".to_owned(),
    };
    scene.prometheus.as_deref().ok_or_else(missed)
}

/// Asks again and again until the verdict is good.
async fn asks<F: Future<Output = Verdict>>(
    what: String,
    within: Duration,
    ask: impl Fn() -> F,
) -> Result<(), Missed> {
    let mut looks = interval(LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let answers = stream::unfold((looks, ask), |(mut looks, ask)| async {
        looks.tick().await;
        let verdict = ask().await;
        Some((Ok::<_, Infallible>(Some(verdict)), (looks, ask)))
    });
    let wait = Wait::until(what, within);
    let judge = |verdict: Option<&Verdict>| {
        let unasked = || Err("it wasn't asked".to_owned());
        verdict.map_or_else(unasked, Clone::clone)
    };
    wait.over(answers, judge).await
}
