//! Custom resources.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionSpec,
};
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Client, ResourceExt};
use tokio::time::{interval, timeout};

/// How long the API server may take to serve a new type; it takes a fraction of a second.
const ESTABLISHED: Duration = Duration::from_secs(30);
/// How often it is looked whether it does.
const LOOKS: Duration = Duration::from_millis(20);
/// Who applies, for the API server's record of owned fields.
const FIELD_MANAGER: &str = "setpoint-cluster";

/// Why a type of custom resources is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrdError {
    /// The API server refused it.
    #[error("apply CustomResourceDefinition `{name}`")]
    Apply {
        /// The definition's name: plural and group.
        name: String,
        /// The API server's answer.
        #[source]
        source: kube::Error,
    },
    /// It can't be watched.
    #[error("watch CustomResourceDefinition `{name}`")]
    Watch {
        /// The definition's name.
        name: String,
        /// Why the watch failed.
        #[source]
        source: kube::runtime::wait::Error,
    },
    /// Its objects can't be listed.
    #[error("list the objects of CustomResourceDefinition `{name}`")]
    List {
        /// The definition's name.
        name: String,
        /// The API server's answer.
        #[source]
        source: kube::Error,
    },
    /// The API server took it and doesn't serve it.
    #[error("CustomResourceDefinition `{name}` is not Established, or not served, after {} s", limit.as_secs())]
    NotEstablished {
        /// The definition's name.
        name: String,
        /// How long it was waited for.
        limit: Duration,
    },
}

/// Applies definitions of custom resources, and returns when all of them are served.
///
/// # Errors
/// When one is refused, isn't served within 30 s, or its objects can't be asked for.
pub async fn install_crds(
    client: &Client,
    crds: impl IntoIterator<Item = CustomResourceDefinition>,
) -> Result<(), CrdError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let mut applied = Vec::new();
    for crd in crds {
        let name = crd.name_any();
        if let Err(source) = api.patch(&name, &parameters, &Patch::Apply(&crd)).await {
            return Err(CrdError::Apply { name, source });
        }
        applied.push(crd);
    }
    for crd in applied {
        let name = crd.name_any();
        let waited = timeout(ESTABLISHED, established_and_served(client, &api, &crd)).await;
        let late = |_| CrdError::NotEstablished {
            name,
            limit: ESTABLISHED,
        };
        waited.map_err(late)??;
    }
    Ok(())
}

/// Waits for the condition, and for the API server's own handler, which hears of the definition by a watch of its own.
async fn established_and_served(
    client: &Client,
    api: &Api<CustomResourceDefinition>,
    crd: &CustomResourceDefinition,
) -> Result<(), CrdError> {
    let name = crd.name_any();
    let established = await_condition(api.clone(), &name, is_crd_established()).await;
    if let Err(source) = established {
        return Err(CrdError::Watch { name, source });
    }
    let one = ListParams::default().limit(1);
    let mut looks = interval(LOOKS);
    for resource in served_versions(crd) {
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        loop {
            looks.tick().await;
            match objects.list(&one).await {
                Ok(_) => break,
                // Who may define them may not have to see them.
                Err(kube::Error::Api(status)) if status.code == 403 => break,
                Err(kube::Error::Api(status)) if is_for_now(status.code) => {}
                Err(source) => return Err(CrdError::List { name, source }),
            }
        }
    }
    Ok(())
}

/// Whether the API server answers otherwise soon: it doesn't know the type yet, or has no time.
fn is_for_now(code: u16) -> bool {
    matches!(code, 404 | 429 | 500..)
}

fn served_versions(crd: &CustomResourceDefinition) -> impl Iterator<Item = ApiResource> {
    let CustomResourceDefinitionSpec {
        group,
        names,
        versions,
        ..
    } = &crd.spec;
    let served = versions.iter().filter(|version| version.served);
    served.map(move |version| {
        let kind = GroupVersionKind::gvk(group, &version.name, &names.kind);
        ApiResource::from_gvk_with_plural(&kind, &names.plural)
    })
}
