//! Why there is no control plane to start.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::source::{Module, Program};

/// Why there is no control plane to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// The path that somebody chose leads to no program.
    #[error(
        "use {} as {program}: it is not an executable file; correct or unset {}",
        path.display(),
        program.variable()
    )]
    NotExecutable {
        /// Which program.
        program: Program,
        /// The chosen path.
        path: PathBuf,
    },
    /// Programs are nowhere.
    #[error("{0}")]
    Missing(String),
    /// The cache can't be written.
    #[error("{doing} {}", path.display())]
    Cache {
        /// What was being done, such as `write`.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The `go` command can't be started.
    #[error("start {}", go.display())]
    Start {
        /// The command.
        go: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// `go build` failed.
    #[error("build {module} in {}: `go build` ended with {status}:\n{last_lines}", workshop.display())]
    Build {
        /// What was built.
        module: Module,
        /// In which folder.
        workshop: PathBuf,
        /// The exit status in words.
        status: String,
        /// Go's last words.
        last_lines: String,
    },
}

/// A program that was not found.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) program: Program,
    pub(super) tried: Vec<String>,
}

impl ProvisionError {
    /// Names all missing programs, the ways tried, what stood in the way of a build, and what helps.
    pub(super) fn missing(missing: Vec<Missing>, obstacle: Option<&str>) -> Self {
        let mut text = "the control plane's programs are not all there".to_owned();
        for Missing { program, tried } in &missing {
            let _ = write!(text, "\n  no {program}: {}", tried.join("; "));
            if let Some(obstacle) = obstacle {
                let _ = write!(text, "; {obstacle}");
            }
        }
        let variables: Vec<_> = missing.iter().map(|m| m.program.variable()).collect();
        let _ = write!(
            text,
            "\nrun `setpoint cluster provision` once with Go in PATH (it builds them in some minutes), \
             or set {} to ready ones",
            variables.join(", ")
        );
        Self::Missing(text)
    }
}
