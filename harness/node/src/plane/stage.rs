//! The three stages of `setpoint-plane`, each a process of its own.
//!
//! ```text
//! outer   one thread; enters the namespaces, waits for init, removes the plane's directory
//!   init  PID 1: reaps, watches the client, mounts            (setpoint-plane init SPEC)
//!     main  tokio: network, components, kubelet, proxy, relay (setpoint-plane main SPEC)
//! ```
//!
//! Standard input is the listener on the host's loopback, standard output the client's socket
//! ([`PlaneEvent`]), standard error the plane's log.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::namespaces::NamespaceError;
use super::{init, namespaces, run};
use crate::dir::{PlaneState, write_whole};
use crate::failure::{Failure, failed};
use crate::process::ProcessId;
use crate::protocol::{PlaneEvent, PlaneSpec};
use setpoint_support::error_chain;

/// Resolved by the child, between fork and exec, so it is this very program.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";
/// What a list of processes shows instead.
pub(crate) const PROGRAM_NAME: &str = "setpoint-plane";

/// Which process of the plane this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Outer,
    Init,
    Main,
}

impl Stage {
    /// The stage's word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Outer => "outer",
            Self::Init => "init",
            Self::Main => "main",
        }
    }

    fn named(name: &std::ffi::OsStr) -> Option<Self> {
        [Self::Outer, Self::Init, Self::Main]
            .into_iter()
            .find(|stage| name == stage.name())
    }
}

/// Why a stage ended before it did its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    #[error(
        "usage: setpoint-plane outer|init|main SPEC (setpoint-cluster starts it; try `setpoint cluster up`)"
    )]
    Usage,
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    #[error(transparent)]
    Plane(#[from] run::PlaneError),
}

/// The whole of the program `setpoint-plane`.
#[must_use]
pub fn plane_main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default();
    if let Some(code) = crate::kubelet::stage::run(&name) {
        return code;
    }
    let stage = Stage::named(&name);
    match go(stage, arguments.next()) {
        Ok(code) => code,
        Err(error) => {
            let text = error_chain(&error);
            eprintln!("setpoint-plane: {text}");
            PlaneEvent::Failed(text).send(io::stdout());
            ExitCode::FAILURE
        }
    }
}

fn go(stage: Option<Stage>, spec: Option<OsString>) -> Result<ExitCode, StageError> {
    let (Some(stage), Some(path)) = (stage, spec) else {
        return Err(StageError::Usage);
    };
    let spec = read_spec(Path::new(&path))?;
    match stage {
        Stage::Outer => outer(&spec),
        Stage::Init => init::run(&spec),
        Stage::Main => Ok(run::main(spec).map(|()| ExitCode::SUCCESS)?),
    }
}

fn read_spec(path: &Path) -> Result<PlaneSpec, Failure> {
    std::fs::read(path)
        .and_then(|content| Ok(serde_json::from_slice(&content)?))
        .map_err(failed::<io::Error>(format!(
            "read the plane's specification {}",
            path.display()
        )))
}

fn outer(spec: &PlaneSpec) -> Result<ExitCode, StageError> {
    // Its own session and process group: Ctrl-C is for the client, which collects evidence first.
    let session = nix::unistd::setsid().map_err(io::Error::from);
    session.map_err(failed("start a session"))?;
    let plane = ProcessId::this().map_err(failed("read this process' start time"))?;
    namespaces::enter()?;
    let mut init = Command::new(THIS_PROGRAM)
        .arg0(PROGRAM_NAME)
        .args([Stage::Init.name().as_ref(), spec.dir.spec().as_os_str()])
        .spawn()
        .map_err(failed("start PID 1 of the plane"))?;
    // When init has ended already the wait below tells why.
    if let Ok(init) = ProcessId::of(init.id()) {
        let state = serde_json::to_vec(&PlaneState { plane, init }).unwrap_or_default();
        write_whole(&spec.dir.state(), &state).map_err(failed("write the plane's state"))?;
    }
    let status = init.wait().map_err(failed("wait for PID 1 of the plane"))?;
    if init::ended_on_purpose(status) || (spec.expires.is_none() && client_is_gone()) {
        spec.dir
            .remove()
            .map_err(failed("remove the plane's directory"))?;
    }
    Ok(ExitCode::from(u8::from(!status.success())))
}

/// Whether the other end of the client's socket is closed.
fn client_is_gone() -> bool {
    let stdout = io::stdout();
    let mut client = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
    poll(&mut client, PollTimeout::ZERO).is_ok()
        && client[0]
            .revents()
            .is_some_and(|found| found.contains(PollFlags::POLLHUP))
}
