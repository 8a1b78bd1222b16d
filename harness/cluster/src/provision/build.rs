//! Filling the cache by `go build`.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::source::{Module, Program};
use super::{Progress, ProvisionError, cache, is_executable};

/// How much of go's output an error shows.
const LAST_LINES: usize = 20;

/// Builds what is missing of `wanted`, unless another process is just doing it: then waits for that one.
pub(super) fn into_cache(
    module: Module,
    wanted: &[Program],
    cache: &Path,
    go: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<(), ProvisionError> {
    io_at("create", cache, fs::create_dir_all)?;
    // Held to the end of this function; the system lets go of it should this process die.
    let _lock = lock(module, cache, progress)?;
    let missing: Vec<Program> = wanted
        .iter()
        .copied()
        .filter(|program| !is_executable(&cache::path_of(cache, *program)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let started = Instant::now();
    progress(Progress::Building {
        module,
        programs: missing.clone(),
    });
    let workshop = Workshop::open(cache::workshop_of(cache, module))?;
    workshop.write("go.mod", module.go_mod())?;
    workshop.write("go.sum", module.go_sum())?;
    run_go(module, &missing, go, &workshop.0, |line| {
        progress(Progress::Line {
            module,
            line,
            elapsed: started.elapsed(),
        });
    })?;
    for program in missing {
        let place = cache::path_of(cache, program);
        if let Some(folder) = place.parent() {
            io_at("create", folder, fs::create_dir_all)?;
        }
        let built = workshop.0.join("bin").join(program.built_name());
        io_at("move the built program to", &place, |place| {
            fs::rename(&built, place)
        })?;
    }
    progress(Progress::Built {
        module,
        elapsed: started.elapsed(),
    });
    Ok(())
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

fn run_go(
    module: Module,
    programs: &[Program],
    go: &Path,
    workshop: &Path,
    mut said: impl FnMut(String),
) -> Result<(), ProvisionError> {
    let mut command = Command::new(go);
    command
        .args(["build", "-v", "-mod=readonly", "-trimpath", "-ldflags"])
        .arg(module.ldflags())
        .args(["-o", "bin/"])
        .args(programs.iter().map(|program| program.package()))
        .current_dir(workshop)
        // A go.work above the cache must not replace the modules.
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let start_error = |source| ProvisionError::Start {
        go: go.to_owned(),
        source,
    };
    let mut build = KillOnDrop(command.spawn().map_err(start_error)?);
    let mut last_lines = VecDeque::new();
    if let Some(output) = build.0.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(start_error)?).into_owned();
            if last_lines.len() == LAST_LINES {
                last_lines.pop_front();
            }
            last_lines.push_back(line.clone());
            said(line);
        }
    }
    let status = build.0.wait().map_err(start_error)?;
    if status.success() {
        return Ok(());
    }
    Err(ProvisionError::Build {
        module,
        workshop: workshop.to_owned(),
        status: status.to_string(),
        last_lines: Vec::from(last_lines).join("\n"),
    })
}

/// A build that nobody waits for any more is ended, also when the progress callback panics.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // Both fail only when the process has just ended by itself.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// A folder for one build, removed with everything in it.
struct Workshop(PathBuf);

impl Workshop {
    /// Whoever holds the module's lock owns the folder; what a killed build left there goes.
    fn open(path: PathBuf) -> Result<Self, ProvisionError> {
        io_at("clear", &path, |path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })?;
        let workshop = Self(path);
        io_at("create", &workshop.0.join("bin"), fs::create_dir_all)?;
        Ok(workshop)
    }

    fn write(&self, name: &str, content: &str) -> Result<(), ProvisionError> {
        io_at("write", &self.0.join(name), |path| fs::write(path, content))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "remove the build's folder");
        }
    }
}

fn io_at<'a, T>(
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
