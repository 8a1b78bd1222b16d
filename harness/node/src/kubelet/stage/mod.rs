//! The processes between kubelet and container: stages of the plane's own binary, each single-threaded.
//!
//! ```text
//!  kubelet ─┬─ `pod-sandbox`     holds the pod's network, UTS and IPC namespaces until its control socket closes
//!           └─ `container`       enters them, opens a PID namespace, passes signals on, tells how the container ended
//!               └─ `container-init`   PID 1 of the container: builds its root, enters its user namespace, executes the program
//! ```
//!
//! A stage's standard input is a socket to the one who started it. A `container` reads its [`ContainerSpec`] as
//! one line of JSON and then one [`StopRequest`] a line; it writes one [`Report`] a line. The end of the socket is a
//! request too: a container dies with its kubelet.

mod container;
mod init;
mod mountinfo;
mod root;
mod sandbox;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::image::ImageRoot;

pub(crate) const SANDBOX: &str = "pod-sandbox";
pub(crate) const CONTAINER: &str = "container";
const CONTAINER_INIT: &str = "container-init";

/// Runs the stage that `name` names, or says that there is none of that name.
///
/// Must be asked before the process starts a thread.
#[must_use]
pub(crate) fn run(name: &OsStr) -> Option<ExitCode> {
    match name.to_str()? {
        SANDBOX => Some(sandbox::run()),
        CONTAINER => Some(container::run()),
        CONTAINER_INIT => Some(init::run()),
        _ => None,
    }
}

/// All that a container needs to be started.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContainerSpec {
    /// The process whose network, UTS and IPC namespaces are the pod's.
    pub(crate) sandbox: u32,
    /// An empty folder that the root is mounted on.
    pub(crate) root: PathBuf,
    pub(crate) image_root: ImageRoot,
    /// The image's program on the host.
    pub(crate) program: PathBuf,
    /// Where it is in the container.
    pub(crate) entrypoint: PathBuf,
    /// The program that is executed, as the container names it, and its arguments.
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) working_dir: String,
    /// The folder whose files are the container's `/etc`.
    pub(crate) etc: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) read_only_root: bool,
    pub(crate) no_new_privileges: bool,
}

/// A folder of the host in the container.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    pub(crate) source: PathBuf,
    pub(crate) target: String,
    pub(crate) read_only: bool,
}

/// What a kubelet asks of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StopRequest {
    /// End yourself: SIGTERM.
    Terminate,
    /// Be ended: SIGKILL.
    Kill,
}

/// What a container's stage reports.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Report {
    /// The program is running.
    Started,
    /// The program could not be started, and why.
    Failed(String),
    /// The program has ended, with its code or, as container runtimes have it, 128 + its signal.
    Exited(i32),
}

/// Why a stage can't do its work: what was being done, and the system's answer.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
struct StageError {
    doing: String,
    source: io::Error,
}

/// Says what was being done when a system call failed.
trait Doing<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, StageError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, StageError> {
        self.map_err(|error| StageError {
            doing: doing(),
            source: error.into(),
        })
    }
}

/// The socket on standard input, as a descriptor that no executed program inherits.
fn control() -> Result<UnixStream, StageError> {
    io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .doing(|| "take the control socket over from standard input".to_owned())
}
