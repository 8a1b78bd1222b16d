//! Accepting connections when that fails: out of descriptors, say, which others give back in time.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long nothing is accepted after it failed; what is waited for can't be watched.
const PAUSE: Duration = Duration::from_millis(100);

/// Goes on after a failure: at once after one of a single connection, else when others had time to close theirs.
pub(crate) async fn after(error: &io::Error, part: &'static str) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    ) {
        return;
    }
    tracing::warn!(part, %error, "accept a connection; trying again");
    sleep_until(Instant::now() + PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_lack_of_something_is_waited_for() {
        let waited = async |error: io::Error| {
            let began = Instant::now();
            after(&error, "a test").await;
            began.elapsed()
        };
        let aborted = io::ErrorKind::ConnectionAborted.into();
        assert_eq!(waited(aborted).await, Duration::ZERO);
        let too_many_files = io::Error::from_raw_os_error(nix::errno::Errno::EMFILE as i32);
        assert_eq!(waited(too_many_files).await, PAUSE);
    }
}
