//! How long a server has waited for its client.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Since when the server has waited for bytes of the client, if it does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<Option<Instant>>>);

impl Waiting {
    /// How long the server has waited by then; nothing while it has bytes to read.
    pub(crate) fn until(&self, then: Instant) -> Duration {
        let since = *self.0.lock();
        since.map_or(Duration::ZERO, |since| {
            then.saturating_duration_since(since)
        })
    }

    #[cfg(test)]
    pub(crate) fn begin(&self) {
        *self.0.lock() = Some(Instant::now());
    }
}

/// A stream that keeps [`Waiting`].
pub(crate) struct ReadWatched<S> {
    stream: S,
    waiting: Waiting,
}

impl<S> ReadWatched<S> {
    pub(crate) fn new(stream: S, waiting: Waiting) -> Self {
        Self { stream, waiting }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadWatched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_read(context, buffer);
        let mut since = this.waiting.0.lock();
        if outcome.is_ready() {
            *since = None;
        } else {
            since.get_or_insert_with(Instant::now);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadWatched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_waits_from_the_last_byte_that_it_read_to_the_next() {
        let (mut client, server) = tokio::io::duplex(64);
        let waiting = Waiting::default();
        let mut server = ReadWatched::new(server, waiting.clone());
        let second = Duration::from_secs(1);
        // Nobody reads yet.
        tokio::time::advance(second).await;
        assert_eq!(waiting.until(Instant::now()), Duration::ZERO);
        let mut byte = [0];
        assert!(futures::poll!(Box::pin(server.read(&mut byte))).is_pending());
        tokio::time::advance(second).await;
        assert!(futures::poll!(Box::pin(server.read(&mut byte))).is_pending());
        assert_eq!(waiting.until(Instant::now()), second);
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut byte).await.unwrap();
        assert_eq!(waiting.until(Instant::now()), Duration::ZERO);
    }
}
