//! Custom resources.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Client, ResourceExt};
use tokio::time::timeout;

/// How long the API server may take to serve a new type; it takes a fraction of a second.
const ESTABLISHED: Duration = Duration::from_secs(30);
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
    /// The API server took it and doesn't serve it.
    #[error("CustomResourceDefinition `{name}` is not Established after {} s", limit.as_secs())]
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
/// When one is refused, or isn't Established within 30 s.
pub async fn install_crds(
    client: &Client,
    crds: impl IntoIterator<Item = CustomResourceDefinition>,
) -> Result<(), CrdError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let mut names = Vec::new();
    for crd in crds {
        let name = crd.name_any();
        let applied = api.patch(&name, &parameters, &Patch::Apply(&crd)).await;
        if let Err(source) = applied {
            return Err(CrdError::Apply { name, source });
        }
        names.push(name);
    }
    for name in names {
        let established = await_condition(api.clone(), &name, is_crd_established());
        match timeout(ESTABLISHED, established).await {
            Ok(Ok(_)) => {}
            Ok(Err(source)) => return Err(CrdError::Watch { name, source }),
            Err(_) => {
                return Err(CrdError::NotEstablished {
                    name,
                    limit: ESTABLISHED,
                });
            }
        }
    }
    Ok(())
}
