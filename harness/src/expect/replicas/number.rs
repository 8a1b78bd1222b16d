//! One number of replicas.

use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::apps::v1::Deployment;

use crate::format::{Checks, Place};
use crate::outcome::{ClusterProblem, Finding, Kind, Unmet};

/// Notes a number of replicas that can't be.
pub(super) fn check_number(number: Option<i32>, place: &Place, checks: &mut Checks<'_>) {
    if number.is_some_and(|number| number < 0) {
        checks.at(place, "expected a number of replicas, 0 or more");
    }
}

/// A Deployment has another number of replicas.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnexpectedReplicas {
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

/// How many replicas a Deployment wants, and how many are ready.
pub(super) fn counts(deployment: &Deployment) -> (i32, i32) {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let status = deployment.status.as_ref();
    let ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
    (wanted, ready)
}

/// As many wanted and ready. That as many are wanted is the HPA's doing, that they are ready is not.
pub(super) fn judge(deployment: Option<&Deployment>, number: i32) -> Result<(), Unmet> {
    let Some(deployment) = deployment else {
        return Err(UnexpectedReplicas::Absent.into());
    };
    let (wanted, ready) = counts(deployment);
    match (wanted == number, ready == number) {
        (true, true) => Ok(()),
        (true, false) => Err(ClusterProblem::Replicas { wanted, ready }.into()),
        (false, _) => Err(UnexpectedReplicas::Other { wanted, ready }.into()),
    }
}

/// A number that stays. Pods take their time to get ready after the step before; from then on all are ready.
pub(super) struct Stay {
    number: i32,
    were_ready: AtomicBool,
}

impl Stay {
    pub(super) fn new(number: i32) -> Self {
        Self {
            number,
            were_ready: AtomicBool::new(false),
        }
    }

    pub(super) fn judge(&self, deployment: Option<&Deployment>) -> Result<(), Unmet> {
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
