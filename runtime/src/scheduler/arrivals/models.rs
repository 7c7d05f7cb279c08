//! Models of the hand-over. `a_hand_over_arrives_once` refuses a push that publishes without
//! release and a take without acquire; `the_first_pokes` a push that judges the emptiness by an
//! earlier load.

use std::ptr;

use super::{Arrivals, Linked};
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::thread;

/// Stands for a slot: a link, and what its holder alone touches.
struct Item {
    link: UnsafeCell<*const Item>,
    turns: UnsafeCell<usize>,
}

// SAFETY: the cells are touched by the holder alone, which is what loom checks.
unsafe impl Sync for Item {}

impl Item {
    fn new() -> &'static Item {
        // Items live for ever, as slots do.
        Box::leak(Box::new(Item {
            link: UnsafeCell::new(ptr::null()),
            turns: UnsafeCell::new(0),
        }))
    }

    /// What a holder does with it. Returns how often that was done before.
    fn hold(&self) -> usize {
        // SAFETY: the caller holds it, which is what loom checks.
        self.turns.with_mut(|turns| unsafe {
            *turns += 1;
            *turns - 1
        })
    }
}

impl Linked for Item {
    fn link(&self) -> *const Item {
        // SAFETY: as in `hold`.
        self.link.with(|link| unsafe { *link })
    }

    fn set_link(&self, next: *const Item) {
        // SAFETY: as in `hold`.
        self.link.with_mut(|link| unsafe { *link = next });
    }
}

/// What is handed over arrives once, with all that was done before, in the order of one sender.
#[test]
fn a_hand_over_arrives_once() {
    loom::model(|| {
        let arrivals = Arc::new(Arrivals::new());
        let senders = [1, 2].map(|count| {
            let arrivals = Arc::clone(&arrivals);
            thread::spawn(move || {
                for _ in 0..count {
                    let item = Item::new();
                    assert_eq!(item.hold(), 0);
                    let _ = arrivals.push(item);
                }
            })
        });
        let mut taken = 0;
        let mut take = || {
            arrivals.take(|item| {
                assert_eq!(item.hold(), 1);
                taken += 1;
            });
        };
        take();
        take();
        for sender in senders {
            sender.join().unwrap();
        }
        take();
        assert_eq!(taken, 3);
    });
}

/// The same process goes to and fro: given back by the owner, it is handed over again, at the
/// address that the list held before.
#[test]
fn an_item_comes_again() {
    loom::model(|| {
        let arrivals = Arc::new(Arrivals::new());
        let sender = {
            let arrivals = Arc::clone(&arrivals);
            thread::spawn(move || {
                let _ = arrivals.push(Item::new());
            })
        };
        let again = Item::new();
        let mut taken = 0;
        let _ = arrivals.push(again);
        arrivals.take(|item| {
            item.hold();
            taken += 1;
        });
        let _ = arrivals.push(again);
        sender.join().unwrap();
        arrivals.take(|item| {
            item.hold();
            taken += 1;
        });
        assert_eq!(taken, 3);
        assert_eq!(again.hold(), 2);
    });
}

/// Whenever something lies in the inbox, somebody has been told since the last take that found
/// something: nothing lies there unannounced.
#[test]
fn the_first_pokes() {
    loom::model(|| {
        let arrivals = Arc::new(Arrivals::new());
        let pokes = Arc::new(AtomicUsize::new(0));
        let senders = [(), ()].map(|()| {
            let (arrivals, pokes) = (Arc::clone(&arrivals), Arc::clone(&pokes));
            thread::spawn(move || {
                if arrivals.push(Item::new()) {
                    pokes.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let mut takes = 0;
        let mut take = || {
            let mut found = false;
            arrivals.take(|_| found = true);
            takes += usize::from(found);
        };
        take();
        for sender in senders {
            sender.join().unwrap();
        }
        take();
        assert_eq!(pokes.load(Ordering::Relaxed), takes);
    });
}
