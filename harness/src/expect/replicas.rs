//! A Deployment's replicas: one number, that stays or comes, or how they converge.

mod converges;
mod number;
mod syncs;

use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use schemars::JsonSchema;
use serde::Deserialize;

use self::converges::Converges;
use self::number::{Stay, check_number, judge};
use super::Expectation;
use super::context::{Expect, ExpectContext};
use crate::convergence::Convergence;
use crate::format::{Checks, DeploymentRef, Place, Span, default_namespace, keyed_or_none};
use crate::outcome::Unmet;
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
    pub equals: Option<i32>,
    /// Time until then.
    pub within: Option<Span>,
    /// Time for which it stays so after the proof.
    #[serde(rename = "for")]
    pub for_: Option<Span>,
    /// What proves that the new input was judged, where nothing is to change: from the step's beginning until then, and
    /// for the time of `for`, the number is what it is. It is looked for as soon as all pods are ready.
    #[serde(default, deserialize_with = "keyed_or_none")]
    pub after: Option<Box<Expectation>>,
    /// How they come to a number, in place of `equals` and what belongs to it.
    pub converges: Option<Converges>,
}

impl Expect for Replicas {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.name(&self.of.name, place.key("of"));
        checks.namespace(&self.namespace, place.key("namespace"));
        check_number(self.equals, place.key("equals"), checks);
        checks.longer_than_zero(self.within, place.key("within"));
        match (self.equals, &self.converges) {
            (None, None) => checks.at(
                place,
                "expect that the replicas are a number by `equals`, or come to one by `converges`",
            ),
            (None, Some(converges)) => {
                converges.check(place.key("converges"), checks);
                let of_equals = [
                    ("within", self.within.is_some()),
                    ("for", self.for_.is_some()),
                    ("after", self.after.is_some()),
                ];
                for (key, _) in of_equals.iter().filter(|(_, given)| *given) {
                    let problem =
                        format!("`{key}` belongs to `equals`; `converges` has keys of its own");
                    checks.at(place.key(key), problem);
                }
            }
            (Some(_), Some(_)) => checks.at(
                place.key("converges"),
                "replicas either are a number, by `equals`, or come to one, by `converges`",
            ),
            (Some(_), None) => self.check_stay(place, checks),
        }
    }

    fn describe(&self) -> String {
        let of = &self.of;
        match (&self.converges, &self.after) {
            (Some(converges), _) => format!("replicas of {of} to converge to {}", converges.to),
            (None, Some(_)) => format!("{of} to keep {} replicas", self.number()),
            (None, None) => format!("{} replicas of {of}", self.number()),
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
            match &self.converges {
                Some(converges) => {
                    let converged = converges.judge(context, &self.namespace, &self.of);
                    converged.await.map(drop)
                }
                None => self.judge_number(context).await,
            }
        })
    }

    fn measure<'a>(
        &'a self,
        context: &'a ExpectContext,
    ) -> BoxFuture<'a, Result<Option<Convergence>, Unmet>> {
        Box::pin(async move {
            match &self.converges {
                Some(converges) => {
                    let converged = converges.judge(context, &self.namespace, &self.of);
                    converged.await.map(Some)
                }
                None => self.judge_number(context).await.map(|()| None),
            }
        })
    }
}

impl Replicas {
    /// The number that is expected; one that is checked has it where it doesn't converge.
    fn number(&self) -> i32 {
        self.equals.unwrap_or_default()
    }

    fn check_stay(&self, place: &Place, checks: &mut Checks<'_>) {
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

    async fn judge_number(&self, context: &ExpectContext) -> Result<(), Unmet> {
        let (of, equals) = (&self.of, self.number());
        let client = context.cluster.client();
        let api: Api<Deployment> = Api::namespaced(client, &self.namespace);
        let judge = |deployment: Option<Deployment>| judge(deployment.as_ref(), equals);
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
        let stay = Stay::new(equals);
        let judge = |deployment: Option<Deployment>| stay.judge(deployment.as_ref());
        keeps(what, hold, states, judge, proof).await
    }
}
