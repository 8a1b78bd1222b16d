//! A plane that stands for somebody else's cluster, and runs of `setpoint` on it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use kube::Api;
use kube::ResourceExt as _;
use kube::api::{DynamicObject, ListParams};
use kube::discovery::{Discovery, verbs};
use serde_json::json;
use setpoint::install::apply;
use setpoint::programs::Programs;
use setpoint::timeouts::Timeouts;
use setpoint_cluster::Cluster as _;
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::provision;
use tempfile::TempDir;

/// How long a run may take to come to what a test waits for.
const LIMIT: Duration = Duration::from_secs(120);
/// What comes and goes by itself.
const VOLATILE: [&str; 2] = ["Event", "Lease"];

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
    cluster: LocalCluster,
    programs: Programs,
    folder: TempDir,
}

impl Owned {
    pub(crate) async fn start() -> Self {
        let programs = Programs::find(None, &Timeouts::default()).await.unwrap();
        let binaries = provision::find(&provision::Options::from_env()).unwrap();
        let mut options = LocalOptions::new(binaries, programs.images().unwrap());
        options.plane_binary.clone_from(&programs.plane);
        let cluster = LocalCluster::start(options).await.unwrap();
        let theirs = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "of-others", "namespace": "default"},
            "spec": {"containers": [{"name": "a", "image": "example.org/a:v1"}]}});
        apply(&cluster.client(), &[theirs]).await.unwrap();
        Self {
            cluster,
            programs,
            folder: tempfile::tempdir().unwrap(),
        }
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
                found.extend(list.iter().map(named));
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

    fn named(&self) -> [String; 4] {
        let kubeconfig = self.cluster.kubeconfig();
        let file = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let context = file.current_context.unwrap();
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
        std::fs::write(self.folder.path().join("scenario.yaml"), scenario).unwrap();
        let mut command = self.command("run");
        command.args(["--cluster=existing", "--format=json", "scenario.yaml"]);
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

    pub(crate) fn ends_with(mut self, code: i32) -> String {
        let (ended, printed) = self.ended();
        assert_eq!(ended, Some(code), "{printed}\n{}", self.log);
        printed
    }
}
