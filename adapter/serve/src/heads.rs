//! Bounds on the memory that heads of requests take.
//!
//! A client may send almost 1 MiB of a head on each of its connections and stop there. Short heads
//! are free. Before more of a longer one is read, the connection needs permits for the longest
//! head. When the head is complete, permits for its own size are taken until the response has been
//! sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// Bytes for each permit.
pub(crate) const HEAD_UNIT: u32 = 1024;
/// Bytes of a head that need no permit: a TLS record.
pub(crate) const SHORT_HEAD: usize = 16 << 10;

/// The permits for the head of a request; its size is counted as in HTTP/2.
pub(crate) fn units<B>(request: &Request<B>) -> u32 {
    let size = |headers: &HeaderMap| -> usize {
        headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum()
    };
    let path = request.uri().path_and_query();
    let bytes = size(request.headers()) + path.map_or(0, |path| path.as_str().len());
    u32::try_from(bytes)
        .unwrap_or(u32::MAX)
        .div_ceil(HEAD_UNIT)
        .max(1)
}

/// The head that a connection is receiving.
#[derive(Clone, Default)]
pub(crate) struct IncomingHead(Arc<Mutex<Head>>);

#[derive(Default)]
struct Head {
    bytes: usize,
    permits: Option<OwnedSemaphorePermit>,
}

impl IncomingHead {
    /// The head has become a request; further bytes belong to the next one.
    pub(crate) fn complete(&self) {
        *self.0.lock() = Head::default();
    }
}

/// A stream that reads on in a long head only when it has permits for the longest.
pub(crate) struct HeadLimited<S> {
    stream: S,
    head: IncomingHead,
    /// Permits for the longest head.
    longest: u32,
    permits: PollSemaphore,
}

impl<S> HeadLimited<S> {
    /// Heads may have `longest` bytes.
    pub(crate) fn new(stream: S, longest: u32, permits: Arc<Semaphore>) -> (Self, IncomingHead) {
        let head = IncomingHead::default();
        let limited = Self {
            stream,
            head: head.clone(),
            longest: longest / HEAD_UNIT,
            permits: PollSemaphore::new(permits),
        };
        (limited, head)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadLimited<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let needs_permits = {
            let head = this.head.0.lock();
            head.bytes > SHORT_HEAD && head.permits.is_none()
        };
        if needs_permits {
            // The time for this is part of the time for the head, which hyper limits.
            let permits = ready!(this.permits.poll_acquire_many(context, this.longest));
            this.head.0.lock().permits = permits;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.head.0.lock().bytes += buffer.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadLimited<S> {
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
