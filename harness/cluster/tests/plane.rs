//! A real control plane, from start to end.
//!
//! Needs etcd, kube-apiserver and kube-controller-manager where `provision::find` looks; tests that miss them
//! are ignored with that reason, unless `SETPOINT_REQUIRE=local` makes it a failure.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use setpoint_cluster::local::{LocalCluster, LocalError, LocalOptions, LocalProvider};
use setpoint_cluster::provision::{self, Binaries, Module, Release};
use setpoint_cluster::{
    Authority, Cluster, ConnectError, Fault, ImageTable, MintRequest, Provider, ReapReason,
    StartOptions, Target,
};
use setpoint_test_support::trials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{interval, timeout};

/// How long anything may take that is not the start of a plane.
const LIMIT: Duration = Duration::from_secs(20);

/// The control plane's programs; without them a test that needs them fails.
fn programs() -> Binaries {
    match provision::find(&provision::Options::from_env()) {
        Ok(programs) => programs,
        Err(error) => panic!("{error}"),
    }
}

fn options(binaries: Binaries) -> LocalOptions {
    let mut options = LocalOptions::new(binaries, ImageTable::default());
    options.plane_binary = Some(env!("CARGO_BIN_EXE_setpoint-plane").into());
    options
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The folder of the plane that a kubeconfig belongs to.
fn folder_of(cluster: &dyn Cluster) -> PathBuf {
    cluster.kubeconfig().parent().unwrap().to_owned()
}

/// Every process whose command line names the plane's folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(folder) {
            found.push(line);
        }
    }
    found
}

/// Waits until neither process nor file is left.
async fn gone(folder: &Path) {
    let all_gone = async {
        let mut checks = interval(Duration::from_millis(10));
        while folder.exists() || !processes_of(folder).is_empty() {
            checks.tick().await;
        }
    };
    if timeout(LIMIT, all_gone).await.is_err() {
        let left = processes_of(folder);
        panic!(
            "{} exists: {}, left: {left:?}",
            folder.display(),
            folder.exists()
        );
    }
}

fn deployment(name: &str, replicas: i32) -> Deployment {
    serde_json::from_value(serde_json::json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "registry.example/unknown:v1"}]},
            },
        },
    }))
    .unwrap()
}

/// Waits until as many pods are there as a Deployment wants.
async fn pods(client: kube::Client, app: &str, wanted: usize) -> Vec<Pod> {
    use futures::TryStreamExt;
    let pods: Api<Pod> = Api::default_namespaced(client);
    let selector = format!("app={app}");
    let changes = watcher(pods.clone(), watcher::Config::default().labels(&selector));
    let mut changes = std::pin::pin!(changes.default_backoff().applied_objects());
    let enough = async {
        while let Some(_changed) = changes.try_next().await.unwrap() {
            let list = pods.list(&ListParams::default().labels(&selector)).await;
            let list = list.unwrap().items;
            if list.len() >= wanted {
                return list;
            }
        }
        panic!("the watch ended");
    };
    timeout(LIMIT, enough)
        .await
        .expect("pods of the Deployment")
}

async fn a_plane_runs_deployments_and_admits_their_pods_with_a_token() {
    let binaries = programs();
    let cluster = LocalCluster::start(options(binaries)).await.unwrap();
    let folder = folder_of(&cluster);
    println!("ready after {:?}", cluster.facts().ready_after);
    let module = Module::Kubernetes(Release::default());
    assert_eq!(cluster.facts().kubernetes_version, module.version());

    let deployments: Api<Deployment> = Api::default_namespaced(cluster.client());
    let web = deployment("web", 2);
    let made = deployments.create(&PostParams::default(), &web).await;
    made.unwrap();
    for pod in pods(cluster.client(), "web", 2).await {
        let volumes = pod
            .spec
            .as_ref()
            .unwrap()
            .volumes
            .clone()
            .unwrap_or_default();
        let token = volumes.iter().any(|volume| volume.projected.is_some());
        assert!(token, "{} has no projected token", pod.name_any());
    }

    let logs: BTreeMap<_, _> = cluster.component_logs().await.into_iter().collect();
    for component in ["etcd", "kube-apiserver", "kube-controller-manager", "plane"] {
        assert!(
            logs.contains_key(component),
            "{component} is not in {:?}",
            logs.keys()
        );
    }
    cluster.stop().await.unwrap();
    gone(&folder).await;
}

async fn a_minted_client_certificate_is_its_users_identity_and_a_front_proxys_is_not() {
    let binaries = programs();
    let cluster = LocalCluster::start(options(binaries)).await.unwrap();
    let request = MintRequest {
        common_name: "jane".to_owned(),
        organizations: vec!["devs".to_owned()],
        ..MintRequest::default()
    };
    let who = async |authority| {
        let minted = cluster.mint(authority, &request).await.unwrap();
        let mut config = cluster.config();
        let encode = |pem: String| {
            let bytes = k8s_openapi::ByteString(pem.into_bytes());
            serde_json::to_value(bytes)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        config.auth_info = kube::config::AuthInfo {
            client_certificate_data: Some(encode(minted.certificate)),
            client_key_data: Some(encode(minted.key).into()),
            ..Default::default()
        };
        let client = kube::Client::try_from(config).unwrap();
        let reviews: Api<SelfSubjectReview> = Api::all(client);
        let review = serde_json::from_value(serde_json::json!({"metadata": {}})).unwrap();
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok::<_, kube::Error>(answer.status.unwrap().user_info.unwrap())
    };
    let jane = who(Authority::Client).await.unwrap();
    assert_eq!(jane.username.as_deref(), Some("jane"));
    assert!(jane.groups.unwrap().contains(&"devs".to_owned()));
    let refused = who(Authority::FrontProxy).await.unwrap_err();
    assert!(
        matches!(&refused, kube::Error::Api(status) if status.code == 401 || status.code == 403),
        "{refused}"
    );
    cluster.stop().await.unwrap();
}

async fn a_stream_leads_to_a_services_port_and_says_so_when_nothing_is_there() {
    let binaries = programs();
    let cluster = LocalCluster::start(options(binaries)).await.unwrap();
    let absent = Target::Service {
        namespace: "default".to_owned(),
        name: "absent".to_owned(),
    };
    let refused = cluster.connect(&absent, 80).await.err().unwrap();
    assert!(
        matches!(&refused, ConnectError::Refused { reason, .. } if reason.contains("\"absent\" not found")),
        "{refused}"
    );
    // Service `kubernetes` has port 443 only.
    let kubernetes = Target::Service {
        namespace: "default".to_owned(),
        name: "kubernetes".to_owned(),
    };
    let refused = cluster.connect(&kubernetes, 80).await.err().unwrap();
    assert!(
        matches!(&refused, ConnectError::Refused { reason, .. } if reason == "connection refused"),
        "{refused}"
    );
    // The API server is an endpoint of its own Service, and this is how it refuses plain HTTP.
    let stream = timeout(LIMIT, async {
        let mut tries = interval(Duration::from_millis(50));
        loop {
            tries.tick().await;
            match cluster.connect(&kubernetes, 443).await {
                Ok(stream) => return stream,
                Err(error) => assert!(matches!(error, ConnectError::Refused { .. }), "{error}"),
            }
        }
    });
    let stream = &mut stream.await.expect("port 443 of Service kubernetes");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("HTTP request to an HTTPS server"),
        "{answer}"
    );
    cluster.stop().await.unwrap();
}

async fn a_component_that_dies_at_start_shows_its_own_last_lines_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let lasting = script(folder.path(), "lasting", "exec sleep 1000");
    let dying = "echo it is too hot in here >&2; exit 7";
    let options = options(Binaries {
        etcd: lasting.clone(),
        kube_apiserver: script(folder.path(), "dying", dying),
        kube_controller_manager: lasting,
    });
    let error = LocalCluster::start(options).await.unwrap_err();
    let text = error.to_string();
    for part in ["kube-apiserver", "exit status: 7", "it is too hot in here"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    let LocalError::NotStarted { name, .. } = error else {
        panic!("{text}")
    };
    let left = LocalProvider::default().status().await.unwrap();
    assert!(left.iter().all(|plane| plane.name != name), "{left:?}");
}

async fn an_api_server_that_never_gets_ready_is_told_with_what_was_seen_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let lasting = script(folder.path(), "lasting", "echo warming up; exec sleep 1000");
    let mut options = options(Binaries {
        etcd: lasting.clone(),
        kube_apiserver: lasting.clone(),
        kube_controller_manager: lasting,
    });
    options.ready_timeout = Duration::from_secs(1);
    let text = LocalCluster::start(options).await.unwrap_err().to_string();
    for part in [
        "readiness of the API server did not come within 1 s",
        "Connection refused",
        "warming up",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

async fn a_program_that_is_not_there_is_named() {
    let nowhere = PathBuf::from("/nowhere/etcd");
    let options = options(Binaries {
        etcd: nowhere.clone(),
        kube_apiserver: nowhere.clone(),
        kube_controller_manager: nowhere,
    });
    let text = LocalCluster::start(options).await.unwrap_err().to_string();
    assert!(text.contains("start etcd (/nowhere/etcd)"), "{text}");
}

async fn a_type_of_custom_resources_is_served_when_the_start_returns() {
    let crd = serde_json::from_value(serde_json::json!({
        "metadata": {"name": "lamps.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Lamp", "plural": "lamps"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    }));
    let cluster = LocalCluster::builder()
        .plane_binary(env!("CARGO_BIN_EXE_setpoint-plane"))
        .crds([crd.unwrap()])
        .start()
        .await
        .unwrap();
    let kind = kube::core::GroupVersionKind::gvk("example.com", "v1", "Lamp");
    let kind = kube::core::ApiResource::from_gvk(&kind);
    let lamps: Api<kube::api::DynamicObject> =
        Api::default_namespaced_with(cluster.client(), &kind);
    let lamp = kube::api::DynamicObject::new("desk", &kind);
    lamps.create(&PostParams::default(), &lamp).await.unwrap();
    cluster.stop().await.unwrap();
    cluster.stop().await.unwrap();

    let refused = serde_json::from_value(serde_json::json!({
        "metadata": {"name": "lamps"},
        "spec": {"group": "example.com", "names": {"kind": "Lamp", "plural": "lamps"},
            "scope": "Namespaced", "versions": []},
    }));
    let error = LocalCluster::builder()
        .plane_binary(env!("CARGO_BIN_EXE_setpoint-plane"))
        .crds([refused.unwrap()])
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("`lamps`"), "{error}");
}

async fn a_detached_plane_lives_until_it_is_taken_down() {
    let binaries = programs();
    let name = format!("test-{}", std::process::id());
    let provider = LocalProvider::new(options(binaries));
    let (hour, options) = (Duration::from_secs(3600), StartOptions::default());
    let plane = provider.up(&name, hour, &options).await.unwrap();
    assert!(plane.is_alive);
    let again = provider.up(&name, hour, &options).await.unwrap_err();
    assert_eq!(again.fault(), Fault::Caller, "{again}");
    assert!(again.to_string().contains("is up already"), "{again}");
    let file = kube::config::Kubeconfig::read_from(&plane.kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await;
    let client = kube::Client::try_from(config.unwrap()).unwrap();
    assert_eq!(client.apiserver_version().await.unwrap().minor, "37");

    provider.down(&name).await.unwrap();
    gone(plane.kubeconfig.parent().unwrap()).await;
    let absent = provider.down(&name).await.unwrap_err();
    assert_eq!(absent.fault(), Fault::Caller, "{absent}");
    assert!(
        absent.to_string().contains("there is no local cluster"),
        "{absent}"
    );
}

async fn a_detached_plane_ends_by_itself_when_its_time_is_over() {
    let binaries = programs();
    let name = format!("short-{}", std::process::id());
    // It expires while it starts, and may not end before it is let go.
    let provider = LocalProvider::new(options(binaries));
    let plane = provider
        .up(&name, Duration::from_millis(1), &StartOptions::default())
        .await
        .unwrap();
    gone(plane.kubeconfig.parent().unwrap()).await;
}

/// Why a plane was reaped, if it was. Only one test may reap: it removes whatever is dead.
async fn reaped(name: &str) -> Option<ReapReason> {
    let all = LocalProvider::default().reap().await.unwrap();
    let one = all.into_iter().find(|reaped| reaped.name == name);
    one.map(|reaped| reaped.why)
}

async fn a_plane_ends_with_its_outermost_process_and_reap_removes_its_files() {
    let binaries = programs();
    let name = format!("killed-{}", std::process::id());
    let hour = Duration::from_secs(3600);
    let provider = LocalProvider::new(options(binaries));
    let plane = provider
        .up(&name, hour, &StartOptions::default())
        .await
        .unwrap();
    let folder = plane.kubeconfig.parent().unwrap();
    assert_eq!(reaped(&name).await, None, "a living plane stays");
    let state = fs::read_to_string(folder.join("state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let outermost = i32::try_from(state["plane"]["pid"].as_i64().unwrap()).unwrap();
    let outermost = nix::unistd::Pid::from_raw(outermost);
    nix::sys::signal::kill(outermost, nix::sys::signal::SIGKILL).unwrap();
    let is_alive = async || {
        let all = provider.status().await.unwrap();
        all.into_iter()
            .any(|plane| plane.name == name && plane.is_alive)
    };
    let all_ended = async {
        let mut checks = interval(Duration::from_millis(10));
        while is_alive().await || !processes_of(folder).is_empty() {
            checks.tick().await;
        }
    };
    let ended = timeout(LIMIT, all_ended).await;
    assert!(ended.is_ok(), "left: {:?}", processes_of(folder));
    assert!(folder.exists(), "nobody was there to remove it");
    assert_eq!(reaped(&name).await, Some(ReapReason::Dead));
    assert!(!folder.exists());
}

async fn nothing_is_left_when_the_client_is_killed() {
    let mut client = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "holds_a_plane"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(client.stdout.take().unwrap());
    let held = tokio::task::spawn_blocking(move || {
        let lines = output.lines().map(Result::unwrap);
        lines
            .filter_map(|line| line.strip_prefix("holding ").map(PathBuf::from))
            .next()
    });
    let folder = held.await.unwrap().expect("the client holds a plane");
    assert!(
        processes_of(&folder).len() >= 4,
        "{:?}",
        processes_of(&folder)
    );
    let started = std::time::Instant::now();
    client.kill().unwrap();
    client.wait().unwrap();
    gone(&folder).await;
    println!("all gone {:?} after SIGKILL", started.elapsed());
}

/// The client that `nothing_is_left_when_the_client_is_killed` kills.
async fn holds_a_plane() {
    let binaries = programs();
    let cluster = LocalCluster::start(options(binaries)).await.unwrap();
    // On a line of its own, whatever stands on the last one.
    println!("\nholding {}", folder_of(&cluster).display());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    cluster.stop().await.unwrap();
}

fn main() {
    let without = trials![async
        a_component_that_dies_at_start_shows_its_own_last_lines_and_nothing_is_left,
        an_api_server_that_never_gets_ready_is_told_with_what_was_seen_of_it,
        a_program_that_is_not_there_is_named,
    ];
    let client = trials![async holds_a_plane].into_iter();
    let client = client.map(|trial| trial.with_kind("a client").with_ignored_flag(true));
    let with = trials![async
        a_plane_runs_deployments_and_admits_their_pods_with_a_token,
        a_minted_client_certificate_is_its_users_identity_and_a_front_proxys_is_not,
        a_stream_leads_to_a_services_port_and_says_so_when_nothing_is_there,
        a_type_of_custom_resources_is_served_when_the_start_returns,
        a_detached_plane_lives_until_it_is_taken_down,
        a_detached_plane_ends_by_itself_when_its_time_is_over,
        a_plane_ends_with_its_outermost_process_and_reap_removes_its_files,
        nothing_is_left_when_the_client_is_killed,
    ];
    setpoint_test_support::run(
        without.into_iter().chain(client).collect(),
        with,
        provision::find(&provision::Options::from_env()),
    );
}
