//! Where planes keep their files, and which process is whose.
//!
//! `$XDG_RUNTIME_DIR/setpoint/planes/<name>/`, else `/tmp/setpoint-<uid>/planes/<name>/`, readable by the user
//! alone: the directory holds credentials.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use serde::{Deserialize, Serialize};

/// A process that can't be mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// Clock ticks between the machine's boot and the process' start (`/proc/<pid>/stat`, field 22).
    pub(crate) start_time: u64,
}

impl ProcessId {
    /// The process that has this number now.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let start_time = start_time_in(&stat)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no start time in stat"))?;
        Ok(Self { pid, start_time })
    }

    pub(crate) fn this() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid).is_ok_and(|found| found == self)
    }
}

/// proc(5): the second field is the program's name in parentheses and may hold anything, parentheses too.
fn start_time_in(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    // A zombie holds nothing any more; its parent just hasn't asked for its status yet.
    let state = fields.next()?;
    let start_time = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(start_time)
}

/// The folder of all planes of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planes(PathBuf);

impl Planes {
    /// The user's folder, made if it is not there; nobody else can look into it.
    pub(crate) fn of_this_user() -> io::Result<Self> {
        user_folder("planes").map(Self)
    }

    /// A folder of the caller's choice.
    #[cfg(test)]
    pub(crate) fn at(folder: PathBuf) -> io::Result<Self> {
        private_dirs(&folder)?;
        Ok(Self(folder))
    }

    pub(crate) fn plane(&self, name: &str) -> PlaneDir {
        PlaneDir(self.0.join(name))
    }

    /// All planes, by name.
    pub(crate) fn all(&self) -> io::Result<Vec<(String, PlaneDir)>> {
        let mut planes = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type()?.is_dir()
            {
                planes.push((name, PlaneDir(entry.path())));
            }
        }
        planes.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(planes)
    }
}

/// A folder of this user's, made if it is not there; nobody else can look into it.
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

fn private_dirs(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// One plane's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PlaneDir(PathBuf);

impl PlaneDir {
    #[cfg(test)]
    pub(crate) fn at(path: &str) -> Self {
        Self(path.into())
    }

    /// Makes the folder; it must not be there.
    pub(crate) fn create(&self) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(&self.0)?;
        for sub in [self.pki(), self.logs(), self.run()] {
            fs::DirBuilder::new().mode(0o700).create(sub)?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What the plane is told: a [`crate::plane::spec::PlaneSpec`].
    pub(crate) fn spec(&self) -> PathBuf {
        self.0.join("spec.json")
    }

    /// Which processes the plane is: a [`PlaneState`].
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// The admin's kubeconfig for the host.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    pub(crate) fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("plane.sock")
    }

    /// In the plane a tmpfs, for what nobody outside is to see: etcd's data, the pods' roots.
    pub(crate) fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    pub(crate) fn read_state(&self) -> Option<PlaneState> {
        serde_json::from_slice(&fs::read(self.state()).ok()?).ok()
    }
}

/// Which processes a plane is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlaneState {
    /// The one outside the PID namespace, which cleans up.
    pub(crate) plane: ProcessId,
    /// PID 1 of the PID namespace; with it everything ends.
    pub(crate) init: ProcessId,
}

/// Writes a file so that a reader sees all of it or nothing.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    fs::write(&draft, content)?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_with_parentheses_does_not_hide_its_start_time() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 99 1";
        assert_eq!(start_time_in(stat), Some(4711));
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let this = ProcessId::this().unwrap();
        assert!(this.is_alive());
        let earlier = ProcessId {
            start_time: this.start_time - 1,
            ..this
        };
        assert!(!earlier.is_alive());
    }

    #[test]
    fn a_planes_folder_is_the_users_alone() {
        let root = tempfile::tempdir().unwrap();
        let planes = Planes::at(root.path().join("planes")).unwrap();
        let plane = planes.plane("a");
        plane.create().unwrap();
        for path in [&planes.0, plane.path(), &plane.pki()] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
        }
        assert!(plane.create().is_err(), "a name belongs to one plane");
        assert_eq!(planes.all().unwrap(), [("a".to_owned(), plane)]);
    }
}
