//! Tests of envelopes: erased, forwarded, taken apart, dropped.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Counts its drops.
#[derive(Debug, Clone)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new() -> (Counted, Arc<AtomicUsize>) {
        let drops = Arc::new(AtomicUsize::new(0));
        (Counted(Arc::clone(&drops)), drops)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn drops(count: &AtomicUsize) -> usize {
    count.load(Ordering::Relaxed)
}

/// An `AnyMessage` that is sent on is the envelope it came in: never wrapped in another.
#[test]
fn a_message_is_never_wrapped() {
    let message = AnyMessage::new(7u32);
    let envelope = message.0;
    let again = AnyMessage::new(AnyMessage::new(message));
    assert_eq!(again.0, envelope);
    assert!(again.is::<u32>());
    assert!(again.is::<AnyMessage>());
    let Err(again) = again.into_envelope::<AnyMessage>() else {
        panic!("no envelope holds an `AnyMessage`");
    };
    assert_eq!(again.downcast::<u32>().unwrap(), 7);

    let (counted, count) = Counted::new();
    drop(AnyMessage::new(AnyMessage::new(counted)));
    assert_eq!(drops(&count), 1);
}

/// The payload is dropped exactly once: with the message, or by whoever took it out.
#[test]
fn the_payload_is_dropped_once() {
    let (counted, count) = Counted::new();
    drop(AnyMessage::new(counted));
    assert_eq!(drops(&count), 1);

    let (counted, count) = Counted::new();
    let counted = AnyMessage::new(counted).downcast::<Counted>().unwrap();
    assert_eq!(drops(&count), 0);
    drop(counted);
    assert_eq!(drops(&count), 1);

    let (counted, count) = Counted::new();
    let envelope = AnyMessage::new(counted).into_envelope::<Counted>().unwrap();
    assert_eq!(drops(&count), 0);
    drop(AnyMessage::from(envelope));
    assert_eq!(drops(&count), 1);

    let (counted, count) = Counted::new();
    let raw = AnyMessage::new(counted).into_raw();
    assert_eq!(drops(&count), 0);
    // SAFETY: the envelope was given up just now.
    drop(unsafe { AnyMessage::from_raw(raw) });
    assert_eq!(drops(&count), 1);
}

/// A message asked for as what it is not comes back whole.
#[test]
fn a_wrong_guess_gives_the_message_back() {
    let (counted, count) = Counted::new();
    let message = AnyMessage::new(counted);
    assert!(message.downcast_ref::<u32>().is_none());
    let message = message.downcast::<u32>().unwrap_err();
    let Err(message) = message.into_envelope::<String>() else {
        panic!("it is no string");
    };
    assert_eq!(drops(&count), 0);
    assert!(message.downcast_ref::<Counted>().is_some());
    assert!(message.downcast::<Counted>().is_ok());
    assert_eq!(drops(&count), 1);
}

/// Types of the same shape are told apart, and the key of each is its own.
#[test]
fn types_are_told_apart() {
    #[derive(Debug, PartialEq)]
    struct Metres(u64);
    #[derive(Debug, PartialEq)]
    struct Seconds(u64);

    let message = AnyMessage::new(Metres(3));
    assert!(!message.is::<Seconds>() && !message.is::<u64>());
    assert_eq!(message.key(), type_key::<Metres>());
    assert_ne!(type_key::<Metres>(), type_key::<Seconds>());
    assert_ne!(type_key::<()>(), 0, "zero marks an empty place");
    assert!(message.type_name().ends_with("Metres"));
    assert_eq!(message.downcast::<Metres>().unwrap(), Metres(3));
}

/// Payloads of every size and alignment arrive unchanged, those without size included.
#[test]
fn payloads_of_every_shape() {
    #[derive(Debug, Clone, Copy, PartialEq)]
    #[repr(align(1024))]
    struct Aligned(u8);

    fn check<T: Message + Clone + PartialEq>(value: T) {
        let message = AnyMessage::new(value.clone());
        let place = message.downcast_ref::<T>().unwrap();
        assert_eq!(*place, value);
        assert_eq!(ptr::from_ref(place).addr() % align_of::<T>(), 0);
        assert_eq!(message.downcast::<T>().unwrap(), value);
    }
    check(());
    check(Aligned(7));
    check([7u8; 32]);
    check([7u64; 28]);
    check([7u64; 29]);
    check([7u64; 1000]);
    check(String::from("seven"));
}

/// A payload whose destructor panics leaves no memory behind: its block is the next to be used.
#[test]
fn a_panicking_destructor_frees_the_block() {
    #[derive(Debug)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let message = AnyMessage::new(Bomb);
    let envelope = message.0;
    assert!(panic::catch_unwind(AssertUnwindSafe(|| drop(message))).is_err());
    if cfg!(not(no_pool)) {
        let next = AnyMessage::new(1u8);
        assert_eq!(next.0, envelope);
    }
}

/// A message is shown as its payload shows itself; a `Debug` that panics leaves the message whole.
#[test]
fn a_message_shows_its_payload() {
    struct Shy(Counted);
    impl fmt::Debug for Shy {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("shy");
        }
    }
    assert_eq!(format!("{:?}", AnyMessage::new(Some(7))), "Some(7)");

    let (counted, count) = Counted::new();
    let message = AnyMessage::new(Shy(counted));
    let shown = panic::catch_unwind(AssertUnwindSafe(|| format!("{message:?}")));
    assert!(shown.is_err());
    assert_eq!(drops(&count), 0);
    assert!(
        message
            .downcast::<Shy>()
            .is_ok_and(|shy| drops(&shy.0.0) == 0)
    );
    assert_eq!(drops(&count), 1);
}

/// What has no `Debug`, or shall not show it, travels in an `Opaque`, which names its type.
#[test]
fn an_opaque_shows_its_type_alone() {
    let message = AnyMessage::new(Opaque(String::from("secret")));
    let shown = format!("{message:?}");
    assert!(shown.contains("String") && !shown.contains("secret"));
    assert_eq!(message.downcast::<Opaque<String>>().unwrap().0, "secret");
}
