use std::cell::Cell;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Json;
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};

use crate::launch;

pub(crate) use crate::launch::{IN_TIME, free_port, serve};

/// The answers of an API server that has pods and allows everything.
pub(crate) async fn api_answer(request: Request) -> Response {
    let discovery = launch::discovery(request.uri().path());
    let review = json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {}, "status": {"allowed": true}});
    let is_review = request.uri().path().ends_with("/subjectaccessreviews");
    Json(if is_review { review } else { discovery }).into_response()
}

/// An answer of Prometheus with one series.
pub(crate) fn series(name: &str) -> Response {
    Json(json!({"status": "success", "data": [{"__name__": name, "namespace": "n", "pod": "p"}]}))
        .into_response()
}

/// An answer of Prometheus with the value of pod `p`.
pub(crate) fn value(value: u32) -> Response {
    value_of("p", value)
}

/// An answer of Prometheus with the value of a pod.
pub(crate) fn value_of(pod: &str, value: u32) -> Response {
    let sample = json!({"metric": {"namespace": "n", "pod": pod}, "value": [1, value.to_string()]});
    let data = json!({"resultType": "vector", "result": [sample]});
    Json(json!({"status": "success", "data": data})).into_response()
}

/// The parameter of a request's URL.
pub(crate) fn parameter(request: &Request, name: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut found = pairs.filter(|(key, _)| key == name);
    found
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Answers 404, as an axum handler.
pub(crate) fn nothing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// The program, with files in a folder. It is killed at the end.
pub(crate) struct Adapter {
    pub(crate) url: String,
    pub(crate) folder: tempfile::TempDir,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// A configuration with a rule for each `seriesQuery`.
pub(crate) fn config(selectors: &[&str]) -> String {
    let rule = |selector: &&str| {
        format!(
            "- {{seriesQuery: {selector}, resources: {{template: '<<.Resource>>'}}, metricsQuery: '<<.Series>>{{<<.LabelMatchers>>}}'}}\n"
        )
    };
    format!("rules:\n{}", selectors.iter().map(rule).collect::<String>())
}

/// Puts a fresh serving pair in the place of the one before, at once, as the kubelet does in a volume.
pub(crate) fn swap_pair(folder: &Path, version: u32) {
    let pair = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
    let name = format!("..{version}");
    let fresh = folder.join(&name);
    std::fs::create_dir(&fresh).unwrap();
    std::fs::write(fresh.join("tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(fresh.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    symlink(&name, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

/// What there is as soon as there is something, which is looked for again and again; `missing` says what isn't there in
/// time.
pub(crate) async fn in_time<T>(
    mut look: impl AsyncFnMut() -> Option<T>,
    missing: impl Fn() -> String,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < IN_TIME, "{}", missing());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Adapter {
    /// Starts it by a configuration and waits until it serves.
    pub(crate) async fn start(prometheus: SocketAddr, config: &str, arguments: &[&str]) -> Self {
        let api_server = serve(Router::new().fallback(api_answer)).await;
        Self::start_beside((prometheus, api_server), config, arguments).await
    }

    /// Starts it beside a Prometheus and an API server, and waits until it serves.
    pub(crate) async fn start_beside(
        (prometheus, api_server): (SocketAddr, SocketAddr),
        config: &str,
        arguments: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        swap_pair(folder.path(), 0);
        for name in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{name}"), file(name)).unwrap();
        }
        let port = free_port();
        let servers = (prometheus, api_server);
        let built = env!("CARGO_BIN_EXE_setpoint-adapter").into();
        let program = std::env::var_os("SETPOINT_ADAPTER").unwrap_or(built);
        let mut child = Command::new(program)
            .args(launch::arguments(folder.path(), config, servers, port))
            .arg("--authentication-skip-lookup")
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let kept = log.clone();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| kept.lock().unwrap().push(line));
        });
        let url = format!("https://127.0.0.1:{port}");
        let mut adapter = Self {
            url,
            folder,
            child,
            log,
        };
        adapter.served().await;
        adapter
    }

    async fn served(&mut self) {
        let Self {
            url, child, log, ..
        } = self;
        let livez = format!("{url}/livez");
        let serves = async || {
            let has_ended = child.try_wait().unwrap().is_some();
            assert!(!has_ended, "it has ended: {:?}", log.lock());
            client().get(&livez).send().await.ok().map(drop)
        };
        in_time(serves, || format!("it doesn't serve: {:?}", log.lock())).await;
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as the kubelet does.
    pub(crate) fn terminate(&self) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.unwrap().success(), "it has ended: {:?}", self.log());
    }

    /// How it has ended, which it must do in time.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let Self { child, log, .. } = self;
        let ended = async || child.try_wait().unwrap();
        in_time(ended, || format!("it doesn't end: {:?}", log.lock())).await
    }

    /// The lines of its log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has a line with this text.
    pub(crate) async fn logged(&self, text: &str) {
        let found = async || self.log().into_iter().find(|line| line.contains(text));
        in_time(found, || format!("{text}: {:?}", self.log())).await;
    }

    /// Puts another configuration in the place of the one before, at once.
    pub(crate) fn configure(&self, selectors: &[&str]) {
        self.write_config(&config(selectors));
    }

    /// Puts the text of a configuration in the place of the one before, at once.
    pub(crate) fn write_config(&self, text: &str) {
        let fresh = self.folder.path().join("config.yaml.fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, self.folder.path().join("config.yaml")).unwrap();
    }

    /// The status and the body of an answer, over a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = client()
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    }

    /// The value of a metric of its own; `series` is its name and labels.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await;
        let mut values = text
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        values.next()
    }

    /// Waits until a metric of its own has a value that holds.
    pub(crate) async fn until(&self, series: &str, holds: impl Fn(f64) -> bool) {
        let now = Cell::new(None);
        let held = async || {
            now.set(self.metric(series).await);
            now.get().filter(|value| holds(*value))
        };
        let missing = || format!("{series} is {:?}: {:?}", now.get(), self.log());
        in_time(held, missing).await;
    }

    /// What pod `p` has of a metric: the status and the value.
    pub(crate) async fn value(
        &self,
        client: &reqwest::Client,
        metric: &str,
    ) -> Result<(u16, Value), String> {
        let url = format!(
            "{}/apis/custom.metrics.k8s.io/v1beta1/namespaces/n/pods/p/{metric}",
            self.url
        );
        let answer = client
            .get(url)
            .send()
            .await
            .map_err(|error| format!("{error:?}"))?;
        let status = answer.status().as_u16();
        let list: Value = answer.json().await.map_err(|error| format!("{error:?}"))?;
        Ok((status, list["items"][0]["value"].clone()))
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client without connections, which accepts any certificate. Over HTTP/2 a stranger's connection ends
/// after each request, and hyper's client loses what waits there for a stream (`DispatchGone`), which Go's doesn't.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .http1_only()
        .tls_danger_accept_invalid_certs(true)
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}
