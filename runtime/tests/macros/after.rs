//! What `after` takes, and when it is due.

use super::*;

/// A duration of zero, and a moment that has passed, look once: a message goes first.
#[runtime::test]
fn looks_once() {
    let past = Instant::now();
    assert!(receive! { Pong => false, after NOW => true });
    assert!(receive! { Pong => false, after past => true });
    to_self(Pong);
    assert!(receive! { Pong => true, after NOW => false });
    to_self(Pong);
    assert!(receive! { Pong => true, after past => false });
}

/// A time-out comes, not early, as a duration or as a moment.
#[runtime::test]
fn comes() {
    let begin = Instant::now();
    let wait = Duration::from_millis(2);
    receive! { Pong => panic!("not sent"), after wait => assert!(begin.elapsed() >= wait) }
    let deadline = Instant::now() + wait;
    receive! { Pong => panic!("not sent"), after deadline => assert!(Instant::now() >= deadline) }
    receive! { after Some(wait) => {} }
}

/// `None` waits for ever: here for the child's message.
#[runtime::test]
fn never() {
    let parent = self_pid();
    spawn!(move || send(parent, Pong));
    receive! { Pong => {} after None::<Duration> => panic!("for ever") }
}

/// The time is an expression, evaluated once and first.
#[runtime::test]
fn is_an_expression() {
    let asked = Cell::new(0);
    let time = |d| {
        asked.set(asked.get() + 1);
        d
    };
    for n in 0..3 {
        to_self(Msg::Add(n));
    }
    receive! { Msg::Add(n) if { assert_eq!(asked.get(), 1); n == 2 } => {} after time(NOW) => {} }
    receive! { Pong => panic!(), after { if asked.get() == 1 { time(NOW) } else { panic!() } } => {} }
    assert_eq!(asked.get(), 2);
}

/// With no arm but `after`, every message stays.
#[runtime::test]
fn alone() {
    to_self(Pong);
    let n = receive! { after NOW => 3 };
    assert_eq!(n, 3);
    assert_eq!(mailbox(), ["Pong"]);
}
