//! Makes requests all the time while other steps are played.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Step;
use super::context::{Needs, Play, Remark, StepContext};
use super::request::Via;
use crate::format::{Checks, ObjectRef, Place, Span};
use crate::notes::Source;
use crate::outcome::{Context, Finding, HarnessProblem, Kind, Owner, Unmet};
use crate::request::{Answer, Limit, Question};
use crate::timeouts::Timeouts;

/// How many requests a second a load may make; more than a plane on a small machine answers.
const FASTEST: u32 = 10_000;

/// How many requests of a load wait for their answers at most. On a machine that is too slow for the rate there are fewer
/// requests a second, not ever more open connections, which would end by time-outs and accuse the adapter.
const MOST_OPEN: usize = 64;

/// Requests all the time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadStep {
    /// Path and query.
    pub path: String,
    /// Through whom; each request has a connection of its own.
    #[serde(default)]
    pub via: Via,
    /// Requests a second; fewer while 64 wait for their answers.
    pub rate: u32,
    /// How many there must be; the load goes on after the steps until there are.
    #[serde(default)]
    pub at_least: u64,
    /// Time from the beginning of one of the steps to that of the next; none plays one as soon as the other is done.
    pub every: Option<Span>,
    /// What is played first: requests that were made until it ended may fail.
    #[serde(default)]
    pub outage: Vec<Step>,
    /// What happens meanwhile.
    pub during: Vec<Step>,
}

impl Play for LoadStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.path(&self.path, place.key("path"));
        checks.obsolete_path(&self.path, place.key("path"));
        if !(1..=FASTEST).contains(&self.rate) {
            checks.at(
                place.key("rate"),
                format!("a load makes between 1 and {FASTEST} requests a second"),
            );
        }
        checks.longer_than_zero(self.every, place.key("every"));
        super::check_nested(&self.outage, place.key("outage"), checks);
        super::check_nested(&self.during, place.key("during"), checks);
    }

    fn describe(&self) -> String {
        format!("{} requests a second for {}", self.rate, self.path)
    }

    fn needs(&self) -> Needs {
        let needs = self.steps().map(|step| step.needs());
        needs.fold(Needs::OWN_ADAPTER, Needs::and)
    }

    fn objects(&self) -> Vec<&Value> {
        self.steps().flat_map(|step| step.objects()).collect()
    }

    fn changes(&self) -> Vec<ObjectRef> {
        self.steps().flat_map(|step| step.changes()).collect()
    }

    fn disturbs_adapter(&self, namespace: &str) -> bool {
        self.steps().any(|step| step.disturbs_adapter(namespace))
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let question = Question {
                method: http::Method::GET,
                path: self.path.clone(),
                headers: Default::default(),
                identity: context.identity(None, self.via).await?,
            };
            let Timeouts { answer, load, .. } = context.expect.timeouts;
            let limit = Limit::of(answer);
            let route = context.route(self.via, &question.identity, limit).await?;
            let is_outage = AtomicBool::new(!self.outage.is_empty());
            let played = self.play_steps(context, &is_outage);
            // Each request is given up by itself, so that one without an answer doesn't hold the load.
            let ask = || {
                let is_excused = is_outage.load(Ordering::Relaxed);
                let asked = route.ask(&question, Limit::of(answer));
                async move { (asked.await, is_excused) }
            };
            let tally = under_load(self.rate, self.at_least, load, played, ask).await?;
            tally.verdict(self.at_least).map(|said| Some(said.into()))
        })
    }
}

impl LoadStep {
    /// All of its own steps.
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.outage.iter().chain(&self.during)
    }

    async fn play_steps(&self, context: &StepContext, is_outage: &AtomicBool) -> Result<(), Unmet> {
        for step in &self.outage {
            play_step(step, "its outage", context).await?;
        }
        is_outage.store(false, Ordering::Relaxed);
        let sync = context.expect.cluster.facts().hpa_sync_period;
        let mut pace = self.every.map(|span| interval(span.duration(sync)));
        let count = self.during.len();
        for (index, step) in self.during.iter().enumerate() {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            let place = format!("its step {} of {count}", index + 1);
            play_step(step, &place, context).await?;
        }
        Ok(())
    }
}

async fn play_step(step: &Step, place: &str, context: &StepContext) -> Result<(), Unmet> {
    let what = step.describe();
    let text = format!("under load, {place}: {what}");
    context.notes.note(Source::Scenario, text);
    let played = step.play(context).await;
    played.map(drop).map_err(|unmet| {
        let step = format!("{place} ({what})");
        unmet.during(Context::Step { step })
    })
}

/// Asks at a steady rate until the steps are played and there were enough requests, or won't be; a step that fails ends it
/// and says how the requests had been answered by then.
async fn under_load<F>(
    rate: u32,
    at_least: u64,
    tail: Duration,
    played: impl Future<Output = Result<(), Unmet>>,
    ask: impl Fn() -> F,
) -> Result<Tally, Unmet>
where
    F: Future<Output = (Result<Answer, Unmet>, bool)>,
{
    let mut played = std::pin::pin!(played);
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tally = Tally::default();
    let mut open = FuturesUnordered::new();
    let mut over: Option<Instant> = None;
    loop {
        let enough = tally.asked >= at_least;
        let asking = over.is_none_or(|over| !enough && over.elapsed() < tail);
        if !asking && open.is_empty() {
            return Ok(tally);
        }
        tokio::select! {
            outcome = &mut played, if over.is_none() => {
                let answers = || tally.to_string();
                outcome.map_err(|unmet| unmet.during(Context::Load { answers: answers() }))?;
                over = Some(Instant::now());
            }
            _ = ticks.tick(), if asking && open.len() < MOST_OPEN => {
                tally.asked += 1;
                open.push(ask());
            }
            Some((answer, is_excused)) = open.next() => tally.count(answer, is_excused),
        }
    }
}

/// How the requests of a load were answered.
#[derive(Debug, Default)]
struct Tally {
    asked: u64,
    failed: u64,
    /// Those that failed in an outage, which may be.
    excused: u64,
    /// The first failure, the adapter's before others.
    first: Option<Unmet>,
}

/// A request of a load was answered by another status than 200.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {body}")]
struct Refused {
    status: u16,
    body: String,
}

impl Finding for Refused {
    fn kind(&self) -> Kind {
        Kind::UnexpectedStatus
    }
}

/// Requests of a load failed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {asked} requests failed; the first: {first}")]
struct RequestsFailed {
    failed: u64,
    asked: u64,
    first: Unmet,
}

impl Finding for RequestsFailed {
    fn kind(&self) -> Kind {
        Kind::RequestsFailed
    }
}

impl Tally {
    fn count(&mut self, answer: Result<Answer, Unmet>, is_excused: bool) {
        let unmet = match answer {
            Ok(answer) if answer.status == 200 => return,
            Ok(answer) => Unmet::from(Refused {
                status: answer.status,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            }),
            Err(unmet) => unmet,
        };
        if is_excused {
            self.excused += 1;
            return;
        }
        self.failed += 1;
        let adapters = |unmet: &Unmet| unmet.owner() == Owner::Adapter;
        if self
            .first
            .as_ref()
            .is_none_or(|first| !adapters(first) && adapters(&unmet))
        {
            self.first = Some(unmet);
        }
    }

    fn verdict(self, at_least: u64) -> Result<String, Unmet> {
        let summary = self.to_string();
        let Self {
            asked,
            failed,
            excused: _,
            first,
        } = self;
        match first {
            Some(first) if first.owner() == Owner::Adapter => Err(RequestsFailed {
                failed,
                asked,
                first,
            }
            .into()),
            Some(first) => Err(first.during(Context::Load { answers: summary })),
            None if asked < at_least => Err(HarnessProblem::TooFewRequests {
                made: asked,
                wanted: at_least,
            }
            .into()),
            None => Ok(summary),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, asked) = (self.failed, self.asked);
        write!(f, "{failed} of {asked} requests failed")?;
        if self.excused > 0 {
            write!(f, ", and {} in the outage", self.excused)?;
        }
        match &self.first {
            Some(first) => write!(f, "; the first: {first}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::outcome::ClusterProblem;

    const TAIL: Duration = Duration::from_secs(60);

    fn answer(status: u16) -> Result<Answer, Unmet> {
        Ok(Answer {
            status,
            headers: http::HeaderMap::new(),
            body: b"no".to_vec(),
        })
    }

    fn broken() -> Unmet {
        ClusterProblem::call("reach the API server", "connection refused").into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_under_load_says_how_the_requests_were_answered() {
        let played = async {
            tokio::time::sleep(Duration::from_millis(950)).await;
            Err(HarnessProblem::Interrupted.into())
        };
        let ended = under_load(10, 0, TAIL, played, || async { (answer(503), false) }).await;
        let unmet = ended.unwrap_err();
        assert_eq!(
            unmet.to_string(),
            "interrupted; of the load by then, 10 of 10 requests failed; the first: 503: no"
        );
        assert_eq!(unmet.owner(), Owner::Harness);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_that_cannot_be_large_enough_ends_however_long_its_requests_are_held() {
        let held = || async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            (Err(broken()), false)
        };
        let tally = under_load(1, 1_000, TAIL, async { Ok(()) }, held)
            .await
            .unwrap();
        assert!((60..=62).contains(&tally.asked), "{tally}");
        assert_eq!(tally.asked, tally.failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_never_has_more_than_its_most_requests_open() {
        let (open, most) = (Cell::new(0), Cell::new(0));
        let slow = || async {
            open.set(open.get() + 1);
            most.set(open.get().max(most.get()));
            tokio::time::sleep(Duration::from_secs(1)).await;
            open.set(open.get() - 1);
            (answer(200), false)
        };
        let tally = under_load(200, 500, TAIL, async { Ok(()) }, slow)
            .await
            .unwrap();
        assert_eq!((tally.asked, tally.failed), (500, 0));
        assert_eq!(most.get(), MOST_OPEN);
    }

    fn judged(answers: Vec<Result<Answer, Unmet>>) -> Result<String, Unmet> {
        let mut tally = Tally::default();
        for answer in answers {
            tally.asked += 1;
            tally.count(answer, false);
        }
        tally.verdict(2)
    }

    #[test]
    fn one_request_that_fails_is_one_too_many() {
        let all_well = judged(vec![answer(200), answer(200)]).unwrap();
        assert_eq!(all_well, "0 of 2 requests failed");
        let unmet = judged(vec![answer(200), Err(broken()), answer(503)]).unwrap_err();
        assert_eq!(
            unmet.to_string(),
            "2 of 3 requests failed; the first: 503: no"
        );
        assert_eq!(
            (unmet.owner(), unmet.kind()),
            (Owner::Adapter, Kind::RequestsFailed)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_an_outage_may_fail_and_those_after_it_may_not() {
        let judged = async |outage: u64| {
            let is_outage = AtomicBool::new(true);
            let played = async {
                tokio::time::sleep(Duration::from_millis(outage)).await;
                is_outage.store(false, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(())
            };
            let began = Instant::now();
            let ask = || {
                let is_excused = is_outage.load(Ordering::Relaxed);
                let status = if began.elapsed() < Duration::from_millis(950) {
                    503
                } else {
                    200
                };
                async move { (answer(status), is_excused) }
            };
            under_load(10, 0, TAIL, played, ask)
                .await
                .unwrap()
                .verdict(0)
        };
        let said = judged(1_000).await.unwrap();
        assert!(
            said.starts_with("0 of ") && said.ends_with(", and 10 in the outage"),
            "{said}"
        );
        let unmet = judged(500).await.unwrap_err();
        assert_eq!(unmet.kind(), Kind::RequestsFailed);
    }

    #[test]
    fn requests_that_fail_by_the_cluster_or_are_too_few_accuse_no_adapter() {
        let unmet = judged(vec![answer(200), Err(broken())]).unwrap_err();
        assert_eq!(
            (unmet.owner(), unmet.kind()),
            (Owner::Cluster, Kind::ApiServerUnreachable)
        );
        let few = judged(vec![answer(200)]).unwrap_err();
        assert_eq!(few.kind(), Kind::TooFewRequests);
        assert!(few.to_string().contains("only 1 of 2"));
    }
}
