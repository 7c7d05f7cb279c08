//! Servers and clients that are killed, in every place.

use super::*;

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
