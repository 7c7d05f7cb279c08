//! Requests whose answers are waited for later.

use std::sync::{Arc, Mutex};

use genserver::supervisor::Supervisor;
use runtime::request::{Checked, Collected};

use super::*;

/// A registry of names beside the runtime's, with room for one.
#[derive(Debug, Default)]
pub(super) struct OneName(Mutex<Option<(Name, Pid)>>);

impl OneName {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<(Name, Pid)>> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl NameRegistry for OneName {
    fn register_name(&self, name: &Name, pid: Pid) -> bool {
        let mut held = self.held();
        let free = held.is_none();
        if free {
            *held = Some((name.clone(), pid));
        }
        free
    }
    fn unregister_name(&self, _: &Name) {
        *self.held() = None;
    }
    fn whereis_name(&self, name: &Name) -> Option<Pid> {
        let held = self.held();
        held.as_ref()
            .and_then(|(held, pid)| (held == name).then_some(*pid))
    }
}

/// A registry that is broken.
#[derive(Debug)]
struct Broken;

impl NameRegistry for Broken {
    fn register_name(&self, _: &Name, _: Pid) -> bool {
        false
    }
    fn unregister_name(&self, _: &Name) {}
    fn whereis_name(&self, _: &Name) -> Option<Pid> {
        panic!("a broken registry")
    }
}

/// The names that a server may be started under: none, local, global, by a registry of the user's.
pub(super) fn names() -> [Option<ServerRef>; 4] {
    let unique = format!("a name {}", self_pid());
    let via = Arc::new(OneName::default());
    [
        None,
        Some("a name".into()),
        Some(ServerRef::Global(unique.into())),
        Some(ServerRef::Via(via, "a name".into())),
    ]
}

/// Starts a server under such a name, and says how to reach it.
pub(super) fn start_as(name: Option<ServerRef>, args: (Pid, Option<Start>)) -> ServerRef {
    let mut options = Options::<Test>::new();
    if let Some(name) = &name {
        options = options.name(name);
    }
    let server = options.start(args).expect("starts");
    name.unwrap_or_else(|| server.server_ref().clone())
}

/// A request by pid and by each kind of name: the answer; no answer yet, and then the answer; and errors instead of
/// exits, which name the process that was asked, or who was to be asked if there was none. As real `erl` of OTP 25.2.
#[runtime::test]
fn send_request() {
    for name in names() {
        let server = start_as(name, plain());
        let pid = server.whereis().expect("it runs");
        let send = |call: Call| -> RequestId<u32> { request::send_request(&server, call) };
        let id = send(on_call(|_, _| Ok(reply(1))));
        assert_eq!(wait_response(&id, None), Some(Ok(1)));
        // No answer yet: it can be asked for again.
        let id = send(on_call(|_, from| {
            spawn!(move || {
                receive! { "go" : &str => {} after SOON => {} }
                from.reply(2);
            });
            Ok(Called::NoReply(Action::Wait))
        }));
        assert_eq!(wait_response(&id, Duration::ZERO), None);
        assert_eq!(wait_response(&id, None), Some(Ok(2)));
        // By a message that was received.
        let id = send(on_call(|_, _| Ok(reply(3))));
        let Checked::NoReply(_) = check_response(AnyMessage::new("unrelated"), &id) else {
            panic!("it is another's")
        };
        let Checked::Response(answer) = check_response(receive_any(), &id) else {
            panic!("it is the answer")
        };
        assert_eq!(answer, Ok(3));
        // Given up: no answer comes any more.
        let id = send(on_call(|_, _| Ok(Called::NoReply(Action::Wait))));
        assert_eq!(receive_response(id, Duration::ZERO), None);
        // Errors, not exits: it ends, and is not there.
        let ended = send(on_call(|_, _| Ok(Called::Stop(ExitReason::Shutdown))));
        let error = wait_response(&ended, None).expect("for ever").unwrap_err();
        assert_eq!(error.failure, Failure::Ended(ExitReason::Shutdown));
        assert_eq!(error.server, ServerRef::Pid(pid));
        assert_eq!(terminated(), ExitReason::Shutdown);
        // A registry may go on to know one who is dead.
        let asked = server.whereis().map_or(server.clone(), ServerRef::Pid);
        let nobody = send(on_call(|_, _| Ok(reply(4))));
        let error = wait_response(&nobody, None).expect("for ever").unwrap_err();
        assert_eq!((error.server, error.failure), (asked, Failure::NoProc));
        nothing();
    }
    // A registry that panics is its caller's trouble.
    let via = ServerRef::Via(Arc::new(Broken), "a name".into());
    let caught = catch(|| request::send_request::<u32, u32>(&via, 1));
    assert!(matches!(caught, Err(Caught::Panic(_))), "{caught:?}");
    nothing();
}

fn late(time: Duration, answer: u32) -> Call {
    on_call(move |_, from| {
        spawn!(move || {
            sleep(time);
            from.reply(answer);
        });
        Ok(Called::NoReply(Action::Wait))
    })
}

/// Of several requests the answers come in the order in which they are made, each with its label; what has not come
/// in time is given up, all together; an end is an answer too.
#[runtime::test(paused)]
fn send_request_receive_reqid_collection() {
    let server = start::<Test>(plain()).expect("starts");
    let mut ids = RequestIds::new();
    assert!(matches!(ids.receive_response(None), Collected::NoRequest));
    for (seconds, label) in [(3, "last"), (1, "first"), (2, "second")] {
        let id = server.send_request(late(Duration::from_secs(seconds), seconds as u32));
        ids.add(id, label);
    }
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.iter().count(), 3);
    for (expected, label) in [(1, "first"), (2, "second")] {
        let Collected::Response(Ok(answer), of) = ids.receive_response(None) else {
            panic!("it is the next answer")
        };
        assert_eq!((answer, of), (expected, label));
    }
    assert_eq!(ids.len(), 1);
    assert!(matches!(
        ids.receive_response(Duration::from_millis(500)),
        Collected::Timeout
    ));
    assert!(ids.is_empty());
    sleep(HOUR);
    nothing();
    // One that ends.
    ids.add(
        server.send_request(on_call(|_, _| Ok(Called::Stop(ExitReason::Shutdown)))),
        "ends",
    );
    let Collected::Response(Err(error), "ends") = ids.receive_response(None) else {
        panic!("it ends")
    };
    assert_eq!(error.failure, Failure::Ended(ExitReason::Shutdown));
    terminated();
    nothing();
}

/// A message that was received is the answer to one of several requests, or tells of a server's end, or is given
/// back.
#[runtime::test]
fn send_request_check_reqid_collection() {
    let server = start::<Test>(plain()).expect("starts");
    let mut ids = RequestIds::new();
    let unrelated = ids.check_response(AnyMessage::new("unrelated"));
    assert!(unrelated.is_err(), "it is nobody's answer");
    ids.add(
        server.send_request(on_call(|_, _| Ok(reply(1)))),
        "answered",
    );
    let unrelated = ids.check_response(AnyMessage::new("unrelated"));
    assert!(unrelated.is_err(), "it is nobody's answer");
    let Ok(Collected::Response(Ok(1), "answered")) = ids.check_response(receive_any()) else {
        panic!("it is the answer")
    };
    ids.add(
        server.send_request(on_call(|_, _| Ok(Called::Stop(ExitReason::Shutdown)))),
        "ends",
    );
    assert_eq!(terminated(), ExitReason::Shutdown);
    let Ok(Collected::Response(Err(error), "ends")) = ids.check_response(receive_any()) else {
        panic!("it tells of the end")
    };
    assert_eq!(error.failure, Failure::Ended(ExitReason::Shutdown));
    assert!(ids.is_empty());
    nothing();
}

/// A cast never fails, whatever becomes of it on its way. Mirrors OTP's `catch Mod:send(..)`.
#[runtime::test]
fn a_cast_by_a_registry_that_panics() {
    let via = ServerRef::Via(Arc::new(Broken), "a name".into());
    request::cast(&via, 1u32);
    Server::<Test>::of(&via).cast(on_other(|_| Ok(done())));
    nothing();
}

/// By a name on the caller's node a server is reached as by the name alone.
#[runtime::test]
fn call_remote3() {
    let name = Options::<Test>::new().name("a name");
    let server = name.start(plain()).expect("starts");
    let pid = pid_of(&server);
    let here = NodeName::Local.server("a name");
    assert_eq!(here.whereis(), Some(pid));
    answers(&Server::of(&here));
    request::cast(&here, on_other(|_| Ok(done())));
    sys::suspend(&here).expect("it answers");
    sys::resume(&here).expect("it answers");
    let id = request::send_request(&here, on_call(|_, _| Ok(reply(1))));
    assert_eq!(receive_response::<u32>(id, None), Some(Ok(1)));
    let ends = request::send_request(
        &here,
        on_call(|_, _| Ok(Called::Stop(ExitReason::Shutdown))),
    );
    let error = receive_response::<u32>(ends, None)
        .expect("for ever")
        .unwrap_err();
    assert_eq!(error.server, pid.into());
    assert_eq!(terminated(), ExitReason::Shutdown);
    let error = request::call::<u32, u32>(&here, 1, None).unwrap_err();
    assert_eq!(
        (error.server, error.failure),
        (here.clone(), Failure::NoProc)
    );
    runtime::register("a name", self_pid()).expect("free");
    let error = request::call::<u32, u32>(&here, 1, None).unwrap_err();
    assert_eq!((error.server, error.failure), (here, Failure::CallingSelf));
    nothing();
}

/// By a name on a node that there is no connection to: a call and a request fail with that node, a cast is lost. Real
/// `erl` of OTP 25.2 says `{nodedown, Node}`.
#[runtime::test]
fn call_remote_n3() {
    let node = NodeName::Named("other@host".into());
    // One of that name here is not meant.
    runtime::register("a name", self_pid()).expect("free");
    let there = node.server("a name");
    assert_eq!(there.whereis(), None);
    let is_down = |error: CallError| {
        assert_eq!(error.server, there);
        assert_eq!(error.failure, Failure::NodeDown(node.clone()));
        assert_eq!(
            error.reason(),
            ExitReason::other(Failure::NodeDown(node.clone()))
        );
    };
    is_down(request::call::<u32, u32>(&there, 1, None).unwrap_err());
    is_down(sys::suspend(&there).unwrap_err());
    is_down(Supervisor::of(&there).count_children().unwrap_err());
    request::cast(&there, 1u32);
    Server::<Test>::of(&there).cast(on_other(|_| Ok(done())));
    let id: RequestId<u32> = request::send_request(&there, 1u32);
    is_down(wait_response(&id, None).expect("for ever").unwrap_err());
    let id: RequestId<u32> = request::send_request(&there, 1u32);
    is_down(receive_response(id, None).expect("for ever").unwrap_err());
    let id: RequestId<u32> = request::send_request(&there, 1u32);
    let Checked::Response(Err(error)) = check_response(receive_any(), &id) else {
        panic!("it says that there is none")
    };
    is_down(error);
    let mut ids = RequestIds::new();
    ids.add(request::send_request::<_, u32>(&there, 1u32), "there");
    let Collected::Response(Err(error), "there") = ids.receive_response(None) else {
        panic!("it says that there is none")
    };
    is_down(error);
    nothing();
}
