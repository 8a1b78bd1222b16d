//! The file of `--script`, and the files of others that it names as sources.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use setpoint_replay::notation::parse_series;
use setpoint_replay::sources::{Begin, Format, MAX_SOURCE_BYTES, Recording};
use setpoint_replay::{
    Clock, Fault, Metadata, SampledSeries, Script, ScriptError, ScriptedSeries, Tenants, World,
};
use setpoint_rules::{error_place, error_without_place};
use setpoint_support::error_chain;

use crate::format::{Checks, Place, in_file};

/// Bytes of a script: more than anybody writes by hand; what programs write is a source.
const MAX_BYTES: u64 = 64 << 20;

/// A script as it is written, with what isn't sent to a fake Prometheus that runs already.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptFile {
    #[serde(default)]
    clock: Clock,
    #[serde(default)]
    series: Vec<ScriptedSeries>,
    #[serde(default)]
    samples: Vec<SampledSeries>,
    #[serde(default)]
    metadata: BTreeMap<String, Metadata>,
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    tenants: Option<Tenants>,
    #[serde(default)]
    sources: Vec<SourceEntry>,
}

/// A file of others.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SourceEntry {
    /// Beside the script.
    file: PathBuf,
    /// One of [`Format::names`]; without it the ending of the file's name tells.
    format: Option<String>,
    /// Scenario time of the first sample, seconds.
    from: Option<f64>,
    /// Whether samples are played at the times that the file tells.
    #[serde(default)]
    recorded_times: bool,
}

impl SourceEntry {
    /// A file whose name tells the format; played from the start, or at its own times.
    pub(super) fn new(file: PathBuf, recorded_times: bool) -> Self {
        Self {
            file,
            recorded_times,
            ..Self::default()
        }
    }
}

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptFileError {
    /// A file can't be read.
    #[error("read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file is too long.
    #[error("{path} has {length} bytes: expected at most {most}; split it")]
    TooLong {
        path: PathBuf,
        length: u64,
        most: u64,
    },
    /// Something in a file can't be used.
    #[error("{}", .0.join("\n"))]
    Broken(Vec<String>),
    /// All together can't be played.
    #[error("prepare the series of all files")]
    Script(#[from] ScriptError),
}

/// What `--script` and `--source` play together.
pub(super) fn load(path: Option<&Path>, more: Vec<SourceEntry>) -> Result<Script, ScriptFileError> {
    let (mut file, folder) = match path {
        Some(path) => (script_file(path)?, path.parent().unwrap_or(Path::new(""))),
        None => (ScriptFile::default(), Path::new("")),
    };
    for source in &mut file.sources {
        source.file = folder.join(&source.file);
    }
    let sources = file.sources.into_iter().chain(more);
    let mut script = Script {
        clock: file.clock,
        series: file.series,
        samples: file.samples,
        metadata: file.metadata,
        faults: file.faults,
        tenants: file.tenants,
    };
    let read = sources.map(|source| Ok((recording(&source)?, source)));
    let read: Vec<(Recording, SourceEntry)> = read.collect::<Result<_, ScriptFileError>>()?;
    let zero = zero(&mut script.clock, &read);
    for (recording, source) in read {
        let begin = match source.recorded_times {
            true => Begin::AsRecorded(zero),
            false => Begin::At(source.from.unwrap_or(0.0)),
        };
        recording.play(begin, &mut script);
    }
    once_each(&script)?;
    World::new(&script, 0)?;
    Ok(script)
}

/// The wall time of scenario time 0 for sources that are played at their own times: the clock's, else the first of theirs.
fn zero(clock: &mut Clock, read: &[(Recording, SourceEntry)]) -> i64 {
    let timed = read.iter().filter(|(_, source)| source.recorded_times);
    let first = timed.filter_map(|(recording, _)| recording.first()).min();
    let first = first.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    clock.start = clock.start.or(first);
    clock.start.map_or(0, jiff::Timestamp::as_millisecond)
}

/// Two files, or a file and the script, may not both tell the samples of a series.
fn once_each(script: &Script) -> Result<(), ScriptFileError> {
    let mut known = HashSet::new();
    let scripted = script.series.iter().map(|one| &one.series);
    let scripted: HashSet<_> = scripted
        .filter_map(|text| parse_series(text).ok())
        .collect();
    let sampled = script.samples.iter().map(|one| &one.series);
    let twice = sampled.filter(|text| {
        parse_series(text).is_ok_and(|labels| scripted.contains(&labels) || !known.insert(labels))
    });
    let twice: Vec<String> = twice
        .map(|text| {
            format!("the series {text} stands in two places: a series has its samples in one")
        })
        .collect();
    if twice.is_empty() {
        Ok(())
    } else {
        Err(ScriptFileError::Broken(twice))
    }
}

fn recording(source: &SourceEntry) -> Result<Recording, ScriptFileError> {
    let path = &source.file;
    let broken = |problem: String| ScriptFileError::Broken(vec![problem]);
    let format = match &source.format {
        Some(name) => Format::of_name(name),
        None => Format::of_path(path),
    };
    let Some(format) = format else {
        let names = Format::names().join(", ");
        return Err(broken(format!(
            "{}: the format can't be told by the file's name: give one of {names} as `format`",
            path.display()
        )));
    };
    let text = read(path, MAX_SOURCE_BYTES)?;
    format.read(&text).map_err(|problem| {
        broken(format!(
            "{}:{}:{}: expected {}, found {}",
            path.display(),
            problem.line,
            problem.column,
            problem.expected,
            problem.found
        ))
    })
}

fn read(path: &Path, most: u64) -> Result<String, ScriptFileError> {
    let failed = |source| ScriptFileError::Read {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > most {
        return Err(ScriptFileError::TooLong {
            path: path.to_owned(),
            length,
            most,
        });
    }
    setpoint_support::read_text(path).map_err(failed)
}

fn script_file(path: &Path) -> Result<ScriptFile, ScriptFileError> {
    let text = read(path, MAX_BYTES)?;
    let broken = |problems| ScriptFileError::Broken(in_file(path, problems));
    let file: ScriptFile = serde_saphyr::from_str(&text).map_err(|error| {
        let (line, column) = error_place(&error);
        let problem = error_without_place(&error);
        broken(vec![format!("{line}:{column}: {problem}")])
    })?;
    let mut checks = Checks::new(path.parent().unwrap_or(Path::new("")));
    check(&file, &Place::of(&text), &mut checks);
    match checks.problems() {
        problems if problems.is_empty() => Ok(file),
        problems => Err(broken(problems)),
    }
}

/// Looks for what the shape of the file doesn't tell, each at its place.
fn check(file: &ScriptFile, place: &Place, checks: &mut Checks<'_>) {
    let clock = Script {
        clock: file.clock,
        ..Script::default()
    };
    if let Err(error) = World::new(&clock, 0) {
        checks.at(place.key("clock").key("speed"), error_chain(&error));
    }
    check_series(&file.series, place.key("series"), checks);
    if let Some(tenants) = &file.tenants {
        let place = place.key("tenants");
        if let Err(error) = tenants.header_name() {
            checks.at(place.key("header"), error_chain(&error));
        }
        for (tenant, series) in &tenants.series {
            check_series(series, place.key("series").key(tenant), checks);
        }
    }
    for (index, series) in file.samples.iter().enumerate() {
        let script = Script {
            samples: vec![series.clone()],
            ..Script::default()
        };
        check_one(&script, place.key("samples").item(index), checks);
    }
    for (index, fault) in file.faults.iter().enumerate() {
        if let Err(problem) = fault.check() {
            checks.at(place.key("faults").item(index), problem.to_string());
        }
    }
    for (index, source) in file.sources.iter().enumerate() {
        let place = place.key("sources").item(index);
        if source.recorded_times && source.from.is_some() {
            checks.at(
                place.key("from"),
                "give `from` or `recordedTimes`, not both",
            );
        }
        if source
            .from
            .is_some_and(|from| !(-1e12..=1e12).contains(&from))
        {
            checks.at(place.key("from"), "expected seconds");
        }
        if let Some(format) = &source.format
            && Format::of_name(format).is_none()
        {
            let names = Format::names().join(", ");
            checks.at(place.key("format"), format!("expected one of {names}"));
        }
    }
}

/// What is wrong with a list of series, which are seen together.
fn check_series(list: &[ScriptedSeries], place: &Place, checks: &mut Checks<'_>) {
    let mut known = HashSet::new();
    for (index, series) in list.iter().enumerate() {
        let place = place.item(index);
        let script = Script {
            series: vec![series.clone()],
            ..Script::default()
        };
        check_one(&script, place, checks);
        let labels = parse_series(&series.series).ok();
        if labels.is_some_and(|labels| !known.insert((labels, series.from.to_bits()))) {
            let problem = "the series stands above with the same `from`: a series has its samples in one place";
            checks.at(place.key("series"), problem);
        }
    }
}

/// What is wrong with the only series of a script.
fn check_one(script: &Script, place: &Place, checks: &mut Checks<'_>) {
    let Err(error) = World::new(script, 0) else {
        return;
    };
    match error {
        ScriptError::Series { text, source, .. } => {
            checks.at(place.key("series"), format!("series `{text}`: {source}"));
        }
        ScriptError::Number { ref what, .. } => {
            let key = what.split(' ').next().unwrap_or_default();
            checks.at(place.key(key), error.to_string());
        }
        error => checks.at(place, error_chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is played of a script, beside which there are other files.
    fn played(script: &str, others: &[(&str, &str)]) -> Result<Script, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in others {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().join("script.yaml");
        std::fs::write(&path, script).unwrap();
        load(Some(&path), Vec::new()).map_err(|error| {
            let text = error_chain(&error);
            text.replace(&format!("{}/", folder.path().display()), "")
        })
    }

    #[test]
    fn a_script_is_read_from_yaml() {
        let text = "clock: {speed: 2}\nseries:\n- {series: 'up', values: '1x3', interval: 5, hold: true}\n";
        let script = played(text, &[]).unwrap();
        assert_eq!(script.clock.speed, 2.0);
        assert_eq!(script.series[0].values.to_string(), "1x3");
        assert!(script.series[0].hold);
    }

    #[test]
    fn sources_stand_beside_the_script_and_begin_where_it_says() {
        let script = "sources:\n- {file: a.om}\n- {file: b.csv, from: 60}\n- {file: c.txt, format: openmetrics}\n";
        let others = [
            ("a.om", "# TYPE up gauge\nup 1 1000\nup 2 1015\n# EOF\n"),
            ("b.csv", "time,down\n2000,3\n"),
            ("c.txt", "always 4\n# EOF\n"),
        ];
        let script = played(script, &others).unwrap();
        let at: Vec<_> = script
            .samples
            .iter()
            .map(|one| (one.series.as_str(), one.samples[0].at))
            .collect();
        assert_eq!(at, [("up", 0.0), ("down", 60.0)]);
        assert_eq!(script.series[0].series, "always");
        assert!(script.series[0].hold);
        assert_eq!(script.metadata["up"].kind, "gauge");
        assert_eq!(script.clock.start, None);
    }

    #[test]
    fn sources_at_their_own_times_set_the_clock() {
        let script = "sources:\n- {file: a.csv, recordedTimes: true}\n- {file: b.csv, recordedTimes: true}\n";
        let others = [("a.csv", "time,a\n2000,1\n"), ("b.csv", "time,b\n1000,1\n")];
        let script = played(script, &others).unwrap();
        assert_eq!(script.clock.start.unwrap().as_second(), 1000);
        assert_eq!(script.samples[0].samples[0].at, 1000.0);
        let script = "clock: {start: 1970-01-01T00:15:00Z}\nsources:\n- {file: a.csv, recordedTimes: true}\n";
        let script = played(script, &others).unwrap();
        assert_eq!(script.samples[0].samples[0].at, 1100.0);
    }

    #[test]
    fn what_cannot_be_played_is_told_with_file_line_and_column() {
        let scripts = [
            "series:\n- {series: up, values: '1 2+3', interval: 1}\n",
            "series:\n- series: up\n  value: '1'\n",
            "series:\n- {series: 'up{', values: '1', interval: 1}\n- {series: 'up}', values: '1', interval: 1}\n",
            "series:\n- {series: up, values: '1', interval: 0}\n",
            "series:\n- {series: up, values: '1', interval: 1, from: .nan}\n",
            "series:\n- series: up\n  values: '1'\n  interval: .inf\n",
            "series:\n- {series: up, values: '1', interval: 1}\n- {series: 'up{}', values: '2', interval: 1}\n",
            "clock: {speed: 0}\n",
            "clock: {start: soon}\n",
            "samples:\n- {series: up, samples: [[1, one]]}\n",
            "samples:\n- {series: up, samples: [[1, '1'], [1, '2']]}\n",
            "faults:\n- {kind: reset, times: 2}\n- {kind: explode}\n- {kind: nan, amount: 1}\n- {kind: huge, amount: 1000}\n- {kind: nan, answer: {status: 500}}\n- {from: 5, until: 2}\n- {every: 0}\n- {times: 0}\n- {amount: 1}\n",
            "tenants:\n  header: X Scope\n  series:\n    shop: [{series: 'up{', values: '1', interval: 1}]\n    billing: [{series: up, values: '1', interval: 0}]\n",
            "sources:\n- {file: none.csv}\n",
            "sources:\n- {file: bad.csv}\n",
            "sources:\n- {file: bad.csv, format: xml}\n",
            "sources:\n- {file: script.yaml}\n",
            "sources:\n- {file: good.csv, from: 1, recordedTimes: true}\n",
            "sources:\n- {file: good.csv, from: .inf}\n",
            "sources:\n- {file: good.csv}\n- {file: good.csv}\n",
            "series:\n- {series: up, values: '1', interval: 1}\nsources:\n- {file: good.csv}\n",
        ];
        let others = [
            ("good.csv", "time,up\n1,1\n"),
            ("bad.csv", "time,up\n1,x\n"),
        ];
        let told =
            scripts.map(|script| format!("{script}  {}\n", played(script, &others).unwrap_err()));
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_source_that_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.csv");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(MAX_SOURCE_BYTES + 1).unwrap();
        let source = SourceEntry {
            file: path,
            ..SourceEntry::default()
        };
        let error = load(None, vec![source]).unwrap_err().to_string();
        assert!(
            error.ends_with("long.csv has 268435457 bytes: expected at most 268435456; split it"),
            "{error}"
        );
    }
}
