//! Which messages a pattern takes.

use super::*;

mod far {
    #[derive(Debug)]
    pub struct Gone {
        pub code: u8,
    }
    pub const LIMIT: u64 = 10;
    pub const NAME: &str = "far";
}

#[derive(Debug)]
struct Marker<T>(std::marker::PhantomData<T>);

/// A struct's pattern tells the type of its messages.
#[runtime::test]
fn structs() {
    to_self(far::Gone { code: 3 });
    to_self(Add(4));
    to_self(Pong);
    receive! { Pong => {} }
    let sum = receive! { Add(n) => n };
    let code = receive! { far::Gone { code } => code };
    assert_eq!((sum, code), (4, 3));
}

/// So does an enum's variant, by its enum's name, by its own, and by `Self`.
#[runtime::test]
fn variants() {
    to_self(Msg::Stop);
    to_self(Msg::Add(1));
    to_self(Msg::Move { dx: 2, dy: 3 });
    to_self(Msg::Add(4));
    assert_eq!((Msg::next(), Msg::next()), (0, 1));
    let (dx, dy) = receive! { Msg::Move { dx, dy: down } => (dx, down) };
    assert_eq!((dx, dy), (2, 3));
    {
        use super::Msg::*;
        let n = receive! { Stop => 0, Add(n) => n };
        assert_eq!(n, 4);
    }
}

/// So do constants, and literals that have a type.
#[runtime::test]
fn constants_and_literals() {
    to_self(far::LIMIT);
    to_self(far::NAME);
    to_self(true);
    to_self('c');
    to_self(b'b');
    to_self(-3i8);
    to_self(2.5f32);
    receive! { 2.5f32 => {} }
    receive! { -3i8 => {} }
    receive! { b'b' => {} }
    receive! { 'c' => {} }
    receive! { false => panic!("not sent"), true => {} }
    receive! { far::NAME => {} }
    receive! { far::LIMIT => {} }
    assert!(mailbox().is_empty());
}

/// Any other pattern has its type written.
#[runtime::test]
fn written_types() {
    to_self(Some(5u64));
    to_self((1u8, 'x'));
    to_self([1u16, 2, 3]);
    to_self("hello");
    to_self(7i32);
    to_self(80i32);
    to_self(Err::<u8, String>("no".into()));
    let error =
        receive! { Ok(_): Result<u8, String> => None, Err(e): Result<u8, String> => Some(e) };
    assert_eq!(error.as_deref(), Some("no"));
    let big = receive! { n @ 50..: i32 => n };
    let small = receive! { 0..=9: i32 => true, n: i32 => panic!("{n}") };
    assert_eq!((big, small), (80, true));
    receive! { "hello": &'static str => {} }
    let rest = receive! { [1, rest @ ..]: [u16; 3] => rest };
    assert_eq!(rest, [2, 3]);
    receive! { (1, c): (u8, char) => assert_eq!(c, 'x') }
    let five = receive! { None: Option<u64> => 0, Some(n): Option<u64> => n };
    assert_eq!(five, 5);
}

/// A type parameter is a type as others are.
#[runtime::test]
fn of_a_generic_function() {
    fn next<T: Message>() -> T {
        receive! { message: T => message }
    }
    to_self(Marker::<u8>(std::marker::PhantomData));
    to_self(Marker::<u16>(std::marker::PhantomData));
    to_self(3u8);
    assert_eq!(next::<u8>(), 3);
    receive! { Marker(_): Marker<u16> => {} }
    next::<Marker<u8>>();
}

/// Or-patterns, `@`, nested patterns and parentheses work as in a match.
#[runtime::test]
fn as_in_a_match() {
    to_self(Msg::Move { dx: 0, dy: 1 });
    to_self(Msg::Add(3));
    to_self(Msg::Stop);
    let n = receive! { Msg::Add(n @ (1 | 2)) => n, Msg::Add(n @ 3..) => n + 10 };
    assert_eq!(n, 13);
    let whole = receive! { whole @ (Msg::Stop | Msg::Text(_)) => whole };
    assert_eq!(whole, Msg::Stop);
    let d = receive! { Msg::Move { dx: 0, dy: d } | Msg::Move { dx: d, dy: 0 } => d };
    assert_eq!(d, 1);
    to_self(Some(Msg::Stop));
    receive! { Some(Msg::Stop | Msg::Add(_)) | None: Option<Msg> => {} }
}

/// Upper-case identifiers are paths also within a pattern.
#[runtime::test]
fn nested_paths() {
    use std::cmp::Ordering::{self, *};
    const HERE: u8 = 1;
    #[derive(Debug)]
    struct Compared(Ordering, u8);
    to_self(Compared(Greater, 0));
    to_self(Compared(Less, 2));
    to_self(Compared(Less, HERE));
    receive! { Compared(Less, HERE) => {} }
    receive! { Compared(Less, n) => assert_eq!(n, 2) }
    receive! { Compared(Less | Equal, _) => panic!("not sent"), Compared(o, _) => assert_eq!(o, Greater) }
}

/// Variables may be `mut`, `ref` and `ref mut`; by value they need no `Clone`.
#[runtime::test]
fn bindings() {
    #[derive(Debug)]
    struct Owned(Box<u32>, String);
    for _ in 0..4 {
        to_self(Owned(Box::new(5), "a".into()));
    }
    let boxed = receive! { Owned(boxed, _) => boxed };
    assert_eq!(*boxed, 5);
    let text = receive! { Owned(_, mut text) => { text.push('b'); text } };
    assert_eq!(text, "ab");
    let length = receive! { Owned(_, ref text) => text.len() };
    assert_eq!(length, 1);
    let six = receive! { Owned(ref mut boxed, _) if **boxed == 5 => { **boxed += 1; **boxed } };
    assert_eq!(six, 6);
}

/// A lower-case identifier and `_` take any message, by value and type-erased; the type may
/// be written.
#[runtime::test]
fn catch_alls() {
    to_self(1u8);
    to_self(2u16);
    to_self(3u32);
    to_self(4u64);
    let first = receive! { message => message };
    assert_eq!(first.downcast::<u8>().unwrap(), 1);
    receive! { _ => {} }
    let third;
    receive! { mut message => { third = message.downcast_ref::<u32>().copied(); message = AnyMessage::new(0u8); drop(message) } }
    assert_eq!(third, Some(3));
    let fourth = receive! { message: runtime::AnyMessage => message };
    assert!(fourth.is::<u64>());
}

/// `after` is a variable where a pattern's punctuation follows it.
#[runtime::test]
fn a_variable_called_after() {
    to_self(1u8);
    to_self(2u8);
    to_self(3u8);
    let one = receive! { after: u8 => after };
    let two = receive! { after if after.is::<u8>() => after.downcast::<u8>().unwrap() };
    let three = receive! { after => after.downcast::<u8>().unwrap() };
    assert_eq!((one, two, three), (1, 2, 3));
}
