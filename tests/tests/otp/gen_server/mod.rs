//! After `gen_server_SUITE`, by subject. Here is the server that the cases of all subjects use: its callbacks do what
//! their messages say.

mod callbacks;
mod clients;
mod end;
mod faults;
mod format;
mod requests;
mod snapshot;
mod start;
mod state;
mod timeouts;

use std::time::Duration;

use genserver::gen_server::{
    FormatStatus, NodeName, StopError, Timeout, Undefined, done, enter_loop, multi_call, reply,
    start, start_link, start_monitor, stop,
};
use genserver::proc_lib;
use genserver::request::{
    self, Global, NameRegistry, RequestId, RequestIds, check_response, receive_response,
    wait_response,
};
use genserver::{
    Action, CallError, Called, Done, Failure, From, GenServer, Init, Never, Options, Server,
    ServerRef, StartError,
};
use runtime::prelude::*;
use runtime::{Caught, Name, Status, catch, process_info};

use crate::expect::{down_of, end_of, message, nothing, reports, until};

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);

/// A server whose callbacks do what their messages say.
struct Test {
    parent: Pid,
}

type Call = Opaque<
    Box<dyn FnOnce(&mut Test, From<u32>) -> Result<Called<u32, &'static str>, ExitReason> + Send>,
>;
type Other = Opaque<Box<dyn FnOnce(&mut Test) -> Result<Done<&'static str>, ExitReason> + Send>>;
type Start = Box<dyn FnOnce(Test) -> Result<Init<Test, &'static str>, ExitReason> + Send>;

impl GenServer for Test {
    type Args = (Pid, Option<Start>);
    type Call = Call;
    type Reply = u32;
    type Cast = Other;
    type Continue = &'static str;

    fn init((parent, start): Self::Args) -> Result<Init<Self, &'static str>, ExitReason> {
        let test = Test { parent };
        match start {
            Some(start) => start(test),
            None => Ok(test.into()),
        }
    }

    fn handle_call(
        &mut self,
        request: Call,
        from: From<u32>,
    ) -> Result<Called<u32, &'static str>, ExitReason> {
        (request.0)(self, from)
    }

    fn handle_cast(&mut self, request: Other) -> Result<Done<&'static str>, ExitReason> {
        (request.0)(self)
    }

    fn handle_info(&mut self, message: AnyMessage) -> Result<Done<&'static str>, ExitReason> {
        match_message!(message {
            Opaque(f): Other => return f(self),
            Timeout => send(self.parent, "timeout"),
            text: &str => send(self.parent, text),
            other => panic!("{other:?}"),
        });
        Ok(done())
    }

    fn handle_continue(&mut self, with: &'static str) -> Result<Done<&'static str>, ExitReason> {
        send(self.parent, with);
        match with {
            "again" => Ok(done().continue_with("last")),
            "timed" => Ok(Done::Go(Action::TimeoutMsg(HOUR.into(), event()))),
            "stop" => Ok(Done::Stop(ExitReason::Shutdown)),
            _ => Ok(done()),
        }
    }

    fn terminate(&mut self, reason: &ExitReason) {
        send(self.parent, Terminated(reason.clone()));
    }
}

/// What an event time-out brings.
fn event() -> AnyMessage {
    AnyMessage::new("event")
}

#[derive(Debug)]
struct Terminated(ExitReason);

fn on_call(
    f: impl FnOnce(&mut Test, From<u32>) -> Result<Called<u32, &'static str>, ExitReason>
    + Send
    + 'static,
) -> Call {
    Opaque(Box::new(f))
}

fn on_other(
    f: impl FnOnce(&mut Test) -> Result<Done<&'static str>, ExitReason> + Send + 'static,
) -> Other {
    Opaque(Box::new(f))
}

fn on_start(
    f: impl FnOnce(Test) -> Result<Init<Test, &'static str>, ExitReason> + Send + 'static,
) -> (Pid, Option<Start>) {
    (self_pid(), Some(Box::new(f)))
}

fn plain() -> (Pid, Option<Start>) {
    (self_pid(), None)
}

fn pid_of(server: &Server<Test>) -> Pid {
    server.whereis().expect("it lives")
}

/// The answer to a call that returns it, and shows that the server lives.
fn answers(server: &Server<Test>) {
    assert_eq!(server.call(on_call(|_, _| Ok(reply(7)))), Ok(7));
}

fn until_status(pid: Pid, status: Status) {
    until("it rests so", || {
        process_info(pid).is_some_and(|info| info.status == status)
    });
}

fn terminated() -> ExitReason {
    message::<Terminated>().0
}
