//! Counts syncs of the HPA controller by whoever can: the kube-controller-manager, else what the adapter asked Prometheus, else
//! the clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use setpoint_replay::JournalEntry;
use tokio::time::Instant;

use crate::convergence::{CountedBy, Moment};
use crate::expect::context::ExpectContext;
use crate::feed::Feed;
use crate::outcome::ClusterProblem;
use crate::request::{ControllerManager, Limit};

/// The counter, which has labels for what the sync did and for its error.
const COUNTER: &str = "horizontal_pod_autoscaler_controller_reconciliations_total";
/// How long an answer may take that is asked for several times a sync.
const ANSWER: Duration = Duration::from_secs(2);

/// Counts syncs since it was started.
pub(super) struct SyncClock {
    started: Instant,
    period: Duration,
    source: Source,
    /// The count so far; while there is no answer it stays.
    syncs: u64,
}

enum Source {
    ControllerManager {
        asked: ControllerManager,
        /// What the counter said at the start.
        before: u64,
    },
    Requests {
        feed: Arc<Feed>,
        /// When it was started, in seconds since 1970.
        since: f64,
    },
    Period,
}

impl SyncClock {
    /// Counts from now on.
    pub(super) async fn start(context: &ExpectContext) -> Self {
        Self {
            source: Source::of(context).await,
            started: Instant::now(),
            period: context.cluster.facts().hpa_sync_period,
            syncs: 0,
        }
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    pub(super) fn counted_by(&self) -> CountedBy {
        match self.source {
            Source::ControllerManager { .. } => CountedBy::KubeControllerManager,
            Source::Requests { .. } => CountedBy::AdapterRequests,
            Source::Period => CountedBy::Period,
        }
    }

    /// The moment that it is now.
    pub(super) async fn now(&mut self) -> Moment {
        let seconds = self.started.elapsed().as_secs_f64();
        let counted = match &self.source {
            Source::ControllerManager { asked, before } => {
                let count = count_of(asked).await;
                count.map(|count| count.saturating_sub(*before))
            }
            Source::Requests { feed, since } => syncs_by(feed, *since, self.period).await,
            Source::Period => Some(periods(self.started.elapsed(), self.period)),
        };
        self.syncs = self.syncs.max(counted.unwrap_or_default());
        let syncs = self.syncs;
        Moment { seconds, syncs }
    }

    /// That it didn't count enough for a verdict.
    pub(super) fn too_few(&self, now: Moment) -> ClusterProblem {
        ClusterProblem::TooFewSyncs {
            syncs: now.syncs,
            elapsed: self.started.elapsed(),
            period: self.period,
        }
    }
}

impl Source {
    /// Who counts. Both counts are of all HPAs, so they are good where there is one.
    async fn of(context: &ExpectContext) -> Self {
        let hpas = Api::<HorizontalPodAutoscaler>::all(context.cluster.client());
        let listed = context.cluster.listed();
        let listed = context.timeouts.call("list HPAs", hpas.list(&listed)).await;
        if listed.map_or(0, |list| list.items.len()) != 1 {
            return Self::Period;
        }
        if let Ok(asked) = ControllerManager::of(&context.cluster)
            && let Some(before) = count_of(&asked).await
        {
            return Self::ControllerManager { asked, before };
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        match (&context.feed, now) {
            (Some(feed), Ok(now)) => Self::Requests {
                feed: feed.clone(),
                since: now.as_secs_f64(),
            },
            _ => Self::Period,
        }
    }
}

async fn count_of(asked: &ControllerManager) -> Option<u64> {
    let metrics = asked.metrics(Limit::of(ANSWER)).await.ok()?;
    total(&metrics)
}

/// The counter's sum over all labels, in Prometheus' text format.
fn total(metrics: &str) -> Option<u64> {
    let mut values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(COUNTER)?;
        let labelled = rest.starts_with('{') || rest.starts_with(' ');
        let value: f64 = rest.rsplit(' ').next()?.parse().ok()?;
        // A count; it has no fraction, and is far from what an integer can hold.
        (labelled && value >= 0.0).then_some(value as u64)
    });
    let first = values.next()?;
    Some(values.fold(first, u64::saturating_add))
}

async fn syncs_by(feed: &Feed, since: f64, period: Duration) -> Option<u64> {
    let journal = feed.journal().await.ok()?;
    Some(rounds(&journal.entries, since, period))
}

/// How many syncs made an adapter ask for values: queries that are less than half a period apart belong to one.
fn rounds(entries: &[JournalEntry], since: f64, period: Duration) -> u64 {
    let half = period.as_secs_f64() / 2.0;
    let queries = entries
        .iter()
        .filter(|entry| entry.path.ends_with("/query"));
    let times = queries.map(|entry| entry.wall).filter(|at| *at >= since);
    let count = |(rounds, last): (u64, f64), at: f64| {
        let is_new = at - last >= half;
        (rounds + u64::from(is_new), at)
    };
    times.fold((0, f64::NEG_INFINITY), count).0
}

/// How many periods have passed.
fn periods(elapsed: Duration, period: Duration) -> u64 {
    let periods = elapsed.as_nanos().checked_div(period.as_nanos());
    periods
        .and_then(|periods| periods.try_into().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_summed_over_what_syncs_did_and_nothing_else_is_counted() {
        let metrics = format!(
            "# TYPE {COUNTER} counter\n{COUNTER}{{action=\"none\",error=\"none\"}} 12\n{COUNTER}{{action=\"scale_up\",error=\"none\"}} 3\n\
             {COUNTER}_created 1e9\nother_total 7\n"
        );
        assert_eq!(total(&metrics), Some(15));
        assert_eq!(total("other_total 7\n"), None);
    }

    fn entry(at: f64, path: &str) -> JournalEntry {
        serde_json::from_value(serde_json::json!({
            "seq": 1, "wall": at, "at": 0.0, "method": "GET", "path": path,
            "parameters": [], "status": 200, "fault": false,
        }))
        .unwrap()
    }

    #[test]
    fn queries_that_follow_each_other_closely_are_of_one_sync() {
        let query = |at| entry(at, "/api/v1/query");
        let entries = [
            query(9.9),
            query(10.0),
            query(10.2),
            entry(10.9, "/api/v1/series"),
            query(11.1),
            query(12.0),
        ];
        let rounds = |since| rounds(&entries, since, Duration::from_secs(1));
        assert_eq!(rounds(9.95), 3);
        assert_eq!(rounds(11.0), 2);
        assert_eq!(rounds(13.0), 0);
    }

    #[test]
    fn whole_periods_are_counted() {
        let second = Duration::from_secs(1);
        assert_eq!(periods(Duration::from_millis(2_900), second), 2);
        assert_eq!(periods(second, Duration::ZERO), 0);
    }
}
