//! The same tests over the wire: the real adapter as a process, with one server that stands for its Prometheus and for its
//! API server. What it answers is what is answered in process.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use serde_json::{Value, json};
use setpoint_replay::api;
use setpoint_rules::Selector;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::answer::Adapter;
use super::cluster::Object;
use super::document::Document;
use super::duration::PromDuration;
use super::judge::Question;
use super::load::{LoadedGroup, Test};
use super::{LoadError, TestFile};
use crate::programs::Programs;
use crate::timeouts::Timeouts;

/// How many adapters run at a time.
const PARALLEL: usize = 3;
/// How long an adapter may take until it has listed the series, on a busy machine.
const START: Duration = Duration::from_secs(120);

/// One group of a file at one time.
struct Moment {
    file: Arc<TestFile>,
    group: usize,
    at: PromDuration,
}

impl Moment {
    /// All moments of a file.
    fn of(file: TestFile) -> Vec<Self> {
        let file = Arc::new(file);
        let mut moments = Vec::new();
        for (group, loaded) in file.groups.iter().enumerate() {
            let mut times: Vec<PromDuration> = loaded.tests.iter().map(|test| test.at).collect();
            times.sort();
            times.dedup();
            moments.extend(times.into_iter().map(|at| Self {
                file: file.clone(),
                group,
                at,
            }));
        }
        moments
    }

    fn group(&self) -> &LoadedGroup {
        &self.file.groups[self.group]
    }

    fn tests(&self) -> impl Iterator<Item = &Test> {
        self.group().tests.iter().filter(|test| test.at == self.at)
    }

    fn in_process(&self, test: &Test) -> Adapter<'_> {
        self.file.adapter(self.group(), test)
    }

    /// What Prometheus answers at this time, whatever the wall clock says.
    fn prometheus(&self, path: &str, query: &str) -> Response {
        let now = self.at.millis();
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let parameters = form(query).map(|(key, value)| {
            if key != "start" {
                return (key, value);
            }
            // The adapter counts back from the wall clock; what passes until it is asked doesn't count.
            let back = since_1970.as_secs_f64() - value.parse::<f64>().unwrap();
            let age = self.file.max_age.millis() as f64 / 1000.0;
            assert!((age..age + 60.0).contains(&back), "{back}s back from now");
            (key, (now as f64 / 1000.0 - age).to_string())
        });
        let parameters: Vec<_> = parameters.collect();
        let group = self.group();
        let answer = api::answer(&group.world, &self.file.settings, now, path, &parameters);
        let status = http::StatusCode::from_u16(answer.status).unwrap();
        (status, [("content-type", answer.content_type)], answer.body).into_response()
    }

    /// What the API server answers.
    fn kubernetes(&self, path: &str, query: &str) -> Value {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match segments.as_slice() {
            ["api"] => self.discovery(true),
            ["apis"] => self.discovery(false),
            [.., "tokenreviews"] => {
                json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": {},
                    "status": {"authenticated": true, "user": {"username": "tester"}}})
            }
            [.., "subjectaccessreviews"] => {
                json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
                    "status": {"allowed": true}})
            }
            ["api", "v1", rest @ ..] => self.objects("", rest, query),
            ["apis", group, _version, rest @ ..] => self.objects(group, rest, query),
            _ => panic!("asked for {path}"),
        }
    }

    fn discovery(&self, core: bool) -> Value {
        let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
        for resource in self.group().cluster.mapper().resources() {
            if resource.group.is_empty() != core {
                continue;
            }
            let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
            let scope = if resource.namespaced {
                "Namespaced"
            } else {
                "Cluster"
            };
            let found = json!({"resource": resource.plural, "singularResource": resource.singular, "scope": scope, "responseKind": kind});
            let item = (&*resource.group, found);
            match groups.iter_mut().find(|(group, _)| *group == item.0) {
                Some((_, resources)) => resources.push(item.1),
                None => groups.push((item.0, vec![item.1])),
            }
        }
        let version = |group: &str| {
            let mut resources = self.group().cluster.mapper().resources().iter();
            resources
                .find(|resource| resource.group == group)
                .map(|resource| resource.version.clone())
        };
        let items: Vec<Value> = groups
            .into_iter()
            .map(|(group, resources)| json!({"metadata": {"name": group}, "versions": [{"version": version(group), "resources": resources}]}))
            .collect();
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
    }

    fn objects(&self, group: &str, rest: &[&str], query: &str) -> Value {
        let (namespace, plural) = match rest {
            ["namespaces", namespace, plural] => (Some(*namespace), *plural),
            [plural] => (None, *plural),
            _ => panic!("asked for {rest:?}"),
        };
        let parameters: BTreeMap<String, String> = form(query).collect();
        let selector = parameters.get("labelSelector").map_or("", String::as_str);
        let cluster = &self.group().cluster;
        let mut resources = cluster.mapper().resources().iter();
        let resource = resources.find(|known| known.group == group && known.plural == plural);
        let resource = resource.unwrap();
        let selector = Selector::parse(selector).unwrap();
        let fields = parameters.get("fieldSelector").map_or("", String::as_str);
        let mut objects: Vec<&Object> = cluster
            .objects()
            .iter()
            .filter(|object| object.resource == resource.group_resource())
            .filter(|object| namespace.is_none() || object.namespace.as_deref() == namespace)
            .filter(|object| selector.matches(&object.labels) && has_fields(object, fields))
            .collect();
        objects.sort_by_key(|object| (&object.namespace, &object.name));
        let items: Vec<Value> = objects
            .iter()
            .map(|object| json!({"metadata": {"name": object.name, "namespace": object.namespace, "labels": object.labels}}))
            .collect();
        json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": items})
    }
}

/// Whether an object has the fields of a selector, as the API server compares them.
fn has_fields(object: &Object, selector: &str) -> bool {
    selector
        .split(',')
        .filter(|term| !term.is_empty())
        .all(|term| {
            let (key, value) = term.split_once('=').unwrap();
            let wanted = !key.ends_with('!');
            let actual = match key.trim_end_matches('!') {
                "metadata.name" => &object.name,
                "metadata.namespace" => object.namespace.as_deref().unwrap_or_default(),
                "status.phase" if object.runs => "Running",
                "status.phase" => "Succeeded",
                other => panic!("asked for objects by {other}"),
            };
            (actual == value.trim_start_matches('=')) == wanted
        })
}

fn form(query: &str) -> impl Iterator<Item = (String, String)> {
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).unwrap();
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    pairs.into_iter()
}

/// The configuration that the rules of a file are, as the adapter reads it.
fn configuration(file: &TestFile) -> String {
    let document: Document = serde_saphyr::from_str(&file.text).unwrap();
    let rules = file.path.parent().unwrap().join(&document.rule_files[0]);
    let text = std::fs::read_to_string(rules).unwrap();
    let value: Value = serde_saphyr::from_str(&text).unwrap();
    if value["kind"] == "ConfigMap" {
        return value["data"]["config.yaml"].as_str().unwrap().to_owned();
    }
    let values = [&value["rules"], &value["prometheus-adapter"]["rules"]];
    match values.into_iter().find(|rules| rules.is_object()) {
        Some(rules) => json!({"rules": rules["custom"], "externalRules": rules["external"], "resourceRules": rules["resource"]}).to_string(),
        None => text,
    }
}

async fn answer(State(moment): State<Arc<Moment>>, request: Request) -> Response {
    let (path, query) = (
        request.uri().path(),
        request.uri().query().unwrap_or_default(),
    );
    match path.strip_prefix("/prometheus") {
        Some(path) => moment.prometheus(path, query),
        None => Json(moment.kubernetes(path, query)).into_response(),
    }
}

/// An adapter that has listed the series of a moment.
struct Running {
    _process: Child,
    _folder: TempDir,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Running {
    /// Starts one; another time where somebody else has taken the port meanwhile.
    async fn start(program: &Path, moment: &Arc<Moment>) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let upstream = listener.local_addr().unwrap();
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(moment.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, configuration(&moment.file)).unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let document = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": format!("http://{upstream}")}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}], "users": [{"name": "x", "user": {}}]});
        std::fs::write(&kubeconfig, document.to_string()).unwrap();
        let client = reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .build()
            .unwrap();
        let began = Instant::now();
        loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let age = format!("{}ms", moment.file.max_age.millis());
            let mut command = Command::new(program);
            for flag in [
                "lister-kubeconfig",
                "authentication-kubeconfig",
                "authorization-kubeconfig",
            ] {
                command.arg(format!("--{flag}={}", kubeconfig.display()));
            }
            let mut process = command
                .arg(format!("--config={}", config.display()))
                .arg(format!("--prometheus-url=http://{upstream}/prometheus"))
                .arg(format!("--secure-port={port}"))
                .arg(format!("--metrics-relist-interval={age}"))
                .arg(format!("--metrics-max-age={age}"))
                .args(["--bind-address=127.0.0.1", "--authentication-skip-lookup"])
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            while process.try_wait().unwrap().is_none() {
                let ready = client
                    .get(format!("https://{address}/readyz"))
                    .bearer_auth("x")
                    .send();
                if ready.await.is_ok_and(|answer| answer.status().is_success()) {
                    return Self {
                        _process: process,
                        _folder: folder,
                        address,
                        client,
                    };
                }
                assert!(began.elapsed() < START, "the adapter isn't ready");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(began.elapsed() < START, "the adapter ends at once");
        }
    }

    async fn get(&self, target: &str) -> (u16, Value) {
        let request = self.client.get(format!("https://{}{target}", self.address));
        let answer = request.bearer_auth("x").send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// A document without the times of values, which are those of the answer.
fn without_times(mut document: Value) -> Value {
    fn strip(object: &mut Value) {
        let Some(object) = object.as_object_mut() else {
            return;
        };
        object.remove("timestamp");
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("creationTimestamp");
        }
    }
    strip(&mut document);
    let items = document.get_mut("items").and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(strip);
    document
}

async fn compare(program: &Path, moment: Moment) -> usize {
    let moment = Arc::new(moment);
    let running = Running::start(program, &moment).await;
    let mut compared = 0;
    for test in moment.tests() {
        let adapter = moment.in_process(test);
        let place = format!("{}:{}", moment.file.path.display(), test.place.0);
        match &test.question {
            Question::Discovery { of, .. } => {
                let group = format!("/apis/{}/v1beta1", of.name());
                let (_, list) = running.get(&group).await;
                let resources = list["resources"].as_array();
                let resources = resources.into_iter().flatten();
                let mut names: Vec<&str> = resources
                    .map(|found| found["name"].as_str().unwrap())
                    .collect();
                names.sort_unstable();
                assert_eq!(names, adapter.discovery(*of), "{place}");
            }
            Question::Values { target, .. } => {
                let (code, document) = running.get(target).await;
                let answer = adapter.answer(target);
                match answer.outcome {
                    Ok(_) => {
                        assert_eq!(code, 200, "{place}: {document}");
                        assert_eq!(
                            without_times(document),
                            without_times(answer.document),
                            "{place}"
                        );
                    }
                    Err(refusal) => {
                        let said = (code, document["message"].as_str().unwrap());
                        assert_eq!(said, (refusal.code, &*refusal.message), "{place}");
                    }
                }
            }
        }
        compared += 1;
    }
    compared
}

/// All files of tests of the repository.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rule-tests");
    let mut files = Vec::new();
    for shape in std::fs::read_dir(folder).unwrap() {
        let shape = shape.unwrap().path();
        files.extend(["test.yaml", "mistake.test.yaml"].map(|name| shape.join(name)));
    }
    files.retain(|file| file.is_file());
    files.push(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rule-tests/refused.test.yaml"),
    );
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_adapter_answers_over_the_wire_what_is_answered_in_process() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let programs = Programs::find(None, &Timeouts::default()).await.unwrap();
    let loaded: Result<Vec<TestFile>, LoadError> =
        files().iter().map(|file| TestFile::load(file)).collect();
    let moments: Vec<Moment> = loaded.unwrap().into_iter().flat_map(Moment::of).collect();
    let compared = futures::stream::iter(moments)
        .map(|moment| compare(&programs.certs, moment))
        .buffer_unordered(PARALLEL)
        .fold(0, |sum, compared| async move { sum + compared })
        .await;
    assert!(compared >= 30, "{compared} answers were compared");
}
