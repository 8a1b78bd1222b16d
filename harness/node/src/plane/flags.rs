//! The command lines of etcd, kube-apiserver and kube-controller-manager.
//!
//! What is not said here is Kubernetes' default. The request-header flags and names are kubeadm's
//! (`cmd/kubeadm/app/phases/controlplane/manifests.go`), except that every authority is its own here.

use crate::address::{API_PORT, NODE_ADDRESS, SERVICE_RANGE};
use crate::control_plane::{ControlPlaneOptions, flag};
use crate::dir::{CONTROLLER_MANAGER_KUBECONFIG, PlaneDir};

/// Reached on the loopback of the plane's namespace, where no pod is.
const ETCD: &str = "http://127.0.0.1:2379";

/// The controllers that run. No node-lifecycle: the kubelet sends no heartbeats.
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

pub(crate) fn api_server(dir: &PlaneDir, options: &ControlPlaneOptions) -> Vec<String> {
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
        flag(
            "kubelet-client-certificate",
            pki("apiserver-kubelet-client.crt"),
        ),
        flag("kubelet-client-key", pki("apiserver-kubelet-client.key")),
        flag("kubelet-certificate-authority", pki("serving-ca.crt")),
        flag("kubelet-preferred-address-types", "InternalIP"),
    ];
    flags.extend(options.api_server());
    flags
}

pub(crate) fn controller_manager(dir: &PlaneDir, options: &ControlPlaneOptions) -> Vec<String> {
    let kubeconfig = dir.pki().join(CONTROLLER_MANAGER_KUBECONFIG);
    let mut flags = vec![
        flag("kubeconfig", kubeconfig.display()),
        flag("bind-address", "127.0.0.1"),
        // Who gets to the loopback address may count its syncs.
        flag(
            "authorization-always-allow-paths",
            "/healthz,/readyz,/livez,/metrics",
        ),
        flag("cert-dir", dir.run().join("controller-manager").display()),
        flag("controllers", CONTROLLERS.join(",")),
        flag("leader-elect", false),
        flag("use-service-account-credentials", true),
        flag("root-ca-file", dir.pki().join("serving-ca.crt").display()),
    ];
    flags.extend(options.controller_manager());
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_lines_are_these() {
        let dir = PlaneDir::at("/planes/a");
        let options = ControlPlaneOptions::default();
        let lines = [
            ("etcd", etcd(&dir)),
            ("kube-apiserver", api_server(&dir, &options)),
            (
                "kube-controller-manager",
                controller_manager(&dir, &options),
            ),
            ("stated", options.stated()),
        ];
        insta::assert_yaml_snapshot!(lines);
    }
}
