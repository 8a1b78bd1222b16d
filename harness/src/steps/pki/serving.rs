//! The adapter's serving pair.

use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use setpoint_cluster::{Flaw, Minted};

use super::CertificateFlaw;
use crate::outcome::{Finding, Kind, Unmet};
use crate::pki::Leaf;
use crate::request::{Limit, not_made};
use crate::steps::context::StepContext;
use crate::wait::Wait;

/// The pause before its certificate is looked at again.
const PAUSE: Duration = Duration::from_millis(50);

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

shown_as_written!(BrokenPair, Intermediate);

/// The adapter serves with another pair than the new one.
#[derive(Debug, thiserror::Error)]
#[error("it shows another one")]
struct OtherPair;

impl Finding for OtherPair {
    fn kind(&self) -> Kind {
        Kind::UnexpectedCertificate
    }
}

impl Serving {
    pub(super) fn describe(&self) -> String {
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
    pub(super) async fn set_serving_pair(&self, serving: &Serving) -> Result<(), Unmet> {
        let (leaf, mut pair) = self.serving_pair(serving).await?;
        match serving.broken {
            None => {}
            Some(BrokenPair::Empty) => pair.certificate.clear(),
            Some(BrokenPair::Garbage) => pair.certificate = "no certificate\n".to_owned(),
            Some(BrokenPair::OtherKey) => pair.key = self.issue(serving, &leaf).await?.key,
        }
        self.write_pair(("tls.crt", "tls.key"), &pair).await?;
        if serving.broken.is_some() {
            return Ok(());
        }
        let wanted = CertificateDer::from_pem_slice(pair.certificate.as_bytes())
            .map_err(not_made("read the new certificate"))?;
        let server = self.expect.adapter.server();
        self.served(&wanted, &server).await
    }

    /// Writes a pair into the Secret of the serving pair, by the keys of certificate and key.
    pub(super) async fn write_pair(
        &self,
        (certificate, key): (&str, &str),
        pair: &Minted,
    ) -> Result<(), Unmet> {
        let client = self.expect.cluster.client();
        let secrets: Api<Secret> = Api::namespaced(client, &self.names.namespace);
        let data = json!({"data": {
            certificate: ByteString(pair.certificate.clone().into_bytes()),
            key: ByteString(pair.key.clone().into_bytes()),
        }});
        let name = self.names.serving_secret;
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(data));
        let patched = secrets.patch(name, &parameters, &patch);
        let doing = format!("change Secret {name}");
        self.expect.timeouts.call(doing, patched).await?;
        Ok(())
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

    /// Waits until the adapter shows a certificate to new connections that ask for a name.
    pub(super) async fn served(
        &self,
        wanted: &CertificateDer<'_>,
        asked: &str,
    ) -> Result<(), Unmet> {
        let timeouts = &self.expect.timeouts;
        let limit = Limit::of(timeouts.state);
        let ask = || async move {
            let limit = timeouts.limit_of_answer(Some(limit.ends()));
            let adapter = &self.expect.adapter;
            let shown = adapter.shown_certificate(Some(asked), limit).await?;
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
