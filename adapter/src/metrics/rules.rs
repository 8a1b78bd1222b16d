//! How the relists and queries of rules go.
//!
//! A rule is named by its position in the configuration, from 0. Configurations are the operator's, and
//! still at most [`MAX_RULES`] rules have metrics of their own: neither requests nor answers of
//! Prometheus make more of them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// How many rules have metrics of their own; what happens to others is counted together.
pub(crate) const MAX_RULES: usize = 500;
/// Of a query of values, in seconds.
const SECONDS: [f64; 7] = [0.01, 0.05, 0.1, 0.5, 2.0, 10.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    rule: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    rule: Cow<'static, str>,
    kind: &'static str,
}

/// The name of a rule in labels.
pub(crate) fn rule_label(position: usize) -> Cow<'static, str> {
    if position < MAX_RULES {
        position.to_string().into()
    } else {
        "others".into()
    }
}

/// What has happened to the rules since they were read; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct RuleEvents {
    queries: Family<RuleLabels, Histogram>,
    query_failures: Family<FailureLabels, Counter>,
    relist_failures: Family<FailureLabels, Counter>,
    /// Kinds of remarks that were logged, by rule.
    told: Arc<Mutex<BTreeSet<(usize, &'static str)>>>,
}

impl Default for RuleEvents {
    fn default() -> Self {
        Self {
            queries: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            query_failures: Family::default(),
            relist_failures: Family::default(),
            told: Arc::default(),
        }
    }
}

impl RuleEvents {
    pub(super) fn register(&self, own: &mut Registry) {
        let help = "Time of the queries for values by a rule, in seconds";
        own.register("query_duration_seconds", help, self.queries.clone());
        let help = "Queries for values by a rule that failed";
        own.register("query_failures", help, self.query_failures.clone());
        let help = "Relists of a rule that failed";
        own.register("relist_failures", help, self.relist_failures.clone());
    }

    /// Prometheus was asked for values by a rule.
    pub(crate) fn queried(&self, position: usize, took: Duration) {
        let rule = rule_label(position);
        let queries = self.queries.get_or_create(&RuleLabels { rule });
        queries.observe(took.as_secs_f64());
    }

    /// There are no values by a rule; `kind` is of a closed list.
    pub(crate) fn query_failed(&self, position: usize, kind: &'static str) {
        let rule = rule_label(position);
        self.query_failures
            .get_or_create(&FailureLabels { rule, kind })
            .inc();
    }

    /// A relist of a rule failed; `kind` is of a closed list.
    pub(crate) fn relist_failed(&self, position: usize, kind: &'static str) {
        let rule = rule_label(position);
        self.relist_failures
            .get_or_create(&FailureLabels { rule, kind })
            .inc();
    }

    /// Whether this is the first remark of its kind on a rule since the rules were read.
    pub(crate) fn is_first_remark(&self, position: usize, kind: &'static str) -> bool {
        self.told.lock().insert((position, kind))
    }

    /// Other rules have these positions now.
    pub(crate) fn forget(&self) {
        self.queries.clear();
        self.query_failures.clear();
        self.relist_failures.clear();
        self.told.lock().clear();
    }
}
