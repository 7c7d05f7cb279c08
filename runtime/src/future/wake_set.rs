//! Who was woken, of many futures in one process.
//!
//! The process asks for wakers and takes the keys that were woken; wakers are called on any thread. Invariant: a key
//! that is woken stands in the list once, until it is taken or forgotten.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use crate::scheduler::is_spent;

/// Wakers that remember by a key which of them were called, so that of many futures those alone are
/// polled that can go on.
///
/// Whoever holds the set polls what [`poll_next`](WakeSet::poll_next) names, until that is pending; in the
/// meantime nobody is told of a wake-up, since it will be found.
///
/// A key's waker is made once and costs one allocation; waking it again before it was found costs
/// a swap. Keys are hashed fast, so they should be the program's own, not what a stranger may choose.
///
/// ```
/// use runtime::WakeSet;
/// use std::task::{Context, Poll, Waker};
///
/// let mut set = WakeSet::new();
/// set.wake(1);
/// let cx = &mut Context::from_waker(Waker::noop());
/// let Poll::Ready((1, first)) = set.poll_next(cx) else { panic!("it was woken") };
/// // The future of this key would now be polled with this waker.
/// assert!(set.poll_next(cx).is_pending());
/// first.wake();
/// assert!(matches!(set.poll_next(cx), Poll::Ready((1, _))));
/// ```
pub struct WakeSet<K> {
    shared: Arc<Mutex<Woken<K>>>,
    wakers: HashMap<K, Arc<Key<K>>, FxBuildHasher>,
}

/// The keys that were woken, and who is to be told of the next.
struct Woken<K> {
    keys: VecDeque<Arc<Key<K>>>,
    parent: Option<Waker>,
}

struct Key<K> {
    key: K,
    woken: AtomicBool,
    shared: Arc<Mutex<Woken<K>>>,
}

impl<K> WakeSet<K>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    /// An empty set.
    pub fn new() -> WakeSet<K> {
        WakeSet {
            shared: Arc::new(Mutex::new(Woken {
                keys: VecDeque::new(),
                parent: None,
            })),
            wakers: HashMap::default(),
        }
    }

    /// The waker of a key, for a future that is polled without having been found woken.
    pub fn waker(&mut self, key: K) -> Waker {
        Waker::from(Arc::clone(self.entry(key)))
    }

    /// Has a key found by [`poll_next`](WakeSet::poll_next), which is to be called next: nobody else is told.
    pub fn wake(&mut self, key: K) {
        let entry = self.entry(key);
        let parent = {
            let mut woken = entry.shared.lock();
            if !entry.woken.swap(true, Ordering::AcqRel) {
                woken.keys.push_back(Arc::clone(entry));
            }
            woken.parent.take()
        };
        // Its destructor may be anybody's code.
        drop(parent);
    }

    fn entry(&mut self, key: K) -> &Arc<Key<K>> {
        let shared = &self.shared;
        self.wakers.entry(key).or_insert_with_key(|key| {
            Arc::new(Key {
                key: key.clone(),
                woken: AtomicBool::new(false),
                shared: Arc::clone(shared),
            })
        })
    }

    /// Forgets a key: waking it from now on does nothing.
    pub fn remove(&mut self, key: &K) {
        if let Some(entry) = self.wakers.remove(key)
            && entry.woken.swap(true, Ordering::Relaxed)
        {
            // Not by the keys, whose comparison and destructor are anybody's code.
            let mut woken = self.shared.lock();
            woken.keys.retain(|woken| !Arc::ptr_eq(woken, &entry));
        }
    }

    /// Takes the key that was woken first, with its waker. If none was, or the turn of the process that polls
    /// is over, it is pending, and the next wake-up wakes the waker of `cx`.
    pub fn poll_next(&mut self, cx: &Context<'_>) -> Poll<(K, Waker)> {
        if is_spent(cx) {
            return Poll::Pending;
        }
        let mut taken = self.shared.lock().take();
        let mut before = None;
        if taken.is_none() {
            // Anybody's code, as a waker's destructor is: not under the lock.
            let waker = cx.waker().clone();
            let mut woken = self.shared.lock();
            taken = woken.take();
            before = match taken {
                Some(_) => Some(waker),
                None => woken.parent.replace(waker),
            };
        }
        drop(before);
        match taken {
            Some((found, _)) => Poll::Ready(found.found()),
            None => Poll::Pending,
        }
    }

    /// Takes the key that was woken first, with its waker, whether or not the process's turn is over.
    pub fn pop(&mut self) -> Option<(K, Waker)> {
        let found = self.shared.lock().keys.pop_front();
        found.map(Key::found)
    }
}

impl<K> Woken<K> {
    /// The key that was woken first, and whom nobody need tell now.
    fn take(&mut self) -> Option<(Arc<Key<K>>, Option<Waker>)> {
        let found = self.keys.pop_front()?;
        Some((found, self.parent.take()))
    }
}

impl<K: Clone + Send + Sync + 'static> Key<K> {
    fn found(self: Arc<Self>) -> (K, Waker) {
        // Acquire: what was done before the wake-up is seen by the poll.
        self.woken.swap(false, Ordering::Acquire);
        (self.key.clone(), Waker::from(self))
    }
}

impl<K> Default for WakeSet<K>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    fn default() -> WakeSet<K> {
        WakeSet::new()
    }
}

impl<K: Send + Sync + 'static> Wake for Key<K> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: with the acquire of who finds it, also if it is woken already.
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let parent = {
            let mut woken = self.shared.lock();
            woken.keys.push_back(Arc::clone(self));
            woken.parent.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl<K> fmt::Debug for WakeSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeSet")
            .field("keys", &self.wakers.len())
            .finish_non_exhaustive()
    }
}
