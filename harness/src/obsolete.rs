//! What old instructions still tell people to type, and what replaced it.
//!
//! The one table of these facts; `docs/obsolete.md` shows it, and a test holds the page to it. What the adapter's own
//! command line has lost stands beside that command line.

use std::fmt;

/// Where something obsolete is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A flag of any program of the control plane.
    Flag,
    /// A manifest's `apiVersion`, an APIService's group and version, or the beginning of a request's path.
    Api,
    /// The last part of a container image's name.
    Image,
}

/// Something obsolete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Obsolete {
    place: Place,
    what: &'static str,
    fate: &'static str,
    instead: &'static str,
    /// Where both are said.
    source: &'static str,
}

const GUIDE: &str = "Deprecated API Migration Guide, kubernetes.io";
const METRICS: &str = "k8s.io/metrics v0.36.3, pkg/apis";

const fn flag(
    what: &'static str,
    fate: &'static str,
    instead: &'static str,
    source: &'static str,
) -> Obsolete {
    Obsolete {
        place: Place::Flag,
        what,
        fate,
        instead,
        source,
    }
}

const fn api(
    what: &'static str,
    fate: &'static str,
    instead: &'static str,
    source: &'static str,
) -> Obsolete {
    Obsolete {
        place: Place::Api,
        what,
        fate,
        instead,
        source,
    }
}

const TABLE: [Obsolete; 22] = [
    flag(
        "--horizontal-pod-autoscaler-use-rest-clients",
        "gone since Kubernetes v1.22",
        "leave it out: the metrics APIs are all that an HPA reads",
        "kubernetes/kubernetes#90368",
    ),
    flag(
        "--horizontal-pod-autoscaler-upscale-delay",
        "without effect since Kubernetes v1.12, gone since v1.31",
        "`behavior.scaleUp` of the HPA",
        "kubernetes/kubernetes#124948",
    ),
    flag(
        "--horizontal-pod-autoscaler-downscale-delay",
        "without effect since Kubernetes v1.12, gone since v1.31",
        "`--horizontal-pod-autoscaler-downscale-stabilization`, or `behavior.scaleDown` of the HPA",
        "kubernetes/kubernetes#124948",
    ),
    flag(
        "--master",
        "useless since Kubernetes v1.20: the insecure port that it named is no longer served",
        "a kubeconfig, which `setpoint cluster up` gives each program by itself",
        "kubernetes/kubernetes#95856",
    ),
    flag(
        "--insecure-port",
        "without effect since Kubernetes v1.20, gone since v1.24",
        "`--secure-port`, and a kubeconfig for who asks there",
        "kubernetes/kubernetes#95856",
    ),
    flag(
        "--insecure-bind-address",
        "without effect since Kubernetes v1.20, gone since v1.24",
        "`--bind-address`",
        "kubernetes/kubernetes#95856",
    ),
    flag(
        "--runtime-config=api/all=true",
        "not needed since Kubernetes v1.23, which serves autoscaling/v2 by itself",
        "leave it out: it would switch on every alpha API; `--runtime-config=GROUP/VERSION=true` switches on one",
        "k8s.io/apiserver v0.36.3, pkg/server/options/api_enablement.go",
    ),
    flag(
        "--logtostderr",
        "gone since Kubernetes v1.26",
        "leave it out: logs go to standard error",
        "kubernetes/kubernetes#112120",
    ),
    api(
        "autoscaling/v2alpha1",
        "gone since Kubernetes v1.8, which made it v2beta1",
        "autoscaling/v2, since v1.23",
        "kubernetes/enhancements#419",
    ),
    api(
        "autoscaling/v2beta1",
        "gone since Kubernetes v1.25",
        "autoscaling/v2, since v1.23",
        GUIDE,
    ),
    api(
        "autoscaling/v2beta2",
        "gone since Kubernetes v1.26",
        "autoscaling/v2, since v1.23",
        GUIDE,
    ),
    api(
        "extensions/v1beta1",
        "gone since Kubernetes v1.16, for Ingress since v1.22",
        "apps/v1 for Deployment, DaemonSet and ReplicaSet; networking.k8s.io/v1 for Ingress and NetworkPolicy",
        GUIDE,
    ),
    api(
        "apps/v1beta1",
        "gone since Kubernetes v1.16",
        "apps/v1, since v1.9",
        GUIDE,
    ),
    api(
        "apps/v1beta2",
        "gone since Kubernetes v1.16",
        "apps/v1, since v1.9",
        GUIDE,
    ),
    api(
        "policy/v1beta1",
        "gone since Kubernetes v1.25",
        "policy/v1 for PodDisruptionBudget, since v1.21",
        GUIDE,
    ),
    api(
        "rbac.authorization.k8s.io/v1beta1",
        "gone since Kubernetes v1.22",
        "rbac.authorization.k8s.io/v1, since v1.8",
        GUIDE,
    ),
    api(
        "apiregistration.k8s.io/v1beta1",
        "gone since Kubernetes v1.22",
        "apiregistration.k8s.io/v1, since v1.10",
        GUIDE,
    ),
    api(
        "custom.metrics.k8s.io/v1",
        "no version that ever was",
        "custom.metrics.k8s.io/v1beta1 or v1beta2",
        METRICS,
    ),
    api(
        "custom-metrics.metrics.k8s.io/v1alpha1",
        "renamed by Kubernetes v1.8",
        "custom.metrics.k8s.io/v1beta1 or v1beta2",
        "kubernetes/kubernetes#50920",
    ),
    api(
        "external.metrics.k8s.io/v1",
        "no version that ever was",
        "external.metrics.k8s.io/v1beta1",
        METRICS,
    ),
    api(
        "metrics.k8s.io/v1",
        "no version that ever was",
        "metrics.k8s.io/v1beta1",
        METRICS,
    ),
    Obsolete {
        place: Place::Image,
        what: "heapster",
        fate: "deprecated since Kubernetes v1.11, retired with v1.13",
        instead: "metrics-server for CPU and memory, an adapter such as this one for everything else",
        source: "kubernetes-retired/heapster, docs/deprecation.md",
    },
];

impl fmt::Display for Obsolete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            fate,
            instead,
            source,
            ..
        } = self;
        write!(f, "`{what}` is {fate}; instead: {instead} ({source})")
    }
}

fn find(place: Place, is_it: impl Fn(&str) -> bool) -> Option<&'static Obsolete> {
    TABLE
        .iter()
        .find(|row| row.place == place && is_it(row.what))
}

/// What is obsolete about a flag, given as `--name` or `--name=value`. A row that has a value means only that one.
pub(crate) fn of_flag(text: &str) -> Option<&'static Obsolete> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    find(Place::Flag, |what| match what.split_once('=') {
        Some((flag, obsolete)) => name == flag && value.split(',').any(|one| one == obsolete),
        None => name == what,
    })
}

/// What is obsolete about a group and version.
pub(crate) fn of_api(group_version: &str) -> Option<&'static Obsolete> {
    find(Place::Api, |what| what == group_version)
}

/// What is obsolete about a request's path: its group and version.
pub(crate) fn of_path(path: &str) -> Option<&'static Obsolete> {
    let path = path.split('?').next()?;
    let mut parts = path.strip_prefix("/apis/")?.split('/');
    of_api(&format!("{}/{}", parts.next()?, parts.next()?))
}

/// What is obsolete about a container image.
pub(crate) fn of_image(image: &str) -> Option<&'static Obsolete> {
    let name = image.rsplit('/').next()?;
    let name = name.split([':', '@']).next()?;
    // Its images had the architecture in their names: heapster-amd64.
    find(Place::Image, |what| {
        name.strip_prefix(what)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_found_with_and_without_a_value() {
        let found = |text: &str| of_flag(text).map(|row| row.what);
        let rest = "--horizontal-pod-autoscaler-use-rest-clients";
        assert_eq!(found(rest), Some(rest));
        assert_eq!(found(&format!("{rest}=true")), Some(rest));
        assert_eq!(found("--master=http://127.0.0.1:8080"), Some("--master"));
        assert_eq!(found("--master-service-namespace=default"), None);
        assert_eq!(found("--horizontal-pod-autoscaler-sync-period=1s"), None);
    }

    #[test]
    fn only_the_obsolete_value_of_a_living_flag_is_found() {
        let found = |text: &str| of_flag(text).map(|row| row.what);
        let all = Some("--runtime-config=api/all=true");
        assert_eq!(found("--runtime-config=api/all=true"), all);
        assert_eq!(found("--runtime-config=batch/v2=true,api/all=true"), all);
        assert_eq!(found("--runtime-config=api/alpha=true"), None);
        assert_eq!(found("--runtime-config=api/all=false"), None);
    }

    #[test]
    fn a_path_is_known_by_its_group_and_version() {
        let found = |text: &str| of_path(text).map(|row| row.what);
        let v1 = Some("custom.metrics.k8s.io/v1");
        assert_eq!(found("/apis/custom.metrics.k8s.io/v1"), v1);
        assert_eq!(found("/apis/custom.metrics.k8s.io/v1?timeout=1s"), v1);
        assert_eq!(
            found("/apis/custom.metrics.k8s.io/v1/namespaces/a/pods/*/rps"),
            v1
        );
        assert_eq!(found("/apis/custom.metrics.k8s.io/v1beta1"), None);
        assert_eq!(found("/apis/custom.metrics.k8s.io"), None);
        assert_eq!(found("/api/v1/pods"), None);
    }

    #[test]
    fn an_image_is_known_whatever_its_registry_and_tag() {
        for image in [
            "heapster",
            "k8s.gcr.io/heapster-amd64:v1.5.4",
            "localhost:5000/heapster@sha256:0",
        ] {
            assert!(of_image(image).is_some(), "{image}");
        }
        for image in ["heapsters", "heapster/other:v1", "nginx"] {
            assert!(of_image(image).is_none(), "{image}");
        }
    }

    #[test]
    fn no_fact_stands_there_twice() {
        for (index, row) in TABLE.iter().enumerate() {
            let others = TABLE[index + 1..].iter();
            assert!(others.clone().all(|other| other.what != row.what), "{row}");
        }
    }

    #[test]
    fn the_page_shows_the_table_and_nothing_else() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/obsolete.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, after) = page
            .split_once("<!-- harness/src/obsolete.rs -->\n")
            .unwrap();
        let (shown, _) = after.split_once("<!-- end -->").unwrap();
        let mut table =
            "| typed | what became of it | instead | source |\n|---|---|---|---|\n".to_owned();
        for Obsolete {
            what,
            fate,
            instead,
            source,
            place,
        } in &TABLE
        {
            let kind = match place {
                Place::Flag | Place::Api => "",
                Place::Image => "image ",
            };
            table += &format!("| {kind}`{what}` | {fate} | {instead} | {source} |\n");
        }
        assert_eq!(
            shown, table,
            "docs/obsolete.md is old: put this table into it"
        );
    }
}
