//! What the adapter answers: its rules in process, with the engine of the fake Prometheus in place of a Prometheus.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use setpoint_replay::promql::{self, QueryError, Settings, Value, parse_selector};
use setpoint_replay::{World, api, labels::METRIC_NAME};
use setpoint_rules::{
    ApiPath, Attempts, Items, MetricError, MetricQuery, MetricValueList, Metrics, Objects,
    ResolvedQuery, Rules, Sample, SeriesCollector, SeriesNames, SeriesQuery, TooManyNames,
    cause_for_clients, internal_error, refused_query,
};
use setpoint_support::error_chain;

use super::cluster::Cluster;

/// What the adapter sees at one time.
#[derive(Debug)]
pub(super) struct Adapter<'a> {
    world: &'a World,
    settings: &'a Settings,
    cluster: &'a Cluster,
    metrics: Metrics,
    /// Milliseconds since the beginning of the series.
    now: i64,
    /// Why series of a rule aren't known.
    pub(super) failed: Vec<String>,
}

/// A query that Prometheus was asked, and what it answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
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

/// A value of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// A quantity.
    pub(super) value: String,
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
    pub(super) outcome: Result<Vec<Item>, Refusal>,
    /// The document: a `MetricValueList` or a `Status`.
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
        let message = match error.code() {
            500.. => internal_error(&cause_for_clients(&error.to_string())),
            _ => error.to_string(),
        };
        let logged = std::error::Error::source(&error).map(|_| error_chain(&error));
        Self {
            code: error.code(),
            message,
            logged,
        }
    }
}

impl<'a> Adapter<'a> {
    /// The adapter after a relist at `now` that takes series whose last sample is no older than `max_age` (milliseconds).
    pub(super) fn new(
        rules: &Rules,
        world: &'a World,
        settings: &'a Settings,
        cluster: &'a Cluster,
        now: i64,
        max_age: i64,
    ) -> Self {
        let mut failed = Vec::new();
        let mut series: Vec<(&str, SeriesNames)> = Vec::new();
        for rule in rules.custom() {
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
        Self {
            world,
            settings,
            cluster,
            metrics,
            now,
            failed,
        }
    }

    /// The metrics that it lists, each as `RESOURCE/METRIC`, sorted.
    pub(super) fn discovery(&self) -> Vec<String> {
        let infos = self.metrics.iter();
        let mut names: Vec<String> = infos
            .map(|info| format!("{}/{}", info.group_resource, info.metric))
            .collect();
        names.sort();
        names
    }

    /// What is wrong with series and metrics, in words.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.metrics.remarks().collect()
    }

    /// What it answers to a path with its query string.
    pub(super) fn answer(&self, target: &str) -> Answer {
        let mut asked = Vec::new();
        let outcome = self.list(target, &mut asked);
        let document = match &outcome {
            Ok((_, list)) => serde_json::to_value(list).unwrap_or_default(),
            Err(refusal) => json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "message": refusal.message, "code": refusal.code}),
        };
        Answer {
            outcome: outcome.map(|(items, _)| items),
            document,
            asked,
        }
    }

    fn list(
        &self,
        target: &str,
        asked: &mut Vec<Asked>,
    ) -> Result<(Vec<Item>, MetricValueList), Refusal> {
        let (path, query_string) = target.split_once('?').unwrap_or((target, ""));
        let bad = |error: &dyn std::error::Error| Refusal::new(400, error);
        let not_found = || Refusal::new(404, "the server could not find the requested resource");
        let ApiPath::Resource(path) = ApiPath::parse(path).map_err(|error| bad(&error))? else {
            return Err(not_found());
        };
        let query = MetricQuery::new(&path, query_string).map_err(|error| bad(&error))?;
        let candidates = self.metrics.resolve(&query)?;
        let names = match candidates.first() {
            Some(candidate) => self.names(&query, candidate),
            None => Vec::new(),
        };
        // One after another until one has values.
        let mut attempts = Attempts::default();
        for candidate in &candidates {
            let given = self.ask(candidate, &names, asked).map(|items| items.given);
            let asks_the_next = |failure: &Failure| matches!(failure, Failure::Metric(error) if error.asks_the_next());
            if !attempts.take(given, asks_the_next) {
                break;
            }
        }
        let values = attempts.finish().map_err(|failure| match failure {
            Failure::Metric(error) => error.into(),
            Failure::Prometheus(refusal) => refusal,
        })?;
        let shown = values.iter().map(|value| Item {
            kind: value.described_object.kind.clone().unwrap_or_default(),
            namespace: value.described_object.namespace.clone(),
            name: value.described_object.name.clone().unwrap_or_default(),
            value: value.value.to_string(),
        });
        let shown = shown.collect();
        let list = MetricValueList::new(&path.version, values).ok_or_else(not_found)?;
        Ok((shown, list))
    }

    /// The names of the objects that a request is about.
    fn names(&self, query: &MetricQuery, candidate: &ResolvedQuery<'_>) -> Vec<String> {
        match &query.objects {
            Objects::Named(name) => vec![name.clone()],
            Objects::Selected(selector) => {
                let namespace = query.namespace.as_deref();
                self.cluster
                    .names(candidate.resource(), namespace, selector)
            }
        }
    }

    fn ask(
        &self,
        candidate: &ResolvedQuery<'_>,
        names: &[String],
        asked: &mut Vec<Asked>,
    ) -> Result<Items, Failure> {
        let promql = candidate.promql(names)?;
        let mut values = candidate.values(names)?;
        let samples = self.samples(&promql);
        asked.push(Asked {
            promql,
            names: names.to_vec(),
            answered: match &samples {
                Ok(samples) => Answered::Samples(samples.clone()),
                Err(refusal) => Answered::Refused(refusal.logged.clone().unwrap_or_default()),
            },
        });
        for sample in &samples.map_err(Failure::Prometheus)? {
            values.add(sample);
        }
        let now = Timestamp::from_millisecond(self.now).unwrap_or_default();
        Ok(values.items(now)?)
    }

    /// What Prometheus answers to a query, or what clients read of its refusal.
    fn samples(&self, promql: &str) -> Result<Vec<Sample>, Refusal> {
        let answer = promql::instant(self.world, self.settings, promql, self.now);
        let answer = answer.map_err(|error: QueryError| {
            let (status, kind) = api::status_of(&error);
            Refusal::of_prometheus(&refused_query(status, kind), error.to_string())
        })?;
        let kind = match answer.value {
            Value::Vector(elements) => {
                let sample = |element: promql::Element| Sample {
                    labels: element
                        .labels
                        .iter()
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    timestamp: Timestamp::from_millisecond(self.now).unwrap_or_default(),
                    value: element.value,
                };
                return Ok(elements.into_iter().map(sample).collect());
            }
            Value::Scalar(_) => "scalar",
            Value::String(_) => "string",
            Value::Matrix(_) => "matrix",
        };
        Err(Refusal::of_prometheus(
            "unable to fetch metrics",
            format!(
                "the query gives a {kind} instead of an instant vector; metricsQuery needs one value for each object"
            ),
        ))
    }
}

/// Why a series and a rule give no values.
enum Failure {
    Metric(MetricError),
    Prometheus(Refusal),
}

impl From<MetricError> for Failure {
    fn from(error: MetricError) -> Self {
        Self::Metric(error)
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
        if series.has_samples(from.saturating_sub(1), until) {
            let labels = series.labels.iter().map(|(label, _)| label);
            let labels = labels.filter(|label| *label != METRIC_NAME);
            collector.add(series.labels.value(METRIC_NAME), labels)?;
        }
    }
    Ok(collector.finish())
}
