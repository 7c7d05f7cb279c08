//! Who was woken, of many futures in one process.
//!
//! The process asks for wakers and takes the keys that were woken; wakers are called on any thread. Invariant: a key
//! that is woken stands in the list once, until it is taken or forgotten.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use parking_lot::Mutex;

/// Wakers that remember by a key which of them were called, so that of many futures those alone are
/// polled that can go on.
///
/// A key's waker is made once and costs one allocation; waking it again before it was drained costs
/// a load.
///
/// ```
/// use runtime::WakeSet;
/// use std::task::{Context, Waker};
///
/// let mut set = WakeSet::new();
/// let (first, second) = (set.waker(1), set.waker(2));
/// second.wake_by_ref();
/// second.wake();
/// let cx = Context::from_waker(Waker::noop());
/// assert_eq!(set.drain(&cx).collect::<Vec<_>>(), [2]);
/// first.wake();
/// assert_eq!(set.drain(&cx).collect::<Vec<_>>(), [1]);
/// ```
pub struct WakeSet<K> {
    shared: Arc<Mutex<Woken<K>>>,
    wakers: HashMap<K, Arc<Key<K>>>,
    drained: Vec<Arc<Key<K>>>,
}

/// The keys that were woken, and who is to be told of the next.
struct Woken<K> {
    keys: Vec<Arc<Key<K>>>,
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
                keys: Vec::new(),
                parent: None,
            })),
            wakers: HashMap::new(),
            drained: Vec::new(),
        }
    }

    /// The waker of a key. The first time it is asked for, the key counts as woken, so that its
    /// future is polled once.
    pub fn waker(&mut self, key: K) -> Waker {
        let shared = &self.shared;
        let entry = self.wakers.entry(key.clone()).or_insert_with(|| {
            Arc::new(Key {
                key,
                woken: AtomicBool::new(false),
                shared: Arc::clone(shared),
            })
        });
        Waker::from(Arc::clone(entry))
    }

    /// Forgets a key: waking it from now on does nothing.
    pub fn remove(&mut self, key: &K) {
        if let Some(entry) = self.wakers.remove(key) {
            entry.woken.store(true, Ordering::Relaxed);
            self.shared.lock().keys.retain(|woken| woken.key != *key);
        }
    }

    /// Takes the keys that were woken since, in the order in which they were. The next that is wakes
    /// the waker of `cx`.
    pub fn drain(&mut self, cx: &Context<'_>) -> impl Iterator<Item = K> + '_ {
        let waker = cx.waker().clone();
        let before = {
            let mut woken = self.shared.lock();
            std::mem::swap(&mut woken.keys, &mut self.drained);
            woken.parent.replace(waker)
        };
        drop(before);
        for entry in &self.drained {
            // Acquire: what was done before the wake-up is seen by the poll.
            entry.woken.swap(false, Ordering::Acquire);
        }
        self.drained.drain(..).map(|entry| entry.key.clone())
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
        // Release: with the drain's acquire, also if it is woken already.
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let parent = {
            let mut woken = self.shared.lock();
            woken.keys.push(Arc::clone(self));
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
