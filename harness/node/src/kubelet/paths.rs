//! Where the kubelet keeps what belongs to a pod.
//!
//! ```text
//! <root>/<pod uid>/<container>/<restart count>.log    what the container wrote, in the CRI's log format
//! <root>/<pod uid>/<container>/root                   where the container's root is mounted (in its own namespace)
//! <root>/<pod uid>/.volumes/<volume>                  a volume's files
//! <root>/<pod uid>/.etc                               the pod's hosts, resolv.conf and the like
//! ```
//!
//! A container's name is a DNS label, so nothing that starts with a dot can be one.

use std::io;
use std::path::{Path, PathBuf};

/// The kubelet's folders, all below one root.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    root: PathBuf,
}

/// Why a log can't be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LogPathError {
    /// The name can't be a pod's or a container's.
    #[error("`{0}` is not the name of a pod's folder or a container")]
    Name(String),
    /// The container's folder can't be read.
    #[error("list the logs of container `{container}` in `{}`", folder.display())]
    List {
        /// The container.
        container: String,
        /// Its folder.
        folder: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl Paths {
    /// Folders below `root`, which need not exist yet.
    #[must_use]
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Everything of one pod.
    #[must_use]
    pub(crate) fn pod(&self, uid: &str) -> PathBuf {
        self.root.join(uid)
    }

    /// Everything of one container.
    #[must_use]
    pub(crate) fn container(&self, uid: &str, container: &str) -> PathBuf {
        self.pod(uid).join(container)
    }

    /// The files of one volume.
    #[must_use]
    pub(crate) fn volume(&self, uid: &str, volume: &str) -> PathBuf {
        self.pod(uid).join(".volumes").join(volume)
    }

    /// The pod's own files for `/etc`.
    #[must_use]
    pub(crate) fn etc(&self, uid: &str) -> PathBuf {
        self.pod(uid).join(".etc")
    }

    /// The log of one run of a container.
    #[must_use]
    pub(crate) fn log(&self, uid: &str, container: &str, restart_count: u32) -> PathBuf {
        self.container(uid, container)
            .join(format!("{restart_count}.log"))
    }

    /// The log of a container's latest run, or of the one before it (`kubectl logs --previous`); `None` if
    /// there was no such run.
    ///
    /// # Errors
    /// When a name can't be one of a pod or container, or the folder can't be read.
    pub(crate) fn log_path(
        &self,
        pod_uid: &str,
        container: &str,
        previous: bool,
    ) -> Result<Option<PathBuf>, LogPathError> {
        for name in [pod_uid, container] {
            if !is_name(name) {
                return Err(LogPathError::Name(name.to_owned()));
            }
        }
        let folder = self.container(pod_uid, container);
        let mut runs = runs_in(&folder).map_err(|source| LogPathError::List {
            container: container.to_owned(),
            folder: folder.clone(),
            source,
        })?;
        runs.sort_unstable_by(|a, b| b.cmp(a));
        Ok(runs
            .get(usize::from(previous))
            .map(|run| folder.join(format!("{run}.log"))))
    }
}

/// Whether `name` can be a folder here: a DNS label or a UID, never a way out.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// The restart counts that have a log in `folder`.
fn runs_in(folder: &Path) -> io::Result<Vec<u32>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let count = name
            .to_str()
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|count| count.parse::<u32>().ok());
        runs.extend(count);
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_and_the_previous_run_are_found_by_number_not_by_name() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::new(folder.path());
        std::fs::create_dir_all(paths.container("uid", "app")).expect("container folder");
        assert_eq!(paths.log_path("uid", "app", false).expect("empty"), None);
        for run in [0, 9, 10] {
            std::fs::write(paths.log("uid", "app", run), "").expect("log");
        }
        let latest = paths.log_path("uid", "app", false).expect("latest");
        assert_eq!(latest, Some(paths.log("uid", "app", 10)));
        let previous = paths.log_path("uid", "app", true).expect("previous");
        assert_eq!(previous, Some(paths.log("uid", "app", 9)));
    }

    #[test]
    fn a_container_that_never_ran_has_no_log() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::new(folder.path());
        assert_eq!(paths.log_path("uid", "app", false).expect("no run"), None);
    }

    #[test]
    fn a_name_can_not_lead_out_of_the_folder() {
        let paths = Paths::new("/nowhere");
        for name in ["..", "a/b", "", ".volumes"] {
            assert!(paths.log_path("uid", name, false).is_err(), "{name}");
        }
    }
}
