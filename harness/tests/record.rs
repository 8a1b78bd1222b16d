//! `setpoint record` as a process, and what `setpoint replay` makes of its file.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

mod played;

use std::path::Path;
use std::process::{Command, Output};

use played::Played;
use setpoint_replay::{Access, Replay, ReplayOptions, Script, ScriptedSeries, Tls};

const SETPOINT: &str = env!("CARGO_BIN_EXE_setpoint");
/// When the series begin: long ago, so that all of them are there.
const START: &str = "2026-01-02T03:00:00Z";
const END: &str = "2026-01-02T04:00:00Z";

async fn live(access: Access) -> Replay {
    let one = |series: &str, values: &str| ScriptedSeries {
        series: series.to_owned(),
        values: values.parse().unwrap(),
        interval: 15.0,
        from: 1.0,
        hold: false,
    };
    let mut script = Script {
        series: vec![
            one(r#"requests_total{pod="a"}"#, "0+10x239"),
            one(r#"requests_total{pod="b"}"#, "0+1x100 stale _x40 0+1x97"),
        ],
        ..Script::default()
    };
    script.clock.start = Some(START.parse().unwrap());
    let options = ReplayOptions {
        script,
        access,
        ..ReplayOptions::default()
    };
    Replay::start(options).await.unwrap()
}

fn record(url: &str, arguments: &[&str], output: &Path) -> Output {
    let mut command = Command::new(SETPOINT);
    command.args([
        "record",
        "--prometheus-url",
        url,
        "--range=1h",
        "--end",
        END,
    ]);
    command.args(arguments).arg("--output").arg(output);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn ask(url: &str, query: &str) -> String {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let times = [
        ("start", "2026-01-02T03:10:00Z"),
        ("end", END),
        ("step", "15"),
    ];
    let answer = client
        .post(format!("{url}/api/v1/query_range"))
        .form(&[&[("query", query)], &times[..]].concat());
    answer.send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_replayed_with_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let live = live(Access::default()).await;
    let url = format!("http://{}", live.address());
    let file = folder.path().join("recording.json");
    let output = record(&url, &["--query", "requests_total"], &file);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(
        told(&output).contains(
            "recorded 2 series with 440 samples from 2026-01-02T03:00:00Z to 2026-01-02T04:00:00Z"
        ),
        "{}",
        told(&output)
    );
    let played = Played::of(&[
        "--recorded-times".as_ref(),
        "--source".as_ref(),
        file.as_ref(),
    ]);
    let again = format!("http://{}", played.address);
    for query in [
        "requests_total",
        "sum(rate(requests_total[5m]))",
        "absent(requests_total{pod='b'})",
    ] {
        let (theirs, ours) = (ask(&url, query).await, ask(&again, query).await);
        assert!(theirs.contains("values"), "{theirs}");
        assert_eq!(theirs, ours, "{query}");
    }
    let named = folder.path().join("named.json");
    let output = record(
        &url,
        &[
            "--query",
            "sum(requests_total)",
            "--name",
            "all",
            "--step",
            "30s",
        ],
        &named,
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = std::fs::read_to_string(&named).unwrap();
    assert!(text.contains(r#"{"metric":{"__name__":"all"}"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_says_why_by_text_and_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let live = live(Access::default()).await;
    let url = format!("http://{}", live.address());
    let file = folder.path().join("recording.json");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.display().to_string();
    let nobody = "http://127.0.0.1:1";
    for (url, arguments, code, reason) in [
        (
            url.as_str(),
            &["--query", "sum("][..],
            2,
            "Prometheus refuses",
        ),
        (
            &url,
            &["--query", "sum(requests_total)"],
            2,
            "give it one with `--name`",
        ),
        (
            &url,
            &["--query", "up", "--step", "1ms"],
            2,
            "at most 11000",
        ),
        (&url, &["--query", "up", "--step", "soon"], 2, "such as 30s"),
        (
            &url,
            &["--query", "requests_total", "--query", "{pod='a'}"],
            2,
            "two queries give the series",
        ),
        (
            &url,
            &["--query", "up", "--bearer-token-file", &empty],
            2,
            "expected a token",
        ),
        (
            &url,
            &["--query", "up", "--basic-auth-file", &empty],
            2,
            "expected USER:PASSWORD",
        ),
        (
            &url,
            &["--query", "up", "--ca-file", &empty],
            2,
            "expected certificates as PEM",
        ),
        (
            &url,
            &["--query", "up", "--ca-file", "none"],
            2,
            "read none",
        ),
        ("ftp://x", &["--query", "up"], 2, "use `ftp://x` as the URL"),
        ("//me:secret@x", &["--query", "up"], 2, "use `…` as the URL"),
        (
            nobody,
            &["--query", "up"],
            3,
            "ask http://127.0.0.1:1/api/v1/query",
        ),
    ] {
        let output = record(url, arguments, &file);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(reason), "{arguments:?}: {told}");
        assert!(!file.exists(), "{arguments:?} left a file");
    }
    let output = record(&url, &["--query", "none"], &file);
    assert_eq!(output.status.code(), Some(0));
    assert!(told(&output).contains("none gives no series in that time"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_wants_credentials_is_recorded_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let live = live(Access {
        tls: Some(Tls {
            certificate: certificate.clone(),
            key: key.serialize_pem(),
        }),
        users: vec![("me".to_owned(), "secret".to_owned())],
        tokens: vec!["abc".to_owned()],
    })
    .await;
    let url = format!("https://localhost:{}", live.address().port());
    let output = folder.path().join("recording.json");
    let (ca, user, token) = (
        file("ca.pem", &certificate),
        file("user", "me:secret\n"),
        file("token", "abc\n"),
    );
    for credentials in [
        ["--basic-auth-file", &user],
        ["--bearer-token-file", &token],
    ] {
        let arguments = [
            &["--query", "requests_total", "--ca-file", &ca],
            &credentials[..],
        ]
        .concat();
        let recorded = record(&url, &arguments, &output);
        assert_eq!(recorded.status.code(), Some(0), "{}", told(&recorded));
    }
    let refused = record(&url, &["--query", "up", "--ca-file", &ca], &output);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        told(&refused).contains("answers 401: Unauthorized"),
        "{}",
        told(&refused)
    );
    let distrusted = record(&url, &["--query", "up"], &output);
    assert_eq!(distrusted.status.code(), Some(3));
}
