//! Calls, casts, other messages, and what callbacks return.

use super::*;

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
    sys::suspend(&server).expect("it answers");
    assert_eq!(
        sys::change_code(&server, ()),
        Err(sys::ChangeCodeError::Refused(ExitReason::other(Undefined(
            "code_change"
        ))))
    );
    sys::resume(&server).expect("it answers");
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
