//! Makes one request and judges the answer.

mod again;
mod answer;
mod http2;
mod identity;
mod method;
mod pause;
mod values;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, interval};

use self::answer::{ExpectedAnswer, updates_snapshots};
use self::http2::OverHttp2;
use self::identity::As;
use self::method::Method;
use self::pause::ApiServerPause;
use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, Place, Span, keyed_or_none};
use crate::outcome::{Context, Finding, Kind, Owner, RequestFailure, Unmet};
use crate::request::{Answer, Identity, Limit, Question, Route, route_to_api_server};

/// The pause before a request is made again whose answer may still change.
const PAUSE: Duration = Duration::from_millis(200);

/// One request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestStep {
    /// Path and query.
    pub path: String,
    /// GET by default.
    #[serde(default)]
    pub method: Method,
    /// Through whom.
    #[serde(default)]
    pub via: Via,
    /// As whom; by default the cluster's admin, the user of the kubeconfig on a cluster that exists, or the front proxy in the
    /// admin's name.
    #[serde(default, rename = "as", deserialize_with = "keyed_or_none")]
    pub as_: Option<As>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The answer.
    pub expect: ExpectedAnswer,
    /// How many more times it is asked at once: each time the `items` are of the same objects in the same order.
    #[serde(default)]
    pub again: u16,
    /// Whether it is asked again by the `ETag` of its answer, which must be answered by 304, and by the tag of no document, which must not. An
    /// answer without a tag is as good.
    #[serde(default)]
    pub revalidates: bool,
    /// The API server does nothing meanwhile, for a moment: what the adapter asks it takes as long.
    pub while_api_server_pauses: Option<ApiServerPause>,
    /// It is asked over HTTP/2, and what becomes of the connection is judged too.
    pub http2: Option<OverHttp2>,
}

/// Through whom a request goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Via {
    /// The API server, which asks the adapter.
    #[default]
    ApiServer,
    /// Straight to the adapter's pod.
    Adapter,
}

/// There is an answer where there should be none.
#[derive(Debug, thiserror::Error)]
#[error("it is answered with {status} instead of failing by {failure}")]
struct Answered {
    status: u16,
    failure: RequestFailure,
}

impl Finding for Answered {
    fn kind(&self) -> Kind {
        Kind::UnexpectedAnswer
    }
}

impl Play for RequestStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.path(&self.path, place.key("path"));
        // Whether an old API is really gone may be asked.
        if self.expect.status < 400 && self.expect.failure.is_none() {
            checks.obsolete_path(&self.path, place.key("path"));
        }
        checks.headers(&self.headers, place.key("headers"));
        if let Some(as_) = &self.as_ {
            as_.check(place.key("as").value(), checks);
        }
        self.check_once(place, checks);
        let (expected, place) = (&self.expect, place.key("expect"));
        checks.headers(&expected.headers, place.key("headers"));
        if !(100..=599).contains(&expected.status) {
            checks.at(
                place.key("status"),
                format!("{} is no HTTP status", expected.status),
            );
        }
        if expected.failure.is_some() && self.via == Via::ApiServer {
            checks.at(
                place.key("failure"),
                "the API server always answers; `failure` needs `via: adapter`",
            );
        }
        if let Some(or) = &expected.or
            && (or.failure.is_some() || or.snapshot.is_some() || or.within.is_some())
        {
            checks.at(
                place.key("or"),
                "another answer has neither `failure` nor `snapshot` nor `within`",
            );
        }
        checks.longer_than_zero(expected.within, place.key("within"));
        checks.longer_than_zero(expected.fresh, place.key("fresh"));
        if !matches!(expected.fresh, None | Some(Span::Time(_))) {
            checks.at(place.key("fresh"), "expected a time such as 60s or 1m");
        }
        if let Some(file) = &expected.snapshot
            && !updates_snapshots()
            && !checks.folder.join(file).is_file()
        {
            checks.at(
                place.key("snapshot"),
                format!("there is no `{file}` beside the scenario; `SETPOINT_UPDATE=1 setpoint run` writes it"),
            );
        }
    }

    fn describe(&self) -> String {
        format!("request {}{}", self.method.prefix(), self.path)
    }

    fn disturbs_adapter(&self, _namespace: &str) -> bool {
        self.while_api_server_pauses.is_some()
    }

    fn needs(&self) -> Needs {
        Needs {
            pausing_api_server: self.while_api_server_pauses.is_some(),
            ..Needs::OWN_ADAPTER
        }
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let question = Question {
                method: self.method.into(),
                path: self.path.clone(),
                headers: self.headers.clone(),
                identity: context.identity(self.as_.as_ref(), self.via).await?,
            };
            if let Some(pause) = self.while_api_server_pauses {
                return self.ask_in_pause(context, &question, pause).await;
            }
            if let Some(expected) = self.http2 {
                return self.ask_over_http2(context, &question, expected).await;
            }
            let within = self.expect.within;
            let deadline = within.map(|within| Instant::now() + context.expect.stated(within));
            let mut pauses = interval(PAUSE);
            let mut count = 0;
            loop {
                pauses.tick().await;
                count += 1;
                let answer = self.ask(context, &question, deadline).await;
                let asks_again = self.again > 0 || self.revalidates;
                let first = answer.as_ref().ok().filter(|_| asks_again).cloned();
                match self.judge(answer, context) {
                    Ok(()) => return self.ask_again(context, &question, first).await,
                    Err(_) if deadline.is_some_and(|deadline| Instant::now() < deadline) => {}
                    Err(unmet) => return Err(unmet.during(Context::Tries { count })),
                }
            }
        })
    }
}

impl RequestStep {
    /// What is asked once, and of the adapter itself.
    fn check_once(&self, place: &Place, checks: &mut Checks<'_>) {
        let pause = self.while_api_server_pauses.as_ref();
        if let Some(pause) = pause {
            pause.check(place.key("whileApiServerPauses").value(), checks);
        }
        let keys = [
            ("whileApiServerPauses", pause.is_some()),
            ("http2", self.http2.is_some()),
        ];
        let asks_again = self.expect.within.is_some() || self.again > 0 || self.revalidates;
        let both = keys.iter().all(|(_, is_there)| *is_there);
        for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
            if self.via == Via::ApiServer {
                checks.at(
                    place.key(key),
                    "this is asked of the adapter itself: `via: adapter`",
                );
            }
            if self.expect.failure.is_some() {
                checks.at(place.key(key), "what has no answer can't be judged by this");
            }
            if asks_again || both {
                checks.at(
                    place.key(key),
                    "this is asked once: leave out `within`, `again` and `revalidates`, and either `http2` or `whileApiServerPauses`",
                );
            }
        }
    }

    async fn ask(
        &self,
        context: &StepContext,
        question: &Question,
        deadline: Option<Instant>,
    ) -> Result<Answer, Unmet> {
        let limit = context.expect.timeouts.limit_of_answer(deadline);
        let route = context.route(self.via, &question.identity, limit).await?;
        route.ask(question, limit).await
    }

    /// Judges further answers by the first one, which was as expected.
    async fn ask_again(
        &self,
        context: &StepContext,
        question: &Question,
        first: Option<Answer>,
    ) -> Result<Remark, Unmet> {
        let Some(first) = first else { return Ok(None) };
        let names = again::order(&first);
        for times in 2..=self.again.saturating_add(1) {
            let answer = self.ask(context, question, None).await?;
            again::judge_order(&names, &again::order(&answer), times)?;
        }
        if !self.revalidates {
            return Ok(None);
        }
        let Some(by_tag) = again::by_tag(question, &first) else {
            return Ok(Some("its answer has no tag".to_owned().into()));
        };
        again::judge_unmodified(&self.ask(context, &by_tag, None).await?)?;
        let by_no_tag = again::by_no_tag(question);
        again::judge_modified(&self.ask(context, &by_no_tag, None).await?)?;
        Ok(None)
    }

    fn judge(&self, answer: Result<Answer, Unmet>, context: &StepContext) -> Result<(), Unmet> {
        match (answer, self.expect.failure) {
            (Ok(answer), None) => self.expect.judge(&answer, &context.folder),
            (Ok(answer), Some(failure)) => {
                let status = answer.status;
                Err(Answered { status, failure }.into())
            }
            (Err(unmet), Some(failure))
                if unmet.owner() == Owner::Adapter && unmet.kind() == Kind::Request(failure) =>
            {
                Ok(())
            }
            (Err(unmet), _) => Err(unmet),
        }
    }
}

impl StepContext {
    /// The way to whoever is asked.
    pub(super) async fn route(
        &self,
        via: Via,
        identity: &Identity,
        limit: Limit,
    ) -> Result<Route, Unmet> {
        match via {
            Via::ApiServer => route_to_api_server(&self.expect.cluster, identity, limit).await,
            Via::Adapter => self.expect.adapter.route(identity, limit).await,
        }
    }
}
