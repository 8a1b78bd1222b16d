//! What the adapter answers: its rules in process, with the engine of the fake Prometheus in place of a Prometheus.

mod absent;
mod cause;
mod custom;
mod external;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use setpoint_replay::promql::{self, QueryError, Settings, Value, parse_selector};
use setpoint_replay::{World, api, labels::METRIC_NAME};
use setpoint_rules::{
    ApiPath, ExternalError, ExternalMetrics, InvalidQuery, MetricError, Metrics, Rules, Sample,
    SeriesCollector, SeriesNames, SeriesQuery, TooManyNames, UsageError, UsageRules,
    cause_for_clients, internal_error, refused_query,
};
use setpoint_support::error_chain;

use super::api_group::ApiGroup;
use super::cluster::Cluster;

/// What the adapter sees at one time.
#[derive(Debug)]
pub(super) struct Adapter<'a> {
    rules: &'a Rules,
    world: &'a World,
    settings: Settings,
    cluster: &'a Cluster,
    /// None where there is no rule for them: then the adapter doesn't serve the group.
    metrics: Option<Metrics>,
    external: Option<ExternalMetrics>,
    usage: Option<Arc<UsageRules>>,
    /// Milliseconds since the beginning of the series.
    now: i64,
    max_age: i64,
    /// Why series of a rule aren't known.
    pub(super) failed: Vec<String>,
}

/// A query that Prometheus was asked, and what it answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    /// Whose rule gives it.
    pub(super) group: ApiGroup,
    pub(super) promql: String,
    /// The names of the objects that it is about.
    pub(super) names: Vec<String>,
    pub(super) answered: Answered,
}

/// What Prometheus answered to a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answered {
    Samples(Vec<Sample>),
    /// Why it gave none.
    Refused(String),
}

/// What a request finds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// Values of objects, sorted by their names.
    Items(Vec<Item>),
    /// Values of an external metric, sorted by their labels.
    Values(Vec<SeriesValue>),
    /// CPU and memory of containers and nodes, sorted by their names.
    Usage(Vec<Taken>),
}

impl Found {
    /// Whether there is no value.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Items(items) => items.is_empty(),
            Self::Values(values) => values.is_empty(),
            Self::Usage(taken) => taken.is_empty(),
        }
    }
}

/// A value of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// A quantity.
    pub(super) value: String,
}

/// A value of an external metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesValue {
    pub(super) labels: BTreeMap<String, String>,
    /// A quantity.
    pub(super) value: String,
}

/// What a container or a node takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// None for a node.
    pub(super) container: Option<String>,
    /// A quantity of cores.
    pub(super) cpu: String,
    /// A quantity of bytes.
    pub(super) memory: String,
}

/// An error, as `metav1.Status` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) message: String,
    /// What only the adapter's log says.
    pub(super) logged: Option<String>,
}

/// The answer to a request for values.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Result<Found, Refusal>,
    /// The document: a list, an object or a `Status`.
    pub(super) document: Json,
    pub(super) asked: Vec<Asked>,
}

impl Refusal {
    fn new(code: u16, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
            logged: None,
        }
    }

    /// The result of a query has another type than a vector.
    fn of_type(kind: &str) -> Self {
        Self::of_prometheus(
            "unable to fetch metrics",
            format!(
                "the query gives a {kind} instead of an instant vector; metricsQuery needs one value for each object"
            ),
        )
    }

    /// There is no such path.
    fn not_found() -> Self {
        Self::new(404, "the server could not find the requested resource")
    }

    /// What a rule or what there is doesn't give.
    fn of_rule(code: u16, error: &(dyn std::error::Error + 'static)) -> Self {
        let message = match code {
            500.. => internal_error(&cause_for_clients(&error.to_string())),
            _ => error.to_string(),
        };
        Self {
            code,
            message,
            logged: error.source().map(|_| error_chain(error)),
        }
    }

    /// A failure of which clients read the kind alone.
    fn of_prometheus(cause: &str, logged: String) -> Self {
        Self {
            code: 500,
            message: internal_error(&cause_for_clients(cause)),
            logged: Some(logged),
        }
    }
}

impl From<MetricError> for Refusal {
    fn from(error: MetricError) -> Self {
        Self::of_rule(error.code(), &error)
    }
}

impl From<ExternalError> for Refusal {
    fn from(error: ExternalError) -> Self {
        Self::of_rule(error.code(), &error)
    }
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        Self::of_rule(error.code(), &error)
    }
}

impl From<InvalidQuery> for Refusal {
    fn from(error: InvalidQuery) -> Self {
        match error {
            InvalidQuery::NoSuchPath => Self::new(404, error),
            _ => Self::new(400, error),
        }
    }
}

impl<'a> Adapter<'a> {
    /// The adapter after a relist at `now` that takes series whose last sample is no older than `max_age` (milliseconds).
    pub(super) fn new(
        rules: &'a Rules,
        world: &'a World,
        settings: &Settings,
        cluster: &'a Cluster,
        now: i64,
        max_age: i64,
    ) -> Self {
        let mut failed = Vec::new();
        let mut series: Vec<(&str, SeriesNames)> = Vec::new();
        for rule in rules.custom().iter().chain(rules.external()) {
            let query = rule.series_query();
            if series.iter().any(|(known, _)| *known == query) {
                continue;
            }
            match names(world, query, now.saturating_sub(max_age), now) {
                Ok(names) => series.push((query, names)),
                Err(problem) => failed.push(format!("`{query}`: {problem}")),
            }
        }
        // All upstreams have the series of the file.
        let of_query = |asked: &SeriesQuery| {
            let known = series.iter().find(|(known, _)| *known == asked.selector);
            known.map(|(_, names)| names)
        };
        let metrics = rules.discover(of_query, cluster.mapper().clone());
        let external = rules.discover_external(of_query, cluster.mapper().clone());
        Self {
            rules,
            world,
            // Of a test, Prometheus knows what it has at that time.
            settings: Settings {
                now: Some(now),
                ..*settings
            },
            cluster,
            metrics: (!rules.custom().is_empty()).then_some(metrics),
            external: (!rules.external().is_empty()).then_some(external),
            usage: rules.usage().cloned(),
            now,
            max_age,
            failed,
        }
    }

    /// The metrics that it lists, sorted: custom ones each as `RESOURCE/METRIC`, external ones by their names.
    pub(super) fn discovery(&self, of: ApiGroup) -> Vec<String> {
        let custom = self.metrics.iter().flat_map(Metrics::iter);
        let external = self.external.iter().flat_map(ExternalMetrics::iter);
        let mut names: Vec<String> = match of {
            ApiGroup::External => external.map(ToString::to_string).collect(),
            ApiGroup::Custom | ApiGroup::Resource => custom
                .map(|info| format!("{}/{}", info.group_resource, info.metric))
                .collect(),
        };
        names.sort();
        names
    }

    /// Whether there are rules for a group; without any, the adapter doesn't serve it.
    pub(super) fn serves(&self, group: ApiGroup) -> bool {
        match group {
            ApiGroup::Custom => self.metrics.is_some(),
            ApiGroup::External => self.external.is_some(),
            ApiGroup::Resource => self.usage.is_some(),
        }
    }

    /// What is wrong with series and metrics, in words.
    pub(super) fn remarks(&self) -> Vec<String> {
        let custom = self.metrics.iter().flat_map(Metrics::remarks);
        let external = self.external.iter().flat_map(ExternalMetrics::remarks);
        custom.chain(external).collect()
    }

    /// What it answers to a path with its query string.
    pub(super) fn answer(&self, target: &str) -> Answer {
        let mut asked = Vec::new();
        let answered = self.found(target, &mut asked);
        let (outcome, document) = match answered {
            Ok((found, document)) => (Ok(found), document),
            Err(refusal) => {
                let document = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "message": refusal.message, "code": refusal.code});
                (Err(refusal), document)
            }
        };
        Answer {
            outcome,
            document,
            asked,
        }
    }

    fn found(&self, target: &str, asked: &mut Vec<Asked>) -> Result<(Found, Json), Refusal> {
        let (path, query_string) = target.split_once('?').unwrap_or((target, ""));
        let parsed = ApiPath::parse(path).map_err(|error| Refusal::new(400, error))?;
        let ApiPath::Resource(path) = parsed else {
            return Err(Refusal::not_found());
        };
        match ApiGroup::of(&path.group) {
            Some(ApiGroup::Custom) => self.custom(&path, query_string, asked),
            Some(ApiGroup::External) => self.external(&path, query_string, asked),
            Some(ApiGroup::Resource) => self.usage(&path, query_string, asked),
            None => Err(Refusal::not_found()),
        }
    }

    /// Asks a query of a group's rule about objects with these names, and keeps it with its answer.
    fn ask(
        &self,
        (group, promql): (ApiGroup, String),
        names: &[String],
        asked: &mut Vec<Asked>,
    ) -> Result<Answers, Refusal> {
        let answers = self.answers(&promql);
        asked.push(Asked {
            group,
            promql,
            names: names.to_vec(),
            answered: match &answers {
                Ok(answers) => Answered::Samples(answers.samples.clone()),
                Err(refusal) => Answered::Refused(refusal.logged.clone().unwrap_or_default()),
            },
        });
        answers
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now).unwrap_or_default()
    }

    /// What Prometheus answers to a query, or what clients read of its refusal.
    fn answers(&self, promql: &str) -> Result<Answers, Refusal> {
        let answer = promql::instant(self.world, &self.settings, promql, self.now);
        let answer = answer.map_err(|error: QueryError| {
            let (status, kind) = api::status_of(&error);
            Refusal::of_prometheus(&refused_query(status, kind), error.to_string())
        })?;
        let timestamp = self.now();
        let kind = match answer.value {
            Value::Vector(elements) => {
                let sample = |element: promql::Element| Sample {
                    labels: element
                        .labels
                        .iter()
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    timestamp,
                    value: element.value,
                };
                let samples = elements.into_iter().map(sample).collect();
                let scalar = false;
                return Ok(Answers { samples, scalar });
            }
            Value::Scalar(value) => {
                let labels = BTreeMap::new();
                let samples = vec![Sample {
                    labels,
                    timestamp,
                    value,
                }];
                let scalar = true;
                return Ok(Answers { samples, scalar });
            }
            Value::String(_) => "string",
            Value::Matrix(_) => "matrix",
        };
        Err(Refusal::of_type(kind))
    }
}

/// The samples that answer a query.
struct Answers {
    samples: Vec<Sample>,
    /// Whether the query gives a single number.
    scalar: bool,
}

impl Answers {
    /// The samples of a vector.
    fn vector(self) -> Result<Vec<Sample>, Refusal> {
        if self.scalar {
            return Err(Refusal::of_type("scalar"));
        }
        Ok(self.samples)
    }
}

/// Why a series and a rule give no values; `E` is what the rule says.
enum Failure<E> {
    Rule(E),
    Prometheus(Refusal),
}

impl<E> From<E> for Failure<E> {
    fn from(error: E) -> Self {
        Self::Rule(error)
    }
}

impl<E: Into<Refusal>> Failure<E> {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::Rule(error) => error.into(),
            Self::Prometheus(refusal) => refusal,
        }
    }
}

/// Why the series of a `seriesQuery` aren't known.
#[derive(Debug, thiserror::Error)]
enum NamesError {
    #[error(transparent)]
    Selector(#[from] QueryError),
    #[error(transparent)]
    TooMany(#[from] TooManyNames),
}

/// The series that a `seriesQuery` selects and that have a sample in `[from, until]`.
fn names(world: &World, query: &str, from: i64, until: i64) -> Result<SeriesNames, NamesError> {
    let selector = parse_selector(query)?;
    let mut collector = SeriesCollector::default();
    for series in world.matching(&selector) {
        if series
            .known_at(until)
            .has_samples(from.saturating_sub(1), until)
        {
            let labels = series.labels.iter().map(|(label, _)| label);
            let labels = labels.filter(|label| *label != METRIC_NAME);
            collector.add(series.labels.value(METRIC_NAME), labels)?;
        }
    }
    Ok(collector.finish())
}
