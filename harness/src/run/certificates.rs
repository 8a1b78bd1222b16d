//! Steps that change the adapter's certificates, or end its pods.

use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use setpoint_cluster::{Flaw, Minted};
use tokio::time::{Instant, interval};

use super::steps::Stage;
use crate::pki::Leaf;
use crate::request::{Limit, call};
use crate::scenario::{BrokenPair, PkiStep, Restarted, Serving};
use crate::words as chain;

/// How long the adapter may take to serve with another pair; a real kubelet alone takes up to a minute.
const SERVED: Duration = Duration::from_secs(20);
/// How often its certificate is looked at.
const LOOKS: Duration = Duration::from_millis(50);

impl Stage {
    pub(super) async fn change_certificates(&self, step: &PkiStep) -> Result<(), String> {
        if let Some(authorities) = &step.ca_bundle {
            self.set_ca_bundle(authorities).await?;
        }
        match &step.serving {
            Some(serving) => self.set_serving_pair(serving).await,
            None => Ok(()),
        }
    }

    async fn set_ca_bundle(&self, authorities: &[String]) -> Result<(), String> {
        let mut bundle = String::new();
        for name in authorities {
            let certificate = self.kit.lock().await.certificate(name);
            bundle += &certificate.map_err(|error| format!("make authority {name}: {error}"))?;
        }
        let services: Api<APIService> = Api::all(self.scene.cluster.client());
        let all = ListParams::default();
        let list = call("list APIServices", services.list(&all)).await?;
        let ours = list.items.iter().filter(|service| {
            let reference = service.spec.as_ref().and_then(|spec| spec.service.as_ref());
            reference.and_then(|service| service.name.as_deref()) == Some(self.names.service)
        });
        let patch = Patch::Merge(json!({"spec": {"caBundle": ByteString(bundle.into_bytes())}}));
        for service in ours {
            let name = service.name_any();
            let parameters = PatchParams::default();
            let patched = services.patch(&name, &parameters, &patch);
            call(format!("change the caBundle of {name}"), patched).await?;
        }
        Ok(())
    }

    async fn set_serving_pair(&self, serving: &Serving) -> Result<(), String> {
        let (leaf, mut pair) = self.serving_pair(serving).await?;
        match serving.broken {
            None => {}
            Some(BrokenPair::Empty) => pair.certificate.clear(),
            Some(BrokenPair::Garbage) => pair.certificate = "no certificate\n".to_owned(),
            Some(BrokenPair::OtherKey) => pair.key = self.issue(serving, &leaf).await?.key,
        }
        let secrets: Api<Secret> =
            Api::namespaced(self.scene.cluster.client(), self.names.namespace);
        let data = json!({"data": {
            "tls.crt": ByteString(pair.certificate.clone().into_bytes()),
            "tls.key": ByteString(pair.key.into_bytes()),
        }});
        let name = self.names.serving_secret;
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(data));
        let patched = secrets.patch(name, &parameters, &patch);
        call(format!("change Secret {name}"), patched).await?;
        if serving.broken.is_some() {
            return Ok(());
        }
        let wanted = CertificateDer::from_pem_slice(pair.certificate.as_bytes())
            .map_err(|error| format!("read the new certificate: {error}"))?;
        self.served(&wanted).await
    }

    async fn serving_pair(&self, serving: &Serving) -> Result<(Leaf, Minted), String> {
        let server = self.scene.adapter.server();
        let names = match &serving.names {
            Some(names) => names.clone(),
            None if serving.common_name_only => Vec::new(),
            None => vec![server.clone()],
        };
        let leaf = Leaf {
            common_name: names.first().cloned().unwrap_or(server),
            names,
            client: false,
            flaw: serving.flaw.map(Flaw::from),
        };
        let pair = self.issue(serving, &leaf).await?;
        Ok((leaf, pair))
    }

    async fn issue(&self, serving: &Serving, leaf: &Leaf) -> Result<Minted, String> {
        let issued = self.kit.lock().await.issue(&serving.signed_by, leaf);
        issued.map_err(|error| format!("make a certificate: {error}"))
    }

    /// Waits until the adapter shows a certificate to new connections.
    async fn served(&self, wanted: &CertificateDer<'_>) -> Result<(), String> {
        let deadline = Instant::now() + SERVED;
        let mut looks = interval(LOOKS);
        loop {
            looks.tick().await;
            let limit = Limit::of_answer(Some(deadline));
            let seen = match self.scene.adapter.shown_certificate(limit).await {
                Ok(shown) if shown.as_ref() == wanted.as_ref() => return Ok(()),
                Ok(_) => "it still shows the one before".to_owned(),
                Err(error) => chain(&error),
            };
            if Instant::now() > deadline {
                return Err(format!(
                    "the adapter doesn't serve with its new pair within {SERVED:?}: {seen}"
                ));
            }
        }
    }

    pub(super) async fn restart(&self, restarted: Restarted) -> Result<(), String> {
        let Restarted::Adapter = restarted;
        let pods: Api<Pod> = Api::namespaced(self.scene.cluster.client(), self.names.namespace);
        let all = ListParams::default();
        let list = call("list the adapter's pods", pods.list(&all)).await?;
        let is_adapter = |pod: &&Pod| {
            let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice());
            let mut containers = containers.unwrap_or_default().iter();
            containers.any(|container| container.name == "adapter")
        };
        for pod in list.iter().filter(is_adapter) {
            let (name, parameters) = (pod.name_any(), DeleteParams::default());
            let deleted = pods.delete(&name, &parameters);
            call(format!("delete pod {name}"), deleted).await?;
        }
        Ok(())
    }
}
