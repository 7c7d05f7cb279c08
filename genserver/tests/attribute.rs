//! What `#[gen_server]` accepts, and what it means. What it refuses, and how, is in `ui`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::time::Duration;

use genserver::gen_server::{done, receive_response, reply, start, wait_response};
use genserver::{Action, Called, Done, Failure, From, Init, StartError, gen_server};
use runtime::prelude::*;

/// A server whose methods have every role.
struct Every {
    seen: Vec<String>,
    waiting: Vec<From<u64>>,
    told: Pid,
}

#[derive(Debug, PartialEq)]
struct Broke {
    by: u64,
}

#[derive(Debug, PartialEq)]
struct Ended(ExitReason);

#[derive(Debug)]
struct Note(&'static str);

#[gen_server]
impl Every {
    #[init]
    fn init(told: Pid, word: &'static str) -> Init<Self, (u8, &'static str)> {
        let state = Every::new(told);
        Init::Ok(state, Action::Continue((7, word)))
    }

    fn new(told: Pid) -> Self {
        Every {
            seen: Vec::new(),
            waiting: Vec::new(),
            told,
        }
    }

    #[continued]
    fn go_on(&mut self, number: u8, word: &'static str) {
        self.seen.push(format!("{number} {word}"));
    }

    /// A call takes a state that it does not change, too.
    #[call]
    fn seen(&self) -> Vec<String> {
        self.seen.clone()
    }

    #[call]
    fn nothing(&mut self) {
        self.seen.push("nothing".into());
    }

    /// A `Result` is the answer.
    #[call]
    fn spend(&mut self, (a, b): (u64, u64), of: u64) -> Result<u64, Broke> {
        of.checked_sub(a + b)
            .ok_or_else(|| Broke { by: a + b - of })
    }

    #[call]
    fn parse(&mut self, text: String) -> Result<Called<i32, (u8, &'static str)>, ExitReason> {
        Ok(reply(text.parse::<i32>()?).continue_with((1, "parsed")))
    }

    #[call]
    fn in_time(&mut self, _: u8, from: From<u64>, _: u8) {
        self.waiting.push(from);
    }

    #[call]
    fn maybe_later(&mut self, from: From<u64>, now: bool) -> Called<u64, (u8, &'static str)> {
        if now {
            return reply(1);
        }
        self.waiting.push(from);
        Called::NoReply(Action::Timeout(Duration::ZERO))
    }

    #[cast]
    fn answer(&mut self, with: u64) -> Done<(u8, &'static str)> {
        self.waiting.drain(..).for_each(|from| from.reply(with));
        done()
    }

    #[cast]
    fn fail(&mut self, text: String) -> Result<(), std::num::ParseIntError> {
        text.parse::<u8>().map(drop)
    }

    #[call]
    fn last(&mut self) -> Called<&'static str, (u8, &'static str)> {
        Called::StopReply(ExitReason::Shutdown, "bye")
    }

    #[info]
    fn on_any(&mut self, message: AnyMessage) {
        self.seen.push(format!("any {message:?}"));
    }

    #[info]
    fn on_note(&mut self, Note(text): Note) -> Done<(u8, &'static str)> {
        self.seen.push(text.into());
        done()
    }

    #[timeout]
    fn idle(&mut self) {
        self.waiting.drain(..).for_each(|from| from.reply(99));
    }

    #[terminate]
    fn bye(&mut self, reason: &ExitReason) {
        send(self.told, Ended(reason.clone()));
    }

    #[callback]
    fn code_change(&mut self, extra: Box<dyn std::any::Any + Send>) -> Result<(), ExitReason> {
        self.seen.push("changed".into());
        drop(extra);
        Ok(())
    }
}

fn every() -> genserver::Server<Every> {
    start((self_pid(), "word")).expect("it starts")
}

/// Each call has its own answer; parameters may be patterns.
#[runtime::test]
fn calls() {
    let server = every();
    assert_eq!(server.nothing(), Ok(()));
    assert_eq!(server.spend((1, 2), 5), Ok(Ok(2)));
    assert_eq!(server.spend((1, 2), 1), Ok(Err(Broke { by: 2 })));
    assert_eq!(server.parse("12".into()), Ok(12));
    assert_eq!(server.seen().unwrap(), ["7 word", "nothing", "1 parsed"]);
    assert_eq!(server.last(), Ok("bye"));
    assert_eq!(receive_type::<Ended>(), Ended(ExitReason::Shutdown));
}

/// A call is answered later over its `From`, wherever that stands; requests wait for it as they like.
#[runtime::test]
fn answers_that_come_later() {
    let server = every();
    let (one, other) = (server.later(), server.timeout(Duration::from_millis(1)));
    let first = one.in_time(1, 2);
    assert_eq!(server.maybe_later(true), Ok(1));
    let second = one.in_time(1, 2);
    assert!(wait_response(&first, Duration::ZERO).is_none());
    let late = other.in_time(1, 2).unwrap_err();
    assert!(matches!(late.failure, Failure::Timeout { .. }), "{late}");
    server.answer(5);
    assert_eq!(receive_response(first, None), Some(Ok(5)));
    assert_eq!(receive_response(second, None), Some(Ok(5)));
    assert_eq!(server.timeout(None).nothing(), Ok(()));
}

/// Other messages go to the method of their type, what is left to the one that takes all.
#[runtime::test]
fn infos() {
    let server = every();
    let pid = server.whereis().expect("it lives");
    send(pid, Note("noted"));
    send(pid, 5u8);
    assert_eq!(server.seen().unwrap(), ["7 word", "noted", "any 5"]);
    // Its time-out answers.
    assert_eq!(server.maybe_later(false), Ok(99));
}

/// An error ends the server, with it for the reason.
#[runtime::test]
fn errors_end_the_server() {
    let server = every();
    server.fail("12".into());
    server.fail("a dozen".into());
    let Ended(reason) = receive_type::<Ended>();
    assert!(reason.to_string().contains("InvalidDigit"), "{reason}");
    let server = every();
    let error = server.parse("a dozen".into()).unwrap_err();
    assert!(matches!(error.failure, Failure::Ended(_)), "{error}");
}

/// A callback that has no attribute of its own stands as in the trait.
#[runtime::test]
fn any_callback() {
    let server = every();
    let pid = server.whereis().expect("it lives");
    sys::suspend(pid).unwrap();
    assert_eq!(sys::change_code(pid, Box::new(())), Ok(()));
    sys::resume(pid).unwrap();
    assert_eq!(server.seen().unwrap(), ["7 word", "changed"]);
}

mod generic {
    use super::*;
    use std::fmt::Debug;

    /// A stack of whatever can be sent, with room for so many.
    pub struct Stack<T, const N: usize>(Vec<T>);

    #[gen_server(pub)]
    impl<T, const N: usize> Stack<T, N>
    where
        T: Send + Debug + 'static,
    {
        #[init]
        fn init() -> Result<Self, std::fmt::Error> {
            match N {
                0 => Err(std::fmt::Error),
                _ => Ok(Stack(Vec::new())),
            }
        }

        #[call]
        fn push(&mut self, value: T) -> Result<(), T> {
            if self.0.len() == N {
                return Err(value);
            }
            self.0.push(value);
            Ok(())
        }

        #[call]
        fn pop(&mut self) -> Option<T> {
            self.0.pop()
        }

        #[cfg(any())]
        #[call]
        fn never(&mut self, what: NoSuchType) {}
    }
}

/// A generic server has a generic client, which another module uses.
#[runtime::test]
fn generics() {
    use generic::{Stack, StackClient};
    let stack = start::<Stack<String, 1>>(()).expect("it starts");
    assert_eq!(stack.push("one".into()), Ok(Ok(())));
    assert_eq!(stack.push("two".into()), Ok(Err("two".into())));
    assert_eq!(stack.pop().unwrap().as_deref(), Some("one"));
    assert_eq!(stack.later().pop().server(), stack.server_ref());
    assert!(matches!(
        start::<Stack<u8, 0>>(()),
        Err(StartError::Failed(_))
    ));
}

mod elsewhere {
    use ::genserver as other;

    pub struct Only;

    #[other::gen_server(pub(crate), crate = other)]
    impl Only {
        #[init]
        fn init(_: u8) -> Self {
            Only
        }

        #[call]
        fn r#type(&self) -> &'static str {
            "only"
        }
    }
}

/// The crate may have another name, a request that of a keyword.
#[runtime::test]
fn names() {
    use elsewhere::{Only, OnlyClient};
    assert_eq!(start::<Only>(0).expect("it starts").r#type(), Ok("only"));
}
