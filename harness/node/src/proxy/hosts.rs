//! Names instead of DNS: the Services' names for a pod's `/etc/hosts`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;

use k8s_openapi::api::core::v1::{HostAlias, Service};

use super::table::cluster_ips;

/// The suffix that kubeadm and kind give a cluster.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// The names of all Services that have a ClusterIP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServiceNames(BTreeSet<NamedService>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct NamedService {
    namespace: String,
    name: String,
    address: IpAddr,
}

/// Whose hosts file it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodHosts<'a> {
    /// The pod's namespace: its Services are known by their bare names too.
    pub(crate) namespace: &'a str,
    /// The pod's host name: `spec.hostname`, else its name.
    pub(crate) hostname: &'a str,
    /// The pod's IP.
    pub(crate) address: IpAddr,
    /// `spec.hostAliases`.
    pub(crate) aliases: &'a [HostAlias],
}

impl ServiceNames {
    /// The names of these Services; headless and ExternalName ones have no address to write down.
    pub(crate) fn of<'a>(services: impl IntoIterator<Item = &'a Service>) -> Self {
        let named = services.into_iter().flat_map(|service| {
            let namespace = service.metadata.namespace.as_deref();
            let name = service.metadata.name.as_deref();
            let addresses = service.spec.as_ref().map(cluster_ips).unwrap_or_default();
            addresses.into_iter().filter_map(move |address| {
                Some(NamedService {
                    namespace: namespace?.to_owned(),
                    name: name?.to_owned(),
                    address,
                })
            })
        });
        Self(named.collect())
    }

    /// The pod's whole hosts file: what a kubelet writes (`pkg/kubelet/kubelet_pods.go`,
    /// `managedHostsFileContent`) and after it one line a Service with the names that cluster DNS would
    /// answer to from this pod.
    #[must_use]
    pub(crate) fn hosts_file(&self, pod: &PodHosts<'_>) -> String {
        let mut text = "# Kubernetes-managed hosts file.\n\
            127.0.0.1\tlocalhost\n\
            ::1\tlocalhost ip6-localhost ip6-loopback\n\
            fe00::0\tip6-localnet\n\
            fe00::0\tip6-mcastprefix\n\
            fe00::1\tip6-allnodes\n\
            fe00::2\tip6-allrouters\n"
            .to_owned();
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}\t{}", pod.address, pod.hostname);
        if !pod.aliases.is_empty() {
            text.push_str("\n# Entries added by HostAliases.\n");
            for alias in pod.aliases {
                let names = alias.hostnames.iter().flatten().map(String::as_str);
                let names = names.collect::<Vec<_>>().join("\t");
                let _ = writeln!(text, "{}\t{names}", alias.ip);
            }
        }
        text.push_str("\n# Services.\n");
        for service in &self.0 {
            let NamedService {
                namespace,
                name,
                address,
            } = service;
            let _ = write!(text, "{address}");
            if namespace == pod.namespace {
                let _ = write!(text, "\t{name}");
            }
            let _ = writeln!(
                text,
                "\t{name}.{namespace}\t{name}.{namespace}.svc\t{name}.{namespace}.svc.{CLUSTER_DOMAIN}"
            );
        }
        text
    }
}

/// Gives the file at `path` this content and keeps its inode, which is bind-mounted into pods: a file renamed
/// into its place would never be seen there. A reader may meet a half-written file, never an empty one.
///
/// # Errors
/// When the file can't be opened or written.
pub(crate) fn rewrite_in_place(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    file.write_all(content.as_bytes())?;
    file.set_len(content.len() as u64)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use serde_json::{Value, json};

    use super::*;

    fn service(namespace: &str, name: &str, spec: Value) -> Service {
        let metadata = json!({"namespace": namespace, "name": name});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn a_pod_knows_its_own_namespaces_services_by_their_bare_names() {
        let services = [
            service(
                "prom",
                "prometheus",
                json!({"clusterIP": "10.96.0.20", "clusterIPs": ["10.96.0.20"]}),
            ),
            service("default", "kubernetes", json!({"clusterIP": "10.96.0.1"})),
            service("prom", "headless", json!({"clusterIP": "None"})),
            service(
                "prom",
                "elsewhere",
                json!({"type": "ExternalName", "externalName": "example.org"}),
            ),
        ];
        let alias = HostAlias {
            ip: "10.1.1.1".to_owned(),
            hostnames: Some(vec!["a.example".to_owned(), "b.example".to_owned()]),
        };
        let file = ServiceNames::of(&services).hosts_file(&PodHosts {
            namespace: "prom",
            hostname: "adapter-0",
            address: [10, 244, 0, 5].into(),
            aliases: &[alias],
        });
        insta::assert_snapshot!(file);
    }

    #[test]
    fn rewriting_keeps_the_file_and_leaves_nothing_of_a_longer_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        rewrite_in_place(&path, "a longer content").unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        rewrite_in_place(&path, "short").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    }
}
