//! The program's own metrics, as real servers read them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};

use super::support::{
    Adapter, IN_TIME, client, config, free_port, nothing, parameter, series, serve, value,
};

async fn answer(request: Request) -> Response {
    match parameter(&request, "match[]").as_str() {
        "" => value(5),
        "good" => series("good"),
        _ => nothing(),
    }
}

/// A real Prometheus that scrapes the adapter. It is killed at the end.
struct Prometheus {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(program: &std::ffi::OsStr, adapter: &Adapter) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = adapter.url.trim_start_matches("https://");
        let job = json!({"job_name": "adapter", "scheme": "https", "tls_config": {"insecure_skip_verify": true},
            "static_configs": [{"targets": [target]}]});
        let config = json!({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]});
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            url: format!("http://{address}"),
            _folder: folder,
        }
    }

    /// The answer of an endpoint, once something holds of it.
    async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = client()
                .get(format!("{}/api/v1/{path}", self.url))
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if holds(&answer) {
                return answer;
            }
            assert!(began.elapsed() < IN_TIME, "{path}: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn read_by(variable: &str) {
    let Some(program) = std::env::var_os(variable) else {
        eprintln!("not tested: {variable} names no Prometheus (ci/prometheus)");
        return;
    };
    let prometheus = serve(Router::new().fallback(answer)).await;
    let adapter = Adapter::start(prometheus, &config(&["good", "'{a=\"\\b\"}'"]), &[]).await;
    adapter
        .until("setpoint_adapter_rule_metrics{rule=\"0\"} ", |metrics| {
            metrics > 0.0
        })
        .await;
    adapter
        .until(
            "setpoint_adapter_rule_relist_failing{rule=\"1\"} ",
            |failing| failing == 1.0,
        )
        .await;
    assert_eq!(adapter.value(&client(), "good").await.unwrap().0, 200);
    let real = Prometheus::start(&program, &adapter);
    let scraped = |answer: &Value| {
        let target = &answer["data"]["activeTargets"][0];
        target["health"] == "up"
            || target["lastError"]
                .as_str()
                // A busy machine may take longer than the second that Prometheus waits.
                .is_some_and(|error| !error.is_empty() && !error.contains("deadline exceeded"))
    };
    let targets = real.until("targets", scraped).await;
    assert_eq!(
        targets["data"]["activeTargets"][0]["lastError"], "",
        "{targets}"
    );
    let found = |answer: &Value| {
        answer["data"]["result"]
            .as_array()
            .is_some_and(|found| !found.is_empty())
    };
    for query in [
        r#"setpoint_adapter_rule_info{rule="1",series_query="{a=\"\\b\"}"} == 1"#,
        r#"setpoint_adapter_rule_answer_age_seconds{rule="0"} < 3600"#,
        r#"time() - setpoint_adapter_rule_last_success_timestamp_seconds{rule="0"} < 3600"#,
        r#"setpoint_adapter_rule_series{rule="0"} == 1"#,
        r#"setpoint_adapter_relist_failures_total{rule="1",kind="no_answer"} > 0"#,
        r#"setpoint_adapter_query_duration_seconds_bucket{rule="0",le="+Inf"} == 1"#,
        r#"prometheus_adapter_prometheus_client_request_duration_seconds_count{path="/api/v1/query"} == 1"#,
        r#"apiserver_request_total{component="custom-metrics",resource="*",scope="resource",code="200"} == 1"#,
        r#"setpoint_adapter_certificate_expiration_timestamp_seconds{part="serving-certificate"} > time()"#,
        r#"setpoint_adapter_reload_failing == 0"#,
        "process_cpu_seconds_total > 0",
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        real.until(&format!("query?query={encoded}"), found).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_of_version_3_reads_all_metrics() {
    read_by("SETPOINT_PROMETHEUS").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_of_version_2_reads_all_metrics() {
    read_by("SETPOINT_PROMETHEUS_2").await;
}
