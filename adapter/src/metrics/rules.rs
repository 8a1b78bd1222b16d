//! How the relists and queries of rules go.
//!
//! A rule is named by its position in its list of the configuration, from 0. Configurations are the operator's, and
//! still at most [`MAX_RULES`] rules of a list have metrics of their own: neither requests nor answers of
//! Prometheus make more of them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use setpoint_rules::Measure;

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

/// A rule of the configuration, by its list and its position there, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RuleName {
    /// In `rules`.
    Custom(usize),
    /// In `externalRules`.
    External(usize),
    /// In `resourceRules`.
    Usage(Measure),
}

impl RuleName {
    /// The name in labels.
    pub(crate) fn label(self) -> Cow<'static, str> {
        match self {
            Self::Custom(position) if position < MAX_RULES => position.to_string().into(),
            Self::Custom(_) => "others".into(),
            Self::External(position) if position < MAX_RULES => {
                format!("external-{position}").into()
            }
            Self::External(_) => "external-others".into(),
            Self::Usage(Measure::Cpu) => "resource-cpu".into(),
            Self::Usage(Measure::Memory) => "resource-memory".into(),
        }
    }
}

/// What has happened to the rules since they were read; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct RuleEvents {
    queries: Family<RuleLabels, Histogram>,
    query_failures: Family<FailureLabels, Counter>,
    relist_failures: Family<FailureLabels, Counter>,
    /// Kinds of remarks that were logged, by rule.
    told: Arc<Mutex<HashSet<(RuleName, &'static str)>>>,
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
    pub(crate) fn queried(&self, rule: RuleName, took: Duration) {
        let rule = rule.label();
        let queries = self.queries.get_or_create(&RuleLabels { rule });
        queries.observe(took.as_secs_f64());
    }

    /// There are no values by a rule; `kind` is of a closed list.
    pub(crate) fn query_failed(&self, rule: RuleName, kind: &'static str) {
        let rule = rule.label();
        self.query_failures
            .get_or_create(&FailureLabels { rule, kind })
            .inc();
    }

    /// A relist of a rule failed; `kind` is of a closed list.
    pub(crate) fn relist_failed(&self, rule: RuleName, kind: &'static str) {
        let rule = rule.label();
        self.relist_failures
            .get_or_create(&FailureLabels { rule, kind })
            .inc();
    }

    /// Whether this is the first remark of its kind on a rule since the rules were read.
    pub(crate) fn is_first_remark(&self, rule: RuleName, kind: &'static str) -> bool {
        self.told.lock().insert((rule, kind))
    }

    /// Other rules have these positions now.
    pub(crate) fn forget(&self) {
        self.queries.clear();
        self.query_failures.clear();
        self.relist_failures.clear();
        self.told.lock().clear();
    }
}
