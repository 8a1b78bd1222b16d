//! A first file of tests with series of a live Prometheus. What is asked goes through a function of the caller: no
//! sockets here.

use std::path::Path;

use jiff::Timestamp;
use setpoint_replay::Sample;
use setpoint_replay::labels::{Labels, METRIC_NAME};
use setpoint_replay::promql::{QueryError, narrowed_selector, parse_selector, selectors_of};
use setpoint_replay::sources::{RecordError, Recorded, Recorder, Request};

use super::super::duration::PromDuration;
use super::super::load::rules_of;
use super::grid::Grid;
use super::group::{Group, objects_of};
use super::{Context, FirstFile, InitError, WrittenRule, example, written_rules};

/// How many names of series are taken of a rule.
const NAMES: usize = 3;
/// Of how many objects series are taken, for each name.
const OBJECTS: usize = 2;
/// How many series are taken of a selector, at most.
const SERIES: usize = 20;
/// How often it is looked whether a series is there, milliseconds.
const STEP: i64 = 15_000;

/// Why there is no first file of tests with series of a live Prometheus. `E` is why it can't be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError<E: std::error::Error + 'static> {
    /// The rules can't be used, or give nothing to test.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The time is too short or too long.
    #[error("record a time for each rule")]
    Window(#[source] RecordError),
    /// Prometheus gives no answer.
    #[error("look for the series of {rule}")]
    Ask {
        /// The rule that is looked for.
        rule: String,
        /// Why there is no answer.
        #[source]
        source: E,
    },
    /// An answer can't be read.
    #[error("record the series of {rule}")]
    Record {
        /// The rule that is looked for.
        rule: String,
        /// What is wrong.
        #[source]
        source: RecordError,
    },
    /// A selector can't be read.
    #[error("look for the series of {rule}")]
    Selector {
        /// The rule that is looked for.
        rule: String,
        /// What is wrong with it.
        #[source]
        source: QueryError,
    },
}

/// The text of a first file of tests for rules, to stand beside them, with series that a live Prometheus has. `ask` gives
/// the body of its answer to a request; `window` is the time whose samples are taken, milliseconds since 1970. Of each rule
/// there are a few series of a few objects. A rule that finds none is named in a comment.
///
/// # Errors
/// If the rules can't be used, Prometheus doesn't answer, or no rule finds a series.
pub async fn first_tests_from<E: std::error::Error + 'static>(
    rules: &Path,
    window: (i64, i64),
    ask: impl AsyncFn(Request) -> Result<String, E>,
) -> Result<String, LiveError<E>> {
    let file = rules_of(rules).map_err(InitError::from)?;
    Recorder::new("", window, STEP, None).map_err(LiveError::Window)?;
    let comment = format!(
        "Written by `setpoint test --init` with series that a Prometheus had from {} to {}: read what is expected, and change it to what you mean.",
        time(window.0),
        time(window.1)
    );
    let mut first = FirstFile::new(rules, &comment)?;
    let context = Context::new(&file.rules);
    for rule in written_rules(&file) {
        let live = Live {
            rule: &rule,
            window,
            ask: &ask,
        };
        live.add(&mut first, &context).await?;
    }
    let nothing = || InitError::NothingFound {
        path: rules.to_owned(),
    };
    Ok(first.finish(nothing)?)
}

fn time(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis);
    time.map(|time| format!("{time:.0}")).unwrap_or_default()
}

/// A rule whose series are looked for.
struct Live<'a, A> {
    rule: &'a WrittenRule<'a>,
    window: (i64, i64),
    ask: &'a A,
}

/// Series that were recorded, and of how many they are.
struct Taken {
    series: Vec<Recorded>,
    /// How many series of the name there are now.
    all: usize,
}

impl<A, E> Live<'_, A>
where
    A: AsyncFn(Request) -> Result<String, E>,
    E: std::error::Error + 'static,
{
    /// Writes groups of tests for the rule.
    async fn add(&self, first: &mut FirstFile, context: &Context<'_>) -> Result<(), LiveError<E>> {
        let rule = self.rule;
        let selector = rule.rule.series_query();
        let found = self.counted(selector, &[METRIC_NAME]).await?;
        let names = found.iter().map(|(labels, _)| labels.value(METRIC_NAME));
        let named: Vec<&str> = names
            .filter(|name| rule.rule.metric_name(name).is_some())
            .collect();
        if named.is_empty() {
            let why = match found.len() {
                0 => "no series is there now".to_owned(),
                all => format!("seriesFilters and name.matches leave out all of {all} names"),
            };
            first.remark(&format!("Nothing is tested of {rule}: {why}."));
            return Ok(());
        }
        if named.len() > NAMES {
            let all = named.len();
            first.remark(&format!("Of {rule}: {NAMES} of {all} names of series."));
        }
        for name in named.into_iter().take(NAMES) {
            let taken = match self.of_name(name, context).await {
                // Such as native histograms.
                Err(LiveError::Record { source, .. }) => {
                    let why = setpoint_support::error_chain(&source);
                    first.remark(&format!(
                        "Nothing is tested of {rule} and the series {name}: {why}"
                    ));
                    continue;
                }
                taken => taken?,
            };
            let series = taken.series.len();
            let Some(group) = self.group(name, taken.series, first, context).await? else {
                first.remark(&format!(
                    "Nothing is tested of {rule} and the series {name}: no metric comes of what was recorded."
                ));
                continue;
            };
            if series < taken.all {
                let all = taken.all;
                first.remark(&format!("Of {rule}: {series} of {all} series {name}."));
            }
            first.add(&group);
        }
        Ok(())
    }

    /// The series of a name and of a few objects.
    async fn of_name(&self, name: &str, context: &Context<'_>) -> Result<Taken, LiveError<E>> {
        let selector = self.narrowed([(METRIC_NAME, name)])?;
        let labels = example::object_labels(self.rule.written, &context.mapper);
        let labels: Vec<&str> = labels.keys().map(String::as_str).collect();
        let mut objects = self.counted(&selector, &labels).await?;
        let all: usize = objects.iter().map(|(_, count)| count).sum();
        // Those that have most of the labels are the most useful.
        objects.sort_by_key(|(named, _)| std::cmp::Reverse(named.iter().count()));
        let mut series = Vec::new();
        for (named, _) in objects.iter().take(OBJECTS) {
            let by = labels.iter().map(|label| (*label, named.value(label)));
            let selector = self.narrowed([(METRIC_NAME, name)].into_iter().chain(by))?;
            series.extend(self.recorded(&selector, self.window, None).await?);
        }
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series.truncate(SERIES);
        Ok(Taken { series, all })
    }

    /// The group for series, and for the others that queries about them look at.
    async fn group(
        &self,
        name: &str,
        mut series: Vec<Recorded>,
        first: &FirstFile,
        context: &Context<'_>,
    ) -> Result<Option<String>, LiveError<E>> {
        let Some(text) = self.text(name, &series, context) else {
            return Ok(None);
        };
        let unanswered = first.with(&text).map_err(InitError::from)?;
        let queries = unanswered.last_queries();
        let mut more = Vec::new();
        for selector in queries
            .iter()
            .flat_map(|query| selectors_of(query))
            .flatten()
        {
            let Ok(read) = parse_selector(&selector) else {
                continue;
            };
            let known = series.iter().chain(&more);
            let mut known = known.map(|one: &Recorded| &one.labels);
            if !known.any(|labels| read.matches(labels)) {
                let mut found = self.recorded(&selector, self.window, None).await?;
                found.truncate(SERIES);
                more.extend(found);
            }
        }
        series.extend(more);
        Ok(self.text(name, &series, context))
    }

    /// The text of a group, without answers.
    fn text(&self, name: &str, series: &[Recorded], context: &Context<'_>) -> Option<String> {
        let grid = Grid::of(series);
        let duration = |millis: i64| PromDuration::try_from(format!("{millis}ms")).ok();
        let end = i64::try_from(grid.steps).ok()?.checked_mul(grid.interval)?;
        let rule = self.rule;
        let of_rule = grid.series.iter().map(|(labels, _)| labels);
        let of_rule = of_rule.filter(|labels| labels.value(METRIC_NAME) == name);
        let group = Group {
            name: format!("series {name}"),
            interval: Some(duration(grid.interval)?),
            objects: objects_of(rule.rule, &context.mapper, of_rule),
            series: grid.series,
            at: duration(end)?,
        };
        group.text(rule.of, context)
    }

    /// How many series a selector selects now, by labels.
    async fn counted(
        &self,
        selector: &str,
        labels: &[&str],
    ) -> Result<Vec<(Labels, usize)>, LiveError<E>> {
        let plain = |label: &str| label.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        let by = labels.iter().map(|label| match plain(label) {
            true => (*label).to_owned(),
            false => super::text(label),
        });
        let by: Vec<String> = by.collect();
        let query = format!("count by ({}) ({selector})", by.join(", "));
        let now = (self.window.1 - STEP, self.window.1);
        // Results have no name, and need one to be recorded.
        let name = (!labels.contains(&METRIC_NAME)).then_some("count");
        let counts = self.recorded(&query, now, name).await?;
        let count = |one: Recorded| {
            let (at, count) = *one.samples.last()?;
            let is_there = at == now.1 && count.to_bits() != Sample::STALE.to_bits();
            let labels = match name {
                Some(_) => one.labels.without_name(),
                None => one.labels,
            };
            // A count of series is no fraction.
            is_there.then_some((labels, count as usize))
        };
        Ok(counts.into_iter().filter_map(count).collect())
    }

    /// The `seriesQuery` that demands values of labels too.
    fn narrowed<'b>(
        &self,
        by: impl IntoIterator<Item = (&'b str, &'b str)>,
    ) -> Result<String, LiveError<E>> {
        let narrowed = narrowed_selector(self.rule.rule.series_query(), by);
        narrowed.map_err(|source| LiveError::Selector {
            rule: self.rule.to_string(),
            source,
        })
    }

    /// What a query gives in a time.
    async fn recorded(
        &self,
        query: &str,
        window: (i64, i64),
        name: Option<&str>,
    ) -> Result<Vec<Recorded>, LiveError<E>> {
        let wrong = |source| LiveError::Record {
            rule: self.rule.to_string(),
            source,
        };
        let recorder =
            Recorder::new(query, window, STEP, name.map(str::to_owned)).map_err(wrong)?;
        let mut answers = Vec::new();
        for request in recorder.requests() {
            let answer = (self.ask)(request).await;
            answers.push(answer.map_err(|source| LiveError::Ask {
                rule: self.rule.to_string(),
                source,
            })?);
        }
        let (recording, _) = recorder.recording(&answers).map_err(wrong)?;
        Ok(recording.series)
    }
}
