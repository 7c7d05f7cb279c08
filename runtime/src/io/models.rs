//! Models of a registration: a process that waits for a descriptor, and a poller.
//!
//! | model                              | a change that it refuses                                  |
//! |------------------------------------|-----------------------------------------------------------|
//! | `an_edge_is_not_lost`              | `store` that does not look again, or looks before it has  |
//! |                                    | stored; a poller that takes before it raises              |
//! | `an_edge_beside_a_call_is_kept`    | `clear` that does not compare the edges                   |
//! | `an_end_survives_a_short_read`     | `Clear::Ready` that clears the end                        |
//! | `a_call_takes_out_itself_alone`    | `remove` that does not compare the waker                  |
//! | `a_stale_edge_wakes_nobody`        | `raise` that does not compare the generation              |
//!
//! ```text
//! .ci/loom io
//! ```

use std::task::{Wake, Waker};

use super::Direction::Read;
use super::registration::{Clear, Registration, Stored, Waiter, ready};
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::sync::{Arc, Condvar, Mutex};
use crate::loom::thread;

/// A descriptor: what the system has for it, and its registration.
struct Descriptor {
    bytes: AtomicUsize,
    ended: AtomicUsize,
    registration: Registration,
}

impl Descriptor {
    /// Nothing is there, and the registration knows.
    fn new() -> Arc<Descriptor> {
        let registration = Registration::new();
        let seen = registration.begin();
        registration.clear(seen, Read, Clear::All);
        Arc::new(Descriptor {
            bytes: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            registration,
        })
    }

    /// The system: bytes come, and the poller gets the edge.
    fn arrive(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.raise(ready::READ);
    }

    fn raise(&self, bits: u64) {
        let generation = self.registration.look().generation();
        if self.registration.raise(Some(generation), bits) {
            self.registration.take(Read).wake();
        }
    }

    /// Reads all there is, as a blocking call does.
    fn read(&self, room: usize) -> usize {
        loop {
            let seen = self.registration.look();
            if seen.is_ready(Read) {
                let bytes = self.bytes.swap(0, Ordering::AcqRel);
                if bytes > 0 {
                    if bytes < room {
                        self.registration.clear(seen, Read, Clear::Ready);
                    }
                    return bytes;
                }
                if self.ended.load(Ordering::Acquire) > 0 {
                    return 0;
                }
                self.registration.clear(seen, Read, Clear::All);
            } else {
                let (bed, waker) = Bed::make();
                match self.registration.store(Read, Waiter::Call(waker.clone())) {
                    Stored::Waits => bed.sleep(),
                    Stored::Ready => {}
                    Stored::Occupied => unreachable!("one reads"),
                }
                self.registration.remove(Read, &waker);
            }
        }
    }
}

/// Where a model's process waits.
struct Bed {
    woken: Mutex<bool>,
    rings: Condvar,
}

// SAFETY: loom's lock and condition are for all threads of the model; its types do not say so.
unsafe impl Send for Bed {}
// SAFETY: as above.
unsafe impl Sync for Bed {}

impl Bed {
    fn make() -> (std::sync::Arc<Bed>, Waker) {
        let bed = std::sync::Arc::new(Bed {
            woken: Mutex::new(false),
            rings: Condvar::new(),
        });
        let waker = Waker::from(std::sync::Arc::clone(&bed));
        (bed, waker)
    }

    fn sleep(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.rings.wait(woken).unwrap();
        }
    }

    fn is_woken(&self) -> bool {
        *self.woken.lock().unwrap()
    }
}

impl Wake for Bed {
    fn wake(self: std::sync::Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.rings.notify_one();
    }
}

/// Bytes that come while a process goes to wait are read.
#[test]
fn an_edge_is_not_lost() {
    loom::model(|| {
        let descriptor = Descriptor::new();
        let poller = {
            let descriptor = Arc::clone(&descriptor);
            thread::spawn(move || descriptor.arrive(1))
        };
        assert_eq!(descriptor.read(8), 1);
        poller.join().unwrap();
    });
}

/// Bytes that come between the call that found none and the clearing are read.
#[test]
fn an_edge_beside_a_call_is_kept() {
    loom::model(|| {
        let descriptor = Descriptor::new();
        let poller = {
            let descriptor = Arc::clone(&descriptor);
            thread::spawn(move || {
                descriptor.arrive(1);
                descriptor.arrive(1);
            })
        };
        let mut read = 0;
        while read < 2 {
            read += descriptor.read(8);
        }
        poller.join().unwrap();
    });
}

/// Data and end come by one edge; a read of the data alone does not forget the end.
#[test]
fn an_end_survives_a_short_read() {
    loom::model(|| {
        let descriptor = Descriptor::new();
        let poller = {
            let descriptor = Arc::clone(&descriptor);
            thread::spawn(move || {
                descriptor.bytes.fetch_add(1, Ordering::AcqRel);
                descriptor.ended.store(1, Ordering::Release);
                descriptor.raise(ready::READ | ready::READ_CLOSED);
            })
        };
        assert_eq!(descriptor.read(8), 1);
        assert_eq!(descriptor.read(8), 0);
        poller.join().unwrap();
    });
}

/// A call that was woken and gives its place up leaves the next one's alone.
#[test]
fn a_call_takes_out_itself_alone() {
    loom::model(|| {
        let descriptor = Descriptor::new();
        let (first, waker) = Bed::make();
        assert_eq!(
            descriptor
                .registration
                .store(Read, Waiter::Call(waker.clone())),
            Stored::Waits
        );
        // The poller takes the first out, the edge is used up, a second comes to wait.
        let seen = descriptor.registration.look();
        descriptor.raise(ready::READ);
        assert!(first.is_woken());
        descriptor.registration.clear(seen, Read, Clear::All);
        let again = descriptor.registration.look();
        descriptor.registration.clear(again, Read, Clear::All);
        let second = {
            let descriptor = Arc::clone(&descriptor);
            thread::spawn(move || descriptor.read(8))
        };
        let leaving = {
            let descriptor = Arc::clone(&descriptor);
            thread::spawn(move || descriptor.registration.remove(Read, &waker))
        };
        descriptor.arrive(1);
        assert_eq!(second.join().unwrap(), 1);
        leaving.join().unwrap();
    });
}

/// An event that was on its way when its descriptor went does not reach the next one's.
#[test]
fn a_stale_edge_wakes_nobody() {
    loom::model(|| {
        let descriptor = Descriptor::new();
        let generation = descriptor.registration.look().generation();
        let poller = {
            let descriptor = Arc::clone(&descriptor);
            thread::spawn(move || {
                descriptor
                    .registration
                    .raise(Some(generation), ready::READ_CLOSED)
            })
        };
        let _ = descriptor.registration.end();
        let seen = descriptor.registration.begin();
        descriptor.registration.clear(seen, Read, Clear::All);
        let _ = poller.join().unwrap();
        assert!(!descriptor.registration.look().is_ready(Read));
    });
}
