//! What is recorded of a real server is answered alike.

use std::path::Path;

use setpoint_replay::sources::{Begin, Format, Recorder, write_query_range};
use setpoint_replay::{Script, ScriptedSeries, World};

use crate::compare::{Same, compare};
use crate::server::{Question, Server, Set};

/// Seconds of the recording.
const RANGE: i64 = 1800;
const STEP: i64 = 15;

pub(crate) fn a_recording_is_answered_alike(program: &Path) {
    let server = Server::start(program);
    let one = |series: &str, values: &str| ScriptedSeries {
        series: series.to_owned(),
        values: values.parse().unwrap(),
        interval: 15.0,
        from: 2.5,
        hold: false,
    };
    let real = server.load(vec![
        one(r#"requests_total{pod="a",path="/\"x\""}"#, "0+10x200"),
        one(r#"requests_total{pod="b"}"#, "restart(7,31)x200"),
        one(
            r#"requests_total{pod="c"}"#,
            "5+3x40 stale _x20 0+1x30 _x8 99x9",
        ),
        one(
            r#"temperature{pod="a"}"#,
            "noise(-5,30,7)x90 stale _x40 NaN Inf -Inf 1e99",
        ),
        one("ended", "1x30"),
    ]);
    let (start, end) = (0, RANGE);
    let mut script = Script::default();
    for query in ["requests_total", r#"{__name__=~"temperature|ended"}"#] {
        script = recorded(&server, &real, query, None, script);
    }
    let name = Some("all_requests".to_owned());
    script = recorded(
        &server,
        &real,
        "sum by (pod) (requests_total)",
        name,
        script,
    );
    let world = World::new(&script, real.origin).unwrap();
    let replayed = Set {
        world,
        origin: real.origin,
    };
    // Windows begin within the recording.
    let queries = [
        "requests_total",
        "temperature",
        "ended",
        "sum(rate(requests_total[2m]))",
        "changes(requests_total[3m])",
        "max_over_time(temperature[5m])",
        "absent(temperature)",
        "count({__name__!=\"all_requests\"})",
        "requests_total offset 1m",
    ];
    let mut counted = 0;
    for query in queries {
        let query = query.to_owned();
        let question = Question::Over {
            query,
            start: start + 600,
            end,
            step: STEP,
        };
        let theirs = server.theirs(&real, &question);
        let ours = server.ours(&replayed, &question);
        let same = compare(question.query(), &theirs, &ours);
        counted += usize::from(same.unwrap_or_else(|problem| panic!("{problem}")) == Same::Values);
    }
    assert!(counted >= 8, "{counted} queries gave values");
    let step = |query: &str| Question::Over {
        query: query.to_owned(),
        start: start + 600,
        end,
        step: STEP,
    };
    let theirs = server.theirs(&real, &step("sum by (pod) (requests_total)"));
    let ours = server.ours(&replayed, &step("sum by (pod) (all_requests)"));
    compare("all_requests", &theirs, &ours).unwrap();
}

/// The script, with what is recorded of a query: written to a file, and read again.
fn recorded(
    server: &Server,
    set: &Set,
    query: &str,
    name: Option<String>,
    mut script: Script,
) -> Script {
    let window = (set.origin, set.origin + RANGE * 1000);
    let recorder = Recorder::new(query, window, STEP * 1000, name).unwrap();
    let answers = recorder.requests().into_iter().map(|request| {
        let parameters = request.parameters.into_iter();
        let parameters: Vec<_> = parameters
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        server.get(request.path, &parameters).to_string()
    });
    let answers: Vec<String> = answers.collect();
    let (recording, warnings) = recorder.recording(&answers).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let written = write_query_range(&recording);
    let read = Format::QueryRange.read(&written).unwrap();
    assert_eq!(write_query_range(&read), written);
    read.play(Begin::AsRecorded(set.origin), &mut script);
    script
}
