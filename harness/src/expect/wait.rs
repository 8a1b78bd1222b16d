//! Waiting for a state, and for it to stay, by whatever tells of states.

use std::fmt::{self, Debug};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Missed, Verdict};

/// Something is so from now on, while the proof that the new input was judged is awaited, and for `hold` after it.
pub(super) async fn keeps<K>(
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
pub(super) struct Wait {
    pub(super) what: String,
    /// Time until the state is there.
    pub(super) within: Duration,
    /// Time for which it must stay, once it is there.
    pub(super) hold: Duration,
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
    pub(super) fn until(what: String, within: Duration) -> Self {
        Self {
            what,
            within,
            hold: Duration::ZERO,
        }
    }

    /// Watches one object until the judge is content with it.
    pub(super) async fn on<K>(
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

    pub(super) async fn over<K, E: fmt::Display>(
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

#[cfg(test)]
mod tests {
    use futures::stream;

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
