//! The process kubelet: runs pods of known images as child processes in namespaces of their own.
//!
//! ```text
//!  watch of pods ─┬─ no node: bind it here                       node
//!                 └─ ours: one task a pod                        pod
//!                      sandbox, address, volumes, /etc/hosts     launch, files
//!                      one task a container: start, probes,      container, prober
//!                        restart, end                            stage
//!                      status, events                            status, events
//! ```
//!
//! A pod all of whose images are unknown to the [`ImageTable`] runs nothing: it gets an address and becomes Ready
//! as many seconds after its start as its annotation [`READY_AFTER`] says. In other pods the containers of unknown
//! images do the same beside real ones.
//!
//! The kubelet is frozen to the pod fields that Setpoint's scenarios, its adapter profiles and its own tests of
//! Kubernetes' semantics need. The table in [`plan`] lists them: those that are supported, those that are accepted
//! without effect, and those that are refused by name. A pod that has a refused one fails with reason
//! [`UNSUPPORTED_FIELD`]. Support for more isn't added here: who needs it uses backend `kind`, a real node.
//!
//! What becomes of a pod or a container is decided by the state machines of [`pod`] and [`container`], which do no I/O;
//! their drivers carry out what they say.

mod backoff;
mod clock;
mod container;
mod context;
mod env;
mod events;
mod field;
mod files;
mod launch;
mod logs;
mod node;
mod objects;
pub(crate) mod paths;
mod plan;
mod pod;
mod probe;
mod prober;
mod registry;
mod resources;
pub(crate) mod server;
pub(crate) mod stage;
mod status;
mod variables;
mod volume;

use crate::failure::Failure;
use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use context::Node;
use events::Recorder;

pub(crate) use backoff::RestartBackoff;
pub(crate) use context::KubeletConfig;
pub use context::{READY_AFTER, UNSUPPORTED_FIELD};
pub(crate) use paths::Paths;
pub(crate) use registry::Registry;

/// How many changes of Secrets and ConfigMaps may wait for a pod; one that has missed some reads all anew.
const CHANGES: usize = 256;

/// A pod's latest state, or that it is gone from the API server.
type Latest = watch::Sender<Option<Arc<Pod>>>;

/// Registers the node and runs the pods bound to it until the shutdown.
///
/// # Errors
/// When the node can't be registered; later failures are those of single pods and end up in their status.
pub(crate) async fn run(config: KubeletConfig) -> Result<(), Failure> {
    node::register(&config).await?;
    let shutdown = config.shutdown.clone();
    let client = config.client.clone();
    let (events, write_events) = Recorder::new(client.clone(), config.node_name.clone());
    let (changes, _) = broadcast::channel(CHANGES);
    let node = Arc::new(Node {
        config,
        events,
        changes: changes.clone(),
    });
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = write_events => {}
        () = objects::watch(client.clone(), changes) => {}
        () = follow_pods(client, node) => {}
    }
    Ok(())
}

async fn follow_pods(client: Client, node: Arc<Node>) {
    let mut pods: HashMap<String, Latest> = HashMap::new();
    let mut listed: Vec<String> = Vec::new();
    let tasks = TaskTracker::new();
    let ended = node.config.shutdown.child_token();
    let _guard = ended.clone().drop_guard();
    let events = watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(pod)) => {
                listed.push(pod.uid().unwrap_or_default());
                apply(&node, &mut pods, &tasks, &ended, pod);
            }
            Ok(watcher::Event::InitDone) => {
                for (uid, latest) in &pods {
                    if !listed.contains(uid) {
                        latest.send_replace(None);
                    }
                }
            }
            Ok(watcher::Event::Apply(pod)) => apply(&node, &mut pods, &tasks, &ended, pod),
            Ok(watcher::Event::Delete(pod)) => {
                if let Some(latest) = pods.remove(&pod.uid().unwrap_or_default()) {
                    latest.send_replace(None);
                }
            }
            Err(error) => tracing::warn!(%error, "watch pods; trying again"),
        }
        pods.retain(|_, latest| !latest.is_closed());
    }
}

fn apply(
    node: &Arc<Node>,
    pods: &mut HashMap<String, Latest>,
    tasks: &TaskTracker,
    ended: &CancellationToken,
    pod: Pod,
) {
    let bound_to = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    match bound_to {
        None | Some("") => {
            if node::is_bindable(&pod) {
                let (binding, ended) = (node::bind(Arc::clone(node), pod), ended.clone());
                tasks.spawn(async move {
                    ended.run_until_cancelled(binding).await;
                });
            }
        }
        Some(name) if name == node.config.node_name => {
            let uid = pod.uid().unwrap_or_default();
            let pod = Arc::new(pod);
            if let Some(latest) = pods.get(&uid) {
                latest.send_replace(Some(pod));
                return;
            }
            if pod::is_over(&pod) && pod.metadata.deletion_timestamp.is_none() {
                return;
            }
            let (latest, receiver) = watch::channel(Some(Arc::clone(&pod)));
            pods.insert(uid, latest);
            let work = pod::run(Arc::clone(node), pod, receiver);
            let ended = ended.clone();
            tasks.spawn(async move {
                // Dropping a pod's work closes its sockets, and its processes end with them.
                ended.run_until_cancelled(work).await;
            });
        }
        Some(_) => {}
    }
}
