//! The specification file: all that a plane has to know before it starts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control_plane::{Binaries, ControlPlaneOptions};
use crate::dir::PlaneDir;
use crate::image::ImageTable;
use crate::process::ProcessId;

/// Everything that a plane needs to know; written by the client before it starts one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaneSpec {
    /// The plane's name, unique for its user.
    pub name: String,
    /// Where its files are; this specification is one of them.
    pub dir: PlaneDir,
    /// Who asked for it, so that `reap` leaves a plane alone that has only just been asked for.
    pub client: ProcessId,
    /// When a detached plane ends by itself.
    pub expires: Option<jiff::Timestamp>,
    /// The control plane's programs.
    pub binaries: Binaries,
    /// Which program stands for which image.
    pub images: ImageTable,
    /// How long a plane may take to become ready.
    pub ready_timeout: Duration,
    /// Flags of the control plane.
    pub options: ControlPlaneOptions,
}
