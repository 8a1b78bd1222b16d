//! Whom the API server and the adapter trust.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::PkiStep;
use crate::outcome::Unmet;
use crate::request::not_made;
use crate::steps::context::StepContext;

/// Where the API server says whose certificates to take: namespace and name.
const TRUST: (&str, &str) = ("kube-system", "extension-apiserver-authentication");

impl StepContext {
    /// The CA certificates of authorities.
    async fn bundle(&self, authorities: &[String]) -> Result<String, Unmet> {
        let mut bundle = String::new();
        for name in authorities {
            let certificate = self.authorities.lock().await.certificate(name);
            bundle += &certificate.map_err(not_made(format!("make authority {name}")))?;
        }
        Ok(bundle)
    }

    /// Changes whom the API server says to trust.
    pub(super) async fn set_trusted(&self, step: &PkiStep) -> Result<(), Unmet> {
        let changes = [
            ("requestheader-client-ca-file", &step.front_proxy_ca),
            ("client-ca-file", &step.client_ca),
        ];
        if changes.iter().all(|(_, named)| named.is_none()) {
            return Ok(());
        }
        let maps: Api<ConfigMap> = Api::namespaced(self.expect.cluster.client(), TRUST.0);
        let timeouts = &self.expect.timeouts;
        let doing = |what: &str| format!("{what} ConfigMap {}/{}", TRUST.0, TRUST.1);
        let map = timeouts.call(doing("read"), maps.get(TRUST.1)).await?;
        let told = map.data.unwrap_or_default();
        let mut data = BTreeMap::new();
        for (key, named) in changes {
            let Some(named) = named else { continue };
            let mut bundle = told.get(key).cloned().unwrap_or_default();
            for certificate in self.authorities.lock().await.certificates() {
                bundle = bundle.replace(certificate.trim(), "");
            }
            bundle = format!("{}\n{}", bundle.trim(), self.bundle(named).await?);
            data.insert(key, bundle);
        }
        let patch = Patch::Merge(json!({"data": data}));
        let parameters = PatchParams::default();
        let patched = maps.patch(TRUST.1, &parameters, &patch);
        timeouts.call(doing("change"), patched).await?;
        Ok(())
    }

    pub(super) async fn set_ca_bundle(&self, authorities: &[String]) -> Result<(), Unmet> {
        let bundle = self.bundle(authorities).await?;
        let services: Api<APIService> = Api::all(self.expect.cluster.client());
        let all = ListParams::default();
        let list = self
            .expect
            .timeouts
            .call("list APIServices", services.list(&all))
            .await?;
        let ours = list.items.iter().filter(|service| {
            let reference = service.spec.as_ref().and_then(|spec| spec.service.as_ref());
            reference.and_then(|service| service.name.as_deref()) == Some(self.names.service)
        });
        let patch = Patch::Merge(json!({"spec": {"caBundle": ByteString(bundle.into_bytes())}}));
        for service in ours {
            let name = service.name_any();
            let parameters = PatchParams::default();
            let patched = services.patch(&name, &parameters, &patch);
            self.expect
                .timeouts
                .call(format!("change the caBundle of {name}"), patched)
                .await?;
        }
        Ok(())
    }
}
