//! What `receive!`, `match_message!`, `spawn!`, `#[runtime::main]` and `#[runtime::test]` accept,
//! and what it means. What they refuse, and how, is in `ui`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::prelude::*;

#[derive(Debug, PartialEq)]
struct Pong;

#[derive(Debug)]
struct Ping {
    from: Pid,
}

#[derive(Debug)]
struct Add(u32);

#[derive(Debug, PartialEq)]
enum Msg {
    Add(u32),
    Move { dx: i32, dy: i32 },
    Text(String),
    Stop,
}

impl Msg {
    fn next() -> u32 {
        receive! { Self::Add(n) => n, Self::Stop => 0 }
    }
}

/// Looks once and does not wait.
const NOW: Duration = Duration::ZERO;

fn to_self(message: impl Message) {
    send(self_pid(), message);
}

/// The messages in the mailbox, oldest first, as they print.
fn mailbox() -> Vec<String> {
    let mut all = Vec::new();
    while let Some(message) = receive! { message => Some(message), after NOW => None } {
        all.push(format!("{message:?}"));
    }
    all
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("?"),
    }
}

mod patterns {
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
}

mod selection {
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
}

mod guards {
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
}

mod bodies {
    use super::*;

    /// `return`, `?`, `break` and `continue` in a body are the caller's.
    #[runtime::test]
    fn control_leaves() {
        fn parse() -> Result<u32, std::num::ParseIntError> {
            let mut sum = 0;
            let early = 'outer: loop {
                let n = loop {
                    receive! {
                        Msg::Text(text) => sum += text.parse::<u32>()?,
                        Msg::Add(0) => continue 'outer,
                        Msg::Add(n) if n > 5 => break 'outer n,
                        Msg::Add(n) => break n,
                        Msg::Stop => return Ok(sum),
                    }
                };
                sum += n;
            };
            Ok(early)
        }
        to_self(Msg::Text("1".into()));
        to_self(Msg::Add(0));
        to_self(Msg::Add(2));
        to_self(Msg::Stop);
        assert_eq!(parse(), Ok(3));
        to_self(Msg::Add(6));
        assert_eq!(parse(), Ok(6));
        to_self(Msg::Text("x".into()));
        assert!(parse().is_err());
    }

    /// The macro is an expression, of the bodies' type; a body that diverges has any.
    #[runtime::test]
    fn an_expression() {
        to_self(Add(2));
        let n: u64 =
            40 + receive! { Add(n) => u64::from(n), Pong => unreachable!(), Msg::Stop => return };
        assert_eq!(n, 42);
        to_self(Pong);
        let boxed: Box<dyn Fn() -> u32> = receive! {
            Pong => Box::new(|| 1),
            Add(n) => Box::new(move || n),
        };
        assert_eq!(boxed(), 1);
    }

    /// A body that ends in a brace needs no comma; any other does, but the last.
    #[runtime::test]
    fn commas() {
        let mut seen = 0;
        to_self(Msg::Text("abc".into()));
        receive! {
            Pong => {}
            Msg::Stop => if seen == 0 { seen += 1 } else { seen += 2 }
            Msg::Text(text) => match text.len() { 0 => {} n => seen += n }
            Msg::Add(n) => while seen < n as usize { seen += 1 }
            'a' => for i in 0..2 { seen += i }
            'b' => receive! { Pong => {} }
            true => drop(vec![0]),
            false => {},
            Add(n) => assert_eq!(n, 1),
            after NOW => panic!("sent")
        }
        assert_eq!(seen, 3);
    }

    /// A receive may stand in the body, and the time-out, of another.
    #[runtime::test]
    fn nested() {
        to_self(Add(1));
        to_self(Add(2));
        to_self(Add(3));
        let sum = receive! {
            Pong => 0,
            Add(a) => receive! {
                Add(b) if b > 2 => a * 10 + b,
                after NOW => 0,
            },
            after NOW => 0,
        };
        assert_eq!(sum, 13);
        let a = receive! { Pong => 0, after NOW => receive! { Add(a) => a } };
        assert_eq!(a, 2);
    }

    /// The user's variables cannot meet the macro's.
    #[runtime::test]
    fn hygiene() {
        let (rt, arm0, arm1, picked, cursor, deadline) = (1, 2, 3, 4, 5, NOW);
        let (message, number, lifted, verdict) = (6, 7, 8, 9);
        to_self(Add(30));
        to_self(Msg::Add(31));
        let sum = receive! {
            Add(picked) if picked + number + lifted + cursor + message + verdict == 65 => {
                picked + rt + arm0 + arm1 + number + lifted + verdict + cursor + message
            }
            Msg::Add(arm0) => arm0,
            after deadline => panic!("sent"),
        };
        assert_eq!(sum, 30 + 41);
        let verdict = receive! { Msg::Add(verdict) if verdict == 31 => verdict + picked };
        assert_eq!(verdict, 35);
    }

    /// Parts may come from a `macro_rules!`.
    #[runtime::test]
    fn from_another_macro() {
        macro_rules! wait {
            ($([$pattern:pat] => $body:expr;)* $name:ident: $ty:ty => $guard:expr, $time:expr) => {
                receive! {
                    $($pattern => $body,)*
                    $name: $ty if $guard => u32::from($name),
                    after $time => 0,
                }
            };
        }
        let n = 7u8;
        to_self(n);
        to_self(Msg::Add(3));
        let got = wait! { [Msg::Add(1 | 2) | Msg::Stop] => 1; [Msg::Add(m)] => m + 1; b: u8 => n == 8, NOW };
        assert_eq!(got, 4);
        let got = wait! { [Pong] => 1; b: u8 => n == 7, NOW };
        assert_eq!(got, 7);
    }
}

mod elsewhere {
    use ::runtime as other;
    /// Is in the way.
    mod runtime {}

    fn echo(what: u8) {
        other::receive! { from: other::Pid => other::send(from, what) }
    }

    /// The macros find the crate under any name, and with another `runtime` in the way.
    #[other::test(crate = other)]
    fn a_renamed_crate() {
        let child = other::spawn!(echo, 4u8);
        other::send(child, other::self_pid());
        other::receive! { 4u8 => {} }
        other::match_message!(other::AnyMessage::new('c') { 'c' => {} _ => panic!() });
    }
}

mod after {
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
}

mod match_messages {
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
        let back =
            match_message!({ all.pop().unwrap() } { Pong => None, message => Some(message) });
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
}

mod spawning {
    use super::*;

    fn sum(to: Pid, a: u8, b: [u8; 1]) {
        send(to, a + b[0]);
    }

    /// A closure, a function, and a function with arguments become processes.
    #[runtime::test]
    fn three_forms() {
        fn plain() {
            receive! { Ping { from } => send(from, 1u8) }
        }
        let parent = self_pid();
        send(spawn!(plain), Ping { from: parent });
        assert_eq!(receive! { n: u8 => n }, 1);
        spawn!(sum, parent, 2, [3]);
        assert_eq!(receive! { n: u8 => n }, 5);
        spawn!(move || send(parent, 7u8));
        assert_eq!(receive! { n: u8 => n }, 7);
        spawn!(|to: Pid, n: u8| send(to, n), parent, 9,);
        assert_eq!(receive! { n: u8 => n }, 9);
    }

    /// The parent evaluates function and arguments, each once, in their order.
    #[runtime::test]
    fn arguments_are_the_parents() {
        let parent = self_pid();
        let mut order = Vec::new();
        spawn!(
            {
                order.push(0);
                sum
            },
            {
                order.push(1);
                self_pid()
            },
            {
                order.push(2);
                20
            },
            [{
                order.push(3);
                22
            }]
        );
        assert_eq!(order, [0, 1, 2, 3]);
        assert_eq!(receive! { n: u8 => n }, 42);
        assert_eq!(self_pid(), parent);
    }

    /// Arguments get their types from the function, and become what it takes.
    #[runtime::test]
    fn arguments_are_inferred() {
        fn call(to: Pid, list: Vec<u8>, none: Option<char>, f: Box<dyn Fn(u8) -> u8 + Send>) {
            send(to, (f(list[0]), none));
        }
        spawn!(call, self_pid(), vec![4], None, Box::new(|n| n + 1));
        receive! { (5, None): (u8, Option<char>) => {} }
    }

    /// A process's function may return a result, or not at all.
    #[runtime::test]
    fn results() {
        fn fails(to: Pid) -> Result<(), std::fmt::Error> {
            send(to, Pong);
            Err(std::fmt::Error)
        }
        let parent = self_pid();
        spawn!(fails, parent);
        receive! { Pong => {} }
        let echo = spawn!(|| loop {
            receive! { Ping { from } => send(from, Pong) }
        });
        send(echo, Ping { from: parent });
        receive! { Pong => {} }
    }
}

mod entry {
    use super::*;

    /// A test's body is a process.
    #[runtime::test]
    fn is_a_process() {
        to_self(Pong);
        receive! { Pong => {} }
    }

    /// It may return what a test may, also what is not `Send`.
    #[runtime::test]
    fn returns_a_result() -> Result<(), Box<dyn std::error::Error>> {
        let n: u8 = "7".parse()?;
        assert_eq!(n, 7);
        Ok(())
    }

    /// Its panic is the test's.
    #[runtime::test]
    #[should_panic(expected = "as it should")]
    fn panics() {
        panic!("as it should");
    }

    /// The options are expressions, in any order.
    #[runtime::test(stack_size = 64 * 1024, workers = 1 + 1)]
    fn with_options() {
        spawn!(|to: Pid| send(to, Pong), self_pid());
        receive! { Pong => {} }
    }

    /// `crate` says where the runtime is.
    #[runtime::test(crate = ::runtime, workers = 1)]
    fn with_a_path() {}
}
