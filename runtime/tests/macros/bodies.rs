//! Bodies are code of the caller's.

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
    let got =
        wait! { [Msg::Add(1 | 2) | Msg::Stop] => 1; [Msg::Add(m)] => m + 1; b: u8 => n == 8, NOW };
    assert_eq!(got, 4);
    let got = wait! { [Pong] => 1; b: u8 => n == 7, NOW };
    assert_eq!(got, 7);
}
