//! Finds the objects of runs by their label, and removes them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};
use setpoint_support::error_chain;
use tokio::time::timeout;

use super::error::ExistingError;
use super::owner::Owner;
use super::placement::{EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL};
use crate::expiry;
use crate::provider::{ReapReason, Reaped};

/// What is outside of a run's namespaces. APIServices go first: without their Service they keep namespaces from ending.
/// The last two columns say where, and whether a way that only observes makes them too.
const KINDS: [(&str, &str, &str, Option<&str>, bool); 5] = [
    ("apiregistration.k8s.io", "v1", "APIService", None, false),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        Some("kube-system"),
        false,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        None,
        false,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        None,
        false,
    ),
    ("", "v1", "Namespace", None, true),
];

/// An object outside of a run's namespaces, and its API.
type Found = (Api<DynamicObject>, DynamicObject);

/// The objects with a label, in the order in which they are to be deleted, and the kinds that can't be listed, with the
/// reason.
async fn find(client: &Client, selector: &str, observes: bool) -> (Vec<Found>, Vec<ExistingError>) {
    let (mut found, mut unseen) = (Vec::new(), Vec::new());
    for (group, version, kind, namespace, always) in KINDS {
        if observes && !always {
            continue;
        }
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let list = api.list(&ListParams::default().labels(selector)).await;
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                unseen.push(ExistingError::request(format!("list {kind}s of Setpoint"))(
                    error,
                ));
                continue;
            }
        };
        found.extend(list.items.into_iter().map(|mut object| {
            object.types = Some(kube::core::TypeMeta {
                api_version: version.to_owned(),
                kind: kind.to_owned(),
            });
            (api.clone(), object)
        }));
    }
    (found, unseen)
}

/// How runs are removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removal {
    /// Whether they made namespaces alone.
    pub(super) observes: bool,
    /// How long their namespaces may take to end.
    pub(super) within: Duration,
}

impl Removal {
    /// Removes the objects with a label, and waits for their end. What can't be removed keeps nothing else. `freed` is called once the names that
    /// each run needs, those of APIServices, are free; namespaces take some seconds more.
    pub(super) async fn remove(
        self,
        client: &Client,
        selector: &str,
        freed: impl FnOnce(),
    ) -> Result<(), ExistingError> {
        let (found, unseen) = find(client, selector, self.observes).await;
        let (namespaces, outside): (Vec<Found>, Vec<Found>) = found
            .into_iter()
            .partition(|(_, object)| is_namespace(object));
        let mut left = end(client, outside, self.within).await;
        freed();
        left.extend(end(client, namespaces, self.within).await);
        left.extend(unseen.iter().map(|error| error_chain(error)));
        self.all_ended(left)
    }

    fn all_ended(self, left: Vec<String>) -> Result<(), ExistingError> {
        if left.is_empty() {
            return Ok(());
        }
        let limit = self.within;
        Err(ExistingError::Left { left, limit })
    }

    /// Removes the objects of runs whose process has ended or whose time is over.
    pub(super) async fn reap(self, client: &Client) -> Result<Vec<Reaped>, ExistingError> {
        // Who may only observe made namespaces alone, and may not list the rest.
        let (found, unseen) = find(client, RUN_LABEL, false).await;
        let sees_nothing = found.is_empty() && unseen.len() == KINDS.len();
        if let Some(error) = unseen.into_iter().next().filter(|_| sees_nothing) {
            return Err(error);
        }
        let mut reaped = BTreeMap::new();
        let now = jiff::Timestamp::now();
        let over = found.into_iter().filter(|(_, object)| {
            let Some(why) = why_removed(object.labels(), now) else {
                return false;
            };
            reaped.insert(object.labels()[RUN_LABEL].clone(), why);
            true
        });
        // All at once: an APIService that one run left keeps the namespaces of another from ending.
        let left = end(client, over.collect(), self.within).await;
        self.all_ended(left)?;
        let reaped = reaped.into_iter().map(|(run, why)| Reaped {
            name: format!("run {run}"),
            why,
        });
        Ok(reaped.collect())
    }
}

/// Deletes objects and waits for their end. What is left comes back by name, each with what keeps it.
async fn end(client: &Client, found: Vec<Found>, limit: Duration) -> Vec<String> {
    let (mut deleted, mut left) = (Vec::new(), Vec::new());
    for (api, object) in found {
        let name = object.name_any();
        match api.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => left.push(format!("{} ({})", named(&object), error_chain(&error))),
            Ok(_) => deleted.push((api, object)),
        }
    }
    let namespaces = deleted.iter().filter(|(_, object)| is_namespace(object));
    join_all(namespaces.map(|(_, object)| stop_pods(client, object.name_any()))).await;
    let ends = deleted.iter().map(async |(api, object)| {
        let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
        let ended = timeout(limit, await_condition(api.clone(), &name, is_deleted(&uid))).await;
        matches!(ended, Ok(Ok(_)))
    });
    let ended = join_all(ends).await;
    for ((_, object), _) in deleted.iter().zip(ended).filter(|(_, ended)| !ended) {
        let kept = kept_by(client, object).await;
        left.push(format!("{}{kept}", named(object)));
    }
    left
}

/// Stops the pods of a namespace that is being deleted, and can't have new ones. The namespace controller looks at it after 5 seconds, and where it finds
/// pods only after half of their grace period again (`namespace_controller.go`). It ends without this as well, so an error is none.
async fn stop_pods(client: &Client, namespace: String) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let Ok(list) = pods.list(&ListParams::default()).await else {
        return;
    };
    let at_once = DeleteParams::default().grace_period(1);
    join_all(list.items.iter().map(async |pod| {
        pods.delete(&pod.name_any(), &at_once).await.ok();
    }))
    .await;
}

fn is_namespace(object: &DynamicObject) -> bool {
    object
        .types
        .as_ref()
        .is_some_and(|types| types.kind == "Namespace")
}

fn named(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("object", |types| &types.kind);
    format!("{kind} {}", object.name_any())
}

/// What keeps an object: its finalizers, and what a namespace says of those in it.
async fn kept_by(client: &Client, object: &DynamicObject) -> String {
    if !is_namespace(object) {
        return match object.finalizers() {
            [] => String::new(),
            finalizers => format!(" (finalizers: {})", finalizers.join(", ")),
        };
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let Ok(namespace) = namespaces.get(&object.name_any()).await else {
        return String::new();
    };
    let conditions = namespace.status.and_then(|status| status.conditions);
    let said = conditions.into_iter().flatten();
    let said = said.filter(|condition| condition.status == "True");
    let said: Vec<String> = said.filter_map(|condition| condition.message).collect();
    if said.is_empty() {
        return " (it is still ending)".to_owned();
    }
    format!(" ({})", said.join(" "))
}

fn why_removed(labels: &BTreeMap<String, String>, now: jiff::Timestamp) -> Option<ReapReason> {
    let owner = labels.get(OWNER_LABEL).and_then(|label| Owner::read(label));
    if owner.is_some_and(|owner| owner.has_ended()) {
        return Some(ReapReason::ClientGone);
    }
    // One that can't be read is none of ours.
    let expires = expiry::read(labels.get(EXPIRES_LABEL)?)?;
    (expires <= now).then_some(ReapReason::Expired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_or_bears_no_time_stays() {
        let now = expiry::read("20261125t2359").unwrap();
        let labels = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let of = |pairs: &[(&str, &str)]| why_removed(&labels(pairs), now);
        let this = Owner::this().unwrap().to_string();
        let later = (EXPIRES_LABEL, "20261126t0000");
        let over = (EXPIRES_LABEL, "20261125t2359");
        assert_eq!(of(&[later, (OWNER_LABEL, &this)]), None);
        assert_eq!(of(&[over, (OWNER_LABEL, &this)]), Some(ReapReason::Expired));
        assert_eq!(of(&[later, (OWNER_LABEL, "elsewhere-1-2-3")]), None);
        assert_eq!(of(&[later]), None);
        assert_eq!(of(&[(EXPIRES_LABEL, "soon")]), None);
        let (rest, _) = this.rsplit_once('-').unwrap();
        let dead = format!("{rest}-1");
        assert_eq!(
            of(&[later, (OWNER_LABEL, &dead)]),
            Some(ReapReason::ClientGone)
        );
    }
}
