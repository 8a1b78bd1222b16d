//! A pod's files: its volumes, kept up to date, and its `/etc`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use setpoint_support::error_chain;

use super::context::Node;
use super::field::FieldContext;
use super::objects::{self, Names};
use super::plan::{ContainerPlan, Content, PodPlan, Source};
use super::volume::{self, Objects, PayloadError, SwapError, TokenKey, payload, token_key};

/// The kubelet renews a token when a fifth of its life is left, and at the latest after a day (`maxTTL`).
const LONGEST_USE: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a pod's files can't be written, in the kubelet's words.
#[derive(Debug, thiserror::Error)]
pub(super) enum MountError {
    #[error("the Services' names are not known")]
    NoNames,
    #[error("write {}: {source}", folder.display())]
    Etc { folder: PathBuf, source: io::Error },
    #[error("read what the volumes hold: {0}")]
    Read(kube::Error),
    #[error("failed to fetch token: {0}")]
    Token(kube::Error),
    #[error(
        "MountVolume.SetUp failed for volume \"{name}\" : {}",
        error_chain(source)
    )]
    Volume { name: String, source: VolumeError },
}

/// Why one volume can't be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum VolumeError {
    #[error(transparent)]
    Scratch(#[from] io::Error),
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error(transparent)]
    Swap(#[from] SwapError),
}

/// The files of one pod's volumes.
pub(super) struct Volumes {
    names: Names,
    tokens: BTreeMap<TokenKey, Issued>,
}

/// A token and when it is to be renewed.
struct Issued {
    token: String,
    renew: Instant,
}

impl Volumes {
    pub(super) fn of(plan: &PodPlan) -> Self {
        let mut names = Names::default();
        for source in sources(plan) {
            match source {
                Source::Secret { name, .. } => drop(names.secrets.insert(name.clone())),
                Source::ConfigMap { name, .. } => drop(names.config_maps.insert(name.clone())),
                Source::Downward(_) | Source::Token(_) => {}
            }
        }
        Self {
            names,
            tokens: BTreeMap::new(),
        }
    }

    /// The objects whose changes concern these volumes.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// When the next token is to be renewed.
    pub(super) fn next_renewal(&self) -> Option<Instant> {
        self.tokens.values().map(|issued| issued.renew).min()
    }

    /// Makes the next [`Volumes::write`] ask for new tokens.
    pub(super) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Writes all volumes as they are to be now.
    pub(super) async fn write(
        &mut self,
        node: &Node,
        plan: &PodPlan,
        fields: &FieldContext<'_>,
    ) -> Result<(), MountError> {
        let client = &node.config.client;
        let namespace = fields.pod.namespace().unwrap_or_default();
        let uid = fields.pod.uid().unwrap_or_default();
        let mut objects = objects::read(client, &namespace, &self.names)
            .await
            .map_err(MountError::Read)?;
        self.issue_tokens(client, plan, fields.pod).await?;
        objects.tokens = self
            .tokens
            .iter()
            .map(|(key, issued)| (key.clone(), issued.token.clone()))
            .collect();
        for volume in &plan.volumes {
            let folder = node.config.paths.volume(&uid, &volume.name);
            let written = write_volume(&folder, &volume.content, &objects, fields);
            written.map_err(|source| MountError::Volume {
                name: volume.name.clone(),
                source,
            })?;
        }
        Ok(())
    }

    async fn issue_tokens(
        &mut self,
        client: &Client,
        plan: &PodPlan,
        pod: &Pod,
    ) -> Result<(), MountError> {
        for source in sources(plan) {
            let Source::Token(projection) = source else {
                continue;
            };
            let key = token_key(projection);
            let fresh = self.tokens.get(&key);
            if fresh.is_some_and(|issued| issued.renew > Instant::now()) {
                continue;
            }
            let issued = issue(client, &plan.service_account, pod, &key)
                .await
                .map_err(MountError::Token)?;
            self.tokens.insert(key, issued);
        }
        Ok(())
    }
}

fn sources(plan: &PodPlan) -> impl Iterator<Item = &Source> {
    plan.volumes
        .iter()
        .flat_map(|volume| match &volume.content {
            Content::Files { sources, .. } => sources.as_slice(),
            Content::Scratch { .. } => &[],
        })
}

async fn issue(
    client: &Client,
    account: &str,
    pod: &Pod,
    (audience, seconds): &TokenKey,
) -> Result<Issued, kube::Error> {
    let namespace = pod.namespace().unwrap_or_default();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: (!audience.is_empty()).then(|| vec![audience.clone()]),
            expiration_seconds: Some(*seconds),
            bound_object_ref: Some(BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: pod.metadata.name.clone(),
                uid: pod.metadata.uid.clone(),
            }),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let params = PostParams::default();
    let answer = accounts
        .create_token_request(account, &params, &request)
        .await?;
    // What was asked for may have been prolonged; what was asked for is what counts, as for the kubelet.
    let lifetime = Duration::from_secs(u64::try_from(*seconds).unwrap_or_default());
    let used = (lifetime * 4 / 5).min(LONGEST_USE);
    Ok(Issued {
        token: answer
            .status
            .and_then(|status| status.token)
            .unwrap_or_default(),
        renew: Instant::now() + used,
    })
}

fn write_volume(
    folder: &Path,
    content: &Content,
    objects: &Objects,
    fields: &FieldContext<'_>,
) -> Result<(), VolumeError> {
    match content {
        Content::Scratch { mode } => make_scratch(folder, *mode)?,
        Content::Files {
            sources,
            default_mode,
        } => {
            let files = payload(sources, *default_mode, objects, fields)?;
            volume::swap(folder, &files)?;
        }
    }
    Ok(())
}

fn make_scratch(folder: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode))
}

/// Writes what every container of a pod finds in `/etc`. The hosts file is rewritten in place later on, because
/// containers have it mounted.
pub(super) fn write_etc(
    folder: &Path,
    host_name: &str,
    hosts: &str,
    plan: &PodPlan,
) -> io::Result<()> {
    let mut passwd =
        "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n".to_owned();
    let mut group = "root:x:0:\nnogroup:x:65534:\n".to_owned();
    let users: BTreeSet<_> = plan
        .containers
        .iter()
        .map(ContainerPlan::user_and_group)
        .collect();
    for (user, user_group) in users
        .into_iter()
        .filter(|&(user, _)| user != 0 && user != 65534)
    {
        passwd.push_str(&format!(
            "user{user}:x:{user}:{user_group}::/:/sbin/nologin\n"
        ));
        if user_group != 0 && user_group != 65534 {
            group.push_str(&format!("group{user_group}:x:{user_group}:\n"));
        }
    }
    std::fs::create_dir_all(folder)?;
    for (name, content) in [
        ("passwd", &*passwd),
        ("group", &*group),
        ("hosts", hosts),
        ("hostname", &*format!("{host_name}\n")),
        // There is no DNS server: names are those of the hosts file.
        ("resolv.conf", ""),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files\n",
        ),
    ] {
        std::fs::write(folder.join(name), content)?;
    }
    Ok(())
}
