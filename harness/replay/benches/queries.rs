//! How long queries take: in process, of the fake Prometheus by HTTP, and of the real one that `SETPOINT_PROMETHEUS`
//! names, over the same series.
//!
//! ```sh
//! SETPOINT_PROMETHEUS=$(ci/prometheus/build) cargo bench -p setpoint-replay
//! ```
#![expect(
    clippy::unwrap_used,
    reason = "a server that does something unexpected ends the benchmark"
)]

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use setpoint_replay::promql::{self, Settings};
use setpoint_replay::{Replay, ReplayOptions, Script, ScriptedSeries, World};

#[path = "../tests/real/server.rs"]
#[expect(dead_code, reason = "only the tests compare answers")]
mod server;

use server::{Question, Server};

/// Series and a question about them.
struct Case {
    name: &'static str,
    series: Vec<ScriptedSeries>,
    question: Question,
}

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
const INTERVAL: i64 = 15;

/// `count` series of counters, ten containers a pod, each with a sample every 15 s for so long until time 0.
fn counters(name: &str, count: usize, seconds: i64) -> Vec<ScriptedSeries> {
    let series = |index: usize| ScriptedSeries {
        series: format!(
            r#"{name}{{namespace="default",pod="web-{}",container="c{}"}}"#,
            index / 10,
            index % 10
        ),
        values: format!("{index}+{}x{}", 1 + index % 7, seconds / INTERVAL)
            .parse()
            .unwrap(),
        interval: INTERVAL as f64,
        from: -(seconds as f64),
        hold: false,
    };
    (0..count).map(series).collect()
}

/// `count` histograms of ten buckets each.
fn histograms(count: usize, seconds: i64) -> Vec<ScriptedSeries> {
    let bucket = |pod: usize, bucket: usize| ScriptedSeries {
        series: format!(
            r#"latency_bucket{{namespace="default",pod="web-{pod}",le="{}"}}"#,
            if bucket == 9 {
                "+Inf".to_owned()
            } else {
                (0.1 * (bucket + 1) as f64).to_string()
            }
        ),
        values: format!("0+{}x{}", bucket + 1, seconds / INTERVAL)
            .parse()
            .unwrap(),
        interval: INTERVAL as f64,
        from: -(seconds as f64),
        hold: false,
    };
    (0..count)
        .flat_map(|pod| (0..10).map(move |of| bucket(pod, of)))
        .collect()
}

fn cases() -> Vec<Case> {
    let at_the_end = |query: &str| Question::At {
        query: query.to_owned(),
        time: 0,
    };
    vec![
        Case {
            name: "rates of 10,000 series, summed",
            series: counters("requests_total", 10_000, 5 * MINUTE),
            question: at_the_end("sum by (pod) (rate(requests_total[2m]))"),
        },
        Case {
            name: "quantiles of 1,000 histograms",
            series: histograms(1_000, 5 * MINUTE),
            question: at_the_end(
                "histogram_quantile(0.9, sum by (le, pod) (rate(latency_bucket[2m])))",
            ),
        },
        Case {
            name: "a pod of 10,000 series",
            series: counters("requests_total", 10_000, 5 * MINUTE),
            question: at_the_end(
                r#"sum by (pod) (rate(requests_total{namespace="default",pod="web-500"}[2m]))"#,
            ),
        },
        Case {
            name: "a day of 100 series at steps of 15 s",
            series: counters("requests_of_a_day_total", 100, DAY),
            question: Question::Over {
                query: "sum by (pod) (rate(requests_of_a_day_total[2m]))".to_owned(),
                start: -DAY,
                end: 0,
                step: INTERVAL,
            },
        },
    ]
}

/// The answer of the engine alone.
fn in_process(world: &World, settings: &Settings, question: &Question) -> promql::Answer {
    match question {
        Question::At { query, time } => promql::instant(world, settings, query, time * 1000),
        Question::Over {
            query,
            start,
            end,
            step,
        } => promql::range(
            world,
            settings,
            query,
            (start * 1000, end * 1000),
            step * 1000,
        ),
    }
    .unwrap()
}

/// The answer of a server, which is an answer with something in it.
async fn by_http(http: &reqwest::Client, url: &str, parameters: &[(String, String)]) -> usize {
    let answer = http.post(url).form(parameters).send().await.unwrap();
    let body = answer.error_for_status().unwrap().bytes().await.unwrap();
    // An answer without a series ends with an empty list.
    let text = String::from_utf8_lossy(&body);
    assert!(!text.contains(r#""result":[]"#), "{text}");
    body.len()
}

fn asked<M: criterion::measurement::Measurement>(
    group: &mut BenchmarkGroup<'_, M>,
    runtime: &tokio::runtime::Runtime,
    name: &str,
    address: &str,
    (path, parameters): &(&str, Vec<(String, String)>),
) {
    let http = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap();
    let url = format!("http://{address}{path}");
    group.bench_function(name, |bench| {
        bench
            .to_async(runtime)
            .iter(|| by_http(&http, &url, parameters));
    });
}

fn queries(criterion: &mut Criterion) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let prometheus = std::env::var_os("SETPOINT_PROMETHEUS");
    let prometheus = prometheus.map(|program| Server::start(Path::new(&program)));
    for case in cases() {
        let mut group = criterion.benchmark_group(case.name);
        group.sample_size(20).sampling_mode(SamplingMode::Flat);
        let settings = Settings::default();
        let script = Script {
            series: case.series.clone(),
            ..Script::default()
        };
        let world = World::new(&script, 0).unwrap();
        group.bench_function("in process", |bench| {
            bench.iter(|| in_process(&world, &settings, &case.question));
        });
        let options = ReplayOptions {
            script,
            ..ReplayOptions::default()
        };
        let replay = runtime.block_on(Replay::start(options)).unwrap();
        let address = replay.address().to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let request = case.question.request(now.as_millis() as i64);
        asked(&mut group, &runtime, "by HTTP", &address, &request);
        runtime.block_on(replay.stop());
        if let Some(server) = &prometheus {
            let set = server.load(case.series);
            let request = case.question.request(set.origin);
            asked(
                &mut group,
                &runtime,
                "Prometheus by HTTP",
                &server.address,
                &request,
            );
        }
        group.finish();
    }
}

criterion_group!(benches, queries);
criterion_main!(benches);
