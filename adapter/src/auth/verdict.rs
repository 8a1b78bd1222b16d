//! What the certificates of a connection prove.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use setpoint_serve::Peer;
use tokio::sync::{Mutex, Semaphore};

use super::AuthenticationConfig;
use super::error::AuthenticationError;
use super::x509::{Authorities, PresentedChain, Subject};

/// How long a verdict counts. A certificate may expire while its connection stays open.
const LIFETIME: Duration = Duration::from_secs(60);
/// Chains that are judged at a time: building paths takes time of a processor.
const AT_A_TIME: usize = 2;

/// What is proven to one configuration.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) subject: Subject,
    /// Whether it is a front proxy; none without a request-header CA.
    pub(super) front_proxy: Option<Result<(), AuthenticationError>>,
    /// Whether the client CA issued it; none without a client CA.
    pub(super) client: Option<Result<(), AuthenticationError>>,
}

impl Verdict {
    fn of(
        certificates: &[CertificateDer<'static>],
        config: &AuthenticationConfig,
    ) -> Result<Self, AuthenticationError> {
        let chain = PresentedChain::parse(certificates)?;
        let verify = |authorities: &Authorities| authorities.verify(&chain);
        let front_proxy = config.request_header_ca.as_ref().map(|authorities| {
            verify(authorities)?;
            config.headers.allow(&chain.subject.common_name)
        });
        Ok(Self {
            front_proxy,
            client: config.client_ca.as_ref().map(verify),
            subject: chain.subject,
        })
    }
}

type Outcome = Result<Arc<Verdict>, AuthenticationError>;

/// The last verdict on a connection. Its lock lets one of the connection's requests judge.
#[derive(Default)]
struct Last(Mutex<Option<Judged>>);

struct Judged {
    config: Arc<AuthenticationConfig>,
    at: Instant,
    outcome: Outcome,
}

/// Judges each connection once by each configuration, off the threads that serve.
pub(super) struct Judge(Arc<Semaphore>);

impl Default for Judge {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Judge {
    /// The verdict on a client that presented certificates; none if it presented none.
    pub(super) async fn verdict(
        &self,
        peer: &Peer,
        config: &Arc<AuthenticationConfig>,
    ) -> Result<Option<Arc<Verdict>>, AuthenticationError> {
        if peer.certificates.is_empty() {
            return Ok(None);
        }
        let last = peer.kept::<Last>();
        let mut last = last.0.lock().await;
        let outcome = match &*last {
            Some(judged) if judged.counts_for(config) => judged.outcome.clone(),
            _ => {
                let at = Instant::now();
                let outcome = self.judge(peer, config.clone()).await;
                *last = Some(Judged {
                    config: config.clone(),
                    at,
                    outcome: outcome.clone(),
                });
                outcome
            }
        };
        outcome.map(Some)
    }

    async fn judge(&self, peer: &Peer, config: Arc<AuthenticationConfig>) -> Outcome {
        let certificates = peer.certificates.clone();
        // An error would mean that the semaphore is closed, which it never is.
        let permit = self.0.clone().acquire_owned().await.ok();
        let judged = tokio::task::spawn_blocking(move || {
            // Until it has ended, even if nobody waits for it any more.
            let _permit = permit;
            Verdict::of(&certificates, &config).map(Arc::new)
        });
        let unjudged = |error: tokio::task::JoinError| AuthenticationError::Unreadable {
            reason: error.to_string(),
        };
        judged.await.map_err(unjudged)?
    }
}

impl Judged {
    fn counts_for(&self, config: &Arc<AuthenticationConfig>) -> bool {
        Arc::ptr_eq(&self.config, config) && self.at.elapsed() < LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::delegated::tests::{Ca, peer};

    #[tokio::test]
    async fn a_connection_is_judged_once_by_each_configuration() {
        let judge = Judge::default();
        let peer = peer(&[Ca::new().issue("bob", |_| {})]);
        let other_config = Arc::new(AuthenticationConfig::default());
        let config = Arc::new(AuthenticationConfig::default());
        let at = async |config: &Arc<AuthenticationConfig>| {
            let judged = judge.verdict(&peer, config).await;
            assert!(judged.unwrap().unwrap().client.is_none());
            peer.kept::<Last>().0.lock().await.as_ref().unwrap().at
        };
        let first = at(&config).await;
        assert_eq!(at(&config).await, first);
        let second = at(&other_config).await;
        assert_ne!(second, first);
        assert_eq!(at(&other_config).await, second);
    }
}
