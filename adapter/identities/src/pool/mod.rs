//! Certificates of all kinds, minted once.

mod authorities;
mod clients;
mod issued_by;
mod mint;

use std::sync::LazyLock;

use proptest::prelude::*;
use rustls_pki_types::CertificateDer;

use mint::Issuer;

/// An authority that a bundle may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Of clients; ECDSA.
    Clients,
    /// Of front proxies; RSA.
    FrontProxies,
    /// Has the front proxies' name, but another key.
    Strangers,
    /// Has the clients' name and key, in a certificate that has expired.
    ClientsBefore,
    /// Has expired.
    Expired,
    /// Isn't valid yet.
    Future,
    /// May issue to servers alone.
    ForServers,
    /// May not sign certificates.
    NoSigner,
    /// Allows no intermediate.
    Shallow,
    /// Is no authority, but a client's own certificate.
    Pinned,
}

impl Authority {
    pub(crate) const ALL: [Self; 10] = [
        Self::Clients,
        Self::FrontProxies,
        Self::Strangers,
        Self::ClientsBefore,
        Self::Expired,
        Self::Future,
        Self::ForServers,
        Self::NoSigner,
        Self::Shallow,
        Self::Pinned,
    ];
}

/// What a client presents, and what is true of it.
pub struct Credential {
    /// What it is, for readers.
    pub name: String,
    /// The client's own certificate first; empty if it presents none.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate, PKCS#8.
    pub key: Vec<u8>,
    /// Whether the first certificate is one at all.
    pub is_readable: bool,
    /// Which authority makes it count, by the rules of Kubernetes.
    pub vouched_by: Option<Authority>,
    /// Whether it says of itself that it is an authority's.
    pub is_authority: bool,
    /// Whether it has a critical extension that nobody knows.
    pub has_unknown_extension: bool,
    /// May be empty.
    pub common_name: String,
    /// In their order.
    pub organizations: Vec<String>,
}

/// All authorities, and what clients present.
pub struct Pool {
    authorities: Vec<(Authority, Issuer)>,
    /// The first is none.
    pub credentials: Vec<Credential>,
}

impl Pool {
    /// The certificate of an authority.
    #[must_use]
    pub fn pem(&self, authority: Authority) -> String {
        self.issuer(authority).pem()
    }

    fn issuer(&self, authority: Authority) -> &Issuer {
        let mut all = self.authorities.iter();
        let (_, issuer) = all.find(|(one, _)| *one == authority).unwrap();
        issuer
    }
}

/// Minting takes a second.
pub static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let mut pool = Pool {
        authorities: authorities::all(),
        credentials: Vec::new(),
    };
    pool.credentials = clients::all(&pool);
    pool
});

/// A place in the pool. What usual clients present comes more often than one of many flaws.
pub(crate) fn credentials() -> impl Strategy<Value = usize> {
    let named = |name: &str| {
        let mut all = POOL.credentials.iter();
        all.position(|one| one.name == name).unwrap()
    };
    prop_oneof![
        5 => Just(0),
        12 => Just(named(&format!("{:?}, usual", Authority::FrontProxies))),
        3 => Just(named(&format!("{:?}, usual", Authority::Clients))),
        12 => 0..POOL.credentials.len(),
    ]
}
