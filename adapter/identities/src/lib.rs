//! Who the caller of an extension API server is, by the rules of Kubernetes, for any combination of a connection's
//! certificates, a request's headers, its token and the ConfigMap `extension-apiserver-authentication`.
//!
//! It is for tests, and shares no code with what they test. A combination is generated ([`combinations`]); its
//! certificates are real ones, minted once ([`POOL`]), and what is true of each is known from how it was minted. The rules
//! ([`Combination::caller`]) are those of `k8s.io/apiserver` v0.37.2: `pkg/authentication/request/headerrequest/requestheader.go` and
//! `requestheader_controller.go`, `request/x509/x509.go`, `request/bearertoken/bearertoken.go`, `request/union/union.go`,
//! `group/authenticated_group_adder.go`, `authenticatorfactory/delegating.go`, `plugin/pkg/authenticator/token/webhook`,
//! and of Go's `crypto/x509/verify.go`. What prometheus-adapter v0.12.0 (`k8s.io/apiserver` v0.30.0) and our adapter do
//! otherwise stands in [`Difference`], each with its reason.
//!
//! There is no choice of whether anonymous callers are served: `DelegatingAuthenticationOptions` has no flag for it, and
//! both adapters leave it to authorization.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "certificates of tests that can't be minted are a fault of the test"
)]

mod config_map;
mod difference;
mod identity;
mod model;
mod pool;
mod request;
mod token;

use std::fmt;

use proptest::prelude::*;

pub use config_map::{ConfigMap, World};
pub use difference::{Difference, Whose};
pub use identity::{Identity, Kind, Outcome};
pub use pool::{Authority, Credential, POOL, Pool};
pub use request::{Field, Request};
pub use token::{Answer, Token};

/// A caller, and what is trusted when it calls.
#[derive(Clone)]
pub struct Combination {
    /// What the ConfigMap said, from its first version on.
    pub world: World,
    /// The place of the connection's certificates in [`POOL`].
    pub credential: usize,
    /// Headers, and the token among them.
    pub request: Request,
}

impl Combination {
    /// The certificates of the connection, and their key.
    #[must_use]
    pub fn credential(&self) -> &'static Credential {
        &POOL.credentials[self.credential]
    }

    /// Who the caller is to one adapter.
    #[must_use]
    pub fn caller(&self, whose: Whose) -> Outcome {
        self.caller_but_for(&Difference::all_of(whose))
    }

    /// The intended differences of one adapter without each of which the caller would be somebody else.
    #[must_use]
    pub fn differences(&self, whose: Whose) -> Vec<Difference> {
        let all = Difference::all_of(whose);
        let outcome = self.caller_but_for(&all);
        let decides = |one: &Difference| {
            let others = all.iter().filter(|other| *other != one);
            let others: Vec<Difference> = others.copied().collect();
            self.caller_but_for(&others) != outcome
        };
        all.iter().filter(|one| decides(one)).copied().collect()
    }

    fn caller_but_for(&self, differences: &[Difference]) -> Outcome {
        model::caller(&self.world, self.credential(), &self.request, differences)
    }
}

impl fmt::Debug for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Combination")
            .field("config_map", &self.world)
            .field("certificate", &self.credential().name)
            .field("headers", &self.request)
            .finish()
    }
}

/// Any combination. The ConfigMap has up to three versions.
pub fn combinations() -> impl Strategy<Value = Combination> {
    (config_map::worlds(), callers()).prop_map(|(world, (credential, request))| Combination {
        world,
        credential,
        request,
    })
}

/// Any certificates and headers: a place in [`POOL`], and a request.
pub fn callers() -> impl Strategy<Value = (usize, Request)> {
    (pool::credentials(), request::requests())
}

/// What an adapter may read when it starts: one version of the ConfigMap, whose lists can be read. prometheus-adapter ends if
/// they can't.
pub fn first_config_maps() -> impl Strategy<Value = World> {
    config_map::readable().prop_map(|map| World(vec![map]))
}
