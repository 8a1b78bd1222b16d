//! Which fields of a pod's specification are supported, accepted without effect, or refused by name.
//!
//! The first column is frozen (see [`super`]): it may only get shorter.
//!
//! The types of the API are taken apart without `..`: a field that a later Kubernetes adds doesn't compile until
//! it is on one of the lists.
//!
//! | | supported | accepted without effect | refused by name |
//! |---|---|---|---|
//! | pod | `automountServiceAccountToken` and `serviceAccountName` (by admission), `containers`, `enableServiceLinks`, `hostAliases`, `hostname`, `nodeName`, `readinessGates`, `restartPolicy`, `schedulingGates`, `securityContext`, `terminationGracePeriodSeconds`, `volumes` | `affinity`, `dnsConfig`, `dnsPolicy`, `evictionResponders`, `hostUsers`, `imagePullSecrets`, `nodeSelector`, `os`, `overhead`, `preemptionPolicy`, `priority`, `priorityClassName`, `resources`, `runtimeClassName`, `schedulerName`, `schedulingGroup`, `subdomain`, `tolerations`, `topologySpreadConstraints` | `activeDeadlineSeconds`, `ephemeralContainers`, `hostIPC`, `hostNetwork`, `hostPID`, `hostnameOverride`, `initContainers`, `resourceClaims`, `setHostnameAsFQDN`, `shareProcessNamespace` |
//! | container | `args`, `command`, `env` (all references but `fileKeyRef`), `envFrom`, `image`, `livenessProbe`, `readinessProbe`, `startupProbe` (`httpGet`, `tcpSocket`), `name`, `ports` (names for probes), `securityContext`, `volumeMounts`, `workingDir` | `imagePullPolicy`, `resizePolicy`, `resources`, `terminationMessagePath`, `terminationMessagePolicy` | `lifecycle`, `restartPolicy`, `restartPolicyRules`, `stdin`, `stdinOnce`, `tty`, `volumeDevices`, probes by `exec` or `grpc` |
//! | security context | `allowPrivilegeEscalation`, `readOnlyRootFilesystem`, `runAsGroup`, `runAsNonRoot`, `runAsUser` | `appArmorProfile`, `capabilities.drop`, `fsGroup`, `fsGroupChangePolicy`, `seLinuxChangePolicy`, `seLinuxOptions`, `seccompProfile`, `supplementalGroups`, `supplementalGroupsPolicy` | `capabilities.add` (but `NET_BIND_SERVICE`, which every container has), `privileged`, `procMount`, `sysctls`, `windowsOptions` |
//! | mount | `mountPath`, `name`, `readOnly` | `recursiveReadOnly` | `bindMountOptions`, `mountPropagation` (but `None`), `subPath`, `subPathExpr` |
//! | volume | `configMap`, `downwardAPI`, `emptyDir`, `projected` (`configMap`, `downwardAPI`, `secret`, `serviceAccountToken`), `secret` | `emptyDir.medium`, `emptyDir.sizeLimit` | every other source, `user` and `defaultUser` of files |

mod container;
mod volume;

use std::time::Duration;

use k8s_openapi::api::core::v1::{HostAlias, PodReadinessGate, PodSecurityContext, PodSpec};

pub(crate) use container::{ContainerPlan, MountPlan};
pub(crate) use volume::{Content, Source, VolumePlan, permissions};

/// A pod of which everything that matters can be run.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodPlan {
    pub(crate) containers: Vec<ContainerPlan>,
    pub(crate) volumes: Vec<VolumePlan>,
    pub(crate) service_links: bool,
    pub(crate) host_aliases: Vec<HostAlias>,
    pub(crate) hostname: Option<String>,
    pub(crate) readiness_gates: Vec<PodReadinessGate>,
    pub(crate) restart_policy: RestartPolicy,
    pub(crate) service_account: String,
    pub(crate) grace: Duration,
}

/// When a container that ended is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

impl RestartPolicy {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }

    /// Whether a container that ended with `exit_code` runs again.
    pub(crate) fn restarts(self, exit_code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => exit_code != 0,
            Self::Never => false,
        }
    }
}

impl PodPlan {
    /// The plan of a pod none of whose containers is really run: nothing in it can be refused.
    pub(crate) fn simulated(spec: &PodSpec) -> Self {
        Self {
            containers: spec
                .containers
                .iter()
                .map(ContainerPlan::simulated)
                .collect(),
            readiness_gates: spec.readiness_gates.clone().unwrap_or_default(),
            restart_policy: RestartPolicy::of(spec.restart_policy.as_deref()),
            ..Self::default()
        }
    }
}

/// Collects the fields that are refused.
#[derive(Debug, Default)]
struct Refusals(Vec<String>);

impl Refusals {
    fn when(&mut self, refused: bool, field: impl Into<String>) {
        if refused {
            self.0.push(field.into());
        }
    }
}

/// The identity that containers inherit from their pod.
#[derive(Debug, Clone, Copy, Default)]
struct Identity {
    user: Option<i64>,
    group: Option<i64>,
    non_root: bool,
}

impl PodPlan {
    /// The plan of a pod, or the paths of all its fields that are refused.
    pub(crate) fn of(spec: PodSpec) -> Result<Self, Vec<String>> {
        // In three groups, as in the module's table: supported, accepted without effect, refused.
        let PodSpec {
            automount_service_account_token: _,
            containers,
            enable_service_links,
            host_aliases,
            hostname,
            node_name: _,
            readiness_gates,
            restart_policy,
            scheduling_gates: _,
            security_context,
            service_account: _,
            service_account_name,
            termination_grace_period_seconds,
            volumes,

            affinity: _,
            dns_config: _,
            dns_policy: _,
            eviction_responders: _,
            host_users: _,
            image_pull_secrets: _,
            node_selector: _,
            os: _,
            overhead: _,
            preemption_policy: _,
            priority: _,
            priority_class_name: _,
            resources: _,
            runtime_class_name: _,
            scheduler_name: _,
            scheduling_group: _,
            subdomain: _,
            tolerations: _,
            topology_spread_constraints: _,

            active_deadline_seconds,
            ephemeral_containers,
            host_ipc,
            host_network,
            host_pid,
            hostname_override,
            init_containers,
            resource_claims,
            set_hostname_as_fqdn,
            share_process_namespace,
        } = spec;
        let mut refused = Refusals::default();
        let yes = |flag: Option<bool>| flag == Some(true);
        refused.when(
            active_deadline_seconds.is_some(),
            "spec.activeDeadlineSeconds",
        );
        refused.when(some(&ephemeral_containers), "spec.ephemeralContainers");
        refused.when(yes(host_ipc), "spec.hostIPC");
        refused.when(yes(host_network), "spec.hostNetwork");
        refused.when(yes(host_pid), "spec.hostPID");
        refused.when(hostname_override.is_some(), "spec.hostnameOverride");
        refused.when(some(&init_containers), "spec.initContainers");
        refused.when(some(&resource_claims), "spec.resourceClaims");
        refused.when(yes(set_hostname_as_fqdn), "spec.setHostnameAsFQDN");
        refused.when(yes(share_process_namespace), "spec.shareProcessNamespace");

        let identity = identity(security_context.unwrap_or_default(), &mut refused);
        let containers = containers
            .into_iter()
            .enumerate()
            .filter_map(|(index, container)| {
                let path = format!("spec.containers[{index}]");
                ContainerPlan::of(container, identity, &path, &mut refused)
            })
            .collect();
        let volumes = volumes
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .filter_map(|(index, volume)| {
                VolumePlan::of(volume, &format!("spec.volumes[{index}]"), &mut refused)
            })
            .collect();
        if !refused.0.is_empty() {
            return Err(refused.0);
        }
        Ok(Self {
            containers,
            volumes,
            service_links: enable_service_links.unwrap_or(true),
            host_aliases: host_aliases.unwrap_or_default(),
            hostname,
            readiness_gates: readiness_gates.unwrap_or_default(),
            restart_policy: RestartPolicy::of(restart_policy.as_deref()),
            service_account: service_account_name.unwrap_or_else(|| "default".to_owned()),
            grace: seconds(termination_grace_period_seconds, 30),
        })
    }
}

fn identity(context: PodSecurityContext, refused: &mut Refusals) -> Identity {
    let PodSecurityContext {
        run_as_group,
        run_as_non_root,
        run_as_user,

        app_armor_profile: _,
        fs_group: _,
        fs_group_change_policy: _,
        se_linux_change_policy: _,
        se_linux_options: _,
        seccomp_profile: _,
        supplemental_groups: _,
        supplemental_groups_policy: _,

        sysctls,
        windows_options,
    } = context;
    refused.when(some(&sysctls), "spec.securityContext.sysctls");
    refused.when(
        windows_options.is_some(),
        "spec.securityContext.windowsOptions",
    );
    Identity {
        user: run_as_user,
        group: run_as_group,
        non_root: run_as_non_root == Some(true),
    }
}

fn some<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

fn seconds(given: Option<i64>, default: u64) -> Duration {
    Duration::from_secs(
        given
            .and_then(|given| u64::try_from(given).ok())
            .unwrap_or(default),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn plan(spec: Value) -> Result<PodPlan, Vec<String>> {
        PodPlan::of(serde_json::from_value(spec).expect("a PodSpec"))
    }

    fn container_with(field: &str, value: Value) -> Value {
        json!({"containers": [{"name": "app", field: value}]})
    }

    #[test]
    fn what_admission_and_defaulting_add_to_a_pod_is_not_refused() {
        let plan = plan(json!({
            "containers": [{
                "name": "app", "image": "app:v1", "imagePullPolicy": "IfNotPresent", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": true, "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "volumeMounts": [{"name": "kube-api-access", "readOnly": true,
                    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
            }],
            "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "nodeName": "n", "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0, "restartPolicy": "Always", "schedulerName": "default-scheduler", "securityContext": {"runAsUser": 1000},
            "serviceAccount": "sa", "serviceAccountName": "sa", "terminationGracePeriodSeconds": 5,
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
            "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
            ]}}],
        }))
        .expect("nothing refused");
        assert_eq!(plan.grace, Duration::from_secs(5));
        let container = &plan.containers[0];
        assert_eq!(container.user, Some(1000));
        assert!(container.non_root && container.read_only_root && container.no_new_privileges);
    }

    #[test]
    fn every_refused_field_is_named() {
        for (spec, field) in [
            (
                json!({"containers": [], "hostNetwork": true}),
                "spec.hostNetwork",
            ),
            (json!({"containers": [], "hostPID": true}), "spec.hostPID"),
            (
                json!({"containers": [], "initContainers": [{"name": "i"}]}),
                "spec.initContainers",
            ),
            (
                json!({"containers": [], "volumes": [{"name": "h", "hostPath": {"path": "/"}}]}),
                "spec.volumes[0].hostPath",
            ),
            (
                json!({"containers": [], "volumes": [{"name": "h", "nfs": {"path": "/", "server": "s"}}]}),
                "spec.volumes[0].nfs",
            ),
            (
                container_with("securityContext", json!({"privileged": true})),
                "spec.containers[0].securityContext.privileged",
            ),
            (
                container_with(
                    "securityContext",
                    json!({"capabilities": {"add": ["SYS_ADMIN"]}}),
                ),
                "spec.containers[0].securityContext.capabilities.add",
            ),
            (
                container_with(
                    "volumeMounts",
                    json!([{"name": "v", "mountPath": "/v", "subPath": "s"}]),
                ),
                "spec.containers[0].volumeMounts[0].subPath",
            ),
            (
                container_with(
                    "lifecycle",
                    json!({"preStop": {"exec": {"command": ["x"]}}}),
                ),
                "spec.containers[0].lifecycle",
            ),
            (
                container_with("livenessProbe", json!({"exec": {"command": ["x"]}})),
                "spec.containers[0].livenessProbe.exec",
            ),
            (container_with("tty", json!(true)), "spec.containers[0].tty"),
        ] {
            assert_eq!(plan(spec).expect_err(field), [field]);
        }
    }

    #[test]
    fn all_refused_fields_are_named_at_once() {
        let refused = plan(json!({
            "hostNetwork": true,
            "containers": [{"name": "app", "stdin": true, "tty": true}],
        }));
        assert_eq!(
            refused.expect_err("refused"),
            [
                "spec.hostNetwork",
                "spec.containers[0].stdin",
                "spec.containers[0].tty"
            ]
        );
    }

    #[test]
    fn a_containers_identity_wins_over_its_pods() {
        let plan = plan(json!({
            "securityContext": {"runAsUser": 1, "runAsGroup": 2},
            "containers": [{"name": "app", "securityContext": {"runAsUser": 3}}],
        }))
        .expect("supported");
        assert_eq!(
            (plan.containers[0].user, plan.containers[0].group),
            (Some(3), Some(2))
        );
    }

    #[test]
    fn only_a_failed_container_restarts_on_failure() {
        assert!(RestartPolicy::Always.restarts(0));
        assert!(RestartPolicy::OnFailure.restarts(1) && !RestartPolicy::OnFailure.restarts(0));
        assert!(!RestartPolicy::Never.restarts(1));
    }
}
