//! What each kind of faults does, seen by a client.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use setpoint_replay::{Fault, Replay, ReplayOptions, Script, ScriptedSeries, fault_kinds};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const QUERY: &str = "/api/v1/query?query=up";
/// Longer than any answer takes that comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn kind(name: &str) -> Fault {
    Fault::of(name)
}

fn with(name: &str, amount: f64) -> Fault {
    Fault {
        amount: Some(amount),
        ..kind(name)
    }
}

/// A fake Prometheus with two series, `up`, that rise by one each second from 1000 on, and a fault.
async fn start(fault: Fault) -> Replay {
    let one = |pod: &str| ScriptedSeries {
        series: format!("up{{pod=\"{pod}\"}}"),
        values: "1000+1x3000".parse().unwrap(),
        interval: 1.0,
        from: -1000.0,
        hold: true,
    };
    let script = Script {
        series: vec![one("a"), one("b")],
        faults: vec![fault],
        ..Script::default()
    };
    let options = ReplayOptions {
        script,
        ..ReplayOptions::default()
    };
    Replay::start(options).await.unwrap()
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn get(replay: &Replay, path: &str) -> reqwest::Response {
    let url = format!("http://{}{path}", replay.address());
    timeout(PATIENCE, client().get(url).send())
        .await
        .unwrap()
        .unwrap()
}

async fn document(replay: &Replay, path: &str) -> Value {
    get(replay, path).await.json().await.unwrap()
}

/// Time and value of the samples of an instant query.
async fn samples(replay: &Replay, path: &str) -> Vec<(f64, String)> {
    let document = document(replay, path).await;
    assert_eq!(document["status"], "success", "{document}");
    let list = document["data"]["result"].as_array().unwrap().iter();
    let sample = |series: &Value| {
        let value = &series["value"];
        (
            value[0].as_f64().unwrap(),
            value[1].as_str().unwrap().to_owned(),
        )
    };
    list.map(sample).collect()
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

/// A connection that has asked once.
async fn asked(replay: &Replay) -> TcpStream {
    let mut stream = TcpStream::connect(replay.address()).await.unwrap();
    let request = format!("GET {QUERY} HTTP/1.1\r\nHost: prometheus\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// What comes over a connection that asks once, and how it ends.
async fn raw(replay: &Replay, wait: Duration) -> (String, Result<std::io::Result<usize>, ()>) {
    let mut stream = asked(replay).await;
    let mut received = Vec::new();
    let ended = timeout(wait, stream.read_to_end(&mut received)).await;
    let text = String::from_utf8_lossy(&received).into_owned();
    (text, ended.map_err(drop))
}

/// How much of the body came that the head promises.
fn of_body(text: &str) -> (usize, usize) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    (body.len(), length.unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_reset_ends_the_connection_without_an_answer() {
    let replay = start(kind("reset")).await;
    let (text, ended) = raw(&replay, PATIENCE).await;
    assert_eq!(text, "");
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(get(&replay, "/-/ready").await.status(), 200);
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_its_head_says() {
    let replay = start(kind("cut-body")).await;
    let (text, ended) = raw(&replay, PATIENCE).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let (came, length) = of_body(&text);
    assert_eq!(came, length / 2);
    assert!(ended.unwrap().is_ok(), "the connection is closed");
    let body = get(&replay, QUERY).await.text().await;
    assert!(body.is_err(), "{body:?}");
}

#[tokio::test]
async fn a_half_open_connection_stays_after_half_of_the_body() {
    let replay = start(kind("half-open")).await;
    let mut stream = asked(&replay).await;
    let mut received = Vec::new();
    let half = async {
        loop {
            assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
            let text = String::from_utf8_lossy(&received);
            if text.contains("\r\n\r\n") {
                let (came, length) = of_body(&text);
                if came >= length / 2 {
                    return (came, length);
                }
            }
        }
    };
    let (came, length) = timeout(PATIENCE, half).await.unwrap();
    assert_eq!(came, length / 2);
    let more = timeout(Duration::from_millis(500), stream.read_buf(&mut received)).await;
    assert!(more.is_err(), "the connection stays");
}

#[tokio::test]
async fn never_is_never() {
    let replay = start(kind("never")).await;
    let (text, ended) = raw(&replay, Duration::from_millis(500)).await;
    assert_eq!(text, "");
    assert!(ended.is_err(), "the connection stays");
}

#[tokio::test]
async fn a_slow_drip_comes_whole_and_late() {
    let replay = start(with("slow-drip", 400.0)).await;
    let asked = Instant::now();
    assert_eq!(samples(&replay, QUERY).await.len(), 2);
    // 160 bytes or more.
    assert!(
        asked.elapsed() >= Duration::from_millis(300),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn errors_have_prometheus_document_or_none() {
    let replay = start(kind("prometheus-error")).await;
    let answer = get(&replay, QUERY).await;
    assert_eq!(answer.status(), 503);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains(r#""errorType":"timeout""#)
    );
    let replay = start(with("prometheus-error", 422.0)).await;
    assert_eq!(get(&replay, QUERY).await.status(), 422);
    let replay = start(kind("bare-error")).await;
    let answer = get(&replay, QUERY).await;
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.text().await.unwrap(), "");
}

#[tokio::test]
async fn too_many_requests_are_to_be_asked_again() {
    let replay = start(with("too-many-requests", 7.0)).await;
    let answer = get(&replay, QUERY).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
}

#[tokio::test]
async fn html_is_a_page_to_sign_in_at() {
    let replay = start(kind("html")).await;
    let answer = get(&replay, QUERY).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn redirects_lead_to_a_page_or_back() {
    let replay = start(kind("redirect")).await;
    let answer = get(&replay, QUERY).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (302, &"/login".parse().unwrap())
    );
    let replay = start(kind("redirect-loop")).await;
    let answer = get(&replay, QUERY).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (307, &QUERY.parse().unwrap())
    );
}

#[tokio::test]
async fn truncated_json_comes_in_an_answer_that_is_whole() {
    let replay = start(kind("truncated-json")).await;
    let text = get(&replay, QUERY).await.text().await.unwrap();
    assert!(text.starts_with(r#"{"status":"success""#), "{text}");
    serde_json::from_str::<Value>(&text).unwrap_err();
}

#[tokio::test]
async fn a_wrong_type_is_a_number() {
    let replay = start(kind("wrong-type")).await;
    assert_eq!(document(&replay, QUERY).await["data"]["result"], 42);
    assert_eq!(document(&replay, "/api/v1/labels").await["data"], 42);
}

#[tokio::test]
async fn duplicates_stand_twice() {
    let replay = start(kind("duplicates")).await;
    assert_eq!(samples(&replay, QUERY).await.len(), 4);
    let names = document(&replay, "/api/v1/label/pod/values").await;
    assert_eq!(names["data"], serde_json::json!(["a", "a", "b", "b"]));
}

#[tokio::test]
async fn a_huge_document_is_the_true_one_among_spaces() {
    let replay = start(with("huge", 2.0)).await;
    let text = get(&replay, QUERY).await.text().await.unwrap();
    assert!(text.len() > 2 << 20, "{}", text.len());
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["data"]["result"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn stale_answers_are_of_some_time_ago() {
    let began = now();
    let replay = start(with("stale", 100.0)).await;
    let (at, value) = samples(&replay, QUERY).await[0].clone();
    let behind = now() - at;
    assert!((99.0..110.0).contains(&behind), "{behind}");
    // The newest is 2000 at the start.
    let newest = 2000.0 + (now() - began);
    assert!(value.parse::<f64>().unwrap() < newest - 99.0, "{value}");
    let asked = now() + 50.0;
    let (at, _) = samples(&replay, &format!("{QUERY}&time={asked}")).await[0].clone();
    assert!((at - (asked - 100.0)).abs() < 0.01, "{at}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_moves_the_times_alone() {
    let replay = start(with("skew", -500.0)).await;
    let (at, value) = samples(&replay, QUERY).await[0].clone();
    let behind = now() - at;
    assert!((499.0..510.0).contains(&behind), "{behind}");
    assert!(value.parse::<f64>().unwrap() >= 2000.0, "{value}");
}

#[tokio::test]
async fn times_go_backwards_from_answer_to_answer() {
    let replay = start(kind("backwards")).await;
    let mut before = f64::INFINITY;
    for _ in 0..3 {
        let (at, _) = samples(&replay, QUERY).await[0].clone();
        assert!(at < before - 60.0, "{at} follows {before}");
        before = at;
    }
}

#[tokio::test]
async fn values_are_no_numbers_or_infinite() {
    for (name, value) in [("nan", "NaN"), ("inf", "+Inf"), ("negative-inf", "-Inf")] {
        let replay = start(kind(name)).await;
        let values = samples(&replay, QUERY).await;
        assert!(
            values.len() == 2 && values.iter().all(|(_, found)| found == value),
            "{values:?}"
        );
        let range = format!(
            "/api/v1/query_range?query=up&start={0}&end={0}&step=1",
            now() as i64
        );
        let range = document(&replay, &range).await;
        assert_eq!(range["data"]["result"][0]["values"][0][1], value);
        let scalar = document(&replay, "/api/v1/query?query=1").await;
        assert_eq!(scalar["data"]["result"][1], value);
    }
}

#[tokio::test]
async fn absent_is_an_empty_list() {
    let replay = start(kind("absent")).await;
    assert!(samples(&replay, QUERY).await.is_empty());
    assert_eq!(
        document(&replay, "/api/v1/labels").await["data"],
        serde_json::json!([])
    );
    let scalar = document(&replay, "/api/v1/query?query=1").await;
    assert_eq!(scalar["data"]["resultType"], "scalar");
}

#[tokio::test]
async fn warnings_come_with_the_true_answer() {
    let replay = start(kind("warnings")).await;
    let answer = document(&replay, QUERY).await;
    assert_eq!(
        answer["warnings"][0],
        "a store that was asked does not answer"
    );
    assert_eq!(answer["infos"][0], "the answer may be better later");
    assert_eq!(answer["data"]["result"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_fault_of_the_script_ends_after_its_times() {
    let replay = start(Fault {
        times: Some(2),
        ..kind("bare-error")
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&replay, QUERY).await.status().as_u16());
    }
    assert_eq!(statuses, [502, 502, 200, 200]);
}

#[tokio::test]
async fn compressed_answers_have_faults_too() {
    let replay = start(kind("nan")).await;
    let url = format!("http://{}{QUERY}", replay.address());
    let asked = client().get(url).header("Accept-Encoding", "gzip");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let mut text = String::new();
    let body = answer.bytes().await.unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&body[..]), &mut text).unwrap();
    assert!(text.contains("NaN"), "{text}");
}

#[test]
fn every_kind_stands_once_and_has_a_test_here() {
    let names: Vec<&str> = fault_kinds().map(|kind| kind.name).collect();
    let once: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(once.len(), names.len());
    let here = include_str!("faults.rs");
    for name in names {
        assert!(here.contains(&format!("(\"{name}\"")), "{name} has no test");
    }
    for kind in fault_kinds() {
        if let Some(amount) = kind.amount {
            assert!(
                (amount.least..=amount.most).contains(&amount.usual),
                "{}",
                kind.name
            );
        }
    }
}

#[test]
fn the_page_on_mocking_prometheus_has_every_kind() {
    let page = include_str!("../../../docs/mocking-prometheus.md");
    for kind in fault_kinds() {
        let amount = kind.amount.map_or(String::new(), |amount| {
            format!(
                "{} {}, {} to {}",
                amount.usual, amount.unit, amount.least, amount.most
            )
        });
        let row = format!("| `{}` | {} | {amount} |\n", kind.name, kind.meaning);
        assert!(page.contains(&row), "the page lacks {row}");
    }
}
