//! A further serving pair of the adapter, for clients that ask for its names.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PodSpec, Volume};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::outcome::Unmet;
use crate::pki::Leaf;
use crate::request::not_made;
use crate::steps::context::StepContext;
use crate::wait::ADAPTER;

/// The keys of the pair in the Secret of the serving pair, and the names of its files.
const CERTIFICATE: &str = "sni.crt";
const KEY: &str = "sni.key";

/// A serving pair for names.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sni {
    /// The authority.
    pub signed_by: String,
    /// Its DNS name; by default that of the adapter's Service, `<service>.<namespace>.svc`.
    pub name: Option<String>,
}

/// The adapter can't be given a further pair.
#[derive(Debug, thiserror::Error)]
enum NoPlace {
    #[error("container `{ADAPTER}` of {deployment} mounts no Secret {secret}")]
    NotMounted {
        deployment: String,
        secret: &'static str,
    },
    #[error("no Deployment in namespace {namespace} has a container `{ADAPTER}`")]
    NoDeployment { namespace: String },
}

impl Sni {
    pub(super) fn describe(&self) -> String {
        let name = self.name.as_ref();
        let name = name.map_or_else(String::new, |name| format!(" for {name}"));
        format!("further pair by {}{name}", self.signed_by)
    }
}

impl StepContext {
    pub(super) async fn set_sni_pair(&self, sni: &Sni) -> Result<(), Unmet> {
        let name = sni.name.clone();
        let name = name.unwrap_or_else(|| self.expect.adapter.server());
        let leaf = Leaf {
            common_name: name.clone(),
            names: vec![name.clone()],
            organizations: Vec::new(),
            client: false,
            flaw: None,
        };
        let issued = self.authorities.lock().await.issue(&sni.signed_by, &leaf);
        let pair = issued.map_err(not_made("make a certificate"))?;
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes())
            .map_err(not_made("read the new certificate"))?;
        self.write_pair((CERTIFICATE, KEY), &pair).await?;
        self.add_sni_flag().await?;
        self.served(&certificate, &name).await
    }

    /// Gives the adapter's container the flag, unless it has it.
    async fn add_sni_flag(&self) -> Result<(), Unmet> {
        let timeouts = &self.expect.timeouts;
        let client = self.expect.cluster.client();
        let deployments: Api<Deployment> = Api::namespaced(client, &self.names.namespace);
        let all = ListParams::default();
        let list = timeouts.call("list the adapter's Deployments", deployments.list(&all));
        let mut has_adapter = false;
        for deployment in list.await? {
            let name = deployment.name_any();
            let Some(spec) = deployment.spec.template.spec else {
                continue;
            };
            let Some(adapter) = spec.containers.iter().find(|found| found.name == ADAPTER) else {
                continue;
            };
            has_adapter = true;
            let secret = self.names.serving_secret;
            let folder = mounted_at(&spec, secret).ok_or_else(|| NoPlace::NotMounted {
                deployment: name.clone(),
                secret,
            });
            let folder = folder.map_err(not_made("give the adapter a further pair"))?;
            let flag = format!("--tls-sni-cert-key={folder}/{CERTIFICATE},{folder}/{KEY}");
            let mut args = adapter.args.clone().unwrap_or_default();
            if args.contains(&flag) {
                continue;
            }
            args.push(flag);
            let container = json!({"name": ADAPTER, "args": args});
            let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
            let (parameters, patch) = (PatchParams::default(), Patch::Strategic(patch));
            let patched = deployments.patch(&name, &parameters, &patch);
            let doing = format!("change Deployment {name}");
            timeouts.call(doing, patched).await?;
        }
        if has_adapter {
            return Ok(());
        }
        let namespace = self.names.namespace.clone();
        let none = NoPlace::NoDeployment { namespace };
        Err(not_made("give the adapter a further pair")(none).into())
    }
}

/// The folder of the adapter's container that has the files of a Secret.
fn mounted_at<'a>(spec: &'a PodSpec, secret: &str) -> Option<&'a str> {
    let is_of_secret = |volume: &&Volume| {
        let source = volume.secret.as_ref();
        source.and_then(|source| source.secret_name.as_deref()) == Some(secret)
    };
    let volume = spec.volumes.iter().flatten().find(is_of_secret)?;
    let mut containers = spec.containers.iter();
    let adapter = containers.find(|found| found.name == ADAPTER)?;
    let mut mounts = adapter.volume_mounts.iter().flatten();
    let mount = mounts.find(|mount| mount.name == volume.name)?;
    Some(mount.mount_path.trim_end_matches('/'))
}
