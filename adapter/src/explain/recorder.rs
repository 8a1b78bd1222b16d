//! A client of Prometheus that keeps what is asked and answered.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use setpoint_rules::{Destination, Sample, SeriesQuery};

use crate::error_chain::error_chain;
use crate::prometheus::{FoundSeries, PrometheusClient, PrometheusError, ResultType};

/// How many samples of an answer are kept.
const KEPT: usize = 10_000;

/// A query and its answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) to: Destination,
    pub(super) promql: String,
    /// The first of the answer.
    pub(super) samples: Vec<Sample>,
    pub(super) count: usize,
    /// Why there is no answer.
    pub(super) failure: Option<String>,
}

pub(super) struct Recorder {
    inner: Arc<dyn PrometheusClient>,
    asked: Mutex<Vec<Asked>>,
}

impl Recorder {
    pub(super) fn new(inner: Arc<dyn PrometheusClient>) -> Self {
        let asked = Mutex::default();
        Self { inner, asked }
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

impl PrometheusClient for Recorder {
    fn series<'a>(
        &'a self,
        asked: &'a SeriesQuery,
        max_age: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        self.inner.series(asked, max_age)
    }

    fn query<'a>(
        &'a self,
        to: &'a Destination,
        query: &'a str,
        take: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>> {
        Box::pin(async move {
            let mut asked = Asked {
                to: to.clone(),
                promql: query.to_owned(),
                samples: Vec::new(),
                count: 0,
                failure: None,
            };
            let mut keep = |sample: Sample| {
                asked.count += 1;
                if asked.samples.len() < KEPT {
                    asked.samples.push(sample.clone());
                }
                take(sample);
            };
            let answer = self.inner.query(to, query, &mut keep).await;
            asked.failure = answer.as_ref().err().map(|error| error_chain(error));
            self.asked.lock().push(asked);
            answer
        })
    }
}
