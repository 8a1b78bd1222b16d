//! Lets sample applications count requests: traffic is shared among the pods that are ready, and anew whenever those change.

mod share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment as DeploymentObject;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Api, Client};
use parking_lot::Mutex;
use setpoint_cluster::{Cluster, Target};
use setpoint_support::error_chain;
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use crate::format::DeploymentRef;
use crate::notes::{Notes, Source};
use crate::outcome::{HarnessProblem, Unmet};
use crate::request::{Limit, send_json};
use crate::sample_app::{self, LOAD_PATH};
use crate::timeouts::Timeouts;
pub(crate) use share::is_ready;
use share::{Incarnation, Load, Pods, Share, Wanted, shares};

/// How soon a share is sent again that could not be.
const AGAIN: Duration = Duration::from_millis(200);

/// Traffic, and how many ready pods have their shares of it, or what is in the way.
type Shared = (Wanted, Result<usize, NotShared>);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A pod did not take its share.
#[derive(Debug, thiserror::Error)]
#[error("give pod {pod} its share")]
struct NotShared {
    pod: String,
    #[source]
    source: BoxError,
}

/// The traffic of a scenario.
pub(crate) struct Traffic {
    cluster: Arc<dyn Cluster>,
    notes: Notes,
    timeouts: Timeouts,
    wanted: watch::Sender<BTreeMap<Pods, Wanted>>,
    shared: watch::Sender<BTreeMap<Pods, Shared>>,
    /// What pods were told, as far as they took it.
    told: Mutex<BTreeMap<Incarnation, f64>>,
}

/// `app=web`
pub(crate) fn labels(selector: &BTreeMap<String, String>) -> String {
    let pairs = selector.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

impl Traffic {
    /// No traffic yet.
    #[must_use]
    pub(crate) fn new(cluster: Arc<dyn Cluster>, notes: Notes, timeouts: Timeouts) -> Self {
        Self {
            cluster,
            notes,
            timeouts,
            wanted: watch::Sender::default(),
            shared: watch::Sender::default(),
            told: Mutex::default(),
        }
    }

    /// Sets the traffic to the pods of a Deployment, in requests a second of all of them together, and
    /// waits until the ready ones have their shares.
    ///
    /// # Errors
    /// When there is no such Deployment, no ready pod, or one doesn't take its share in time.
    pub(crate) async fn drive(
        &self,
        namespace: &str,
        to: &DeploymentRef,
        port: u16,
        total: f64,
        within: Duration,
    ) -> Result<(), Unmet> {
        let api: Api<DeploymentObject> = Api::namespaced(self.cluster.client(), namespace);
        let found = api.get(&to.name);
        let deployment = self.timeouts.call(format!("look for {to}"), found).await?;
        let wanted = Wanted {
            selector: deployment.spec.selector.match_labels.unwrap_or_default(),
            port,
            load: Load::Total(total),
        };
        let pods = (namespace.to_owned(), to.name.clone());
        self.set(to.to_string(), pods, wanted, within).await
    }

    /// Sets the load of each pod with these labels, in requests a second, and waits until the ready ones have it. Those
    /// that come later get it too.
    ///
    /// # Errors
    /// When there is no ready pod, or one doesn't take it in time.
    pub(crate) async fn drive_each(
        &self,
        namespace: &str,
        selector: &BTreeMap<String, String>,
        port: u16,
        each: f64,
        within: Duration,
    ) -> Result<(), Unmet> {
        let wanted = Wanted {
            selector: selector.clone(),
            port,
            load: Load::Each(each),
        };
        let pods = (namespace.to_owned(), labels(selector));
        self.set(pods.1.clone(), pods, wanted, within).await
    }

    async fn set(
        &self,
        of: String,
        key: Pods,
        wanted: Wanted,
        within: Duration,
    ) -> Result<(), Unmet> {
        let mut shared = self.shared.subscribe();
        self.wanted.send_modify(|all| {
            all.insert(key.clone(), wanted.clone());
        });
        let mut last = "nothing was shared yet".to_owned();
        let done = shared.wait_for(|all| match all.get(&key) {
            Some((of, Ok(pods))) if *of == wanted && *pods > 0 => true,
            Some((_, Ok(_))) => {
                last = "no pod is ready".to_owned();
                false
            }
            Some((_, Err(problem))) => {
                last = error_chain(problem);
                false
            }
            None => false,
        });
        match timeout(within, done).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(HarnessProblem::Traffic { of, within, last }.into()),
        }
    }

    /// Follows the pods once there is traffic, until the future is dropped.
    pub(crate) async fn follow(&self, client: Client) {
        let mut wanted = self.wanted.subscribe();
        if wanted.wait_for(|wanted| !wanted.is_empty()).await.is_err() {
            return;
        }
        let (store, writer) = reflector::store::<Pod>();
        let mut events = std::pin::pin!(
            watcher(Api::all(client), self.cluster.watched())
                .default_backoff()
                .reflect(writer)
        );
        let mut again = interval(AGAIN);
        let mut all_have_theirs = true;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(_)) => {}
                    // The watch begins again by itself.
                    Some(Err(error)) => tracing::warn!(%error, "watch pods to share traffic"),
                    None => return,
                },
                changed = wanted.changed() => if changed.is_err() { return },
                _ = again.tick(), if !all_have_theirs => {}
            }
            let loads = wanted.borrow_and_update().clone();
            all_have_theirs = true;
            for (pods, load) in loads {
                all_have_theirs &= self.share(&store, pods, load).await;
            }
        }
    }

    /// Tells pods what they don't know yet; whether all of them know theirs now.
    async fn share(&self, store: &Store<Pod>, of: Pods, wanted: Wanted) -> bool {
        let pods = store.state();
        let shares = shares(&wanted, &of.0, pods.iter().map(|pod| &**pod));
        let ready: Vec<&Share> = shares.values().filter(|share| share.ready).collect();
        let count = ready.len();
        let each = ready.first().map_or(0.0, |share| share.requests_per_second);
        let unknown = {
            let told = self.told.lock();
            let known = |pod: &Incarnation| told.get(pod).copied().unwrap_or(0.0);
            let differs =
                |(pod, share): &(&Incarnation, &Share)| known(pod) != share.requests_per_second;
            let unknown = shares.iter().filter(differs);
            unknown
                .map(|(pod, share)| (pod.clone(), *share))
                .collect::<Vec<_>>()
        };
        let within = self.timeouts.share;
        let tell = unknown.iter().map(async |(pod, share)| {
            let told = timeout(within, self.tell(pod, *share)).await;
            let told = told.unwrap_or(Err(format!("it doesn't answer within {within:?}").into()));
            (pod, share, told)
        });
        let mut problem = None;
        let mut news = false;
        for (pod, share, told) in join_all(tell).await {
            match told {
                Ok(()) => {
                    news |= share.ready;
                    self.told
                        .lock()
                        .insert(pod.clone(), share.requests_per_second);
                }
                // One that isn't ready may be gone already.
                Err(why) if share.ready => {
                    let pod = pod.name.clone();
                    problem = Some(NotShared { pod, source: why });
                }
                Err(why) => {
                    let error = &*why as &dyn std::error::Error;
                    tracing::debug!(pod = pod.name, error, "take its share from a pod");
                }
            }
        }
        if news {
            let (namespace, name) = &of;
            let load = match wanted.load {
                Load::Total(total) => {
                    format!("{total} requests a second over {count} ready pods, {each:.3} each")
                }
                Load::Each(each) => {
                    format!("{each} requests a second to each of {count} ready pods")
                }
            };
            let text = format!("{namespace}/{name}: {load}");
            self.notes.note(Source::Traffic, text);
        }
        let outcome = problem.map_or(Ok(count), Err);
        let all = outcome.is_ok();
        self.shared.send_modify(|shared| {
            shared.insert(of, (wanted, outcome));
        });
        all
    }

    async fn tell(&self, pod: &Incarnation, share: Share) -> Result<(), BoxError> {
        let target = Target::Pod {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        };
        let stream = self.cluster.connect(&target, share.port).await?;
        let load = sample_app::Load {
            requests_per_second: share.requests_per_second,
        };
        let load = serde_json::to_string(&load)?;
        let limit = Limit::of(self.timeouts.share);
        Ok(send_json(stream, http::Method::PUT, LOAD_PATH, load, limit).await?)
    }
}
