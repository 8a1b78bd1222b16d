//! What can be chosen about a control plane, whoever starts it.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Requests per second that the kube-controller-manager may make; Kubernetes' default is 20, which a
/// dozen HPAs synchronised every second exhaust.
const CONTROLLER_QPS: u32 = 200;
const CONTROLLER_BURST: u32 = 400;

/// The programs that a control plane is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binaries {
    /// `etcd`.
    pub etcd: PathBuf,
    /// `kube-apiserver`.
    pub kube_apiserver: PathBuf,
    /// `kube-controller-manager`.
    pub kube_controller_manager: PathBuf,
}

/// What can be chosen about a control plane, besides which programs it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlPlaneOptions {
    /// `--horizontal-pod-autoscaler-sync-period`; Kubernetes' default is 15 s.
    pub hpa_sync_period: Duration,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`; Kubernetes' default is 5 min.
    pub hpa_downscale_stabilization: Duration,
    /// `--enable-aggregator-routing`: the API server goes to an APIService's endpoints itself instead of
    /// its ClusterIP. Off, as in kubeadm and kind.
    pub aggregator_routing: bool,
    /// More flags for the kube-apiserver; a later one overrides an earlier one.
    pub api_server_flags: Vec<String>,
    /// More flags for the kube-controller-manager; a later one overrides an earlier one.
    pub controller_manager_flags: Vec<String>,
}

impl Default for ControlPlaneOptions {
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

impl ControlPlaneOptions {
    /// The kube-apiserver's flags, such as `--enable-aggregator-routing=false`, that differ from Kubernetes'
    /// defaults.
    pub fn api_server(&self) -> impl Iterator<Item = String> {
        let routing = flag("enable-aggregator-routing", self.aggregator_routing);
        std::iter::once(routing).chain(self.api_server_flags.iter().cloned())
    }

    /// The kube-controller-manager's flags that differ from Kubernetes' defaults.
    pub fn controller_manager(&self) -> impl Iterator<Item = String> {
        let milliseconds = |period: Duration| format!("{}ms", period.as_millis());
        let chosen = [
            flag(
                "horizontal-pod-autoscaler-sync-period",
                milliseconds(self.hpa_sync_period),
            ),
            flag(
                "horizontal-pod-autoscaler-downscale-stabilization",
                milliseconds(self.hpa_downscale_stabilization),
            ),
            flag("kube-api-qps", CONTROLLER_QPS),
            flag("kube-api-burst", CONTROLLER_BURST),
        ];
        let more = self.controller_manager_flags.iter().cloned();
        chosen.into_iter().chain(more)
    }

    /// What differs from Kubernetes' defaults and can change a verdict, for a report.
    #[must_use]
    pub fn stated(&self) -> Vec<String> {
        let controller_manager = self.controller_manager();
        controller_manager
            .map(|flag| format!("kube-controller-manager {flag}"))
            .chain(
                self.api_server()
                    .map(|flag| format!("kube-apiserver {flag}")),
            )
            .collect()
    }
}

pub(crate) fn flag(name: &str, value: impl Display) -> String {
    format!("--{name}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_flag_comes_last_and_is_stated() {
        let chosen = "--horizontal-pod-autoscaler-tolerance=0.2".to_owned();
        let options = ControlPlaneOptions {
            controller_manager_flags: vec![chosen.clone()],
            ..ControlPlaneOptions::default()
        };
        assert_eq!(options.controller_manager().last(), Some(chosen));
        let stated = options.stated();
        let tolerance = "kube-controller-manager --horizontal-pod-autoscaler-tolerance=0.2";
        assert!(stated.iter().any(|flag| flag == tolerance), "{stated:?}");
    }
}
