//! The Go modules that the programs are built from; their go.mod files are the one truth about versions.

use std::fmt;

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
    pub fn module(self) -> Module {
        match self {
            Self::Etcd => Module::Etcd,
            Self::KubeApiserver | Self::KubeControllerManager => Module::Kubernetes,
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
    /// etcd.
    Etcd,
    /// Kubernetes.
    Kubernetes,
}

impl Module {
    pub(super) const ALL: [Self; 2] = [Self::Etcd, Self::Kubernetes];

    /// The module's folder in `controlplane/`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The environment variable that names another place to download it from.
    #[must_use]
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::Etcd => "SETPOINT_ETCD_URL",
            Self::Kubernetes => "SETPOINT_KUBERNETES_URL",
        }
    }

    /// The version that go.mod requires, such as `v1.36.3`.
    #[must_use]
    pub fn version(self) -> &'static str {
        let main = match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::Kubernetes => "k8s.io/kubernetes",
        };
        required_version(self.go_mod(), main).expect("the embedded go.mod requires its program")
    }

    pub(super) fn go_mod(self) -> &'static str {
        match self {
            Self::Etcd => include_str!("../../controlplane/etcd/go.mod"),
            Self::Kubernetes => include_str!("../../controlplane/kubernetes/go.mod"),
        }
    }

    pub(super) fn go_sum(self) -> &'static str {
        match self {
            Self::Etcd => include_str!("../../controlplane/etcd/go.sum"),
            Self::Kubernetes => include_str!("../../controlplane/kubernetes/go.sum"),
        }
    }

    /// Linker flags. Without the version ones Kubernetes reports `v0.0.0-master+$Format:%H$`
    /// (component-base/version/base.go); its own build sets them from git.
    pub(super) fn ldflags(self) -> String {
        let mut flags = "-s -w".to_owned();
        if self == Self::Kubernetes {
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
    fn versions_are_read_from_the_embedded_modules() {
        for module in Module::ALL {
            let version = module.version();
            assert_eq!(version.split('.').count(), 3, "{version}");
        }
    }

    #[test]
    fn a_replaced_or_longer_module_path_is_not_taken_for_the_required_one() {
        let go_mod = "replace a/b => a/b v9\nrequire (\n\ta/b/c v3\n\ta/b v1 // indirect\n)";
        assert_eq!(required_version(go_mod, "a/b"), Some("v1"));
        assert_eq!(required_version("require a/b v2", "a/b"), Some("v2"));
        assert_eq!(required_version(go_mod, "a"), None);
    }

    #[test]
    fn kubernetes_is_told_its_version_at_link_time() {
        let version = Module::Kubernetes.version();
        let flags = Module::Kubernetes.ldflags();
        assert!(flags.contains(&format!("version.gitVersion={version} ")));
        let [major, minor] = ["gitMajor=", "gitMinor="].map(|variable| {
            let (_, rest) = flags.split_once(variable).unwrap();
            rest.split(' ').next().unwrap()
        });
        assert!(version.starts_with(&format!("v{major}.{minor}.")));
    }
}
