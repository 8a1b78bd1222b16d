//! The control plane's processes: started, logged, watched.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::pause::Pausable;
use crate::failure::{Failure, failed};
use crate::logs;

/// How many of a dead process' last lines its error shows.
const SHOWN_LINES: usize = 15;

/// Why a component does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComponentError {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("{name} ended with {status}; its last lines:\n{log}")]
    Ended {
        name: &'static str,
        status: ExitStatus,
        log: String,
    },
}

/// A running process of the control plane; killed when dropped.
#[derive(Debug)]
pub(crate) struct Component {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Component {
    /// Starts `program`, with its output in `<logs>/<name>.log`.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        flags: Vec<String>,
        logs: &Path,
    ) -> Result<Self, ComponentError> {
        let log = logs.join(format!("{name}.log"));
        let start = || {
            let output = File::create(&log)?;
            Command::new(program)
                .args(flags)
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(output)
                .kill_on_drop(true)
                .spawn()
        };
        let doing = format!("start {name} ({})", program.display());
        let child = start().map_err(failed(doing))?;
        Ok(Self { name, child, log })
    }

    /// Comes back when the process has ended, which none should.
    pub(crate) async fn ended(&mut self) -> ComponentError {
        let name = self.name;
        match self.child.wait().await {
            Ok(status) => ComponentError::Ended {
                name,
                status,
                log: self.last_lines(),
            },
            Err(error) => failed::<io::Error>(format!("wait for {name}"))(error).into(),
        }
    }

    /// What pauses the process.
    pub(crate) fn pausable(&self) -> Result<Arc<Pausable>, Failure> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        let ended =
            || failed(format!("find {}", self.name))(io::Error::from(io::ErrorKind::NotFound));
        Ok(Pausable::new(Pid::from_raw(pid.ok_or_else(ended)?)))
    }

    pub(crate) fn last_lines(&self) -> String {
        logs::tail(&self.log, SHOWN_LINES)
            .unwrap_or_else(|error| format!("({}: {error})", self.log.display()))
    }
}
