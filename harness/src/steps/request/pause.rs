//! Requests while the API server does nothing: what an adapter asks it meanwhile takes its time.

use std::time::Duration;

use futures::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use super::{RequestStep, StepContext};
use crate::format::{Checks, Place, Span};
use crate::outcome::{ClusterProblem, Unmet};
use crate::request::{Limit, Question};
use crate::steps::context::Remark;

/// The longest pause: an API server that is silent for longer counts as gone.
const LONGEST: Duration = Duration::from_secs(5);
/// How many may ask at once: adapters have a limit of connections, which isn't judged.
const MOST_CALLERS: u16 = 200;

/// A pause of the API server.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApiServerPause {
    /// How long, at most 5s. It begins when everything is known that the harness itself has to ask for.
    #[serde(rename = "for")]
    pub time: Span,
    /// How many ask at once; each answer is judged.
    #[serde(default = "one")]
    pub callers: u16,
}

fn one() -> u16 {
    1
}

impl ApiServerPause {
    pub(super) fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        match self.time {
            Span::Time(time) if time <= LONGEST => {}
            _ => checks.at(place.key("for"), "expected a time of at most 5s"),
        }
        checks.longer_than_zero(Some(self.time), place.key("for"));
        if !(1..=MOST_CALLERS).contains(&self.callers) {
            checks.at(
                place.key("callers"),
                format!("between 1 and {MOST_CALLERS} may ask at once"),
            );
        }
    }
}

impl RequestStep {
    /// Asks while the API server pauses, and judges each answer.
    pub(super) async fn ask_in_pause(
        &self,
        context: &StepContext,
        question: &Question,
        pause: ApiServerPause,
    ) -> Result<Remark, Unmet> {
        let answer = context.expect.timeouts.answer;
        let route = context.route(self.via, &question.identity, Limit::of(answer));
        let route = route.await?;
        // The cluster knows the way from now on: it can't ask the API server for it in the pause.
        drop(route.own()?.connect(Limit::of(answer)).await?);
        let time = pause.time.duration(Duration::from_secs(1));
        let paused = context.expect.cluster.pause_api_server(time).await;
        paused.map_err(|error| ClusterProblem::call("pause the API server", error))?;
        let began = Instant::now();
        let asked = (0..pause.callers).map(|_| async {
            let answer = route.ask(question, Limit::of(answer)).await;
            (answer, began.elapsed())
        });
        let answers = join_all(asked).await;
        // What is judged, and evidence of it, has an API server again.
        sleep_until(began + time).await;
        let mut last = Duration::ZERO;
        for (answer, after) in answers {
            self.judge(answer, context)?;
            last = last.max(after);
        }
        let last = format!("answered after {:.1}s at the latest", last.as_secs_f64());
        Ok(Some(last.into()))
    }
}
