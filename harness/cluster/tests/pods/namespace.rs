//! The plane that the tests share, and a test's namespace on it.

use std::sync::LazyLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Event, Namespace, Pod, ServiceAccount};
use kube::api::{ListParams, LogParams, PostParams};
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, ImageRoot, ImageTable, LocalImage};
use tokio::runtime::Runtime;
use tokio::time::{interval, timeout};

/// How long anything may take that is not the start of the plane.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// An image with a shell, and one with perl, which can serve.
pub(crate) const SHELL: &str = "test.example/sh:v1";
pub(crate) const PERL: &str = "test.example/perl:v1";

pub(crate) struct Plane {
    runtime: Runtime,
    cluster: LocalCluster,
}

static PLANE: LazyLock<Plane> = LazyLock::new(|| {
    let mut images = ImageTable::default();
    for (name, program, root) in [
        ("test.example/sh", "/bin/sh", ImageRoot::HostLibraries),
        (
            "test.example/perl",
            "/usr/bin/perl",
            ImageRoot::HostLibraries,
        ),
        ("test.example/bare", "/bin/sh", ImageRoot::Empty),
    ] {
        let program = program.into();
        images.insert(name, LocalImage { program, root });
    }
    let mut options = LocalOptions::default();
    options.images = images;
    options.plane_binary = Some(env!("CARGO_BIN_EXE_setpoint-plane").into());
    let runtime = Runtime::new().unwrap();
    let cluster = runtime.block_on(LocalCluster::start(options)).unwrap();
    Plane { runtime, cluster }
});

/// Runs a test in a namespace of its own.
pub(crate) fn in_namespace<F: Future<Output = ()>>(
    name: &'static str,
    test: impl FnOnce(TestNamespace) -> F,
) {
    let plane = &*PLANE;
    plane.runtime.block_on(async {
        let client = plane.cluster.client();
        let namespace = json!({"metadata": {"name": name}});
        let namespace: Namespace = serde_json::from_value(namespace).unwrap();
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        let namespace = TestNamespace {
            client,
            namespace: name,
            cluster: &plane.cluster,
        };
        let there = |account: Option<&ServiceAccount>| account.is_some();
        namespace.until("default", "exists", there).await;
        test(namespace).await;
    });
}

pub(crate) struct TestNamespace {
    pub(crate) client: Client,
    pub(crate) namespace: &'static str,
    pub(crate) cluster: &'static LocalCluster,
}

impl TestNamespace {
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), self.namespace)
    }

    pub(crate) async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api()
            .create(&PostParams::default(), &object)
            .await
            .unwrap()
    }

    /// A pod of one container that runs a script in a shell and isn't started again.
    pub(crate) async fn script(
        &self,
        name: &str,
        script: &str,
        more: Value,
        container: Value,
    ) -> Pod {
        let mut spec = json!({"restartPolicy": "Never", "terminationGracePeriodSeconds": 5});
        merge(&mut spec, more);
        let mut only = json!({"name": "app", "image": SHELL, "args": ["-ec", script]});
        merge(&mut only, container);
        spec["containers"] = json!([only]);
        self.create(json!({"metadata": {"name": name}, "spec": spec}))
            .await
    }

    /// Waits for a condition; what was seen last is in the panic.
    pub(crate) async fn until<K>(&self, name: &str, what: &str, condition: impl Condition<K>) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned
            + Send
            + Serialize
            + 'static,
    {
        let waiting = await_condition(self.api::<K>(), name, condition);
        if let Ok(found) = timeout(LIMIT, waiting).await {
            return found.unwrap().unwrap();
        }
        let last = self.api::<K>().get_opt(name).await.unwrap();
        let last = serde_json::to_string_pretty(&last).unwrap();
        panic!(
            "{name}: {what} within {LIMIT:?}; last {last}\nevents: {:#?}",
            self.events().await
        );
    }

    pub(crate) async fn succeeded(&self, name: &str) -> Pod {
        let over = |pod: Option<&Pod>| matches!(phase(pod), Some("Succeeded" | "Failed"));
        let pod = self.until(name, "ends", over).await;
        let log = self.api::<Pod>().logs(name, &LogParams::default()).await;
        assert_eq!(
            phase(Some(&pod)),
            Some("Succeeded"),
            "log: {log:?} {:#?}",
            self.events().await
        );
        pod
    }

    pub(crate) async fn ready(&self, name: &str) -> Pod {
        self.until(name, "is Ready", is_ready).await
    }

    /// Waits until a pod's log contains `text`.
    pub(crate) async fn logged(&self, name: &str, text: &str) {
        let running = |pod: Option<&Pod>| phase(pod) == Some("Running");
        self.until(name, "is running", running).await;
        let pods = self.api::<Pod>();
        let mut checks = interval(Duration::from_millis(50));
        let logged = timeout(LIMIT, async {
            while !pods
                .logs(name, &LogParams::default())
                .await
                .unwrap()
                .contains(text)
            {
                checks.tick().await;
            }
        });
        logged.await.expect("the script's line in its log");
    }

    pub(crate) async fn events(&self) -> Vec<String> {
        let events = self
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap();
        let text = |event: Event| {
            let (reason, message) = (
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default(),
            );
            format!(
                "{} {reason}: {message}",
                event.involved_object.name.unwrap_or_default()
            )
        };
        events.items.into_iter().map(text).collect()
    }

    /// Waits for an event that contains all these words.
    pub(crate) async fn event(&self, words: &[&str]) {
        let mut checks = interval(Duration::from_millis(50));
        let seen = async {
            loop {
                checks.tick().await;
                let events = self.events().await;
                if events
                    .iter()
                    .any(|event| words.iter().all(|word| event.contains(word)))
                {
                    return;
                }
            }
        };
        if timeout(LIMIT, seen).await.is_err() {
            panic!(
                "an event with {words:?}; there are {:#?}",
                self.events().await
            );
        }
    }
}

pub(crate) fn is_ready(pod: Option<&Pod>) -> bool {
    let conditions = pod.and_then(|pod| pod.status.as_ref()?.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

pub(crate) fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

pub(crate) fn phase(pod: Option<&Pod>) -> Option<&str> {
    pod?.status.as_ref()?.phase.as_deref()
}

pub(crate) fn restarts(pod: Option<&Pod>) -> i32 {
    let statuses = pod.and_then(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    statuses.map_or(0, |statuses| {
        statuses.iter().map(|status| status.restart_count).sum()
    })
}

pub(crate) fn waiting_reason(pod: Option<&Pod>) -> Option<&str> {
    let status = pod?.status.as_ref()?.container_statuses.as_ref()?.first()?;
    status.state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}

pub(crate) fn terminated(pod: Option<&Pod>) -> Option<&ContainerStateTerminated> {
    let status = pod?.status.as_ref()?.container_statuses.as_ref()?.first()?;
    status.state.as_ref()?.terminated.as_ref()
}
