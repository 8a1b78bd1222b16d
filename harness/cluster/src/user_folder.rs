//! Where this user's clusters keep their files: `$XDG_RUNTIME_DIR/setpoint/`, else `/tmp/setpoint-<uid>/`, readable by
//! the user alone because they hold credentials.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

/// A folder of this user's, made if it is not there; no other user can read it.
pub(crate) fn user_folder(name: &str) -> io::Result<PathBuf> {
    let base = match runtime_dir() {
        Some(runtime) => runtime.join("setpoint"),
        None => std::env::temp_dir().join(format!("setpoint-{}", Uid::effective())),
    };
    let folder = base.join(name);
    private_dirs(&folder)?;
    // Anybody may have made /tmp/setpoint-<uid> first, to read what is put there.
    let (owner, mode) = fs::metadata(&base).map(|m| (m.uid(), m.mode()))?;
    if owner != Uid::effective().as_raw() || mode & 0o077 != 0 {
        let problem = format!("{} is open to others than this user", base.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok(folder)
}

/// `su` leaves another user's XDG_RUNTIME_DIR in the environment; that one is no use.
fn runtime_dir() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    let ours = fs::metadata(&dir).is_ok_and(|m| m.uid() == Uid::effective().as_raw());
    (dir.is_absolute() && ours).then_some(dir)
}

pub(crate) fn private_dirs(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
