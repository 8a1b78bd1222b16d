//! The plane that both adapters run on, with what metrics describe and a Prometheus that has their series.

use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Value, json};
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::provision::Binaries;
use setpoint_cluster::{Cluster, LocalImage, MintRequest, Minted};

use super::connection::SERVER;
use super::prometheus::{self, Series};
use super::{AgainstError, Corpus};
use crate::install::apply;
use crate::outcome::Unmet;
use crate::pki::{Authorities, Leaf};
use crate::programs::{Programs, root};
use crate::request::{Identity, Limit, client_config, not_made, roots};
use crate::timeouts::Timeouts;

/// The namespace of the adapters and of Prometheus.
pub(super) const NAMESPACE: &str = "against";
/// The adapters' ServiceAccount.
pub(super) const ACCOUNT: &str = "adapter";
/// The Secret with the adapters' serving pair.
pub(super) const SERVING: &str = "serving";
/// The image of our adapter.
pub(super) const OURS: &str = "setpoint.invalid/ours:1";
/// The image of the other adapter.
pub(super) const THEIRS: &str = "setpoint.invalid/theirs:1";
/// The image of Prometheus.
const PROMETHEUS: &str = "quay.io/prometheus/prometheus:v1";
/// Who asks: allowed everything, without a review.
const ASKER: (&str, &str) = ("against", "system:masters");

/// What adapters need around them.
pub(super) struct Stage {
    pub(super) cluster: LocalCluster,
    pub(super) timeouts: Timeouts,
    /// What is shown to adapters and believed of them.
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) prometheus: String,
    pub(super) series: Series,
}

impl Stage {
    /// Starts it all.
    pub(super) async fn start(
        corpus: &Corpus,
        (binaries, programs): (Binaries, &Programs),
        theirs: Option<&Path>,
        timeouts: Timeouts,
    ) -> Result<Self, AgainstError> {
        let mut options = LocalOptions::new(binaries, programs.images()?);
        options.plane_binary.clone_from(&programs.plane);
        for (image, program) in [(OURS, Some(&*programs.adapter)), (THEIRS, theirs)] {
            let Some(program) = program else { continue };
            let (name, _) = image.split_once(':').unwrap_or((image, ""));
            let image = LocalImage {
                program: program.to_owned(),
                root: root(program)?,
            };
            options.images.insert(name, image);
        }
        let series = Series::new(&corpus.series);
        let series = series.map_err(AgainstError::form(Path::new("series.yaml")))?;
        let cluster = LocalCluster::start(options).await;
        let cluster = cluster.map_err(|error| AgainstError::Plane(Box::new(error)))?;
        let mut authorities = Authorities::default();
        let leaf = Leaf {
            common_name: SERVER.to_owned(),
            names: vec![SERVER.to_owned()],
            ..Leaf::default()
        };
        let serving = authorities.issue("serving", &leaf);
        let serving = serving.map_err(|error| made("make a serving pair", error))?;
        let ca = authorities.certificate("serving");
        let ca = ca.map_err(|error| made("make a serving pair", error))?;
        let identity = Identity::Certificate(MintRequest {
            common_name: ASKER.0.to_owned(),
            organizations: vec![ASKER.1.to_owned()],
            flaw: None,
        });
        let limit = Limit::of(timeouts.answer);
        let roots = roots(ca.as_bytes()).map_err(Unmet::from)?;
        let tls = client_config(&cluster, &identity, roots, limit).await?;
        let mut objects = base_objects(&serving);
        objects.extend(prometheus::objects(PROMETHEUS));
        objects.extend(corpus.objects.iter().cloned());
        apply(&cluster.client(), &objects).await?;
        prometheus::ready(&cluster, &timeouts).await?;
        let pods = Api::<Pod>::namespaced(cluster.client(), NAMESPACE);
        let pod = timeouts.call("get Prometheus' pod", pods.get(prometheus::NAME));
        let pod = pod.await.map_err(Unmet::from)?;
        let address = pod.status.and_then(|status| status.pod_ip);
        let stage = Self {
            prometheus: format!(
                "http://{}:{}",
                address.unwrap_or_default(),
                prometheus::PORT
            ),
            cluster,
            timeouts,
            tls: Arc::new(tls),
            series,
        };
        stage.reach().await?;
        Ok(stage)
    }

    /// Sees to it that Prometheus has the series of the next minutes.
    pub(super) async fn reach(&self) -> Result<(), Unmet> {
        let limit = Limit::of(self.timeouts.apply);
        self.series.reach(&self.cluster, limit).await
    }
}

fn made(doing: &str, error: rcgen::Error) -> Unmet {
    not_made(doing)(error).into()
}

fn base_objects(serving: &Minted) -> Vec<Value> {
    let cluster_admin = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}}),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": NAMESPACE},
            "roleRef": cluster_admin,
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
        }),
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": SERVING, "namespace": NAMESPACE},
            "stringData": {"tls.crt": serving.certificate, "tls.key": serving.key},
        }),
    ]
}
