//! A Prometheus that answers what no Prometheus should.

use std::cell::Cell;
use std::io::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{Html, IntoResponse as _, Response};
use futures::stream::{self, Stream, StreamExt as _};
use http::HeaderValue;

use super::support::{Adapter, client, config, in_time, nothing, parameter, series, serve, value};

/// The rules, by what Prometheus answers for their series. `good` is the only one that gives a metric.
const RULES: [&str; 9] = [
    "good",
    "endless",
    "slow",
    "never",
    "bomb",
    "html",
    "names",
    "long_name",
    "changing",
];
/// Peak memory over that at rest. Debug builds take more than release builds, and buffers come and go.
const MOST_MORE: f64 = 48.0 * 1024.0 * 1024.0;

fn streamed(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    Body::from_stream(pieces.map(Ok::<_, std::io::Error>)).into_response()
}

const BEGIN: &str = r#"{"status":"success","data":["#;

/// So many bytes, as elements of a list that isn't closed.
fn endless(bytes: usize) -> impl Stream<Item = Bytes> {
    let element = r#"{"__name__":"endless","namespace":"n","pod":"p"},"#;
    let piece = Bytes::from(element.repeat(20_000));
    let begin = stream::iter([Bytes::from_static(BEGIN.as_bytes())]);
    begin.chain(stream::iter(0..bytes / piece.len()).map(move |_| piece.clone()))
}

fn names(numbers: std::ops::Range<usize>) -> impl Stream<Item = Bytes> {
    let begin = stream::iter([Bytes::from_static(BEGIN.as_bytes())]);
    let element = |number| {
        let comma = if number == 0 { "" } else { "," };
        format!(r#"{comma}{{"__name__":"names_{number}","pod":"p"}}"#)
    };
    let pieces = stream::iter(numbers).chunks(1000);
    begin.chain(
        pieces.map(move |numbers| numbers.into_iter().map(element).collect::<String>().into()),
    )
}

/// 100 MB of spaces in 100 kB.
fn bomb() -> Response {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..100 {
        gzip.write_all(&spaces).unwrap();
    }
    let mut response = gzip.finish().unwrap().into_response();
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_ENCODING,
        HeaderValue::from_static("gzip"),
    );
    response
}

async fn answer(request: Request) -> Response {
    if request.uri().path().ends_with("/query") {
        return value(5);
    }
    match parameter(&request, "match[]").as_str() {
        "good" => series("good"),
        "endless" => streamed(endless(2 << 30)),
        "slow" => streamed(stream::iter(BEGIN.bytes().cycle()).then(|byte| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Bytes::from(vec![byte])
        })),
        "never" => std::future::pending().await,
        "bomb" => bomb(),
        "html" => Html("<html>not found</html>").into_response(),
        "names" => streamed(names(0..1_000_000)),
        "long_name" => {
            let begin = format!("{BEGIN}{{\"__name__\":\"");
            let name = stream::iter(0..100).map(|_| Bytes::from(vec![b'a'; 1 << 20]));
            streamed(stream::iter([Bytes::from(begin)]).chain(name))
        }
        "changing" => {
            let number = std::time::UNIX_EPOCH
                .elapsed()
                .unwrap_or_default()
                .as_nanos();
            series(&format!("changing_{number}"))
        }
        _ => nothing(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_answers_of_prometheus_take_little_memory_and_a_line_of_the_log_and_no_other_rule()
{
    let prometheus = serve(Router::new().fallback(answer)).await;
    let options = [
        "--metrics-relist-interval=1s",
        "--metrics-relist-timeout=3s",
    ];
    let adapter = Adapter::start(prometheus, &config(&["good"]), &options).await;
    adapter
        .until("setpoint_adapter_rule_metrics{rule=\"0\"} ", |metrics| {
            metrics > 0.0
        })
        .await;
    let at_rest = adapter
        .metric("process_resident_memory_bytes ")
        .await
        .unwrap();
    adapter.configure(&RULES);
    let mut most: f64 = 0.0;
    // Each that fails has failed at least twice. On a busy machine any of them may be late.
    for (rule, kind) in [
        (1, "too_long"),
        (2, "timeout"),
        (3, "timeout"),
        (4, "no_answer"),
        (5, "no_answer"),
        (6, "too_long"),
        (7, "too_long"),
    ] {
        let of_kind = |kind| {
            format!("setpoint_adapter_relist_failures_total{{rule=\"{rule}\",kind=\"{kind}\"}} ")
        };
        let mut failures = 0.0;
        while failures < 2.0 {
            let memory = adapter
                .metric("process_resident_memory_bytes ")
                .await
                .unwrap();
            most = most.max(memory);
            let (expected, late) = (
                adapter.metric(&of_kind(kind)).await,
                adapter.metric(&of_kind("timeout")).await,
            );
            failures = expected.unwrap_or(0.0) + late.filter(|_| kind != "timeout").unwrap_or(0.0);
        }
        let served = adapter.value(&client(), "good").await.unwrap();
        assert_eq!(
            (served.0, served.1.as_str()),
            (200, Some("5")),
            "rule {rule}"
        );
    }
    let mebibytes = |bytes: f64| bytes / 1024.0 / 1024.0;
    assert!(
        most - at_rest < MOST_MORE,
        "{} MiB, {} at rest",
        mebibytes(most),
        mebibytes(at_rest)
    );
    let log = adapter.log();
    for selector in &RULES[1..8] {
        let about = format!("relist `{selector}`;");
        let lines = log.iter().filter(|line| line.contains(&about)).count();
        // It may be late at one time and too long at another, and each is told once.
        assert!((1..=2).contains(&lines), "{selector}: {lines} in {log:?}");
    }
    let longest = log.iter().map(String::len).max();
    assert!(longest < Some(4 << 10), "{longest:?}");
    // The good ones are asked in turns with the others, so one may just have been late.
    let told = Cell::new(String::new());
    let is_told = async || {
        let (code, verbose) = adapter.get("/readyz?verbose").await;
        let expected = [
            "[+]relist-rule-0 ok\n[-]relist-rule-1 failed: reason withheld\n",
            "[+]relist-rule-8 ok\n",
        ];
        let holds = code == 200 && expected.iter().all(|line| verbose.contains(line));
        told.set(verbose);
        holds.then_some(())
    };
    in_time(is_told, || told.take()).await;
}
