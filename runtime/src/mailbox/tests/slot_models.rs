//! Models of a slot's life: the end of a process, and the next in its place.

use super::place::Place;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicU32, Ordering};
use crate::loom::thread;

/// The flag that a kill sets before its signal.
const KILLED: u32 = 2;

fn is_alive(place: &Place, generation: u32) -> bool {
    let flags = place.inbox.flags_of(generation);
    flags.is_some_and(|flags| flags & KILLED == 0) && !place.inbox.is_closed()
}

/// A message to a process that ends reaches neither the next in its place nor the process that
/// claims by accident, and the next one's own is not lost over it.
#[test]
fn a_stray_reaches_nobody() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let old = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                place.send(1, 10);
            })
        };
        assert!(place.end());
        place.spawn();
        let new = {
            let place = Arc::clone(&place);
            thread::spawn(move || assert!(place.send(2, 20)))
        };
        place.run();
        old.join().unwrap();
        new.join().unwrap();
        place.at_the_end(|private| {
            assert_eq!(private.received[0], []);
            assert_eq!(private.received[1], [20]);
            assert!(private.strays <= 1);
        });
    });
}

/// As above, while the place changes hands twice: the process that waits when the stray comes
/// waits on.
#[test]
fn a_stray_of_two_lives_ago() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let old = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                place.send(1, 10);
            })
        };
        assert!(place.end());
        place.spawn();
        assert!(place.end());
        place.spawn();
        place.run();
        assert!(place.send(3, 30));
        old.join().unwrap();
        place.at_the_end(|private| {
            assert_eq!(private.received[0], []);
            assert_eq!(private.received[1], []);
            assert_eq!(private.received[2], [30]);
        });
    });
}

/// A slot whose generations are used up is not used again, and no pid is ever valid for it.
#[test]
fn the_last_generation_closes() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        place.end();
        place.inbox.initialise(u32::MAX);
        place.spawn();
        let sender = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                place.send(u32::MAX, 10);
            })
        };
        assert!(!place.end());
        sender.join().unwrap();
        assert_eq!(place.inbox.generation(), 0);
        assert!(place.inbox.is_closed());
    });
}

/// Who has sent a kill, and everyone who knows of it, sees the process dead, whether the signal
/// has arrived or not.
#[test]
fn a_kill_is_seen_by_its_sender() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let told = Arc::new(AtomicU32::new(0));
        let killer = {
            let (place, told) = (Arc::clone(&place), Arc::clone(&told));
            thread::spawn(move || {
                let _ = place.inbox.set(KILLED, 1);
                place.send(1, 10);
                assert!(!is_alive(&place, 1));
                told.store(1, Ordering::Release);
            })
        };
        let observer = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                if told.load(Ordering::Acquire) == 1 {
                    assert!(!is_alive(&place, 1));
                }
            })
        };
        place.run();
        // Whoever received the signal finds the mark.
        if place.inbox.claim() {
            if place.hold(|private| private.received[0] == [10]) {
                assert!(!is_alive(&place, 1));
            }
            place.run();
        }
        killer.join().unwrap();
        observer.join().unwrap();
        place.at_the_end(|private| assert_eq!(private.received[0], [10]));
    });
}

/// A kill that meets the end of its victim marks nobody: the next in its place is alive to
/// everyone, and a kill of its own is not taken back.
#[test]
fn a_kill_spares_the_successor() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let killer = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                let _ = place.inbox.set(KILLED, 1);
                place.send(1, 10);
            })
        };
        assert!(place.end());
        place.spawn();
        assert!(is_alive(&place, 2));
        place.run();
        assert!(is_alive(&place, 2));
        let _ = place.inbox.set(KILLED, 2);
        killer.join().unwrap();
        assert!(!is_alive(&place, 2));
        place.at_the_end(|private| assert_eq!(private.received[1], []));
    });
}
