//! How much a connection of a pool has to do: known to its process and to the pool's manager, without a message
//! between them.
//!
//! Invariant: each [`Counted`] is one stream, from before its request is sent to its end, whatever that is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Streams of a connection, and how many it may have. Only counters: nothing else is read by what they say.
#[derive(Debug, Default)]
pub(crate) struct Load {
    streams: AtomicUsize,
    limit: AtomicUsize,
}

impl Load {
    /// How many streams the connection can have at a time, by what it speaks now.
    pub(crate) fn set_limit(&self, streams: usize) {
        self.limit.store(streams, Ordering::Relaxed);
    }

    /// A stream's place, if there is one.
    pub(crate) fn reserve(self: &Arc<Load>) -> Option<Counted> {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |streams: usize| (streams < limit).then_some(streams + 1);
        let reserved = self
            .streams
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.ok().map(|_| Counted(Arc::clone(self)))
    }

    /// A stream that has come without a place.
    pub(crate) fn count(self: &Arc<Load>) -> Counted {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }
}

/// A stream in the count.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Load>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No more places are given than there are, and one that is given back can be given again.
    #[test]
    fn reserve() {
        let load = Arc::new(Load::default());
        assert!(load.reserve().is_none());
        load.set_limit(2);
        let (first, second) = (load.reserve(), load.reserve());
        assert!(first.is_some() && second.is_some() && load.reserve().is_none());
        drop(first);
        let third = load.reserve();
        assert!(third.is_some());
        let beside = load.count();
        assert_eq!(load.streams(), 3);
        drop((second, third, beside));
        assert_eq!(load.streams(), 0);
    }
}
