//! Pods that the process kubelet runs on a real control plane.
//!
//! Needs etcd, kube-apiserver and kube-controller-manager where `provision::find` looks; tests that miss them
//! are ignored with that reason, unless `SETPOINT_REQUIRE=local` makes it a failure. All tests share one plane, each
//! has a namespace of its own; the plane ends with this process.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

mod namespace;
mod network;

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};
use kube::Api;
use kube::api::{DeleteParams, LogParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use serde_json::{Value, json};
use setpoint_cluster::{Cluster, Target, provision};
use setpoint_test_support::trials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{interval, timeout};

use namespace::*;
use network::*;

/// Serves `hello` on port 8080 by HTTP, but `503` as long as `/gate/open` isn't there.
const SERVER: &str = r#"
use IO::Socket::INET;
$| = 1;
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 16, ReuseAddr => 1) or die $!;
print "serving\n";
while (my $c = $s->accept) {
  while (my $l = <$c>) { last if $l =~ /^\r?\n$/ }
  my $code = -e "/gate/open" ? "200 OK" : "503 Service Unavailable";
  print $c "HTTP/1.1 $code\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
  close $c;
}
"#;

async fn get(namespace: &TestNamespace, target: Target) -> String {
    let mut stream = namespace.cluster.connect(&target, 8080).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn a_deployment_serves_once_its_readiness_probe_succeeds() {
    in_namespace("probed", |namespace| async move {
        let gate = json!({"metadata": {"name": "gate"}, "data": {}});
        namespace.create::<ConfigMap>(gate).await;
        let template = json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "app", "image": PERL, "args": ["-e", SERVER],
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
                    "volumeMounts": [{"name": "gate", "mountPath": "/gate"}],
                }],
                "volumes": [{"name": "gate", "configMap": {"name": "gate"}}],
            },
        });
        let spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template});
        namespace
            .create::<Deployment>(json!({"metadata": {"name": "web"}, "spec": spec}))
            .await;
        let ports = json!([{"port": 8080}]);
        let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}});
        namespace.create::<Service>(service).await;

        namespace
            .event(&[
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            ])
            .await;
        let service = Target::Service {
            namespace: "probed".to_owned(),
            name: "web".to_owned(),
        };
        let refused = namespace
            .cluster
            .connect(&service, 8080)
            .await
            .err()
            .unwrap();
        assert!(
            refused.to_string().contains("connection refused"),
            "{refused}"
        );

        let open = Patch::Merge(json!({"data": {"open": "yes"}}));
        let maps = namespace.api::<ConfigMap>();
        maps.patch("gate", &PatchParams::default(), &open)
            .await
            .unwrap();
        let available = |deployment: Option<&Deployment>| {
            let status = deployment.and_then(|deployment| deployment.status.as_ref());
            status.and_then(|status| status.available_replicas) == Some(1)
        };
        namespace.until("web", "is available", available).await;
        let mut checks = interval(Duration::from_millis(50));
        let answer = timeout(LIMIT, async {
            loop {
                checks.tick().await;
                if namespace.cluster.connect(&service, 8080).await.is_ok() {
                    return get(&namespace, service.clone()).await;
                }
            }
        });
        let answer = answer.await.expect("the Service answers");
        assert!(answer.ends_with("hello"), "{answer}");
    });
}

fn a_changed_config_map_appears_in_its_volume_by_a_swap() {
    in_namespace("swapped", |namespace| async move {
        let map = json!({"metadata": {"name": "config"}, "data": {"key": "old"}});
        namespace.create::<ConfigMap>(map).await;
        let script = "readlink /config/key; readlink /config/..data; cat /config/key; echo; echo waiting; \
            until [ \"$(cat /config/key)\" = new ]; do sleep 0.05; done; readlink /config/..data";
        let volumes = json!({"volumes": [{"name": "config", "configMap": {"name": "config"}}]});
        let mounts = json!({"volumeMounts": [{"name": "config", "mountPath": "/config"}]});
        namespace.script("reader", script, volumes, mounts).await;
        let pods = namespace.api::<Pod>();
        namespace.logged("reader", "waiting").await;
        let new = Patch::Merge(json!({"data": {"key": "new"}}));
        let maps = namespace.api::<ConfigMap>();
        maps.patch("config", &PatchParams::default(), &new)
            .await
            .unwrap();
        namespace.succeeded("reader").await;
        let log = pods.logs("reader", &LogParams::default()).await.unwrap();
        let lines: Vec<_> = log.lines().collect();
        assert_eq!((lines[0], lines[2]), ("..data/key", "old"), "{log}");
        assert_ne!(lines[1], lines[4], "the data folder is another one: {log}");
    });
}

fn a_refused_field_fails_the_pod_and_is_named() {
    in_namespace("refused", |namespace| async move {
        namespace
            .script("host", "true", json!({"hostNetwork": true}), json!({}))
            .await;
        let failed = |pod: Option<&Pod>| phase(pod) == Some("Failed");
        let status = namespace
            .until("host", "fails", failed)
            .await
            .status
            .unwrap();
        assert_eq!(status.reason.as_deref(), Some("SetpointUnsupportedField"));
        assert!(status.message.unwrap().contains("spec.hostNetwork"));
        namespace
            .event(&["host SetpointUnsupportedField", "spec.hostNetwork"])
            .await;
    });
}

fn a_projected_token_is_mounted_and_renewed_at_once_when_asked() {
    in_namespace("tokens", |namespace| async move {
        let script = "cd /var/run/secrets/kubernetes.io/serviceaccount; cat namespace ca.crt; first=$(cat token); \
            test -n \"$first\"; until [ \"$(cat token)\" != \"$first\" ]; do sleep 0.05; done";
        namespace
            .script("token", script, json!({}), json!({}))
            .await;
        // Asked again and again, because the script may not have read the first one yet.
        let renewals = async {
            let mut again = interval(Duration::from_millis(1100));
            loop {
                again.tick().await;
                namespace.cluster.renew_tokens().await.unwrap();
            }
        };
        tokio::select! {
            () = renewals => {}
            _ = namespace.succeeded("token") => {}
        }
        let log = namespace
            .api::<Pod>()
            .logs("token", &LogParams::default())
            .await
            .unwrap();
        assert!(
            log.starts_with("tokens-----BEGIN CERTIFICATE-----"),
            "{log}"
        );
    });
}

fn a_deleted_pod_gets_sigterm_and_the_time_to_answer_it() {
    in_namespace("sigterm", |namespace| async move {
        let script =
            "trap 'echo terminated; exit 7' TERM; echo armed; while true; do sleep 0.05; done";
        let more = json!({"terminationGracePeriodSeconds": 25});
        namespace.script("polite", script, more, json!({})).await;
        namespace.logged("polite", "armed").await;
        let pods = namespace.api::<Pod>();
        let ended = |pod: Option<&Pod>| terminated(pod).is_some();
        let waiting = namespace.until("polite", "has ended", ended);
        let gracefully = DeleteParams::default();
        let deleting = pods.delete("polite", &gracefully);
        let (pod, deleted) = tokio::join!(waiting, deleting);
        deleted.unwrap();
        assert_eq!(terminated(Some(&pod)).unwrap().exit_code, 7);
        let uid = pod.metadata.uid.unwrap();
        let gone = await_condition(pods, "polite", conditions::is_deleted(&uid));
        timeout(LIMIT, gone)
            .await
            .expect("the pod is removed")
            .unwrap();
    });
}

fn a_failed_liveness_probe_restarts_the_container() {
    in_namespace("liveness", |namespace| async move {
        let probe = json!({"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 5});
        let always = json!({"restartPolicy": "Always", "terminationGracePeriodSeconds": 0});
        let script = "trap 'exit 3' TERM; echo up; while true; do sleep 0.05; done";
        namespace
            .script("ill", script, always, json!({"livenessProbe": probe}))
            .await;
        let restarted = |pod: Option<&Pod>| restarts(pod) >= 1;
        let pod = namespace.until("ill", "is restarted", restarted).await;
        let status = pod.status.unwrap().container_statuses.unwrap().remove(0);
        assert_eq!(status.last_state.unwrap().terminated.unwrap().exit_code, 3);
        namespace
            .event(&["ill Unhealthy", "Liveness probe failed: dial tcp"])
            .await;
        namespace
            .event(&["ill Killing", "failed liveness probe, will be restarted"])
            .await;
        let previous = LogParams {
            previous: true,
            ..LogParams::default()
        };
        let log = namespace.api::<Pod>().logs("ill", &previous).await.unwrap();
        assert_eq!(log, "up\n");
    });
}

fn a_container_that_keeps_failing_is_backed_off() {
    in_namespace("crashing", |namespace| async move {
        let always = json!({"restartPolicy": "Always"});
        namespace.script("crash", "exit 5", always, json!({})).await;
        let backed_off = |pod: Option<&Pod>| waiting_reason(pod) == Some("CrashLoopBackOff");
        let pod = namespace.until("crash", "is backed off", backed_off).await;
        assert_eq!(
            (phase(Some(&pod)), restarts(Some(&pod))),
            (Some("Running"), 1)
        );
        namespace
            .event(&[
                "crash BackOff",
                "Back-off restarting failed container app in pod crash_crashing",
            ])
            .await;
    });
}

fn a_pod_waits_for_a_missing_secret_and_says_so() {
    in_namespace("secrets", |namespace| async move {
        let volumes = json!({"volumes": [{"name": "s", "secret": {"secretName": "late", "defaultMode": 0o400}}]});
        let mounts = json!({"volumeMounts": [{"name": "s", "mountPath": "/s", "readOnly": true}]});
        let script =
            "test \"$(cat /s/key)\" = value; test \"$(stat -Lc %a /s/key)\" = 400; ! touch /s/new";
        namespace.script("waits", script, volumes, mounts).await;
        namespace
            .event(&[
                "waits FailedMount",
                "MountVolume.SetUp failed for volume \"s\" : secret \"late\" not found",
            ])
            .await;
        let pod = namespace.api::<Pod>().get("waits").await.unwrap();
        assert_eq!(
            (phase(Some(&pod)), waiting_reason(Some(&pod))),
            (Some("Pending"), Some("ContainerCreating"))
        );
        let secret = json!({"metadata": {"name": "late"}, "stringData": {"key": "value"}});
        namespace.create::<Secret>(secret).await;
        namespace.succeeded("waits").await;
    });
}

fn a_container_has_the_user_the_root_and_the_environment_that_it_asks_for() {
    in_namespace("inside", |namespace| async move {
        namespace
            .create::<ConfigMap>(json!({"metadata": {"name": "env"}, "data": {"FROM": "map"}}))
            .await;
        let env = json!([
            {"name": "A", "value": "$(FROM)-$$(FROM)"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "FROM"}}},
            {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        ]);
        let container = json!({
            "resources": {"limits": {"memory": "48Mi"}},
            "env": env, "envFrom": [{"configMapRef": {"name": "env"}}],
            "securityContext": {"runAsUser": 1234, "runAsGroup": 5678, "readOnlyRootFilesystem": true,
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}, {"name": "own", "mountPath": "/own"}],
        });
        let own = json!({"items": [
            {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
            {"path": "memory", "resourceFieldRef": {"containerName": "app", "resource": "limits.memory"}},
        ]});
        let more = json!({"volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "own", "downwardAPI": own}]});
        // The kubelet expands the script too: `$$` is one dollar.
        let script = r#"
            set -x
            test "$A" = 'map-$$(FROM)'; test "$KEY" = map; test "$NODE" = setpoint
            test "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT" = 10.96.0.1:443
            test "$(cat /own/name)" = inside-pod
            test "$MEMORY" = 48; test "$(cat /own/memory)" = 50331648
            test "$(id -u):$(id -g)" = 1234:5678; grep -q '^CapEff:.0*$' /proc/self/status
            grep -q "^NoNewPrivs:.1" /proc/self/status
            # `set -e` looks away from commands after `!`.
            denied() { if "$@"; then exit 9; fi; }
            denied touch /here; denied touch /tmp/here; denied touch /usr/here; touch /scratch/here
            test $$$$ = 1; test "$(hostname)" = inside-pod
            grep -q "^$IP.inside-pod$" /etc/hosts; grep -q kubernetes.default.svc.cluster.local /etc/hosts
            test -c /dev/null; test ! -e /home; test ! -e /etc/shadow; echo done > /dev/null
        "#;
        namespace
            .script("inside-pod", script, more, container)
            .await;
        namespace.succeeded("inside-pod").await;
    });
}

fn a_volume_may_lie_where_the_images_program_would_be() {
    in_namespace("entrypoint", |namespace| async move {
        let container = json!({
            "securityContext": {"readOnlyRootFilesystem": true},
            "volumeMounts": [{"name": "data", "mountPath": "/sh"}],
        });
        let more = json!({"volumes": [{"name": "data", "emptyDir": {}}]});
        let script = "touch /sh/here; grep -q ^/image/sh /proc/1/cmdline";
        namespace.script("shadowed", script, more, container).await;
        namespace.succeeded("shadowed").await;
    });
}

fn a_pod_of_unknown_images_is_ready_after_the_time_that_its_annotation_sets() {
    in_namespace("unknown", |namespace| async move {
        let pod = |name: &str, after: Value| {
            json!({
                "metadata": {"name": name, "annotations": {"setpoint.dev/ready-after": after}},
                "spec": {"containers": [{"name": "app", "image": "registry.example/unknown:v1"}], "hostNetwork": false},
            })
        };
        namespace.create::<Pod>(pod("soon", json!("0"))).await;
        namespace.create::<Pod>(pod("never", json!("3600"))).await;
        let ready = namespace.ready("soon").await;
        assert!(
            ready
                .status
                .unwrap()
                .pod_ip
                .unwrap()
                .starts_with("10.244.0.")
        );
        let running = |pod: Option<&Pod>| phase(pod) == Some("Running");
        let never = namespace.until("never", "is running", running).await;
        let ready = never.status.unwrap().conditions.unwrap();
        assert!(
            ready
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "False")
        );
        let pods = namespace.api::<Pod>();
        let uid = never.metadata.uid.unwrap();
        pods.delete("never", &DeleteParams::default())
            .await
            .unwrap();
        let gone = await_condition(pods, "never", conditions::is_deleted(&uid));
        timeout(LIMIT, gone)
            .await
            .expect("the pod is removed")
            .unwrap();
    });
}

fn a_program_that_is_not_there_is_a_start_error_with_its_name() {
    in_namespace("absent", |namespace| async move {
        let container = json!({"command": ["/no/such/program"], "args": []});
        namespace.script("absent", "", json!({}), container).await;
        let failed = |pod: Option<&Pod>| phase(pod) == Some("Failed");
        let pod = namespace.until("absent", "fails", failed).await;
        let ending = terminated(Some(&pod)).unwrap();
        assert_eq!(
            (ending.exit_code, ending.reason.as_deref()),
            (128, Some("StartError"))
        );
        let message = ending.message.as_deref().unwrap();
        assert!(message.contains("execute `/no/such/program`"), "{message}");
    });
}

fn a_dynamic_program_in_an_empty_root_fails_with_the_cure() {
    in_namespace("bare", |namespace| async move {
        let container = json!({"image": "test.example/bare:v1"});
        namespace.script("bare", "", json!({}), container).await;
        let failed = |pod: Option<&Pod>| phase(pod) == Some("Failed");
        let pod = namespace.until("bare", "fails", failed).await;
        let message = terminated(Some(&pod)).unwrap().message.clone().unwrap();
        assert!(
            message.contains("give its image the root `host-libraries`"),
            "{message}"
        );
    });
}

fn the_node_is_ready_and_leads_to_the_kubelets_server() {
    in_namespace("node", |namespace| async move {
        let nodes: Api<Node> = Api::all(namespace.client.clone());
        let status = nodes.get("setpoint").await.unwrap().status.unwrap();
        let endpoints = status.daemon_endpoints.unwrap();
        assert_eq!(endpoints.kubelet_endpoint.unwrap().port, 10250);
        let ready = status.conditions.unwrap();
        assert!(
            ready
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
        );
        let addresses = status.addresses.unwrap();
        assert!(
            addresses
                .iter()
                .any(|address| address.type_ == "InternalIP" && address.address == "172.30.0.2")
        );
    });
}

fn main() {
    setpoint_test_support::run(
        Vec::new(),
        trials![
            a_deployment_serves_once_its_readiness_probe_succeeds,
            a_changed_config_map_appears_in_its_volume_by_a_swap,
            a_refused_field_fails_the_pod_and_is_named,
            a_projected_token_is_mounted_and_renewed_at_once_when_asked,
            a_deleted_pod_gets_sigterm_and_the_time_to_answer_it,
            a_failed_liveness_probe_restarts_the_container,
            a_container_that_keeps_failing_is_backed_off,
            a_pod_waits_for_a_missing_secret_and_says_so,
            a_container_has_the_user_the_root_and_the_environment_that_it_asks_for,
            a_volume_may_lie_where_the_images_program_would_be,
            a_pod_of_unknown_images_is_ready_after_the_time_that_its_annotation_sets,
            a_program_that_is_not_there_is_a_start_error_with_its_name,
            a_dynamic_program_in_an_empty_root_fails_with_the_cure,
            the_gateways_mac_address_does_not_depend_on_the_pods_that_there_are,
            the_node_is_ready_and_leads_to_the_kubelets_server,
        ],
        provision::find(&provision::Options::from_env()),
    );
}
