//! A Deployment's replicas.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Expectation;
use super::context::{Expect, ExpectContext};
use crate::format::{Checks, DeploymentRef, Place, Span, default_namespace};
use crate::outcome::{ClusterProblem, Finding, Kind, Unmet};
use crate::wait::{Wait, keeps, watch_object};

/// A Deployment's replicas.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Replicas {
    /// The Deployment, such as `deployment/web`.
    pub of: DeploymentRef,
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The number, in its spec and ready.
    pub equals: i32,
    /// Time until then.
    pub within: Option<Span>,
    /// Time for which it stays so after the proof.
    #[serde(rename = "for")]
    pub for_: Option<Span>,
    /// What proves that the new input was judged, where nothing is to change: from the step's beginning until then, and
    /// for the time of `for`, the number is what it is. It is looked for as soon as all pods are ready.
    pub after: Option<Box<Expectation>>,
}

impl Expect for Replicas {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.for_, place.key("for"));
        match (&self.after, self.for_, self.within) {
            (None, Some(_), _) => checks.at(
                place.key("for"),
                "replicas that stay need `after:`, which proves that the new input was judged; without it nothing may have happened yet",
            ),
            (Some(_), None, _) => checks.at(
                place.key("after"),
                "replicas that stay need `for:`, such as 3 syncs",
            ),
            (Some(_), _, Some(_)) => checks.at(
                place.key("within"),
                "replicas that stay are so from the beginning; `within` belongs to what is waited for in `after`",
            ),
            _ => {}
        }
        if let Some(after) = &self.after {
            after.check(place.key("after").value(), checks);
        }
    }

    fn describe(&self) -> String {
        let Self { of, equals, .. } = self;
        match &self.after {
            Some(_) => format!("{of} to keep {equals} replicas"),
            None => format!("{equals} replicas of {of}"),
        }
    }

    fn needs_real_prometheus(&self) -> bool {
        let after = self.after.as_ref();
        after.is_some_and(|after| after.needs_real_prometheus())
    }

    fn looks_at_adapter(&self) -> bool {
        let after = self.after.as_ref();
        after.is_some_and(|after| after.looks_at_adapter())
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let Self { of, equals, .. } = self;
            let client = context.cluster.client();
            let api: Api<Deployment> = Api::namespaced(client, &self.namespace);
            let judge = |deployment: Option<Deployment>| judge(deployment.as_ref(), self.equals);
            let Some(after) = &self.after else {
                let what = format!("{of} has {equals} replicas");
                let wait = Wait::until(what, context.within(self.within));
                return wait.on(api, &of.name, judge).await;
            };
            let hold = context.hold(self.for_);
            let proof = async {
                let what = format!("all {equals} replicas of {of} are ready");
                let wait = Wait::until(what, context.within(None));
                wait.on(api.clone(), &of.name, judge).await?;
                after.judge(context).await
            };
            let what = format!("{of} keeps {equals} replicas");
            let states = watch_object(api.clone(), &of.name);
            let stay = Stay::new(*equals);
            let judge = |deployment: Option<Deployment>| stay.judge(deployment.as_ref());
            keeps(what, hold, states, judge, proof).await
        })
    }
}

/// A Deployment has another number of replicas.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum UnexpectedReplicas {
    #[error("there is no such Deployment")]
    Absent,
    #[error("{wanted} are wanted and {ready} ready")]
    Other { wanted: i32, ready: i32 },
}

impl Finding for UnexpectedReplicas {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::NoSuchObject,
            Self::Other { .. } => Kind::UnexpectedReplicas,
        }
    }
}

/// As many wanted and ready. That as many are wanted is the HPA's doing, that they are ready is not.
fn judge(deployment: Option<&Deployment>, number: i32) -> Result<(), Unmet> {
    let Some(deployment) = deployment else {
        return Err(UnexpectedReplicas::Absent.into());
    };
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let status = deployment.status.as_ref();
    let ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
    match (wanted == number, ready == number) {
        (true, true) => Ok(()),
        (true, false) => Err(ClusterProblem::Replicas { wanted, ready }.into()),
        (false, _) => Err(UnexpectedReplicas::Other { wanted, ready }.into()),
    }
}

/// A number that stays. Pods take their time to get ready after the step before; from then on all are ready.
struct Stay {
    number: i32,
    were_ready: AtomicBool,
}

impl Stay {
    fn new(number: i32) -> Self {
        Self {
            number,
            were_ready: AtomicBool::new(false),
        }
    }

    fn judge(&self, deployment: Option<&Deployment>) -> Result<(), Unmet> {
        match judge(deployment, self.number) {
            Ok(()) => self.were_ready.store(true, Ordering::Relaxed),
            Err(unmet) if unmet.kind() == Kind::PodsNotReady => {
                if self.were_ready.load(Ordering::Relaxed) {
                    return Err(unmet);
                }
            }
            Err(unmet) => return Err(unmet),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outcome::Owner;

    fn deployment(wanted: i32, ready: i32) -> Deployment {
        let deployment = json!({"spec": {"replicas": wanted, "selector": {}, "template": {}},
            "status": {"readyReplicas": ready}});
        serde_json::from_value(deployment).unwrap()
    }

    #[test]
    fn pods_may_get_ready_at_the_beginning_of_a_stay_and_have_to_stay_so() {
        let stay = Stay::new(3);
        let judged = |wanted, ready| stay.judge(Some(&deployment(wanted, ready)));
        judged(3, 1).unwrap();
        assert_eq!(
            judged(4, 3).unwrap_err().kind(),
            Kind::UnexpectedReplicas,
            "however few are ready"
        );
        judged(3, 3).unwrap();
        let slow = judged(3, 2).unwrap_err();
        assert_eq!(
            (slow.owner(), slow.kind()),
            (Owner::Cluster, Kind::PodsNotReady)
        );
    }

    #[test]
    fn how_many_are_wanted_is_the_adapters_doing_and_how_many_are_ready_is_not() {
        let judged = |wanted, ready| judge(Some(&deployment(wanted, ready)), 3);
        judged(3, 3).unwrap();
        let more = judged(4, 3).unwrap_err();
        assert_eq!(
            (more.owner(), more.kind()),
            (Owner::Adapter, Kind::UnexpectedReplicas)
        );
        assert_eq!(more.to_string(), "4 are wanted and 3 ready");
        let slow = judged(3, 2).unwrap_err();
        assert_eq!(
            (slow.owner(), slow.kind()),
            (Owner::Cluster, Kind::PodsNotReady)
        );
        assert_eq!(judge(None, 3).unwrap_err().kind(), Kind::NoSuchObject);
    }
}
