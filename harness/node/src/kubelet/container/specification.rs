//! What a container's process is started with, read from its plan and from the objects that it refers to.

use std::io;
use std::path::{Path, PathBuf};

use kube::ResourceExt;

use super::ContainerContext;
use crate::image::LocalImage;
use crate::kubelet::env::{self, Variables};
use crate::kubelet::field::FieldContext;
use crate::kubelet::objects;
use crate::kubelet::plan::{ContainerPlan, MountPlan};
use crate::kubelet::stage::{ContainerSpec, Mount};
use crate::kubelet::variables::{VariableError, names, variables};

/// What container runtimes set where an image doesn't.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a container can't be configured, in the kubelet's words.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigurationError {
    #[error("the pod has no sandbox")]
    NoSandbox,
    #[error("container's runAsUser breaks non-root policy")]
    Root,
    #[error("read what the environment refers to: {0}")]
    Read(#[from] kube::Error),
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// The specification of a container's process.
pub(super) async fn configure(
    plan: &ContainerPlan,
    context: &ContainerContext,
    image: &LocalImage,
) -> Result<ContainerSpec, ConfigurationError> {
    let sandbox = context.sandbox.ok_or(ConfigurationError::NoSandbox)?;
    if plan.non_root && plan.user == Some(0) {
        return Err(ConfigurationError::Root);
    }
    let env = environment(plan, context).await?;
    let expand = |texts: &[String]| -> Vec<String> {
        let known = |name: &str| env.get(name).map(String::as_str);
        texts.iter().map(|text| env::expand(text, known)).collect()
    };
    let entrypoint = entrypoint(&image.program, &plan.mounts);
    let mut argv = expand(&plan.command);
    if argv.is_empty() {
        argv.push(entrypoint.to_string_lossy().into_owned());
    }
    argv.extend(expand(&plan.args));
    let uid = context.pod.uid().unwrap_or_default();
    let paths = &context.node.config.paths;
    let (user, group) = plan.user_and_group();
    let mount = |mount: &MountPlan| Mount {
        source: paths.volume(&uid, &mount.volume),
        target: mount.path.clone(),
        read_only: mount.read_only,
    };
    Ok(ContainerSpec {
        sandbox,
        root: paths.container(&uid, &plan.name).join("root"),
        image_root: image.root,
        program: image.program.clone(),
        entrypoint,
        argv,
        env,
        working_dir: plan.working_dir.clone().unwrap_or_else(|| "/".to_owned()),
        etc: paths.etc(&uid),
        mounts: plan.mounts.iter().map(mount).collect(),
        user,
        group,
        read_only_root: plan.read_only_root,
        no_new_privileges: plan.no_new_privileges,
    })
}

async fn environment(
    plan: &ContainerPlan,
    context: &ContainerContext,
) -> Result<Variables, ConfigurationError> {
    let client = &context.node.config.client;
    let namespace = context.pod.namespace().unwrap_or_default();
    let objects = objects::read(client, &namespace, &names(plan)).await?;
    let links = context.service_links;
    let services = objects::service_variables(client, &namespace, links).await?;
    let fields = FieldContext {
        pod: &context.pod,
        pod_ip: Some(context.ip),
        node_ip: context.node.config.node_ip,
    };
    let mut env = variables(plan, &objects, &services, &fields)?;
    for (name, value) in [
        ("PATH", DEFAULT_PATH),
        ("HOSTNAME", &*context.host_name),
        ("HOME", "/"),
    ] {
        env.entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    Ok(env)
}

/// Where the image's program is in the container: `/<file name>`, and in a folder of its own where a volume takes that
/// place, as with Prometheus, which keeps its data in `/prometheus`.
fn entrypoint(program: &Path, mounts: &[MountPlan]) -> PathBuf {
    let name = program.file_name().unwrap_or_default();
    let usual = Path::new("/").join(name);
    let is_taken = |mount: &MountPlan| Path::new(&mount.path).starts_with(&usual);
    if mounts.iter().any(is_taken) {
        Path::new("/image").join(name)
    } else {
        usual
    }
}

/// Why a container's log could not be opened.
pub(super) fn reported(log: &Path, error: &io::Error) -> String {
    format!("open log {}: {error}", log.display())
}
