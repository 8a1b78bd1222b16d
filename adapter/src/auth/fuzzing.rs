//! Authentication as the targets in `adapter/fuzz` ask for it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use http::HeaderMap;
use rustls_pki_types::CertificateDer;
use setpoint_serve::Peer;
use tokio::runtime::{Builder, Runtime};

use super::config::FromConfigMap;
use super::{AuthenticationConfig, Authenticator as _, DelegatedAuthenticator};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// May be empty.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Further attributes.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Authentication by certificates and request headers.
pub struct Authentication(DelegatedAuthenticator);

impl Authentication {
    /// Trusts what the data of ConfigMap `extension-apiserver-authentication` says; parts of it that can't be used
    /// are left out.
    #[must_use]
    pub fn new(config_map: &BTreeMap<String, String>) -> Self {
        let mut config = AuthenticationConfig::default();
        let parts = FromConfigMap {
            request_header: true,
            client_ca: true,
        };
        let _ = config.update(config_map, parts);
        let authenticator = DelegatedAuthenticator::new(None);
        authenticator.replace(Arc::new(config));
        Self(authenticator)
    }

    /// The user of a request over a connection of its own; none if it is refused.
    pub fn user(
        &self,
        certificates: &[CertificateDer<'static>],
        headers: &HeaderMap,
    ) -> Option<Identity> {
        // Chains are judged on another thread.
        static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
            let mut runtime = Builder::new_current_thread();
            runtime.max_blocking_threads(1).build().ok()
        });
        let peer = Peer::new(([192, 0, 2, 1], 1024).into(), certificates.into());
        let user = RUNTIME
            .as_ref()?
            .block_on(self.0.authenticate(&peer, headers))
            .ok()?;
        Some(Identity {
            name: user.name,
            uid: user.uid,
            groups: user.groups,
            extra: user.extra,
        })
    }
}
