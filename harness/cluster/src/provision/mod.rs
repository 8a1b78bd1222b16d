//! Where the control plane's programs come from.
//!
//! Each program is looked for by itself: an explicit path (`SETPOINT_ETCD`, `SETPOINT_KUBE_APISERVER`,
//! `SETPOINT_KUBE_CONTROLLER_MANAGER`), then `KUBEBUILDER_ASSETS`, then the cache (`SETPOINT_CACHE_DIR`, else
//! `$XDG_CACHE_HOME/setpoint`, else `~/.cache/setpoint`). [`find`] ends there. [`provision`] goes on and fills
//! the cache by `go build` from the Go modules in `controlplane/`, whose files are part of this crate. That
//! takes minutes, so nothing does it unasked.

mod build;
mod cache;
mod error;
mod source;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error::ProvisionError;
pub use source::{Module, Program};

use error::Missing;

/// The programs that a control plane is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binaries {
    /// `etcd`.
    pub etcd: PathBuf,
    /// `kube-apiserver`.
    pub kube_apiserver: PathBuf,
    /// `kube-controller-manager`.
    pub kube_controller_manager: PathBuf,
}

/// Where to look, and what to build with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// This `etcd` and no other.
    pub etcd: Option<PathBuf>,
    /// This `kube-apiserver` and no other.
    pub kube_apiserver: Option<PathBuf>,
    /// This `kube-controller-manager` and no other.
    pub kube_controller_manager: Option<PathBuf>,
    /// envtest's folder, which has no `kube-controller-manager`.
    pub kubebuilder_assets: Option<PathBuf>,
    /// The folder that [`provision`] fills.
    pub cache: Option<PathBuf>,
    /// The `go` command that [`provision`] builds with.
    pub go: Option<PathBuf>,
}

impl Options {
    /// What the environment says.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// What variables say that `value_of` knows; an empty one counts as unset.
    fn from_variables(value_of: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| value_of(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        let cache = path("SETPOINT_CACHE_DIR")
            .or_else(|| Some(path("XDG_CACHE_HOME")?.join("setpoint")))
            .or_else(|| Some(path("HOME")?.join(".cache/setpoint")));
        let go = set("PATH").and_then(|path| {
            std::env::split_paths(&path)
                .map(|folder| folder.join("go"))
                .find(|file| is_executable(file))
        });
        Self {
            etcd: path(Program::Etcd.variable()),
            kube_apiserver: path(Program::KubeApiserver.variable()),
            kube_controller_manager: path(Program::KubeControllerManager.variable()),
            kubebuilder_assets: path("KUBEBUILDER_ASSETS"),
            cache,
            go,
        }
    }

    fn explicit(&self, program: Program) -> Option<&PathBuf> {
        match program {
            Program::Etcd => self.etcd.as_ref(),
            Program::KubeApiserver => self.kube_apiserver.as_ref(),
            Program::KubeControllerManager => self.kube_controller_manager.as_ref(),
        }
    }
}

/// What [`provision`] is doing. Nothing is said when all programs are there already.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Somebody else builds this module; their result will be used.
    Waiting {
        /// What they build.
        module: Module,
        /// The lock that they hold.
        lock: PathBuf,
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

/// Finds the programs and never builds them.
///
/// # Errors
/// When an explicit path leads to no program, and when a program is nowhere: the one error names
/// every missing program, all places looked at, and what helps.
pub fn find(options: &Options) -> Result<Binaries, ProvisionError> {
    let mut missing = Vec::new();
    let found = search(options, &mut missing)?;
    found.ok_or_else(|| ProvisionError::missing(missing, None))
}

/// Finds the programs and builds those that are missing into the cache. This blocks for minutes; an
/// asynchronous caller gives it a thread of its own.
///
/// # Errors
/// As [`find`], and when there is no `go`, the build fails or the cache can't be written.
pub fn provision(
    options: &Options,
    mut progress: impl FnMut(Progress),
) -> Result<Binaries, ProvisionError> {
    let mut missing = Vec::new();
    if let Some(found) = search(options, &mut missing)? {
        return Ok(found);
    }
    let Some(cache) = &options.cache else {
        let obstacle = "not built: none of SETPOINT_CACHE_DIR, XDG_CACHE_HOME and HOME is set";
        return Err(ProvisionError::missing(missing, Some(obstacle)));
    };
    let Some(go) = &options.go else {
        return Err(ProvisionError::missing(
            missing,
            Some("not built: no `go` in PATH"),
        ));
    };
    for module in Module::ALL {
        let wanted: Vec<Program> = missing
            .iter()
            .map(|missing| missing.program)
            .filter(|program| program.module() == module)
            .collect();
        if !wanted.is_empty() {
            build::into_cache(module, &wanted, cache, go, &mut progress)?;
        }
    }
    find(options)
}

/// All programs, or `None` and what is missing.
fn search(
    options: &Options,
    missing: &mut Vec<Missing>,
) -> Result<Option<Binaries>, ProvisionError> {
    let mut look = |program| match locate(program, options)? {
        Ok(path) => Ok(Some(path)),
        Err(tried) => {
            missing.push(Missing { program, tried });
            Ok::<_, ProvisionError>(None)
        }
    };
    let (etcd, kube_apiserver, kube_controller_manager) = (
        look(Program::Etcd)?,
        look(Program::KubeApiserver)?,
        look(Program::KubeControllerManager)?,
    );
    Ok((|| {
        Some(Binaries {
            etcd: etcd?,
            kube_apiserver: kube_apiserver?,
            kube_controller_manager: kube_controller_manager?,
        })
    })())
}

/// The program's path, or what was tried.
fn locate(
    program: Program,
    options: &Options,
) -> Result<Result<PathBuf, Vec<String>>, ProvisionError> {
    let name = program.name();
    if let Some(path) = options.explicit(program) {
        // Somebody chose this one; taking another silently would test the wrong thing.
        return if is_executable(path) {
            Ok(Ok(path.clone()))
        } else {
            Err(ProvisionError::NotExecutable {
                program,
                path: path.clone(),
            })
        };
    }
    let mut tried = vec![format!("{} is not set", program.variable())];
    match &options.kubebuilder_assets {
        Some(assets) if is_executable(&assets.join(name)) => return Ok(Ok(assets.join(name))),
        Some(assets) => tried.push(format!(
            "KUBEBUILDER_ASSETS={} has no {name}",
            assets.display()
        )),
        None => tried.push("KUBEBUILDER_ASSETS is not set".to_owned()),
    }
    match &options.cache {
        Some(cache) => {
            let cached = cache::path_of(cache, program);
            if is_executable(&cached) {
                return Ok(Ok(cached));
            }
            tried.push(format!("{} is not there", cached.display()));
        }
        None => tried.push("no cache: HOME is not set".to_owned()),
    }
    Ok(Err(tried))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests;
