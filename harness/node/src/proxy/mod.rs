//! The service proxy: lets ClusterIPs answer, as kube-proxy does, but in user space and for TCP alone.
//!
//! A Service's port has a listener only while there is an endpoint for it, so without one callers get
//! `connection refused`, as from kube-proxy's REJECT rule. What differs from kube-proxy: the pod sees the
//! plane's address instead of the caller's; session affinity, NodePorts and UDP are not served; an endpoint
//! that refuses is seen by the caller as `connection reset`.
//!
//! The proxy also knows which Services there are, so it publishes [`ServiceNames`], from which the kubelet
//! writes the pods' hosts files: the plane has no DNS server.

mod hosts;
mod listeners;
mod table;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub(crate) use hosts::{PodHosts, ServiceNames, rewrite_in_place};

use listeners::Listeners;

/// How soon a ClusterIP that could not be bound is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What the proxy publishes: `None` until it has seen the cluster's Services once.
pub(crate) type PublishedNames = Option<Arc<ServiceNames>>;

/// Serves ClusterIPs in the network namespace of the calling process until `shutdown`, which ends all
/// listeners and connections. Every change of the Services' names is sent to `names`.
///
/// A kubelet keeps `names.subscribe()`, waits for the first value that is not `None` before it starts a
/// pod, and writes each pod's hosts file anew on every change, with [`rewrite_in_place`].
pub(crate) async fn run(
    client: Client,
    names: watch::Sender<PublishedNames>,
    shutdown: CancellationToken,
) {
    let (services, service_changes) = watched::<Service>(Api::all(client.clone()));
    let (slices, slice_changes) = watched::<EndpointSlice>(Api::all(client));
    let mut changes = futures::stream::select(service_changes, slice_changes);
    let mut listeners = Listeners::new(shutdown.child_token());
    let mut retry_at = None;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = at(retry_at) => {}
            change = changes.next() => if change.is_none() { break },
        }
        // Until both lists are complete, a Service would look as if it had no endpoints.
        if !(is_complete(&services) && is_complete(&slices)) {
            continue;
        }
        let (services, slices) = (services.state(), slices.state());
        publish(&names, ServiceNames::of(services.iter().map(AsRef::as_ref)));
        let table = table::table(
            services.iter().map(AsRef::as_ref),
            slices.iter().map(AsRef::as_ref),
        );
        let all_bound = listeners.follow(&table).await;
        retry_at = (!all_bound).then(|| Instant::now() + RETRY);
    }
    listeners.close().await;
}

fn publish(names: &watch::Sender<PublishedNames>, seen: ServiceNames) {
    names.send_if_modified(|published| {
        let changed = published.as_deref() != Some(&seen);
        if changed {
            *published = Some(Arc::new(seen));
        }
        changed
    });
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The objects, and a stream with one item for each change of them.
fn watched<K>(api: Api<K>) -> (Store<K>, BoxStream<'static, ()>)
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let events = kube::runtime::reflector(writer, watcher(api, watcher::Config::default()));
    let changes = events.default_backoff().filter_map(|event| async {
        match event {
            // The store takes a list over as a whole, with its last event.
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
            Ok(_) => Some(()),
            Err(error) => {
                let kind = K::kind(&());
                tracing::warn!(%kind, %error, "watch; trying again");
                None
            }
        }
    });
    (store, changes.boxed())
}

/// Whether the store has taken over its first list.
fn is_complete<K>(store: &Store<K>) -> bool
where
    K: kube::Resource<DynamicType = ()> + Clone + 'static,
{
    let ready = store.wait_until_ready().now_or_never();
    ready.is_some_and(|ready| ready.is_ok())
}
