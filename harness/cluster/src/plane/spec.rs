//! What a plane is told: the specification file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::image::ImageTable;
use crate::provision::Binaries;
use crate::state::{PlaneDir, ProcessId};

/// Everything that a plane needs to know; written by the client before it starts one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlaneSpec {
    pub(crate) name: String,
    pub(crate) dir: PlaneDir,
    /// Who asked for it, so that `reap` leaves a plane alone that has only just been asked for.
    pub(crate) client: ProcessId,
    /// When a detached plane ends by itself.
    pub(crate) expires: Option<jiff::Timestamp>,
    pub(crate) binaries: Binaries,
    pub(crate) images: ImageTable,
    /// How long a plane may take to become ready.
    pub(crate) ready_timeout: Duration,
    pub(crate) options: PlaneOptions,
}

/// What can be chosen about a control plane, besides which programs it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaneOptions {
    /// `--horizontal-pod-autoscaler-sync-period`; Kubernetes' default is 15 s.
    pub hpa_sync_period: Duration,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`; Kubernetes' default is 5 min.
    pub hpa_downscale_stabilization: Duration,
    /// `--enable-aggregator-routing`: the API server goes to an APIService's endpoints itself instead of
    /// its ClusterIP. Off, as in kubeadm and kind.
    pub aggregator_routing: bool,
    /// More flags for the kube-apiserver; the last word counts.
    pub api_server_flags: Vec<String>,
    /// More flags for the kube-controller-manager; the last word counts.
    pub controller_manager_flags: Vec<String>,
}

impl Default for PlaneOptions {
    fn default() -> Self {
        Self {
            hpa_sync_period: Duration::from_secs(1),
            hpa_downscale_stabilization: Duration::from_secs(5),
            aggregator_routing: false,
            api_server_flags: Vec::new(),
            controller_manager_flags: Vec::new(),
        }
    }
}
