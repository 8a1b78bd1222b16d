//! Connections whose clients have said nothing yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A number of silent connections. They are sockets and nothing else: a client has a place among those that are served, and
/// memory for TLS, once it has sent something. One too many closes the one that has been silent for the longest time.
pub(crate) struct Silent {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// By their numbers, so the oldest first.
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Silent {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            table: Mutex::default(),
        })
    }

    /// Waits for something of a client; nothing if its connection has to go.
    pub(crate) async fn until<F: Future>(&self, something: F) -> Option<F::Output> {
        let entry = self.enter();
        entry.close.run_until_cancelled(something).await
    }

    fn enter(&self) -> Entry<'_> {
        let mut table = self.table.lock();
        if table.waiting.len() >= self.most
            && let Some((_, oldest)) = table.waiting.pop_first()
        {
            oldest.cancel();
        }
        let number = table.next;
        table.next += 1;
        let close = CancellationToken::new();
        table.waiting.insert(number, close.clone());
        Entry {
            silent: self,
            number,
            close,
        }
    }
}

struct Entry<'a> {
    silent: &'a Silent,
    number: u64,
    close: CancellationToken,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.silent.table.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn one_silent_connection_too_many_closes_the_oldest_and_those_that_speak_are_kept() {
        let silent = Silent::new(2);
        let wait = || Box::pin(silent.until(pending::<()>()));
        let (mut first, mut second) = (wait(), wait());
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        // It has spoken at once, but was there.
        assert_eq!(silent.until(ready(7)).await, Some(7));
        assert_eq!(first.await, None);
        let mut third = wait();
        assert!(futures::poll!(&mut third).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        drop(third);
        assert_eq!(silent.table.lock().waiting.len(), 1);
    }
}
