//! Expectations: named, bounded waits by watch that remember what they saw last.

mod discovery;
mod judge;
mod pod;

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use setpoint_cluster::Cluster;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

pub(crate) use judge::has_ready_container;
pub(crate) use pod::words as pod_in_words;

use crate::prometheus::{Prometheus, judge_vector};
use crate::request::Adapter;
use crate::scenario::{Expectation, Span};

/// How long a state is waited for where the scenario doesn't say.
const WITHIN: Span = Span::Time(Duration::from_secs(20));
/// How often Prometheus is asked for a state; less than the shortest scrape interval.
const LOOKS: Duration = Duration::from_millis(200);

/// What expectations are judged against.
#[derive(Clone)]
pub struct Scene {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The adapter, for questions to itself.
    pub adapter: Arc<Adapter>,
    /// The real Prometheus, where there is one.
    pub prometheus: Option<Arc<Prometheus>>,
}

/// An expectation that wasn't met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct Missed {
    /// What was expected.
    pub what: String,
    /// What was there instead, and when.
    pub problem: String,
}

/// What a judge says of a state: nothing, or what is wrong with it.
type Verdict = Result<(), String>;

/// Waits for the expected state.
///
/// # Errors
/// When it doesn't come in time, or doesn't stay.
pub async fn expect(scene: &Scene, expectation: &Expectation) -> Result<(), Missed> {
    let client = scene.cluster.client();
    let sync = scene.cluster.facts().hpa_sync_period;
    let within = |within: &Option<Span>| within.unwrap_or(WITHIN).duration(sync);
    match expectation {
        Expectation::Replicas {
            of,
            namespace,
            equals,
            within: time,
            for_,
            after,
        } => {
            let (_, name) = of.split_once('/').unwrap_or(("deployment", of));
            let api: Api<Deployment> = Api::namespaced(client, namespace);
            let hold = for_.map(|span| span.duration(sync)).unwrap_or_default();
            let judge = |deployment: Option<&Deployment>| judge::replicas(deployment, *equals);
            let Some(after) = after else {
                let what = format!("{of} has {equals} replicas");
                return Wait::until(what, within(time)).on(api, name, judge).await;
            };
            let proof = Box::pin(expect(scene, after));
            let what = format!("{of} keeps {equals} replicas");
            keeps(what, hold, watch_object(api, name), judge, proof).await
        }
        Expectation::Hpa {
            name,
            namespace,
            within: time,
            ..
        } => {
            let api: Api<HorizontalPodAutoscaler> = Api::namespaced(client, namespace);
            let wait = Wait::until(
                format!("HPA {name} {}", judge::words(expectation)),
                within(time),
            );
            wait.on(api, name, |hpa| judge::hpa(hpa, expectation)).await
        }
        Expectation::Apiservice {
            name,
            available,
            reason,
            message,
            within: time,
            for_,
        } => {
            let api: Api<APIService> = Api::all(client);
            let because = message.as_deref().or(reason.as_deref());
            let because = because.map_or_else(String::new, |why| format!(" because of `{why}`"));
            let hold = for_.map(|span| span.duration(sync)).unwrap_or_default();
            let wait = Wait {
                what: format!("APIService {name} has Available={available:?}{because}"),
                within: within(time),
                hold,
            };
            wait.on(api, name, |service| {
                judge::apiservice(service, *available, reason.as_deref(), message.as_deref())
            })
            .await
        }
        Expectation::Pod(expected) => {
            pod::expect(&client, expected, within(&expected.within)).await
        }
        Expectation::Discovery {
            group,
            version,
            has,
            within: time,
        } => discovery::expect(&scene.adapter, group, version, has, within(time)).await,
        Expectation::Target {
            discovered_labels,
            health,
            last_error,
            scrape_url,
            within: time,
        } => {
            let wanted = last_error.as_ref().or(scrape_url.as_ref());
            let with = wanted.map_or_else(String::new, |words| format!(" with `{words}`"));
            let what = format!("targets with {discovered_labels:?} are {health:?}{with}");
            let (error, url) = (last_error.as_deref(), scrape_url.as_deref());
            let prometheus = real_prometheus(scene, &what)?;
            let ask = || async move {
                let targets = prometheus.targets().await?;
                targets.judge(discovered_labels, *health, error, url)
            };
            asks(what, within(time), ask).await
        }
        Expectation::Query {
            promql,
            count,
            value,
            tolerance,
            within: time,
        } => {
            let near = value.map_or_else(String::new, |value| format!(" of {value}"));
            let what = format!("Prometheus answers {count} elements{near} to `{promql}`");
            let prometheus = real_prometheus(scene, &what)?;
            let ask = || async move {
                let found = prometheus.query(promql).await?;
                judge_vector(&found, *count, *value, *tolerance)
            };
            asks(what, within(time), ask).await
        }
    }
}

fn real_prometheus<'a>(scene: &'a Scene, what: &str) -> Result<&'a Prometheus, Missed> {
    let missed = || Missed {
        what: what.to_owned(),
        problem: "there is no real Prometheus in this installation".to_owned(),
    };
    scene.prometheus.as_deref().ok_or_else(missed)
}

/// Asks again and again until the verdict is good.
async fn asks<F: Future<Output = Verdict>>(
    what: String,
    within: Duration,
    ask: impl Fn() -> F,
) -> Result<(), Missed> {
    let mut looks = interval(LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let answers = stream::unfold((looks, ask), |(mut looks, ask)| async {
        looks.tick().await;
        let verdict = ask().await;
        Some((Ok::<_, Infallible>(Some(verdict)), (looks, ask)))
    });
    let wait = Wait::until(what, within);
    let judge = |verdict: Option<&Verdict>| {
        let unasked = || Err("it wasn't asked".to_owned());
        verdict.map_or_else(unasked, Clone::clone)
    };
    wait.over(answers, judge).await
}

/// Something is so from now on, while the proof that the new input was judged is awaited, and for `hold` after it.
async fn keeps<K>(
    what: String,
    hold: Duration,
    states: impl Stream<Item = watcher::Result<Option<K>>>,
    judge: impl Fn(Option<&K>) -> Verdict,
    proof: impl Future<Output = Result<(), Missed>>,
) -> Result<(), Missed> {
    let started = Instant::now();
    let mut states = std::pin::pin!(states);
    let mut proof = std::pin::pin!(proof);
    // Until the proof is there: no end. What isn't there in time is the proof's own affair.
    let mut ends: Option<Instant> = None;
    let mut seen = false;
    let mut last = "nothing was seen of it".to_owned();
    let ended = loop {
        let over = async {
            match ends {
                Some(ends) => sleep_until(ends).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What changed is told before the time is called over.
            biased;
            state = states.next() => match state {
                Some(Ok(state)) => {
                    seen = true;
                    if let Err(words) = judge(state.as_ref()) {
                        break Err(format!("after {:.1}s: {words}", started.elapsed().as_secs_f64()));
                    }
                }
                // The watch goes on by itself.
                Some(Err(error)) => last = format!("the watch failed: {error}"),
                None => break Err("the watch ended".to_owned()),
            },
            proven = &mut proof, if ends.is_none() => {
                proven?;
                ends = Some(Instant::now() + hold);
            }
            () = over => break if seen { Ok(()) } else { Err(last) },
        }
    };
    ended.map_err(|problem| Missed {
        what: format!("{what} until {hold:?} after the new input was judged"),
        problem,
    })
}

/// A wait for a state.
struct Wait {
    what: String,
    /// Time until the state is there.
    within: Duration,
    /// Time for which it must stay, once it is there.
    hold: Duration,
}

/// What was seen last, for messages.
struct Seen {
    words: String,
    at: Instant,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (seen {:.1}s ago)",
            self.words,
            self.at.elapsed().as_secs_f64()
        )
    }
}

impl Wait {
    fn until(what: String, within: Duration) -> Self {
        Self {
            what,
            within,
            hold: Duration::ZERO,
        }
    }

    /// Watches one object until the judge is content with it.
    async fn on<K>(
        self,
        api: Api<K>,
        name: &str,
        judge: impl Fn(Option<&K>) -> Verdict,
    ) -> Result<(), Missed>
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let states = watch_object(api, name);
        self.over(states, judge).await
    }

    async fn over<K, E: fmt::Display>(
        self,
        states: impl Stream<Item = Result<Option<K>, E>>,
        judge: impl Fn(Option<&K>) -> Verdict,
    ) -> Result<(), Missed> {
        let started = Instant::now();
        let deadline = started + self.within;
        let mut since: Option<Instant> = None;
        let mut seen = Seen {
            words: "nothing was seen yet".to_owned(),
            at: started,
        };
        let mut states = std::pin::pin!(states);
        loop {
            let until = since.map_or(deadline, |since| since + self.hold);
            if since.is_some() && self.hold.is_zero() {
                return Ok(());
            }
            let state = match timeout_at(until, states.next()).await {
                Err(_) if since.is_some() => return Ok(()),
                Err(_) | Ok(None) => {
                    let problem = format!("not within {:?}; {seen}", self.within);
                    return Err(Missed {
                        what: self.what,
                        problem,
                    });
                }
                Ok(Some(Err(error))) => {
                    // The watch goes on by itself.
                    seen = Seen {
                        words: format!("the watch failed: {error}"),
                        at: Instant::now(),
                    };
                    continue;
                }
                Ok(Some(Ok(state))) => state,
            };
            match judge(state.as_ref()) {
                Ok(()) => {
                    since.get_or_insert_with(Instant::now);
                }
                Err(words) => {
                    if let Some(since) = since {
                        let stayed = since.elapsed().as_secs_f64();
                        return Err(Missed {
                            what: format!("{} for {:?}", self.what, self.hold),
                            problem: format!("after {stayed:.1}s of it: {words}"),
                        });
                    }
                    seen = Seen {
                        words,
                        at: Instant::now(),
                    };
                }
            }
        }
    }
}

/// Waits for a pod of an installation to be ready. Of several it is the one that was made last: the others make way for it.
///
/// # Errors
/// When there is none in time.
pub async fn ready_pod(
    client: &Client,
    namespace: &str,
    container: &str,
    within: Duration,
) -> Result<Pod, Missed> {
    use kube::runtime::{WatchStreamExt as _, reflector, watcher};

    let what = format!("a pod in {namespace} has a ready container `{container}`");
    let deadline = Instant::now() + within;
    let (store, writer) = reflector::store::<Pod>();
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut events = std::pin::pin!(
        watcher(pods, watcher::Config::default())
            .default_backoff()
            .reflect(writer)
    );
    loop {
        if timeout_at(deadline, events.next()).await.is_err() {
            let seen: Vec<String> = store
                .state()
                .iter()
                .map(|pod| judge::pod_in_words(pod))
                .collect();
            let problem = format!(
                "not within {within:?}; pods: {}",
                if seen.is_empty() {
                    "none".to_owned()
                } else {
                    seen.join("; ")
                }
            );
            return Err(Missed { what, problem });
        }
        let ready = store
            .state()
            .into_iter()
            .filter(|pod| judge::has_ready_container(pod, container))
            .max_by_key(|pod| pod.metadata.creation_timestamp.clone());
        if let Some(pod) = ready {
            return Ok(Pod::clone(&pod));
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher;

    use super::*;

    fn numbers(numbers: &[i32]) -> impl Stream<Item = watcher::Result<Option<i32>>> {
        stream::iter(
            numbers
                .iter()
                .map(|number| Ok(Some(*number)))
                .collect::<Vec<_>>(),
        )
        .chain(stream::pending())
    }

    fn is(wanted: i32) -> impl Fn(Option<&i32>) -> Verdict {
        move |seen| {
            if seen == Some(&wanted) {
                Ok(())
            } else {
                Err(format!("it is {seen:?}"))
            }
        }
    }

    fn wait(within: u64, hold: u64) -> Wait {
        let seconds = Duration::from_secs;
        Wait {
            what: "it is 4".to_owned(),
            within: seconds(within),
            hold: seconds(hold),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_comes_is_enough_unless_it_must_stay() {
        assert_eq!(wait(5, 0).over(numbers(&[1, 4, 1]), is(4)).await, Ok(()));
        assert_eq!(wait(5, 3).over(numbers(&[1, 4]), is(4)).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_does_not_come_says_what_was_seen() {
        let missed = wait(5, 0).over(numbers(&[1, 2]), is(4)).await.unwrap_err();
        assert_eq!(
            missed.to_string(),
            "it is 4: not within 5s; it is Some(2) (seen 5.0s ago)"
        );
    }

    /// What is seen at which second.
    fn at(times: &[(u64, i32)]) -> impl Stream<Item = watcher::Result<Option<i32>>> {
        let started = Instant::now();
        let times = times.to_vec();
        stream::iter(times)
            .then(move |(second, number)| async move {
                sleep_until(started + Duration::from_secs(second)).await;
                Ok(Some(number))
            })
            .chain(stream::pending())
    }

    async fn proven_after(seconds: u64) -> Result<(), Missed> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok(())
    }

    async fn kept(times: &[(u64, i32)]) -> Result<(), String> {
        let hold = Duration::from_secs(3);
        let kept = keeps("it".to_owned(), hold, at(times), is(3), proven_after(4));
        kept.await.map_err(|missed| missed.problem)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_may_not_change_before_the_proof_nor_for_a_while_after_it() {
        assert_eq!(kept(&[(0, 3)]).await, Ok(()));
        assert_eq!(
            kept(&[(0, 3), (8, 5)]).await,
            Ok(()),
            "it has ended by then"
        );
        let changed = |seconds: &str| Err(format!("after {seconds}s: it is Some(5)"));
        assert_eq!(kept(&[(0, 3), (1, 5), (2, 3)]).await, changed("1.0"));
        assert_eq!(kept(&[(0, 3), (6, 5)]).await, changed("6.0"));
        assert_eq!(kept(&[(0, 5), (1, 3)]).await, changed("0.0"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_saw_was_not_kept_and_what_was_not_proven_neither() {
        assert_eq!(kept(&[]).await, Err("nothing was seen of it".to_owned()));
        let missed = Missed {
            what: "the proof".to_owned(),
            problem: "not within 1s".to_owned(),
        };
        let unproven = std::future::ready(Err(missed.clone()));
        let hold = Duration::from_secs(3);
        let kept = keeps("it".to_owned(), hold, at(&[(0, 3)]), is(3), unproven);
        assert_eq!(kept.await, Err(missed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_must_stay_may_not_go() {
        let missed = wait(5, 3)
            .over(numbers(&[4, 1, 4]), is(4))
            .await
            .unwrap_err();
        assert_eq!(
            missed.to_string(),
            "it is 4 for 3s: after 0.0s of it: it is Some(1)"
        );
    }
}
