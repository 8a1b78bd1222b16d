//! Why there is no plane.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::crds::CrdError;
use crate::pki::PkiError;
use crate::provider::{Fault, NameError, ProviderError};
use crate::provision::ProvisionError;

/// Why a plane could not be started, found or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The control plane's programs are missing.
    #[error(transparent)]
    Programs(#[from] ProvisionError),
    /// A type of custom resources is not served.
    #[error(transparent)]
    Crd(#[from] CrdError),
    /// The start was given up.
    #[error("the start of the plane was interrupted")]
    Interrupted,
    /// The helper program is nowhere.
    #[error(
        "find the helper program `setpoint-plane`; looked at {}; build it (`cargo build -p setpoint-cluster`) or \
         name it in SETPOINT_PLANE_BIN",
        listed(.looked_at)
    )]
    NoPlaneBinary {
        /// Where it was looked for, in this order.
        looked_at: Vec<PathBuf>,
    },
    /// A file or folder of the plane could not be made.
    #[error("{doing} {}", path.display())]
    Files {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A key or certificate could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The API server can't be reached at the address that was asked for.
    #[error(
        "listen on {address} for the API server; give a free address of this machine, port 0 for any"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The system refused something that has no path.
    #[error("{doing}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The plane was started and ended before it was ready.
    #[error("start plane `{name}`: {why}")]
    NotStarted {
        /// The plane's name.
        name: String,
        /// What it said.
        why: NotStarted,
    },
    /// The plane's own kubeconfig is of no use.
    #[error("make a client of plane `{name}`")]
    Client {
        /// The plane's name.
        name: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No plane can be had by that name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The plane is being started, and has not yet written which processes it is.
    #[error("plane `{name}` is still being started after {} s; try again", limit.as_secs())]
    StillStarting {
        /// The plane's name.
        name: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The plane was killed and is still there.
    #[error("plane `{name}` did not end within {} s after it was killed", limit.as_secs())]
    StillThere {
        /// The plane's name.
        name: String,
        /// How long it was waited for.
        limit: Duration,
    },
}

impl From<LocalError> for ProviderError {
    fn from(error: LocalError) -> Self {
        let fault = match &error {
            LocalError::Listen { .. } | LocalError::Name(_) => Fault::Caller,
            LocalError::Interrupted => Fault::Interrupted,
            LocalError::Programs(_)
            | LocalError::Crd(_)
            | LocalError::NoPlaneBinary { .. }
            | LocalError::Files { .. }
            | LocalError::Pki(_)
            | LocalError::System { .. }
            | LocalError::NotStarted { .. }
            | LocalError::Client { .. }
            | LocalError::StillStarting { .. }
            | LocalError::StillThere { .. } => Fault::Cluster,
        };
        Self::new(fault, error)
    }
}

/// How a plane ended that never was ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotStarted {
    /// It said why.
    #[error("{0}")]
    Said(String),
    /// It ended without a word.
    #[error("it ended with {status}; its last lines:\n{log}")]
    Ended {
        /// The exit status of its outermost process.
        status: ExitStatus,
        /// Its last lines.
        log: String,
    },
    /// It said nothing at all for longer than everything may take.
    #[error("no word from it for {} s; its last lines:\n{log}", limit.as_secs())]
    Silent {
        /// How long it was waited for.
        limit: Duration,
        /// Its last lines.
        log: String,
    },
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
    paths.join(", ")
}
