//! How servers end.

use super::*;

/// A panic, an exit and an error of a callback end the server, by way of terminate, with that reason; the caller has
/// it.
#[runtime::test]
fn a_callback_that_fails() {
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

/// A stop by pid: it is dead then; a second one finds no process.
#[runtime::test]
fn stop1() {
    let server = start::<Test>(plain()).expect("starts");
    let pid = pid_of(&server);
    assert_eq!(server.stop(), Ok(()));
    assert!(!is_process_alive(pid));
    assert_eq!(terminated(), ExitReason::Normal);
    assert_eq!(server.stop(), Err(StopError::NoProc));
    nothing();
}

/// A server of this name is stopped by it, or `by` another name for the same.
fn stopped_by(name: ServerRef, by: Option<ServerRef>, reason: ExitReason) {
    let options = Options::<Test>::new().name(&name);
    let server = options.start(plain()).expect("starts");
    let name = by.unwrap_or(name);
    assert_eq!(name.whereis(), server.whereis());
    assert_eq!(stop(&name, reason.clone(), Some(HOUR)), Ok(()));
    assert_eq!(terminated(), reason);
    assert_eq!(name.whereis(), None);
    assert_eq!(stop(&name, reason, None), Err(StopError::NoProc));
    nothing();
}

/// A stop by local name, with a reason of one's own, which is reported.
#[runtime::test]
fn stop4() {
    stopped_by("to stop".into(), None, ExitReason::other("asked"));
}

/// A stop by a name on a node: on the caller's as by the name alone; on another there is no server. Real `erl` of OTP
/// 25.2 exits with `{nodedown, Node}`.
#[runtime::test]
fn stop5() {
    let here = NodeName::Local.server("to stop here");
    stopped_by(
        "to stop here".into(),
        Some(here),
        ExitReason::other("asked"),
    );
    let elsewhere = NodeName::Named("other@host".into());
    let stopped = stop(elsewhere.server("to stop"), ExitReason::Normal, None);
    assert_eq!(stopped, Err(StopError::NodeDown(elsewhere)));
}

/// A process that is gone before it is told to stop has not stopped as it was told, also if that was `noproc`; one that
/// ends so has. As real `erl` of OTP 25.2.
#[runtime::test]
fn stop_with_noproc() {
    for time in [None, Some(HOUR)] {
        let dead = crate::expect::dead();
        assert_eq!(stop(dead, ExitReason::NoProc, time), Err(StopError::NoProc));
        let nobody = stop("nobody", ExitReason::NoProc, time);
        assert_eq!(nobody, Err(StopError::NoProc));
        let server = start::<Test>(plain()).expect("starts");
        assert_eq!(stop(&server, ExitReason::NoProc, time), Ok(()));
        assert_eq!(terminated(), ExitReason::NoProc);
    }
    let deaf = spawn!(|| receive_type::<()>());
    assert_eq!(
        stop(deaf, ExitReason::NoProc, Some(SOON)),
        Err(StopError::Timeout(SOON))
    );
    send(deaf, ());
    end_of(deaf);
    nothing();
}

/// A stop by global name.
#[runtime::test]
fn stop6() {
    let name = Name::from(format!("to stop {}", self_pid()));
    stopped_by(ServerRef::Global(name), None, ExitReason::Shutdown);
}

/// A server that does not stop in time stops later; one that stops for another reason says so; nobody stops itself so.
#[runtime::test]
fn stop_that_fails() {
    let server = start::<Test>(plain()).expect("starts");
    server.cast(on_other(|test| {
        send(test.parent, self_pid());
        receive! { "go on" : &str => Ok(done()) }
    }));
    let pid: Pid = message();
    assert_eq!(
        stop(&server, ExitReason::Normal, Some(SOON)),
        Err(StopError::Timeout(SOON))
    );
    assert!(is_process_alive(pid));
    send(pid, "go on");
    assert_eq!(terminated(), ExitReason::Normal);
    end_of(pid);
    let server = start::<Test>(plain()).expect("starts");
    server.cast(on_other(|_| Ok(Done::Stop(ExitReason::other("its own")))));
    let reason = ExitReason::other("its own");
    let stopped = server.stop();
    assert!(
        [Err(StopError::Other(reason)), Err(StopError::NoProc)].contains(&stopped),
        "{stopped:?}"
    );
    terminated();
    assert_eq!(
        stop(self_pid(), ExitReason::Normal, None),
        Err(StopError::CallingSelf)
    );
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

/// A server whose terminate fails.
struct Bad(fn());

impl GenServer for Bad {
    type Args = fn();
    type Call = ExitReason;
    type Reply = u32;
    type Cast = ();
    type Continue = Never;

    fn init(end: fn()) -> Result<Init<Bad>, ExitReason> {
        trap_exit(true);
        Ok(Bad(end).into())
    }

    fn handle_call(&mut self, why: ExitReason, _: From<u32>) -> Result<Called<u32>, ExitReason> {
        match why {
            ExitReason::Normal => Ok(Called::StopReply(ExitReason::Normal, 7)),
            why => Ok(Called::Stop(why)),
        }
    }

    fn handle_cast(&mut self, (): ()) -> Result<Done, ExitReason> {
        panic!("in a cast")
    }

    fn terminate(&mut self, _: &ExitReason) {
        (self.0)();
    }
}

fn panics() {
    panic!("in terminate");
}

fn has_panicked(reason: &ExitReason) -> bool {
    matches!(reason, ExitReason::Panic(panic) if panic.message() == "in terminate")
}

/// A terminate that panics: its reason takes the other's place, however it was come by, and the answer goes out all
/// the same.
#[runtime::test]
fn terminate_that_panics() {
    type End = fn(&Server<Bad>);
    let ends: [End; 6] = [
        |server| assert_eq!(server.call(ExitReason::Normal), Ok(7)),
        |server| {
            let error = server.call(ExitReason::Shutdown).unwrap_err();
            assert!(matches!(error.failure, Failure::Ended(reason) if has_panicked(&reason)));
        },
        |server| server.cast(()),
        |server| {
            let stopped = stop(server, ExitReason::Shutdown, None);
            assert!(matches!(stopped, Err(StopError::Other(reason)) if has_panicked(&reason)));
        },
        |server| {
            let told = sys::terminate(server, ExitReason::Shutdown);
            assert_eq!(told, Ok(()));
        },
        // From its parent, and so as its parent's end.
        |server| exit_signal(server.whereis().expect("it lives"), ExitReason::Shutdown),
    ];
    for end in ends {
        let (server, watched) = start_monitor::<Bad>(panics).expect("starts");
        end(&server);
        let reason = down_of(watched);
        assert!(has_panicked(&reason), "{reason}");
    }
    nothing();
}

/// What a terminate ends with that lacks something, as a missing callback would, is the reason, and not taken for a
/// missing terminate.
#[runtime::test]
fn undef_in_terminate() {
    fn lacks() {
        exit(ExitReason::other(Undefined("terminate")))
    }
    let server = start::<Bad>(lacks).expect("starts");
    let reason = ExitReason::other(Undefined("terminate"));
    assert_eq!(server.stop(), Err(StopError::Other(reason)));
}

/// A server that was started without a link is its own parent, and one that is monitored has its starter for one: an
/// exit signal from there ends it by way of terminate, if it traps exits. As real `erl` of OTP 25.2 answers.
#[runtime::test]
fn its_own_parent() {
    let traps = || {
        on_start(|test| {
            trap_exit(true);
            Ok(test.into())
        })
    };
    let reason = ExitReason::other("its own");
    let server = start::<Test>(traps()).expect("starts");
    let pid = pid_of(&server);
    let status = sys::get_status(&server).expect("it answers");
    assert_eq!(status.parent, Some(pid));
    let of_itself = reason.clone();
    server.cast(on_other(|_| {
        exit_signal(self_pid(), of_itself);
        Ok(done())
    }));
    assert_eq!(terminated(), reason);
    let (server, monitor) = start_monitor::<Test>(traps()).expect("starts");
    let status = sys::get_status(&server).expect("it answers");
    assert_eq!(status.parent, Some(self_pid()));
    exit_signal(pid_of(&server), reason.clone());
    assert_eq!(terminated(), reason);
    assert_eq!(down_of(monitor), reason);
    nothing();
}
