//! The command lines of etcd, kube-apiserver and kube-controller-manager.
//!
//! What is not said here is Kubernetes' default. The request-header flags and names are kubeadm's
//! (`cmd/kubeadm/app/phases/controlplane/manifests.go`), except that every authority is its own here.

use std::fmt::Display;

use super::spec::PlaneOptions;
use super::{API_PORT, NODE_ADDRESS, SERVICE_RANGE};
use crate::state::PlaneDir;

/// Reached on the loopback of the plane's namespace, where no pod is.
const ETCD: &str = "http://127.0.0.1:2379";

/// The controllers that run. No node-lifecycle: nobody sends the Node's heartbeat to a test's end.
const CONTROLLERS: [&str; 8] = [
    "horizontal-pod-autoscaler-controller",
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "garbage-collector-controller",
];

/// Requests per second that the kube-controller-manager may make; Kubernetes' default is 20, which a
/// dozen HPAs synchronised every second exhaust.
const CONTROLLER_QPS: u32 = 200;
const CONTROLLER_BURST: u32 = 400;

/// Kubernetes' name of a kubeconfig for the kube-controller-manager.
pub(crate) const CONTROLLER_MANAGER_KUBECONFIG: &str = "controller-manager.conf";

fn flag(name: &str, value: impl Display) -> String {
    format!("--{name}={value}")
}

pub(crate) fn etcd(dir: &PlaneDir) -> Vec<String> {
    vec![
        flag("data-dir", dir.run().join("etcd").display()),
        flag("listen-client-urls", ETCD),
        flag("advertise-client-urls", ETCD),
        flag("listen-peer-urls", "http://127.0.0.1:2380"),
        flag("unsafe-no-fsync", true),
        flag("log-level", "warn"),
    ]
}

pub(crate) fn api_server(dir: &PlaneDir, options: &PlaneOptions) -> Vec<String> {
    let pki = |name: &str| dir.pki().join(name).display().to_string();
    let (range, prefix) = SERVICE_RANGE;
    let mut flags = vec![
        flag("etcd-servers", ETCD),
        flag("bind-address", NODE_ADDRESS),
        flag("advertise-address", NODE_ADDRESS),
        flag("secure-port", API_PORT),
        flag("service-cluster-ip-range", format_args!("{range}/{prefix}")),
        flag("cert-dir", dir.run().join("apiserver").display()),
        flag("tls-cert-file", pki("apiserver.crt")),
        flag("tls-private-key-file", pki("apiserver.key")),
        flag("client-ca-file", pki("ca.crt")),
        flag("authorization-mode", "RBAC"),
        flag("allow-privileged", true),
        flag(
            "service-account-issuer",
            "https://kubernetes.default.svc.cluster.local",
        ),
        flag("service-account-key-file", pki("sa.pub")),
        flag("service-account-signing-key-file", pki("sa.key")),
        flag("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
        flag("requestheader-allowed-names", "front-proxy-client"),
        flag("requestheader-username-headers", "X-Remote-User"),
        flag("requestheader-group-headers", "X-Remote-Group"),
        flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        flag("proxy-client-cert-file", pki("front-proxy-client.crt")),
        flag("proxy-client-key-file", pki("front-proxy-client.key")),
        flag("enable-aggregator-routing", options.aggregator_routing),
        flag(
            "kubelet-client-certificate",
            pki("apiserver-kubelet-client.crt"),
        ),
        flag("kubelet-client-key", pki("apiserver-kubelet-client.key")),
        flag("kubelet-certificate-authority", pki("serving-ca.crt")),
        flag("kubelet-preferred-address-types", "InternalIP"),
    ];
    flags.extend(options.api_server_flags.iter().cloned());
    flags
}

pub(crate) fn controller_manager(dir: &PlaneDir, options: &PlaneOptions) -> Vec<String> {
    let kubeconfig = dir.pki().join(CONTROLLER_MANAGER_KUBECONFIG);
    let mut flags = vec![
        flag("kubeconfig", kubeconfig.display()),
        flag("bind-address", "127.0.0.1"),
        flag("cert-dir", dir.run().join("controller-manager").display()),
        flag("controllers", CONTROLLERS.join(",")),
        flag("leader-elect", false),
        flag("use-service-account-credentials", true),
        flag("root-ca-file", dir.pki().join("serving-ca.crt").display()),
    ];
    flags.extend(deviations(options));
    flags.extend(options.controller_manager_flags.iter().cloned());
    flags
}

fn deviations(options: &PlaneOptions) -> [String; 4] {
    let seconds = |period: std::time::Duration| format!("{}ms", period.as_millis());
    [
        flag(
            "horizontal-pod-autoscaler-sync-period",
            seconds(options.hpa_sync_period),
        ),
        flag(
            "horizontal-pod-autoscaler-downscale-stabilization",
            seconds(options.hpa_downscale_stabilization),
        ),
        flag("kube-api-qps", CONTROLLER_QPS),
        flag("kube-api-burst", CONTROLLER_BURST),
    ]
}

/// The flags that a plane's options come to, as names and values: for a control plane that somebody else starts.
pub(crate) struct ControlPlaneFlags {
    pub(crate) api_server: Vec<(String, String)>,
    pub(crate) controller_manager: Vec<(String, String)>,
}

/// What differs from Kubernetes' defaults, component by component.
pub(crate) fn control_plane_flags(options: &PlaneOptions) -> ControlPlaneFlags {
    /// A flag without a value is a switch.
    fn split(flag: &str) -> (String, String) {
        let flag = flag.trim_start_matches('-');
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        (name.to_owned(), value.to_owned())
    }
    let routing = flag("enable-aggregator-routing", options.aggregator_routing);
    let api_server = std::iter::once(&routing).chain(&options.api_server_flags);
    let deviations = deviations(options);
    let controller_manager = deviations.iter().chain(&options.controller_manager_flags);
    ControlPlaneFlags {
        api_server: api_server.map(|flag| split(flag)).collect(),
        controller_manager: controller_manager.map(|flag| split(flag)).collect(),
    }
}

/// What differs from Kubernetes' defaults and can change a verdict, for a report.
pub(crate) fn stated(options: &PlaneOptions) -> Vec<String> {
    let of = |component: &str, flag: &String| format!("{component} {flag}");
    let mut stated: Vec<_> = deviations(options)
        .iter()
        .map(|flag| of("kube-controller-manager", flag))
        .collect();
    let routing = flag("enable-aggregator-routing", options.aggregator_routing);
    stated.push(of("kube-apiserver", &routing));
    stated.extend(
        options
            .api_server_flags
            .iter()
            .map(|f| of("kube-apiserver", f)),
    );
    let more = options.controller_manager_flags.iter();
    stated.extend(more.map(|f| of("kube-controller-manager", f)));
    stated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_lines_are_these() {
        let dir = PlaneDir::at("/planes/a");
        let options = PlaneOptions::default();
        let lines = [
            ("etcd", etcd(&dir)),
            ("kube-apiserver", api_server(&dir, &options)),
            (
                "kube-controller-manager",
                controller_manager(&dir, &options),
            ),
            ("stated", stated(&options)),
        ];
        insta::assert_yaml_snapshot!(lines);
    }

    #[test]
    fn a_chosen_flag_comes_last_and_is_stated() {
        let chosen = "--horizontal-pod-autoscaler-tolerance=0.2".to_owned();
        let options = PlaneOptions {
            controller_manager_flags: vec![chosen.clone()],
            ..PlaneOptions::default()
        };
        let flags = controller_manager(&PlaneDir::at("/planes/a"), &options);
        assert_eq!(flags.last(), Some(&chosen));
        let stated = stated(&options);
        assert_eq!(
            stated.last().map(String::as_str),
            Some("kube-controller-manager --horizontal-pod-autoscaler-tolerance=0.2")
        );
    }
}
