//! One plane's folder, which only its user can read: it holds credentials.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::process::ProcessId;

/// Kubernetes' name of a kubeconfig for the kube-controller-manager, in [`PlaneDir::pki`].
pub const CONTROLLER_MANAGER_KUBECONFIG: &str = "controller-manager.conf";
/// The kubeconfig that the plane itself uses, straight to the API server, in [`PlaneDir::pki`].
pub const INTERNAL_KUBECONFIG: &str = "admin.conf";

/// One plane's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaneDir(PathBuf);

impl PlaneDir {
    /// The plane that is, or will be, in this folder.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the folder; it must not be there.
    ///
    /// # Errors
    /// When it is there ([`io::ErrorKind::AlreadyExists`]) or can't be made.
    pub fn create(&self) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(&self.0)?;
        for sub in [self.pki(), self.logs(), self.run()] {
            fs::DirBuilder::new().mode(0o700).create(sub)?;
        }
        Ok(())
    }

    /// Removes the folder with all that is in it; one that is gone already is no error.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The specification: a [`crate::protocol::PlaneSpec`].
    #[must_use]
    pub fn spec(&self) -> PathBuf {
        self.0.join("spec.json")
    }

    /// Which processes the plane is: a [`PlaneState`].
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// The admin's kubeconfig for the host.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// Keys, certificates and the kubeconfigs of the plane's own components.
    #[must_use]
    pub fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }

    /// A `.log` file for each process of the control plane, and the plane's own.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The Unix socket that takes a [`crate::protocol::Command`].
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("plane.sock")
    }

    /// In the plane a tmpfs, for what no process outside needs: etcd's data, the pods' roots.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// Its processes; none before they have written who they are.
    #[must_use]
    pub fn read_state(&self) -> Option<PlaneState> {
        serde_json::from_slice(&fs::read(self.state()).ok()?).ok()
    }
}

/// Which processes a plane is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaneState {
    /// The one outside the PID namespace, which cleans up.
    pub plane: ProcessId,
    /// PID 1 of the PID namespace; with it everything ends.
    pub init: ProcessId,
}

/// Writes a file so that a reader sees all of it or nothing.
///
/// # Errors
/// When the file, or the draft beside it, can't be written.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    fs::write(&draft, content)?;
    fs::rename(&draft, path)
}
