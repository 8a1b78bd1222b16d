//! What heads of requests take of memory, from their first byte to their answer's last.
//!
//! Any peer may send the first mebibyte of a head and leave it at that, on each of its connections. Short heads are free; for
//! a longer one a connection reads on only when there is room for the longest. Once the head is whole, its own size counts.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// Bytes are counted in units of so many.
pub(crate) const HEAD_UNIT: u32 = 1024;
/// Bytes of a head that need no room, a TLS record.
pub(crate) const SHORT_HEAD: usize = 16 << 10;

/// The size of a request's head in units, as HTTP/2 counts it.
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

/// What has come in of a head that isn't whole yet.
#[derive(Clone, Default)]
pub(crate) struct ComingIn(Arc<Mutex<Head>>);

#[derive(Default)]
struct Head {
    bytes: usize,
    room: Option<OwnedSemaphorePermit>,
}

impl ComingIn {
    /// The head has become a request; what comes now belongs to the next one.
    pub(crate) fn is_whole(&self) {
        *self.head() = Head::default();
    }

    fn head(&self) -> MutexGuard<'_, Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that is read from only as far as there is room.
pub(crate) struct Metered<S> {
    stream: S,
    coming_in: ComingIn,
    /// Units of the longest head.
    longest: u32,
    room: PollSemaphore,
}

impl<S> Metered<S> {
    /// A stream with heads of so many bytes at the most, and what has come in over it.
    pub(crate) fn new(stream: S, longest: u32, room: Arc<Semaphore>) -> (Self, ComingIn) {
        let coming_in = ComingIn::default();
        let metered = Self {
            stream,
            coming_in: coming_in.clone(),
            longest: longest / HEAD_UNIT,
            room: PollSemaphore::new(room),
        };
        (metered, coming_in)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let needs_room = {
            let head = this.coming_in.head();
            head.bytes > SHORT_HEAD && head.room.is_none()
        };
        if needs_room {
            // How long that may take is for whoever limits the time for a head.
            let room = ready!(this.room.poll_acquire_many(context, this.longest));
            this.coming_in.head().room = room;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.coming_in.head().bytes += buffer.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
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
