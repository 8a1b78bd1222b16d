//! What series there are: `series`, `labels`, `label/NAME/values`, and `metadata` of their metrics.

use std::collections::BTreeSet;

use super::Refusal;
use super::document::Document;
use super::parameters::{Parameters, invalid};
use crate::promql::{Selector, parse_selector};
use crate::{Series, World};

/// The series that the request is about.
struct Asked {
    selectors: Vec<Selector>,
    /// Scenario time; the start isn't included.
    after: i64,
    until: i64,
    /// No sample that is played later is known.
    now: i64,
}

impl Asked {
    /// `refused` says how the API words that a selector can't be read.
    fn new(
        world: &World,
        now: i64,
        parameters: &Parameters<'_>,
        refused: fn(String) -> Refusal,
    ) -> Result<Self, Refusal> {
        let clock = &world.clock;
        let start = parameters.bound("start")?.map(|t| clock.to_scenario(t));
        let end = parameters.bound("end")?.unwrap_or(i64::MAX);
        let selector = |text| {
            parse_selector(text).map_err(|error| match error.to_string() {
                text if text.ends_with("at least one non-empty matcher") => {
                    "match[] must contain at least one non-empty matcher".to_owned()
                }
                text => text,
            })
        };
        let selectors = parameters.all("match[]").map(selector);
        let selectors = selectors.collect::<Result<_, _>>().map_err(refused)?;
        Ok(Self {
            selectors,
            after: start.unwrap_or(i64::MIN).saturating_sub(1),
            until: clock.to_scenario(end),
            now: clock.to_scenario(now),
        })
    }

    /// Without selectors these are all.
    fn of<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Series> {
        world.series().filter(|series| {
            let mut selectors = self.selectors.iter();
            let selected = selectors.any(|selector| selector.matches(&series.labels));
            let known = series.known_at(self.now);
            (selected || self.selectors.is_empty()) && known.has_samples(self.after, self.until)
        })
    }
}

pub(super) fn series(
    world: &World,
    now: i64,
    parameters: &Parameters<'_>,
) -> Result<Document, Refusal> {
    if parameters.all("match[]").next().is_none() {
        return Err(Refusal::BadData("no match[] parameter provided".to_owned()));
    }
    let limit = parameters.limit()?;
    let refused = |reason: String| invalid("match[]", &reason);
    let asked = Asked::new(world, now, parameters, refused)?;
    let labels = asked.of(world).map(|series| &series.labels);
    Ok(Document::series(labels, limit))
}

pub(super) fn labels(
    world: &World,
    now: i64,
    parameters: &Parameters<'_>,
) -> Result<Document, Refusal> {
    let limit = parameters.limit()?;
    let asked = Asked::new(world, now, parameters, Refusal::BadData)?;
    let names: BTreeSet<&str> = asked
        .of(world)
        .flat_map(|series| series.labels.iter().map(|(name, _)| name))
        .collect();
    Ok(Document::texts(names, limit))
}

pub(super) fn values(
    world: &World,
    now: i64,
    label: &str,
    parameters: &Parameters<'_>,
) -> Result<Document, Refusal> {
    let limit = parameters.limit()?;
    let asked = Asked::new(world, now, parameters, Refusal::BadData)?;
    let series = asked.of(world);
    let mut values: BTreeSet<&str> = series.map(|series| series.labels.value(label)).collect();
    values.remove("");
    Ok(Document::texts(values, limit))
}

pub(super) fn metadata(world: &World, parameters: &Parameters<'_>) -> Result<Document, Refusal> {
    let limit = parameters.number("limit")?;
    // There is one of each metric at most.
    parameters.number("limit_per_metric")?;
    let metric = parameters.first("metric");
    let known = world.metadata();
    let known = known.filter(|(name, _)| metric.is_none_or(|metric| metric == *name));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Document::metadata(known.take(limit)))
}
