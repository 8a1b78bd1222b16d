//! Events on pods, counted as the kubelet's recorder counts them: evidence that explains itself in `kubectl describe`.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;

/// How important an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Normal,
    Warning,
}

/// An event that is to be written.
#[derive(Debug)]
struct PendingEvent {
    about: ObjectReference,
    severity: Severity,
    reason: &'static str,
    message: String,
}

/// How many events may wait to be written. A node of tests writes a few a second.
const PENDING: usize = 1024;

/// Records events on pods. Events are evidence, not state: one that can't be written, or for which there is no room, is
/// logged and forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Recorder(mpsc::Sender<PendingEvent>);

impl Recorder {
    /// A recorder, and the task that writes what it records.
    pub(crate) fn new(
        client: Client,
        node_name: String,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, receiver) = mpsc::channel(PENDING);
        (Self(sender), write_all(client, node_name, receiver))
    }

    /// Records an event on a pod, or on one of its containers.
    pub(crate) fn record(
        &self,
        pod: &Pod,
        container: Option<&str>,
        severity: Severity,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let mut about = pod.object_ref(&());
        about.field_path = container.map(|name| format!("spec.containers{{{name}}}"));
        // The version would make each event a new one.
        about.resource_version = None;
        let event = PendingEvent {
            about,
            severity,
            reason,
            message: message.into(),
        };
        // The writer is gone only when the kubelet ends.
        if let Err(mpsc::error::TrySendError::Full(event)) = self.0.try_send(event) {
            let PendingEvent {
                reason, message, ..
            } = event;
            tracing::warn!(reason, message, "too many events wait; one is left out");
        }
    }
}

type Seen = HashMap<(Option<String>, Option<String>, &'static str, String), (String, i32)>;

async fn write_all(client: Client, host: String, mut pending: mpsc::Receiver<PendingEvent>) {
    let mut seen = Seen::new();
    let mut number = 0u64;
    while let Some(event) = pending.recv().await {
        let namespace = event.about.namespace.clone().unwrap_or_default();
        let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let key = (
            event.about.uid.clone(),
            event.about.field_path.clone(),
            event.reason,
            event.message.clone(),
        );
        let written = if let Some((name, count)) = seen.get_mut(&key) {
            *count = count.saturating_add(1);
            let again = json!({"count": count, "lastTimestamp": Time(Timestamp::now())});
            let (params, patch) = (PatchParams::default(), Patch::Merge(again));
            events.patch(name, &params, &patch).await.map(drop)
        } else {
            number += 1;
            let created = new_event(&event, &host, number);
            let name = created.metadata.name.clone().unwrap_or_default();
            seen.insert(key, (name, 1));
            events
                .create(&PostParams::default(), &created)
                .await
                .map(drop)
        };
        if let Err(error) = written {
            tracing::debug!(reason = event.reason, message = event.message, %error, "write an event");
        }
    }
}

fn new_event(event: &PendingEvent, host: &str, number: u64) -> Event {
    let now = Timestamp::now();
    let pod = event.about.name.as_deref().unwrap_or_default();
    let name = format!("{pod}.{:x}{number:04x}", now.as_millisecond());
    Event {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: event.about.namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: event.about.clone(),
        type_: Some(
            match event.severity {
                Severity::Normal => "Normal",
                Severity::Warning => "Warning",
            }
            .to_owned(),
        ),
        reason: Some(event.reason.to_owned()),
        message: Some(event.message.clone()),
        count: Some(1),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        source: Some(EventSource {
            component: Some("kubelet".to_owned()),
            host: Some(host.to_owned()),
        }),
        reporting_component: Some("kubelet".to_owned()),
        reporting_instance: Some(host.to_owned()),
        ..Event::default()
    }
}
