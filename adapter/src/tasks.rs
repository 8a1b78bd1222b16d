//! Background tasks that are started again when they die.

use std::time::Duration;

use setpoint_support::backoff;
use tokio::task::JoinHandle;

use crate::metrics::OwnMetrics;

/// How soon a task is started again; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs a task until it ends by itself. A panic, which is a fault of the adapter, is logged and
/// counted, and the task is started again: otherwise what it renews would silently grow old.
pub(crate) fn supervise<F>(
    name: &'static str,
    metrics: OwnMetrics,
    start: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        for pause in backoff(FIRST_PAUSE, LONGEST_PAUSE) {
            match tokio::spawn(start()).await {
                Err(error) if error.is_panic() => {}
                _ => return,
            }
            metrics.restarted(name);
            tracing::error!("the task `{name}` panicked; start it again in {pause:?}");
            tokio::time::sleep(pause).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_dies_is_started_again_and_counted() {
        let (metrics, started) = (OwnMetrics::default(), Arc::new(AtomicUsize::new(0)));
        let counted = started.clone();
        let task = supervise("test", metrics.clone(), move || {
            let counted = counted.clone();
            async move {
                assert!(counted.fetch_add(1, Ordering::SeqCst) == 2, "on purpose");
            }
        });
        task.await.unwrap();
        assert_eq!(started.load(Ordering::SeqCst), 3);
        let text = metrics.text();
        let restarts = "setpoint_adapter_task_restarts_total{task=\"test\"} 2";
        assert!(text.contains(restarts), "{text}");
    }
}
