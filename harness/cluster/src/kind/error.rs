//! Why there is no kind cluster.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::provider::{Fault, NameError, ProviderError};

/// Why a kind cluster could not be started, used or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KindError {
    /// There is no `kind` command.
    #[error(
        "find `kind`: it is neither in PATH nor in the cache; install it (https://kind.sigs.k8s.io), or name it in SETPOINT_KIND"
    )]
    NoKind,
    /// The `kind` command that was named isn't there.
    #[error("use {} as `kind`: there is no such file; correct or unset SETPOINT_KIND", path.display())]
    NotAProgram {
        /// What was named.
        path: PathBuf,
    },
    /// The container engine doesn't answer.
    #[error(
        "no container engine for kind: `{engine} info` failed: {reason}\n\
         start it, let DOCKER_HOST name its socket, make sure this user may use it, or choose another by KIND_EXPERIMENTAL_PROVIDER"
    )]
    NoEngine {
        /// The engine's command.
        engine: String,
        /// What it said.
        reason: String,
    },
    /// A command can't be started.
    #[error("start `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A command failed.
    #[error("`{command}` ended with {status}:\n{said}{}", cure.map_or_else(String::new, |cure| format!("\n{cure}")))]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines that it printed.
        said: String,
        /// What helps, where that is known.
        cure: Option<&'static str>,
    },
    /// A file can't be made.
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
    /// A program can't be made into an image.
    #[error(
        "put {} into an image with its libraries: `ldd` says: {said}\n\
         link it statically (`-C target-feature=+crt-static`; CGO_ENABLED=0 for Go) and it needs none",
        program.display()
    )]
    Libraries {
        /// Its path on this machine.
        program: PathBuf,
        /// What is said of its libraries.
        said: String,
    },
    /// The cluster's own kubeconfig is of no use, or its API server doesn't answer.
    #[error("speak to kind cluster `{name}`")]
    Client {
        /// The cluster's name.
        name: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The node is up and something that every pod needs isn't.
    #[error("kind cluster `{name}`: {what} is not there after {} s{said}", limit.as_secs())]
    NotReady {
        /// The cluster's name.
        name: String,
        /// What was waited for.
        what: &'static str,
        /// For how long.
        limit: Duration,
        /// What the node says of itself, and what helps; empty where it says nothing.
        said: String,
    },
    /// It was removed and is still there.
    #[error("kind cluster `{name}` is still there {} s after it was removed; look at `docker ps`", limit.as_secs())]
    StillThere {
        /// The cluster's name.
        name: String,
        /// How long its end was waited for.
        limit: Duration,
    },
    /// Its authorities are of no use.
    #[error("read the authorities of kind cluster `{name}`")]
    Authorities {
        /// The cluster's name.
        name: String,
        /// Why they can't be read.
        #[source]
        source: rcgen::Error,
    },
    /// No cluster can be had by that name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It was given up while it started.
    #[error("kind cluster `{name}` was interrupted while it started")]
    Interrupted {
        /// The name that `kind get clusters` shows.
        name: String,
    },
}

impl From<KindError> for ProviderError {
    fn from(error: KindError) -> Self {
        let fault = match &error {
            KindError::NotAProgram { .. } | KindError::Libraries { .. } | KindError::Name(_) => {
                Fault::Caller
            }
            KindError::Interrupted { .. } => Fault::Interrupted,
            KindError::NoKind
            | KindError::NoEngine { .. }
            | KindError::Start { .. }
            | KindError::Command { .. }
            | KindError::Files { .. }
            | KindError::Client { .. }
            | KindError::NotReady { .. }
            | KindError::StillThere { .. }
            | KindError::Authorities { .. } => Fault::Cluster,
        };
        Self::new(fault, error)
    }
}
