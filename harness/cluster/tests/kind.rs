//! Backend `kind` keeps what the `Cluster` trait promises, on a real node. Takes a container engine and half a minute, so
//! `ci/kind` runs it and `cargo test` doesn't.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::PostParams;
use kube::runtime::conditions::is_pod_running;
use kube::runtime::wait::await_condition;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use setpoint_cluster::kind::{KindCluster, KindImage, KindOptions, KindProvider};
use setpoint_cluster::{
    Authority, Cluster, ClusterStatus, ImageRoot, LocalImage, MintRequest, Provider, Target,
};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

/// Says hello to whoever connects. No module is needed, so that the program and its libraries are enough.
const HELLO: &str = r#"socket(S,2,1,6); setsockopt(S,1,2,pack("l",1)); bind(S,pack("S n a4 x8",2,8080,"\0\0\0\0")) or die $!;
listen(S,9); while(accept(C,S)){ syswrite(C,"hello"); close(C) }"#;

/// Connects to an address of Services that none has, and says to whoever connects how that ended.
const NO_SERVICE: &str = r#"socket(S,2,1,6); $SIG{ALRM}="IGNORE"; alarm(10); $said = connect(S,pack("S n C4 x8",2,80,10,96,255,254)) ? "connected" : "$!";
close(S); socket(S,2,1,6); setsockopt(S,1,2,pack("l",1)); bind(S,pack("S n a4 x8",2,8080,"\0\0\0\0")) or die $!;
listen(S,9); while(accept(C,S)){ syswrite(C,$said); close(C) }"#;

fn options(name: &str) -> KindOptions {
    let mut options = KindOptions::new(name);
    options.images = vec![KindImage {
        references: vec!["example.org/perl:v1".to_owned()],
        image: LocalImage {
            program: "/usr/bin/perl".into(),
            root: ImageRoot::HostLibraries,
        },
        arguments: Vec::new(),
    }];
    options
}

async fn create<K>(api: Api<K>, object: Value)
where
    K: serde::de::DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// What is said until the other side ends the stream.
async fn heard(cluster: &KindCluster, to: &Target, port: u16) -> std::io::Result<String> {
    let mut stream = cluster
        .connect(to, port)
        .await
        .map_err(std::io::Error::other)?;
    let mut text = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await??;
    Ok(text)
}

#[tokio::test]
#[ignore = "takes a container engine, kind and half a minute; ci/kind runs it"]
async fn a_kind_cluster_runs_programs_is_reached_mints_and_leaves_nothing() {
    let cluster = KindCluster::start(options("test")).await.unwrap();
    let client = cluster.client();
    let pod = json!({
        "metadata": {"name": "hello", "labels": {"app": "hello"}},
        "spec": {"containers": [{"name": "hello", "image": "example.org/perl:v1", "args": ["-e", HELLO]}]},
    });
    create::<Pod>(Api::default_namespaced(client.clone()), pod).await;
    let stray = json!({
        "metadata": {"name": "stray"},
        "spec": {"containers": [{"name": "stray", "image": "example.org/perl:v1", "args": ["-e", NO_SERVICE]}]},
    });
    create::<Pod>(Api::default_namespaced(client.clone()), stray).await;
    let service = json!({
        "metadata": {"name": "hello"},
        "spec": {"selector": {"app": "hello"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    create::<Service>(Api::default_namespaced(client.clone()), service).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    for name in ["hello", "stray"] {
        let running = await_condition(pods.clone(), name, is_pod_running());
        timeout(Duration::from_secs(60), running)
            .await
            .unwrap()
            .unwrap();
    }

    let target = |is_service: bool| {
        let (namespace, name) = ("default".to_owned(), "hello".to_owned());
        if is_service {
            Target::Service { namespace, name }
        } else {
            Target::Pod { namespace, name }
        }
    };
    assert_eq!(
        heard(&cluster, &target(false), 8080).await.unwrap(),
        "hello"
    );
    assert_eq!(heard(&cluster, &target(true), 80).await.unwrap(), "hello");
    let stray = Target::Pod {
        namespace: "default".to_owned(),
        name: "stray".to_owned(),
    };
    assert_eq!(
        heard(&cluster, &stray, 8080).await.unwrap(),
        "Connection refused",
        "what no Service has doesn't leave the node"
    );
    let error = heard(&cluster, &target(false), 8081).await.unwrap_err();
    assert_eq!(
        error.kind(),
        std::io::ErrorKind::ConnectionRefused,
        "{error}"
    );
    let error = heard(&cluster, &target(true), 81).await.unwrap_err();
    assert!(error.to_string().contains("no ready endpoint"), "{error}");

    let groups = reviewed(&cluster).await;
    assert!(groups.contains(&"devs".to_owned()), "{groups:?}");

    let logs = cluster.component_logs().await;
    let has = |part: &str| {
        logs.iter()
            .any(|(name, log)| name.contains(part) && !log.is_empty())
    };
    assert!(has("kube-controller-manager") && has("kubelet"));
    assert!(cluster.kubeconfig().is_file());
    let kubeconfig = cluster.kubeconfig();
    let is_listed = async || {
        let listed = KindProvider::default().status().await.unwrap();
        listed.iter().any(|found| found.kubeconfig == kubeconfig)
    };
    assert!(is_listed().await);
    cluster.stop().await.unwrap();
    assert!(!kubeconfig.exists());
    assert!(!is_listed().await);
}

#[tokio::test]
#[ignore = "takes a container engine, kind and half a minute; ci/kind runs it"]
async fn a_node_that_does_not_come_up_is_told_with_its_cause_and_cure_and_leaves_nothing() {
    let mut nowhere = options("nowhere");
    nowhere.node_image = Some("example.invalid/node:v0".to_owned());
    let error = KindCluster::start(nowhere).await.unwrap_err().to_string();
    assert!(error.contains("example.invalid/node:v0"), "{error}");
    assert!(error.contains("SETPOINT_KIND_NODE_IMAGE"), "{error}");

    let mut hasty = options("hasty");
    // On a busy machine all of it may be there when `kind create` returns; no answer comes at once.
    hasty.ready_timeout = Duration::ZERO;
    let error = KindCluster::start(hasty).await.unwrap_err().to_string();
    assert!(error.contains("is not there after 0 s"), "{error}");
    assert!(error.contains("its node has Ready="), "{error}");
    assert!(error.contains("kubelet's last lines"), "{error}");

    let left = KindProvider::default().status().await.unwrap();
    let ours = |found: &&ClusterStatus| ["nowhere", "hasty"].contains(&found.name.as_str());
    assert_eq!(left.iter().find(ours), None);
}

/// The groups that the API server sees in a minted certificate.
async fn reviewed(cluster: &KindCluster) -> Vec<String> {
    let request = MintRequest {
        common_name: "jane".to_owned(),
        organizations: vec!["devs".to_owned(), "ops".to_owned()],
        flaw: None,
    };
    let minted = cluster.mint(Authority::Client, &request).await.unwrap();
    rustls_pki_types::CertificateDer::from_pem_slice(minted.certificate.as_bytes()).unwrap();
    let mut config = cluster.config();
    let base64 = |text: &str| {
        let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
        serde_json::to_value(bytes)
            .unwrap()
            .as_str()
            .map(str::to_owned)
    };
    config.auth_info = kube::config::AuthInfo {
        client_certificate_data: base64(&minted.certificate),
        client_key_data: base64(&minted.key).map(Into::into),
        ..Default::default()
    };
    let client = kube::Client::try_from(config).unwrap();
    let reviews: Api<SelfSubjectReview> = Api::all(client);
    let review = reviews
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .unwrap();
    let user = review.status.and_then(|status| status.user_info).unwrap();
    assert_eq!(user.username.as_deref(), Some("jane"));
    user.groups.unwrap_or_default()
}
