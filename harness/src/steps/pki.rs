//! Changes certificates: the adapter's, and those of the authorities that it trusts.

use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use setpoint_cluster::{Flaw, Minted};

use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, Place};
use crate::outcome::{Finding, Kind, Unmet};
use crate::pki::Leaf;
use crate::request::{Limit, not_made};
use crate::wait::Wait;

/// The pause before its certificate is looked at again.
const PAUSE: Duration = Duration::from_millis(50);
/// Where the API server says whom to trust: namespace and name.
const TRUST: (&str, &str) = ("kube-system", "extension-apiserver-authentication");

/// Certificates from authorities that the scenario names; they are made when first named.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PkiStep {
    /// The authorities in the caBundle of the adapter's APIServices.
    pub ca_bundle: Option<Vec<String>>,
    /// The authorities of front proxies beside the cluster's own, in ConfigMap kube-system/extension-apiserver-authentication. The
    /// API server puts its own back wherever they are missing.
    pub front_proxy_ca: Option<Vec<String>>,
    /// The same of clients.
    pub client_ca: Option<Vec<String>>,
    /// The adapter's serving pair. The step ends when the adapter shows it, unless it is broken.
    pub serving: Option<Serving>,
}

/// A serving pair.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Serving {
    /// The authority.
    pub signed_by: String,
    /// DNS names; by default that of the adapter's Service, `<service>.<namespace>.svc`.
    pub names: Option<Vec<String>>,
    /// The Service's name only as the subject's CN, as certificates were made once.
    #[serde(default)]
    pub common_name_only: bool,
    /// What becomes of an authority between `signedBy` and the certificate; by default there is none.
    pub intermediate: Option<Intermediate>,
    /// What is wrong with the certificate.
    pub flaw: Option<CertificateFlaw>,
    /// What is wrong with the files.
    pub broken: Option<BrokenPair>,
}

/// What becomes of an intermediate authority's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Intermediate {
    /// The file has it behind the adapter's own.
    Sent,
    /// The file doesn't have it.
    LeftOut,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateFlaw {
    /// Its time is over.
    Expired,
    /// Its time is still to come.
    NotYetValid,
    /// It is for clients where it should be for servers, or the other way round.
    WrongUsage,
}

/// What is wrong with a pair of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BrokenPair {
    /// The certificate's file is empty, as in the middle of a renewal.
    Empty,
    /// The key is another certificate's.
    OtherKey,
    /// The certificate's file holds something else.
    Garbage,
}

shown_as_written!(CertificateFlaw, BrokenPair, Intermediate);

impl From<CertificateFlaw> for Flaw {
    fn from(flaw: CertificateFlaw) -> Self {
        match flaw {
            CertificateFlaw::Expired => Self::Expired,
            CertificateFlaw::NotYetValid => Self::NotYetValid,
            CertificateFlaw::WrongUsage => Self::WrongUsage,
        }
    }
}

/// The adapter serves with another pair than the new one.
#[derive(Debug, thiserror::Error)]
#[error("it still shows the one before")]
struct OtherPair;

impl Finding for OtherPair {
    fn kind(&self) -> Kind {
        Kind::UnexpectedCertificate
    }
}

impl Play for PkiStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        let authorities = [&self.ca_bundle, &self.front_proxy_ca, &self.client_ca];
        if authorities.iter().all(|named| named.is_none()) && self.serving.is_none() {
            let problem = "change the `caBundle`, the `serving` pair, `frontProxyCa` or `clientCa`";
            checks.at(place, problem);
        }
    }

    fn describe(&self) -> String {
        let authorities = [
            (&self.ca_bundle, "caBundle of"),
            (&self.front_proxy_ca, "front-proxy CA and"),
            (&self.client_ca, "client CA and"),
        ];
        let described = authorities.into_iter().filter_map(|(named, what)| {
            let names = match named.as_deref()? {
                [] => "none".to_owned(),
                names => names.join(" and "),
            };
            Some(format!("{what} {names}"))
        });
        let serving = self.serving.as_ref().map(Serving::describe);
        let parts: Vec<String> = described.chain(serving).collect();
        parts.join(", ")
    }

    fn needs(&self) -> Needs {
        Needs::OWN_ADAPTER
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            context.change_certificates(self).await?;
            Ok(None)
        })
    }
}

impl Serving {
    fn describe(&self) -> String {
        let names = self.names.as_ref();
        let names = names.map_or_else(String::new, |names| format!(" for {}", names.join(", ")));
        let through = self.intermediate;
        let through = through.map_or_else(String::new, |it| format!(", its intermediate {it}"));
        let wrong = match (self.flaw, self.broken) {
            (Some(flaw), _) => format!(", {flaw}"),
            (_, Some(broken)) => format!(", broken: {broken}"),
            _ => String::new(),
        };
        format!("serving pair by {}{names}{through}{wrong}", self.signed_by)
    }
}

impl StepContext {
    async fn change_certificates(&self, step: &PkiStep) -> Result<(), Unmet> {
        if let Some(authorities) = &step.ca_bundle {
            self.set_ca_bundle(authorities).await?;
        }
        self.set_trusted(step).await?;
        match &step.serving {
            Some(serving) => self.set_serving_pair(serving).await,
            None => Ok(()),
        }
    }

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
    async fn set_trusted(&self, step: &PkiStep) -> Result<(), Unmet> {
        let changes = [
            ("requestheader-client-ca-file", &step.front_proxy_ca),
            ("client-ca-file", &step.client_ca),
        ];
        let maps: Api<ConfigMap> = Api::namespaced(self.expect.cluster.client(), TRUST.0);
        let timeouts = &self.expect.timeouts;
        for (key, named) in changes {
            let Some(named) = named else { continue };
            let doing = format!("read ConfigMap {}/{}", TRUST.0, TRUST.1);
            let map = timeouts.call(doing, maps.get(TRUST.1)).await?;
            let mut bundle = map.data.unwrap_or_default().remove(key).unwrap_or_default();
            for certificate in self.authorities.lock().await.certificates() {
                bundle = bundle.replace(certificate.trim(), "");
            }
            bundle = format!("{}\n{}", bundle.trim(), self.bundle(named).await?);
            let patch = Patch::Merge(json!({"data": {key: bundle}}));
            let parameters = PatchParams::default();
            let patched = maps.patch(TRUST.1, &parameters, &patch);
            timeouts
                .call(format!("change {key} of ConfigMap {}", TRUST.1), patched)
                .await?;
        }
        Ok(())
    }

    async fn set_ca_bundle(&self, authorities: &[String]) -> Result<(), Unmet> {
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

    async fn set_serving_pair(&self, serving: &Serving) -> Result<(), Unmet> {
        let (leaf, mut pair) = self.serving_pair(serving).await?;
        match serving.broken {
            None => {}
            Some(BrokenPair::Empty) => pair.certificate.clear(),
            Some(BrokenPair::Garbage) => pair.certificate = "no certificate\n".to_owned(),
            Some(BrokenPair::OtherKey) => pair.key = self.issue(serving, &leaf).await?.key,
        }
        let secrets: Api<Secret> =
            Api::namespaced(self.expect.cluster.client(), &self.names.namespace);
        let data = json!({"data": {
            "tls.crt": ByteString(pair.certificate.clone().into_bytes()),
            "tls.key": ByteString(pair.key.into_bytes()),
        }});
        let name = self.names.serving_secret;
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(data));
        let patched = secrets.patch(name, &parameters, &patch);
        self.expect
            .timeouts
            .call(format!("change Secret {name}"), patched)
            .await?;
        if serving.broken.is_some() {
            return Ok(());
        }
        let wanted = CertificateDer::from_pem_slice(pair.certificate.as_bytes())
            .map_err(not_made("read the new certificate"))?;
        self.served(&wanted).await
    }

    async fn serving_pair(&self, serving: &Serving) -> Result<(Leaf, Minted), Unmet> {
        let server = self.expect.adapter.server();
        let names = match &serving.names {
            Some(names) => names.clone(),
            None if serving.common_name_only => Vec::new(),
            None => vec![server.clone()],
        };
        let leaf = Leaf {
            common_name: names.first().cloned().unwrap_or(server),
            names,
            organizations: Vec::new(),
            client: false,
            flaw: serving.flaw.map(Flaw::from),
        };
        let pair = self.issue(serving, &leaf).await?;
        Ok((leaf, pair))
    }

    async fn issue(&self, serving: &Serving, leaf: &Leaf) -> Result<Minted, Unmet> {
        let mut authorities = self.authorities.lock().await;
        let authority = &serving.signed_by;
        let issued = match serving.intermediate {
            None => authorities.issue(authority, leaf),
            Some(intermediate) => {
                let through = authorities.issue_through(authority, leaf);
                through.map(|(mut pair, between)| {
                    if intermediate == Intermediate::Sent {
                        pair.certificate += &between;
                    }
                    pair
                })
            }
        };
        Ok(issued.map_err(not_made("make a certificate"))?)
    }

    /// Waits until the adapter shows a certificate to new connections.
    async fn served(&self, wanted: &CertificateDer<'_>) -> Result<(), Unmet> {
        let timeouts = &self.expect.timeouts;
        let limit = Limit::of(timeouts.state);
        let ask = || async move {
            let limit = timeouts.limit_of_answer(Some(limit.ends()));
            let shown = self.expect.adapter.shown_certificate(limit).await?;
            if shown.as_ref() == wanted.as_ref() {
                Ok(())
            } else {
                Err(OtherPair.into())
            }
        };
        let what = "the adapter serves with its new pair".to_owned();
        Wait::until(what, timeouts.state).asking(PAUSE, ask).await
    }
}
