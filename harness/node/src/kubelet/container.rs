//! One container for the life of its pod: start, probe, restart, end.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::backoff::Restarts;
use super::env::{self, Variables};
use super::events::Severity;
use super::field::Facts;
use super::launch::Process;
use super::logs::Log;
use super::objects;
use super::plan::{ContainerPlan, MountPlan, RestartPolicy};
use super::probe::Kind;
use super::prober::{self, Target};
use super::stage::{ContainerSpec, Mount, Order};
use super::status::{Ending, Snapshot, State};
use super::variables::{names, variables};
use super::{Node, READY_AFTER};
use crate::image::LocalImage;

/// The kubelet's least time between SIGTERM and SIGKILL (`minimumGracePeriodInSeconds`).
const LEAST_GRACE: Duration = Duration::from_secs(2);
/// How soon a container whose configuration can't be read is tried again if nothing changes.
const CONFIGURATION_RETRY: Duration = Duration::from_secs(10);
/// The exit code of a container that could not be started, as containerd has it.
const START_ERROR: i32 = 128;
/// What container runtimes set where an image doesn't.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where a container runs.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) node: Arc<Node>,
    pub(super) pod: Arc<Pod>,
    pub(super) ip: Ipv4Addr,
    /// The process that holds the pod's namespaces; none if nothing of the pod really runs.
    pub(super) sandbox: Option<u32>,
    pub(super) host_name: String,
    pub(super) service_links: bool,
    pub(super) restart_policy: RestartPolicy,
    pub(super) grace: Duration,
    /// The time to end in, once the pod is to end.
    pub(super) stop: watch::Receiver<Option<Duration>>,
    pub(super) updates: mpsc::UnboundedSender<Snapshot>,
}

/// Runs one container until it won't be started again.
pub(super) async fn run(plan: ContainerPlan, around: Surroundings) {
    let image = around.node.config.images.resolve(&plan.image).cloned();
    let snapshot = Snapshot::creating(&plan.name, &plan.image);
    let mut container = Container {
        restarts: Restarts::new(around.node.config.restart_backoff),
        plan,
        around,
        snapshot,
    };
    match image {
        Some(image) => container.run(&image).await,
        None => container.simulate().await,
    }
}

struct Container {
    plan: ContainerPlan,
    around: Surroundings,
    snapshot: Snapshot,
    restarts: Restarts,
}

/// How long a container goes on after its run.
enum Next {
    Again,
    Over,
}

impl Container {
    /// What stands for a container whose image is unknown.
    async fn simulate(&mut self) {
        let annotation = self.around.pod.annotations().get(READY_AFTER);
        let after = annotation
            .and_then(|seconds| seconds.parse::<f64>().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or_default();
        self.snapshot.id = Some(self.id());
        self.snapshot.image_id = "unknown image".to_owned();
        self.snapshot.state = State::Running {
            since: Timestamp::now(),
        };
        self.snapshot.started = true;
        self.publish();
        let stopped = timeout(after, stopping(&mut self.around.stop)).await;
        if stopped.is_err() {
            self.snapshot.ready = true;
            self.publish();
            stopping(&mut self.around.stop).await;
        }
        self.ended(0, "Completed", None);
    }

    async fn run(&mut self, image: &LocalImage) {
        loop {
            let next = match self.configure(image).await {
                Some(spec) => self.run_once(&spec).await,
                None => Next::Over,
            };
            if matches!(next, Next::Over) || self.is_stopping() || !self.back_off().await {
                return;
            }
            self.snapshot.restarts = self.snapshot.restarts.saturating_add(1);
        }
    }

    /// The container's specification, as soon as all that it refers to is there; `None` if the pod ends before.
    async fn configure(&mut self, image: &LocalImage) -> Option<ContainerSpec> {
        let mut changes = self.around.node.changes.subscribe();
        loop {
            let why = match self.specification(image).await {
                Ok(spec) => return Some(spec),
                Err(why) => why,
            };
            self.tell(Severity::Warning, "Failed", format!("Error: {why}"));
            self.wait_as("CreateContainerConfigError", why);
            // Any change of a Secret or ConfigMap is a reason to try again, and so is time.
            let again = timeout(CONFIGURATION_RETRY, changes.recv());
            tokio::select! {
                _ = again => {}
                () = stopping(&mut self.around.stop) => return None,
            }
        }
    }

    async fn specification(&self, image: &LocalImage) -> Result<ContainerSpec, String> {
        let Self { plan, around, .. } = self;
        let sandbox = around.sandbox.ok_or("the pod has no sandbox")?;
        if plan.non_root && plan.user == Some(0) {
            return Err("container's runAsUser breaks non-root policy".to_owned());
        }
        let env = self.environment().await?;
        let expand = |texts: &[String]| -> Vec<String> {
            let known = |name: &str| env.get(name).map(String::as_str);
            texts.iter().map(|text| env::expand(text, known)).collect()
        };
        let entrypoint = entrypoint(&image.program, &plan.mounts);
        let mut argv = expand(&plan.command);
        if argv.is_empty() {
            argv.push(entrypoint.to_string_lossy().into_owned());
        }
        argv.extend(expand(&plan.args));
        let uid = around.pod.uid().unwrap_or_default();
        let paths = &around.node.config.paths;
        let (user, group) = plan.user_and_group();
        Ok(ContainerSpec {
            sandbox,
            root: paths.container(&uid, &plan.name).join("root"),
            image_root: image.root,
            program: image.program.clone(),
            entrypoint,
            argv,
            env,
            working_dir: plan.working_dir.clone().unwrap_or_else(|| "/".to_owned()),
            etc: paths.etc(&uid),
            mounts: plan
                .mounts
                .iter()
                .map(|mount| Mount {
                    source: paths.volume(&uid, &mount.volume),
                    target: mount.path.clone(),
                    read_only: mount.read_only,
                })
                .collect(),
            user,
            group,
            read_only_root: plan.read_only_root,
            no_new_privileges: plan.no_new_privileges,
        })
    }

    async fn environment(&self) -> Result<Variables, String> {
        let Self { plan, around, .. } = self;
        let client = &around.node.config.client;
        let namespace = around.pod.namespace().unwrap_or_default();
        let ask = |error: kube::Error| format!("read what the environment refers to: {error}");
        let objects = objects::read(client, &namespace, &names(plan))
            .await
            .map_err(ask)?;
        let services = objects::service_variables(client, &namespace, around.service_links)
            .await
            .map_err(ask)?;
        let facts = Facts {
            pod: &around.pod,
            pod_ip: Some(around.ip),
            node_ip: around.node.config.node_ip,
        };
        let mut env = variables(plan, &objects, &services, &facts)?;
        for (name, value) in [
            ("PATH", DEFAULT_PATH),
            ("HOSTNAME", &*around.host_name),
            ("HOME", "/"),
        ] {
            env.entry(name.to_owned())
                .or_insert_with(|| value.to_owned());
        }
        Ok(env)
    }

    async fn run_once(&mut self, spec: &ContainerSpec) -> Next {
        let uid = self.around.pod.uid().unwrap_or_default();
        let paths = &self.around.node.config.paths;
        let log = paths.log(&uid, &self.plan.name, self.snapshot.restarts);
        let folders = std::fs::create_dir_all(&spec.root);
        let log = match folders.and_then(|()| Log::create(&log)) {
            Ok(log) => log,
            Err(error) => {
                return self.not_started(&format!("open log {}: {error}", log.display()));
            }
        };
        let (running, receiver) = watch::channel(true);
        let pod = &self.around.pod;
        self.around.node.config.registry.runs(
            &pod.namespace().unwrap_or_default(),
            &pod.name_any(),
            &self.plan.name,
            receiver,
        );
        let process = match Process::start(spec, log).await {
            Ok(process) => process,
            Err(why) => return self.not_started(&why),
        };
        self.started(Timestamp::now(), program_id(&spec.program));
        self.tell(Severity::Normal, "Started", "Container started");
        let code = self.follow(process).await;
        // The log is whole now; whoever follows it may stop.
        running.send_replace(false);
        let reason = if code == 0 { "Completed" } else { "Error" };
        self.ended(code, reason, None);
        self.next(code)
    }

    fn not_started(&mut self, why: &str) -> Next {
        self.tell(Severity::Warning, "Failed", format!("Error: {why}"));
        let now = Timestamp::now();
        self.snapshot.id = Some(self.id());
        self.snapshot.state = State::Running { since: now };
        self.ended(START_ERROR, "StartError", Some(why.to_owned()));
        self.next(START_ERROR)
    }

    fn next(&self, code: i32) -> Next {
        if self.around.restart_policy.restarts(code) {
            Next::Again
        } else {
            Next::Over
        }
    }

    /// Probes a running container and ends it when that is due; its exit code.
    async fn follow(&mut self, mut process: Process) -> i32 {
        let (verdicts, mut verdict) = mpsc::channel(8);
        let (started, is_started) = watch::channel(self.snapshot.started);
        let _probes = self.spawn_probes(&verdicts, &is_started);
        loop {
            tokio::select! {
                code = process.ended() => return code,
                () = stopping(&mut self.around.stop) => return self.end(&mut process, None).await,
                Some((kind, good)) = verdict.recv() => match (kind, good) {
                    (Kind::Readiness, ready) => {
                        self.snapshot.ready = ready;
                        self.publish();
                    }
                    (Kind::Startup, true) => {
                        self.snapshot.started = true;
                        self.snapshot.ready = self.plan.readiness.is_none();
                        started.send_replace(true);
                        self.publish();
                    }
                    (Kind::Liveness, true) => {}
                    (Kind::Liveness | Kind::Startup, false) => {
                        return self.end_unhealthy(&mut process, kind).await;
                    }
                },
            }
        }
    }

    fn spawn_probes(
        &self,
        verdicts: &mpsc::Sender<(Kind, bool)>,
        started: &watch::Receiver<bool>,
    ) -> JoinSet<()> {
        let target = Target {
            pod: Arc::clone(&self.around.pod),
            container: self.plan.name.clone(),
            ip: self.around.ip,
            ports: self.plan.ports.clone(),
            since: Instant::now(),
            events: self.around.node.events.clone(),
        };
        let mut probes = JoinSet::new();
        for (kind, plan) in [
            (Kind::Startup, &self.plan.startup),
            (Kind::Readiness, &self.plan.readiness),
            (Kind::Liveness, &self.plan.liveness),
        ] {
            if let Some(plan) = plan.clone() {
                let (target, started) = (target.clone(), started.clone());
                probes.spawn(prober::run(kind, plan, target, started, verdicts.clone()));
            }
        }
        probes
    }

    async fn end_unhealthy(&mut self, process: &mut Process, kind: Kind) -> i32 {
        let name = &self.plan.name;
        let probe = kind.word().to_ascii_lowercase();
        let message = format!("Container {name} failed {probe} probe, will be restarted");
        self.tell(Severity::Normal, "Killing", message);
        let plan = match kind {
            Kind::Startup => &self.plan.startup,
            Kind::Readiness => &self.plan.readiness,
            Kind::Liveness => &self.plan.liveness,
        };
        let own = plan.as_ref().and_then(|plan| plan.termination_grace);
        let grace = own.unwrap_or(self.around.grace);
        self.end(process, Some(grace)).await
    }

    /// SIGTERM, and SIGKILL when the time is over: `grace`, or what the pod's end leaves, which may get shorter.
    async fn end(&mut self, process: &mut Process, grace: Option<Duration>) -> i32 {
        if self.is_stopping() {
            let message = format!("Stopping container {}", self.plan.name);
            self.tell(Severity::Normal, "Killing", message);
        }
        let begun = tokio::time::Instant::now();
        process.order(Order::Terminate).await;
        loop {
            let left = *self.around.stop.borrow_and_update();
            let limit = left.or(grace).unwrap_or_default().max(LEAST_GRACE);
            tokio::select! {
                code = process.ended() => return code,
                () = sleep_until(begun + limit) => break,
                Ok(()) = self.around.stop.changed() => {}
            }
        }
        process.order(Order::Kill).await;
        process.ended().await
    }

    /// Waits for the time of the next start; `false` if the pod ends before.
    async fn back_off(&mut self) -> bool {
        let wait = self.restarts.wait(Instant::now());
        if wait.is_zero() {
            return true;
        }
        let pod = &self.around.pod;
        let name = &self.plan.name;
        let whose = format!(
            "{name} in pod {}_{}({})",
            pod.name_any(),
            pod.namespace().unwrap_or_default(),
            pod.uid().unwrap_or_default()
        );
        let event = format!("Back-off restarting failed container {whose}");
        let message = format!(
            "back-off {} restarting failed container={whose}",
            go_duration(wait)
        );
        self.tell(Severity::Warning, "BackOff", event);
        self.wait_as("CrashLoopBackOff", message);
        timeout(wait, stopping(&mut self.around.stop))
            .await
            .is_err()
    }

    fn id(&self) -> String {
        let uid = self.around.pod.uid().unwrap_or_default();
        let (name, run) = (&self.plan.name, self.snapshot.restarts);
        format!("setpoint://{uid}/{name}/{run}")
    }

    fn started(&mut self, since: Timestamp, image_id: String) {
        self.snapshot.id = Some(self.id());
        self.snapshot.image_id = image_id;
        self.snapshot.state = State::Running { since };
        self.snapshot.started = self.plan.startup.is_none();
        self.snapshot.ready = self.snapshot.started && self.plan.readiness.is_none();
        self.publish();
    }

    fn ended(&mut self, exit_code: i32, reason: &'static str, message: Option<String>) {
        let finished = Timestamp::now();
        let started = match self.snapshot.state {
            State::Running { since } => since,
            _ => finished,
        };
        self.snapshot.state = State::Terminated(Ending {
            exit_code,
            reason,
            message,
            started,
            finished,
            id: self.id(),
        });
        self.snapshot.started = false;
        self.snapshot.ready = false;
        self.publish();
        if let State::Terminated(ending) = &self.snapshot.state {
            self.snapshot.last = Some(ending.clone());
        }
    }

    fn wait_as(&mut self, reason: &'static str, message: String) {
        let message = Some(message);
        self.snapshot.state = State::Waiting { reason, message };
        self.publish();
    }

    fn is_stopping(&self) -> bool {
        self.around.stop.borrow().is_some()
    }

    fn publish(&self) {
        // The pod's own task is gone only when the kubelet ends.
        let _ = self.around.updates.send(self.snapshot.clone());
    }

    fn tell(&self, severity: Severity, reason: &'static str, message: impl Into<String>) {
        let container = Some(self.plan.name.as_str());
        let events = &self.around.node.events;
        events.tell(&self.around.pod, container, severity, reason, message);
    }
}

/// Returns once the pod is to end.
async fn stopping(stop: &mut watch::Receiver<Option<Duration>>) {
    // An error means that the pod's own task has gone, which ends the container too.
    let _ = stop.wait_for(Option::is_some).await;
}

/// Where the image's program is in the container: `/<file name>`, and in a folder of its own where a volume takes that
/// place, as with Prometheus, which keeps its data in `/prometheus`.
fn entrypoint(program: &Path, mounts: &[MountPlan]) -> PathBuf {
    let name = program.file_name().unwrap_or_default();
    let usual = Path::new("/").join(name);
    if mounts
        .iter()
        .any(|mount| Path::new(&mount.path).starts_with(&usual))
    {
        Path::new("/image").join(name)
    } else {
        usual
    }
}

fn program_id(program: &Path) -> String {
    format!("program:{}", program.display())
}

/// `10s`, `2m40s`, as Go prints a duration.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        format!("{}ms", duration.as_millis())
    } else if seconds < 60 {
        format!("{seconds}s")
    } else {
        format!("{}m{}s", seconds / 60, seconds % 60)
    }
}
