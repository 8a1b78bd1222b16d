//! The images in containers, against a plane that they can reach. Where there is no engine, or it hasn't got them, this is
//! ignored with the reason; under `SETPOINT_REQUIRE=containers` it fails then. `ci/containers` builds what it takes.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

mod deployments;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use setpoint::containers::{AdapterImage, Engine, PrometheusImage, ReplayImage};
use setpoint::install::apply;
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::provision;
use setpoint_cluster::{Authority, Cluster, ImageRoot, ImageTable, LocalImage, MintRequest};
use setpoint_test_support::{TestAuthority, trials};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, Image};
use tokio::time::{Instant, interval};

/// How long any step may take that is not the start of a plane or container.
const LIMIT: Duration = Duration::from_secs(30);
const RULES: &str = r#"
rules:
  - seriesQuery: http_requests_total
    resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
    name: {matches: "^(.*)_total$", as: "${1}"}
    metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[5s])) by (<<.GroupBy>>)
"#;

/// A plane that containers reach, whose pods may be the sample application.
async fn plane(gateway: IpAddr) -> LocalCluster {
    let binaries = provision::find(&provision::Options::from_env()).unwrap();
    let mut images = ImageTable::default();
    let sample = LocalImage {
        program: env!("CARGO_BIN_EXE_setpoint").into(),
        root: ImageRoot::HostLibraries,
    };
    images.insert("ghcr.io/setpoint-dev/setpoint", sample);
    let mut options = LocalOptions::new(binaries, images);
    options.listen = SocketAddr::from((gateway, 0));
    LocalCluster::start(options).await.unwrap()
}

/// Scrapes pods as their annotations ask, through the API server: it is all that a container reaches of a plane.
fn scrape_config(cluster: &LocalCluster, admin: (&str, &str), ca: &str) -> String {
    let url = cluster.config().cluster_url.clone();
    let pod = "__meta_kubernetes_pod";
    let relabel = json!([
        {"source_labels": [format!("{pod}_annotation_prometheus_io_scrape")], "action": "keep", "regex": "true"},
        {
            "source_labels": ["__meta_kubernetes_namespace", format!("{pod}_name"), format!("{pod}_annotation_prometheus_io_port"),
                format!("{pod}_annotation_prometheus_io_path")],
            "regex": "(.+);(.+);(.+);(.+)", "target_label": "__metrics_path__",
            "replacement": "/api/v1/namespaces/$1/pods/$2:$3/proxy$4",
        },
        {"target_label": "__address__", "replacement": url.authority().unwrap().as_str()},
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": [format!("{pod}_name")], "target_label": "pod"},
    ]);
    json!({
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{
            "job_name": "pods", "scheme": "https",
            "tls_config": {"ca": ca, "cert": admin.0, "key": admin.1},
            "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": "/etc/prometheus/kubeconfig"}],
            "relabel_configs": relabel,
        }],
    })
    .to_string()
}

/// Two pods of the sample application, ready; their names.
async fn two_pods(client: &kube::Client) -> Vec<String> {
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": {
                    "prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"}},
                "spec": {"containers": [{
                    "name": "web", "image": "ghcr.io/setpoint-dev/setpoint:v0.1.0", "args": ["sample-app", "--listen=0.0.0.0:8080"],
                    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                }]},
            },
        },
    });
    apply(client, &[web]).await.unwrap();
    deployments::ready(client, "web", 2, LIMIT).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pods = pods.list(&ListParams::default()).await.unwrap();
    pods.iter().map(ResourceExt::name_any).collect()
}

/// A client that comes as the front proxy does, for a member of `system:masters`.
async fn front_proxy(cluster: &LocalCluster, ca: &str) -> reqwest::Client {
    let request = MintRequest {
        common_name: "front-proxy-client".to_owned(),
        organizations: Vec::new(),
        flaw: None,
    };
    let minted = cluster.mint(Authority::FrontProxy, &request).await.unwrap();
    let identity = format!("{}{}", minted.certificate, minted.key);
    let mut headers = http::HeaderMap::new();
    headers.insert("X-Remote-User", "jane".parse().unwrap());
    headers.insert("X-Remote-Group", "system:masters".parse().unwrap());
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes()).unwrap()])
        .identity(reqwest::Identity::from_pem(identity.as_bytes()).unwrap())
        .default_headers(headers)
        .no_proxy()
        .build()
        .unwrap()
}

/// The values by object that the adapter answers with, once they are as wanted.
async fn values(client: &reqwest::Client, url: &str, wanted: impl Fn(&[(String, f64)]) -> bool) {
    let deadline = Instant::now() + LIMIT;
    let mut tries = interval(Duration::from_millis(200));
    loop {
        tries.tick().await;
        let answer = client.get(url).send().await.unwrap();
        let list: Value = answer.json().await.unwrap();
        let value = |item: &Value| {
            let text = item["value"].as_str().unwrap();
            let milli = setpoint::quantity::milli(text).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "a few thousandths")]
            let value = milli as f64 / 1000.0;
            (
                item["describedObject"]["name"].as_str().unwrap().to_owned(),
                value,
            )
        };
        let values: Vec<_> = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(value)
            .collect();
        if wanted(&values) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{url}: not within {LIMIT:?}: {list}"
        );
    }
}

async fn memory_of<I: Image>(container: &ContainerAsync<I>) -> String {
    let engine = testcontainers::core::client::docker_client_instance()
        .await
        .unwrap();
    let inspected = engine
        .inspect_container(container.id(), None)
        .await
        .unwrap();
    let pid = inspected.state.unwrap().pid.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let rss = status.lines().find(|line| line.starts_with("VmRSS"));
    rss.unwrap_or("VmRSS: out of sight").replace('\t', " ")
}

/// Nothing of the way is replaced: the sample application in a plane, Prometheus in a container that scrapes it, the adapter in another one.
async fn the_adapters_image_serves_what_prometheus_image_scrapes_of_a_plane() {
    let engine = Engine::that_has(&IMAGES).await.unwrap();
    let cluster = plane(engine.gateway).await;
    let client = cluster.client();
    let pods = two_pods(&client).await;
    let load = |pod: &str, rate: f64| {
        let path = format!("/api/v1/namespaces/default/pods/{pod}:8080/proxy/load");
        let body = json!({"requestsPerSecond": rate}).to_string().into_bytes();
        http::Request::put(path).body(body).unwrap()
    };
    client.request_text(load(&pods[0], 10.0)).await.unwrap();
    client.request_text(load(&pods[1], 30.0)).await.unwrap();

    let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    let request = MintRequest {
        common_name: "prometheus".to_owned(),
        organizations: vec!["system:masters".to_owned()],
        flaw: None,
    };
    let admin = cluster.mint(Authority::Client, &request).await.unwrap();
    let ca = cluster.config().root_cert.clone().unwrap();
    let ca: String = ca.iter().map(|der| pem(der)).collect();
    let config = scrape_config(&cluster, (&admin.certificate, &admin.key), &ca);
    let prometheus =
        PrometheusImage::new(&config).with_file("/etc/prometheus/kubeconfig", &kubeconfig);
    let prometheus = prometheus.start().await.unwrap();
    let address = engine.address_of(&prometheus).await.unwrap();

    let ca = TestAuthority::default();
    let pair = ca.server("127.0.0.1");
    let url = format!("http://{address}:9090");
    let adapter = AdapterImage::new(&kubeconfig, RULES, &url, &pair.certificate, &pair.key);
    let adapter = adapter.start().await.unwrap();
    let port = adapter.get_host_port_ipv4(6443).await.unwrap();
    let at = format!(
        "https://127.0.0.1:{port}/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/http_requests?labelSelector=app%3Dweb"
    );
    let near = |value: f64, wanted: f64| (value - wanted).abs() < wanted / 10.0;
    let jane = front_proxy(&cluster, &ca.certificate()).await;
    values(&jane, &at, |values| {
        let of = |pod: &String| {
            values
                .iter()
                .find(|(name, _)| name == pod)
                .map(|(_, value)| *value)
        };
        values.len() == 2
            && of(&pods[0]).is_some_and(|value| near(value, 10.0))
            && of(&pods[1]).is_some_and(|value| near(value, 30.0))
    })
    .await;

    let nobody = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca.certificate().as_bytes()).unwrap()])
        .no_proxy()
        .build()
        .unwrap();
    assert_eq!(nobody.get(&at).send().await.unwrap().status(), 403);
    println!("the adapter's container: {}", memory_of(&adapter).await);
    adapter.rm().await.unwrap();
    prometheus.rm().await.unwrap();
    cluster.stop().await.unwrap();
}

/// The fake Prometheus alone: its script, a file of series beside it, another version, and faults by the control port.
async fn replays_image_plays_a_script_and_is_controlled() {
    let script = "series: [{series: 'load{pod=\"a\"}', values: '7', interval: 1, hold: true}]\nsources: [{file: more.om}]";
    let image = ReplayImage::new(script)
        .with_file("more.om", "depth 3\n# EOF\n")
        .with_argument("--prometheus-version=2.42");
    let prometheus = image.start().await.unwrap();
    let url = ReplayImage::url(&prometheus).await.unwrap();
    let control = ReplayImage::control_url(&prometheus).await.unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap();
    let ask = async |query: &str| {
        let asked = client
            .post(format!("{url}/api/v1/query"))
            .form(&[("query", query)]);
        let answer = asked.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (query, value) in [("load", "\"7\""), ("depth", "\"3\"")] {
        let (status, body) = ask(query).await;
        assert!(status == 200 && body.contains(value), "{query}: {body}");
    }
    let version = format!("{url}/api/v1/status/buildinfo");
    let version = client.get(version).send().await.unwrap();
    let version = version.text().await.unwrap();
    assert!(version.contains("2.42"), "{version}");
    let faults = client.put(format!("{control}/v1/faults"));
    let faults = faults.body(r#"[{"kind": "bare-error"}]"#);
    let answer = faults
        .header("Content-Type", "application/json")
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    assert_eq!(ask("load").await.0, 502);
    prometheus.rm().await.unwrap();
}

fn pem(der: &[u8]) -> String {
    // As Kubernetes writes bytes in JSON: base64.
    let text = json!(k8s_openapi::ByteString(der.to_vec()));
    let text = text.as_str().unwrap();
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

const IMAGES: [&str; 3] = [
    AdapterImage::REFERENCE,
    PrometheusImage::REFERENCE,
    ReplayImage::REFERENCE,
];

fn main() {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "containers");
    let missing = match provision::find(&provision::Options::from_env()) {
        Err(error) => Some(error.to_string()),
        Ok(_) => runtime
            .block_on(Engine::that_has(&IMAGES))
            .err()
            .map(|error| error.to_string()),
    };
    let missing = missing.filter(|_| !required);
    if let Some(reason) = &missing {
        eprintln!("no container is started: {reason}");
    }
    let trials = trials![async
        replays_image_plays_a_script_and_is_controlled,
        the_adapters_image_serves_what_prometheus_image_scrapes_of_a_plane,
    ];
    let kind = if missing.is_some() {
        "no containers"
    } else {
        ""
    };
    let trials = trials
        .into_iter()
        .map(|trial: Trial| trial.with_kind(kind).with_ignored_flag(missing.is_some()));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit()
}
