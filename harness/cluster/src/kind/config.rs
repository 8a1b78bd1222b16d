//! The configuration that a kind cluster is created from.

use serde_json::{Value, json};

use super::KindOptions;

/// How often kubelet looks at what it mounts; a minute by default.
pub(super) const KUBELET_SYNC: &str = "2s";

/// The addresses of Services: kind's own choice (`pkg/apis/config/v1alpha4/default.go`).
pub(super) const SERVICE_SUBNET: &str = "10.96.0.0/16";

/// What this machine doesn't grant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Restrictions {
    /// Only cgroup v1 is there; kubelet 1.35 and later refuse it unless `failCgroupV1` is false.
    pub(super) cgroup_v1: bool,
    /// Nobody has CAP_SYS_RESOURCE, so no pod's OOM score can be lowered.
    pub(super) no_sys_resource: bool,
}

impl Restrictions {
    /// Those of this machine, where the engine is taken to run.
    pub(super) fn here() -> Self {
        /// CAP_SYS_RESOURCE (`linux/capability.h`).
        const SYS_RESOURCE: u32 = 24;
        let bounding = std::fs::read_to_string("/proc/self/status")
            .ok()
            .and_then(|status| {
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix("CapBnd:"))?;
                u64::from_str_radix(line.trim(), 16).ok()
            });
        Self {
            cgroup_v1: !std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
            no_sys_resource: bounding.is_some_and(|set| (set >> SYS_RESOURCE) & 1 == 0),
        }
    }
}

/// A cluster of one node. JSON is YAML, so it is written as that.
///
/// kubeadm's arguments are a map up to its API v1beta3 and a list from v1beta4 on; kind applies a patch only to
/// a document of its version (`pkg/internal/patch/kubeyaml.go`), so both forms are there and one counts.
pub(super) fn config(options: &KindOptions, restrictions: Restrictions) -> Value {
    let components = [
        (
            "controllerManager",
            options.control_plane.controller_manager().collect(),
        ),
        (
            "apiServer",
            options.control_plane.api_server().collect::<Vec<_>>(),
        ),
    ];
    let mut as_map =
        json!({"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "ClusterConfiguration"});
    let mut as_list = Vec::new();
    for (component, flags) in components {
        for flag in &flags {
            let (name, value) = name_and_value(flag);
            as_map[component]["extraArgs"][name] = json!(value);
            as_list.push(json!({"op": "add", "path": format!("/{component}/extraArgs/-"), "value": {"name": name, "value": value}}));
        }
    }
    let mut kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "syncFrequency": KUBELET_SYNC,
    });
    if restrictions.cgroup_v1 {
        kubelet["failCgroupV1"] = json!(false);
    }
    let mut config = json!({
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "kind": "Cluster",
        "nodes": [{"role": "control-plane"}],
        "networking": {"serviceSubnet": SERVICE_SUBNET},
        "kubeadmConfigPatches": [as_map.to_string(), kubelet.to_string()],
        "kubeadmConfigPatchesJSON6902": [{
            "group": "kubeadm.k8s.io",
            "version": "v1beta4",
            "kind": "ClusterConfiguration",
            "patch": Value::from(as_list).to_string(),
        }],
    });
    if restrictions.no_sys_resource {
        config["containerdConfigPatches"] =
            json!(["[plugins.\"io.containerd.grpc.v1.cri\"]\n  restrict_oom_score_adj = true"]);
    }
    config
}

/// `--name=value` in two; a flag without a value is a switch.
fn name_and_value(flag: &str) -> (&str, &str) {
    let flag = flag.trim_start_matches('-');
    flag.split_once('=').unwrap_or((flag, "true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_says_the_planes_flags_in_both_forms() {
        let mut options = KindOptions::new("a");
        options.control_plane.api_server_flags = vec!["--v=4".to_owned()];
        options.control_plane.controller_manager_flags = vec!["--contention-profiling".to_owned()];
        insta::assert_json_snapshot!(config(&options, Restrictions::default()));
    }

    #[test]
    fn what_a_machine_refuses_is_not_asked_of_it() {
        let restrictions = Restrictions {
            cgroup_v1: true,
            no_sys_resource: true,
        };
        let config = config(&KindOptions::new("a"), restrictions).to_string();
        assert!(config.contains("failCgroupV1"), "{config}");
        assert!(config.contains("restrict_oom_score_adj"), "{config}");
    }
}
