//! Server-side apply of any object.

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use kube::discovery::{Scope, pinned_kind};
use serde_json::Value;

use crate::format::ObjectRef;

/// Whose fields they are.
const FIELD_MANAGER: &str = "setpoint";

/// Why an object can't be applied.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {object}")]
pub struct ApplyError {
    doing: &'static str,
    object: String,
    #[source]
    source: kube::Error,
}

/// Applies objects in an order that lets each find what it needs: namespaces and what pods mount first,
/// pods and what speaks to them last.
///
/// # Errors
/// The first object that is refused.
pub async fn apply(client: &kube::Client, objects: &[Value]) -> Result<(), ApplyError> {
    let mut sorted: Vec<&Value> = objects.iter().filter(|object| object.is_object()).collect();
    sorted.sort_by_key(|object| rank(object["kind"].as_str().unwrap_or_default()));
    for object in sorted {
        let name = text(object, "/metadata/name");
        let shown = format!("{} {name}", text(object, "/kind"));
        let failed = |source| ApplyError {
            doing: "apply",
            object: shown.clone(),
            source,
        };
        let namespace = object
            .pointer("/metadata/namespace")
            .and_then(Value::as_str);
        let api = api(
            client,
            &text(object, "/apiVersion"),
            &text(object, "/kind"),
            namespace,
        )
        .await
        .map_err(failed)?;
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch(&name, &parameters, &Patch::Apply(object))
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// Deletes an object.
///
/// # Errors
/// When there is none, or it can't be deleted.
pub async fn delete(client: &kube::Client, object: &ObjectRef) -> Result<(), ApplyError> {
    delete_with(client, object, &DeleteParams::default()).await
}

async fn delete_with(
    client: &kube::Client,
    object: &ObjectRef,
    parameters: &DeleteParams,
) -> Result<(), ApplyError> {
    let shown = format!("{} {}", object.kind, object.name);
    let failed = |source| ApplyError {
        doing: "delete",
        object: shown.clone(),
        source,
    };
    let api = api_of(client, object).await.map_err(failed)?;
    api.delete(&object.name, parameters).await.map_err(failed)?;
    Ok(())
}

/// Deletes objects, all but Namespaces, in the order opposite to that of [`apply`]. What is gone already is well.
/// A Deployment stays until what it owns is gone, so that whoever waits for it meets none of its pods afterwards.
///
/// # Errors
/// The first object that can't be deleted.
pub async fn remove(client: &kube::Client, objects: &[Value]) -> Result<(), ApplyError> {
    let is_gone =
        |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 404);
    let mut sorted: Vec<&Value> = objects
        .iter()
        .filter(|object| object.is_object() && object["kind"] != "Namespace")
        .collect();
    sorted
        .sort_by_key(|object| std::cmp::Reverse(rank(object["kind"].as_str().unwrap_or_default())));
    for object in sorted {
        let object = ObjectRef {
            api_version: text(object, "/apiVersion"),
            kind: text(object, "/kind"),
            namespace: object
                .pointer("/metadata/namespace")
                .and_then(Value::as_str)
                .map(str::to_owned),
            name: text(object, "/metadata/name"),
        };
        let parameters = match object.kind.as_str() {
            "Deployment" => DeleteParams::foreground(),
            _ => DeleteParams::default(),
        };
        match delete_with(client, &object, &parameters).await {
            Err(error) if !is_gone(&error.source) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "ServiceAccount" | "ConfigMap" | "Secret" | "Role" | "ClusterRole" => 1,
        "RoleBinding" | "ClusterRoleBinding" | "Service" => 2,
        "HorizontalPodAutoscaler" => 4,
        _ => 3,
    }
}

fn text(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The API of an object's kind.
///
/// # Errors
/// When the API server doesn't serve the kind, or not yet.
pub(crate) async fn api_of(
    client: &kube::Client,
    object: &ObjectRef,
) -> Result<Api<DynamicObject>, kube::Error> {
    let ObjectRef {
        api_version,
        kind,
        namespace,
        ..
    } = object;
    api(client, api_version, kind, namespace.as_deref()).await
}

async fn api(
    client: &kube::Client,
    api_version: &str,
    kind: &str,
    namespace: Option<&str>,
) -> Result<Api<DynamicObject>, kube::Error> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let (resource, capabilities): (ApiResource, _) =
        pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await?;
    Ok(match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            Api::namespaced_with(client.clone(), namespace.unwrap_or("default"), &resource)
        }
    })
}
