//! Calls, casts, other messages, and what callbacks return.

use genserver::gen_server;

use super::*;
use crate::expect::reports;

/// Answers at once and later; a time-out that the next call interrupts, and one that comes; a caller that does not
/// wait long enough; a server that stops with an answer and without.
#[runtime::test]
fn call() {
    let server = start_link::<Test>(plain()).expect("starts");
    answers(&server);
    // A delayed reply, and one by another process.
    let delayed = server.call(on_call(|_, from| {
        spawn!(move || from.reply(8));
        Ok(Called::NoReply(Action::Wait))
    }));
    assert_eq!(delayed, Ok(8));
    // A time-out that the next call does not let come, and one that comes.
    assert_eq!(
        server.call(on_call(|_, _| Ok(reply(9).timeout(HOUR)))),
        Ok(9)
    );
    answers(&server);
    assert_eq!(
        server.call(on_call(|_, _| Ok(reply(9).timeout(SOON)))),
        Ok(9)
    );
    assert_eq!(message::<&str>(), "timeout");
    // A caller that does not wait long enough.
    let late = server.call_timeout(on_call(|_, _| Ok(Called::NoReply(Action::Wait))), SOON);
    assert_eq!(late.unwrap_err().failure, Failure::Timeout(SOON));
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

/// What `handle_cast` may return: it goes on, with a time-out or without, or stops.
#[runtime::test]
fn cast() {
    let server = start::<Test>(plain()).expect("starts");
    told(|f| server.cast(f));
    // Nobody there to take it is no error.
    server.cast(on_other(|_| Ok(done())));
    Server::<Test>::of("nobody").cast(on_other(|_| Ok(done())));
    nothing();
}

/// What `handle_info` may return: as `cast`.
#[runtime::test]
fn info() {
    let server = start::<Test>(plain()).expect("starts");
    let pid = pid_of(&server);
    told(|f| send(pid, f));
    nothing();
}

fn told(tell: impl Fn(Other)) {
    tell(on_other(|test| {
        send(test.parent, "noreply");
        Ok(done())
    }));
    assert_eq!(message::<&str>(), "noreply");
    tell(on_other(|_| Ok(done().timeout(SOON))));
    assert_eq!(message::<&str>(), "timeout");
    tell(on_other(|_| Ok(Done::Stop(ExitReason::Shutdown))));
    assert_eq!(terminated(), ExitReason::Shutdown);
}

/// After init, calls, casts and infos, one after another, and always before a message
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

/// A call and a cast to the servers of a name on all nodes; a node that has none is named.
#[runtime::test]
fn multicall() {
    named_echo();
    let nodes = [NodeName::Local];
    assert_eq!(
        multi_call::<Echo>(&nodes, "echo", 3, None),
        (vec![(NodeName::Local, 3)], vec![])
    );
    assert_eq!(
        multi_call::<Echo>(&nodes, "nobody", 3, None),
        (vec![], vec![NodeName::Local])
    );
    // The time is for all together, and no late answer comes.
    sys::suspend("echo").expect("it answers");
    assert_eq!(
        multi_call::<Echo>(&nodes, "echo", 3, Some(SOON)),
        (vec![], vec![NodeName::Local])
    );
    sys::resume("echo").expect("it answers");
    assert_eq!(Server::<Echo>::of("echo").call(4), Ok(4));
    // A node that is not connected is a bad one too; the order is that of the nodes.
    let elsewhere = NodeName::Named("other@host".into());
    let nodes = [elsewhere.clone(), NodeName::Local, elsewhere.clone()];
    assert_eq!(
        multi_call::<Echo>(&nodes, "echo", 3, None),
        (
            vec![(NodeName::Local, 3)],
            vec![elsewhere.clone(), elsewhere]
        )
    );
    nothing();
}

/// `abcast` reaches the server that is registered, and does not mind if there is none.
#[runtime::test]
fn abcast() {
    named_echo();
    let nodes = [NodeName::Local];
    gen_server::abcast::<Echo>(&nodes, "echo", 4);
    assert_eq!(message::<u32>(), 4);
    gen_server::abcast::<Echo>(&nodes, "nobody", 5);
    let elsewhere = NodeName::Named("other@host".into());
    gen_server::abcast::<Echo>(&[elsewhere, NodeName::Local], "echo", 6);
    assert_eq!(message::<u32>(), 6);
    nothing();
}

/// It answers what it is asked, and tells its parent what is cast.
struct Echo(Pid);

impl GenServer for Echo {
    type Args = Pid;
    type Call = u32;
    type Reply = u32;
    type Cast = u32;
    type Continue = Never;

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

fn named_echo() {
    let options = Options::<Echo>::new().name("echo");
    options.start(self_pid()).expect("starts");
}

/// A request of another type through a bare pid ends the server with a reason that names it, and the caller.
#[runtime::test]
fn a_wrong_request() {
    let server = start::<Test>(plain()).expect("starts");
    let answer = request::call::<_, u32>(&server, "no such request", None);
    let Failure::Ended(reason) = answer.unwrap_err().failure else {
        panic!("it ends");
    };
    assert!(reason.to_string().contains("&str"), "{reason}");
    terminated();
}

/// It has the callbacks that it must have.
struct Bare;

impl GenServer for Bare {
    type Args = Action<()>;
    type Call = u32;
    type Reply = u32;
    type Cast = ();
    type Continue = ();

    fn init(action: Action<()>) -> Result<Init<Bare, ()>, ExitReason> {
        Ok(Init::Ok(Bare, action))
    }

    fn handle_call(&mut self, n: u32, _: From<u32>) -> Result<Called<u32, ()>, ExitReason> {
        Ok(reply(n))
    }
}

/// Without `handle_info` a message is reported and dropped, and the server lives.
#[runtime::test]
fn undef_handle_info() {
    reports::collect();
    let server = start::<Bare>(Action::Wait).expect("starts");
    let pid = server.whereis().expect("it lives");
    send(pid, "dropped, and reported");
    assert_eq!(server.call(1), Ok(1));
    let parts = [&format!("pid={pid} ") as &str, "dropped, and reported"];
    reports::expect("gen_server::no_handle_info", &parts);
    assert_eq!(reports::count("gen_server::no_handle_info", &parts), 1);
}

/// Without `handle_cast` a cast ends the server, with `Undefined`.
#[runtime::test]
fn undef_handle_cast() {
    let (server, watched) = start_monitor::<Bare>(Action::Wait).expect("starts");
    server.cast(());
    let undefined = ExitReason::other(Undefined("handle_cast"));
    assert_eq!(down_of(watched), undefined);
}

/// Without `handle_continue` the server ends with `Undefined`, after its start.
#[runtime::test]
fn undef_handle_continue() {
    let started = start_monitor::<Bare>(Action::Continue(()));
    let (_, watched) = started.expect("continue comes after the start");
    let undefined = ExitReason::other(Undefined("handle_continue"));
    assert_eq!(down_of(watched), undefined);
}

/// Without `code_change` an upgrade is refused, and the server is as it was.
#[runtime::test]
fn undef_code_change() {
    let server = start::<Bare>(Action::Wait).expect("starts");
    sys::suspend(&server).expect("it is suspended");
    let undefined = ExitReason::other(Undefined("code_change"));
    assert_eq!(
        sys::change_code(&server, ()),
        Err(sys::ChangeCodeError::Refused(undefined))
    );
    sys::resume(&server).expect("it goes on");
    assert_eq!(server.call(1), Ok(1));
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
}
