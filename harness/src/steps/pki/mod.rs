//! Changes certificates: the adapter's, and those of the authorities that it trusts.

mod authorities;
mod serving;
mod sni;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use setpoint_cluster::Flaw;

use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, Place};
use crate::outcome::Unmet;

use serving::Serving;
use sni::Sni;

/// Certificates from authorities that the scenario names; they are made when first named.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PkiStep {
    /// The authorities in the caBundle of the adapter's APIServices.
    pub ca_bundle: Option<Vec<String>>,
    /// The authorities of front proxies beside the cluster's own, in ConfigMap kube-system/extension-apiserver-authentication. The
    /// API server puts its own back wherever they are missing.
    pub front_proxy_ca: Option<Vec<String>>,
    /// The authorities of clients beside the cluster's own, in the same ConfigMap.
    pub client_ca: Option<Vec<String>>,
    /// The adapter's serving pair. The step ends when the adapter shows it, unless it is broken.
    pub serving: Option<Serving>,
    /// A further pair of the adapter, for clients that ask for its names. The adapter's Deployment gets it by the flag `--tls-sni-cert-key`, and the
    /// step ends when a new pod shows it.
    pub sni: Option<Sni>,
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
    /// It is signed by SHA-1.
    Sha1Signature,
}

shown_as_written!(CertificateFlaw);

impl From<CertificateFlaw> for Flaw {
    fn from(flaw: CertificateFlaw) -> Self {
        match flaw {
            CertificateFlaw::Expired => Self::Expired,
            CertificateFlaw::NotYetValid => Self::NotYetValid,
            CertificateFlaw::WrongUsage => Self::WrongUsage,
            CertificateFlaw::Sha1Signature => Self::Sha1Signature,
        }
    }
}

impl Play for PkiStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        let authorities = [&self.ca_bundle, &self.front_proxy_ca, &self.client_ca];
        let has_pair = self.serving.is_some() || self.sni.is_some();
        if authorities.iter().all(|named| named.is_none()) && !has_pair {
            let problem = "change the `caBundle`, the `serving` pair, the `sni` pair, `frontProxyCa` or `clientCa`";
            checks.at(place, problem);
        }
    }

    fn describe(&self) -> String {
        let authorities = [
            (&self.ca_bundle, "caBundle of"),
            (&self.front_proxy_ca, "front-proxy CAs: the cluster's and"),
            (&self.client_ca, "client CAs: the cluster's and"),
        ];
        let described = authorities.into_iter().filter_map(|(named, what)| {
            let names = match named.as_deref()? {
                [] => "no other".to_owned(),
                names => names.join(" and "),
            };
            Some(format!("{what} {names}"))
        });
        let serving = self.serving.as_ref().map(Serving::describe);
        let sni = self.sni.as_ref().map(Sni::describe);
        let parts: Vec<String> = described.chain(serving).chain(sni).collect();
        parts.join(", ")
    }

    fn disturbs_adapter(&self, _namespace: &str) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs {
            own_trust: self.front_proxy_ca.is_some() || self.client_ca.is_some(),
            sni_pairs: self.sni.is_some(),
            ..Needs::OWN_ADAPTER
        }
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            context.change_certificates(self).await?;
            Ok(None)
        })
    }
}

impl StepContext {
    async fn change_certificates(&self, step: &PkiStep) -> Result<(), Unmet> {
        if let Some(authorities) = &step.ca_bundle {
            self.set_ca_bundle(authorities).await?;
        }
        self.set_trusted(step).await?;
        if let Some(serving) = &step.serving {
            self.set_serving_pair(serving).await?;
        }
        match &step.sni {
            Some(sni) => self.set_sni_pair(sni).await,
            None => Ok(()),
        }
    }
}
