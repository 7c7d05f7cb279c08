//! How servers end.

use super::*;

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
