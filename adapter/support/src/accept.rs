//! Accepting connections.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long nothing is accepted after a failure that concerns all connections, such as a lack of
/// file descriptors: nothing tells when others have closed theirs.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts one connection. A failure that concerns a single connection is passed over; any other
/// one is logged and tried again after a pause of 100 ms.
///
/// It never ends by itself: run it under a `CancellationToken` or in a `select!`. It is
/// cancel-safe where `accept` is, as that of tokio's listeners.
pub async fn accept<T, F: Future<Output = io::Result<T>>>(
    listener: &'static str,
    // No `AsyncFnMut`: whether what that returns is `Send` can't be said in a bound, so a task
    // that accepts could not be spawned.
    mut accept: impl FnMut() -> F,
) -> T {
    loop {
        match accept().await {
            Ok(connection) => return connection,
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(listener, %error, "accept a connection; trying again");
                sleep_until(Instant::now() + PAUSE).await;
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_MANY_FILES: i32 = 24;

    async fn time_until_accepted_after(error: fn() -> io::Error) -> Duration {
        let started = Instant::now();
        let mut results = vec![Ok(()), Err(error())];
        accept("test", || {
            std::future::ready(results.pop().expect("a result"))
        })
        .await;
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_one_connection_does_not_delay_the_next() {
        let aborted = || io::ErrorKind::ConnectionAborted.into();
        assert_eq!(time_until_accepted_after(aborted).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lack_of_descriptors_delays_the_next_accept() {
        let exhausted = || io::Error::from_raw_os_error(TOO_MANY_FILES);
        assert_eq!(time_until_accepted_after(exhausted).await, PAUSE);
    }
}
