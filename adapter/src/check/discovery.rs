//! What rules would give now, by a Prometheus.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use setpoint_rules::{
    At, Destination, ExternalMetrics, Finding, Kind, Metrics, RestMapper, Rule, RuleFile,
    SeriesNames, SeriesQuery, Severity,
};

use super::checked::Checked;
use crate::error_chain::error_chain;
use crate::prometheus::{FoundSeries, PrometheusClient, PrometheusError};

static NO_ANSWER: Kind = Kind {
    code: "no-answer",
    severity: Severity::Error,
    about: "Prometheus doesn't give the series of a rule, so nothing is known of its metrics.",
};
static NO_SERIES: Kind = Kind {
    code: "no-series",
    severity: Severity::Warning,
    about: "Prometheus has no series now that `seriesQuery` selects.",
};
static NO_METRICS: Kind = Kind {
    code: "no-metrics",
    severity: Severity::Warning,
    about: "Prometheus has series of a rule, and none of them gives a metric: labels or names don't fit.",
};
static REFUSED_QUERY: Kind = Kind {
    code: "refused-query",
    severity: Severity::Error,
    about: "Prometheus refuses the query that a rule gives for a usual request.",
};
static REMARK: Kind = Kind {
    code: "discovery",
    severity: Severity::Warning,
    about: "What the adapter logs when it makes metrics of the series that there are now.",
};

/// The kinds of findings by a Prometheus.
pub(super) static KINDS: [&Kind; 5] =
    [&NO_ANSWER, &NO_SERIES, &NO_METRICS, &REFUSED_QUERY, &REMARK];

/// How many questions are on the way at a time.
const PARALLEL: usize = 8;
/// How long Prometheus may take for the series of one rule.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Metrics that rules make of the series that there are.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub(crate) custom: Metrics,
    pub(crate) external: ExternalMetrics,
    pub(super) has_usage: bool,
    /// Rules whose series aren't known, so that their metrics aren't either.
    pub(crate) unanswered: Vec<Unanswered>,
}

/// A rule whose series aren't known.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// The list of the rule.
    pub(crate) list: &'static str,
    /// Where its `seriesQuery` stands: the line and the column.
    pub(crate) place: (usize, usize),
    at: At,
    reason: String,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.reason)
    }
}

/// Why the series of a `seriesQuery` aren't known.
#[derive(Debug, thiserror::Error)]
enum SeriesError {
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    #[error("no whole answer of Prometheus within {TIMEOUT:?}")]
    Late,
}

/// The series of a `seriesQuery`.
type Answer = Result<FoundSeries, SeriesError>;

impl Discovered {
    /// Each metric as discovery names it: the group, and the resource in it.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, String)> {
        let custom = self.custom.iter();
        let custom = custom.map(|info| ("custom.metrics.k8s.io", info.to_string()));
        let external = self.external.iter();
        let external = external.map(|metric| ("external.metrics.k8s.io", metric.to_string()));
        let usage = ["nodes", "pods"].into_iter().filter(|_| self.has_usage);
        let usage = usage.map(|resource| ("metrics.k8s.io", resource.to_owned()));
        custom.chain(external).chain(usage)
    }
}

/// Asks for the series of all rules of a file, and adds what is found to it.
pub(crate) async fn discover(
    file: &mut Checked,
    prometheus: &dyn PrometheusClient,
    mapper: Arc<RestMapper>,
    max_age: Duration,
) -> Option<Discovered> {
    let rules = file.rules.as_ref()?;
    let answers = series(rules, prometheus, max_age).await;
    let names = |asked: &SeriesQuery| -> Option<&SeriesNames> {
        let answer = answers.get(asked)?;
        answer.as_ref().ok().map(|found| &found.names)
    };
    let discovered = Discovered {
        custom: rules.rules().discover(names, mapper.clone()),
        external: rules.rules().discover_external(names, mapper),
        has_usage: rules.rules().usage().is_some(),
        unanswered: unanswered(rules, &answers),
    };
    let mut findings = findings(rules, &answers, &discovered);
    findings.extend(refused(rules, prometheus).await);
    file.findings.extend(findings);
    file.findings
        .sort_by_key(|finding| (finding.line, finding.column));
    Some(discovered)
}

/// The answers by what was asked.
async fn series(
    file: &RuleFile,
    prometheus: &dyn PrometheusClient,
    max_age: Duration,
) -> BTreeMap<SeriesQuery, Answer> {
    let rules = file.rules().custom().iter().chain(file.rules().external());
    let mut queries: Vec<SeriesQuery> = rules.map(|rule| rule.series_asked().clone()).collect();
    queries.sort_unstable();
    queries.dedup();
    let ask = async |query: SeriesQuery| {
        let asked = prometheus.series(&query, max_age);
        let answer = match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(SeriesError::from),
            Err(_) => Err(SeriesError::Late),
        };
        (query, answer)
    };
    let asked = queries.into_iter().map(ask);
    futures::stream::iter(asked)
        .buffer_unordered(PARALLEL)
        .collect()
        .await
}

/// The rules of both lists.
fn listed(file: &RuleFile) -> impl Iterator<Item = (&'static str, &Arc<Rule>)> {
    let rules = file.rules();
    let custom = rules.custom().iter().map(|rule| ("rules", rule));
    let external = rules.external().iter().map(|rule| ("externalRules", rule));
    custom.chain(external)
}

fn unanswered(file: &RuleFile, answers: &BTreeMap<SeriesQuery, Answer>) -> Vec<Unanswered> {
    let unanswered = |(list, rule): (&'static str, &Arc<Rule>)| {
        let error = answers.get(rule.series_asked())?.as_ref().err()?;
        let at = At::rule(list, rule.position(), "seriesQuery");
        Some(Unanswered {
            list,
            place: file.place(&at),
            at,
            reason: error_chain(error),
        })
    };
    listed(file).filter_map(unanswered).collect()
}

fn findings(
    file: &RuleFile,
    answers: &BTreeMap<SeriesQuery, Answer>,
    discovered: &Discovered,
) -> Vec<Finding> {
    let lists = [
        ("rules", discovered.custom.yields()),
        ("externalRules", discovered.external.yields()),
    ];
    let no_answer = |unanswered: &Unanswered| {
        let Unanswered {
            at, place, reason, ..
        } = unanswered;
        Finding::new(&NO_ANSWER, at.to_string(), *place, reason, "")
    };
    let mut found: Vec<_> = discovered.unanswered.iter().map(no_answer).collect();
    let mut given = BTreeMap::new();
    for (list, yields) in lists {
        for given_by in yields {
            given.insert((list, given_by.rule.position()), given_by.metrics);
        }
    }
    for (list, rule) in listed(file) {
        let at = At::rule(list, rule.position(), "seriesQuery");
        let query = rule.series_query();
        let mut tell = |kind, sentence: String, cure: &str| {
            let place = file.place(&at);
            found.push(Finding::new(kind, at.to_string(), place, sentence, cure));
        };
        let metrics = given.get(&(list, rule.position())).copied();
        match answers.get(rule.series_asked()) {
            Some(Ok(series)) if series.count == 0 => tell(
                &NO_SERIES,
                format!("Prometheus has no series that `{query}` selects"),
                "see in Prometheus which labels they have, and when they were scraped last",
            ),
            Some(Ok(series)) if metrics.unwrap_or_default() == 0 => tell(
                &NO_METRICS,
                format!(
                    "none of the {} series that `{query}` selects gives a metric: none has a label that names an object, or the conditions on names leave all out",
                    series.count
                ),
                "compare `resources` and `name` with the labels and names of the series",
            ),
            _ => {}
        }
    }
    let remarks = discovered.custom.remarks();
    let remarks = remarks.chain(discovered.external.remarks());
    found.extend(remarks.map(|remark| Finding::new(&REMARK, "", (1, 1), remark, "")));
    found
}

/// Queries that Prometheus refuses.
async fn refused(file: &RuleFile, prometheus: &dyn PrometheusClient) -> Vec<Finding> {
    let ask = async |(at, to, query): (At, Destination, String)| {
        let answer = prometheus.query(&to, &query, &mut |_| {}).await;
        match answer {
            Err(PrometheusError::Rejected { kind, message, .. }) => {
                let query = query.trim();
                let sentence =
                    format!("Prometheus refuses `{query}`, which it gives: {kind}: {message}");
                let subject = at.to_string();
                let place = file.place(&at);
                Some(Finding::new(&REFUSED_QUERY, subject, place, sentence, ""))
            }
            // What else can fail is told of the series.
            _ => None,
        }
    };
    let asked = file.sample_queries().into_iter().map(ask);
    let answers: Vec<_> = futures::stream::iter(asked)
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    answers.into_iter().flatten().collect()
}
