//! Starting a server, and becoming one.

use super::*;

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
