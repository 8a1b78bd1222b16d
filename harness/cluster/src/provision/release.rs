//! The minor versions of Kubernetes whose control plane can be had.

use std::fmt;
use std::str::FromStr;

/// A minor version of Kubernetes, with the etcd that it is tested with. Each is a folder of `controlplane/`, whose
/// go.mod files say the exact versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// 1.36, where an HPA can't scale to zero unless feature gates are set.
    V1_36,
    /// 1.37, the first with `HPAScaleToZero` on.
    #[default]
    V1_37,
}

impl Release {
    /// All, the oldest first.
    pub const ALL: [Self; 2] = [Self::V1_36, Self::V1_37];

    /// Its go.mod and go.sum of etcd.
    pub(super) fn etcd(self) -> (&'static str, &'static str) {
        match self {
            Self::V1_36 => (
                include_str!("../../controlplane/1.36/etcd/go.mod"),
                include_str!("../../controlplane/1.36/etcd/go.sum"),
            ),
            Self::V1_37 => (
                include_str!("../../controlplane/1.37/etcd/go.mod"),
                include_str!("../../controlplane/1.37/etcd/go.sum"),
            ),
        }
    }

    /// Its go.mod and go.sum of Kubernetes.
    pub(super) fn kubernetes(self) -> (&'static str, &'static str) {
        match self {
            Self::V1_36 => (
                include_str!("../../controlplane/1.36/kubernetes/go.mod"),
                include_str!("../../controlplane/1.36/kubernetes/go.sum"),
            ),
            Self::V1_37 => (
                include_str!("../../controlplane/1.37/kubernetes/go.mod"),
                include_str!("../../controlplane/1.37/kubernetes/go.sum"),
            ),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_36 => "1.36",
            Self::V1_37 => "1.37",
        })
    }
}

/// No release has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {}", names())]
pub struct UnknownRelease;

fn names() -> String {
    Release::ALL.map(|release| release.to_string()).join(" or ")
}

impl FromStr for Release {
    type Err = UnknownRelease;

    /// Reads a minor version, such as `1.37`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|release| release.to_string() == text)
            .ok_or(UnknownRelease)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Module;
    use super::*;

    #[test]
    fn a_releases_programs_are_of_its_minor_version() {
        for release in Release::ALL {
            let version = Module::Kubernetes(release).version();
            assert!(version.starts_with(&format!("v{release}.")), "{version}");
            assert_eq!(version.split('.').count(), 3, "{version}");
            let etcd = Module::Etcd(release).version();
            assert_eq!(etcd.split('.').count(), 3, "{etcd}");
        }
    }

    #[test]
    fn a_release_is_read_as_it_is_shown_and_another_is_refused_with_those_that_there_are() {
        for release in Release::ALL {
            assert_eq!(release.to_string().parse(), Ok(release));
        }
        for text in ["", "1.3", "1.35", "v1.37", "1.37.2", "1.36 "] {
            let error = text.parse::<Release>().unwrap_err();
            assert_eq!(error.to_string(), "expected 1.36 or 1.37", "{text}");
        }
    }
}
