//! Servers and clients that are killed, in every place.

use runtime::{processes, registered, unregister};

use super::*;

/// What there is before a fault, and must be there after it: processes, names, the caller's monitors.
#[derive(Debug, PartialEq)]
struct Counts(usize, usize, usize);

fn counts() -> Counts {
    let me = process_info(self_pid()).expect("it lives");
    Counts(processes().len(), registered().len(), me.monitors.len())
}

/// Nothing is left of what was done, in no mailbox either.
#[track_caller]
fn nothing_more_than(before: &Counts) {
    until("all is as before", || counts() == *before);
    nothing();
}

/// A server that stands still in one of its callbacks.
struct Still {
    parent: Pid,
    place: &'static str,
}

impl Still {
    fn at(&self, place: &str) {
        if self.place == place {
            send(self.parent, "inside");
            receive! { "never" : &str => {} }
        }
    }
}

impl GenServer for Still {
    type Args = (Pid, &'static str);
    type Call = bool;
    type Reply = u32;
    type Cast = ();
    type Continue = ();

    fn init((parent, place): (Pid, &'static str)) -> Result<Init<Still, ()>, ExitReason> {
        let still = Still { parent, place };
        still.at("init");
        Ok(Init::Ok(still, Action::Continue(())))
    }

    fn handle_call(&mut self, stops: bool, _: From<u32>) -> Result<Called<u32, ()>, ExitReason> {
        self.at("handle_call");
        Ok(match stops {
            true => Called::StopReply(ExitReason::Normal, 1),
            false => reply(1),
        })
    }

    fn handle_cast(&mut self, (): ()) -> Result<Done<()>, ExitReason> {
        self.at("handle_cast");
        Ok(done())
    }

    fn handle_info(&mut self, _: AnyMessage) -> Result<Done<()>, ExitReason> {
        self.at("handle_info");
        Ok(done())
    }

    fn handle_continue(&mut self, (): ()) -> Result<Done<()>, ExitReason> {
        self.at("handle_continue");
        Ok(done())
    }

    fn terminate(&mut self, _: &ExitReason) {
        self.at("terminate");
    }

    fn code_change(&mut self, _: Box<dyn std::any::Any + Send>) -> Result<(), ExitReason> {
        self.at("code_change");
        Ok(())
    }

    fn format_status(&self, status: FormatStatus) -> FormatStatus {
        self.at("format_status");
        status
    }
}

/// Asks for what is done in that place, and says what came of it.
fn ask_for(place: &'static str) -> Failure {
    let server = Server::<Still>::of("still");
    let of_call = |error: CallError| error.failure;
    match place {
        "handle_call" => of_call(server.call_timeout(false, None).unwrap_err()),
        "terminate" => of_call(server.call_timeout(true, None).unwrap_err()),
        "format_status" => of_call(sys::within(None).get_status(&server).unwrap_err()),
        "code_change" => {
            sys::suspend(&server).expect("it answers");
            match sys::within(None).change_code(&server, ()) {
                Err(sys::ChangeCodeError::Call(error)) => of_call(error),
                other => panic!("{other:?}"),
            }
        }
        _ => {
            let watched = monitor(server.whereis().expect("it lives"));
            match place {
                "handle_cast" => server.cast(()),
                _ => send("still", "info").expect("it lives"),
            }
            Failure::Ended(down_of(watched))
        }
    }
}

/// A server that is killed in a callback, whichever, ends killed at once; whoever waits for it has that for a reason;
/// its name is free, and nothing is left.
#[runtime::test]
fn killed_in_every_callback() {
    let me = self_pid();
    let before = counts();
    for place in [
        "init",
        "handle_continue",
        "handle_call",
        "handle_cast",
        "handle_info",
        "terminate",
        "code_change",
        "format_status",
    ] {
        // Another starts it and asks.
        let (_, watched) = spawn_monitor!(move || {
            let options = Options::<Still>::new().name("still");
            let failure = match options.start((me, place)) {
                Err(StartError::Failed(reason)) => Failure::Ended(reason),
                Err(error) => panic!("{error}"),
                Ok(server) if place == "handle_continue" => {
                    // It may have ended already, and has no process then.
                    match server.call_timeout(false, None).unwrap_err().failure {
                        Failure::NoProc => Failure::Ended(ExitReason::Killed),
                        failure => failure,
                    }
                }
                Ok(_) => ask_for(place),
            };
            exit(ExitReason::other(failure))
        });
        assert_eq!(message::<&str>(), "inside", "{place}");
        let server = whereis("still").expect("it lives");
        let end = monitor(server);
        exit_signal(server, ExitReason::Kill);
        assert_eq!(down_of(end), ExitReason::Killed, "{place}");
        assert_eq!(whereis("still"), None);
        let failure = ExitReason::other(Failure::Ended(ExitReason::Killed));
        assert_eq!(down_of(watched), failure, "{place}");
        nothing_more_than(&before);
    }
}

/// An init that never returns is killed when its time is over, whatever it does; its caller, linked or not, goes on.
#[runtime::test]
fn init_that_never_returns() {
    fn call_the_deaf() {
        let deaf = spawn_link!(|| receive! { "never" : &str => {} });
        let _ = request::call::<_, ()>(deaf, "anybody?", None);
    }
    let ways: [fn(); 4] = [
        || sleep(HOUR),
        || receive! { "never" : &str => {} },
        || loop {
            yield_now();
        },
        call_the_deaf,
    ];
    let before = counts();
    for way in ways {
        for links in [true, false] {
            let never = on_start(move |test| {
                way();
                Ok(test.into())
            });
            let options = Options::<Test>::new().name("never").timeout(SOON);
            let started = match links {
                true => options.start_link(never),
                false => options.start(never),
            };
            let error = started.expect_err("it takes too long");
            assert!(matches!(error, StartError::Timeout), "{error}");
            assert_eq!(whereis("never"), None);
            nothing_more_than(&before);
        }
    }
}

/// Ten thousand calls to a name that comes and goes: each has its answer, or an error that says why; no caller
/// is stuck, and nothing is left.
#[runtime::test]
fn a_name_that_comes_and_goes() {
    const CALLERS: usize = 10;
    let before = counts();
    let (churn, churned) = spawn_monitor!(|| {
        while receive_where(Duration::ZERO, |m| m.downcast_ref() == Some(&"enough")).is_none() {
            let options = Options::<Test>::new().name("churning");
            let server = options.start(plain()).expect("starts");
            yield_now();
            let pid = pid_of(&server);
            exit_signal(pid, ExitReason::Kill);
            end_of(pid);
        }
    });
    let callers: Vec<Ref> = (0..CALLERS)
        .map(|_| {
            let (_, watched) = spawn_monitor!(|| {
                for _ in 0..1000 {
                    let server = Server::<Test>::of("churning");
                    match server.call(on_call(|_, _| Ok(reply(1)))) {
                        Ok(n) => assert_eq!(n, 1),
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
                assert_eq!(process_info(self_pid()).expect("it lives").monitors, []);
            });
            watched
        })
        .collect();
    for caller in callers {
        assert_eq!(down_of(caller), ExitReason::Normal);
    }
    send(churn, "enough");
    assert_eq!(down_of(churned), ExitReason::Normal);
    let _ = unregister("churning");
    nothing_more_than(&before);
}

/// Of several answers to a call the first counts, by whomever; the others go nowhere.
#[runtime::test]
fn a_reply_sent_twice() {
    let server = start_link::<Test>(plain()).expect("starts");
    let before = counts();
    let answer = server.call(on_call(|_, from| {
        from.reply(1);
        from.reply(2);
        spawn!(move || from.reply(3));
        Ok(reply(4))
    }));
    assert_eq!(answer, Ok(1));
    let request = server.send_request(on_call(|_, from| {
        from.reply(1);
        Ok(Called::StopReply(ExitReason::Normal, 2))
    }));
    assert_eq!(wait_response(&request, None), Some(Ok(1)));
    assert_eq!(terminated(), ExitReason::Normal);
    until("all is as before, but the server", || {
        counts().0 == before.0 - 1
    });
    nothing();
}

/// Clients that are killed while they wait are no matter to the server, which answers nobody then; it knows nothing
/// of them any more.
#[runtime::test]
fn callers_killed_while_they_wait() {
    const CALLERS: usize = 100;
    let server = start::<Test>(plain()).expect("starts");
    let pid = pid_of(&server);
    let before = counts();
    let me = self_pid();
    let callers: Vec<(Pid, Ref)> = (0..CALLERS)
        .map(|_| {
            let server = server.clone();
            spawn_monitor!(move || {
                let held = on_call(move |_, from| {
                    send(me, from);
                    Ok(Called::NoReply(Action::Wait))
                });
                server.call_timeout(held, None).expect("it is answered");
            })
        })
        .collect();
    let held: Vec<From<u32>> = (0..CALLERS).map(|_| message()).collect();
    for (n, (caller, watched)) in callers.iter().enumerate() {
        if n % 2 == 0 {
            exit_signal(*caller, ExitReason::Kill);
            assert_eq!(down_of(*watched), ExitReason::Killed);
        }
    }
    for from in held {
        from.reply(1);
    }
    for (n, (_, watched)) in callers.iter().enumerate() {
        if n % 2 == 1 {
            assert_eq!(down_of(*watched), ExitReason::Normal);
        }
    }
    answers(&server);
    until("nobody monitors it", || {
        process_info(pid).expect("it lives").monitored_by.is_empty()
    });
    nothing_more_than(&before);
}

/// A server that ends between request and answer, in whatever way: each client that waits, handled or queued, has the
/// exact reason, and is not stuck.
#[runtime::test]
fn a_server_that_ends_between_request_and_reply() {
    const CALLERS: usize = 20;
    type Way = fn(&Server<Test>);
    let ways: [(Way, ExitReason); 6] = [
        (
            |server| exit_signal(pid_of(server), ExitReason::Kill),
            ExitReason::Killed,
        ),
        (
            |server| exit_signal(pid_of(server), ExitReason::other("signal")),
            ExitReason::other("signal"),
        ),
        (
            |server| server.cast(on_other(|_| Ok(Done::Stop(ExitReason::Normal)))),
            ExitReason::Normal,
        ),
        (
            |server| server.cast(on_other(|_| Err(ExitReason::other("error")))),
            ExitReason::other("error"),
        ),
        (
            |server| server.cast(on_other(|_| exit(ExitReason::shutdown_with(7)))),
            ExitReason::shutdown_with(7),
        ),
        (
            |server| stop(server, ExitReason::Shutdown, None).expect("it stops"),
            ExitReason::Shutdown,
        ),
    ];
    let before = counts();
    let me = self_pid();
    for (end, expected) in ways {
        let server = start::<Test>(plain()).expect("starts");
        let pid = pid_of(&server);
        let callers: Vec<Ref> = (0..CALLERS)
            .map(|_| {
                let (server, expected) = (server.clone(), expected.clone());
                let (_, watched) = spawn_monitor!(move || {
                    let held = on_call(move |_, _| {
                        send(me, "held");
                        Ok(Called::NoReply(Action::Wait))
                    });
                    let error = server.call_timeout(held, None).unwrap_err();
                    assert_eq!(error.failure, Failure::Ended(expected));
                    nothing();
                });
                watched
            })
            .collect();
        for _ in 0..CALLERS {
            assert_eq!(message::<&str>(), "held");
        }
        // These stay queued behind what ends it.
        sys::suspend(&server).expect("it is suspended");
        end(&server);
        let queued: Vec<RequestId<u32>> = (0..CALLERS)
            .map(|_| server.send_request(on_call(|_, _| Ok(reply(1)))))
            .collect();
        if is_process_alive(pid) {
            sys::resume(&server).expect("it goes on");
        }
        for caller in callers {
            assert_eq!(down_of(caller), ExitReason::Normal);
        }
        for request in queued {
            let error = receive_response(request, None)
                .expect("for ever")
                .unwrap_err();
            assert!(
                [Failure::Ended(expected.clone()), Failure::NoProc].contains(&error.failure),
                "{error}"
            );
        }
        // Terminate may have been called.
        let _ = receive_where(Duration::ZERO, AnyMessage::is::<Terminated>);
        nothing_more_than(&before);
    }
}

/// A storm of kills over calls, casts and stops: every caller comes back, and nothing is left.
#[runtime::test]
fn a_storm_of_kills() {
    const ROUNDS: usize = 200;
    let before = counts();
    for round in 0..ROUNDS {
        let server = Options::<Test>::new().start(plain()).expect("starts");
        let pid = pid_of(&server);
        let clients: Vec<Ref> = (0..4)
            .map(|n| {
                let server = server.clone();
                let (_, watched) = spawn_monitor!(move || {
                    if n == round % 4 {
                        exit_signal(pid, ExitReason::Kill);
                    }
                    server.cast(on_other(|_| Ok(done().hibernate())));
                    let called = server.call(on_call(|_, _| Ok(reply(1).timeout(HOUR))));
                    if let Err(error) = called {
                        assert!(
                            [Failure::NoProc, Failure::Ended(ExitReason::Killed)]
                                .contains(&error.failure),
                            "{error}"
                        );
                    }
                    nothing();
                });
                watched
            })
            .collect();
        for client in clients {
            assert_eq!(down_of(client), ExitReason::Normal);
        }
        assert!(!is_process_alive(pid));
    }
    nothing_more_than(&before);
}
