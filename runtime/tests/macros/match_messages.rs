//! `match_message!`.

use super::*;

fn name(message: AnyMessage) -> String {
    let name: String = match_message!(message {
        Pong => "pong".into(),
        Msg::Text(text) if text.is_empty() => return "empty".into(),
        Msg::Text(text) => text,
        Msg::Add(n) if n > 9 => format!("big {n}"),
        Some(n): Option<u8> => n.to_string(),
        other if other.is::<bool>() => format!("{other:?}"),
        other => other.type_name().into(),
    });
    name + "!"
}

/// It takes one message apart, with the arms of a receive; the last arm takes the rest.
#[test]
fn all_arms() {
    use AnyMessage as M;
    assert_eq!(name(M::new(Pong)), "pong!");
    assert_eq!(name(M::new(Msg::Text("".into()))), "empty");
    assert_eq!(name(M::new(Msg::Text("hi".into()))), "hi!");
    assert_eq!(name(M::new(Msg::Add(10))), "big 10!");
    assert_eq!(name(M::new(Some(3u8))), "3!");
    assert_eq!(name(M::new(true)), "true!");
    assert_eq!(name(M::new(5u16)), "u16!");
    assert_eq!(name(M::new(None::<u8>)), "core::option::Option<u8>!");
    assert!(name(M::new(Msg::Add(1))).ends_with("Msg!"));
}

/// The message is any expression, evaluated once.
#[test]
fn an_expression() {
    let mut all = vec![AnyMessage::new(1u8), AnyMessage::new(2u8)];
    let n = match_message!(all.pop().unwrap() { n: u8 => n, _ => 0 });
    assert_eq!((n, all.len()), (2, 1));
    let back = match_message!({ all.pop().unwrap() } { Pong => None, message => Some(message) });
    assert!(back.unwrap().is::<u8>());
}

/// A guard's panic goes on.
#[test]
fn a_guard_that_panics() {
    let message = AnyMessage::new(Add(1));
    let panic = catch_unwind(AssertUnwindSafe(
        || match_message!(message { Add(n) if { assert!(n > 1, "small"); true } => {} _ => {} }),
    ));
    assert_eq!(text_of(&*panic.unwrap_err()), "small");
}
