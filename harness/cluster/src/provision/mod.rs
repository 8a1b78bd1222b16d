//! Where the control plane's programs come from.
//!
//! Each program is looked for by itself: an explicit path (`SETPOINT_ETCD`, `SETPOINT_KUBE_APISERVER`,
//! `SETPOINT_KUBE_CONTROLLER_MANAGER`), then `KUBEBUILDER_ASSETS`, then the cache (`SETPOINT_CACHE_DIR`, else
//! `$XDG_CACHE_HOME/setpoint`, else `~/.cache/setpoint`). [`find`] ends there. [`provision()`] goes on and fills the
//! cache: it downloads the official programs (from `SETPOINT_KUBERNETES_URL` and `SETPOINT_ETCD_URL`, where they are
//! set), and where the server can't be reached or lacks them it builds them by `go build` from the Go modules in
//! `controlplane/`, whose files are part of this crate. [`Options::from`] chooses one of the two. Either takes its
//! time, so nothing does it unasked.
//!
//! Which version it is, is up to who names the programs; those of the cache are of the newest [`Release`], or of the one that
//! [`Options::release`] chooses.

mod build;
mod cache;
mod download;
mod error;
mod options;
mod progress;
mod release;
mod source;
mod workshop;

use std::path::PathBuf;

use setpoint_support::error_chain;

pub use setpoint_node::control_plane::Binaries;

pub use error::ProvisionError;
pub use options::{Downloads, Options, Way};
pub use progress::Progress;
pub use release::{Release, UnknownRelease};
pub use source::{Module, Program};

use cache::is_executable;
use error::Missing;

/// Finds the programs, and never downloads or builds them.
///
/// # Errors
/// When an explicit path leads to no program, and when a program is nowhere: the one error names
/// every missing program, all places looked at, and what helps.
pub fn find(options: &Options) -> Result<Binaries, ProvisionError> {
    let mut missing = Vec::new();
    let found = search(options, &mut missing)?;
    found.ok_or_else(|| {
        let chosen = options.release.map(|release| format!(" --kubernetes {release}"));
        let help = format!(
            "run `setpoint cluster provision{}` once (it downloads them, or builds them in some minutes where there is Go)",
            chosen.unwrap_or_default()
        );
        ProvisionError::missing(&missing, &help)
    })
}

/// Finds the programs, and downloads or builds those that are missing into the cache. This blocks for up to some
/// minutes; an asynchronous caller gives it a thread of its own.
///
/// # Errors
/// As [`find`], and when they can be neither downloaded nor built, what came is not what should have come, or
/// the cache can't be written.
pub fn provision(
    options: &Options,
    mut progress: impl FnMut(Progress),
) -> Result<Binaries, ProvisionError> {
    let mut missing = Vec::new();
    if let Some(found) = search(options, &mut missing)? {
        return Ok(found);
    }
    let release = options.release.unwrap_or_default();
    for module in Module::of(release) {
        let is_wanted = |missing: &&Missing| missing.program.module(release) == module;
        let wanted: Vec<Program> = missing
            .iter()
            .filter(is_wanted)
            .map(|missing| missing.program)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        if let Outcome::Obstructed(obstacles) = get(module, &wanted, options, &mut progress)? {
            let lines: Vec<_> = obstacles
                .iter()
                .map(|obstacle| format!("{module} is {obstacle}\n"))
                .collect();
            let help = format!(
                "{}let this machine reach the server, name a mirror by {}, put Go into PATH, which builds them in some \
                 minutes",
                lines.concat(),
                module.url_variable()
            );
            return Err(ProvisionError::missing(&missing, &help));
        }
    }
    find(options)
}

/// What came of an attempt to get programs.
enum Outcome {
    Done,
    /// What stood in the way of each way to get them.
    Obstructed(Vec<String>),
}

/// Gets the module's programs in the first way that works.
fn get(
    module: Module,
    wanted: &[Program],
    options: &Options,
    progress: &mut impl FnMut(Progress),
) -> Result<Outcome, ProvisionError> {
    let Some(cache) = &options.cache else {
        let no_place =
            "not got: none of SETPOINT_CACHE_DIR, XDG_CACHE_HOME and HOME says where to put it";
        return Ok(Outcome::Obstructed(vec![no_place.to_owned()]));
    };
    let mut unreachable = None;
    let not_downloaded = match &options.downloads {
        _ if options.from == Some(Way::Go) => "only a build is wanted",
        None => "no place to download from is known",
        Some(downloads) => match download::into_cache(module, wanted, cache, downloads, progress) {
            Err(error) if error.is_unavailable() => unreachable.insert(error_chain(&error)),
            other => return other.map(|()| Outcome::Done),
        },
    };
    let not_built = match &options.go {
        _ if options.from == Some(Way::Download) => "only a download is wanted",
        None => "no `go` in PATH",
        Some(go) => {
            if let Some(why) = unreachable {
                progress(Progress::NotDownloaded { module, why });
            }
            build::into_cache(module, wanted, cache, go, progress)?;
            return Ok(Outcome::Done);
        }
    };
    Ok(Outcome::Obstructed(vec![
        format!("not downloaded: {not_downloaded}"),
        format!("not built: {not_built}"),
    ]))
}

/// All programs, or `None` and what is missing.
fn search(
    options: &Options,
    missing: &mut Vec<Missing>,
) -> Result<Option<Binaries>, ProvisionError> {
    let mut look = |program| match locate(program, options)? {
        Search::Found(path) => Ok(Some(path)),
        Search::Missing(tried) => {
            missing.push(Missing { program, tried });
            Ok::<_, ProvisionError>(None)
        }
    };
    let found = (
        look(Program::Etcd)?,
        look(Program::KubeApiserver)?,
        look(Program::KubeControllerManager)?,
    );
    Ok(match found {
        (Some(etcd), Some(kube_apiserver), Some(kube_controller_manager)) => Some(Binaries {
            etcd,
            kube_apiserver,
            kube_controller_manager,
        }),
        _ => None,
    })
}

/// Where a program is.
enum Search {
    Found(PathBuf),
    /// Nowhere; what was tried, in this order.
    Missing(Vec<String>),
}

fn locate(program: Program, options: &Options) -> Result<Search, ProvisionError> {
    let name = program.name();
    let release = options.release.unwrap_or_default();
    if let Some(path) = options.explicit(program) {
        // It may be of any version, and the one that was chosen would be tested by name only.
        if let Some(release) = options.release {
            return Err(ProvisionError::ChosenTwice {
                program,
                path: path.clone(),
                release,
            });
        }
        // Somebody chose this one; taking another silently would test the wrong thing.
        return if is_executable(path) {
            Ok(Search::Found(path.clone()))
        } else {
            Err(ProvisionError::NotExecutable {
                program,
                path: path.clone(),
            })
        };
    }
    let mut tried = vec![format!("{} is not set", program.variable())];
    match &options.kubebuilder_assets {
        Some(_) if options.release.is_some() => {
            tried
                .push("KUBEBUILDER_ASSETS may hold another version than the chosen one".to_owned());
        }
        Some(assets) if is_executable(&assets.join(name)) => {
            return Ok(Search::Found(assets.join(name)));
        }
        Some(assets) => tried.push(format!(
            "KUBEBUILDER_ASSETS={} has no {name}",
            assets.display()
        )),
        None => tried.push("KUBEBUILDER_ASSETS is not set".to_owned()),
    }
    match &options.cache {
        Some(cache) => {
            let cached = cache::path_of(cache, program.module(release), program);
            if is_executable(&cached) {
                return Ok(Search::Found(cached));
            }
            tried.push(format!("{} is not there", cached.display()));
        }
        None => tried.push("no cache: HOME is not set".to_owned()),
    }
    Ok(Search::Missing(tried))
}

#[cfg(test)]
mod tests;
