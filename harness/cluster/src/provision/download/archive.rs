//! One file out of a `tar.gz`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;

/// Copies the archive's file `member` to `to`.
pub(super) fn unpack(archive: &Path, member: &str, to: &Path) -> io::Result<()> {
    let file = BufReader::new(File::open(archive)?);
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() && entry.path()? == Path::new(member) {
            io::copy(&mut entry, &mut File::create(to)?)?;
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "it isn't in there"))
}
