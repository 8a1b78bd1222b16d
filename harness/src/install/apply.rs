//! Server-side apply of any object.

use futures::{StreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use kube::discovery::{Scope, pinned_kind};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use serde_json::Value;
use setpoint_cluster::Cluster;

use crate::format::ObjectRef;

/// Whose fields they are.
const FIELD_MANAGER: &str = "setpoint";
/// How many objects of one kind are asked for at once.
const AT_ONCE: usize = 8;
/// What objects of other kinds need before them.
const DEFINITION: &str = "CustomResourceDefinition";

/// Why an object can't be applied or deleted.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {object}")]
pub struct ApplyError {
    doing: &'static str,
    object: String,
    #[source]
    source: kube::Error,
}

impl ApplyError {
    fn of(doing: &'static str, object: &ObjectRef) -> impl FnOnce(kube::Error) -> Self {
        let object = object.to_string();
        move |source| Self {
            doing,
            object,
            source,
        }
    }
}

/// Applies objects in an order that lets each find what it needs: namespaces and what pods mount first,
/// pods and what speaks to them last.
///
/// A caller sets the limit: it waits for as long as the API server takes to serve a CustomResourceDefinition.
///
/// # Errors
/// The first object that is refused.
pub async fn apply(client: &kube::Client, objects: &[Value]) -> Result<(), ApplyError> {
    let mut sorted: Vec<&Value> = objects.iter().filter(|object| object.is_object()).collect();
    sorted.sort_by_key(|object| rank(object["kind"].as_str().unwrap_or_default()));
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    for alike in sorted.chunk_by(|one, other| is_alike(one, other)) {
        let kind = Kind::of(client, alike, "apply").await?;
        let mut applying = Vec::new();
        for object in alike {
            applying.push(kind.apply(client, object, &parameters));
        }
        let mut applied = stream::iter(applying).buffered(AT_ONCE);
        while let Some(applied) = applied.next().await {
            applied?;
        }
        if alike
            .first()
            .is_some_and(|object| object["kind"] == DEFINITION)
        {
            for object in alike {
                let reference = ObjectRef::of(object);
                let failed = ApplyError::of("wait until it is served:", &reference);
                established(client, &reference.name).await.map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// Whether two objects are of one kind.
fn is_alike(one: &Value, other: &Value) -> bool {
    one["kind"] == other["kind"] && one["apiVersion"] == other["apiVersion"]
}

/// A kind that the API server serves.
struct Kind {
    resource: ApiResource,
    scope: Scope,
}

impl Kind {
    /// That of objects that are alike.
    async fn of(
        client: &kube::Client,
        alike: &[&Value],
        doing: &'static str,
    ) -> Result<Self, ApplyError> {
        let object = ObjectRef::of(alike.first().copied().unwrap_or(&Value::Null));
        let found = served(client, &object).await;
        found.map_err(ApplyError::of(doing, &object))
    }

    async fn apply(
        &self,
        client: &kube::Client,
        object: &Value,
        parameters: &PatchParams,
    ) -> Result<(), ApplyError> {
        let reference = ObjectRef::of(object);
        let api = self.api(client, &reference);
        let patch = Patch::Apply(object);
        let patched = api.patch(&reference.name, parameters, &patch).await;
        patched
            .map(drop)
            .map_err(ApplyError::of("apply", &reference))
    }

    async fn delete(&self, client: &kube::Client, object: &Value) -> Result<(), ApplyError> {
        let object = ObjectRef::of(object);
        let parameters = match object.kind.as_str() {
            "Deployment" => DeleteParams::foreground(),
            _ => DeleteParams::default(),
        };
        let api = self.api(client, &object);
        let deleted = api.delete(&object.name, &parameters).await;
        deleted.map(drop).map_err(ApplyError::of("delete", &object))
    }

    fn api(&self, client: &kube::Client, object: &ObjectRef) -> Api<DynamicObject> {
        let client = client.clone();
        match (&self.scope, &object.namespace) {
            (Scope::Cluster, _) => Api::all_with(client, &self.resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(client, namespace, &self.resource)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(client, &self.resource),
        }
    }
}

async fn served(client: &kube::Client, object: &ObjectRef) -> Result<Kind, kube::Error> {
    let ObjectRef {
        api_version, kind, ..
    } = object;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let (resource, capabilities): (ApiResource, _) =
        pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await?;
    Ok(Kind {
        resource,
        scope: capabilities.scope,
    })
}

/// Waits until objects of a CustomResourceDefinition can be written.
async fn established(client: &kube::Client, name: &str) -> Result<(), kube::Error> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let established = await_condition(definitions, name, is_crd_established()).await;
    let failed = |error| kube::Error::Service(Box::new(error));
    established.map(drop).map_err(failed)
}

/// Deletes an object.
///
/// # Errors
/// When there is none, or it can't be deleted.
pub(crate) async fn delete(client: &kube::Client, object: &ObjectRef) -> Result<(), ApplyError> {
    let deleted = async {
        let api = api_of(client, object).await?;
        api.delete(&object.name, &DeleteParams::default()).await
    };
    let failed = ApplyError::of("delete", object);
    deleted.await.map(drop).map_err(failed)
}

/// Deletes objects, all but Namespaces, in the order opposite to that of [`apply`]. What is gone already is well.
/// A Deployment stays until what it owns is gone, so that whoever waits for it meets none of its pods afterwards.
///
/// # Errors
/// The first object that can't be deleted.
pub(crate) async fn remove(client: &kube::Client, objects: &[Value]) -> Result<(), ApplyError> {
    let is_gone =
        |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 404);
    let mut sorted: Vec<&Value> = objects
        .iter()
        .filter(|object| object.is_object() && object["kind"] != "Namespace")
        .collect();
    sorted
        .sort_by_key(|object| std::cmp::Reverse(rank(object["kind"].as_str().unwrap_or_default())));
    for alike in sorted.chunk_by(|one, other| is_alike(one, other)) {
        let kind = match Kind::of(client, alike, "delete").await {
            // With its kind all objects are gone.
            Err(error) if is_gone(&error.source) => continue,
            kind => kind?,
        };
        let mut deleting = Vec::new();
        for object in alike {
            deleting.push(kind.delete(client, object));
        }
        let mut deleted = stream::iter(deleting).buffered(AT_ONCE);
        while let Some(deleted) = deleted.next().await {
            match deleted {
                Err(error) if !is_gone(&error.source) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" | DEFINITION => 0,
        "ServiceAccount" | "ConfigMap" | "Secret" | "Role" | "ClusterRole" => 1,
        "RoleBinding" | "ClusterRoleBinding" | "Service" => 2,
        "HorizontalPodAutoscaler" => 4,
        _ => 3,
    }
}

/// The API of what can't be selected by a label, such as events: in all namespaces, or in those of the holder, where
/// others use the cluster too.
pub(crate) fn in_own_namespaces<K>(cluster: &dyn Cluster) -> Vec<Api<K>>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match cluster.placement() {
        None => vec![Api::all(cluster.client())],
        Some(placement) => placement
            .namespaces()
            .map(|namespace| Api::namespaced(cluster.client(), &namespace))
            .collect(),
    }
}

/// The API of an object's kind.
///
/// # Errors
/// When the API server doesn't serve the kind, or not yet.
pub(crate) async fn api_of(
    client: &kube::Client,
    object: &ObjectRef,
) -> Result<Api<DynamicObject>, kube::Error> {
    Ok(served(client, object).await?.api(client, object))
}
