//! Calls, requests and their answers, from the client's side; the servers are plain processes.

mod expect;

use std::time::Duration;

use expect::{end_of, message, nothing};
use runtime::prelude::*;
use runtime::request::{
    Call, CallError, Cast, Checked, Client, Collected, Failure, Global, NameRegistry, RequestId,
    RequestIds, ServerRef, call, call_as, cast, check_response, foreign_request, receive_response,
    send_request, wait_response,
};
use runtime::{AliasMode, AtLimit, Name, alias};

const SOON: Duration = Duration::from_secs(10);

/// Doubles numbers; on 0 ends without an answer, on 1 keeps the client for later.
fn doubler() {
    let mut kept: Vec<Client> = Vec::new();
    loop {
        receive! {
            Call { client, request }: Call<u32> => match request {
                0 => exit(ExitReason::Shutdown),
                1 => kept.push(client),
                n => client.of().reply(2 * n),
            },
            Cast { request }: Cast<u32> => for client in kept.drain(..) {
                client.of().reply(request);
            },
        }
    }
}

fn failure<R: std::fmt::Debug>(answer: Result<R, CallError>) -> Failure {
    answer.expect_err("it fails").failure
}

/// A call has its answer, by pid and by each kind of name.
#[runtime::test]
fn named_and_unnamed() {
    let (server, monitor) = spawn_monitor!(doubler);
    assert_eq!(call(server, 4u32, SOON), Ok(8u32));
    register("doubler", server).expect("it is free");
    assert_eq!(call("doubler", 5u32, None), Ok(10u32));
    let name = Name::from(format!("doubler of {server}"));
    assert!(Global.register_name(&name, server));
    assert!(!Global.register_name(&name, self_pid()));
    let global = ServerRef::Global(name.clone());
    assert_eq!(call(&global, 6u32, SOON), Ok(12u32));
    let via = ServerRef::Via(std::sync::Arc::new(Global), name.clone());
    assert_eq!(call(&via, 7u32, SOON), Ok(14u32));
    exit_signal(server, ExitReason::Kill);
    receive! { Down { monitor: of, .. } if of == monitor => {} }
    for gone in [ServerRef::Pid(server), "doubler".into(), global, via] {
        let answer = call::<_, u32>(&gone, 8u32, SOON);
        assert_eq!(failure(answer), Failure::NoProc, "{gone}");
    }
    assert!(Global.register_name(&name, self_pid()));
    Global.unregister_name(&name);
    nothing();
}

/// A server that ends without answering: the reason. Oneself: refused at once.
#[runtime::test]
fn no_answer() {
    let server = spawn!(doubler);
    let answer = call::<_, u32>(server, 0u32, None);
    assert_eq!(failure(answer), Failure::Ended(ExitReason::Shutdown));
    let answer = call::<_, u32>(self_pid(), 0u32, None);
    assert_eq!(failure(answer), Failure::CallingSelf);
    nothing();
}

/// After a time-out no answer arrives; the server has handled the request all the same.
#[runtime::test]
fn no_late_answer() {
    let server = spawn!(doubler);
    let time = Duration::from_millis(5);
    let answer = call::<_, u32>(server, 1u32, time);
    assert_eq!(failure(answer), Failure::Timeout(time));
    cast(server, 9u32);
    assert_eq!(call(server, 2u32, SOON), Ok(4u32));
    nothing();
    // With no time at all it may have its answer, or not.
    let _ = call::<_, u32>(server, 3u32, Duration::ZERO);
    assert_eq!(call(server, 2u32, SOON), Ok(4u32));
    nothing();
}

/// An answer of another type than the client asked for is an error, also without a time-out.
#[runtime::test]
fn an_answer_of_another_type() {
    let server = spawn!(doubler);
    let answer = call::<_, String>(server, 4u32, None);
    let Failure::WrongAnswer { answer } = failure(answer) else {
        panic!("another failure");
    };
    assert_eq!(answer, "u32");
}

/// What a server sends before it ends comes before its end.
#[runtime::test]
fn an_answer_beats_the_end() {
    for _ in 0..100 {
        let server = spawn!(|| receive! {
            Call { client, request }: Call<u32> => client.of().reply(request)
        });
        assert_eq!(call(server, 7u32, SOON), Ok(7u32));
    }
    nothing();
}

/// Another process may answer; the second answer has no effect.
#[runtime::test]
fn answered_by_another_and_twice() {
    let server = spawn!(|| loop {
        receive! { Call { client, request }: Call<u32> => {
            spawn!(move || {
                client.of().reply(request);
                client.of().reply(request + 1);
            });
        } }
    });
    for n in 0..100 {
        assert_eq!(call(server, n, SOON), Ok::<u32, _>(n));
    }
    end_of(spawn!(|| {}));
    nothing();
}

/// A request's answer is waited for later, again and again; a request that was given up gets none.
#[runtime::test]
fn requests() {
    let server = spawn!(doubler);
    let request: RequestId<u32> = send_request(server, 1u32);
    assert!(wait_response(&request, Duration::ZERO).is_none());
    cast(server, 9u32);
    assert_eq!(wait_response(&request, SOON), Some(Ok(9)));
    let request: RequestId<u32> = send_request(server, 1u32);
    assert!(receive_response(request, Duration::from_millis(1)).is_none());
    cast(server, 9u32);
    assert_eq!(call(server, 2u32, SOON), Ok(4u32));
    nothing();
    let request: RequestId<u32> = send_request("nobody", 1u32);
    let answer = wait_response(&request, SOON).expect("an answer");
    assert_eq!(failure(answer), Failure::NoProc);
    nothing();
}

/// A message that was received is checked against a request.
#[runtime::test]
fn checked() {
    let server = spawn!(doubler);
    let request: RequestId<u32> = send_request(server, 4u32);
    send(self_pid(), "another");
    let mut answers = 0;
    for _ in 0..2 {
        match check_response(receive_any(), &request) {
            Checked::NoReply(message) => assert!(message.is::<&str>()),
            Checked::Response(answer) => {
                assert_eq!(answer, Ok(8));
                answers += 1;
            }
        }
    }
    assert_eq!(answers, 1);
}

/// The requests of a collection are answered in whatever order, each with its label.
#[runtime::test]
fn collections() {
    let server = spawn!(doubler);
    let mut requests = RequestIds::<u32, u32>::new();
    assert!(matches!(requests.wait_response(SOON), Collected::NoRequest));
    for n in 2..=10u32 {
        requests.add(send_request(server, n), n);
    }
    requests.add(send_request("nobody", 4u32), 0);
    assert_eq!(requests.len(), 10);
    let mut seen = Vec::new();
    while !requests.is_empty() {
        let Collected::Response(answer, label) = requests.wait_response(SOON) else {
            panic!("an answer");
        };
        match label {
            0 => assert_eq!(failure(answer), Failure::NoProc),
            n => assert_eq!(answer, Ok(2 * n)),
        }
        seen.push(label);
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    requests.add(send_request(server, 1u32), 1);
    let time = Duration::from_millis(1);
    assert!(matches!(requests.wait_response(time), Collected::Timeout));
    assert!(matches!(
        requests.receive_response(time),
        Collected::Timeout
    ));
    assert!(requests.is_empty());
    cast(server, 9u32);
    assert_eq!(call(server, 2u32, SOON), Ok(4u32));
    nothing();
}

/// Clients that are killed while they wait leave nothing with the server.
#[runtime::test]
fn clients_killed_while_they_wait() {
    let server = spawn!(doubler);
    let clients: Vec<Pid> = (0..100)
        .map(|_| spawn!(move || drop(call::<_, u32>(server, 1u32, None))))
        .collect();
    for client in clients {
        exit_signal(client, ExitReason::Kill);
        end_of(client);
    }
    cast(server, 7u32);
    assert_eq!(call(server, 2u32, SOON), Ok(4u32));
    let info = runtime::process_info(server).expect("it lives");
    assert!(info.monitored_by.is_empty(), "{info:?}");
}

/// A server that dies between a request and its answer ends every call to it.
#[runtime::test]
fn a_server_dies_under_its_clients() {
    let server = spawn!(doubler);
    let parent = self_pid();
    for _ in 0..100 {
        spawn!(move || send(parent, Opaque(call::<_, u32>(server, 1u32, None))));
    }
    assert_eq!(call(server, 2u32, SOON), Ok(4u32));
    exit_signal(server, ExitReason::Kill);
    for _ in 0..100 {
        let Opaque(answer) = message::<Opaque<Result<u32, CallError>>>();
        let failure = failure(answer);
        assert!(
            [Failure::Ended(ExitReason::Killed), Failure::NoProc].contains(&failure),
            "{failure:?}"
        );
    }
}

/// A failed call, propagated, ends its process with a reason that names the server.
#[runtime::test]
fn a_failure_is_an_exit_reason() {
    let (_, monitor) = spawn_monitor!(|| -> Result<(), CallError> {
        let _: u32 = call("nobody", 1u32, SOON)?;
        Ok(())
    });
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert!(reason.to_string().contains("nobody"), "{reason}");
    } }
}

/// An answer that lies in the mailbox is no message of its type, there and wherever it is sent on to; its request
/// finds it.
#[runtime::test]
fn an_answer_is_of_no_type() {
    let server = spawn!(doubler);
    let request = send_request::<u32, u32>(server, 4);
    let end = monitor(server);
    let _ = send_request::<u32, u32>(server, 0);
    receive! { Down { monitor, .. } if monitor == end => {} }
    receive! { n: u32 => panic!("{n}"), after Duration::ZERO => {} }
    let root = self_pid();
    let other = spawn!(move || {
        receive! { n: u32 => panic!("{n}"), answer => send(root, answer) }
    });
    let answer = receive_any();
    assert!(!answer.is::<u32>() && answer.downcast_ref::<u32>().is_none());
    assert!(format!("{answer:?}").starts_with("Answer"), "{answer:?}");
    send(other, answer);
    let answer = wait_response(&request, SOON);
    assert_eq!(answer, Some(Ok(8)));
}

/// The answer to a request of the caller's, as it lies in its mailbox: an 8.
fn an_answer() -> AnyMessage {
    let server = spawn!(doubler);
    let _request = send_request::<u32, u32>(server, 4);
    receive_any()
}

/// An answer that is sent over an alias, answered or asked with, is what it says from then on.
#[runtime::test]
fn an_answer_in_another_ones_place() {
    let own = alias(AliasMode::Reply);
    send(own, an_answer());
    assert_eq!(receive_type::<u32>(), 8);
    let echo = spawn!(|| {
        let Call { client, request } = receive_type::<Call<AnyMessage>>();
        client.of().reply(request);
    });
    assert_eq!(call::<_, u32>(echo, an_answer(), SOON), Ok(8));
    let root = self_pid();
    let asked = move || send(root, receive_type::<u32>() + 1);
    let limited = Spawn::new().mailbox_limit(10, AtLimit::DropNewest);
    let limited = limited.spawn(asked).expect("a process").pid;
    for pid in [spawn!(asked), limited] {
        let answer = an_answer();
        let failure = failure(call_as::<_, u32>(pid, |_| answer, None));
        assert_eq!(failure, Failure::Ended(ExitReason::Normal));
        assert_eq!(receive_type::<u32>(), 9);
    }
    nothing();
}

/// An answer is no request, whatever it says.
#[runtime::test]
fn an_answer_that_is_a_request() {
    let server = spawn!(|| {
        let Call { client, .. } = receive_type::<Call<()>>();
        client.of().reply(Cast { request: 1u32 });
    });
    let request = send_request::<_, Cast<u32>>(server, ());
    let answer = receive_any();
    assert_eq!(foreign_request(&answer), None);
    let Checked::Response(Ok(Cast { request: 1 })) = check_response(answer, &request) else {
        panic!("it is the answer");
    };
}

/// Of a call whose message is not made nothing is left, whoever has answered it by then.
#[runtime::test]
fn a_call_without_a_message() {
    let server = spawn!(doubler);
    let by_hand = |client: Client| -> u32 {
        client.of().reply(1u32);
        std::panic::resume_unwind(Box::new("no message"))
    };
    let unmade = |_| -> u32 { std::panic::resume_unwind(Box::new("no message")) };
    let calls = [
        std::panic::catch_unwind(|| call_as::<_, u32>(server, by_hand, SOON)),
        std::panic::catch_unwind(|| call_as::<_, u32>(server, unmade, SOON)),
    ];
    assert!(calls.iter().all(Result::is_err), "{calls:?}");
    let info = runtime::process_info(self_pid()).expect("it lives");
    assert!(info.monitors.is_empty(), "{info:?}");
    nothing();
}
