//! What a program with prometheus-adapter's flags needs to start: files, arguments, and the servers beside it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};

/// How long anything may take on a busy machine.
pub(crate) const IN_TIME: Duration = Duration::from_secs(120);

/// Serves on a free port of loopback until the runtime ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A port that nobody has in this moment. If somebody takes it in between, the program ends and the test says so.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Writes a configuration and a kubeconfig into a folder, and gives the arguments that name them, the serving pair
/// (`tls.crt` and `tls.key` there) and the address.
pub(crate) fn arguments(
    folder: &Path,
    config: &str,
    (prometheus, api_server): (SocketAddr, SocketAddr),
    port: u16,
) -> Vec<String> {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{api_server}")}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(folder.join("kubeconfig"), kubeconfig.to_string()).unwrap();
    std::fs::write(folder.join("config.yaml"), config).unwrap();
    let by_file = |flag: &str, name: &str| format!("--{flag}={}", folder.join(name).display());
    vec![
        by_file("config", "config.yaml"),
        by_file("tls-cert-file", "tls.crt"),
        by_file("tls-private-key-file", "tls.key"),
        by_file("lister-kubeconfig", "kubeconfig"),
        by_file("authentication-kubeconfig", "kubeconfig"),
        by_file("authorization-kubeconfig", "kubeconfig"),
        format!("--prometheus-url=http://{prometheus}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
    ]
}

/// The aggregated discovery of an API server that has pods and namespaces, for `/api` or `/apis`.
pub(crate) fn discovery(path: &str) -> Value {
    let resource = |name: &str, kind: &str, scope: &str| json!({"resource": name, "singularResource": "", "scope": scope, "verbs": ["get", "list"], "responseKind": {"group": "", "version": "v1", "kind": kind}});
    let resources = json!([
        resource("pods", "Pod", "Namespaced"),
        resource("namespaces", "Namespace", "Cluster")
    ]);
    let items = match path {
        "/api" => {
            json!([{"metadata": {}, "versions": [{"version": "v1", "resources": resources}]}])
        }
        _ => json!([]),
    };
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}
