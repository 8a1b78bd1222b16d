//! Waiting for a state, and for it to stay, by whatever shows states.

use std::convert::Infallible;
use std::fmt::Debug;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use crate::outcome::{ClusterProblem, Context, Unmet};

/// A wait for a state.
pub(crate) struct Wait {
    /// The state, as a sentence.
    pub(crate) what: String,
    /// Time until the state is there.
    pub(crate) within: Duration,
    /// Time for which it must stay, once it is there.
    pub(crate) hold: Duration,
}

/// What was seen last.
#[derive(Default)]
struct Last {
    /// The last state that was not the expected one.
    state: Option<(Unmet, Instant)>,
    /// Why nothing has been seen since.
    failure: Option<(String, Instant)>,
}

impl Last {
    /// Why the state isn't there: who can't see can't blame what he looks at.
    fn unmet(self) -> (Unmet, Option<Instant>) {
        match (self.failure, self.state) {
            (Some((error, at)), state) => {
                let before = state.map(|(unmet, _)| unmet.to_string());
                (ClusterProblem::Watch { error, before }.into(), Some(at))
            }
            (None, Some((unmet, at))) => (unmet, Some(at)),
            (None, None) => (ClusterProblem::NothingSeen.into(), None),
        }
    }
}

impl Wait {
    pub(crate) fn until(what: String, within: Duration) -> Self {
        Self {
            what,
            within,
            hold: Duration::ZERO,
        }
    }

    /// Watches one object until it is as expected.
    pub(crate) async fn on<K>(
        self,
        api: Api<K>,
        name: &str,
        judge: impl Fn(Option<K>) -> Result<(), Unmet>,
    ) -> Result<(), Unmet>
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        self.over(watch_object(api, name), judge).await
    }

    /// Looks at states until one is as expected, and has stayed so for as long as it must.
    pub(crate) async fn over<S, E: std::error::Error + 'static>(
        self,
        states: impl Stream<Item = Result<S, E>>,
        judge: impl Fn(S) -> Result<(), Unmet>,
    ) -> Result<(), Unmet> {
        let deadline = Instant::now() + self.within;
        let mut since: Option<Instant> = None;
        let mut last = Last::default();
        let mut states = std::pin::pin!(states);
        loop {
            let until = since.map_or(deadline, |since| since + self.hold);
            if since.is_some() && self.hold.is_zero() {
                return Ok(());
            }
            match timeout_at(until, states.next()).await {
                Err(_) if since.is_some() && last.failure.is_none() => return Ok(()),
                Err(_) => return Err(self.missed(last)),
                Ok(None) => {
                    let of = self.what;
                    return Err(ClusterProblem::WatchEnded { of }.into());
                }
                // The watch begins again by itself.
                Ok(Some(Err(error))) => {
                    last.failure = Some((setpoint_support::error_chain(&error), Instant::now()));
                }
                Ok(Some(Ok(state))) => {
                    last.failure = None;
                    match (judge(state), since) {
                        (Ok(()), _) => {
                            since.get_or_insert_with(Instant::now);
                        }
                        (Err(unmet), None) => last.state = Some((unmet, Instant::now())),
                        (Err(unmet), Some(since)) => {
                            return Err(unmet.during(Context::Stay {
                                what: format!("{} for {:?}", self.what, self.hold),
                                after: since.elapsed(),
                            }));
                        }
                    }
                }
            }
        }
    }

    /// Asks again and again, with a pause, until the answer is as expected: for what can't be watched.
    pub(crate) async fn asking<F>(self, pause: Duration, ask: impl Fn() -> F) -> Result<(), Unmet>
    where
        F: Future<Output = Result<(), Unmet>>,
    {
        let mut pauses = interval(pause);
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let answers = stream::unfold((pauses, ask), |(mut pauses, ask)| async {
            pauses.tick().await;
            let answer = ask().await;
            Some((Ok::<_, Infallible>(answer), (pauses, ask)))
        });
        self.over(answers, |answer| answer).await
    }

    fn missed(self, last: Last) -> Unmet {
        let (unmet, at) = last.unmet();
        unmet.during(Context::Wait {
            what: self.what,
            within: self.within,
            ago: at.map(|at| at.elapsed()),
        })
    }
}

/// Something is as it is from now on, while the proof that the new input was judged is awaited, and
/// for `hold` after it.
pub(crate) async fn keeps<S, E: std::error::Error + 'static>(
    what: String,
    hold: Duration,
    states: impl Stream<Item = Result<S, E>>,
    judge: impl Fn(S) -> Result<(), Unmet>,
    proof: impl Future<Output = Result<(), Unmet>>,
) -> Result<(), Unmet> {
    let what = format!("{what} until {hold:?} after the new input was judged");
    let started = Instant::now();
    let mut states = std::pin::pin!(states);
    let mut proof = std::pin::pin!(proof);
    // No end until the proof is there, which has a limit of its own.
    let mut ends: Option<Instant> = None;
    let mut seen = false;
    let mut last = Last::default();
    loop {
        let over = async {
            match ends {
                Some(ends) => sleep_until(ends).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // A change counts even when the time is over at the same moment.
            biased;
            state = states.next() => match state {
                Some(Ok(state)) => {
                    seen = true;
                    last.failure = None;
                    if let Err(unmet) = judge(state) {
                        return Err(unmet.during(Context::Stay { what, after: started.elapsed() }));
                    }
                }
                // The watch begins again by itself.
                Some(Err(error)) => last.failure = Some((setpoint_support::error_chain(&error), Instant::now())),
                None => return Err(ClusterProblem::WatchEnded { of: what }.into()),
            },
            proven = &mut proof, if ends.is_none() => {
                proven?;
                ends = Some(Instant::now() + hold);
            }
            () = over => {
                if seen && last.failure.is_none() {
                    return Ok(());
                }
                let (unmet, _) = last.unmet();
                return Err(unmet.during(Context::State { what }));
            }
        }
    }
}

/// One object's states, none while it doesn't exist. A watch that fails begins again, ever more slowly.
pub(crate) fn watch_object<K>(
    api: Api<K>,
    name: &str,
) -> impl Stream<Item = watcher::Result<Option<K>>> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher::watch_object(api, name).default_backoff()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Finding, Kind, Owner};

    #[derive(Debug, thiserror::Error)]
    #[error("it is {0}")]
    struct Other(i32);

    impl Finding for Other {
        fn kind(&self) -> Kind {
            Kind::UnexpectedReplicas
        }
    }

    /// A failure of a watch.
    #[derive(Debug, Clone, Copy, thiserror::Error)]
    #[error("watch")]
    struct Failure(#[source] Refused);

    #[derive(Debug, Clone, Copy, thiserror::Error)]
    #[error("connection refused")]
    struct Refused;

    /// What is seen at which second; a failure is one of the watch.
    fn at(times: &[(u64, Result<i32, Failure>)]) -> impl Stream<Item = Result<i32, Failure>> {
        let started = Instant::now();
        let times = times.to_vec();
        stream::iter(times)
            .then(move |(second, seen)| async move {
                sleep_until(started + Duration::from_secs(second)).await;
                seen
            })
            .chain(stream::pending())
    }

    fn is(wanted: i32) -> impl Fn(i32) -> Result<(), Unmet> {
        move |seen| {
            if seen == wanted {
                Ok(())
            } else {
                Err(Other(seen).into())
            }
        }
    }

    fn wait(within: u64, hold: u64) -> Wait {
        Wait {
            what: "it is 4".to_owned(),
            within: Duration::from_secs(within),
            hold: Duration::from_secs(hold),
        }
    }

    async fn ended(wait: Wait, times: &[(u64, Result<i32, Failure>)]) -> Unmet {
        wait.over(at(times), is(4)).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_comes_is_enough_unless_it_must_stay() {
        let comes = [(0, Ok(1)), (1, Ok(4)), (1, Ok(1))];
        wait(5, 0).over(at(&comes), is(4)).await.unwrap();
        let stays = [(0, Ok(1)), (1, Ok(4))];
        wait(5, 3).over(at(&stays), is(4)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_does_not_come_says_what_was_seen() {
        let missed = ended(wait(5, 0), &[(0, Ok(1)), (0, Ok(2))]).await;
        assert_eq!(
            missed.to_string(),
            "it is 4: not within 5s; it is 2 (seen 5.0s ago)"
        );
        assert_eq!(missed.kind(), Kind::UnexpectedReplicas);
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_must_stay_may_not_go() {
        let missed = ended(wait(5, 3), &[(0, Ok(4)), (1, Ok(1)), (1, Ok(4))]).await;
        assert_eq!(
            missed.to_string(),
            "it is 4 for 3s: after 1.0s of it: it is 1"
        );
        assert_eq!(missed.kind(), Kind::DidNotStay);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_failed_last_is_the_clusters_and_one_that_recovered_is_not() {
        let broken = [(0, Ok(2)), (3, Err(Failure(Refused)))];
        let missed = ended(wait(5, 0), &broken).await;
        assert_eq!(missed.owner(), Owner::Cluster);
        assert_eq!(
            missed.to_string(),
            "it is 4: not within 5s; the watch failed: watch: connection refused; before that, it is 2 (seen 2.0s ago)"
        );
        let recovered = [(0, Err(Failure(Refused))), (3, Ok(2))];
        let missed = ended(wait(5, 0), &recovered).await;
        assert_eq!(missed.owner(), Owner::Adapter);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sees_nothing_does_not_blame_the_adapter() {
        let missed = ended(wait(5, 0), &[]).await;
        assert_eq!(missed.owner(), Owner::Cluster);
        let over = wait(5, 0).over(stream::empty::<Result<i32, Failure>>(), is(4));
        assert_eq!(over.await.unwrap_err().kind(), Kind::WatchEnded);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_knows_that_a_state_stays_while_the_watch_fails() {
        let blind = [(0, Ok(4)), (1, Err(Failure(Refused)))];
        assert_eq!(ended(wait(5, 3), &blind).await.kind(), Kind::WatchFailed);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_watched_is_asked_for_until_the_answer_fits() {
        let asked = std::cell::Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            let verdict = is(4)(asked.get());
            async { verdict }
        };
        let second = Duration::from_secs(1);
        wait(5, 0).asking(second, ask).await.unwrap();
        asked.set(10);
        assert_eq!(
            wait(2, 0)
                .asking(second, ask)
                .await
                .unwrap_err()
                .to_string(),
            "it is 4: not within 2s; it is 13 (seen 0.0s ago)"
        );
    }

    async fn kept(times: &[(u64, Result<i32, Failure>)]) -> Result<(), Unmet> {
        let proven_after_4s = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(())
        };
        let hold = Duration::from_secs(3);
        keeps("it".to_owned(), hold, at(times), is(3), proven_after_4s).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_may_not_change_before_the_proof_nor_for_a_while_after_it() {
        kept(&[(0, Ok(3))]).await.unwrap();
        let ended_by_then = kept(&[(0, Ok(3)), (8, Ok(5))]).await;
        ended_by_then.unwrap();
        for (times, after) in [
            (vec![(0, Ok(3)), (1, Ok(5)), (2, Ok(3))], "1.0"),
            (vec![(0, Ok(3)), (6, Ok(5))], "6.0"),
            (vec![(0, Ok(5)), (1, Ok(3))], "0.0"),
        ] {
            let unmet = kept(&times).await.unwrap_err();
            assert_eq!(unmet.kind(), Kind::DidNotStay);
            let end = format!("after {after}s of it: it is 5");
            assert!(unmet.to_string().ends_with(&end), "{unmet}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_saw_was_not_kept_and_what_was_not_proven_neither() {
        assert_eq!(kept(&[]).await.unwrap_err().owner(), Owner::Cluster);
        let blind = [(0, Ok(3)), (5, Err(Failure(Refused)))];
        assert_eq!(kept(&blind).await.unwrap_err().kind(), Kind::WatchFailed);
        let unproven = std::future::ready(Err(Other(9).into()));
        let hold = Duration::from_secs(3);
        let kept = keeps("it".to_owned(), hold, at(&[(0, Ok(3))]), is(3), unproven);
        assert_eq!(kept.await.unwrap_err().to_string(), "it is 9");
    }
}
