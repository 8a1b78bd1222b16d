//! Asking one question again and again.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use setpoint_rules::RestMapper;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::known::Answer;
use super::pauses::Pauses;
use super::{Question, Registry};
use crate::error_chain::error_chain;
use crate::kubernetes::{DiscoveryError, discover};
use crate::prometheus::PrometheusError;
use crate::trace::Trace;

/// For how long a relist counts as one of those on the way. Others may start after that, so that
/// slow ones hurt only themselves.
pub(super) const SLOT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(super) enum RelistError {
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    #[error(transparent)]
    Kubernetes(#[from] DiscoveryError),
    #[error("no whole answer of Prometheus within {0:?}, which --metrics-relist-timeout sets")]
    Late(Duration),
    #[error("with these the series would have more than {limit} names; narrow seriesQuery")]
    TooManyNames { limit: usize },
    #[error("the adapter has a fault: the relist panicked")]
    Panic,
}

impl RelistError {
    /// The kind of failure in one word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Prometheus(error) => error.kind(),
            Self::Kubernetes(_) => "kubernetes",
            Self::Late(_) => "timeout",
            Self::TooManyNames { .. } => "too_long",
            Self::Panic => "panic",
        }
    }
}

impl Registry {
    /// Asks one question again and again. While it fails, its last good answer stays.
    pub(super) async fn repeat(self: Arc<Self>, question: Question, mut pauses: Pauses) {
        // The kinds of failures that were told since the last success.
        let mut told = BTreeSet::new();
        loop {
            let began = Instant::now();
            let trace = Trace::start();
            let span = tracing::info_span!("relist", trace_id = %trace);
            let asked = AssertUnwindSafe(trace.scope(self.ask(&question))).catch_unwind();
            let asked = asked.instrument(span.clone()).await;
            let took = began.elapsed();
            let answer = asked.unwrap_or(Err(RelistError::Panic)).and_then(|answer| {
                let series = answer.series();
                self.known.lock().take(answer).map(|()| series)
            });
            let pause = pauses.after(answer.is_ok());
            match &answer {
                Ok(_) if !told.is_empty() => {
                    told.clear();
                    tracing::info!("relist {question} succeeds again");
                }
                // A kind of failure is told once, though others come in between; the words of each
                // time may differ.
                Err(error) if told.insert(error.kind()) => {
                    let error = error_chain(error);
                    span.in_scope(|| {
                        tracing::error!(error, "relist {question}; the last good answer stays");
                    });
                }
                _ => {}
            }
            self.note(&question, took, answer.map_err(|error| error.kind()));
            self.changed.notify_one();
            tokio::time::sleep(pause).await;
        }
    }

    /// Notes how a relist ended.
    fn note(&self, question: &Question, took: Duration, outcome: Result<u64, &'static str>) {
        let mut known = self.known.lock();
        known.relist_ended(question, took, outcome);
        if let Err(kind) = outcome {
            for rule in known.askers(question) {
                self.events.relist_failed(rule, kind);
            }
        }
    }

    async fn ask(&self, question: &Question) -> Result<Answer, RelistError> {
        match question {
            Question::Resources => {
                let resources = discover(&self.kubernetes, self.options.answer_timeout).await?;
                Ok(Answer::Resources(RestMapper::new(resources)))
            }
            Question::Series(asked) => {
                let slot = self.slots.clone().acquire_owned().await;
                let series = self.prometheus.series(asked, self.options.max_age);
                let mut series = tokio::time::timeout(self.options.timeout, series).boxed();
                let in_slot = tokio::time::timeout(SLOT, &mut series).await;
                drop(slot);
                let answer = match in_slot {
                    Ok(answer) => answer,
                    Err(_) => series.await,
                };
                let series = answer.map_err(|_| RelistError::Late(self.options.timeout))??;
                Ok(Answer::Series(asked.clone(), series))
            }
        }
    }
}
