//! Steps that ask: one request, or many while other steps are played.

use std::fmt;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use setpoint_cluster::{Flaw, MintRequest};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::steps::Stage;
use crate::answer;
use crate::notes::Source;
use crate::pki::Leaf;
use crate::request::{
    ANSWER, Answer, FRONT_PROXY, Identity, Limit, ProxyCertificate, Question, Route, Secret, call,
    route_to_api_server,
};
use crate::scenario::{As, LoadStep, RequestStep, Via};
use crate::words as chain;

/// How often a request is tried whose answer may still change.
const TRIES: Duration = Duration::from_millis(200);
/// How long the load may go on after its steps until it is large enough.
const LOAD_TAIL: Duration = Duration::from_secs(60);

impl Stage {
    pub(super) async fn request(&self, step: &RequestStep) -> Result<(), String> {
        let identity = self.identity(step.as_.as_ref(), step.via).await?;
        let question = Question {
            path: step.path.clone(),
            headers: step.headers.clone(),
            identity,
        };
        let sync = self.scene.cluster.facts().hpa_sync_period;
        let deadline = step
            .expect
            .within
            .map(|within| Instant::now() + within.duration(sync));
        let mut tries = interval(TRIES);
        let mut count = 0;
        loop {
            tries.tick().await;
            count += 1;
            let limit = Limit::of_answer(deadline);
            let answer = self.ask(step.via, &question, limit).await;
            let verdict = match (answer, &step.expect.failure) {
                (Ok(answer), None) => answer::judge(&answer, &step.expect, &self.folder),
                (Ok(answer), Some(failure)) => Err(format!(
                    "it is answered with {} instead of failing because of `{failure}`",
                    answer.status
                )),
                (Err(problem), Some(failure)) if problem.to_lowercase().contains(failure) => Ok(()),
                (Err(problem), _) => Err(problem),
            };
            match verdict {
                Ok(()) => return Ok(()),
                Err(_) if deadline.is_some_and(|deadline| Instant::now() < deadline) => {}
                Err(problem) => return Err(format!("{problem} (asked {count} times)")),
            }
        }
    }

    async fn ask(&self, via: Via, question: &Question, limit: Limit) -> Result<Answer, String> {
        let route = self.route(via, &question.identity, limit).await?;
        let answer = route.ask(question, limit).await;
        answer.map_err(|error| chain(&error))
    }

    async fn route(&self, via: Via, identity: &Identity, limit: Limit) -> Result<Route, String> {
        let route = match via {
            Via::ApiServer => route_to_api_server(&self.scene.cluster, identity, limit).await,
            Via::Adapter => self.scene.adapter.route(identity, limit).await,
        };
        route.map_err(|error| chain(&error))
    }

    /// Makes requests at a steady rate until the steps are played and there were enough, and wants each answered.
    pub(super) async fn load(&self, step: &LoadStep) -> Result<String, String> {
        let question = Question {
            path: step.path.clone(),
            headers: Default::default(),
            identity: self.identity(None, step.via).await?,
        };
        let limit = Limit::of(ANSWER);
        let route = self.route(step.via, &question.identity, limit).await?;
        let sync = self.scene.cluster.facts().hpa_sync_period;
        let mut pace = step.every.map(|span| interval(span.duration(sync)));
        let played = async {
            let count = step.during.len();
            for (index, step) in step.during.iter().enumerate() {
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                let words = super::words::words(step);
                let place = format!("its step {} of {count}", index + 1);
                self.notes
                    .note(Source::Scenario, format!("under load, {place}: {words}"));
                let played = self.play(step).await;
                played.map_err(|problem| format!("{place} ({words}): {problem}"))?;
            }
            Ok(())
        };
        // Each request is given up by itself, so that whoever holds them doesn't hold the load.
        let ask = || async {
            let answer = route.ask(&question, Limit::of(ANSWER)).await;
            answer.map_err(|error| chain(&error))
        };
        let tally = under_load(step.rate, step.at_least, played, ask).await?;
        tally.verdict(step.at_least)
    }

    async fn identity(&self, as_: Option<&As>, via: Via) -> Result<Identity, String> {
        let minted = |user: &str, groups: &[String], flaw: Option<Flaw>| MintRequest {
            common_name: user.to_owned(),
            organizations: groups.to_owned(),
            flaw,
        };
        let proxied = |certificate, user: &String, groups: &Vec<String>| Identity::FrontProxy {
            certificate,
            user: user.clone(),
            groups: groups.clone(),
        };
        let (admin, masters) = (
            "setpoint-admin".to_owned(),
            vec!["system:masters".to_owned()],
        );
        Ok(match (as_, via) {
            (None, Via::ApiServer) => Identity::Certificate(minted(&admin, &masters, None)),
            (None, Via::Adapter) => proxied(ProxyCertificate::genuine(), &admin, &masters),
            (Some(As::None(_)), _) => Identity::Nobody,
            (Some(As::Certificate { user, groups, flaw }), _) => {
                Identity::Certificate(minted(user, groups, flaw.map(Flaw::from)))
            }
            (
                Some(As::FrontProxy {
                    user,
                    groups,
                    common_name,
                    flaw,
                }),
                _,
            ) => {
                let name = common_name.as_deref().unwrap_or(FRONT_PROXY);
                let request = minted(name, &[], flaw.map(Flaw::from));
                proxied(ProxyCertificate::Minted(request), user, groups)
            }
            (Some(As::Thief { user, groups }), _) => {
                proxied(ProxyCertificate::WithoutKey, user, groups)
            }
            (Some(As::Stranger { user, groups }), _) => {
                let leaf = Leaf {
                    common_name: FRONT_PROXY.to_owned(),
                    client: true,
                    ..Leaf::default()
                };
                let issued = self.kit.lock().await.issue("a stranger", &leaf);
                let issued = issued.map_err(|error| format!("make a certificate: {error}"))?;
                proxied(ProxyCertificate::Other(issued), user, groups)
            }
            (Some(As::Token { namespace, name }), _) => {
                Identity::Token(self.token(namespace, name).await?)
            }
            (Some(As::Bearer(text)), _) => Identity::Token(Secret(text.clone())),
        })
    }

    /// The scenario's token of a ServiceAccount.
    async fn token(&self, namespace: &str, name: &str) -> Result<Secret, String> {
        let mut tokens = self.tokens.lock().await;
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = tokens.get(&key) {
            return Ok(known.clone());
        }
        let accounts: Api<ServiceAccount> = Api::namespaced(self.scene.cluster.client(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let parameters = PostParams::default();
        let answer = accounts.create_token_request(name, &parameters, &request);
        let status = call(format!("get a token of {namespace}/{name}"), answer)
            .await?
            .status;
        let token = status.and_then(|status| status.token);
        let token = Secret(token.ok_or_else(|| {
            format!("get a token of {namespace}/{name}: there is none in the answer")
        })?);
        tokens.insert(key, token.clone());
        Ok(token)
    }
}

/// Asks at a steady rate until the steps are played and there were enough requests, or won't be; a step that fails ends it
/// and says how the requests had been answered by then.
async fn under_load<F>(
    rate: u32,
    at_least: u64,
    played: impl Future<Output = Result<(), String>>,
    ask: impl Fn() -> F,
) -> Result<Tally, String>
where
    F: Future<Output = Result<Answer, String>>,
{
    let mut played = std::pin::pin!(played);
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tally = Tally::default();
    let mut open = FuturesUnordered::new();
    let mut over: Option<Instant> = None;
    loop {
        let enough = tally.asked >= at_least;
        let asking = over.is_none_or(|over| !enough && over.elapsed() < LOAD_TAIL);
        if !asking && open.is_empty() {
            return Ok(tally);
        }
        tokio::select! {
            outcome = &mut played, if over.is_none() => {
                outcome.map_err(|problem| format!("{problem}; of the load by then, {tally}"))?;
                over = Some(Instant::now());
            }
            _ = ticks.tick(), if asking => {
                tally.asked += 1;
                open.push(ask());
            }
            Some(answer) = open.next() => tally.count(answer),
        }
    }
}

/// How the requests of a load were answered.
#[derive(Debug, Default)]
struct Tally {
    asked: u64,
    failed: u64,
    first: Option<String>,
}

impl Tally {
    fn count(&mut self, answer: Result<Answer, String>) {
        let problem = match answer {
            Ok(answer) if answer.status == 200 => return,
            Ok(answer) => format!(
                "{}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ),
            Err(problem) => problem,
        };
        self.failed += 1;
        self.first.get_or_insert(problem);
    }

    fn verdict(self, at_least: u64) -> Result<String, String> {
        if self.failed > 0 {
            Err(self.to_string())
        } else if self.asked < at_least {
            let asked = self.asked;
            Err(format!(
                "only {asked} of {at_least} requests were made in time"
            ))
        } else {
            Ok(self.to_string())
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, asked) = (self.failed, self.asked);
        write!(f, "{failed} of {asked} requests failed")?;
        match &self.first {
            Some(first) => write!(f, "; the first: {first}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Result<Answer, String> {
        Ok(Answer {
            status,
            headers: http::HeaderMap::new(),
            body: b"no".to_vec(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_under_load_says_how_the_requests_were_answered() {
        let played = async {
            tokio::time::sleep(Duration::from_millis(950)).await;
            Err("the step failed".to_owned())
        };
        let ended = under_load(10, 0, played, || async { answer(503) }).await;
        assert_eq!(
            ended.unwrap_err(),
            "the step failed; of the load by then, 10 of 10 requests failed; the first: 503: no"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_that_cannot_be_large_enough_ends_and_whoever_holds_its_requests_too() {
        let held = || async {
            tokio::time::sleep(ANSWER).await;
            Err("not within 15s".to_owned())
        };
        let tally = under_load(1, 1_000, async { Ok(()) }, held).await.unwrap();
        assert!((60..=62).contains(&tally.asked), "{tally}");
        assert_eq!(tally.asked, tally.failed);
    }

    #[test]
    fn one_request_that_fails_is_one_too_many_and_too_few_are_too() {
        let tally = |answers: Vec<Result<Answer, String>>| {
            let mut tally = Tally::default();
            for answer in answers {
                tally.asked += 1;
                tally.count(answer);
            }
            tally.verdict(2)
        };
        assert_eq!(
            tally(vec![answer(200), answer(200)]).as_deref(),
            Ok("0 of 2 requests failed")
        );
        assert_eq!(
            tally(vec![answer(200), answer(503), Err("broken".to_owned())]),
            Err("2 of 3 requests failed; the first: 503: no".to_owned())
        );
        assert!(
            tally(vec![answer(200)])
                .unwrap_err()
                .contains("only 1 of 2")
        );
    }
}
