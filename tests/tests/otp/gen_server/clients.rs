//! The client's half under stress: names that come and go, collections whose servers die, answers sent twice;
//! and that nothing is left of what was given up.

use genserver::request::{Collected, call};
use runtime::{processes, registered, unregister};

use super::*;

/// Processes, names, the caller's monitors.
fn counts() -> (usize, usize, usize) {
    let me = process_info(self_pid()).expect("it lives");
    (processes().len(), registered().len(), me.monitors.len())
}

/// All is as it was, here and with the server: nobody monitors that, and nothing has come.
#[track_caller]
fn nothing_is_left(before: (usize, usize, usize)) {
    until("all is as before", || counts() == before);
    nothing();
}

fn unwatched(server: Pid) -> bool {
    process_info(server).is_some_and(|info| info.monitored_by.is_empty())
}

/// Takes its calls and keeps the answers back.
fn never() -> Call {
    on_call(|_, _| Ok(Called::NoReply(Action::Wait)))
}

fn send_never(server: &Server<Test>) -> RequestId<u32> {
    request::send_request(server, never())
}

/// Ten thousand calls to a name that comes and goes: each is answered, or finds nobody there, or its server
/// ended; and in the end nothing is left of them.
#[runtime::test]
fn a_name_that_comes_and_goes() {
    const CLIENTS: usize = 10;
    const CALLS: usize = 1000;
    let before = counts();
    let test = self_pid();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            spawn_monitor!(move || {
                let mut outcomes = [0usize; 3];
                for n in 0..CALLS as u32 {
                    let called = call::<u32, u32>("comes and goes", n, None);
                    let outcome = match called.map_err(|error| error.failure) {
                        Ok(answer) => {
                            assert_eq!(answer, n + 1);
                            0
                        }
                        Err(Failure::NoProc) => {
                            yield_now();
                            1
                        }
                        Err(Failure::Ended(ExitReason::Shutdown | ExitReason::Killed)) => 2,
                        Err(other) => panic!("{other:?}"),
                    };
                    outcomes[outcome] += 1;
                }
                assert_eq!(outcomes.iter().sum::<usize>(), CALLS);
                send(test, outcomes[0]);
            })
            .1
        })
        .collect();
    let mut rounds = 0;
    let mut open = CLIENTS;
    let mut answered = 0;
    while open > 0 {
        // By turns it is killed, ends by itself with requests in its mailbox, and gives its name away.
        rounds += 1;
        let lives = rounds % 3;
        let server = spawn!(move || {
            if runtime::register("comes and goes", self_pid()).is_err() {
                return;
            }
            for _ in 0..20 {
                receive! {
                    genserver::request::Call { client, request: n }: genserver::request::Call<u32> => {
                        client.of::<u32>().reply(n + 1);
                    }
                    "end" : &str => break,
                }
            }
            match lives {
                0 => exit(ExitReason::Shutdown),
                1 => {
                    exit_signal(self_pid(), ExitReason::Kill);
                }
                _ => {
                    unregister("comes and goes").expect("it has it");
                    exit(ExitReason::Shutdown)
                }
            }
        });
        let watched = monitor(server);
        loop {
            receive! {
                Down { monitor, .. } if monitor == watched => break,
                Down { monitor, reason, .. } if clients.contains(&monitor) => {
                    assert_eq!(reason, ExitReason::Normal);
                    open -= 1;
                    if open == 0 {
                        send(server, "end");
                    }
                }
                n: usize => answered += n,
            }
        }
    }
    assert!(answered > 0);
    nothing_is_left(before);
}

/// A collection whose servers die: each request has its own answer, and each answer its label.
#[runtime::test]
fn servers_die_under_a_collection() {
    let before = counts();
    let mut requests = RequestIds::new();
    let servers: Vec<Server<Test>> = (0..30).map(|_| start(plain()).expect("starts")).collect();
    for (n, server) in servers.iter().enumerate() {
        requests.add(send_never(server), n);
    }
    for (n, server) in servers.iter().enumerate() {
        let reason = match n % 3 {
            0 => ExitReason::Kill,
            1 => ExitReason::Shutdown,
            _ => ExitReason::other(n),
        };
        exit_signal(pid_of(server), reason);
    }
    let mut seen = [false; 30];
    while !requests.is_empty() {
        let Collected::Response(response, n) = requests.wait_response(None) else {
            panic!("all have ended")
        };
        let expected = match n % 3 {
            0 => ExitReason::Killed,
            1 => ExitReason::Shutdown,
            _ => ExitReason::other(n),
        };
        assert_eq!(response.unwrap_err().failure, Failure::Ended(expected));
        assert!(!std::mem::replace(&mut seen[n], true), "{n} twice");
    }
    assert!(matches!(requests.wait_response(None), Collected::NoRequest));
    nothing_is_left(before);
}

/// Of two answers to a request the first counts, whoever sends them; the second reaches nobody.
#[runtime::test]
fn answered_twice() {
    let server = start::<Test>(plain()).expect("starts");
    let before = counts();
    let twice = || {
        on_call(|_, from| {
            from.reply(1);
            from.reply(2);
            Ok(reply(3))
        })
    };
    assert_eq!(server.call(twice()), Ok(1));
    let id: RequestId<u32> = request::send_request(&server, twice());
    assert_eq!(receive_response(id, None), Some(Ok(1)));
    let mut requests = RequestIds::new();
    for n in 0..10 {
        requests.add(request::send_request::<_, u32>(&server, twice()), n);
    }
    for _ in 0..10 {
        let Collected::Response(Ok(1), _) = requests.wait_response(None) else {
            panic!("the first answers")
        };
    }
    // By two others, at once.
    let by_others = on_call(|_, from| {
        spawn!(move || from.reply(4));
        spawn!(move || from.reply(5));
        Ok(Called::NoReply(Action::Wait))
    });
    assert!(matches!(server.call(by_others), Ok(4 | 5)));
    // Whatever was sent before has come when this is answered.
    answers(&server);
    nothing_is_left(before);
    assert!(unwatched(pid_of(&server)));
    server.stop().expect("it stops");
}

/// Dropped before it is answered, a request is given up: neither monitor nor alias is left, and an answer that is in
/// the mailbox already is thrown away.
#[runtime::test]
fn dropped() {
    let server = start::<Test>(plain()).expect("starts");
    let pid = pid_of(&server);
    let before = counts();
    let late = || {
        on_call(|test, from| {
            let (parent, client) = (test.parent, from);
            send(parent, Held(client));
            Ok(Called::NoReply(Action::Wait))
        })
    };
    // Not answered yet; the answer comes later.
    let id: RequestId<u32> = request::send_request(&server, late());
    let Held(from) = message();
    drop(id);
    from.reply(1);
    nothing_is_left(before);
    assert!(unwatched(pid));
    // Answered, and not looked at.
    let id: RequestId<u32> = request::send_request(&server, on_call(|_, _| Ok(reply(1))));
    answers(&server);
    drop(id);
    nothing_is_left(before);
    // Ended, and not looked at.
    let other = start::<Test>(plain()).expect("starts");
    let id = send_never(&other);
    exit_signal(pid_of(&other), ExitReason::Kill);
    end_of(pid_of(&other));
    drop(id);
    nothing_is_left(before);
    // Those of a collection: some answered, some not.
    let mut requests = RequestIds::<u32, _>::new();
    for n in 0..100 {
        let asks = match n % 2 {
            0 => never(),
            _ => on_call(|_, _| Ok(reply(1))),
        };
        requests.add(request::send_request(&server, asks), n);
    }
    answers(&server);
    send(self_pid(), "stays");
    drop(requests);
    assert_eq!(message::<&str>(), "stays");
    nothing_is_left(before);
    // At a time-out, as well.
    let mut requests = RequestIds::new();
    requests.add(send_never(&server), ());
    assert!(matches!(
        requests.receive_response(Duration::ZERO),
        Collected::Timeout
    ));
    assert!(requests.is_empty());
    nothing_is_left(before);
    // A call that is left by an exit.
    let target = server.clone();
    let caller = spawn!(move || {
        trap_exit(false);
        let caught = catch(|| target.call_timeout(never(), None));
        drop(caught);
    });
    until("it calls", || !unwatched(pid));
    exit_signal(caller, ExitReason::Shutdown);
    end_of(caller);
    until("it is forgotten", || unwatched(pid));
    nothing_is_left(before);
    server.stop().expect("it stops");
}

#[derive(Debug)]
struct Held(From<u32>);

/// A name that nobody can have: no process whose local name looks alike is taken for it.
#[runtime::test]
fn nobody_of_a_kind() {
    let nobody = ServerRef::Global("someone".into());
    runtime::register(nobody.to_string(), self_pid()).expect("free");
    let id: RequestId<u32> = request::send_request(&nobody, 1u32);
    let error = wait_response(&id, None).expect("for ever").unwrap_err();
    assert_eq!((error.server, error.failure), (nobody, Failure::NoProc));
}
