use std::collections::BTreeMap;

/// A user, as a SubjectAccessReview names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// May be empty.
    pub name: String,
    /// May be empty.
    pub uid: String,
    /// In their order.
    pub groups: Vec<String>,
    /// The values of a key are sorted: several headers may give one key, in no defined order.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// The same user, with the values of extra attributes sorted.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.extra.values_mut().for_each(|values| values.sort());
        self
    }
}

/// Where an identity comes from, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A front proxy names the user in headers.
    Headers,
    /// The subject of a client certificate.
    Certificate,
    /// The answer to a TokenReview.
    Token,
    /// No credentials.
    Anonymous,
    /// A certificate that counts for nothing, and nothing else that does.
    BadCertificate,
    /// The front proxy's certificate has a name that isn't allowed.
    BadName,
    /// A token that isn't valid.
    BadToken,
    /// A token whose review failed.
    Unreviewed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Headers,
        Self::Certificate,
        Self::Token,
        Self::Anonymous,
        Self::BadCertificate,
        Self::BadName,
        Self::BadToken,
        Self::Unreviewed,
    ];
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Where that comes from.
    pub kind: Kind,
    /// None if the request is refused with 401.
    pub identity: Option<Identity>,
}
