//! How long something may take, in all its parts: an adapter must not keep a scenario waiting.

use std::error::Error;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::{RequestError, failed};
use crate::outcome::{ClusterError, ClusterProblem};
use crate::timeouts::Timeouts;

/// A moment by which something must be done, whatever it consists of.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    whole: Duration,
    ends: Instant,
}

/// It took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not within {:.1}s", .0.as_secs_f64())]
pub(super) struct TooLate(pub(super) Duration);

impl Limit {
    /// A limit that begins now.
    #[must_use]
    pub fn of(whole: Duration) -> Self {
        Self {
            whole,
            ends: Instant::now() + whole,
        }
    }

    /// The moment.
    #[must_use]
    pub fn ends(&self) -> Instant {
        self.ends
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Does a part of it.
    ///
    /// # Errors
    /// Those of the part, and when it takes too long.
    pub async fn bound<T, E>(
        self,
        doing: impl Into<String>,
        part: impl Future<Output = Result<T, E>>,
    ) -> Result<T, RequestError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let doing = doing.into();
        match timeout_at(self.ends, part).await {
            Ok(done) => done.map_err(failed(doing)),
            Err(_) => Err(failed(doing)(TooLate(self.whole))),
        }
    }
}

impl Timeouts {
    /// The limit of one answer: the usual one, or less where a deadline comes before. Who asks just before a
    /// deadline still gets a second.
    #[must_use]
    pub fn limit_of_answer(&self, deadline: Option<Instant>) -> Limit {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let least = Duration::from_secs(1);
        Limit::of(left.map_or(self.answer, |left| self.answer.min(left.max(least))))
    }

    /// Asks the API server as the cluster's admin.
    ///
    /// # Errors
    /// Those of the call, and when it takes longer than an answer may.
    pub(crate) async fn call<T, E: Into<ClusterError>>(
        &self,
        doing: impl Into<String>,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ClusterProblem> {
        let (doing, within) = (doing.into(), self.answer);
        match timeout(within, call).await {
            Ok(done) => done.map_err(|error| ClusterProblem::call(doing, error)),
            Err(_) => Err(ClusterProblem::Late { doing, within }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_parts_together_must_be_done_in_time() {
        let limit = Limit::of(Duration::from_secs(3));
        let two_seconds = || async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok::<_, std::io::Error>(())
        };
        limit.bound("do the first", two_seconds()).await.unwrap();
        let late = limit
            .bound("do the second", two_seconds())
            .await
            .unwrap_err();
        assert_eq!(
            setpoint_support::error_chain(&late),
            "do the second: not within 3.0s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_what_is_left_and_at_least_a_second() {
        let now = Instant::now();
        let timeouts = Timeouts::default();
        let whole = |deadline| timeouts.limit_of_answer(deadline).left();
        assert_eq!(whole(None), timeouts.answer);
        assert_eq!(whole(Some(now + timeouts.answer * 2)), timeouts.answer);
        assert_eq!(
            whole(Some(now + Duration::from_secs(4))),
            Duration::from_secs(4)
        );
        assert_eq!(whole(Some(now)), Duration::from_secs(1));
    }
}
