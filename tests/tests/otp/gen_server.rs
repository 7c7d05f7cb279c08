//! gen_server_SUITE.

use std::any::Any;
use std::time::Duration;

use genserver::gen_server::{
    NodeName, StopError, Timeout, Undefined, abcast, done, enter_loop, multi_call, reply, start,
    start_link, start_monitor, stop,
};
use genserver::request::{Global, NameRegistry, call};
use genserver::{
    Action, CallError, Called, Done, Failure, From, GenServer, Init, Options, Server, ServerRef,
    StartError,
};
use runtime::prelude::*;
use runtime::{Caught, Name, Status, catch, process_info, unregister};

use crate::expect::{message, nothing};

/// A server whose callbacks do what their messages say.
struct Test {
    parent: Pid,
    number: u32,
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
        let test = Test { parent, number: 0 };
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
            "stop" => Ok(Done::Stop(ExitReason::Shutdown)),
            _ => Ok(done()),
        }
    }

    fn terminate(&mut self, reason: &ExitReason) {
        send(self.parent, Terminated(reason.clone()));
    }
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
    crate::expect::until("it rests so", || {
        process_info(pid).is_some_and(|info| info.status == status)
    });
}

fn terminated() -> ExitReason {
    message::<Terminated>().0
}

/// Starting by the three functions, with and without names, and what each failure of init comes to: the exact
/// error, at once again with the same name, and nothing is left in the mailbox.
#[runtime::test]
fn start_and_its_failures() {
    trap_exit(true);
    let server = Options::<Test>::new()
        .name("my_server")
        .start(plain())
        .expect("starts");
    answers(&Server::of("my_server"));
    let again = Options::<Test>::new().name("my_server").start(plain());
    assert!(matches!(again, Err(StartError::AlreadyStarted(pid)) if pid == pid_of(&server)));
    server.stop().expect("stops");
    assert_eq!(terminated(), ExitReason::Normal);
    let (server, monitor) = start_monitor::<Test>(plain()).expect("starts");
    server.stop().expect("stops");
    assert_eq!(terminated(), ExitReason::Normal);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Normal);
    } }
    nothing();
}

/// Mirrors `loop_start_fail` and `otp_7669`.
#[runtime::test]
fn loop_start_fail() {
    trap_exit(true);
    type Fail = fn(Test) -> Result<Init<Test, &'static str>, ExitReason>;
    type Expected = fn(&StartError) -> bool;
    let fails: [(Fail, Expected); 6] = [
        (
            |_| Ok(Init::Stop(ExitReason::other("stop"))),
            |error| matches!(error, StartError::Failed(reason) if *reason == ExitReason::other("stop")),
        ),
        (
            |_| Ok(Init::Error(ExitReason::other("error"))),
            |error| matches!(error, StartError::Failed(reason) if *reason == ExitReason::other("error")),
        ),
        (
            |_| Ok(Init::Ignore),
            |error| matches!(error, StartError::Ignore),
        ),
        (
            |_| panic!("in init"),
            |error| matches!(error, StartError::Failed(ExitReason::Panic(p)) if p.message() == "in init"),
        ),
        (
            |_| exit(ExitReason::other("exit")),
            |error| matches!(error, StartError::Failed(reason) if *reason == ExitReason::other("exit")),
        ),
        (
            |_| Err(ExitReason::Shutdown),
            |error| matches!(error, StartError::Failed(ExitReason::Shutdown)),
        ),
    ];
    for (fail, expected) in fails {
        for _ in 0..5 {
            let options = || Options::<Test>::new().name("loop_start_fail");
            let results = [
                options().start(on_start(fail)).map(drop),
                options().start_link(on_start(fail)).map(drop),
                options().start_monitor(on_start(fail)).map(drop),
            ];
            for result in results {
                let error = result.expect_err("it fails");
                assert!(expected(&error), "{error:?}");
                assert_eq!(whereis("loop_start_fail"), None);
            }
            nothing();
        }
    }
    // One that takes too long is killed; the caller does not feel it, though linked.
    for _ in 0..5 {
        let slow = on_start(|_| {
            sleep(Duration::from_secs(3600));
            Ok(Init::Ignore)
        });
        let options = Options::<Test>::new()
            .name("slow")
            .timeout(Duration::from_millis(2));
        let error = options.start_link(slow).expect_err("it takes too long");
        assert!(matches!(error, StartError::Timeout), "{error:?}");
        assert_eq!(whereis("slow"), None);
        nothing();
    }
}

/// A caller of `start_link` that does not trap exits dies with an abnormal reason of init, and survives the
/// others.
#[runtime::test]
fn start_link_without_trapping() {
    let (_, monitor) = spawn_monitor!(|| {
        let started = start_link::<Test>(on_start(|_| Ok(Init::Stop(ExitReason::other("bad")))));
        unreachable!("{started:?}");
    });
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::other("bad"));
    } }
    let (_, monitor) = spawn_monitor!(|| {
        for orderly in [
            Init::Ignore,
            Init::Stop(ExitReason::Normal),
            Init::Error(ExitReason::other("e")),
        ] {
            start_link::<Test>(on_start(|_| Ok(orderly))).expect_err("it does not start");
        }
    });
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Normal);
    } }
}

/// Mirrors `call`.
#[runtime::test]
fn call_() {
    let server = start_link::<Test>(plain()).expect("starts");
    answers(&server);
    // A delayed reply, and one by another process.
    let delayed = server.call(on_call(|_, from| {
        spawn!(move || from.reply(8));
        Ok(Called::NoReply(Action::Wait))
    }));
    assert_eq!(delayed, Ok(8));
    // A time-out that the next call does not let come, and one that comes.
    let hour = Duration::from_secs(3600);
    assert_eq!(
        server.call(on_call(move |_, _| Ok(reply(9).timeout(hour)))),
        Ok(9)
    );
    answers(&server);
    let soon = Duration::from_millis(1);
    assert_eq!(
        server.call(on_call(move |_, _| Ok(reply(9).timeout(soon)))),
        Ok(9)
    );
    assert_eq!(message::<&str>(), "timeout");
    // A caller that does not wait long enough.
    let time = Duration::from_millis(1);
    let late = server.call_timeout(on_call(|_, _| Ok(Called::NoReply(Action::Wait))), time);
    assert_eq!(late.unwrap_err().failure, Failure::Timeout(time));
    answers(&server);
    // A server that stops with and without an answer; terminate has run before the answer came.
    let stopped = server.call(on_call(|_, _| {
        Ok(Called::StopReply(ExitReason::Normal, 10))
    }));
    assert_eq!(stopped, Ok(10));
    assert_eq!(terminated(), ExitReason::Normal);
    let server = start::<Test>(plain()).expect("starts");
    let stopped = server.call(on_call(|_, _| Ok(Called::Stop(ExitReason::Shutdown))));
    assert_eq!(
        stopped.unwrap_err().failure,
        Failure::Ended(ExitReason::Shutdown)
    );
    assert_eq!(terminated(), ExitReason::Shutdown);
    nothing();
}

/// Mirrors `crash`: a panic, an exit and an error of a callback end the server, by way of terminate, with that
/// reason; the caller has it.
#[runtime::test]
fn crash() {
    type Expected = fn(&ExitReason) -> bool;
    let failures: [(fn() -> Call, Expected); 3] = [
        (
            || on_call(|_, _| panic!("crashed")),
            |reason| matches!(reason, ExitReason::Panic(panic) if panic.message() == "crashed"),
        ),
        (
            || on_call(|_, _| exit(ExitReason::ShutdownWith(runtime::Term::new(7)))),
            |reason| matches!(reason, ExitReason::ShutdownWith(_)),
        ),
        (
            || on_call(|_, _| Err(ExitReason::other("refused"))),
            |reason| *reason == ExitReason::other("refused"),
        ),
    ];
    for (request, expected) in failures {
        let server = start::<Test>(plain()).expect("starts");
        let CallError { failure, .. } = server.call(request()).expect_err("it crashes");
        assert!(
            matches!(&failure, Failure::Ended(reason) if expected(reason)),
            "{failure:?}"
        );
        assert!(expected(&terminated()));
    }
    nothing();
}

/// A request of another type through a bare pid ends the server with a reason that names it, and the caller.
#[runtime::test]
fn a_wrong_request() {
    let server = start::<Test>(plain()).expect("starts");
    let answer = call::<_, u32>(&server, "no such request", None);
    let Failure::Ended(reason) = answer.unwrap_err().failure else {
        panic!("it ends");
    };
    assert!(reason.to_string().contains("&str"), "{reason}");
    terminated();
}

/// Mirrors `cast` and `info`.
#[runtime::test]
fn cast_and_info() {
    let soon = Duration::from_millis(1);
    for by_cast in [true, false] {
        let server = start::<Test>(plain()).expect("starts");
        let pid = pid_of(&server);
        let tell = |f: Other| match by_cast {
            true => server.cast(f),
            false => send(pid, f),
        };
        tell(on_other(|test| {
            send(test.parent, "noreply");
            Ok(done())
        }));
        assert_eq!(message::<&str>(), "noreply");
        tell(on_other(move |_| Ok(done().timeout(soon))));
        assert_eq!(message::<&str>(), "timeout");
        tell(on_other(|_| Ok(Done::Stop(ExitReason::Shutdown))));
        assert_eq!(terminated(), ExitReason::Shutdown);
    }
    nothing();
}

/// Mirrors `continue`: after init, calls, casts and infos, one after another, and always before a message
/// that the server had sent itself.
#[runtime::test]
fn r#continue() {
    let server = start::<Test>(on_start(|test| {
        send(self_pid(), "queued");
        Ok(Init::Ok(test, Action::Continue("init")))
    }));
    let server = server.expect("starts");
    assert_eq!(message::<&str>(), "init");
    assert_eq!(message::<&str>(), "queued");
    let answer = server.call(on_call(|_, _| {
        send(self_pid(), "queued");
        Ok(reply(1).continue_with("again"))
    }));
    assert_eq!(answer, Ok(1));
    for expected in ["again", "last", "queued"] {
        assert_eq!(message::<&str>(), expected);
    }
    server.cast(on_other(|_| Ok(done().continue_with("cast"))));
    assert_eq!(message::<&str>(), "cast");
    send(
        pid_of(&server),
        on_other(|_| Ok(done().continue_with("stop"))),
    );
    assert_eq!(message::<&str>(), "stop");
    assert_eq!(terminated(), ExitReason::Shutdown);
}

/// Mirrors `start_event_timeout` and `handle_event_timeout_*`: an event time-out comes once, is cancelled by a
/// call, survives a system message; at once it goes before what is queued; for ever it never comes.
#[runtime::test(paused)]
fn event_timeouts() {
    let minute = Duration::from_secs(60);
    let timed = move |until: Until| Action::TimeoutMsg(until, AnyMessage::new("event"));
    let server = start::<Test>(on_start(move |test| {
        Ok(Init::Ok(test, timed(minute.into())))
    }));
    let server = server.expect("starts");
    let start_of_wait = runtime::now();
    sys::get_status(&server).expect("it answers");
    assert_eq!(receive_type::<&str>(), "event");
    assert_eq!(runtime::now() - start_of_wait, minute);
    // A call cancels it.
    let answer = server.call(on_call(move |_, _| {
        Ok(Called::Reply(1, timed(minute.into())))
    }));
    assert_eq!(answer, Ok(1));
    answers(&server);
    // At once: before what is queued.
    let answer = server.call(on_call(move |_, _| {
        send(self_pid(), "queued");
        Ok(Called::Reply(1, timed(Duration::ZERO.into())))
    }));
    assert_eq!(answer, Ok(1));
    assert_eq!(receive_type::<&str>(), "event");
    assert_eq!(receive_type::<&str>(), "queued");
    let answer = server.call(on_call(move |_, _| {
        Ok(Called::Reply(1, timed(Until::Forever)))
    }));
    assert_eq!(answer, Ok(1));
    sleep(1000 * minute);
    nothing();
    // A plain time-out begins anew after a system message, and is cancelled by another.
    let answer = server.call(on_call(move |_, _| Ok(reply(1).timeout(minute))));
    assert_eq!(answer, Ok(1));
    sleep(minute / 2);
    sys::get_status(&server).expect("it answers");
    let start_of_wait = runtime::now();
    assert_eq!(receive_type::<&str>(), "timeout");
    assert_eq!(runtime::now() - start_of_wait, minute);
}

/// Mirrors `hibernate` and `auto_hibernate`.
#[runtime::test]
fn hibernate_() {
    let server = start::<Test>(on_start(|test| Ok(Init::Ok(test, Action::Hibernate))));
    let server = server.expect("starts");
    let pid = pid_of(&server);
    until_status(pid, Status::Hibernated);
    answers(&server);
    until_status(pid, Status::AtRest);
    server.cast(on_other(|_| Ok(done().hibernate())));
    until_status(pid, Status::Hibernated);
    sys::suspend(&server).expect("it is suspended");
    sys::resume(&server).expect("it goes on");
    until_status(pid, Status::Hibernated);
    let options = Options::<Test>::new().hibernate_after(Duration::from_millis(1));
    let server = options.start(plain()).expect("starts");
    let pid = pid_of(&server);
    for _ in 0..3 {
        until_status(pid, Status::Hibernated);
        answers(&server);
    }
    sys::get_status(&server).expect("it answers");
    until_status(pid, Status::Hibernated);
}

/// Mirrors `get_state`, `replace_state` and sys_SUITE's `suspend`: also while it is suspended, when calls wait;
/// they are answered after it goes on.
#[runtime::test]
fn state() {
    let server = start::<Test>(plain()).expect("starts");
    let number = |server: &Server<Test>| sys::inspect(server, |test: &Test| test.number);
    assert_eq!(number(&server), Ok(0));
    let set = server.call(on_call(|test, _| {
        test.number = 5;
        Ok(reply(0))
    }));
    assert_eq!(set, Ok(0));
    assert_eq!(number(&server), Ok(5));
    sys::suspend(&server).expect("it is suspended");
    let waiting = server.send_request(on_call(|test, _| Ok(reply(test.number))));
    assert_eq!(number(&server), Ok(5));
    assert!(sys::get_status(&server).expect("it answers").suspended);
    let failed = sys::inspect(&server, |_: &Test| -> u32 { panic!("in the function") });
    assert!(
        matches!(failed, Err(sys::StateError::CallbackFailed(_))),
        "{failed:?}"
    );
    let wrong = sys::inspect(&server, |text: &String| text.clone());
    assert!(
        matches!(wrong, Err(sys::StateError::WrongType { .. })),
        "{wrong:?}"
    );
    assert!(genserver::request::wait_response(&waiting, Duration::ZERO).is_none());
    sys::resume(&server).expect("it goes on");
    assert_eq!(
        genserver::request::wait_response(&waiting, None),
        Some(Ok(5))
    );
    answers(&server);
}

/// sys_SUITE's `stats` and `log`: messages are counted, system messages not; the log keeps the last events.
#[runtime::test]
fn statistics_and_log() {
    let server = start::<Test>(plain()).expect("starts");
    assert_eq!(sys::get_statistics(&server), Ok(None));
    sys::statistics(&server, true).expect("it counts");
    sys::log(&server, Some(3)).expect("it keeps");
    for _ in 0..5 {
        answers(&server);
    }
    let counted = sys::get_statistics(&server)
        .expect("it answers")
        .expect("it counts");
    assert_eq!((counted.messages_in, counted.messages_out), (5, 5));
    assert_eq!(sys::get_log(&server).expect("it answers").len(), 3);
    sys::no_debug(&server).expect("all off");
    assert_eq!(sys::get_statistics(&server), Ok(None));
    assert_eq!(sys::get_log(&server), Ok(Vec::new()));
}

/// Mirrors `stop1` to `stop6`: by pid, local and global name; then there is no such process; another reason than
/// asked for, no end in time, and oneself.
#[runtime::test]
fn stop_() {
    let server = start::<Test>(plain()).expect("starts");
    assert_eq!(server.stop(), Ok(()));
    assert_eq!(terminated(), ExitReason::Normal);
    assert_eq!(server.stop(), Err(StopError::NoProc));
    Options::<Test>::new()
        .name("to stop")
        .start(plain())
        .expect("starts");
    assert_eq!(stop("to stop", ExitReason::other("asked"), None), Ok(()));
    assert_eq!(terminated(), ExitReason::other("asked"));
    assert_eq!(
        stop("to stop", ExitReason::Normal, None),
        Err(StopError::NoProc)
    );
    let name = Name::from(format!("global {}", self_pid()));
    let server = Options::<Test>::new()
        .global(name.clone())
        .start(plain())
        .expect("starts");
    assert_eq!(Global.whereis_name(&name), Some(pid_of(&server)));
    assert_eq!(
        stop(ServerRef::Global(name.clone()), ExitReason::Shutdown, None),
        Ok(())
    );
    assert_eq!(terminated(), ExitReason::Shutdown);
    assert_eq!(Global.whereis_name(&name), None);
    assert_eq!(
        stop(self_pid(), ExitReason::Normal, None),
        Err(StopError::CallingSelf)
    );
    // It is at work, and ends later.
    let server = start::<Test>(plain()).expect("starts");
    server.cast(on_other(|_| {
        sleep(Duration::from_millis(20));
        Ok(done())
    }));
    let time = Duration::from_millis(1);
    assert_eq!(
        stop(&server, ExitReason::Normal, Some(time)),
        Err(StopError::Timeout(time))
    );
    assert_eq!(terminated(), ExitReason::Normal);
    nothing();
}

/// The end of the parent ends a server that traps exits by way of terminate; one that does not, at once, without;
/// the exit of another is a message.
#[runtime::test]
fn the_parents_end() {
    for traps in [true, false] {
        let me = self_pid();
        let (parent, monitor) = spawn_monitor!(move || {
            let args: Start = Box::new(move |mut test| {
                trap_exit(traps);
                test.parent = me;
                Ok(test.into())
            });
            let server = start_link::<Test>((me, Some(args))).expect("starts");
            send(me, pid_of(&server));
            receive! { reason: ExitReason => exit(reason) }
        });
        let server: Pid = message();
        let watch = runtime::monitor(server);
        send(parent, ExitReason::other("the parent's"));
        receive! { Down { monitor: of, .. } if of == monitor => {} }
        receive! { Down { monitor: of, reason, .. } if of == watch => {
            assert_eq!(reason, ExitReason::other("the parent's"));
        } }
        if traps {
            assert_eq!(terminated(), ExitReason::other("the parent's"));
        }
        nothing();
    }
}

/// A terminate that panics: its reason takes the other's place, and the reply goes out all the same.
#[runtime::test]
fn terminate_crashes() {
    struct Bad;
    impl GenServer for Bad {
        type Args = ();
        type Call = ();
        type Reply = u32;
        type Cast = genserver::Never;
        type Continue = genserver::Never;
        fn init((): ()) -> Result<Init<Bad>, ExitReason> {
            Ok(Bad.into())
        }
        fn handle_call(&mut self, (): (), _: From<u32>) -> Result<Called<u32>, ExitReason> {
            Ok(Called::StopReply(ExitReason::Normal, 7))
        }
        fn terminate(&mut self, _: &ExitReason) {
            panic!("in terminate");
        }
    }
    let (server, monitor) = start_monitor::<Bad>(()).expect("starts");
    assert_eq!(server.call(()), Ok(7));
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert!(matches!(reason, ExitReason::Panic(p) if p.message() == "in terminate"));
    } }
}

/// Mirrors `undef_handle_cast`, `undef_handle_continue` and `undef_handle_info`: what a server does not have.
#[runtime::test]
fn undefined_callbacks() {
    struct Bare;
    impl GenServer for Bare {
        type Args = bool;
        type Call = u32;
        type Reply = u32;
        type Cast = ();
        type Continue = ();
        fn init(continues: bool) -> Result<Init<Bare, ()>, ExitReason> {
            let action = if continues {
                Action::Continue(())
            } else {
                Action::Wait
            };
            Ok(Init::Ok(Bare, action))
        }
        fn handle_call(&mut self, n: u32, _: From<u32>) -> Result<Called<u32, ()>, ExitReason> {
            Ok(reply(n))
        }
    }
    let (server, monitor) = start_monitor::<Bare>(false).expect("starts");
    send(server.whereis().expect("it lives"), "dropped, and reported");
    assert_eq!(server.call(1), Ok(1));
    assert_eq!(
        sys::change_code(&server, ()).map(|changed| changed.is_err()),
        Ok(true)
    );
    server.cast(());
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::other(Undefined("handle_cast")));
    } }
    let started = start_monitor::<Bare>(true);
    let (_, monitor) = started.expect("continue comes after the start");
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::other(Undefined("handle_continue")));
    } }
}

/// Mirrors `multicall` and `abcast`, on the local node.
#[runtime::test]
fn multicall_and_abcast() {
    #[derive(Clone, Copy)]
    struct Echo(Pid);
    impl GenServer for Echo {
        type Args = Pid;
        type Call = u32;
        type Reply = u32;
        type Cast = u32;
        type Continue = genserver::Never;
        fn init(parent: Pid) -> Result<Init<Echo>, ExitReason> {
            Ok(Echo(parent).into())
        }
        fn handle_call(&mut self, n: u32, _: From<u32>) -> Result<Called<u32>, ExitReason> {
            Ok(reply(n))
        }
        fn handle_cast(&mut self, n: u32) -> Result<Done, ExitReason> {
            send(self.0, n);
            Ok(done())
        }
    }
    Options::<Echo>::new()
        .name("echo")
        .start(self_pid())
        .expect("starts");
    let nodes = [NodeName::Local];
    assert_eq!(
        multi_call::<Echo>(&nodes, "echo", 3, None),
        (vec![(NodeName::Local, 3)], vec![])
    );
    assert_eq!(
        multi_call::<Echo>(&nodes, "nobody", 3, None),
        (vec![], vec![NodeName::Local])
    );
    abcast::<Echo>(&nodes, "echo", 4);
    assert_eq!(message::<u32>(), 4);
    abcast::<Echo>(&nodes, "nobody", 5);
    nothing();
}

/// Mirrors `enter_loop`: a process becomes a server, with what is in its mailbox.
#[runtime::test]
fn enter_loop_() {
    let parent = self_pid();
    let pid = genserver::proc_lib::spawn(move || -> () {
        receive! { "go" : &str => {} }
        enter_loop(Test { parent, number: 3 }, Action::Continue("entered"));
    });
    send(
        pid,
        on_other(|test| {
            send(test.parent, "queued");
            Ok(done())
        }),
    );
    send(pid, "go");
    assert_eq!(message::<&str>(), "entered");
    assert_eq!(message::<&str>(), "queued");
    answers(&Server::of(pid));
}

/// Servers that are killed in each callback end killed, without terminate, and leave no name.
#[runtime::test]
fn killed_in_callbacks() {
    for by_call in [true, false] {
        let options = Options::<Test>::new().name("killed");
        let (server, monitor) = options.start_monitor(plain()).expect("starts");
        let pid = pid_of(&server);
        let request = match by_call {
            true => Some(server.send_request(on_call(|test, _| {
                send(test.parent, "inside");
                sleep(Duration::from_secs(3600));
                Ok(reply(0))
            }))),
            false => {
                server.cast(on_other(|test| {
                    send(test.parent, "inside");
                    sleep(Duration::from_secs(3600));
                    Ok(done())
                }));
                None
            }
        };
        assert_eq!(message::<&str>(), "inside");
        exit_signal(pid, ExitReason::Kill);
        receive! { Down { monitor: of, reason, .. } if of == monitor => {
            assert_eq!(reason, ExitReason::Killed);
        } }
        if let Some(request) = request {
            let answer = genserver::request::wait_response(&request, None).expect("for ever");
            assert_eq!(
                answer.unwrap_err().failure,
                Failure::Ended(ExitReason::Killed)
            );
        }
        assert_eq!(whereis("killed"), None);
        nothing();
    }
}

/// Ten thousand calls to a name that comes and goes: each has its answer, or an error that says why; no caller
/// is stuck, and nothing is left.
#[runtime::test]
fn a_name_that_comes_and_goes() {
    let churn = spawn!(|| loop {
        let parent = self_pid();
        let quiet: Start = Box::new(move |mut test| {
            test.parent = parent;
            Ok(test.into())
        });
        let options = Options::<Test>::new().name("churning");
        let server = options.start((parent, Some(quiet))).expect("starts");
        yield_now();
        exit_signal(pid_of_any(&server), ExitReason::Kill);
        while whereis("churning").is_some() {
            yield_now();
        }
        while receive_timeout(Duration::ZERO).is_some() {}
    });
    let parent = self_pid();
    for _ in 0..10 {
        spawn!(move || {
            let mut answered = 0u32;
            for _ in 0..1000 {
                match Server::<Test>::of("churning").call(on_call(|_, _| Ok(reply(1)))) {
                    Ok(n) => answered += n,
                    Err(error) => assert!(
                        matches!(
                            error.failure,
                            Failure::NoProc | Failure::Ended(ExitReason::Killed)
                        ),
                        "{error}"
                    ),
                }
            }
            nothing();
            send(parent, answered);
        });
    }
    let answered: u32 = (0..10).map(|_| message::<u32>()).sum();
    assert!(answered <= 10_000);
    exit_signal(churn, ExitReason::Kill);
    let _ = unregister("churning");
}

fn pid_of_any(server: &Server<Test>) -> Pid {
    server.whereis().unwrap_or_else(self_pid)
}

/// An exit that a callback catches does not end its server.
#[runtime::test]
fn a_caught_exit() {
    let server = start::<Test>(plain()).expect("starts");
    let answer = server.call(on_call(|_, _| {
        let caught = catch(|| -> u32 { exit(ExitReason::Shutdown) });
        assert_eq!(caught, Err(Caught::Exit(ExitReason::Shutdown)));
        Ok(reply(1))
    }));
    assert_eq!(answer, Ok(1));
    let _: Box<dyn Any> = Box::new(server);
}
