//! What guards see, and what they leave alone.

use super::*;

/// A guard sees the variables by value and does not move them.
#[runtime::test]
fn by_value() {
    to_self(Msg::Text("ab".into()));
    to_self(Msg::Text("abc".into()));
    let text = receive! { Msg::Text(text) if text.len() == 3 => text };
    assert_eq!(text, "abc");
    let text = receive! { Msg::Text(mut text) if { let l: &String = &text; l == "ab" } => { text.clear(); text } };
    assert_eq!(text, "");
}

/// Behind an or-pattern the guard is asked for each alternative that matches, in order, until
/// it accepts one; the body has the variables of that one.
#[runtime::test]
fn of_an_or_pattern() {
    #[derive(Debug)]
    struct Pair(u32, u32);
    for (a, b, expected) in [(5, 1, 5), (1, 6, 6), (7, 8, 7), (1, 2, 0)] {
        let mut asked = Vec::new();
        to_self(Pair(a, b));
        let got = receive! {
            Pair(n, _) | Pair(_, n) if { asked.push(n); n > 4 } => n,
            Pair(..) => 0,
        };
        assert_eq!(got, expected);
        assert_eq!(asked, if a > 4 { vec![a] } else { vec![a, b] });
    }
    let open = true;
    to_self(Pair(1, 2));
    to_self(Some(Pair(3, 4)));
    let n = receive! { Some(Pair(n, 4) | Pair(4, n)): Option<Pair> if open => n };
    assert_eq!(n, 3);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        receive! { Pair(n, _) | Pair(_, n) if { assert!(n != 1, "asked {n}"); true } => n }
    }));
    assert_eq!(text_of(&*panic.unwrap_err()), "asked 1");
    let big = match_message!(AnyMessage::new(Pair(1, 9)) {
        Pair(n, _) | Pair(_, n) if n > 4 => n,
        _ => 0,
    });
    assert_eq!(big, 9);
    assert_eq!(mailbox(), ["Pair(1, 2)"]);
}

/// A variable may be for the guard alone, or for the body alone; neither warns.
#[runtime::test]
fn variables_of_the_guard() {
    to_self(Msg::Move { dx: 1, dy: 2 });
    to_self(Msg::Move { dx: 3, dy: 4 });
    receive! { Msg::Move { dx, .. } if dx == 3 => {} }
    let dy = receive! { Msg::Move { dx, dy } if dx == 1 => dy };
    assert_eq!(dy, 2);
    to_self(Add(1));
    receive! { Add(n) if format!("{n}") == "1" => {} }
}

/// A catch-all may have a guard; the message then stays if it says no.
#[runtime::test]
fn of_a_catch_all() {
    to_self(Pong);
    to_self(1u8);
    to_self(2u8);
    let two = receive! {
        message if message.downcast_ref::<u8>() == Some(&2) => message,
        Msg::Stop => panic!("not sent"),
    };
    assert!(two.is::<u8>());
    let open = false;
    receive! { _ if open => panic!("closed"), after NOW => {} }
    assert_eq!(mailbox(), ["Pong", "1"]);
}

/// A guard may look at, and change, what is around the macro.
#[runtime::test]
fn with_the_surroundings() {
    let mut asked = 0;
    let wanted = String::from("c");
    for text in ["a", "b", "c"] {
        to_self(Msg::Text(text.into()));
    }
    receive! { Msg::Text(text) if { asked += 1; text == wanted } => asked += 10 }
    assert_eq!(asked, 13);
}

/// Loops, closures and labelled blocks are allowed in a guard.
#[runtime::test]
fn control_within() {
    to_self(Add(5));
    receive! {
        Add(n) if {
            let mut found = false;
            'search: for i in 0.. {
                for j in 0..2 {
                    if i + j == 3 { continue 'search; }
                    if i == n { found = true; break 'search }
                }
            }
            let mut left = n;
            while left > 0 {
                left -= 1;
                if left == 2 { break }
            }
            let parse = |text: &str| -> Option<u32> { Some(text.parse::<u32>().ok()? + n) };
            let six = 'block: {
                if left != 2 { break 'block false }
                parse("1") == Some(6)
            };
            found && six
        } => {}
    }
}

/// A guard that panics leaves its message in its place, and the panic goes on.
#[runtime::test]
fn that_panics() {
    to_self(Pong);
    to_self(Add(1));
    to_self(Add(2));
    let panic = catch_unwind(AssertUnwindSafe(|| {
        receive! { Add(n) if { assert!(n != 1, "guard of {n}"); true } => {} }
    }));
    assert_eq!(text_of(&*panic.unwrap_err()), "guard of 1");
    let panic = catch_unwind(AssertUnwindSafe(|| {
        receive! { _ if panic!("any") => {} }
    }));
    assert_eq!(text_of(&*panic.unwrap_err()), "any");
    assert_eq!(mailbox(), ["Pong", "Add(1)", "Add(2)"]);
}

/// A receive inside a guard panics and says why; afterwards receives work again.
#[runtime::test]
fn that_receives() {
    to_self(Add(1));
    to_self(true);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        receive! { Add(_) if receive! { yes: bool => yes } => {} }
    }));
    let panic = panic.unwrap_err();
    assert!(text_of(&*panic).contains("guard"), "{}", text_of(&*panic));
    assert_eq!(mailbox(), ["Add(1)", "true"]);
}
