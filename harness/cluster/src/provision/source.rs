//! The Go modules that the programs are built from; their go.mod files are the one truth about versions.

use std::fmt;

use super::release::Release;

/// A program of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `etcd`.
    Etcd,
    /// `kube-apiserver`.
    KubeApiserver,
    /// `kube-controller-manager`.
    KubeControllerManager,
}

impl Program {
    /// The program's file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
        }
    }

    /// The environment variable that names its path.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Etcd => "SETPOINT_ETCD",
            Self::KubeApiserver => "SETPOINT_KUBE_APISERVER",
            Self::KubeControllerManager => "SETPOINT_KUBE_CONTROLLER_MANAGER",
        }
    }

    /// What it is built from.
    #[must_use]
    pub fn module(self, release: Release) -> Module {
        match self {
            Self::Etcd => Module::Etcd(release),
            Self::KubeApiserver | Self::KubeControllerManager => Module::Kubernetes(release),
        }
    }

    /// Its main package.
    pub(super) fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
        }
    }

    /// What `go build` calls the program: the package's last element that isn't a major version.
    pub(super) fn built_name(self) -> &'static str {
        match self {
            Self::Etcd => "server",
            Self::KubeApiserver | Self::KubeControllerManager => self.name(),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Go module of `controlplane/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// The etcd of a release.
    Etcd(Release),
    /// The Kubernetes of a release.
    Kubernetes(Release),
}

impl Module {
    /// The modules of a release.
    pub(super) fn of(release: Release) -> [Self; 2] {
        [Self::Etcd(release), Self::Kubernetes(release)]
    }

    /// The module's folder in that of its release.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd(_) => "etcd",
            Self::Kubernetes(_) => "kubernetes",
        }
    }

    /// The environment variable that names another place to download it from.
    #[must_use]
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::Etcd(_) => "SETPOINT_ETCD_URL",
            Self::Kubernetes(_) => "SETPOINT_KUBERNETES_URL",
        }
    }

    /// The version that go.mod requires, such as `v1.37.2`.
    #[must_use]
    pub fn version(self) -> &'static str {
        let main = match self {
            Self::Etcd(_) => "go.etcd.io/etcd/server/v3",
            Self::Kubernetes(_) => "k8s.io/kubernetes",
        };
        required_version(self.go_mod(), main).expect("the embedded go.mod requires its program")
    }

    pub(super) fn go_mod(self) -> &'static str {
        self.files().0
    }

    pub(super) fn go_sum(self) -> &'static str {
        self.files().1
    }

    fn files(self) -> (&'static str, &'static str) {
        match self {
            Self::Etcd(release) => release.etcd(),
            Self::Kubernetes(release) => release.kubernetes(),
        }
    }

    /// Linker flags. Without the version ones Kubernetes reports `v0.0.0-master+$Format:%H$`
    /// (component-base/version/base.go); its own build sets them from git.
    pub(super) fn ldflags(self) -> String {
        let mut flags = "-s -w".to_owned();
        if let Self::Kubernetes(_) = self {
            let version = self.version();
            let mut numbers = version.trim_start_matches('v').split('.');
            for (variable, value) in [
                ("gitVersion", version),
                ("gitMajor", numbers.next().unwrap_or_default()),
                ("gitMinor", numbers.next().unwrap_or_default()),
                ("gitTreeState", "clean"),
            ] {
                flags += &format!(" -X k8s.io/component-base/version.{variable}={value}");
            }
        }
        flags
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.version())
    }
}

/// The version in go.mod's line `<module> <version>`, with or without `require` before it.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let mut words = line
            .strip_prefix("require ")
            .unwrap_or(line)
            .split_whitespace();
        (words.next() == Some(module))
            .then(|| words.next())
            .flatten()
            .filter(|version| version.starts_with('v'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_or_longer_module_path_is_not_taken_for_the_required_one() {
        let go_mod = "replace a/b => a/b v9\nrequire (\n\ta/b/c v3\n\ta/b v1 // indirect\n)";
        assert_eq!(required_version(go_mod, "a/b"), Some("v1"));
        assert_eq!(required_version("require a/b v2", "a/b"), Some("v2"));
        assert_eq!(required_version(go_mod, "a"), None);
    }

    #[test]
    fn kubernetes_is_told_its_version_at_link_time() {
        let module = Module::Kubernetes(Release::default());
        let (version, flags) = (module.version(), module.ldflags());
        assert!(flags.contains(&format!("version.gitVersion={version} ")));
        let [major, minor] = ["gitMajor=", "gitMinor="].map(|variable| {
            let (_, rest) = flags.split_once(variable).unwrap();
            rest.split(' ').next().unwrap()
        });
        assert!(version.starts_with(&format!("v{major}.{minor}.")));
    }
}
