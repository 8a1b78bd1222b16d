//! Users of Kubernetes.

use std::collections::BTreeMap;

/// A user of Kubernetes (`user.Info`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    /// Such as `system:serviceaccount:kube-system:horizontal-pod-autoscaler`.
    pub(crate) name: String,
    /// Differs between users that have the same name at different times; may be empty.
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    /// Further attributes from the authenticator.
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The user of a request without credentials (`user.Anonymous`).
    pub(crate) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
            extra: BTreeMap::new(),
        }
    }

    /// The same user as a member of `system:authenticated`.
    pub(super) fn authenticated(mut self) -> Self {
        const AUTHENTICATED: &str = "system:authenticated";
        if !self.groups.iter().any(|group| group == AUTHENTICATED) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}
