//! Users of Kubernetes.

use std::collections::BTreeMap;

pub(super) const ANONYMOUS: &str = "system:anonymous";
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";

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
            name: ANONYMOUS.to_owned(),
            uid: String::new(),
            groups: vec![UNAUTHENTICATED.to_owned()],
            extra: BTreeMap::new(),
        }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }

    /// The same user as a member of `system:authenticated`, unless it is an anonymous one, which a
    /// front proxy may name (`AuthenticatedGroupAdder`).
    pub(super) fn authenticated(mut self) -> Self {
        let says = |group: &String| group == AUTHENTICATED || group == UNAUTHENTICATED;
        if !self.is_anonymous() && !self.groups.iter().any(says) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}
