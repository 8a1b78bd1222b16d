use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use reqwest::{Certificate, Identity};
use setpoint_test_support::TestAuthority;

use super::*;

const LOG: &str = "\
2026-01-01T00:00:01.5Z stdout F one
2026-01-01T00:00:02.5Z stderr F two
2026-01-01T00:00:03.5Z stdout P thr
2026-01-01T00:00:03.6Z stdout F ee
2026-01-01T00:00:04.5Z stdout F four  spaces 
";

/// A node with one pod `default/web`, whose container `app` is in its second run.
struct Node {
    folder: tempfile::TempDir,
    address: SocketAddr,
    running: watch::Sender<bool>,
    authority: TestAuthority,
    shutdown: CancellationToken,
}

struct OnePod {
    path: PathBuf,
    running: watch::Receiver<bool>,
}

impl LogSource for OnePod {
    fn container_log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<ContainerLog, NoLog> {
        let (container, pod) = (container.to_owned(), pod.to_owned());
        match (namespace, pod.as_str(), container.as_str(), previous) {
            ("default", "web", "app", false) => Ok(ContainerLog {
                path: self.path.clone(),
                running: self.running.clone(),
            }),
            ("default", "web", "app", true) => Err(NoLog::Previous { container, pod }),
            ("default", "web", ..) => Err(NoLog::Container { container, pod }),
            _ => Err(NoLog::Pod(pod)),
        }
    }
}

impl Node {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let authority = TestAuthority::default();
        let files = ServingFiles {
            certificate: path("kubelet.crt"),
            key: path("kubelet.key"),
            client_ca: path("ca.crt"),
        };
        let serving = authority.server("127.0.0.1");
        fs::write(&files.certificate, serving.certificate).unwrap();
        fs::write(&files.key, serving.key).unwrap();
        fs::write(&files.client_ca, authority.certificate()).unwrap();
        fs::write(path("0.log"), LOG).unwrap();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (running, receiver) = watch::channel(true);
        let pod = OnePod {
            path: path("0.log"),
            running: receiver,
        };
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        // It is asked for pods only by a port-forward.
        let client = kube::Client::try_from(kube::Config::new(http::Uri::from_static(
            "http://127.0.0.1:9",
        )));
        let client = client.unwrap();
        tokio::spawn(async move { run(listener, &files, Arc::new(pod), client, until).await });
        Self {
            folder,
            address,
            running,
            authority,
            shutdown,
        }
    }

    /// A certificate of this name from this node's authority.
    fn identity(&self, common_name: &str) -> Identity {
        let client = self.authority.client(common_name);
        let pem = client.certificate + &client.key;
        Identity::from_pem(pem.as_bytes()).unwrap()
    }

    /// A client that trusts this node.
    fn client(&self, identity: Option<Identity>) -> reqwest::Client {
        let root = Certificate::from_pem(self.authority.certificate().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([root]).no_proxy();
        match identity {
            Some(identity) => client.identity(identity),
            None => client,
        }
        .build()
        .unwrap()
    }

    async fn request(&self, path: &str) -> reqwest::Response {
        let url = format!("https://{}{path}", self.address);
        let client = self.client(Some(self.identity(API_SERVER)));
        client.get(url).send().await.unwrap()
    }

    async fn logs(&self, query: &str) -> String {
        let path = format!("/containerLogs/default/web/app?{query}");
        let response = self.request(&path).await;
        assert_eq!(response.status(), 200, "{query}");
        response.text().await.unwrap()
    }

    fn append(&self, text: &str) {
        let mut log = File::options();
        let log = log.append(true).open(self.folder.path().join("0.log"));
        log.unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[tokio::test]
async fn a_log_is_what_the_container_wrote() {
    let node = Node::start().await;
    assert_eq!(node.logs("").await, "one\ntwo\nthree\nfour  spaces \n");
}

#[tokio::test]
async fn options_choose_lines_and_their_form() {
    let node = Node::start().await;
    for (query, expected) in [
        ("tailLines=2", "three\nfour  spaces \n"),
        ("tailLines=0", ""),
        ("tailLines=99", "one\ntwo\nthree\nfour  spaces \n"),
        ("sinceTime=2026-01-01T00:00:04Z", "four  spaces \n"),
        ("sinceSeconds=1", ""),
        ("limitBytes=6", "one\ntw"),
        ("stream=Stderr", "two\n"),
        (
            "timestamps=true&tailLines=2",
            "2026-01-01T00:00:03.5Z three\n2026-01-01T00:00:04.5Z four  spaces \n",
        ),
    ] {
        assert_eq!(node.logs(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn following_shows_whole_new_lines_until_the_run_is_over() {
    let node = Node::start().await;
    let path = "/containerLogs/default/web/app?follow=true&tailLines=1";
    let mut response = node.request(path).await;
    assert_eq!(response.chunk().await.unwrap().unwrap(), "four  spaces \n");
    node.append("2026-01-01T00:00:05Z stdout F five\n2026-01-01T00:00:06Z std");
    assert_eq!(response.chunk().await.unwrap().unwrap(), "five\n");
    node.append("out F six\n");
    node.running.send(false).unwrap();
    assert_eq!(response.text().await.unwrap(), "six\n");
}

#[tokio::test]
async fn what_has_no_log_is_said_with_a_kubelets_code() {
    let node = Node::start().await;
    for (path, status, words) in [
        ("default/db/app", 404, "pod \"db\" does not exist"),
        (
            "default/web/x",
            404,
            "container \"x\" not found in pod \"web\"",
        ),
        (
            "default/web/app?previous=true",
            400,
            "previous terminated container",
        ),
        (
            "default/web/app?tailLines=x",
            400,
            "tailLines=\"x\" is not a number",
        ),
    ] {
        let response = node.request(&format!("/containerLogs/{path}")).await;
        assert_eq!(response.status(), status, "{path}");
        let text = response.text().await.unwrap();
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(node.request("/healthz").await.text().await.unwrap(), "ok");
}

#[tokio::test]
async fn only_the_api_server_may_call() {
    let node = Node::start().await;
    let url = format!("https://{}/healthz", node.address);
    let jane = node.client(Some(node.identity("jane")));
    assert_eq!(jane.get(&url).send().await.unwrap().status(), 403);
    let nobody = node.client(None).get(&url).send().await;
    assert!(
        nobody.is_err(),
        "a caller without a certificate got an answer"
    );
    let elsewhere = Node::start().await.identity(API_SERVER);
    let stranger = node.client(Some(elsewhere)).get(&url).send().await;
    assert!(
        stranger.is_err(),
        "another authority's certificate was accepted"
    );
}
