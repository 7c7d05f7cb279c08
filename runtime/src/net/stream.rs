//! What TCP and Unix streams have in common: a source, two time-outs, reading and writing.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use socket2::SockRef;

use super::timeout::Timeout;
use crate::io::Direction;
use crate::io::source::{Done, Source, moved};

/// See the module's head.
pub(crate) struct Stream<S> {
    source: Source<S>,
    read_timeout: Timeout,
    write_timeout: Timeout,
}

impl<S: AsFd> Stream<S> {
    pub(crate) fn new(source: Source<S>) -> Stream<S> {
        Stream {
            source,
            read_timeout: Timeout::none(),
            write_timeout: Timeout::none(),
        }
    }

    pub(crate) fn source(&self) -> &Source<S> {
        &self.source
    }

    pub(crate) fn into_source(self) -> Source<S> {
        self.source
    }

    pub(super) fn read_timeout(&self) -> &Timeout {
        &self.read_timeout
    }

    pub(super) fn write_timeout(&self) -> &Timeout {
        &self.write_timeout
    }

    /// Reads without clearing the room first. Returns how many bytes were written to it.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        room: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.source.poll(cx, Direction::Read, |socket| {
            let bytes = SockRef::from(socket).recv(room)?;
            Ok(moved(bytes, room.len()))
        })
    }
}

impl<S: AsFd> Stream<S>
where
    for<'a> &'a S: Read + Write,
{
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        self.source
            .block(Direction::Read, self.read_timeout.get(), |mut socket| {
                Ok(moved(socket.read(room)?, room.len()))
            })
    }

    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn read_vectored(&self, rooms: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room = rooms.iter().map(|room| room.len()).sum();
        self.source
            .block(Direction::Read, self.read_timeout.get(), |mut socket| {
                Ok(moved(socket.read_vectored(rooms)?, room))
            })
    }

    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source
            .block(Direction::Write, self.write_timeout.get(), |mut socket| {
                Ok(written(socket.write(bytes)?))
            })
    }

    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.source
            .block(Direction::Write, self.write_timeout.get(), |mut socket| {
                Ok(written(socket.write_vectored(slices)?))
            })
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.source.poll(cx, Direction::Write, |mut socket| {
            Ok(written(socket.write(bytes)?))
        })
    }

    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    pub(crate) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.source.poll(cx, Direction::Write, |mut socket| {
            Ok(written(socket.write_vectored(slices)?))
        })
    }
}

/// The bytes that [`Stream::poll_receive`] has written.
pub(super) fn received(room: &[MaybeUninit<u8>], bytes: usize) -> Vec<u8> {
    // SAFETY: so many have been written at the room's beginning.
    unsafe { room[..bytes].assume_init_ref() }.to_vec()
}

/// A short write says nothing of the next: only the system's refusal does.
fn written(bytes: usize) -> Done<usize> {
    match moved(bytes, usize::MAX) {
        Done::Whole(bytes) | Done::Short(bytes) => Done::Whole(bytes),
    }
}

impl<S: fmt::Debug> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// `Read` and `Write` for a stream and for a reference to one, its descriptor, and its end.
macro_rules! reads_and_writes {
    ($stream:ident) => {
        impl Read for &$stream {
            #[cfg_attr(debug_assertions, track_caller)]
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                self.0.read(room)
            }

            #[cfg_attr(debug_assertions, track_caller)]
            fn read_vectored(&mut self, rooms: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.read_vectored(rooms)
            }
        }

        impl Write for &$stream {
            #[cfg_attr(debug_assertions, track_caller)]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }

            #[cfg_attr(debug_assertions, track_caller)]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.write_vectored(slices)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl Read for $stream {
            #[cfg_attr(debug_assertions, track_caller)]
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                self.0.read(room)
            }

            #[cfg_attr(debug_assertions, track_caller)]
            fn read_vectored(&mut self, rooms: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.read_vectored(rooms)
            }
        }

        impl Write for $stream {
            #[cfg_attr(debug_assertions, track_caller)]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }

            #[cfg_attr(debug_assertions, track_caller)]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.write_vectored(slices)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl AsFd for $stream {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.source().as_fd()
            }
        }

        impl AsRawFd for $stream {
            fn as_raw_fd(&self) -> RawFd {
                self.0.source().as_raw_fd()
            }
        }
    };
}

pub(super) use reads_and_writes;
