//! `setpoint test --init --from-prometheus` as a process: the file that it writes of a fake Prometheus and of a real one.
//! The real one is that of `SETPOINT_PROMETHEUS`; without it its test is ignored, and under `SETPOINT_REQUIRE=local` it fails.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use setpoint_replay::labels::Labels;
use setpoint_replay::notation::parse_series;
use setpoint_replay::{Access, Replay, ReplayOptions, remote_write};
use setpoint_test_support::{needing, run_all, trials};

const SETPOINT: &str = env!("CARGO_BIN_EXE_setpoint");

const RULES: &str = r#"
rules:
- seriesQuery: http_requests_total{namespace!="",pod!=""}
  resources: {template: <<.Resource>>}
  name: {matches: "^(.*)_total$", as: "${1}_of_limit"}
  metricsQuery: sum by (<<.GroupBy>>) (rate(<<.Series>>{<<.LabelMatchers>>}[2m])) / sum by (<<.GroupBy>>) (pod_limit{<<.LabelMatchers>>})
- seriesQuery: '{__name__=~"^jvm_.*",pod!=""}'
  seriesFilters: [{isNot: _bytes$}]
  resources: {overrides: {ns: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: max by (<<.GroupBy>>) (<<.Series>>{<<.LabelMatchers>>})
- seriesQuery: nobody_has_this
  resources: {template: <<.Resource>>}
  metricsQuery: sum by (<<.GroupBy>>) (<<.Series>>{<<.LabelMatchers>>})
- seriesQuery: disk_writes
  resources: {template: <<.Resource>>}
  metricsQuery: sum by (<<.GroupBy>>) (<<.Series>>{<<.LabelMatchers>>})
externalRules:
- seriesQuery: queue_depth
  resources: {overrides: {namespace: {resource: namespace}}}
  metricsQuery: sum by (queue) (<<.Series>>{<<.LabelMatchers>>})
"#;

/// What is there, scraped each 15 seconds until now.
fn samples() -> Vec<(Labels, Vec<(i64, f64)>)> {
    let now = jiff::Timestamp::now().as_millisecond();
    let mut all = Vec::new();
    let mut add = |series: &str, value: &dyn Fn(f64) -> f64| {
        // Each target is scraped at a time of its own.
        let late = i64::try_from(all.len()).unwrap() * 700 % 15_000;
        let begin = now - 20 * 60_000 - late;
        let at = |step: i32| (begin + i64::from(step) * 15_000, value(step.into()));
        all.push((parse_series(series).unwrap(), (0..=80).map(at).collect()));
    };
    for pod in ["web-1", "web-2", "web-3"] {
        add(
            &format!("http_requests_total{{namespace=\"shop\",pod=\"{pod}\"}}"),
            &|step| step * 30.0,
        );
        add(
            &format!("pod_limit{{namespace=\"shop\",pod=\"{pod}\"}}"),
            &|_| 4.0,
        );
    }
    for name in ["a", "b", "c", "d", "e_bytes"] {
        add(
            &format!("jvm_{name}{{ns=\"shop\",pod=\"java-1\"}}"),
            &|step| step % 7.0,
        );
    }
    for disk in 0..25 {
        add(
            &format!("disk_writes{{namespace=\"shop\",pod=\"db-0\",disk=\"{disk}\"}}"),
            &|_| 2.0,
        );
    }
    add(
        "queue_depth{namespace=\"shop\",queue=\"it's \\\"q\\\"\"}",
        &|_| 7.5,
    );
    all
}

async fn write(url: &str, samples: &[(Labels, Vec<(i64, f64)>)]) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let sent = client
        .post(format!("{url}/api/v1/write"))
        .header("Content-Encoding", "snappy")
        .header("Content-Type", "application/x-protobuf")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .body(remote_write::request(samples));
    let answer = sent.send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, 204, "{}", answer.text().await.unwrap());
}

fn setpoint(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(SETPOINT);
    command.arg("test").args(arguments).current_dir(folder);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy;
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The first file of tests for the rules, which passes at once, without its first line, which has times.
fn first_file(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    let arguments = ["--init", "rules.yaml", "--from-prometheus", url];
    let written = setpoint(folder.path(), &arguments);
    assert_eq!(written.status.code(), Some(0), "{}", told(&written));
    assert_eq!(told(&written), "rules.test.yaml\n");
    let text = std::fs::read_to_string(folder.path().join("rules.test.yaml")).unwrap();
    let passed = setpoint(folder.path(), &["rules.test.yaml"]);
    assert_eq!(passed.status.code(), Some(0), "{}\n{text}", told(&passed));
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(
        first.starts_with(
            "# Written by `setpoint test --init` with series that a Prometheus had from 20"
        ),
        "{first}"
    );
    rest.to_owned()
}

/// What the file of these samples must say.
fn is_right(text: &str) {
    let one = |part: &str, count: usize| {
        assert_eq!(text.matches(part).count(), count, "{part}:\n{text}");
    };
    // The limits are in the query alone, and a third pod is left out.
    one("- series: \"http_requests_total{namespace=", 2);
    one("- series: \"pod_limit{namespace=", 2);
    one(
        "- {\"pods\": [\"web-1\", \"web-2\"], namespace: \"shop\"}",
        1,
    );
    one("metric: \"http_requests_of_limit\"", 1);
    // Half of the limit, or a little less: a rate of 2 is computed, and thousandths are cut.
    let half = ["499m", "500m"].map(|value| format!("[{{name: web-1, value: {value}}}, "));
    assert!(half.iter().any(|item| text.contains(item)), "{text}");
    one(
        "# Of rules[1], whose seriesQuery is \"{__name__=~\\\"^jvm_.*\\\",pod!=\\\"\\\"}\": 3 of 4 names of series.\n",
        1,
    );
    one("- name: \"series jvm_", 3);
    one(
        "# Nothing is tested of rules[2], whose seriesQuery is \"nobody_has_this\": no series is there now.\n",
        1,
    );
    one(
        "# Of rules[3], whose seriesQuery is \"disk_writes\": 20 of 25 series disk_writes.\n",
        1,
    );
    one("{name: db-0, value: 40}", 1);
    one("{labels: {queue: \"it's \\\"q\\\"\"}, value: 7500m}", 1);
    one("  interval: 15s\n", 6);
}

async fn a_first_file_has_what_a_fake_prometheus_has() {
    let fake = Replay::start(ReplayOptions::default()).await.unwrap();
    let url = format!("http://{}", fake.address());
    write(&url, &samples()).await;
    is_right(&first_file(&url));
}

async fn what_keeps_a_first_file_from_being_written_is_told() {
    let fake = Replay::start(ReplayOptions {
        access: Access {
            tokens: vec!["abc".to_owned()],
            ..Access::default()
        },
        ..ReplayOptions::default()
    });
    let fake = fake.await.unwrap();
    let url = format!("http://{}", fake.address());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("rules.yaml", RULES);
    file("token", "abc\n");
    file(
        "broken.yaml",
        "rules:\n- {seriesQuery: x, metricsQuery: 'summ(x)'}\n",
    );
    file("there.yaml", RULES);
    file("there.test.yaml", "mine");
    let token = ["--bearer-token-file", "token"];
    let of =
        |rules: &'static str, url: &'static str| vec!["--init", rules, "--from-prometheus", url];
    let nobody = "http://127.0.0.1:1";
    let with = |arguments: &[&'static str], more: &[&'static str]| [arguments, more].concat();
    for (arguments, code, reason) in [
        (
            of("rules.yaml", nobody),
            3,
            "look for the series of rules[0], whose seriesQuery is \"http_requests_total{namespace!=\\\"\\\",pod!=\\\"\\\"}\": ask http://127.0.0.1:1/api/v1/query",
        ),
        (of("rules.yaml", "ftp://x"), 2, "use `ftp://x` as the URL"),
        (of("broken.yaml", nobody), 2, "broken.yaml:2:"),
        (
            vec!["--init", "rules.yaml", "--bearer-token-file", "token"],
            2,
            "isn't there",
        ),
        (vec!["--from-prometheus", nobody], 2, "--init"),
        (
            vec!["--from-prometheus", nobody, "there.test.yaml"],
            2,
            "--from-prometheus is for --init",
        ),
        (
            with(&of("rules.yaml", nobody), &["--range", "1s"]),
            2,
            "expected at least one step",
        ),
    ] {
        let output = setpoint(folder.path(), &arguments);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
    let of = |rules: &'static str| ["--init", rules, "--from-prometheus", url.as_str()];
    for (arguments, code, reason) in [
        (of("rules.yaml").to_vec(), 3, "answers 401"),
        (
            [&of("rules.yaml")[..], &token].concat(),
            2,
            "finds a series there",
        ),
    ] {
        let output = setpoint(folder.path(), &arguments);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
    assert!(!folder.path().join("rules.test.yaml").exists());
    let output = setpoint(folder.path(), &[&of("there.yaml")[..], &token].concat());
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let kept = std::fs::read_to_string(folder.path().join("there.test.yaml"));
    assert_eq!(kept.unwrap(), "mine");
}

/// A real Prometheus, which ends with the test.
struct Real(Child);

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One that takes samples by remote write, and its URL.
fn real(folder: &Path) -> (Real, String) {
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, "{}").unwrap();
    let program = std::env::var_os("SETPOINT_PROMETHEUS").unwrap();
    let mut process = Command::new(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .args([
            "--web.enable-remote-write-receiver",
            "--web.listen-address=127.0.0.1:0",
        ])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let lines_read = lines.by_ref().map_while(Result::ok);
    let mut address = None;
    for line in lines_read {
        if line.contains("Listening on") {
            let of_line = line.split("address=").nth(1);
            address = of_line.map(|address| address.trim().to_owned());
        }
        if line.contains("Server is ready") {
            break;
        }
    }
    // Its log goes on, and a full pipe would stop it.
    std::thread::spawn(move || lines.for_each(drop));
    let url = format!("http://{}", address.unwrap());
    (Real(process), url)
}

async fn a_first_file_has_what_a_real_prometheus_has() {
    let folder = tempfile::tempdir().unwrap();
    let (_real, url) = real(folder.path());
    write(&url, &samples()).await;
    is_right(&first_file(&url));
}

fn main() {
    let real = std::env::var_os("SETPOINT_PROMETHEUS");
    let real = real.ok_or("SETPOINT_PROMETHEUS names no Prometheus (ci/prometheus/build)");
    let without = trials![async
        a_first_file_has_what_a_fake_prometheus_has,
        what_keeps_a_first_file_from_being_written_is_told,
    ];
    let with = needing(
        trials![async a_first_file_has_what_a_real_prometheus_has],
        real,
    );
    run_all(without.into_iter().chain(with).collect());
}
