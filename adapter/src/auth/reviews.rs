//! Questions to the API server, a limited number at a time.

use std::time::Duration;

use setpoint_support::backoff;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::metrics::OwnMetrics;

/// Questions of one kind at a time. Each is a connection to the API server.
const AT_A_TIME: usize = 64;
/// Those of them about anonymous users, which anybody can cause.
const OF_ANONYMOUS: usize = 16;
/// How long a question may wait for others.
const TURN: Duration = Duration::from_secs(2);
/// How long a question may take (`DelegatingAuthorizationOptions.ClientTimeout`,
/// `DelegatingAuthenticationOptions.TokenRequestTimeout`).
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// How often a question is asked again after a failure that passes by itself, and how soon
/// (`WebhookRetryBackoff`).
const RETRIES: usize = 4;
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReviewError {
    #[error(transparent)]
    Failed(#[from] kube::Error),
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("too many questions to the API server at a time")]
    Busy,
}

/// Whom a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Anonymous,
    /// Somebody with credentials, which may be invalid.
    Known,
}

/// The questions of one kind.
pub(super) struct Reviews {
    kind: &'static str,
    metrics: OwnMetrics,
    all: Semaphore,
    anonymous: Semaphore,
}

impl Reviews {
    /// Questions of a kind, which metrics name.
    pub(super) fn new(kind: &'static str, metrics: OwnMetrics) -> Self {
        Self {
            kind,
            metrics,
            all: Semaphore::new(AT_A_TIME),
            anonymous: Semaphore::new(OF_ANONYMOUS),
        }
    }

    /// Asks when it's the question's turn, and again after a failure that passes by itself.
    pub(super) async fn ask<T, F: Future<Output = Result<T, kube::Error>>>(
        &self,
        about: About,
        question: impl Fn() -> F,
    ) -> Result<T, ReviewError> {
        let answer = self.ask_in_turn(about, question).await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(ReviewError::Failed(_)) => "failed",
            Err(ReviewError::Late(_)) => "late",
            Err(ReviewError::Busy) => "busy",
        };
        self.metrics.reviewed(self.kind, outcome);
        answer
    }

    async fn ask_in_turn<T, F: Future<Output = Result<T, kube::Error>>>(
        &self,
        about: About,
        question: impl Fn() -> F,
    ) -> Result<T, ReviewError> {
        let turn = async {
            // Errors would mean that a semaphore is closed, which it never is.
            let anonymous = match about {
                About::Anonymous => self.anonymous.acquire().await.ok(),
                About::Known => None,
            };
            (anonymous, self.all.acquire().await.ok())
        };
        let turn = timeout(TURN, turn).await;
        let _turn = turn.map_err(|_| ReviewError::Busy)?;
        let answer = timeout(ANSWER, persistently(question)).await;
        Ok(answer.map_err(|_| ReviewError::Late(ANSWER))??)
    }
}

async fn persistently<T, F: Future<Output = Result<T, kube::Error>>>(
    question: impl Fn() -> F,
) -> Result<T, kube::Error> {
    for pause in backoff(FIRST_RETRY, ANSWER).take(RETRIES) {
        match question().await {
            Err(error) if passes(&error) => sleep(pause).await,
            answer => return answer,
        }
    }
    question().await
}

/// `webhook.DefaultShouldRetry`
fn passes(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 429 | 500 | 503 | 504),
        kube::Error::HyperError(_) | kube::Error::Service(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kube::core::Status;

    use super::*;

    fn refusal(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure("no", "No").with_code(code)))
    }

    /// How many questions of each are asked at a time if `number` come at once and none is
    /// answered.
    async fn at_a_time(about: &[(About, usize)]) -> (usize, usize) {
        let reviews = Reviews::new("test", OwnMetrics::default());
        let asked = Arc::new(AtomicUsize::new(0));
        let never = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Result<(), kube::Error>>().await
        };
        let asking = about
            .iter()
            .flat_map(|&(about, number)| (0..number).map(move |_| about))
            .map(|about| reviews.ask(about, never));
        let outcomes = futures::future::join_all(asking).await;
        let busy = |outcome: &&_| matches!(outcome, Err(ReviewError::Busy));
        let busy = outcomes.iter().filter(busy).count();
        (asked.load(Ordering::SeqCst), busy)
    }

    #[tokio::test(start_paused = true)]
    async fn questions_beyond_the_limit_are_given_up_after_their_turn_has_not_come() {
        let known = (About::Known, 100);
        let anonymous = (About::Anonymous, 100);
        assert_eq!(at_a_time(&[known]).await, (64, 36));
        assert_eq!(at_a_time(&[anonymous]).await, (16, 84));
        assert_eq!(at_a_time(&[anonymous, known]).await, (64, 136));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_passes_is_asked_again_and_another_one_is_not() {
        for (error, asked) in [(refusal(503), 5), (refusal(403), 1)] {
            let (code, count) = (error, AtomicUsize::new(0));
            let question = || async {
                count.fetch_add(1, Ordering::SeqCst);
                let kube::Error::Api(status) = &code else {
                    unreachable!("a refusal")
                };
                Err::<(), _>(refusal(status.code))
            };
            let metrics = OwnMetrics::default();
            let reviews = Reviews::new("test", metrics.clone());
            let outcome = reviews.ask(About::Known, question).await;
            let failed = "setpoint_adapter_reviews_total{kind=\"test\",outcome=\"failed\"} 1";
            assert!(metrics.text().contains(failed));
            assert!(matches!(outcome, Err(ReviewError::Failed(_))));
            assert_eq!(count.load(Ordering::SeqCst), asked);
        }
    }
}
