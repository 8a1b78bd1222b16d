//! Drives sample applications: a load is shared among the pods that are ready, and anew whenever those change.

mod share;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment as DeploymentObject;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Api, Client};
use setpoint_cluster::{Cluster, Target};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use crate::notes::{Notes, Source};
use crate::request::send_json;
use crate::sample_app::{LOAD_PATH, Load};
use crate::scenario::{Span, TrafficStep};
use crate::words;
use share::{Deployment, Incarnation, Share, Wanted, shares};

/// How long a step waits for every ready pod to have its share.
const WITHIN: Span = Span::Time(Duration::from_secs(20));
/// How soon a share is sent again that could not be.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a pod may take to take its share.
const TAKES: Duration = Duration::from_secs(2);

/// A load, and the number of ready pods that have their shares of it, or what is in the way.
type Shared = (Wanted, Result<usize, String>);

/// The loads of a scenario.
pub(super) struct Traffic {
    cluster: Arc<dyn Cluster>,
    notes: Notes,
    wanted: watch::Sender<BTreeMap<Deployment, Wanted>>,
    shared: watch::Sender<BTreeMap<Deployment, Shared>>,
    /// What pods were told, as far as they took it.
    told: Mutex<BTreeMap<Incarnation, f64>>,
}

impl Traffic {
    pub(super) fn new(cluster: Arc<dyn Cluster>, notes: Notes) -> Self {
        Self {
            cluster,
            notes,
            wanted: watch::Sender::default(),
            shared: watch::Sender::default(),
            told: Mutex::default(),
        }
    }

    /// Sets a load, and waits until the ready pods have their shares.
    pub(super) async fn drive(&self, step: &TrafficStep) -> Result<(), String> {
        let name = step.to.strip_prefix("deployment/").unwrap_or(&step.to);
        let api: Api<DeploymentObject> = Api::namespaced(self.cluster.client(), &step.namespace);
        let deployment = api
            .get(name)
            .await
            .map_err(|error| format!("look for {}: {error}", step.to))?;
        let wanted = Wanted {
            selector: deployment.spec.selector.match_labels.unwrap_or_default(),
            port: step.port,
            total: step.total,
        };
        let key = (step.namespace.clone(), name.to_owned());
        let mut shared = self.shared.subscribe();
        self.wanted.send_modify(|all| {
            all.insert(key.clone(), wanted.clone());
        });
        let within = step.within.unwrap_or(WITHIN);
        let within = within.duration(self.cluster.facts().hpa_sync_period);
        let mut last = "nothing was shared yet".to_owned();
        let done = shared.wait_for(|all| match all.get(&key) {
            Some((of, Ok(pods))) if *of == wanted && *pods > 0 => true,
            Some((_, Ok(_))) => {
                last = "no pod is ready".to_owned();
                false
            }
            Some((_, Err(problem))) => {
                last.clone_from(problem);
                false
            }
            None => false,
        });
        match timeout(within, done).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(format!(
                "not every ready pod of {} has its share within {within:?}; {last}",
                step.to
            )),
        }
    }

    /// Follows the pods once there is a load, until the future is dropped.
    pub(super) async fn follow(&self, client: Client) {
        let mut wanted = self.wanted.subscribe();
        if wanted.wait_for(|wanted| !wanted.is_empty()).await.is_err() {
            return;
        }
        let (store, writer) = reflector::store::<Pod>();
        let mut events = std::pin::pin!(
            watcher(Api::all(client), watcher::Config::default())
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
            for (deployment, load) in loads {
                all_have_theirs &= self.share(&store, deployment, load).await;
            }
        }
    }

    /// Tells the pods of a Deployment what they don't know yet; whether all of them know theirs now.
    async fn share(&self, store: &Store<Pod>, deployment: Deployment, wanted: Wanted) -> bool {
        let pods = store.state();
        let shares = shares(&wanted, &deployment.0, pods.iter().map(|pod| &**pod));
        let ready: Vec<&Share> = shares.values().filter(|share| share.ready).collect();
        let count = ready.len();
        let each = ready.first().map_or(0.0, |share| share.requests_per_second);
        let unknown = {
            let told = self.told();
            let known = |pod: &Incarnation| told.get(pod).copied().unwrap_or(0.0);
            let differs =
                |(pod, share): &(&Incarnation, &Share)| known(pod) != share.requests_per_second;
            let unknown = shares.iter().filter(differs);
            unknown
                .map(|(pod, share)| (pod.clone(), *share))
                .collect::<Vec<_>>()
        };
        let tell = unknown.iter().map(async |(pod, share)| {
            let told = timeout(TAKES, self.tell(pod, *share)).await;
            let told = told.unwrap_or_else(|_| Err(format!("it doesn't answer within {TAKES:?}")));
            (pod, share, told)
        });
        let mut problem = None;
        let mut news = false;
        for (pod, share, told) in join_all(tell).await {
            match told {
                Ok(()) => {
                    news |= share.ready;
                    self.told().insert(pod.clone(), share.requests_per_second);
                }
                // One that isn't ready may be gone already.
                Err(why) if share.ready => {
                    problem = Some(format!("give pod {} its share: {why}", pod.name));
                }
                Err(why) => tracing::debug!(pod = pod.name, why, "take its share from a pod"),
            }
        }
        if news {
            let (namespace, name) = &deployment;
            let text = format!(
                "{namespace}/{name}: {} requests a second over {count} ready pods, {each:.3} each",
                wanted.total
            );
            self.notes.note(Source::Traffic, text);
        }
        let outcome = problem.map_or(Ok(count), Err);
        let all = outcome.is_ok();
        self.shared.send_modify(|shared| {
            shared.insert(deployment, (wanted, outcome));
        });
        all
    }

    async fn tell(&self, pod: &Incarnation, share: Share) -> Result<(), String> {
        let target = Target::Pod {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        };
        let stream = self.cluster.connect(&target, share.port).await;
        let stream = stream.map_err(|error| words(&error))?;
        let load = Load {
            requests_per_second: share.requests_per_second,
        };
        let load = serde_json::to_string(&load).map_err(|error| error.to_string())?;
        let sent = send_json(stream, http::Method::PUT, LOAD_PATH, load).await;
        sent.map_err(|error| words(&error))
    }

    /// Nobody panics while holding it.
    fn told(&self) -> std::sync::MutexGuard<'_, BTreeMap<Incarnation, f64>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
