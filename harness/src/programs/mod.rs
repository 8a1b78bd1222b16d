//! The programs that a run judges and uses.

mod cargo;
mod elf;
mod prometheus;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use setpoint_cluster::{ImageTable, LocalImage, provision};
use setpoint_support::find_in_path;

use crate::timeouts::Timeouts;
use cargo::{build, checkout, is_release, sources};

pub(crate) use elf::root;
pub use prometheus::{NoPrometheus, find as find_prometheus};

/// The image of the adapter in the product's manifests.
const ADAPTER_IMAGE: &str = "ghcr.io/setpoint-dev/setpoint-adapter";
/// The image of this program in the product's manifests.
pub(crate) const SETPOINT_IMAGE: &str = "ghcr.io/setpoint-dev/setpoint";
/// The variable that names the adapter's program.
pub(crate) const ADAPTER_VARIABLE: &str = "SETPOINT_ADAPTER_BIN";
/// The image of Prometheus in the product's manifests.
const PROMETHEUS_IMAGE: &str = "quay.io/prometheus/prometheus";

/// This program's image by the version that the product's manifests name.
pub(crate) fn setpoint_image() -> String {
    format!("{SETPOINT_IMAGE}:v{}", env!("CARGO_PKG_VERSION"))
}

/// The sample application's arguments where it stands for an image that nobody knows.
pub(crate) fn stand_in_arguments() -> Vec<String> {
    vec!["sample-app".to_owned(), "--listen=0.0.0.0:8080".to_owned()]
}

/// Of these references those that are the product's own images, by their names without tag.
pub(crate) fn own_images(references: BTreeSet<String>) -> BTreeMap<String, String> {
    let own = [ADAPTER_IMAGE, SETPOINT_IMAGE, PROMETHEUS_IMAGE];
    let named = references.into_iter().filter_map(|reference| {
        let name = own.iter().find(|name| {
            reference
                .strip_prefix(**name)
                .is_some_and(|tag| tag.starts_with(':'))
        })?;
        Some(((*name).to_owned(), reference))
    });
    named.collect()
}

/// The programs of a run.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The adapter under judgement.
    pub adapter: PathBuf,
    /// Its SHA-256, in hexadecimal digits.
    pub adapter_sha256: String,
    /// The product's adapter, for the manifests' certificates: not every adapter under judgement can make them.
    pub certs: PathBuf,
    /// Programs that an adapter's authors have beside it, by the names of their images.
    pub beside: BTreeMap<String, PathBuf>,
    /// The plane's helper; none leaves the search to `setpoint-cluster`.
    pub plane: Option<PathBuf>,
    /// This program, for the pods that it serves in.
    pub setpoint: PathBuf,
    /// The real Prometheus that scrapes in some scenarios, or why there is none.
    pub prometheus: Result<PathBuf, NoPrometheus>,
}

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// `cargo build` failed; it said why on standard error.
    #[error("build the product's programs: `{command}` in {checkout} ended with {status}")]
    Build {
        /// The command.
        command: String,
        /// The folder that it ran in.
        checkout: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// A program can't be run or read.
    #[error("use {path}")]
    Use {
        /// The program.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The Prometheus that the user named can't be used.
    #[error(transparent)]
    Prometheus(NoPrometheus),
    /// There is no adapter.
    #[error(
        "find the adapter: it is neither beside {beside} nor in PATH; name it by --adapter binary:PATH or {ADAPTER_VARIABLE}"
    )]
    NoAdapter {
        /// Where it was looked for.
        beside: PathBuf,
    },
    /// There is no `setpoint`, which is the fake Prometheus and the sample application of scenarios.
    #[error(
        "find the program `setpoint`: it is neither beside {beside} nor in PATH, and the sources that this was compiled from are gone; `cargo install` it"
    )]
    NoSetpoint {
        /// Where it was looked for.
        beside: PathBuf,
    },
}

impl ProgramError {
    fn using(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Use {
            path: path.to_owned(),
            source,
        }
    }
}

impl Programs {
    /// The adapter is `named`, else `SETPOINT_ADAPTER_BIN`, else the product's. The product's own programs are,
    /// inside a checkout, built now; else they are beside the running one, or in PATH; else they are built from the
    /// sources of this crate, into the cache.
    ///
    /// # Errors
    /// When one of them isn't there or can't be built.
    pub async fn find(named: Option<PathBuf>, timeouts: &Timeouts) -> Result<Self, ProgramError> {
        let running = std::env::current_exe();
        let running = running.map_err(ProgramError::using(Path::new("/proc/self/exe")))?;
        let named = named.or_else(|| std::env::var_os(ADAPTER_VARIABLE).map(PathBuf::from));
        let built = match checkout() {
            Some(checkout) => build(&checkout, is_release(&running), None).await?,
            None => match sources().filter(|_| !are_there(&running)) {
                Some(sources) => build(&sources, false, build_folder().as_deref()).await?,
                None => BTreeMap::new(),
            },
        };
        let own = |name: &str| {
            let found = built.get(name).cloned();
            found.or_else(|| beside_or_in_path(name, &running))
        };
        let is_setpoint = running.file_stem().is_some_and(|stem| stem == "setpoint");
        let setpoint = match is_setpoint {
            true => running.clone(),
            false => own("setpoint").ok_or_else(|| ProgramError::NoSetpoint {
                beside: running.clone(),
            })?,
        };
        let missing = || ProgramError::NoAdapter {
            beside: running.clone(),
        };
        let certs = own("setpoint-adapter").or_else(|| named.clone());
        let certs = absolute(&certs.ok_or_else(missing)?)?;
        let adapter = named.map_or_else(|| Ok(certs.clone()), |named| absolute(&named))?;
        Ok(Self {
            adapter_sha256: sha256(&adapter)?,
            adapter,
            certs,
            beside: BTreeMap::new(),
            plane: built.get("setpoint-plane").cloned(),
            setpoint: absolute(&setpoint)?,
            prometheus: match find_prometheus(timeouts).await {
                Err(error @ NoPrometheus::Named { .. }) => {
                    return Err(ProgramError::Prometheus(error));
                }
                found => found,
            },
        })
    }

    /// The programs of a run that judges no program, but an adapter that is there already.
    ///
    /// # Errors
    /// When the running program can't be found.
    pub fn without_adapter() -> Result<Self, ProgramError> {
        let running = std::env::current_exe();
        let running = running.map_err(ProgramError::using(Path::new("/proc/self/exe")))?;
        Ok(Self {
            adapter: running.clone(),
            adapter_sha256: String::new(),
            certs: running.clone(),
            beside: BTreeMap::new(),
            plane: None,
            setpoint: running,
            prometheus: Err(NoPrometheus::NotFound),
        })
    }

    /// Judges this program's own adapter.
    ///
    /// # Errors
    /// When the program can't be read.
    pub fn judge_setpoint(&mut self) -> Result<(), ProgramError> {
        self.adapter = self.setpoint.clone();
        self.adapter_sha256 = sha256(&self.adapter)?;
        Ok(())
    }

    /// Lets these programs run beside the adapter, each for the image of that name.
    ///
    /// # Errors
    /// When one of them isn't there.
    pub fn run_beside(&mut self, programs: &BTreeMap<String, PathBuf>) -> Result<(), ProgramError> {
        for (image, program) in programs {
            self.beside.insert(image.clone(), absolute(program)?);
        }
        Ok(())
    }

    /// What stands behind the images of the product's manifests, and of those of the adapter's authors.
    ///
    /// # Errors
    /// When a program can't be read.
    pub fn images(&self) -> Result<ImageTable, ProgramError> {
        let mut images = ImageTable::default();
        let prometheus = self
            .prometheus
            .iter()
            .map(|program| (PROMETHEUS_IMAGE, program));
        let own = [
            (ADAPTER_IMAGE, &self.adapter),
            (SETPOINT_IMAGE, &self.setpoint),
        ];
        let beside = self.beside.iter();
        let beside = beside.map(|(name, program)| (name.as_str(), program));
        for (name, program) in own.into_iter().chain(prometheus).chain(beside) {
            images.insert(
                name,
                LocalImage {
                    program: program.clone(),
                    root: root(program)?,
                },
            );
        }
        Ok(images)
    }

    /// What runs in pods of images that nobody knows, on nodes that run nothing without an image: the sample application,
    /// which becomes ready and ends when it is told to.
    ///
    /// # Errors
    /// When the program can't be read.
    pub fn stand_in(&self) -> Result<(LocalImage, Vec<String>), ProgramError> {
        let image = LocalImage {
            program: self.setpoint.clone(),
            root: root(&self.setpoint)?,
        };
        Ok((image, stand_in_arguments()))
    }
}

/// Whether the product's programs are beside the running one or in PATH.
fn are_there(running: &Path) -> bool {
    let names = ["setpoint", "setpoint-adapter", "setpoint-plane"];
    names
        .iter()
        .all(|name| beside_or_in_path(name, running).is_some())
}

/// Where programs are built that belong to no checkout of the user.
fn build_folder() -> Option<PathBuf> {
    let cache = provision::Options::from_env().cache?;
    Some(cache.join("build"))
}

/// A program beside another one, in the folder above, or in PATH.
fn beside_or_in_path(name: &str, program: &Path) -> Option<PathBuf> {
    let folders = program.ancestors().skip(1).take(2);
    let mut beside = folders.map(|folder| folder.join(name));
    beside
        .find(|candidate| candidate.is_file())
        .or_else(|| find_in_path(name))
}

fn absolute(path: &Path) -> Result<PathBuf, ProgramError> {
    path.canonicalize().map_err(ProgramError::using(path))
}

fn sha256(path: &Path) -> Result<String, ProgramError> {
    let bytes = std::fs::read(path).map_err(ProgramError::using(path))?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    Ok(hex::encode(digest))
}
