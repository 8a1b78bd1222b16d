//! The kube-controller-manager, where it can be reached.

use std::sync::Arc;

use setpoint_cluster::{Cluster, Target};

use super::route::{Destination, TlsRoute};
use super::tls::client_config_without_verification;
use super::{Identity, Limit, Question};
use crate::outcome::{HarnessProblem, Owner, Unmet};

/// Its port for HTTPS.
const PORT: u16 = 10257;

/// A way to ask the kube-controller-manager. Its certificate is one that it issued to itself, so it isn't verified; nothing is
/// shown to it and nothing secret is asked.
pub(crate) struct ControllerManager(TlsRoute);

impl ControllerManager {
    /// That of a cluster.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub(crate) fn of(cluster: &Arc<dyn Cluster>) -> Result<Self, HarnessProblem> {
        let tls = client_config_without_verification()?;
        Ok(Self(TlsRoute {
            cluster: cluster.clone(),
            asked: Owner::Cluster,
            to: Destination::Target(Target::ControllerManager, PORT),
            server: "localhost".to_owned(),
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
        }))
    }

    /// Its metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When it can't be reached, or doesn't answer in time.
    pub(crate) async fn metrics(&self, limit: Limit) -> Result<String, Unmet> {
        let question = Question {
            method: http::Method::GET,
            path: "/metrics".to_owned(),
            headers: [("accept".to_owned(), "text/plain".to_owned())].into(),
            identity: Identity::Nobody,
        };
        let answer = self.0.ask(&question, limit).await?;
        // What isn't text has no metrics in it, and neither has a refusal.
        Ok(String::from_utf8(answer.body).unwrap_or_default())
    }
}
