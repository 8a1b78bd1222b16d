/// Whose rules are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of `k8s.io/apiserver` v0.37.2.
    Kubernetes,
    /// Those of our adapter.
    Setpoint,
    /// Those of prometheus-adapter v0.12.0.
    PrometheusAdapter,
}

/// Where an adapter intendedly differs from the rules of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Headers name no uid.
    NoUidHeaders,
    /// A client may not present the certificate of an authority.
    AuthorityAsClient,
    /// An empty prefix adds no extra attributes.
    EmptyPrefix,
    /// An escaped key of bytes that are no text stays escaped.
    KeyWithoutText,
    /// A client with an unknown critical extension in its certificate gets no connection.
    UnknownExtension,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NoUidHeaders,
        Self::AuthorityAsClient,
        Self::EmptyPrefix,
        Self::KeyWithoutText,
        Self::UnknownExtension,
    ];

    /// Who differs.
    #[must_use]
    pub const fn of(self) -> Whose {
        match self {
            Self::NoUidHeaders => Whose::PrometheusAdapter,
            Self::AuthorityAsClient
            | Self::EmptyPrefix
            | Self::KeyWithoutText
            | Self::UnknownExtension => Whose::Setpoint,
        }
    }

    /// Whether it shows in handshakes alone, which [`crate::Combination::caller`] knows nothing of.
    #[must_use]
    pub const fn is_of_handshakes(self) -> bool {
        matches!(self, Self::UnknownExtension)
    }

    /// Why.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoUidHeaders => {
                "headers of uids came with Kubernetes 1.32, and prometheus-adapter's library is that of 1.30; without the uid of a user that has one a \
                 SubjectAccessReview is about less than what the API server knows"
            }
            Self::AuthorityAsClient => {
                "webpki refuses a certificate of an authority as that of a client; who holds an authority's key can issue a certificate to any client"
            }
            Self::EmptyPrefix => {
                "it would make every header, credentials included, an attribute of the user; the flags of the Go library refuse it, so no API server \
                 publishes one"
            }
            Self::UnknownExtension => {
                "rustls reads no such certificate, so that the handshake fails; Go refuses the certificate alone, and a token beside it counts"
            }
            Self::KeyWithoutText => {
                "Go replaces each byte in JSON, so that different keys become one; kept escaped, as keys with a broken escape are, they stay apart"
            }
        }
    }

    /// All of one adapter's.
    pub(crate) fn all_of(whose: Whose) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|one| one.of() == whose)
            .collect()
    }
}
