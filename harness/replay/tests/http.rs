//! Both ports over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use std::time::Duration;

use setpoint_replay::{
    Clock, Fault, FaultAnswer, Replay, ReplayOptions, Script, ScriptedSeries,
    client::{Client, ControlError},
    notation::parse_series,
    remote_write,
};
use tokio::net::TcpStream;

fn series(name: &str, values: &str) -> ScriptedSeries {
    ScriptedSeries {
        series: name.to_owned(),
        values: values.parse().unwrap(),
        interval: 1.0,
        from: 0.0,
        hold: true,
    }
}

async fn start(script: Script) -> Replay {
    let options = ReplayOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        control: "127.0.0.1:0".parse().unwrap(),
        script,
        journal_capacity: 3,
        ..ReplayOptions::default()
    };
    Replay::start(options).await.unwrap()
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap()
}

/// Status and body of a GET.
async fn ask(replay: &Replay, path: &str) -> (u16, String) {
    let answer = http()
        .get(format!("http://{}{path}", replay.address()))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

macro_rules! control {
    ($replay:expr) => {{
        let address = $replay.control_address();
        Client::new(move || TcpStream::connect(address))
    }};
}

fn fault(paths: &[&str], status: Option<u16>) -> Fault {
    Fault {
        paths: paths.iter().map(ToString::to_string).collect(),
        answer: FaultAnswer {
            status,
            ..FaultAnswer::default()
        },
        ..Fault::default()
    }
}

#[tokio::test]
async fn answers_have_prometheus_form() {
    let replay = start(Script {
        series: vec![
            series(r#"up{pod="a<\"b"}"#, "1"),
            series("up", "0.5"),
            series("down", "1"),
        ],
        clock: Clock {
            speed: 1.0,
            start: Some(jiff::Timestamp::UNIX_EPOCH),
        },
        ..Script::default()
    })
    .await;
    let far = "time=1600000000.5";
    let paths = [
        format!("/api/v1/query?query=up&{far}"),
        format!("/api/v1/query?query=1%2F0&{far}"),
        format!("/api/v1/query?query=sum(up)&{far}&limit=1"),
        format!("/api/v1/query?query=up&limit=1&{far}"),
        format!("/api/v1/query?query=rate(up[1m])&{far}"),
        format!("/api/v1/query?query=quantile(2,up)&{far}"),
        "/api/v1/query?query=up%20*%20limitk(1,up)".to_owned(),
        "/api/v1/query_range?query=sum(up)&start=1600000000&end=1600000002.5&step=1".to_owned(),
        "/api/v1/query_range?query=time()&start=1600000000&end=1600000001&step=500ms".to_owned(),
        "/api/v1/query_range?query=up[1m]&start=1&end=2&step=1".to_owned(),
        "/api/v1/query_range?query=up&start=2&end=1&step=1".to_owned(),
        "/api/v1/query_range?query=up&start=1&end=2&step=0".to_owned(),
        "/api/v1/query_range?query=up&start=1&end=20000&step=1".to_owned(),
        "/api/v1/query_range?query=up".to_owned(),
        "/api/v1/query".to_owned(),
        "/api/v1/query?query=up&time=soon".to_owned(),
        "/api/v1/query?query=up&timeout=soon".to_owned(),
        "/api/v1/query?query=-%7B__name__%3D~%22up%7Cdown%22%7D".to_owned(),
        "/api/v1/series?match[]=up&match[]=down".to_owned(),
        "/api/v1/series?match[]=up&start=2100-01-01T00:00:00Z".to_owned(),
        "/api/v1/series".to_owned(),
        "/api/v1/series?match[]=%7Ba%3D%22%22%7D".to_owned(),
        "/api/v1/series?match[]=up&limit=1".to_owned(),
        "/api/v1/labels".to_owned(),
        "/api/v1/labels?match[]=down".to_owned(),
        "/api/v1/labels?limit=1".to_owned(),
        "/api/v1/label/__name__/values".to_owned(),
        "/api/v1/label/pod/values?match[]=down".to_owned(),
        "/api/v1/label/__name__/values?limit=1".to_owned(),
        "/api/v1/metadata".to_owned(),
        "/api/v1/status/buildinfo".to_owned(),
        "/-/ready".to_owned(),
        "/-/healthy".to_owned(),
        "/api/v1/unknown".to_owned(),
    ];
    let mut told = String::new();
    for path in paths {
        let (status, body) = ask(&replay, &path).await;
        told.push_str(&format!("{path}\n  {status} {}\n", body.trim_end()));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_form_is_read_like_a_query() {
    let replay = start(Script {
        series: vec![series("up", "7")],
        ..Script::default()
    })
    .await;
    let answer = http()
        .post(format!("http://{}/api/v1/query", replay.address()))
        .form(&[("query", "up * 2")])
        .send()
        .await
        .unwrap();
    assert!(answer.text().await.unwrap().contains(r#""14""#));
    let refused = http()
        .delete(format!("http://{}/api/v1/query", replay.address()))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 405);
}

#[tokio::test]
async fn answers_are_compressed_for_clients_that_accept_it() {
    let replay = start(Script::default()).await;
    let client = reqwest::Client::builder();
    let client = client
        .tls_certs_only([])
        .no_proxy()
        .no_gzip()
        .build()
        .unwrap();
    let answer = client
        .get(format!("http://{}/api/v1/labels", replay.address()))
        .header("Accept-Encoding", "br, gzip, deflate")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let body = answer.bytes().await.unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&body[..]), &mut text).unwrap();
    assert_eq!(text, r#"{"status":"success","data":[]}"#);
    assert_eq!(
        ask(&replay, "/api/v1/labels").await.1,
        text,
        "who doesn't accept it gets it plain"
    );
}

/// Status and body of a remote write.
async fn write(replay: &Replay, body: Vec<u8>) -> (u16, String) {
    let url = format!("http://{}/api/v1/write", replay.address());
    let answer = http().post(url).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn what_is_written_remotely_is_answered() {
    let replay = start(Script::default()).await;
    let labels = parse_series(r#"up{pod="a"}"#).unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let samples = vec![(now, 1.0), (now + 1000, 2.0), (now + 2000, stale)];
    let request = remote_write::request(&[(labels.clone(), samples.clone())]);
    assert_eq!(write(&replay, request).await, (204, String::new()));
    for (after, value) in [(0, Some("1")), (1000, Some("2")), (2000, None)] {
        let time = (now + after) as f64 / 1000.0;
        let (_, body) = ask(&replay, &format!("/api/v1/query?query=up&time={time}")).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["data"]["result"][0]["value"][1].as_str(), value);
    }
    let again = remote_write::request(&[(labels.clone(), vec![(now + 2000, stale)])]);
    assert_eq!(write(&replay, again).await.0, 204);
    for (sample, reason) in [
        ((now + 2000, 5.0), "duplicate sample for timestamp"),
        ((now, 5.0), "out of order sample"),
    ] {
        let request = remote_write::request(&[(labels.clone(), vec![sample])]);
        let (status, text) = write(&replay, request).await;
        assert_eq!(status, 400);
        assert!(text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_remote_write_is_refused() {
    let replay = start(Script::default()).await;
    let nameless = remote_write::request(&[(Default::default(), vec![(1, 1.0)])]);
    // It claims to hold 4 GiB.
    let bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let garbage = b"\x03\x08abc".to_vec();
    for (body, reason) in [
        (b"hello".to_vec(), "snappy"),
        (nameless, "no metric name"),
        (bomb, "at most 33554432"),
        (garbage, "remote write message"),
    ] {
        let (status, text) = write(&replay, body).await;
        assert_eq!(status, 400, "{text}");
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(ask(&replay, "/-/ready").await.0, 200);
}

#[tokio::test]
async fn time_in_queries_and_answers_is_wall_time_and_runs_at_the_clocks_speed() {
    let begun = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(10);
    let replay = start(Script {
        clock: Clock {
            speed: 1000.0,
            start: Some(begun),
        },
        series: vec![series("m", "0+1x100000")],
        ..Script::default()
    })
    .await;
    let control = control!(replay);
    let before = control.clock().await.unwrap();
    assert_eq!(before.speed, 1000.0);
    let now = begun.as_second() + 5;
    let value = |body: &str| -> (f64, f64) {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let value = &body["data"]["result"][0]["value"];
        (
            value[0].as_f64().unwrap(),
            value[1].as_str().unwrap().parse().unwrap(),
        )
    };
    let (at, first) = value(
        &ask(&replay, &format!("/api/v1/query?query=m&time={now}"))
            .await
            .1,
    );
    let (_, second) = value(
        &ask(&replay, &format!("/api/v1/query?query=m&time={}", now + 1))
            .await
            .1,
    );
    assert_eq!(at, now as f64);
    assert_eq!(second - first, 1000.0);
    let later = format!("/api/v1/query?query=m&time={}", now + 1_000_000);
    let (_, body) = ask(&replay, &later).await;
    assert!(body.contains(r#""result":[]"#), "played later: {body}");
}

#[tokio::test]
async fn faults_come_and_go_and_hurt_only_their_paths() {
    let replay = start(Script {
        series: vec![series("up", "1")],
        ..Script::default()
    })
    .await;
    let control = control!(replay);
    control
        .replace_faults(&[fault(&["/api/v1/query"], Some(503))])
        .await
        .unwrap();
    let (status, body) = ask(&replay, "/api/v1/query?query=up").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""errorType":"timeout""#), "{body}");
    assert_eq!(ask(&replay, "/api/v1/series?match[]=up").await.0, 200);
    let mut own = fault(&[], Some(502));
    own.answer.body = Some("<html>".to_owned());
    own.answer
        .headers
        .insert("Retry-After".to_owned(), "7".to_owned());
    control.replace_faults(&[own]).await.unwrap();
    assert_eq!(
        ask(&replay, "/api/v1/series").await,
        (502, "<html>".to_owned())
    );
    assert_eq!(ask(&replay, "/-/ready").await.0, 200);
    control.replace_faults(&[]).await.unwrap();
    assert_eq!(ask(&replay, "/api/v1/query?query=up").await.0, 200);
}

#[tokio::test]
async fn a_delay_alone_lets_the_true_answer_through_late() {
    let replay = start(Script {
        series: vec![series("up", "1")],
        ..Script::default()
    })
    .await;
    let mut late = fault(&[], None);
    late.answer.delay = 0.2;
    control!(replay).replace_faults(&[late]).await.unwrap();
    let asked = std::time::Instant::now();
    let (status, body) = ask(&replay, "/api/v1/query?query=up").await;
    assert!(asked.elapsed() >= Duration::from_millis(200));
    assert_eq!(status, 200);
    assert!(body.contains(r#""1""#));
}

#[tokio::test]
async fn the_journal_remembers_the_newest_requests() {
    let replay = start(Script {
        series: vec![series("up", "1")],
        ..Script::default()
    })
    .await;
    for query in ["a", "b", "c", "up"] {
        ask(&replay, &format!("/api/v1/query?query={query}")).await;
    }
    let journal = control!(replay).journal(2).await.unwrap();
    assert_eq!(journal.forgotten, 1);
    let told: Vec<_> = journal
        .entries
        .iter()
        .map(|e| {
            (
                e.seq,
                e.parameters[0].1.as_str(),
                e.status,
                e.series,
                e.fault,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (3, "c", 200, Some(0), false),
            (4, "up", 200, Some(1), false)
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_whole() {
    let replay = start(Script {
        series: vec![series("up", "1")],
        ..Script::default()
    })
    .await;
    let control = control!(replay);
    let error = control
        .add(&[series("more", "1"), series("bad{", "1")])
        .await
        .unwrap_err();
    assert!(matches!(error, ControlError::Refused { .. }));
    assert_eq!(
        error.to_string(),
        "the fake Prometheus refused POST /v1/series: reading the series `bad{` of series 1: column 5: expected a label name or `}`, found the end"
    );
    assert!(
        ask(&replay, "/api/v1/query?query=more")
            .await
            .1
            .contains(r#""result":[]"#)
    );
    control
        .replace_faults(&[fault(&["api"], None)])
        .await
        .unwrap_err();
    control.add(&[series("more", "1")]).await.unwrap();
    assert!(
        ask(&replay, "/api/v1/query?query=more")
            .await
            .1
            .contains(r#""1""#)
    );
    control.load(&Script::default()).await.unwrap();
    assert!(
        ask(&replay, "/api/v1/query?query=more")
            .await
            .1
            .contains(r#""result":[]"#)
    );
}

#[tokio::test]
async fn unknown_keys_are_refused_by_the_control_port() {
    let replay = start(Script::default()).await;
    let answer = http()
        .put(format!("http://{}/v1/script", replay.control_address()))
        .body(r#"{"serie": []}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("unknown field `serie`")
    );
}

#[tokio::test]
async fn both_ports_close_when_it_stops() {
    let replay = start(Script::default()).await;
    let (address, control) = (replay.address(), replay.control_address());
    replay.stop().await;
    assert!(TcpStream::connect(control).await.is_err());
    // The listener is closed by its task.
    let closed = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while TcpStream::connect(address).await.is_ok() {
            tick.tick().await;
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert!(closed.is_ok(), "{address} still listens");
}

#[tokio::test]
async fn a_builder_starts_one_in_a_few_lines_or_says_what_it_cannot_use() {
    use setpoint_replay::sources::Format;
    let built = Replay::builder()
        .held(r#"up{pod="a"}"#, "7")
        .series("down", "1 2 3")
        .source(Format::OpenMetrics, "# TYPE queue gauge\nqueue 3\n# EOF\n")
        .fault(Fault {
            paths: vec!["/api/v1/series".to_owned()],
            ..Fault::of("bare-error")
        })
        .start();
    let replay = built.await.unwrap();
    assert!(
        replay.url().starts_with("http://127.0.0.1:"),
        "{}",
        replay.url()
    );
    let (_, body) = ask(&replay, "/api/v1/query?query=up%2Bon()queue").await;
    assert!(body.contains(r#""10""#), "{body}");
    assert_eq!(
        ask(&replay, "/api/v1/metadata?metric=queue").await.1,
        r#"{"status":"success","data":{"queue":[{"type":"gauge","unit":"","help":""}]}}"#
    );
    assert_eq!(ask(&replay, "/api/v1/series").await.0, 502);
    for (wrong, reason) in [
        (
            Replay::builder().series("up", "1x"),
            "reading the values of the series `up`",
        ),
        (Replay::builder().series("up{", "1"), "preparing the script"),
        (
            Replay::builder().source(Format::Csv, ""),
            "reading the text of a source",
        ),
        (
            Replay::builder().fault(Fault::of("none")),
            "preparing fault 0 of the script",
        ),
        (Replay::builder().speed(0.0), "preparing the script"),
    ] {
        let error = wrong.start().await.unwrap_err();
        let told = setpoint_support::error_chain(&error);
        assert!(told.contains(reason), "{told}");
    }
}
