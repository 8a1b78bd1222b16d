//! The fields of a volume.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, ConfigMapVolumeSource, DownwardAPIProjection, DownwardAPIVolumeFile,
    DownwardAPIVolumeSource, EmptyDirVolumeSource, KeyToPath, ProjectedVolumeSource,
    SecretProjection, SecretVolumeSource, ServiceAccountTokenProjection, Volume, VolumeProjection,
};

use super::Refusals;

/// A volume that can be made.
#[derive(Debug, Clone)]
pub(crate) struct VolumePlan {
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// What a volume holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A folder for the pod's life.
    Scratch {
        /// Its permissions.
        mode: u32,
    },
    /// Files that follow the API's objects.
    Files {
        /// Where they come from.
        sources: Vec<Source>,
        /// Permissions of files that name none.
        default_mode: u32,
    },
}

/// Where files of a volume come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Secret {
        name: String,
        items: Option<Vec<KeyToPath>>,
        optional: bool,
    },
    ConfigMap {
        name: String,
        items: Option<Vec<KeyToPath>>,
        optional: bool,
    },
    Downward(Vec<DownwardAPIVolumeFile>),
    Token(ServiceAccountTokenProjection),
}

const DEFAULT_FILE_MODE: i32 = 0o644;
const DEFAULT_FOLDER_MODE: i32 = 0o777;

impl VolumePlan {
    pub(super) fn of(volume: Volume, path: &str, refused: &mut Refusals) -> Option<Self> {
        let Volume {
            name,
            config_map,
            downward_api,
            empty_dir,
            projected,
            secret,

            aws_elastic_block_store,
            azure_disk,
            azure_file,
            cephfs,
            cinder,
            csi,
            ephemeral,
            fc,
            flex_volume,
            flocker,
            gce_persistent_disk,
            git_repo,
            glusterfs,
            host_path,
            image,
            iscsi,
            nfs,
            persistent_volume_claim,
            photon_persistent_disk,
            portworx_volume,
            quobyte,
            rbd,
            scale_io,
            storageos,
            vsphere_volume,
        } = volume;
        let before = refused.0.len();
        for (present, field) in [
            (aws_elastic_block_store.is_some(), "awsElasticBlockStore"),
            (azure_disk.is_some(), "azureDisk"),
            (azure_file.is_some(), "azureFile"),
            (cephfs.is_some(), "cephfs"),
            (cinder.is_some(), "cinder"),
            (csi.is_some(), "csi"),
            (ephemeral.is_some(), "ephemeral"),
            (fc.is_some(), "fc"),
            (flex_volume.is_some(), "flexVolume"),
            (flocker.is_some(), "flocker"),
            (gce_persistent_disk.is_some(), "gcePersistentDisk"),
            (git_repo.is_some(), "gitRepo"),
            (glusterfs.is_some(), "glusterfs"),
            (host_path.is_some(), "hostPath"),
            (image.is_some(), "image"),
            (iscsi.is_some(), "iscsi"),
            (nfs.is_some(), "nfs"),
            (persistent_volume_claim.is_some(), "persistentVolumeClaim"),
            (photon_persistent_disk.is_some(), "photonPersistentDisk"),
            (portworx_volume.is_some(), "portworxVolume"),
            (quobyte.is_some(), "quobyte"),
            (rbd.is_some(), "rbd"),
            (scale_io.is_some(), "scaleIO"),
            (storageos.is_some(), "storageos"),
            (vsphere_volume.is_some(), "vsphereVolume"),
        ] {
            refused.when(present, format!("{path}.{field}"));
        }
        if refused.0.len() > before {
            return None;
        }
        let content = if let Some(source) = config_map {
            of_config_map(source, &format!("{path}.configMap"), refused)
        } else if let Some(source) = secret {
            of_secret(source, &format!("{path}.secret"), refused)
        } else if let Some(source) = downward_api {
            of_downward(source, &format!("{path}.downwardAPI"), refused)
        } else if let Some(source) = projected {
            of_projected(source, &format!("{path}.projected"), refused)
        } else {
            // No source at all is an emptyDir (`SetDefaults_Volume`).
            let EmptyDirVolumeSource {
                mode,

                medium: _,
                size_limit: _,
            } = empty_dir.unwrap_or_default();
            Content::Scratch {
                mode: permissions(mode.unwrap_or(DEFAULT_FOLDER_MODE)),
            }
        };
        Some(Self { name, content })
    }
}

fn of_config_map(source: ConfigMapVolumeSource, path: &str, refused: &mut Refusals) -> Content {
    let ConfigMapVolumeSource {
        default_mode,
        items,
        name,
        optional,

        default_user,
    } = source;
    refused.when(default_user.is_some(), format!("{path}.defaultUser"));
    check_items(items.as_deref(), path, refused);
    let source = Source::ConfigMap {
        name,
        items,
        optional: optional == Some(true),
    };
    files(vec![source], default_mode)
}

fn of_secret(source: SecretVolumeSource, path: &str, refused: &mut Refusals) -> Content {
    let SecretVolumeSource {
        default_mode,
        items,
        optional,
        secret_name,

        default_user,
    } = source;
    refused.when(default_user.is_some(), format!("{path}.defaultUser"));
    check_items(items.as_deref(), path, refused);
    let source = Source::Secret {
        name: secret_name.unwrap_or_default(),
        items,
        optional: optional == Some(true),
    };
    files(vec![source], default_mode)
}

fn of_downward(source: DownwardAPIVolumeSource, path: &str, refused: &mut Refusals) -> Content {
    let DownwardAPIVolumeSource {
        default_mode,
        items,

        default_user,
    } = source;
    refused.when(default_user.is_some(), format!("{path}.defaultUser"));
    let items = items.unwrap_or_default();
    check_fields(&items, path, refused);
    files(vec![Source::Downward(items)], default_mode)
}

fn of_projected(source: ProjectedVolumeSource, path: &str, refused: &mut Refusals) -> Content {
    let ProjectedVolumeSource {
        default_mode,
        sources,

        default_user,
    } = source;
    refused.when(default_user.is_some(), format!("{path}.defaultUser"));
    let mut plans = Vec::new();
    for (index, projection) in sources.unwrap_or_default().into_iter().enumerate() {
        let path = format!("{path}.sources[{index}]");
        plans.extend(of_projection(projection, &path, refused));
    }
    files(plans, default_mode)
}

fn of_projection(
    projection: VolumeProjection,
    path: &str,
    refused: &mut Refusals,
) -> Option<Source> {
    let VolumeProjection {
        config_map,
        downward_api,
        secret,
        service_account_token,

        cluster_trust_bundle,
        pod_certificate,
    } = projection;
    refused.when(
        cluster_trust_bundle.is_some(),
        format!("{path}.clusterTrustBundle"),
    );
    refused.when(pod_certificate.is_some(), format!("{path}.podCertificate"));
    if let Some(ConfigMapProjection {
        items,
        name,
        optional,
    }) = config_map
    {
        check_items(items.as_deref(), &format!("{path}.configMap"), refused);
        return Some(Source::ConfigMap {
            name,
            items,
            optional: optional == Some(true),
        });
    }
    if let Some(SecretProjection {
        items,
        name,
        optional,
    }) = secret
    {
        check_items(items.as_deref(), &format!("{path}.secret"), refused);
        return Some(Source::Secret {
            name,
            items,
            optional: optional == Some(true),
        });
    }
    if let Some(DownwardAPIProjection { items }) = downward_api {
        let items = items.unwrap_or_default();
        check_fields(&items, &format!("{path}.downwardAPI"), refused);
        return Some(Source::Downward(items));
    }
    let token = service_account_token?;
    refused.when(
        token.user.is_some(),
        format!("{path}.serviceAccountToken.user"),
    );
    Some(Source::Token(token))
}

fn check_items(items: Option<&[KeyToPath]>, path: &str, refused: &mut Refusals) {
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        refused.when(item.user.is_some(), format!("{path}.items[{index}].user"));
    }
}

fn check_fields(items: &[DownwardAPIVolumeFile], path: &str, refused: &mut Refusals) {
    for (index, item) in items.iter().enumerate() {
        refused.when(item.user.is_some(), format!("{path}.items[{index}].user"));
    }
}

fn files(sources: Vec<Source>, default_mode: Option<i32>) -> Content {
    Content::Files {
        sources,
        default_mode: permissions(default_mode.unwrap_or(DEFAULT_FILE_MODE)),
    }
}

/// The permission bits of a mode that the API server has checked.
pub(crate) fn permissions(mode: i32) -> u32 {
    u32::try_from(mode).unwrap_or_default() & 0o777
}
