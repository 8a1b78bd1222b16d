//! One request, through the API server or straight to the adapter, as anybody; judged from raw bytes.

mod adapter;
mod controller_manager;
mod error;
mod http2;
mod limit;
mod plain;
mod route;
mod tls;

use std::collections::BTreeMap;

use setpoint_cluster::{MintRequest, Minted};

pub(crate) use adapter::Adapter;
pub(crate) use controller_manager::ControllerManager;
pub(crate) use error::RequestError;
pub(crate) use error::{failed, not_made, unanswered};
pub(crate) use limit::Limit;
pub(crate) use plain::{send, send_json};
pub(crate) use route::ask_over;
pub(crate) use route::{Route, route_to_api_server};
pub(crate) use tls::{client_config, roots};

/// The name that kube-apiserver's own front-proxy certificate has.
pub(crate) const FRONT_PROXY: &str = "front-proxy-client";

/// As whom a question is asked.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// As nobody.
    Nobody,
    /// As the user of the kubeconfig, who can be shown to the API server alone.
    OfKubeconfig,
    /// With a certificate of the client CA.
    Certificate(MintRequest),
    /// With a certificate that was made elsewhere.
    OtherCertificate(Minted),
    /// With a front proxy's certificate, in somebody's name.
    FrontProxy {
        /// The certificate.
        certificate: ProxyCertificate,
        /// The user.
        user: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// With a bearer token.
    Token {
        /// The token.
        token: Secret,
        /// A certificate that is shown too.
        beside: Option<Minted>,
    },
}

/// A certificate that is shown by who claims to be the front proxy.
#[derive(Debug, Clone)]
pub(crate) enum ProxyCertificate {
    /// One of the front proxy's CA.
    Minted(MintRequest),
    /// The front proxy's own, without its key.
    WithoutKey,
    /// One that was made elsewhere.
    Other(Minted),
}

impl ProxyCertificate {
    /// As kube-apiserver's own.
    #[must_use]
    pub(crate) fn genuine() -> Self {
        Self::Minted(MintRequest {
            common_name: FRONT_PROXY.to_owned(),
            ..MintRequest::default()
        })
    }
}

/// Text that is never shown.
#[derive(Clone)]
pub(crate) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Identity {
    /// As kube-aggregator asks for discovery.
    #[must_use]
    pub(crate) fn aggregator() -> Self {
        Self::FrontProxy {
            certificate: ProxyCertificate::genuine(),
            user: "system:kube-aggregator".to_owned(),
            groups: vec!["system:masters".to_owned()],
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The method.
    pub method: http::Method,
    /// Path and query.
    pub path: String,
    /// Headers besides those of the identity.
    pub headers: BTreeMap<String, String>,
    /// As whom.
    pub identity: Identity,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body, as it came.
    pub body: Vec<u8>,
}
