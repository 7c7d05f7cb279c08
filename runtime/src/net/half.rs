//! The two halves of a stream, which may live in two processes.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;

/// The half of a stream that is read: see [`TcpStream::into_split`](super::TcpStream::into_split).
pub struct ReadHalf<S> {
    pub(super) stream: Arc<S>,
}

/// The half of a stream that is written: see
/// [`TcpStream::into_split`](super::TcpStream::into_split). Dropped, it ends what is written: the peer
/// reads the end.
pub struct WriteHalf<S: EndWriting> {
    pub(super) stream: Arc<S>,
    /// Cleared when the stream has been put together again.
    pub(super) ends: bool,
}

/// The halves are of two streams. They are given back.
pub struct ReuniteError<S: EndWriting>(pub ReadHalf<S>, pub WriteHalf<S>);

/// A stream whose written half can be ended.
#[doc(hidden)]
pub trait EndWriting {
    fn end_writing(&self) -> io::Result<()>;
}

pub(super) fn split<S: EndWriting>(stream: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let stream = Arc::new(stream);
    let read = ReadHalf {
        stream: Arc::clone(&stream),
    };
    (read, WriteHalf { stream, ends: true })
}

impl<S: EndWriting> ReadHalf<S> {
    /// The stream, for what is no matter of halves: addresses, options.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Puts the stream together again.
    ///
    /// # Errors
    ///
    /// The halves are of two streams.
    pub fn reunite(self, mut write: WriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.stream, &write.stream) {
            return Err(ReuniteError(self, write));
        }
        write.ends = false;
        drop(write);
        match Arc::try_unwrap(self.stream) {
            Ok(stream) => Ok(stream),
            Err(_) => unreachable!("a stream has two halves"),
        }
    }
}

impl<S: EndWriting> WriteHalf<S> {
    /// The stream, for what is no matter of halves: addresses, options.
    pub fn stream(&self) -> &S {
        &self.stream
    }
}

impl<S: EndWriting> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        if self.ends {
            // The peer may have gone already.
            let _ = self.stream.end_writing();
        }
    }
}

impl<S> Read for ReadHalf<S>
where
    for<'a> &'a S: Read,
{
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self.stream).read(room)
    }

    fn read_vectored(&mut self, rooms: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self.stream).read_vectored(rooms)
    }
}

impl<S: EndWriting> Write for WriteHalf<S>
where
    for<'a> &'a S: Write,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.stream).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self.stream).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.stream).finish()
    }
}

impl<S: EndWriting + fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.stream).finish()
    }
}

impl<S: EndWriting> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError")
    }
}

impl<S: EndWriting> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two streams")
    }
}

impl<S: EndWriting> std::error::Error for ReuniteError<S> {}
