//! The adapter, reached without the API server between.

use std::sync::Arc;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use rustls_pki_types::CertificateDer;
use setpoint_cluster::{Cluster, Target};

use super::route::{Destination, Route};
use super::tls::{client_config, client_config_without_verification, roots};
use super::{Answer, Identity, Question, RequestError, failed};

/// The adapter, reached without the API server between.
pub struct Adapter {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    service: String,
}

impl Adapter {
    /// The adapter behind a Service.
    #[must_use]
    pub fn new(cluster: Arc<dyn Cluster>, namespace: &str, service: &str) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            service: service.to_owned(),
        }
    }

    /// Asks a pod of the adapter. Its certificate is verified as the API server does: against the caBundle
    /// of the APIService, for the Service's name.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, question: &Question) -> Result<Answer, RequestError> {
        self.route(&question.identity).await?.ask(question).await
    }

    /// The way to the adapter as it is now, for many questions of one identity.
    ///
    /// # Errors
    /// When there is none.
    pub async fn route(&self, identity: &Identity) -> Result<Route, RequestError> {
        let tls = client_config(&*self.cluster, identity, self.ca_bundle().await?).await?;
        Ok(Route {
            cluster: self.cluster.clone(),
            to: Destination::Pod(self.pod().await?),
            server: self.server(),
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
        })
    }

    /// The name that the API server expects in the adapter's certificate.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// The leaf of the certificate chain that the adapter shows to a new connection, whatever it is worth.
    ///
    /// # Errors
    /// When it shows none.
    pub async fn shown_certificate(&self) -> Result<CertificateDer<'static>, RequestError> {
        let tls = client_config_without_verification()?;
        let route = Route {
            cluster: self.cluster.clone(),
            to: Destination::Pod(self.pod().await?),
            server: self.server(),
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
        };
        let stream = route.connect().await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let leaf = shown.first().cloned();
        leaf.ok_or_else(|| failed("see the adapter's certificate")("it shows none"))
    }

    async fn pod(&self) -> Result<Target, RequestError> {
        let client = self.cluster.client();
        let within = std::time::Duration::from_secs(10);
        let pod = crate::expect::ready_pod(&client, &self.namespace, "adapter", within);
        Ok(Target::Pod {
            namespace: self.namespace.clone(),
            name: pod.await.map_err(failed("find a pod of the adapter"))?,
        })
    }

    async fn ca_bundle(&self) -> Result<rustls::RootCertStore, RequestError> {
        let services: Api<APIService> = Api::all(self.cluster.client());
        let list = services
            .list(&kube::api::ListParams::default())
            .await
            .map_err(failed("list APIServices"))?;
        let specs = list.items.into_iter().filter_map(|service| service.spec);
        let is_ours = |spec: &k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIServiceSpec| {
            spec.service.as_ref().is_some_and(|service| service.name.as_deref() == Some(&self.service))
        };
        let bundle = specs
            .filter(is_ours)
            .find_map(|spec| spec.ca_bundle)
            .unwrap_or_default();
        roots(&bundle.0)
    }
}
