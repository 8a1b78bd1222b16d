//! Files that people name, bounded.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use setpoint_support::{NotUtf8, text_of};

/// Four times what a ConfigMap holds.
const MAX_BYTES: u64 = 4 << 20;

/// Why a file isn't read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("read {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is a folder: name its files, such as {path}/*.yaml")]
    Folder { path: PathBuf },
    #[error(
        "{path} has more than {} MiB, and a ConfigMap holds one: is it a configuration?",
        MAX_BYTES >> 20
    )]
    TooLong { path: PathBuf },
    #[error("{path} is no text")]
    NoText {
        path: PathBuf,
        #[source]
        source: NotUtf8,
    },
    #[error("{path} is empty")]
    Empty { path: PathBuf },
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, ReadError> {
    let owned = || path.to_owned();
    let failed = |source| ReadError::Io {
        path: owned(),
        source,
    };
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(ReadError::Folder { path: owned() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // Pipes have no length before they are read.
    let mut bounded = file.take(MAX_BYTES + 1);
    bounded.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ReadError::TooLong { path: owned() });
    }
    // No text has a zero, and UTF-16 has many: as what is never UTF-8, it is told with its place.
    if let Some(zero) = bytes.iter_mut().find(|byte| **byte == 0) {
        *zero = 0xff;
    }
    let path = owned();
    match text_of(bytes) {
        Err(source) => Err(ReadError::NoText { path, source }),
        Ok(text) if text.trim().is_empty() => Err(ReadError::Empty { path }),
        Ok(text) => Ok(text),
    }
}
