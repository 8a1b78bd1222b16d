//! Where programs are looked for, and how missing ones are got.

use std::ffi::OsString;
use std::path::PathBuf;

use super::cache::is_executable;
use super::release::Release;
use super::source::{Module, Program};

/// Where to look, and how to get what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// This release and no other: its programs come out of the cache. Without it, those that the fields below name count,
    /// of whatever version, and what is missing is of the newest release.
    pub release: Option<Release>,
    /// This `etcd` and no other.
    pub etcd: Option<PathBuf>,
    /// This `kube-apiserver` and no other.
    pub kube_apiserver: Option<PathBuf>,
    /// This `kube-controller-manager` and no other.
    pub kube_controller_manager: Option<PathBuf>,
    /// envtest's folder, which has no `kube-controller-manager`.
    pub kubebuilder_assets: Option<PathBuf>,
    /// The folder that [`provision`](super::provision()) fills.
    pub cache: Option<PathBuf>,
    /// Where [`provision`](super::provision()) downloads from; without it nothing is downloaded.
    pub downloads: Option<Downloads>,
    /// The `go` command that [`provision`](super::provision()) builds with.
    pub go: Option<PathBuf>,
    /// The only way in which missing programs are got. Without it they are downloaded, and built where they can't be.
    pub from: Option<Way>,
}

/// How a missing program is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The official program is downloaded, its SHA-256 compared.
    Download,
    /// The program is built from its Go module.
    Go,
}

/// Where the official programs are: addresses of folders that are laid out like the official ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloads {
    /// Holds `<version>/bin/linux/<architecture>/<program>`, and beside each its `.sha256`.
    pub kubernetes: String,
    /// Holds `<version>/etcd-<version>-linux-<architecture>.tar.gz`, and beside it `SHA256SUMS`.
    pub etcd: String,
}

impl Downloads {
    /// The Kubernetes project's and the etcd project's own places.
    #[must_use]
    pub fn official() -> Self {
        Self {
            kubernetes: "https://dl.k8s.io/release".to_owned(),
            etcd: "https://github.com/etcd-io/etcd/releases/download".to_owned(),
        }
    }

    /// The module's folder.
    pub(super) fn base(&self, module: Module) -> &str {
        match module {
            Module::Etcd(_) => &self.etcd,
            Module::Kubernetes(_) => &self.kubernetes,
        }
    }
}

impl Options {
    /// What the environment says.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// What variables say that `value_of` knows; an empty one counts as unset.
    pub(super) fn from_variables(value_of: impl Fn(&str) -> Option<OsString>) -> Self {
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
        let url = |module: fn(Release) -> Module, official: String| {
            let variable = module(Release::default()).url_variable();
            set(variable).map_or(official, |url| url.to_string_lossy().into_owned())
        };
        let official = Downloads::official();
        Self {
            release: None,
            etcd: path(Program::Etcd.variable()),
            kube_apiserver: path(Program::KubeApiserver.variable()),
            kube_controller_manager: path(Program::KubeControllerManager.variable()),
            kubebuilder_assets: path("KUBEBUILDER_ASSETS"),
            cache,
            downloads: Some(Downloads {
                kubernetes: url(Module::Kubernetes, official.kubernetes),
                etcd: url(Module::Etcd, official.etcd),
            }),
            go,
            from: None,
        }
    }

    pub(super) fn explicit(&self, program: Program) -> Option<&PathBuf> {
        match program {
            Program::Etcd => self.etcd.as_ref(),
            Program::KubeApiserver => self.kube_apiserver.as_ref(),
            Program::KubeControllerManager => self.kube_controller_manager.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> Options {
        Options::from_variables(|name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(value.into())
        })
    }

    #[test]
    fn the_caches_place_follows_the_environment() {
        let cache = |variables: &[(&str, &str)]| {
            let cache = options(variables).cache;
            cache.map(|path| path.display().to_string())
        };
        let home = ("HOME", "/h");
        assert_eq!(cache(&[]), None);
        assert_eq!(cache(&[home]).unwrap(), "/h/.cache/setpoint");
        assert_eq!(
            cache(&[home, ("XDG_CACHE_HOME", "/x")]).unwrap(),
            "/x/setpoint"
        );
        assert_eq!(
            cache(&[home, ("XDG_CACHE_HOME", "")]).unwrap(),
            "/h/.cache/setpoint"
        );
        assert_eq!(cache(&[home, ("SETPOINT_CACHE_DIR", "/c")]).unwrap(), "/c");
    }

    #[test]
    fn downloads_come_from_the_projects_unless_the_environment_names_a_mirror() {
        assert_eq!(options(&[]).downloads, Some(Downloads::official()));
        let mirror = ("SETPOINT_ETCD_URL", "http://mirror.example/etcd");
        let downloads = options(&[mirror, ("SETPOINT_KUBERNETES_URL", "")]).downloads;
        let expected = Downloads {
            etcd: "http://mirror.example/etcd".to_owned(),
            ..Downloads::official()
        };
        assert_eq!(downloads, Some(expected));
    }
}
