//! What is expected of a pod: its status and the events on it by watch, its log for as long as nothing else is missing.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::LogParams;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Missed, Verdict, Wait, judge};
use crate::scenario::{ContainerExpectation, PodExpectation};

/// How often a log is read again that doesn't hold yet what it should: nobody tells of new lines.
const LOOKS: Duration = Duration::from_millis(250);
/// How much of a log is read.
const LOG_BYTES: i64 = 1 << 20;

/// Waits until a pod is as expected.
pub(super) async fn expect(
    client: &Client,
    expected: &PodExpectation,
    within: Duration,
) -> Result<(), Missed> {
    let wait = Wait::until(words(expected), within);
    wait.over(pictures(client, expected), |pods| {
        judge(pods.map_or(&[], Vec::as_slice), expected)
    })
    .await
}

/// The expectation in words.
pub(crate) fn words(expected: &PodExpectation) -> String {
    let labels: Vec<String> = expected
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut words = vec![format!("pod {}", labels.join(","))];
    words.extend(expected.phase.iter().map(|phase| format!("is {phase}")));
    words.extend(expected.ready.map(|ready| readiness(ready).to_owned()));
    if let Some(container) = &expected.container {
        let ContainerExpectation {
            name,
            ready,
            waiting,
            restarts,
            log,
        } = container;
        words.push(format!("has container {name}"));
        words.extend(ready.map(|ready| readiness(ready).to_owned()));
        words.extend(waiting.iter().map(|reason| format!("waiting by {reason}")));
        words.extend(restarts.map(|count| format!("restarted {count} times or more")));
        words.extend(log.iter().map(|line| format!("logging `{line}`")));
    }
    if let Some(event) = &expected.event {
        let message = event.message.as_deref().unwrap_or_default();
        words.push(format!("has event {} `{message}`", event.reason));
    }
    words.join(" ")
}

fn readiness(ready: bool) -> &'static str {
    if ready { "ready" } else { "not ready" }
}

/// A pod and all that is known of it.
#[derive(Debug, Clone)]
struct Picture {
    pod: Arc<Pod>,
    /// Reason and message of each event.
    events: Vec<(String, String)>,
    /// The container's log, once it is all that is still to be judged.
    log: Option<String>,
}

fn judge(pods: &[Picture], expected: &PodExpectation) -> Verdict {
    let mut problems = Vec::new();
    for picture in pods {
        let problem = status(picture, expected)
            .and_then(|()| event(picture, expected))
            .and_then(|()| log(picture, expected));
        match problem {
            Ok(()) => return Ok(()),
            Err(problem) => {
                let pod = judge::pod_in_words(&picture.pod);
                problems.push(format!("{pod}; {problem}"));
            }
        }
    }
    if problems.is_empty() {
        problems.push("there is no such pod".to_owned());
    }
    Err(problems.join("; "))
}

fn status(picture: &Picture, expected: &PodExpectation) -> Verdict {
    let status = picture.pod.status.clone().unwrap_or_default();
    if let Some(wanted) = &expected.phase
        && status.phase.as_ref() != Some(wanted)
    {
        return Err(format!("it isn't {wanted}"));
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let is_ready = conditions
        .iter()
        .any(|found| found.type_ == "Ready" && found.status == "True");
    if let Some(wanted) = expected.ready
        && is_ready != wanted
    {
        return Err(format!("it is {}", readiness(is_ready)));
    }
    let Some(wanted) = &expected.container else {
        return Ok(());
    };
    let statuses = status.container_statuses.unwrap_or_default();
    let Some(found) = statuses.iter().find(|found| found.name == wanted.name) else {
        return Err(format!("nothing is said of container {}", wanted.name));
    };
    if let Some(ready) = wanted.ready
        && found.ready != ready
    {
        return Err(format!("{} is {}", found.name, readiness(found.ready)));
    }
    let waiting = found.state.as_ref().and_then(|state| state.waiting.clone());
    let reason = waiting.and_then(|waiting| waiting.reason);
    if wanted.waiting.is_some() && reason != wanted.waiting {
        return Err(format!("{} waits by {reason:?}", found.name));
    }
    if wanted
        .restarts
        .is_some_and(|least| found.restart_count < least)
    {
        return Err(format!(
            "{} was restarted {} times",
            found.name, found.restart_count
        ));
    }
    Ok(())
}

fn event(picture: &Picture, expected: &PodExpectation) -> Verdict {
    let Some(wanted) = &expected.event else {
        return Ok(());
    };
    let words = wanted.message.as_deref().unwrap_or_default();
    let fits =
        |(reason, message): &(String, String)| *reason == wanted.reason && message.contains(words);
    if picture.events.iter().any(fits) {
        return Ok(());
    }
    let told: Vec<String> = picture
        .events
        .iter()
        .map(|(reason, message)| format!("{reason}: {message}"))
        .collect();
    Err(format!("its events are [{}]", told.join("; ")))
}

fn log(picture: &Picture, expected: &PodExpectation) -> Verdict {
    let container = expected.container.as_ref();
    let Some(words) = container.and_then(|container| container.log.as_deref()) else {
        return Ok(());
    };
    let Some(log) = &picture.log else {
        return Err("its log wasn't read yet".to_owned());
    };
    if log.lines().any(|line| line.contains(words)) {
        return Ok(());
    }
    let last = log.lines().rev().find(|line| !line.trim().is_empty());
    Err(match last {
        Some(last) => format!("its log ends in `{last}`"),
        None => "its log is empty".to_owned(),
    })
}

/// Pictures of all pods that may be meant, a new one whenever something changes.
fn pictures<'a>(
    client: &Client,
    expected: &'a PodExpectation,
) -> impl Stream<Item = watcher::Result<Option<Vec<Picture>>>> + 'a {
    stream::unfold(Camera::new(client, expected), |mut camera| async {
        Some((camera.next().await, camera))
    })
}

type Watched<K> = BoxStream<'static, watcher::Result<watcher::Event<K>>>;

struct Camera<'a> {
    expected: &'a PodExpectation,
    api: Api<Pod>,
    pods: Watched<Pod>,
    known: Store<Pod>,
    events: Watched<Event>,
    /// The uid of the pod, and what was told of it.
    told: Vec<(String, (String, String))>,
    looks: Interval,
}

impl<'a> Camera<'a> {
    fn new(client: &Client, expected: &'a PodExpectation) -> Self {
        let labels: Vec<String> = expected
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let api: Api<Pod> = Api::namespaced(client.clone(), &expected.namespace);
        let (known, writer) = reflector::store();
        let pods = watcher(
            api.clone(),
            watcher::Config::default().labels(&labels.join(",")),
        );
        let events: Api<Event> = Api::namespaced(client.clone(), &expected.namespace);
        let of_pods = watcher::Config::default().fields("involvedObject.kind=Pod");
        let mut looks = interval(LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            expected,
            api,
            pods: pods.default_backoff().reflect(writer).boxed(),
            known,
            events: watcher(events, of_pods).default_backoff().boxed(),
            told: Vec::new(),
            looks,
        }
    }

    /// The next picture: after a change, or because only the log is missing.
    async fn next(&mut self) -> watcher::Result<Option<Vec<Picture>>> {
        loop {
            let only_log =
                self.reads_log() && self.pictures().iter().any(|one| fits(one, self.expected));
            tokio::select! {
                Some(event) = self.pods.next() => {
                    event?;
                }
                Some(event) = self.events.next() => match event? {
                    watcher::Event::Apply(event) | watcher::Event::InitApply(event) => self.hear(event),
                    _ => continue,
                },
                _ = self.looks.tick(), if only_log => {}
            }
            let mut pictures = self.pictures();
            if self.reads_log() {
                for picture in &mut pictures {
                    if fits(picture, self.expected) {
                        let log = log_of(&self.api, &picture.pod, self.expected).await;
                        picture.log = Some(log);
                    }
                }
            }
            return Ok(Some(pictures));
        }
    }

    fn hear(&mut self, event: Event) {
        let uid = event.involved_object.uid.unwrap_or_default();
        let told = (
            uid,
            (
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default(),
            ),
        );
        if !self.told.contains(&told) {
            self.told.push(told);
        }
    }

    fn pictures(&self) -> Vec<Picture> {
        let alive = |pod: &Arc<Pod>| pod.metadata.deletion_timestamp.is_none();
        let pods = self.known.state().into_iter().filter(alive);
        pods.map(|pod| {
            let uid = pod.uid().unwrap_or_default();
            let told = self.told.iter().filter(|(about, _)| *about == uid);
            Picture {
                events: told.map(|(_, told)| told.clone()).collect(),
                log: None,
                pod,
            }
        })
        .collect()
    }

    fn reads_log(&self) -> bool {
        let container = self.expected.container.as_ref();
        container.is_some_and(|container| container.log.is_some())
    }
}

/// Whether all but the log is as expected.
fn fits(picture: &Picture, expected: &PodExpectation) -> bool {
    status(picture, expected)
        .and_then(|()| event(picture, expected))
        .is_ok()
}

/// The log of the container's run before and of this one; where there is none, why.
async fn log_of(api: &Api<Pod>, pod: &Pod, expected: &PodExpectation) -> String {
    let container = expected.container.as_ref();
    let parameters = |previous: bool| LogParams {
        container: container.map(|container| container.name.clone()),
        limit_bytes: Some(LOG_BYTES),
        previous,
        ..LogParams::default()
    };
    let name = pod.name_any();
    // There is no run before, most of the time.
    let before = api.logs(&name, &parameters(true)).await;
    let now = match api.logs(&name, &parameters(false)).await {
        Ok(log) => log,
        Err(error) => format!("no log: {error}"),
    };
    format!("{}\n{now}", before.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::slice;

    use serde_json::{Value, json};

    use super::*;

    fn expected(value: Value) -> PodExpectation {
        serde_json::from_value(value).unwrap()
    }

    fn picture(state: Value, log: Option<&str>) -> Picture {
        let pod = json!({
            "metadata": {"name": "prometheus-1"},
            "status": {"phase": "Pending", "containerStatuses": [{
                "name": "adapter", "image": "adapter", "imageID": "", "ready": false, "restartCount": 1, "state": state,
            }]},
        });
        Picture {
            pod: Arc::new(serde_json::from_value(pod).unwrap()),
            events: vec![(
                "FailedMount".to_owned(),
                "secret \"serving\" not found".to_owned(),
            )],
            log: log.map(str::to_owned),
        }
    }

    #[test]
    fn everything_must_be_true_of_one_pod() {
        let wanted = expected(json!({
            "labels": {"app": "prometheus"}, "phase": "Pending", "ready": false,
            "container": {"name": "adapter", "ready": false, "waiting": "CrashLoopBackOff", "restarts": 1, "log": "config.yaml"},
            "event": {"reason": "FailedMount", "message": "not found"},
        }));
        let backed_off = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let good = picture(backed_off.clone(), Some("error: config.yaml\n"));
        assert_eq!(judge(slice::from_ref(&good), &wanted), Ok(()));

        let creating = picture(json!({"waiting": {"reason": "ContainerCreating"}}), None);
        let silent = picture(backed_off, Some("all is well\n\n"));
        let problem = judge(&[creating.clone(), silent], &wanted).unwrap_err();
        insta::assert_snapshot!(problem);
        assert_eq!(judge(&[creating, good], &wanted), Ok(()));
        assert_eq!(judge(&[], &wanted), Err("there is no such pod".to_owned()));
    }

    #[test]
    fn each_part_of_an_expectation_can_fail_it() {
        let running = picture(json!({"running": {}}), Some("hello"));
        for wrong in [
            json!({"phase": "Running"}),
            json!({"ready": true}),
            json!({"event": {"reason": "BackOff"}}),
            json!({"event": {"reason": "FailedMount", "message": "configmap"}}),
            json!({"container": {"name": "other", "ready": false}}),
            json!({"container": {"name": "adapter", "ready": true}}),
            json!({"container": {"name": "adapter", "waiting": "CrashLoopBackOff"}}),
            json!({"container": {"name": "adapter", "restarts": 2}}),
            json!({"container": {"name": "adapter", "log": "good bye"}}),
        ] {
            let mut wrong = wrong;
            wrong["labels"] = json!({"app": "prometheus"});
            let wanted = expected(wrong.clone());
            assert!(
                judge(slice::from_ref(&running), &wanted).is_err(),
                "{wrong}"
            );
        }
    }
}
