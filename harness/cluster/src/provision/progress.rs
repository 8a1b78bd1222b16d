//! What a provisioner tells while it works.

use std::path::PathBuf;
use std::time::Duration;

use super::source::{Module, Program};

/// What [`provision`](super::provision()) is doing. Nothing is said when all programs are there already.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Somebody else gets this module; their result will be used.
    Waiting {
        /// What they get.
        module: Module,
        /// The lock that they hold.
        lock: PathBuf,
    },
    /// A download starts.
    Downloading {
        /// What is downloaded.
        module: Module,
        /// From where; without credentials.
        url: String,
    },
    /// Some of it came.
    Received {
        /// What is downloaded.
        module: Module,
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all, where the server says so.
        total: Option<u64>,
        /// Since the download's start.
        elapsed: Duration,
    },
    /// The downloaded programs are in the cache, their SHA-256 found right.
    Downloaded {
        /// What was downloaded.
        module: Module,
        /// What it took.
        elapsed: Duration,
    },
    /// The server could not give it: a build is tried instead.
    NotDownloaded {
        /// What could not be downloaded.
        module: Module,
        /// Why.
        why: String,
    },
    /// `go build` starts.
    Building {
        /// What is built.
        module: Module,
        /// The programs of it that are missing.
        programs: Vec<Program>,
    },
    /// One line of `go build -v`: mostly the package that has just been compiled.
    Line {
        /// What is built.
        module: Module,
        /// The line.
        line: String,
        /// Since the build's start.
        elapsed: Duration,
    },
    /// The programs are in the cache.
    Built {
        /// What was built.
        module: Module,
        /// What it took.
        elapsed: Duration,
    },
}
