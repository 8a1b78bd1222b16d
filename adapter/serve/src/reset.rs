//! Connections that end without an answer, as a test of clients may want it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// An extension of a response: instead of it the client gets a reset of its connection (RST).
#[derive(Debug, Clone, Copy)]
pub struct Reset;

/// Set when the connection is to be reset.
pub(crate) type ToBeReset = Arc<AtomicBool>;

/// A stream that is reset instead of being written to, once it is to be.
pub(crate) struct Resettable {
    stream: TcpStream,
    to_be_reset: ToBeReset,
}

impl Resettable {
    pub(crate) fn new(stream: TcpStream) -> (Self, ToBeReset) {
        let to_be_reset = ToBeReset::default();
        let stream = Self {
            stream,
            to_be_reset: to_be_reset.clone(),
        };
        (stream, to_be_reset)
    }

    /// Fails once the connection is to be reset; whoever drops the stream then resets it.
    fn still_open(&self) -> io::Result<()> {
        if self.to_be_reset.load(Ordering::Relaxed) {
            // If this fails, the connection ends all the same.
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.still_open()?;
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.still_open()?;
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.still_open()?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
