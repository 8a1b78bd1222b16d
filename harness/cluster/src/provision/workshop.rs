//! Filling a module's folder of the cache: one at a time, and whole programs only.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cache::{self, is_executable};
use super::source::{Module, Program};
use super::{Progress, ProvisionError};

/// Puts what is missing of `wanted` into the cache: `make` makes it in the workshop. When another process is just
/// doing it, waits for that one instead. Tells how long it took, if there was anything to do.
pub(super) fn fill<P: FnMut(Progress)>(
    module: Module,
    wanted: &[Program],
    cache: &Path,
    progress: &mut P,
    make: impl FnOnce(&Workshop, &[Program], &mut P) -> Result<(), ProvisionError>,
) -> Result<Option<Duration>, ProvisionError> {
    io_at("create", cache, fs::create_dir_all)?;
    // Held to the end of this function; the system lets go of it should this process die.
    let _lock = lock(module, cache, progress)?;
    let missing: Vec<Program> = wanted
        .iter()
        .copied()
        .filter(|program| !is_executable(&cache::path_of(cache, module, *program)))
        .collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let started = Instant::now();
    let workshop = Workshop::open(cache::workshop_of(cache, module))?;
    make(&workshop, &missing, progress)?;
    for program in missing {
        let place = cache::path_of(cache, module, program);
        if let Some(folder) = place.parent() {
            io_at("create", folder, fs::create_dir_all)?;
        }
        let made = workshop.program(program);
        let executable = Permissions::from_mode(0o755);
        io_at("make executable", &made, |made| {
            fs::set_permissions(made, executable)
        })?;
        io_at("move the program to", &place, |place| {
            fs::rename(&made, place)
        })?;
    }
    Ok(Some(started.elapsed()))
}

fn lock(
    module: Module,
    cache: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<File, ProvisionError> {
    let path = cache::lock_of(cache, module);
    let file = io_at("create", &path, File::create)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => {
            return Err(ProvisionError::Cache {
                doing: "lock",
                path,
                source,
            });
        }
    }
    progress(Progress::Waiting {
        module,
        lock: path.clone(),
    });
    io_at("lock", &path, |_| file.lock())?;
    Ok(file)
}

/// A folder in which programs are made, removed with everything in it.
pub(super) struct Workshop(PathBuf);

impl Workshop {
    /// The holder of the module's lock owns the folder; what a killed process left there is removed.
    fn open(path: PathBuf) -> Result<Self, ProvisionError> {
        io_at("clear", &path, |path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })?;
        let workshop = Self(path);
        io_at("create", &workshop.0.join("bin"), fs::create_dir_all)?;
        Ok(workshop)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where a finished program lies.
    pub(super) fn program(&self, program: Program) -> PathBuf {
        self.0.join("bin").join(program.name())
    }

    pub(super) fn write(&self, name: &str, content: &str) -> Result<(), ProvisionError> {
        io_at("write", &self.0.join(name), |path| fs::write(path, content))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "remove the workshop");
        }
    }
}

pub(super) fn io_at<'a, T>(
    doing: &'static str,
    path: &'a Path,
    work: impl FnOnce(&'a Path) -> io::Result<T>,
) -> Result<T, ProvisionError> {
    work(path).map_err(|source| ProvisionError::Cache {
        doing,
        path: path.to_owned(),
        source,
    })
}
