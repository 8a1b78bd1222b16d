//! The fields of a container.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvFromSource, EnvVar, EnvVarSource, Probe, SecurityContext,
    VolumeMount,
};

use super::{Identity, Refusals, some};
use crate::kubelet::probe;

/// A container of which everything that matters can be run.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContainerPlan {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) working_dir: Option<String>,
    pub(crate) env: Vec<EnvVar>,
    pub(crate) env_from: Vec<EnvFromSource>,
    pub(crate) ports: Vec<(String, u16)>,
    pub(crate) mounts: Vec<MountPlan>,
    pub(crate) startup: Option<probe::Plan>,
    pub(crate) readiness: Option<probe::Plan>,
    pub(crate) liveness: Option<probe::Plan>,
    pub(crate) user: Option<i64>,
    pub(crate) group: Option<i64>,
    pub(crate) non_root: bool,
    pub(crate) read_only_root: bool,
    pub(crate) no_new_privileges: bool,
}

/// A volume in a container.
#[derive(Debug, Clone)]
pub(crate) struct MountPlan {
    pub(crate) volume: String,
    pub(crate) path: String,
    pub(crate) read_only: bool,
}

/// The user of an image that may not run as root and whose pod names no other: that of distroless images.
const NON_ROOT: u32 = 65532;

impl ContainerPlan {
    /// A container of which only its name and image matter.
    pub(super) fn simulated(container: &Container) -> Self {
        Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// User and group that the container runs as: root unless something else is said.
    pub(crate) fn user_and_group(&self) -> (u32, u32) {
        let id = |given: Option<i64>| given.and_then(|given| u32::try_from(given).ok());
        let unsaid = if self.non_root { NON_ROOT } else { 0 };
        (
            id(self.user).unwrap_or(unsaid),
            id(self.group).unwrap_or_default(),
        )
    }

    pub(super) fn of(
        container: Container,
        pod: Identity,
        path: &str,
        refused: &mut Refusals,
    ) -> Option<Self> {
        let before = refused.0.len();
        let Container {
            args,
            command,
            env,
            env_from,
            image,
            liveness_probe,
            name,
            ports,
            readiness_probe,
            security_context,
            startup_probe,
            volume_mounts,
            working_dir,

            image_pull_policy: _,
            resize_policy: _,
            resources: _,
            termination_message_path: _,
            termination_message_policy: _,

            lifecycle,
            restart_policy,
            restart_policy_rules,
            stdin,
            stdin_once,
            tty,
            volume_devices,
        } = container;
        let mut refuse =
            |refuse: bool, field: &str| refused.when(refuse, format!("{path}.{field}"));
        refuse(lifecycle.is_some(), "lifecycle");
        refuse(restart_policy.is_some(), "restartPolicy");
        refuse(some(&restart_policy_rules), "restartPolicyRules");
        refuse(stdin == Some(true), "stdin");
        refuse(stdin_once == Some(true), "stdinOnce");
        refuse(tty == Some(true), "tty");
        refuse(some(&volume_devices), "volumeDevices");

        let env = env.unwrap_or_default();
        for (index, variable) in env.iter().enumerate() {
            if let Some(source) = &variable.value_from {
                check_source(source, &format!("{path}.env[{index}].valueFrom"), refused);
            }
        }
        let mut probe = |given: Option<Probe>, field: &str| match probe::Plan::of(given?) {
            Ok(plan) => Some(plan),
            Err(handler) => {
                refused.when(true, format!("{path}.{field}.{handler}"));
                None
            }
        };
        let startup = probe(startup_probe, "startupProbe");
        let readiness = probe(readiness_probe, "readinessProbe");
        let liveness = probe(liveness_probe, "livenessProbe");
        let mounts = volume_mounts.unwrap_or_default().into_iter().enumerate();
        let mounts = mounts
            .map(|(index, mount)| {
                MountPlan::of(mount, &format!("{path}.volumeMounts[{index}]"), refused)
            })
            .collect();
        let security = security(
            security_context.unwrap_or_default(),
            pod,
            &format!("{path}.securityContext"),
            refused,
        );
        (refused.0.len() == before).then(|| Self {
            name,
            image: image.unwrap_or_default(),
            command: command.unwrap_or_default(),
            args: args.unwrap_or_default(),
            working_dir: working_dir.filter(|folder| !folder.is_empty()),
            env,
            env_from: env_from.unwrap_or_default(),
            ports: ports
                .unwrap_or_default()
                .into_iter()
                .filter_map(|port| Some((port.name?, u16::try_from(port.container_port).ok()?)))
                .collect(),
            mounts,
            startup,
            readiness,
            liveness,
            user: security.identity.user,
            group: security.identity.group,
            non_root: security.identity.non_root,
            read_only_root: security.read_only_root,
            no_new_privileges: security.no_new_privileges,
        })
    }
}

fn check_source(source: &EnvVarSource, path: &str, refused: &mut Refusals) {
    let EnvVarSource {
        config_map_key_ref: _,
        field_ref: _,
        secret_key_ref: _,
        resource_field_ref: _,

        file_key_ref,
    } = source;
    refused.when(file_key_ref.is_some(), format!("{path}.fileKeyRef"));
}

impl MountPlan {
    fn of(mount: VolumeMount, path: &str, refused: &mut Refusals) -> Self {
        let VolumeMount {
            mount_path,
            name,
            read_only,

            recursive_read_only: _,

            bind_mount_options,
            mount_propagation,
            sub_path,
            sub_path_expr,
        } = mount;
        let given = |text: Option<String>| text.is_some_and(|text| !text.is_empty());
        refused.when(
            some(&bind_mount_options),
            format!("{path}.bindMountOptions"),
        );
        refused.when(
            mount_propagation.is_some_and(|mode| mode != "None"),
            format!("{path}.mountPropagation"),
        );
        refused.when(given(sub_path), format!("{path}.subPath"));
        refused.when(given(sub_path_expr), format!("{path}.subPathExpr"));
        Self {
            volume: name,
            path: mount_path,
            read_only: read_only == Some(true),
        }
    }
}

struct Security {
    identity: Identity,
    read_only_root: bool,
    no_new_privileges: bool,
}

fn security(
    context: SecurityContext,
    pod: Identity,
    path: &str,
    refused: &mut Refusals,
) -> Security {
    let SecurityContext {
        allow_privilege_escalation,
        read_only_root_filesystem,
        run_as_group,
        run_as_non_root,
        run_as_user,

        app_armor_profile: _,
        se_linux_options: _,
        seccomp_profile: _,

        capabilities,
        privileged,
        proc_mount,
        windows_options,
    } = context;
    let Capabilities { add, drop: _ } = capabilities.unwrap_or_default();
    refused.when(
        add.unwrap_or_default()
            .iter()
            .any(|capability| capability != "NET_BIND_SERVICE"),
        format!("{path}.capabilities.add"),
    );
    refused.when(privileged == Some(true), format!("{path}.privileged"));
    refused.when(
        proc_mount.is_some_and(|mount| mount != "Default"),
        format!("{path}.procMount"),
    );
    refused.when(windows_options.is_some(), format!("{path}.windowsOptions"));
    Security {
        identity: Identity {
            user: run_as_user.or(pod.user),
            group: run_as_group.or(pod.group),
            non_root: run_as_non_root.unwrap_or(pod.non_root),
        },
        read_only_root: read_only_root_filesystem == Some(true),
        no_new_privileges: allow_privilege_escalation == Some(false),
    }
}
