//! Files that people name, bounded.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

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
    #[error("{path} is no text: there is something else than UTF-8 at byte {at}")]
    NoText { path: PathBuf, at: usize },
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
    let zero = bytes.iter().position(|byte| *byte == 0);
    let text = String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to());
    match (text, zero) {
        (Err(at), _) | (Ok(_), Some(at)) => Err(ReadError::NoText { path: owned(), at }),
        (Ok(text), None) if text.trim().is_empty() => Err(ReadError::Empty { path: owned() }),
        (Ok(text), None) => Ok(text),
    }
}
