//! Which pods have which containers here, for the kubelet's server.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::paths::Paths;
use super::server::{ContainerLog, LogSource, NoLog};

/// The pods of a node, shared between kubelet and server.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    paths: Paths,
    pods: Arc<Mutex<HashMap<(String, String), Entry>>>,
}

#[derive(Debug)]
struct Entry {
    uid: String,
    /// Whether a container's latest run goes on; `None` before the first one.
    containers: HashMap<String, Option<watch::Receiver<bool>>>,
}

impl Registry {
    /// No pods yet; their logs will be below `paths`.
    #[must_use]
    pub(crate) fn new(paths: Paths) -> Self {
        Self {
            paths,
            pods: Arc::default(),
        }
    }

    pub(super) fn add<'c>(
        &self,
        namespace: &str,
        pod: &str,
        uid: &str,
        containers: impl Iterator<Item = &'c str>,
    ) {
        let entry = Entry {
            uid: uid.to_owned(),
            containers: containers.map(|name| (name.to_owned(), None)).collect(),
        };
        let key = (namespace.to_owned(), pod.to_owned());
        self.pods().insert(key, entry);
    }

    /// A container's new run, which goes on while the receiver says so.
    pub(super) fn runs(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        running: watch::Receiver<bool>,
    ) {
        let key = (namespace.to_owned(), pod.to_owned());
        if let Some(entry) = self.pods().get_mut(&key) {
            entry.containers.insert(container.to_owned(), Some(running));
        }
    }

    /// Forgets a pod, unless another one of its name has taken its place.
    pub(super) fn remove(&self, namespace: &str, pod: &str, uid: &str) {
        let key = (namespace.to_owned(), pod.to_owned());
        let mut pods = self.pods();
        if pods.get(&key).is_some_and(|entry| entry.uid == uid) {
            pods.remove(&key);
        }
    }

    fn pods(&self) -> MutexGuard<'_, HashMap<(String, String), Entry>> {
        self.pods.lock()
    }
}

impl LogSource for Registry {
    fn container_log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<ContainerLog, NoLog> {
        let pods = self.pods();
        let (pod, container) = (pod.to_owned(), container.to_owned());
        let entry = pods.get(&(namespace.to_owned(), pod.clone()));
        let entry = entry.ok_or_else(|| NoLog::Pod(pod.clone()))?;
        let Some(running) = entry.containers.get(&container) else {
            return Err(NoLog::Container { container, pod });
        };
        let waiting = |container, pod| NoLog::Waiting {
            container,
            pod,
            reason: "ContainerCreating, or its image is unknown and nothing runs".to_owned(),
        };
        let Some(running) = running else {
            return Err(waiting(container, pod));
        };
        match self.paths.log_path(&entry.uid, &container, previous) {
            Ok(Some(path)) => Ok(ContainerLog {
                path,
                running: if previous {
                    watch::channel(false).1
                } else {
                    running.clone()
                },
            }),
            _ if previous => Err(NoLog::Previous { container, pod }),
            _ => Err(waiting(container, pod)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_there_once_its_container_has_run_and_until_its_pod_is_gone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let paths = Paths::new(folder.path());
        let registry = Registry::new(paths.clone());
        let log = |previous| registry.container_log("ns", "pod", "app", previous);
        assert!(matches!(log(false), Err(NoLog::Pod(_))));
        registry.add("ns", "pod", "uid", ["app"].into_iter());
        assert!(matches!(log(false), Err(NoLog::Waiting { .. })));

        std::fs::create_dir_all(paths.container("uid", "app")).expect("folder");
        std::fs::write(paths.log("uid", "app", 0), "").expect("log");
        let (_run, running) = watch::channel(true);
        registry.runs("ns", "pod", "app", running);
        let found = log(false).expect("a log");
        assert_eq!(found.path, paths.log("uid", "app", 0));
        assert!(*found.running.borrow());
        assert!(matches!(log(true), Err(NoLog::Previous { .. })));

        registry.remove("ns", "pod", "another pod of that name");
        assert!(log(false).is_ok());
        registry.remove("ns", "pod", "uid");
        assert!(matches!(log(false), Err(NoLog::Pod(_))));
    }
}
