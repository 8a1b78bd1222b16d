//! The API groups that tests ask.

/// An API group of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiGroup {
    /// `custom.metrics.k8s.io`
    Custom,
    /// `external.metrics.k8s.io`
    External,
    /// `metrics.k8s.io`
    Resource,
}

impl ApiGroup {
    const ALL: [Self; 3] = [Self::Custom, Self::External, Self::Resource];

    /// The group with this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Custom => "custom.metrics.k8s.io",
            Self::External => "external.metrics.k8s.io",
            Self::Resource => "metrics.k8s.io",
        }
    }

    /// The key of its rules in a configuration.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Custom => "rules",
            Self::External => "externalRules",
            Self::Resource => "resourceRules",
        }
    }

    /// Its versions.
    pub(super) fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Custom => setpoint_rules::MetricValueList::VERSIONS,
            Self::External | Self::Resource => &["v1beta1"],
        }
    }
}
