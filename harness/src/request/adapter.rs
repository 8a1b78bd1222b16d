//! The adapter, reached without the API server between.

use std::sync::Arc;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt as _};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use setpoint_cluster::{Cluster, Target};

use super::route::{Destination, Route, TlsRoute};
use super::tls::{client_config, client_config_without_verification, roots};
use super::{Answer, Identity, Limit, Question};
use crate::outcome::{Finding, Kind, Owner, Unmet};
use crate::timeouts::Timeouts;
use crate::wait::ready_adapter;

/// The port that the product's adapter serves on (`adapter/deploy`).
const PORT: u16 = 6443;

/// The adapter's TLS handshake shows no certificate.
#[derive(Debug, thiserror::Error)]
#[error("see the adapter's certificate: it shows none")]
struct NoCertificate;

impl Finding for NoCertificate {
    fn kind(&self) -> Kind {
        Kind::UnexpectedCertificate
    }
}

/// The adapter, reached without the API server between.
pub(crate) struct Adapter {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    service: String,
    timeouts: Timeouts,
}

impl Adapter {
    /// The adapter behind a Service.
    #[must_use]
    pub(crate) fn new(
        cluster: Arc<dyn Cluster>,
        namespace: &str,
        service: &str,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            timeouts,
        }
    }

    /// Asks a pod of the adapter. Its certificate is verified as the API server does: against the caBundle
    /// of the APIService, for the Service's name.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub(crate) async fn ask(&self, question: &Question, limit: Limit) -> Result<Answer, Unmet> {
        let route = self.route(&question.identity, limit).await?;
        route.ask(question, limit).await
    }

    /// The way to the adapter as it is now, for many questions of one identity.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn route(&self, identity: &Identity, limit: Limit) -> Result<Route, Unmet> {
        let roots = self.ca_bundle().await?;
        let tls = client_config(&*self.cluster, identity, roots, limit).await?;
        Ok(Route::Tls(self.route_by(tls, limit).await?))
    }

    /// The name that the API server expects in the adapter's certificate.
    #[must_use]
    pub(crate) fn server(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// The leaf of the certificate chain that the adapter shows to a new connection that asks for this name, or for none, whatever it is worth.
    ///
    /// # Errors
    /// When it shows none in time.
    pub(crate) async fn shown_certificate(
        &self,
        asked: Option<&str>,
        limit: Limit,
    ) -> Result<CertificateDer<'static>, Unmet> {
        let mut tls = client_config_without_verification()?;
        tls.enable_sni = asked.is_some();
        let mut route = self.route_by(tls, limit).await?;
        if let Some(name) = asked {
            name.clone_into(&mut route.server);
        }
        let stream = route.connect(limit).await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let leaf = shown.first().cloned();
        Ok(leaf.ok_or(NoCertificate)?)
    }

    async fn route_by(&self, tls: ClientConfig, limit: Limit) -> Result<TlsRoute, Unmet> {
        Ok(TlsRoute {
            cluster: self.cluster.clone(),
            asked: Owner::Adapter,
            to: Destination::Target(self.pod(limit).await?, PORT),
            server: self.server(),
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
        })
    }

    async fn pod(&self, limit: Limit) -> Result<Target, Unmet> {
        let client = self.cluster.client();
        let pod = ready_adapter(&client, &self.namespace, limit.left(), &self.timeouts).await?;
        Ok(Target::Pod {
            namespace: self.namespace.clone(),
            name: pod.name_any(),
        })
    }

    async fn ca_bundle(&self) -> Result<rustls::RootCertStore, Unmet> {
        let services: Api<APIService> = Api::all(self.cluster.client());
        let all = kube::api::ListParams::default();
        let list = self
            .timeouts
            .call("list APIServices", services.list(&all))
            .await?;
        let specs = list.items.into_iter().filter_map(|service| service.spec);
        let is_ours = |spec: &k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIServiceSpec| {
            spec.service.as_ref().is_some_and(|service| {
                service.name.as_deref() == Some(&self.service)
                    && service.namespace.as_deref() == Some(&self.namespace)
            })
        };
        let bundle = specs
            .filter(is_ours)
            .find_map(|spec| spec.ca_bundle)
            .unwrap_or_default();
        Ok(roots(&bundle.0)?)
    }
}
