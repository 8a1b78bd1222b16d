//! Handshakes take turns, so that requests of others don't wait for a thousand of them.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::ready;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

/// How many are among the tasks that are ready to run. A handshake takes a third of a millisecond of a processor, so
/// whatever else is ready waits for less than one.
const AT_ONCE: usize = 2;
/// A step that takes this long was work, and ends the turn; others only found that nothing has come.
const WORK: Duration = Duration::from_micros(50);

/// A queue of futures that take the processor for long between two points of waiting.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Runs a future step by step. After a step of work it goes behind all tasks that are ready, and only then another one
    /// takes its turn. Who waits for bytes of a client keeps nobody from a turn.
    pub(crate) async fn take<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut turns = PollSemaphore::new(self.0.clone());
        let mut last = None;
        poll_fn(|context| {
            // All that were ready have had their time.
            drop(last.take());
            let turn = ready!(turns.poll_acquire(context));
            let began = Instant::now();
            let polled = work.as_mut().poll(context);
            if polled.is_pending() && began.elapsed() >= WORK {
                last = turn;
                context.waker().wake_by_ref();
            }
            polled
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn others_dont_wait_for_all_that_work_and_all_get_their_turn() {
        let (turns, worked) = (Turns::default(), Arc::new(AtomicUsize::new(0)));
        let work = |_| {
            let (turns, worked) = (turns.clone(), worked.clone());
            tokio::spawn(async move {
                let handshake = async {
                    let began = Instant::now();
                    while began.elapsed() < WORK {}
                    worked.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                };
                turns.take(handshake).await;
            })
        };
        let all: Vec<_> = (0..100).map(work).collect();
        let seen = worked.clone();
        let request = tokio::spawn(async move { seen.load(Ordering::Relaxed) });
        let before = request.await.expect("the request is answered");
        assert!(before <= AT_ONCE, "{before} went before the request");
        for one in all {
            one.await.expect("it gets its turn");
        }
        assert_eq!(worked.load(Ordering::Relaxed), 100);
    }

    #[tokio::test]
    async fn who_waits_for_a_client_keeps_nobody_from_a_turn() {
        let turns = Turns::default();
        let mut silent: Vec<_> = (0..10)
            .map(|_| Box::pin(turns.take(std::future::pending::<()>())))
            .collect();
        for one in &mut silent {
            assert!(futures::poll!(one).is_pending());
        }
        turns.take(std::future::ready(())).await;
    }
}
