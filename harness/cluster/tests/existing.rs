//! Backend `existing` on a plane that stands for somebody else's cluster: what it refuses, and that it leaves nothing.
//!
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use setpoint_cluster::existing::{ExistingOptions, ExistingProvider, rights};
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{
    Cluster, ControlPlaneOptions, Fault, Provider, ProviderError, ReapReason, StartOptions,
    provision,
};
use setpoint_test_support::trials;
use tempfile::TempDir;

/// A plane that is somebody else's.
async fn theirs(control_plane: ControlPlaneOptions) -> LocalCluster {
    let mut options = LocalOptions::default();
    options.plane_binary = Some(env!("CARGO_BIN_EXE_setpoint-plane").into());
    options.control_plane = control_plane;
    LocalCluster::start(options).await.unwrap()
}

fn context(kubeconfig: &Path) -> String {
    Kubeconfig::read_from(kubeconfig)
        .unwrap()
        .current_context
        .unwrap()
}

fn options(kubeconfig: PathBuf) -> ExistingOptions {
    let context = context(&kubeconfig);
    ExistingOptions::new(kubeconfig, context)
}

fn options_of(kubeconfig: PathBuf, context: &str) -> ExistingOptions {
    ExistingOptions::new(kubeconfig, context.to_owned())
}

fn provider(cluster: &LocalCluster) -> ExistingProvider {
    ExistingProvider::new(options(cluster.kubeconfig()))
}

fn start() -> StartOptions {
    let mut start = StartOptions::default();
    start.namespaces = ["default", "setpoint", "kube-system"]
        .map(str::to_owned)
        .into();
    start
}

fn told(error: &ProviderError) -> String {
    setpoint_support::error_chain(error)
}

/// The error of a lease that isn't given.
async fn refused(provider: &ExistingProvider) -> ProviderError {
    match provider.lease(&start()).await {
        Ok(_) => panic!("there is a lease"),
        Err(error) => error,
    }
}

async fn names<K>(api: Api<K>) -> BTreeSet<String>
where
    K: kube::Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let list = api.list(&ListParams::default()).await.unwrap();
    list.iter().map(kube::ResourceExt::name_any).collect()
}

async fn apply<K>(api: Api<K>, object: Value)
where
    K: kube::Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("owner").force();
    api.patch(name, &parameters, &Patch::Apply(&object))
        .await
        .unwrap();
}

fn api_service(labels: Value) -> Value {
    json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1beta1.custom.metrics.k8s.io", "labels": labels},
        "spec": {"group": "custom.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"namespace": "monitoring", "name": "prometheus-adapter"}}})
}

async fn a_run_has_labelled_namespaces_of_its_own_and_leaves_none() {
    // On a busy machine seconds pass until it is seen that an HPA was judged.
    let control_plane = ControlPlaneOptions {
        hpa_sync_period: Duration::from_secs(5),
        ..ControlPlaneOptions::default()
    };
    let cluster = theirs(control_plane).await;
    let namespaces: Api<Namespace> = Api::all(cluster.client());
    let before = names(namespaces.clone()).await;
    let provider = provider(&cluster);
    let lease = provider.lease(&start()).await.unwrap();
    let mut made = namespaces.list(&ListParams::default()).await.unwrap().items;
    made.retain(|namespace| !before.contains(&namespace.name_any()));
    assert_eq!(made.len(), 2, "{made:?}");
    for namespace in &made {
        assert!(namespace.name_any().starts_with("setpoint-"));
        for label in ["run", "expires", "owner"] {
            assert!(
                namespace
                    .labels()
                    .contains_key(&format!("setpoint.dev/{label}"))
            );
        }
    }
    let period = lease.cluster().facts().hpa_sync_period;
    assert!((2.5..10.0).contains(&period.as_secs_f64()), "{period:?}");
    // Its holder lives.
    assert_eq!(provider.reap().await.unwrap(), []);
    lease.give_back(true).await.unwrap();
    assert_eq!(names(namespaces).await, before);
    cluster.stop().await.unwrap();
}

async fn what_a_dead_process_left_is_reaped_and_what_is_not_ours_stays() {
    let cluster = theirs(ControlPlaneOptions::default()).await;
    let client = cluster.client();
    let lease = provider(&cluster).lease(&start()).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let ours = lease.cluster().placement().unwrap().selector();
    let mine = namespaces
        .list(&ListParams::default().labels(&ours))
        .await
        .unwrap();
    let owner = mine.items[0].labels()["setpoint.dev/owner"].clone();
    // The same number, but a process that started earlier.
    let (rest, _) = owner.rsplit_once('-').unwrap();
    let dead = format!("{rest}-1");
    for namespace in &mine {
        let patch = json!({"metadata": {"labels": {"setpoint.dev/owner": dead}}});
        let name = namespace.name_any();
        namespaces
            .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let labelled = json!({"setpoint.dev/run": "old", "setpoint.dev/expires": "20200101t0000"});
    let role = |name: &str, labels: &Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name, "labels": labels}});
    apply(roles.clone(), role("setpoint-old-reader", &labelled)).await;
    apply(roles.clone(), role("setpoint-of-others", &json!({}))).await;
    let services: Api<APIService> = Api::all(client.clone());
    apply(services.clone(), api_service(labelled)).await;

    let mut reaped = provider(&cluster).reap().await.unwrap();
    reaped.sort_by_key(|reaped| reaped.why == ReapReason::Expired);
    let why: Vec<ReapReason> = reaped.iter().map(|reaped| reaped.why).collect();
    assert_eq!(
        why,
        [ReapReason::ClientGone, ReapReason::Expired],
        "{reaped:?}"
    );
    assert!(
        namespaces
            .list(&ListParams::default().labels(&ours))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let roles = names(roles).await;
    assert!(roles.contains("setpoint-of-others") && !roles.contains("setpoint-old-reader"));
    assert!(
        !names(services)
            .await
            .contains("v1beta1.custom.metrics.k8s.io")
    );
    cluster.stop().await.unwrap();
}

/// A kubeconfig of a ServiceAccount that has this ClusterRole and no more.
async fn restricted(cluster: &LocalCluster, role: &Value) -> (TempDir, PathBuf) {
    let client = cluster.client();
    apply(Api::<ClusterRole>::all(client.clone()), role.clone()).await;
    let name = role["metadata"]["name"].as_str().unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "kube-public");
    apply(
        accounts.clone(),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
    )
    .await;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "namespace": "kube-public", "name": name}]});
    apply(Api::<ClusterRoleBinding>::all(client), binding).await;
    let request = TokenRequest {
        spec: Some(TokenRequestSpec::default()),
        ..TokenRequest::default()
    };
    let token = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await
        .unwrap();
    let mut file =
        serde_json::to_value(Kubeconfig::read_from(cluster.kubeconfig()).unwrap()).unwrap();
    file["users"][0]["user"] = json!({"token": token.status.unwrap().token});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, file.to_string()).unwrap();
    (folder, path)
}

fn role(installed: bool) -> Value {
    serde_saphyr::from_str(rights(installed)).unwrap()
}

async fn with_the_documented_rights_a_run_begins_and_with_one_less_the_error_names_it() {
    let cluster = theirs(ControlPlaneOptions::default()).await;
    let (_folder, path) = restricted(&cluster, &role(false)).await;
    let lease = ExistingProvider::new(options(path))
        .lease(&start())
        .await
        .unwrap();
    lease.give_back(true).await.unwrap();
    for (installed, rule, verb, named) in [
        (false, 0, "delete", "may not delete namespaces;"),
        (
            false,
            1,
            "create",
            "may not create configmaps, nor create pods, nor create secrets",
        ),
        (
            true,
            6,
            "patch",
            "may not patch horizontalpodautoscalers/status.autoscaling; bind ClusterRole `less`",
        ),
    ] {
        let mut less = role(installed);
        less["metadata"]["name"] = json!("less");
        let verbs = less["rules"][rule]["verbs"].as_array_mut().unwrap();
        verbs.retain(|one| one != verb);
        if verbs.is_empty() {
            less["rules"].as_array_mut().unwrap().remove(rule);
        }
        let (_folder, path) = restricted(&cluster, &less).await;
        let mut options = options(path);
        options.observes = installed;
        let error = ExistingProvider::new(options).check().await.unwrap_err();
        // The role that helps is the whole one.
        let whole = role(installed)["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let named = named.replace("`less`", &format!("`{whole}`"));
        assert!(told(&error).contains(&named), "{}", told(&error));
        assert_eq!(error.fault(), Fault::Cluster);
    }
    cluster.stop().await.unwrap();
}

async fn an_adapter_of_others_is_named_with_its_owner_and_stays() {
    let cluster = theirs(ControlPlaneOptions::default()).await;
    let mut observing = options(cluster.kubeconfig());
    observing.observes = true;
    let none = ExistingProvider::new(observing.clone())
        .check()
        .await
        .unwrap_err();
    assert!(
        told(&none).contains("nobody serves custom.metrics.k8s.io"),
        "{}",
        told(&none)
    );
    let services: Api<APIService> = Api::all(cluster.client());
    let labels = json!({"app.kubernetes.io/managed-by": "Flux"});
    apply(services.clone(), api_service(labels)).await;
    let before = names(Api::<Namespace>::all(cluster.client())).await;
    let error = refused(&provider(&cluster)).await;
    let expected = "APIService v1beta1.custom.metrics.k8s.io exists: Service monitoring/prometheus-adapter serves it; it is managed by Flux (written by owner";
    assert!(told(&error).contains(expected), "{}", told(&error));
    assert!(told(&error).contains("choose a cluster without an adapter"));
    ExistingProvider::new(observing).check().await.unwrap();
    assert_eq!(names(Api::<Namespace>::all(cluster.client())).await, before);
    assert!(
        names(services.clone())
            .await
            .contains("v1beta1.custom.metrics.k8s.io")
    );
    services
        .delete("v1beta1.custom.metrics.k8s.io", &DeleteParams::default())
        .await
        .unwrap();
    cluster.stop().await.unwrap();
}

async fn a_cluster_that_cannot_be_found_or_reached_is_told_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    // Nothing listens on the discard port.
    let text = "{apiVersion: v1, kind: Config, contexts: [{name: a, context: {cluster: a, user: a}}], \
        clusters: [{name: a, cluster: {server: 'https://127.0.0.1:9'}}], users: [{name: a, user: {token: x}}]}";
    std::fs::write(&path, text).unwrap();
    let check = async |path: &Path, context: &str| {
        let options = ExistingOptions::new(path.to_owned(), context.to_owned());
        let error = ExistingProvider::new(options).check().await.unwrap_err();
        (error.fault(), told(&error))
    };
    let (fault, error) = check(&path, "b").await;
    assert_eq!(fault, Fault::Caller);
    assert!(error.contains("has no context `b`; it has a"), "{error}");
    let (fault, error) = check(&path, "a").await;
    assert_eq!(fault, Fault::Cluster);
    assert!(
        error.contains("reach the API server of context `a` at https://127.0.0.1:9"),
        "{error}"
    );
    let (fault, error) = check(&folder.path().join("none"), "a").await;
    assert_eq!(fault, Fault::Caller);
    assert!(
        error.ends_with("none: No such file or directory (os error 2)"),
        "{error}"
    );
    assert_eq!(error.matches("os error").count(), 1, "{error}");
    std::fs::write(&path, "contexts: [").unwrap();
    let (fault, error) = check(&path, "a").await;
    assert_eq!(fault, Fault::Caller);
    assert!(error.contains("is no kubeconfig: "), "{error}");
    let started = ExistingProvider::default()
        .up("x", Duration::ZERO, &start())
        .await;
    assert_eq!(started.unwrap_err().fault(), Fault::Caller);
}

/// A kubeconfig of what answers these documents by path, and 404 else.
async fn answering(documents: &'static [(&'static str, &'static str)]) -> (TempDir, PathBuf) {
    let app = axum::Router::new().fallback(move |uri: http::Uri| async move {
        let found = documents.iter().find(|(path, _)| *path == uri.path());
        match found {
            Some((_, document)) => (http::StatusCode::OK, *document),
            None => (http::StatusCode::NOT_FOUND, "not here"),
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, contexts: [{{name: a, context: {{cluster: a, user: a}}}}], \
        clusters: [{{name: a, cluster: {{server: 'http://{address}'}}}}], users: [{{name: a, user: {{token: x}}}}]}}"
    );
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

async fn what_is_no_kubernetes_or_too_old_is_told_with_its_version() {
    const VERSION: &str = r#"{"major": "1", "minor": "19", "gitVersion": "v1.19.0", "gitCommit": "", "gitTreeState": "",
        "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}"#;
    const GROUPS: &str = r#"{"kind": "APIGroupList", "apiVersion": "v1", "groups": [
        {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]},
        {"name": "autoscaling", "versions": [{"groupVersion": "autoscaling/v1", "version": "v1"}]}]}"#;
    let refused = async |documents| {
        let (_folder, path) = answering(documents).await;
        let error = ExistingProvider::new(options_of(path, "a")).check().await;
        let error = error.unwrap_err();
        assert_eq!(error.fault(), Fault::Cluster);
        told(&error)
    };
    let error = refused(&[("/version", "<html>")]).await;
    assert!(
        error.contains("for its version; is it Kubernetes"),
        "{error}"
    );
    let error = refused(&[]).await;
    assert!(
        error.contains("for its version; is it Kubernetes"),
        "{error}"
    );
    let error = refused(&[("/version", VERSION), ("/apis", GROUPS)]).await;
    let expected = "is v1.19.0 and doesn't serve autoscaling/v2, apiregistration.k8s.io/v1; Kubernetes does since v1.23";
    assert!(error.contains(expected), "{error}");
}

async fn a_cluster_without_hpa_controller_is_said_to_have_none_and_nothing_is_left() {
    // One that syncs once an hour is none.
    let flags = ControlPlaneOptions {
        hpa_sync_period: Duration::from_secs(3600),
        ..ControlPlaneOptions::default()
    };
    let cluster = theirs(flags).await;
    let before = names(Api::<Namespace>::all(cluster.client())).await;
    let mut options = options(cluster.kubeconfig());
    options.judged_within = Duration::from_secs(4);
    let error = refused(&ExistingProvider::new(options)).await;
    assert!(
        told(&error).contains("judged no HPA within 4 s"),
        "{}",
        told(&error)
    );
    assert_eq!(names(Api::<Namespace>::all(cluster.client())).await, before);
    cluster.stop().await.unwrap();
}

async fn a_namespace_that_hangs_is_named_with_what_keeps_it() {
    let cluster = theirs(ControlPlaneOptions::default()).await;
    let mut options = options(cluster.kubeconfig());
    options.ended_within = Duration::from_secs(30);
    let lease = ExistingProvider::new(options)
        .lease(&start())
        .await
        .unwrap();
    let namespace = lease.cluster().placement().unwrap().namespace("default");
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client(), &namespace);
    let kept = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "finalizers": ["example.org/never"]}});
    apply(maps.clone(), kept).await;
    let error = lease.give_back(true).await.unwrap_err();
    let text = setpoint_support::error_chain(&error);
    assert!(text.contains(&format!("Namespace {namespace} (")), "{text}");
    assert!(text.contains("example.org/never"), "{text}");
    assert!(!text.contains("-setpoint ("), "{text}");
    cluster.stop().await.unwrap();
}

fn main() {
    setpoint_test_support::run(
        trials![async
            a_cluster_that_cannot_be_found_or_reached_is_told_with_what_helps,
            what_is_no_kubernetes_or_too_old_is_told_with_its_version,
        ],
        trials![async
            a_run_has_labelled_namespaces_of_its_own_and_leaves_none,
            what_a_dead_process_left_is_reaped_and_what_is_not_ours_stays,
            with_the_documented_rights_a_run_begins_and_with_one_less_the_error_names_it,
            an_adapter_of_others_is_named_with_its_owner_and_stays,
            a_cluster_without_hpa_controller_is_said_to_have_none_and_nothing_is_left,
            a_namespace_that_hangs_is_named_with_what_keeps_it,
        ],
        provision::find(&provision::Options::from_env()),
    );
}
