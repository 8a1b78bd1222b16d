//! A plane that stands for somebody else's cluster, and runs of `setpoint` on it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::ResourceExt as _;
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::config::Kubeconfig;
use kube::discovery::{Discovery, verbs};
use serde_json::{Value, json};
use setpoint::install::apply;
use setpoint::programs::Programs;
use setpoint::timeouts::Timeouts;
use setpoint_cluster::Cluster as _;
use setpoint_cluster::existing::ExistingOptions;
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::provision;
use tempfile::TempDir;

/// How long a run may take to come to what a test waits for.
const LIMIT: Duration = Duration::from_secs(120);
/// What comes and goes by itself.
const VOLATILE: [&str; 2] = ["Event", "Lease"];

/// Whether the kube-controller-manager makes it some time after a plane has started: the accounts of its controllers, and in each namespace an account
/// and a ConfigMap. A run has no account in kube-system, and what is in its own namespaces ends with them, which are compared.
fn is_made_later(object: &str) -> bool {
    object.starts_with("ServiceAccount kube-system/")
        || object.starts_with("ServiceAccount ") && object.ends_with("/default")
        || object.starts_with("ConfigMap ") && object.ends_with("/kube-root-ca.crt")
}

/// An HPA on a metric of 40 and a target of 10, and then these steps.
pub(crate) fn scenario(steps: &str) -> String {
    format!(
        r#"
apiVersion: setpoint.dev/v1alpha1
scenario: an HPA scales on a cluster of others
needs: [custom-metrics, hpa]
metrics:
  - {{custom: queue_length, on: {{object: {{label: service, name: web}}}}, values: "40"}}
manifests:
  - {{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: default}}, spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}}}
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: web, namespace: default}}
    spec:
      selector: {{matchLabels: {{app: web}}}}
      template:
        metadata: {{labels: {{app: web}}}}
        spec: {{containers: [{{name: web, image: "example.org/web:v1"}}]}}
  - apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {{name: web, namespace: default}}
    spec:
      scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
      minReplicas: 1
      maxReplicas: 8
      metrics:
        - {{type: Object, object: {{describedObject: {{apiVersion: v1, kind: Service, name: web}}, metric: {{name: queue_length}}, target: {{type: AverageValue, averageValue: "10"}}}}}}
steps:
  - expect: {{hpa: {{name: web, condition: ScalingActive, status: "True"}}}}
{steps}"#
    )
}

/// Somebody else's cluster.
pub(crate) struct Owned {
    pub(crate) cluster: LocalCluster,
    pub(crate) programs: Programs,
    folder: TempDir,
    /// Who uses it; by default its owner.
    kubeconfig: PathBuf,
}

impl Owned {
    pub(crate) async fn start() -> Self {
        Self::of(Programs::find(None, &Timeouts::default()).await.unwrap()).await
    }

    /// With these programs behind the images of the product.
    pub(crate) async fn of(programs: Programs) -> Self {
        let binaries = provision::find(&provision::Options::from_env()).unwrap();
        let mut images = programs.images().unwrap();
        let adapter = images.resolve("ghcr.io/setpoint-dev/setpoint-adapter");
        let adapter = adapter.unwrap().clone();
        images.insert(
            "registry.k8s.io/prometheus-adapter/prometheus-adapter",
            adapter,
        );
        let mut options = LocalOptions::new(binaries, images);
        options.plane_binary.clone_from(&programs.plane);
        let cluster = LocalCluster::start(options).await.unwrap();
        let theirs = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "of-others", "namespace": "default"},
            "spec": {"containers": [{"name": "a", "image": "example.org/a:v1"}]}});
        apply(&cluster.client(), &[theirs]).await.unwrap();
        Self {
            kubeconfig: cluster.kubeconfig(),
            cluster,
            programs,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Lets it be used by a ServiceAccount that has this ClusterRole and no more.
    pub(crate) async fn used_with(&mut self, role: &Value) {
        let name = role["metadata"]["name"].as_str().unwrap();
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-public"}});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": "kube-public", "name": name}]});
        let client = self.cluster.client();
        apply(&client, &[role.clone(), account, binding])
            .await
            .unwrap();
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "kube-public");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let parameters = PostParams::default();
        let token = accounts.create_token_request(name, &parameters, &request);
        let token = token.await.unwrap().status.unwrap().token;
        let file = Kubeconfig::read_from(self.cluster.kubeconfig()).unwrap();
        let mut file = serde_json::to_value(file).unwrap();
        file["users"][0]["user"] = json!({"token": token});
        self.kubeconfig = self.folder.path().join(name);
        std::fs::write(&self.kubeconfig, file.to_string()).unwrap();
    }

    pub(crate) async fn stop(self) {
        self.cluster.stop().await.unwrap();
    }

    /// Every object of every kind, by name.
    pub(crate) async fn resources(&self) -> BTreeSet<String> {
        let client = self.cluster.client();
        let discovery = Discovery::new(client.clone()).run().await.unwrap();
        let mut found = BTreeSet::new();
        for group in discovery.groups() {
            for (resource, capabilities) in group.recommended_resources() {
                if !capabilities.supports_operation(verbs::LIST)
                    || VOLATILE.contains(&resource.kind.as_str())
                {
                    continue;
                }
                let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
                let list = api.list(&ListParams::default()).await.unwrap();
                let named = |object: &DynamicObject| {
                    let namespace = object.namespace().unwrap_or_default();
                    format!("{} {namespace}/{}", resource.kind, object.name_any())
                };
                let names = list.iter().map(named);
                found.extend(names.filter(|name| !is_made_later(name)));
            }
        }
        found
    }

    /// Nothing is there that was not, and nothing is gone.
    pub(crate) async fn is_as(&self, before: &BTreeSet<String>, after: &str) {
        let now = self.resources().await;
        let differ: Vec<&String> = now.symmetric_difference(before).collect();
        assert!(differ.is_empty(), "after {after}: {differ:#?}");
    }

    /// How it is used by the library.
    /// Ctrl-C, and SIGKILL with `reap`, leave nothing of a run that is in a step.
    pub(crate) async fn survives_interruption(
        &self,
        before: &BTreeSet<String>,
        step: &str,
        start: impl Fn() -> Run,
    ) {
        let mut run = start();
        run.until(step);
        run.signal("INT");
        run.ends_with(3);
        self.is_as(before, "Ctrl-C").await;

        let mut run = start();
        run.until(step);
        run.signal("KILL");
        run.ended();
        let left = self.resources().await;
        assert!(left.len() > before.len(), "nothing is left to be reaped");
        let reaped = self.reap();
        assert!(reaped.contains("its client is gone"), "{reaped}");
        self.is_as(before, "SIGKILL and `setpoint reap`").await;
    }

    pub(crate) fn options(&self) -> ExistingOptions {
        let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        ExistingOptions::new(self.kubeconfig.clone(), file.current_context.unwrap())
    }

    fn named(&self) -> [String; 4] {
        let ExistingOptions {
            kubeconfig,
            context,
            ..
        } = self.options();
        let kubeconfig = kubeconfig.display().to_string();
        [
            "--kubeconfig".to_owned(),
            kubeconfig,
            "--context".to_owned(),
            context,
        ]
    }

    fn command(&self, command: &str) -> Command {
        let mut started = Command::new(env!("CARGO_BIN_EXE_setpoint"));
        started
            .arg(command)
            .args(self.named())
            // Outside the checkout nothing is built.
            .current_dir(self.folder.path())
            .env("SETPOINT_ADAPTER_BIN", &self.programs.certs)
            .env("RUST_LOG", "setpoint::report=debug,warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        started
    }

    pub(crate) fn setpoint(&self, scenario: &str, arguments: &[&str]) -> Run {
        let path = self.folder.path().join("scenario.yaml");
        std::fs::write(&path, scenario).unwrap();
        self.run(&path, arguments)
    }

    /// A run of the scenarios in a file or folder.
    pub(crate) fn run(&self, path: &Path, arguments: &[&str]) -> Run {
        let mut command = self.command("run");
        command.args(["--cluster=existing", "--format=json"]);
        command.arg(path);
        let mut process = command.args(arguments).spawn().unwrap();
        let (sender, lines) = channel();
        let written = process.stderr.take().unwrap();
        std::thread::spawn(move || {
            let lines = BufReader::new(written).lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        Run {
            process,
            lines,
            log: String::new(),
        }
    }

    pub(crate) fn reap(&self) -> String {
        let output = self.command("reap").output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// A run that may still be going on.
pub(crate) struct Run {
    process: Child,
    lines: Receiver<String>,
    log: String,
}

impl Run {
    /// Waits until it says that it does something.
    pub(crate) fn until(&mut self, doing: &str) {
        loop {
            let Ok(line) = self.lines.recv_timeout(LIMIT) else {
                panic!("no `{doing}`:\n{}", self.log);
            };
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(doing) {
                return;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success(), "the run has ended");
    }

    /// Its end, and what it printed.
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        let mut printed = String::new();
        let mut output = self.process.stdout.take().unwrap();
        output.read_to_string(&mut printed).unwrap();
        let code = self.process.wait().unwrap().code();
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        (code, printed)
    }

    /// Its end, and what it logged.
    pub(crate) fn fails_with(mut self, code: i32) -> String {
        let (ended, printed) = self.ended();
        assert_eq!(ended, Some(code), "{printed}\n{}", self.log);
        self.log
    }

    pub(crate) fn ends_with(mut self, code: i32) -> String {
        let (ended, printed) = self.ended();
        assert_eq!(ended, Some(code), "{printed}\n{}", self.log);
        printed
    }
}

/// A report says which adapter ran on the cluster, and no program of this machine.
pub(crate) fn names_the_image_that_ran(report: &str) {
    let report: Value = serde_json::from_str(report).unwrap();
    assert!(report["adapter"]["path"].is_null(), "{report:#}");
    let images = report["adapter"]["images"].to_string();
    assert!(
        images.contains("ghcr.io/setpoint-dev/setpoint-adapter:v0.1.0"),
        "{images}"
    );
}
