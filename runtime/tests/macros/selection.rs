//! Which message is taken, and what becomes of the others.

use super::*;

/// The oldest message that any arm takes is taken, whatever the order of the arms.
#[runtime::test]
fn the_oldest_message_wins() {
    to_self('x');
    to_self(Msg::Stop);
    to_self(Pong);
    let first = receive! { Pong => "pong", Msg::Stop => "stop" };
    assert_eq!(first, "stop");
}

/// Of several arms for one message the first takes it, also when arms of other types, guards
/// and other names of the same variant stand between.
#[runtime::test]
fn the_first_arm_wins() {
    use super::Msg::Add as Plus;
    for n in [1, 2, 3, 4] {
        to_self(Msg::Add(n));
        let arm = receive! {
            Pong => 0,
            Msg::Add(1) => 1,
            Msg::Add(n) if n > 3 => 4,
            'x' => 0,
            Plus(3) => 3,
            Msg::Add(3) => panic!("the arm above is first"),
            Msg::Stop => 0,
            other: Msg => { assert_eq!(other, Msg::Add(2)); 2 }
        };
        assert_eq!(arm, n);
    }
}

/// What no arm takes stays in the mailbox, in order.
#[runtime::test]
fn the_rest_stays() {
    for n in 0..4 {
        to_self(Add(n));
        to_self(n);
    }
    receive! { Add(2) => {} }
    receive! { Add(n) if n > 2 => {} }
    assert_eq!(mailbox(), ["Add(0)", "0", "Add(1)", "1", "2", "3"]);
}

/// A message is dropped once, by the body; one that does not match is not dropped.
#[runtime::test]
fn messages_are_moved() {
    #[derive(Debug)]
    struct Counted(u32, Arc<()>);
    let alive = Arc::new(());
    for n in 0..3 {
        to_self(Counted(n, alive.clone()));
    }
    receive! { Counted(n, _) if n == 2 => assert_eq!(Arc::strong_count(&alive), 4) }
    assert_eq!(Arc::strong_count(&alive), 3);
    receive! { Counted(0, token) => { drop(token); assert_eq!(Arc::strong_count(&alive), 2) } }
    receive! { Counted(0, _) => panic!("taken"), after NOW => {} }
    assert_eq!(Arc::strong_count(&alive), 2);
    assert_eq!(mailbox().len(), 1);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Variants of one enum that no arm names are left for others.
#[runtime::test]
fn one_test_for_many_variants() {
    to_self(Msg::Text("t".into()));
    to_self(Msg::Move { dx: 1, dy: 1 });
    to_self(Msg::Add(1));
    to_self(Msg::Stop);
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(receive! { Msg::Add(_) => "add", Msg::Stop => "stop", Pong => "pong" });
    }
    assert_eq!(seen, ["add", "stop"]);
    assert_eq!(mailbox(), ["Text(\"t\")", "Move { dx: 1, dy: 1 }"]);
}
