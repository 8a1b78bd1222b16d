//! Series from files of others.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use setpoint_replay::labels::Labels;
use setpoint_replay::promql::{Settings, Value, instant};
use setpoint_replay::sources::{Begin, Format, Recorded, Recording, write_query_range};
use setpoint_replay::{Sample, Script, World, notation::parse_series};

/// Each series with its samples, as text.
fn told(recording: &Recording) -> Vec<String> {
    let told = recording.series.iter().map(|series| {
        let samples = series.samples.iter().map(|(at, value)| match value {
            value if value.to_bits() == Sample::STALE.to_bits() => format!("{at}=stale"),
            value => format!("{at}={value}"),
        });
        let always = series.always.map(|value| format!("always {value}"));
        let samples: Vec<String> = samples.chain(always).collect();
        format!("{} {}", series.labels, samples.join(" "))
    });
    told.collect()
}

fn read(format: Format, text: &str) -> Vec<String> {
    told(&format.read(text).unwrap())
}

const OPENMETRICS: &str = r#"# TYPE requests counter
# HELP requests How many \"requests\"\nthere were.
# UNIT requests requests
requests_total{pod="a",path="/\"x\"\n"} 1 1700000000
requests_total{pod="b"} 10 1700000000.5 # {trace="x"} 0.5 1700000000
requests_total{pod="a",path="/\"x\"\n"} 3.5e2 1700000015
# TYPE temperature gauge
temperature NaN
temperature{place="kitchen"} -Inf
{"http.duration","le"="+Inf"} 7 # {} 1
# EOF
"#;

#[test]
fn openmetrics_is_read_with_and_without_times() {
    let recording = Format::OpenMetrics.read(OPENMETRICS).unwrap();
    assert_eq!(
        told(&recording),
        [
            r#"{__name__="http.duration", le="+Inf"} always 7"#,
            r#"{__name__="requests_total", path="/\"x\"\n", pod="a"} 1700000000000=1 1700000015000=350"#,
            r#"{__name__="requests_total", pod="b"} 1700000000500=10"#,
            r#"{__name__="temperature"} always NaN"#,
            r#"{__name__="temperature", place="kitchen"} always -inf"#,
        ]
    );
    let requests = &recording.metadata["requests"];
    assert_eq!(requests.kind, "counter");
    assert_eq!(requests.help, "How many \"requests\"\nthere were.");
    assert_eq!(requests.unit, "requests");
    assert_eq!(recording.metadata["temperature"].kind, "gauge");
}

#[test]
fn the_times_of_prometheus_text_format_are_milliseconds() {
    let text = "# any comment\n\n# TYPE up untyped\nup{pod=\"a\",} 1 1700000000500\nup 2\n";
    assert_eq!(
        read(Format::PrometheusText, text),
        [
            r#"{__name__="up"} always 2"#,
            r#"{__name__="up", pod="a"} 1700000000500=1"#
        ]
    );
}

#[test]
fn a_table_has_a_column_for_each_series_or_a_row_for_each_sample() {
    let wide = "\u{feff}Time,up,\"down{pod=\"\"a,b\"\"}\"\r\n1700000000,1,\r\n2023-11-14T22:13:35Z,stale,0.5\r\n";
    let expected = [
        r#"{__name__="down", pod="a,b"} 1700000015000=0.5"#,
        r#"{__name__="up"} 1700000000000=1 1700000015000=stale"#,
    ];
    assert_eq!(read(Format::Csv, wide), expected);
    let long = "__name__,pod,time,value\nup,,1700000000,1\ndown,\"a,b\",1700000015,0.5\nup,,1700000015,stale\n";
    assert_eq!(read(Format::Csv, long), expected);
}

const MATRIX: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
{"metric":{"__name__":"down","pod":"a\"b"},"values":[[1700000000,"0.5"],[1700000015.25,"NaN"]]},
{"metric":{"__name__":"up"},"values":[[1700000000,"1"],[1700000015,"stale"]]}
]}}
"#;

#[test]
fn an_answer_of_query_range_is_read_and_written_as_it_was() {
    let recording = Format::QueryRange.read(MATRIX).unwrap();
    assert_eq!(
        told(&recording),
        [
            r#"{__name__="down", pod="a\"b"} 1700000000000=0.5 1700000015250=NaN"#,
            r#"{__name__="up"} 1700000000000=1 1700000015000=stale"#,
        ]
    );
    assert_eq!(write_query_range(&recording), MATRIX);
    let more = r#"{"status":"success","isPartial":false,"warnings":["w"],"data":{"resultType":"matrix","result":[],"stats":{}}}"#;
    assert!(read(Format::QueryRange, more).is_empty());
}

#[test]
fn what_cannot_be_read_is_told_with_line_and_column() {
    let om = Format::OpenMetrics;
    let text = Format::PrometheusText;
    let csv = Format::Csv;
    let json = Format::QueryRange;
    let matrix = |result: &str| {
        format!(
            "{{\"status\":\"success\",\n\"data\":{{\"resultType\":\"matrix\",\"result\":[{result}]}}}}"
        )
    };
    let cases = [
        (om, "up 1\n".to_owned()),
        (om, "up 1\n# EOF\nup 2\n".to_owned()),
        (om, "up 1\n\n# EOF\n".to_owned()),
        (om, "# any comment\n# EOF\n".to_owned()),
        (om, "# TYPE\n# EOF\n".to_owned()),
        (om, "up{pod=a} 1\n# EOF\n".to_owned()),
        (om, "{pod=\"a\"} 1\n# EOF\n".to_owned()),
        (om, "up{pod=\"a\"}1\n# EOF\n".to_owned()),
        (om, "up one\n# EOF\n".to_owned()),
        (om, "up 1 soon\n# EOF\n".to_owned()),
        (om, "up 1 1e300\n# EOF\n".to_owned()),
        (om, "up 1 2 3\n# EOF\n".to_owned()),
        (om, "up 1 2\nup 1 2\n# EOF\n".to_owned()),
        (om, "up 1\nup 2\n# EOF\n".to_owned()),
        (om, "up 1 2\nup 2\n# EOF\n".to_owned()),
        (om, "up 1\nup 2 2\n# EOF\n".to_owned()),
        (om, String::new()),
        (text, "# fine\nup\n".to_owned()),
        (csv, String::new()),
        (csv, "\n\n".to_owned()),
        (csv, "when,up\n1,1\n".to_owned()),
        (csv, "time,up{\n1,1\n".to_owned()),
        (csv, "time,up,up\n1,1,2\n".to_owned()),
        (csv, "time,value,pod\n1,1,a\n".to_owned()),
        (csv, "time,value,pod,pod\n1,1,a,b\n".to_owned()),
        (csv, "time,up\nsoon,1\n".to_owned()),
        (csv, "time,up\n1,one\n".to_owned()),
        (csv, "time,up\n2,1\n1,1\n".to_owned()),
        (csv, "time,up\n1\n".to_owned()),
        (csv, "time,up\n1,1,1\n".to_owned()),
        (csv, "time,\"up\n1,1\n".to_owned()),
        (csv, "time,\"up\"x\n1,1\n".to_owned()),
        (json, "{\"status\":\"success\",\n".to_owned()),
        (json, "{\"status\":\"error\",\"error\":\"no\"}".to_owned()),
        (json, "[]".to_owned()),
        (
            json,
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned(),
        ),
        (json, matrix(r#"{"metric":{},"values":[]}"#)),
        (
            json,
            matrix(r#"{"metric":{"__name__":"up"},"values":[[1,2]]}"#),
        ),
        (
            json,
            matrix(r#"{"metric":{"__name__":"up"},"values":[[1,"x"]]}"#),
        ),
        (
            json,
            matrix(r#"{"metric":{"__name__":"up"},"values":[[2,"1"],[1,"1"]]}"#),
        ),
        (
            json,
            matrix(r#"{"metric":{"__name__":"up"},"values":[],"histograms":[]}"#),
        ),
        (
            json,
            matrix(
                r#"{"metric":{"__name__":"up"},"values":[[1,"1"]]},{"metric":{"__name__":"up"},"values":[[1,"1"]]}"#,
            ),
        ),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|(format, text)| {
            let problem = format.read(text).unwrap_err();
            format!("{:60} {problem}", format!("{text:?}"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

fn value(world: &World, query: &str, at: i64) -> Option<f64> {
    match instant(world, &Settings::default(), query, at)
        .unwrap()
        .value
    {
        Value::Vector(elements) => elements.first().map(|element| element.value),
        other => panic!("not a vector: {other:?}"),
    }
}

fn recorded(series: &str, samples: &[(i64, f64)]) -> Recorded {
    Recorded {
        labels: parse_series(series).unwrap(),
        samples: samples.to_vec(),
        always: None,
    }
}

#[test]
fn a_recording_is_played_from_a_scenario_time_or_at_its_own_times() {
    let recording = Recording {
        series: vec![
            recorded("a", &[(1_000_000, 1.0), (1_015_000, Sample::STALE)]),
            recorded("b", &[(1_010_000, 2.0)]),
        ],
        ..Recording::default()
    };
    let mut script = Script::default();
    recording.clone().play(Begin::At(60.0), &mut script);
    let world = World::new(&script, 0).unwrap();
    assert_eq!(value(&world, "a", 59_999), None);
    assert_eq!(value(&world, "a", 60_000), Some(1.0));
    assert_eq!(value(&world, "a", 75_000), None);
    assert_eq!(value(&world, "b", 70_000), Some(2.0));
    let mut script = Script::default();
    recording.play(Begin::AsRecorded(990_000), &mut script);
    let world = World::new(&script, 990_000).unwrap();
    assert_eq!(value(&world, "b", 19_999), None);
    assert_eq!(value(&world, "b", 20_000), Some(2.0));
}

#[test]
fn what_has_no_time_has_its_value_for_ever() {
    let mut script = Script::default();
    let recording = Format::OpenMetrics.read(OPENMETRICS).unwrap();
    recording.play(Begin::At(0.0), &mut script);
    let world = World::new(&script, 0).unwrap();
    let query = r#"{__name__="http.duration"}"#;
    assert_eq!(value(&world, query, 0), Some(7.0));
    assert_eq!(value(&world, query, 10_000_000_000), Some(7.0));
    let known: Vec<&str> = world.metadata().map(|(name, _)| name).collect();
    assert_eq!(known, ["requests", "temperature"]);
}

#[test]
fn samples_of_a_script_are_in_order_and_counted() {
    let script = |samples: &str| -> Result<World, String> {
        let text = format!(r#"{{"samples": [{{"series": "up", "samples": {samples}}}]}}"#);
        let script: Script = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        World::new(&script, 0).map_err(|error| error.to_string())
    };
    let world = script(r#"[[0, "1"], [1.5, "+Inf"], [3, "stale"]]"#).unwrap();
    assert_eq!(value(&world, "up", 1_500), Some(f64::INFINITY));
    assert_eq!(value(&world, "up", 3_000), None);
    assert_eq!(
        script(r#"[[5, "1"], [5, "2"]]"#).unwrap_err(),
        "the samples of series `up` aren't in order: one at 5 s follows one at 5 s; each must be later than the one before"
    );
    let error = script(r#"[[5, "x"]]"#).unwrap_err();
    assert!(
        error.contains("expected a number, `NaN`, `+Inf`, `-Inf` or `stale`, found `x`"),
        "{error}"
    );
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn labels() -> impl Strategy<Value = Labels> {
        let pairs =
            proptest::collection::btree_map("[a-z.é]{1,5}", "\\PC{0,6}|[\"\\\\\n]{1,3}", 0..4);
        ("[a-z:é]{1,8}", pairs).prop_map(|(name, pairs)| {
            let mut labels: Labels = pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            labels.set("__name__", &name);
            labels
        })
    }

    proptest! {
        #[test]
        fn labels_that_are_written_are_read_as_they_were(labels in labels()) {
            let text = setpoint_replay::notation::write_labels(&labels);
            prop_assert_eq!(parse_series(&text).unwrap(), labels, "{}", text);
        }

        #[test]
        fn no_text_breaks_a_reader(text in "([ -~]|\n|,|\"|é){0,80}") {
            for name in Format::names() {
                let _ = Format::of_name(name).unwrap().read(&text);
            }
        }

        #[test]
        fn a_recording_that_is_written_is_read_as_it_was(
            series in proptest::collection::btree_map(labels(), proptest::collection::btree_map(0i64..1_000_000, -1e9f64..1e9, 1..5), 0..4)
        ) {
            let series = series.into_iter().map(|(labels, samples)| Recorded {
                labels,
                samples: samples.into_iter().collect(),
                always: None,
            });
            let recording = Recording { series: series.collect(), ..Recording::default() };
            let text = write_query_range(&recording);
            prop_assert_eq!(Format::QueryRange.read(&text).unwrap(), recording);
        }
    }
}
