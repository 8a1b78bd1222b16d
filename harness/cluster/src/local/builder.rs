//! A cluster in three lines.

use std::path::PathBuf;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use super::{LocalCluster, LocalError, LocalOptions};
use crate::cluster::Cluster as _;
use crate::crds::install_crds;
use crate::provision::{self, Release};
use crate::{ControlPlaneOptions, LocalImage, Progress};

/// Starts a [`LocalCluster`]; whatever isn't chosen is looked up or has its default.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LocalClusterBuilder {
    options: LocalOptions,
    crds: Vec<CustomResourceDefinition>,
    release: Option<Release>,
    downloads: bool,
}

impl LocalClusterBuilder {
    /// Lets pods of this image, of any tag, run a program.
    pub fn image(mut self, name: impl Into<String>, image: LocalImage) -> Self {
        self.options.images.insert(name, image);
        self
    }

    /// Installs these types of custom resources, and waits until they are served.
    pub fn crds(mut self, crds: impl IntoIterator<Item = CustomResourceDefinition>) -> Self {
        self.crds.extend(crds);
        self
    }

    /// Chooses flags of the control plane.
    pub fn control_plane(mut self, options: ControlPlaneOptions) -> Self {
        self.options.control_plane = options;
        self
    }

    /// Names the helper program `setpoint-plane`, which is looked up otherwise.
    pub fn plane_binary(mut self, program: impl Into<PathBuf>) -> Self {
        self.options.plane_binary = Some(program.into());
        self
    }

    /// Calls `progress` with what is being waited for.
    pub fn progress(mut self, progress: Progress) -> Self {
        self.options.progress = Some(progress);
        self
    }

    /// Chooses the minor version of Kubernetes; the newest is the default.
    pub fn release(mut self, release: Release) -> Self {
        self.release = Some(release);
        self
    }

    /// Downloads or builds programs of the control plane that are nowhere to be found, which takes some minutes, once.
    /// Otherwise their absence is an error that says what helps.
    pub fn download_missing_programs(mut self) -> Self {
        self.downloads = true;
        self
    }

    /// Starts the cluster and waits until pods can be created in it. Installs aws-lc-rs as rustls' provider where the
    /// process has none.
    ///
    /// # Errors
    /// Says what is missing or which process failed, with its last lines; nothing of the cluster is left then.
    pub async fn start(mut self) -> Result<LocalCluster, LocalError> {
        // Fails only when there is a provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = provision::Options {
            release: self.release,
            ..provision::Options::from_env()
        };
        if self.downloads {
            let provisioned =
                tokio::task::spawn_blocking(move || provision::provision(&options, |_| ()));
            let provisioned = provisioned.await.map_err(|error| LocalError::System {
                doing: "provision the control plane",
                source: std::io::Error::other(error),
            })?;
            self.options.binaries = Some(provisioned?);
        } else {
            self.options.binaries = Some(provision::find(&options)?);
        }
        let cluster = LocalCluster::start(self.options).await?;
        install_crds(&cluster.client(), self.crds).await?;
        Ok(cluster)
    }
}
