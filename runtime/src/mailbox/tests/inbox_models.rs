//! Models of push, take, wait and close.

use super::place::Place;
use crate::loom::sync::Arc;
use crate::loom::thread;

/// An envelope whose first push failed, because the chain it was linked to was taken meanwhile,
/// enters the private queue without the link.
#[test]
fn a_failed_push_leaves_no_link() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let other = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                // Into a running process's inbox, so that there is a chain to be linked to.
                assert!(place.send(1, 10));
            })
        };
        let owner = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.run())
        };
        assert!(place.send(1, 20));
        other.join().unwrap();
        owner.join().unwrap();
        let mut received = place.at_the_end(|private| private.received[0].clone());
        received.sort_unstable();
        assert_eq!(received, [10, 20]);
    });
}

/// What two senders sent arrives, each message once, each sender's in order, whatever the
/// receiver does meanwhile.
#[test]
fn each_message_arrives_once() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let first = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                assert!(place.send(1, 10));
                assert!(place.send(1, 11));
            })
        };
        let second = {
            let place = Arc::clone(&place);
            thread::spawn(move || assert!(place.send(1, 20)))
        };
        place.run();
        first.join().unwrap();
        second.join().unwrap();
        let received = place.at_the_end(|private| private.received[0].clone());
        let of_first: Vec<u32> = received.iter().copied().filter(|&n| n < 20).collect();
        assert_eq!(of_first, [10, 11]);
        assert_eq!(received.len(), 3);
    });
}

/// The length that others see is the number of envelopes in the inbox.
#[test]
fn the_length_counts_the_chain() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let sender = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.send(1, 10))
        };
        assert!(place.send(1, 20));
        let length = place.inbox.len();
        assert!(length == 1 || length == 2);
        sender.join().unwrap();
        assert_eq!(place.inbox.len(), 2);
        place.run();
        assert_eq!(place.inbox.len(), 0);
        place.at_the_end(|private| assert_eq!(private.received[0].len(), 2));
    });
}

/// A message that meets the end of its receiver is either among the last that came, or comes back
/// to its sender; whoever has it drops it.
#[test]
fn close_meets_send() {
    loom::model(|| {
        let place = Arc::new(Place::new());
        let sender = {
            let place = Arc::clone(&place);
            thread::spawn(move || {
                let first = place.send(1, 10);
                let second = place.send(1, 11);
                assert!(first || !second, "the dead do not rise");
            })
        };
        assert!(place.end());
        sender.join().unwrap();
        assert!(place.inbox.is_closed());
    });
}
