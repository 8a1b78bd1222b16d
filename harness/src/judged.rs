//! Which programs are judged and used: never a stale one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use setpoint_cluster::{ImageRoot, ImageTable, LocalImage};
use tokio::process::Command;

/// The image of the adapter in the product's manifests.
const ADAPTER_IMAGE: &str = "ghcr.io/setpoint-dev/setpoint-adapter";
/// The image of this program in the product's manifests.
pub(crate) const SETPOINT_IMAGE: &str = "ghcr.io/setpoint-dev/setpoint";
/// The variable that names the adapter's program.
const ADAPTER_VARIABLE: &str = "SETPOINT_ADAPTER_BIN";

/// The image of Prometheus in the product's manifests.
const PROMETHEUS_IMAGE: &str = "quay.io/prometheus/prometheus";
/// The variable that names Prometheus' program.
const PROMETHEUS_VARIABLE: &str = "SETPOINT_PROMETHEUS";
/// Why there is no Prometheus.
pub const NO_PROMETHEUS: &str =
    "SETPOINT_PROMETHEUS names none and there is none in PATH; ci/prometheus/build builds one";

/// The programs of a run.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The adapter under judgement.
    pub adapter: PathBuf,
    /// Its SHA-256, in hexadecimal digits.
    pub adapter_sha256: String,
    /// The product's adapter, for the manifests' certificates: not every adapter under judgement can make them.
    pub certs: PathBuf,
    /// The plane's helper; none leaves the search to `setpoint-cluster`.
    pub plane: Option<PathBuf>,
    /// This program, for the pods that it serves in.
    pub setpoint: PathBuf,
    /// A real Prometheus, where there is one.
    pub prometheus: Option<PathBuf>,
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
        /// Where.
        checkout: PathBuf,
        /// How it ended.
        status: String,
    },
    /// A program can't be run or read.
    #[error("use {path}")]
    Use {
        /// The program.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// There is no adapter.
    #[error(
        "find the adapter: it is neither beside {beside} nor in PATH; name it by --adapter binary:PATH or {ADAPTER_VARIABLE}"
    )]
    NoAdapter {
        /// Where it was looked for.
        beside: PathBuf,
    },
}

impl Programs {
    /// The adapter is `named`, else `SETPOINT_ADAPTER_BIN`, else the product's. The product's own programs are,
    /// inside a checkout, built now; else they are beside the running one, or in PATH.
    ///
    /// # Errors
    /// When one of them isn't there or can't be built.
    pub async fn find(named: Option<PathBuf>) -> Result<Self, ProgramError> {
        let running = std::env::current_exe().map_err(|source| ProgramError::Use {
            path: "myself".into(),
            source,
        })?;
        let named = named.or_else(|| std::env::var_os(ADAPTER_VARIABLE).map(PathBuf::from));
        let built = match checkout() {
            Some(checkout) => build(&checkout, is_release(&running)).await?,
            None => BTreeMap::new(),
        };
        let own = |name: &str| {
            let found = built.get(name).cloned();
            found.or_else(|| beside_or_in_path(name, &running))
        };
        let is_setpoint = running.file_stem().is_some_and(|stem| stem == "setpoint");
        let setpoint = own("setpoint").filter(|_| !is_setpoint);
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
            plane: built.get("setpoint-plane").cloned(),
            setpoint: absolute(&setpoint.unwrap_or(running))?,
            prometheus: prometheus()?,
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

    /// What stands behind the images of the product's manifests.
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
        for (name, program) in own.into_iter().chain(prometheus) {
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
}

impl Programs {
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
        Ok((
            image,
            vec!["sample-app".to_owned(), "--listen=0.0.0.0:8080".to_owned()],
        ))
    }
}

/// The real Prometheus: the one that is named, else the one in PATH.
///
/// # Errors
/// When the one that is named isn't there.
pub fn prometheus() -> Result<Option<PathBuf>, ProgramError> {
    let named = std::env::var_os(PROMETHEUS_VARIABLE).filter(|named| !named.is_empty());
    let found = || in_path("prometheus").find(|candidate| candidate.is_file());
    let program = named.map(PathBuf::from).or_else(found);
    program.map(|program| absolute(&program)).transpose()
}

/// The checkout around the working directory.
fn checkout() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let is_checkout = |folder: &&Path| {
        folder.join("adapter/metrics-api").is_dir() && folder.join("Cargo.lock").is_file()
    };
    here.ancestors().find(is_checkout).map(Path::to_owned)
}

/// Whether a program was built with `--release`, by its folder's name.
fn is_release(program: &Path) -> bool {
    program
        .ancestors()
        .any(|folder| folder.file_name().is_some_and(|name| name == "release"))
}

/// Builds the workspace's programs, all of them, so that features are unified as in a build of the workspace
/// and nothing is compiled twice. Returns them by name.
async fn build(checkout: &Path, release: bool) -> Result<BTreeMap<String, PathBuf>, ProgramError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut arguments = vec![
        "build",
        "--workspace",
        "--bins",
        "--message-format=json-render-diagnostics",
    ];
    arguments.extend(release.then_some("--release"));
    let shown = format!("cargo {}", arguments.join(" "));
    // Cargo's own progress is on standard error, where people see it.
    let output = Command::new(&cargo)
        .args(&arguments)
        .current_dir(checkout)
        .stderr(Stdio::inherit())
        .output()
        .await;
    let output = output.map_err(|source| ProgramError::Use {
        path: cargo.into(),
        source,
    })?;
    if !output.status.success() {
        return Err(ProgramError::Build {
            command: shown,
            checkout: checkout.to_owned(),
            status: output.status.to_string(),
        });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = |message: Value| {
        let path = message["executable"].as_str()?.to_owned();
        Some((
            message["target"]["name"].as_str()?.to_owned(),
            PathBuf::from(path),
        ))
    };
    Ok(messages.filter_map(executable).collect())
}

fn beside_or_in_path(name: &str, program: &Path) -> Option<PathBuf> {
    let beside = program
        .parent()
        .into_iter()
        .flat_map(|folder| [Some(folder), folder.parent()])
        .flatten();
    beside
        .map(|folder| folder.join(name))
        .chain(in_path(name))
        .find(|candidate| candidate.is_file())
}

/// Where a program could be by PATH.
fn in_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.into_iter().map(move |folder| folder.join(name))
}

fn absolute(path: &Path) -> Result<PathBuf, ProgramError> {
    path.canonicalize().map_err(|source| ProgramError::Use {
        path: path.to_owned(),
        source,
    })
}

fn sha256(path: &Path) -> Result<String, ProgramError> {
    let bytes = std::fs::read(path).map_err(|source| ProgramError::Use {
        path: path.to_owned(),
        source,
    })?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    Ok(digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// What a program needs around it: a dynamic one names an interpreter in its ELF header's program headers.
pub(crate) fn root(program: &Path) -> Result<ImageRoot, ProgramError> {
    let bytes = std::fs::read(program).map_err(|source| ProgramError::Use {
        path: program.to_owned(),
        source,
    })?;
    Ok(if names_interpreter(&bytes) {
        ImageRoot::HostLibraries
    } else {
        ImageRoot::Empty
    })
}

/// Whether a 64-bit little-endian ELF file has a PT_INTERP header (`elf(5)`). Anything else needs the host.
fn names_interpreter(bytes: &[u8]) -> bool {
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | usize::from(*byte)),
        )
    };
    let headers = || -> Option<bool> {
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        Some((0..count).any(|index| number(start + index * size, 4) == Some(3)))
    };
    headers().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_told_from_a_static_one() {
        let running = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(names_interpreter(&running));
        let mut header = vec![0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert!(!names_interpreter(&header));
        assert!(names_interpreter(b"#!/bin/sh"));
    }
}
