//! Why there is no control plane to start.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::release::Release;
use super::source::{Module, Program};

/// Why there is no control plane to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// A variable or option names a program that is not there or not executable.
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
    /// A release is chosen, and a variable or option names a program, which may be of another one.
    #[error(
        "use Kubernetes {release}: {} names {} too, whatever its version is; unset it, or choose no version",
        program.variable(),
        path.display()
    )]
    ChosenTwice {
        /// Which program.
        program: Program,
        /// The named path.
        path: PathBuf,
        /// The chosen release.
        release: Release,
    },
    /// Programs are nowhere.
    #[error("{0}")]
    Missing(String),
    /// The cache can't be written.
    #[error("{doing} {}{}", path.display(), cure(source))]
    Cache {
        /// What was being done, such as `write`.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The address to download from is not a URL.
    #[error("download {module}: {} (--{module}-url) names no place to download from: {why}", module.url_variable(), module = module.name())]
    Url {
        /// Of which module.
        module: Module,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP client can't be made.
    #[error("make a client for downloads")]
    Client(#[source] reqwest::Error),
    /// The download has nothing to run on.
    #[error("start a runtime for downloads")]
    Runtime(#[source] io::Error),
    /// The server can't be reached, fell silent or broke off.
    #[error("download {url}")]
    Download {
        /// What was asked for.
        url: String,
        /// The transport's failure.
        #[source]
        source: reqwest::Error,
    },
    /// The server has something else to say.
    #[error("download {url}: the server answers {status}")]
    Answer {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server's list of checksums doesn't know the file.
    #[error("download {file}: {checksums} holds no SHA-256 of it; is that the server you mean?")]
    NoChecksum {
        /// Where it was to be, or is.
        file: String,
        /// Where its checksum should be.
        checksums: String,
    },
    /// What came isn't what the server says that it has.
    #[error(
        "{url} is not kept: its SHA-256 is {found}, and {checksums} says {expected}; try again, and if it \
         stays so don't trust the server"
    )]
    Checksum {
        /// Where it was to be, or is.
        url: String,
        /// Where its checksum is.
        checksums: String,
        /// What came.
        found: String,
        /// What should have come.
        expected: String,
    },
    /// The archive is broken or another one.
    #[error("take {member} out of {url}")]
    Archive {
        /// The archive.
        url: String,
        /// Which of its files.
        member: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The `go` command can't be started.
    #[error("start {}", go.display())]
    Start {
        /// The command line.
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

/// What helps against a full disk or another user's folder.
fn cure(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " (free some space, or name another folder by SETPOINT_CACHE_DIR)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (name a folder that is yours by SETPOINT_CACHE_DIR)"
        }
        _ => "",
    }
}

/// A program that was not found.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) program: Program,
    pub(super) tried: Vec<String>,
}

impl ProvisionError {
    /// Whether the server can't give it now, so that another way is worth a try. A wrong checksum isn't that.
    pub(super) fn is_unavailable(&self) -> bool {
        matches!(self, Self::Download { .. } | Self::Answer { .. })
    }

    /// Names all missing programs and the ways tried, and what helps.
    pub(super) fn missing(missing: &[Missing], help: &str) -> Self {
        let mut text = "the control plane's programs are not all there".to_owned();
        for Missing { program, tried } in missing {
            let _ = write!(text, "\n  no {program}: {}", tried.join("; "));
        }
        let variables: Vec<_> = missing.iter().map(|m| m.program.variable()).collect();
        let _ = write!(
            text,
            "\n{help}, or set {} to ready ones",
            variables.join(", ")
        );
        Self::Missing(text)
    }
}
