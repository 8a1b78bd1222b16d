//! `query` and `query_range`.

use std::time::Duration;

use super::Refusal;
use super::document::Document;
use super::parameters::{Parameters, invalid, written};
use crate::World;
use crate::promql::{self, Change, QueryError, Settings};

/// Points of a series that one answer may hold.
const MAX_POINTS: i64 = 11_000;

/// The settings at the wall time `now`, with the time-out that the request asks for where that is shorter, and with its
/// lookback.
fn limited(
    world: &World,
    settings: &Settings,
    now: i64,
    parameters: &Parameters<'_>,
) -> Result<Settings, Refusal> {
    let asked = parameters.duration("timeout")?;
    if let Some(asked) = asked.filter(|asked| *asked <= 0)
        && settings.version.has(Change::PositiveTimeouts)
    {
        let reason = format!("timeout must be positive, got {}", written(asked));
        return Err(invalid("timeout", &reason));
    }
    // One that isn't above zero is over before the query begins.
    let asked = asked.map(|millis| Duration::from_millis(millis.try_into().unwrap_or(0)));
    let timeout = asked.map_or(settings.timeout, |asked| asked.min(settings.timeout));
    let lookback = parameters.lookback()?.unwrap_or(settings.lookback);
    Ok(Settings {
        timeout,
        lookback,
        now: Some(world.clock.to_scenario(now)),
        ..*settings
    })
}

pub(super) fn instant(
    world: &World,
    settings: &Settings,
    now: i64,
    parameters: &Parameters<'_>,
) -> Result<Document, Refusal> {
    let limit = parameters.limit()?;
    let at = parameters.time("time")?.unwrap_or(now);
    let settings = limited(world, settings, now, parameters)?;
    let text = parameters.first("query").unwrap_or_default();
    let answer = promql::instant(world, &settings, text, world.clock.to_scenario(at))?;
    Ok(Document::query(
        &world.clock,
        settings.version,
        at,
        answer,
        limit,
    ))
}

pub(super) fn range(
    world: &World,
    settings: &Settings,
    now: i64,
    parameters: &Parameters<'_>,
) -> Result<Document, Refusal> {
    let limit = parameters.limit()?;
    let start = parameters.needed_time("start")?;
    let end = parameters.needed_time("end")?;
    if end < start {
        return Err(invalid(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let Some(step) = parameters.duration("step")? else {
        return Err(invalid("step", "cannot parse \"\" to a valid duration"));
    };
    if step <= 0 {
        return Err(invalid(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end.saturating_sub(start) / step > MAX_POINTS {
        return Err(Refusal::BadData(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned(),
        ));
    }
    let settings = limited(world, settings, now, parameters)?;
    let text = parameters.first("query").unwrap_or_default();
    let clock = &world.clock;
    let bounds = (clock.to_scenario(start), clock.to_scenario(end));
    let step = (step as f64 * clock.speed()).round() as i64;
    let answer = promql::range(world, &settings, text, bounds, step.max(1));
    let answer = answer.map_err(|error| match error {
        QueryError::Parse(reason) if !settings.version.is_3() => Refusal::BadData(reason),
        other => other.into(),
    })?;
    Ok(Document::query(
        clock,
        settings.version,
        start,
        answer,
        limit,
    ))
}

/// There are none: exemplars come with scrapes.
pub(super) fn exemplars(parameters: &Parameters<'_>) -> Result<Document, Refusal> {
    let start = parameters.time("start")?.unwrap_or(i64::MIN);
    let end = parameters.time("end")?.unwrap_or(i64::MAX);
    if end < start {
        let reason = "end timestamp must not be before start timestamp";
        return Err(Refusal::BadData(reason.to_owned()));
    }
    match promql::parse_query(parameters.first("query").unwrap_or_default()) {
        Err(QueryError::Parse(reason)) => Err(Refusal::BadData(reason)),
        _ => Ok(Document::fixed("[]")),
    }
}
