//! The table of queries: `cases.txt`.

use std::path::Path;

use setpoint_replay::{Script, ScriptedSeries, World, promql::Version};

use crate::compare::{Same, compare};
use crate::server::{Question, Server, Set};

/// One set of series, and what is asked of it.
pub(crate) struct Part {
    pub(crate) series: Vec<ScriptedSeries>,
    pub(crate) questions: Vec<Question>,
}

impl Part {
    /// A world of its series that begins in 1970.
    pub(crate) fn world(&self) -> World {
        let script = Script {
            series: self.series.clone(),
            ..Script::default()
        };
        World::new(&script, 0).unwrap()
    }
}

pub(crate) fn parts() -> Vec<Part> {
    let text = include_str!("cases.txt");
    let mut parts: Vec<Part> = Vec::new();
    let mut interval = 0.0;
    let mut times: Option<Vec<i64>> = None;
    let lines = text.lines().map(str::trim_end);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let part = parts.last_mut();
        if let Some(seconds) = line.strip_prefix("data ") {
            interval = seconds.parse().unwrap();
            times = None;
            parts.push(Part {
                series: Vec::new(),
                questions: Vec::new(),
            });
        } else if let Some(list) = line.strip_prefix("ask ") {
            times = Some(list.split(' ').map(|time| time.parse().unwrap()).collect());
        } else if let Some(times) = &times {
            let questions = &mut part.unwrap().questions;
            let query = line.to_owned();
            questions.extend(times.iter().map(|time| Question::At {
                query: query.clone(),
                time: *time,
            }));
            let (start, end) = (times[0], times[times.len() - 1]);
            questions.push(Question::Over {
                query,
                start,
                end,
                step: 37,
            });
        } else {
            let (series, values) = line.split_once("} ").unwrap();
            part.unwrap().series.push(ScriptedSeries {
                series: format!("{series}}}"),
                values: values.parse().unwrap(),
                interval,
                from: 0.0,
                hold: false,
            });
        }
    }
    parts
}

/// Prometheus of some version does this otherwise, and why that is left so.
fn is_known(query: &str, server: &Server) -> Option<&'static str> {
    let is_3 = server.settings.version >= Version::new(3, 0);
    let notes_single_samples = server.notes_single_samples();
    match query {
        "rate(depth[5m])" | "increase({__name__=~\"limits|depth\"}[5m])"
            if notes_single_samples =>
        {
            Some(
                "it says of a gauge with a single sample that it is none, though there is no result",
            )
        }
        "predict_linear(depth[4m] @ end(), 60)" if !is_3 => Some("its window moves with the steps"),
        _ => None,
    }
}

pub(crate) fn are_equal(program: &Path) {
    let server = Server::start(program);
    let (mut all, mut known, mut values) = (0, 0, 0);
    let mut differences = Vec::new();
    for part in parts() {
        let set: Set = server.load(part.series);
        for question in part.questions {
            let (theirs, ours) = server.both(&set, &question);
            all += 1;
            match compare(question.query(), &theirs, &ours) {
                Ok(Same::Values) => values += 1,
                Ok(_) => {}
                Err(_) if is_known(question.query(), &server).is_some() => known += 1,
                Err(difference) => differences.push(format!("{question:?}\n{difference}")),
            }
        }
    }
    let version = server.settings.version;
    println!(
        "Prometheus {version}: {all} questions, {values} answered with values, {known} known to differ"
    );
    assert!(all > 2500 && values > 1800, "the table isn't there");
    assert!(
        differences.is_empty(),
        "{} of {all} differ, the first of them:\n{}",
        differences.len(),
        differences[..differences.len().min(400)].join("\n")
    );
}
