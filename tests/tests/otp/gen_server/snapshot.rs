//! What a client is told of the server whose answer has not come in time.

use std::sync::mpsc;

use genserver::request::{Activity, Seen, Snapshot, call};
use runtime::{Builder, Spawn};

use super::*;

const NONE: Duration = Duration::from_millis(1);

/// Servers of this file call each other.
struct Link;

#[derive(Debug)]
enum Ask {
    /// Tells the test that it is inside, and waits until it is told to go on.
    Stay(Pid),
    /// Asks another, in the callback; tells the test first.
    Other(Pid, Server<Link>, Box<Ask>),
    /// Keeps the answer back.
    Nothing,
}

impl GenServer for Link {
    type Args = ();
    type Call = Ask;
    type Reply = u32;
    type Cast = Ask;
    type Continue = Never;

    fn init((): ()) -> Result<Init<Link>, ExitReason> {
        Ok(Link.into())
    }

    fn handle_call(&mut self, ask: Ask, _: From<u32>) -> Result<Called<u32>, ExitReason> {
        if let Ask::Nothing = ask {
            return Ok(Called::NoReply(Action::Wait));
        }
        carry_out(ask);
        Ok(reply(1))
    }

    fn handle_cast(&mut self, ask: Ask) -> Result<Done, ExitReason> {
        carry_out(ask);
        Ok(done())
    }
}

fn carry_out(ask: Ask) {
    match ask {
        Ask::Stay(test) => {
            send(test, Inside);
            receive! { "go on" : &str => {} }
        }
        Ask::Other(test, server, ask) => {
            send(test, Inside);
            let _ = server.call_timeout(*ask, None);
        }
        Ask::Nothing => {}
    }
}

#[derive(Debug)]
struct Inside;

fn inside() {
    message::<Inside>();
}

fn servers<const N: usize>() -> [Server<Link>; N] {
    std::array::from_fn(|_| start(()).expect("starts"))
}

fn pid(server: &Server<Link>) -> Pid {
    server.whereis().expect("it lives")
}

/// Ends servers in the middle of whatever they do.
fn kill<const N: usize>(servers: &[Server<Link>; N]) {
    for server in servers {
        let server = pid(server);
        exit_signal(server, ExitReason::Kill);
        end_of(server);
    }
}

/// A call that times out, and what it tells beside.
fn timeout(server: impl Into<ServerRef>) -> CallError {
    let error = call::<Ask, u32>(server, Ask::Nothing, NONE).unwrap_err();
    assert_eq!(error.failure, Failure::Timeout(NONE));
    error
}

fn snapshot(error: &CallError) -> &Snapshot {
    error.snapshot().expect("it has timed out")
}

/// The only process that was seen.
fn only(error: &CallError) -> &Seen {
    match snapshot(error).processes() {
        [seen] => seen,
        more => panic!("{more:?}"),
    }
}

fn is_callback(activity: Activity) -> bool {
    matches!(activity, Activity::Callback(_))
}

/// Of a suspended server it is told that it is, and how many messages wait; of one that goes on no longer.
#[runtime::test]
fn suspended() {
    let [server] = servers();
    sys::suspend(&server).expect("it answers");
    let error = timeout(&server);
    let seen = only(&error);
    assert_eq!(
        (seen.pid, seen.activity, seen.waits_for),
        (pid(&server), Activity::Suspended, None)
    );
    assert_eq!(seen.message_queue_len, 1);
    let text = error.to_string();
    assert!(text.contains("is suspended with a message"), "{text}");
    sys::resume(&server).expect("it answers");
    let seen = timeout(&server);
    // It may be about to look at its mail.
    until("it is at rest", || {
        only(&timeout(&server)).activity == Activity::AtRest
    });
    assert_ne!(only(&seen).activity, Activity::Suspended);
    kill(&[server]);
    nothing();
}

/// Of a server that is in a callback it is told since when, by pid and by its name.
#[runtime::test(paused)]
fn long_callback() {
    // Else the node would be as old as the callback.
    sleep(HOUR);
    let server = Options::<Link>::new()
        .name("a slow server")
        .start(())
        .expect("starts");
    let before = runtime::now();
    server.cast(Ask::Stay(self_pid()));
    inside();
    for to in [ServerRef::from("a slow server"), pid(&server).into()] {
        let error = timeout(to);
        let seen = only(&error);
        let Activity::Callback(time) = seen.activity else {
            panic!("{seen:?}")
        };
        assert_eq!(time, runtime::now() - before);
        assert_eq!(seen.registered_name, Some("a slow server".into()));
        assert!(
            error
                .to_string()
                .contains("(a slow server) has been in a callback for")
        );
    }
    send("a slow server", "go on").expect("it lives");
    // It goes on, and is in no callback any more.
    until("it is at rest", || {
        only(&timeout(&server)).activity == Activity::AtRest
    });
    kill(&[server]);
}

/// A server that has taken the request and keeps its answer is at rest.
#[runtime::test]
fn answer_kept() {
    let [server] = servers();
    until("it is at rest", || {
        only(&timeout(&server)).activity == Activity::AtRest
    });
    kill(&[server]);
}

/// Of servers that wait for each other the whole chain is told, the last with what it does.
#[runtime::test]
fn chain_of_three() {
    let [a, b, c] = servers();
    c.cast(Ask::Stay(self_pid()));
    inside();
    b.cast(Ask::Other(self_pid(), c.clone(), Box::new(Ask::Nothing)));
    inside();
    a.cast(Ask::Other(self_pid(), b.clone(), Box::new(Ask::Nothing)));
    inside();
    let chain = [pid(&a), pid(&b), pid(&c)];
    // The last call may not be on its way yet.
    until("all wait", || snapshot(&timeout(&a)).processes().len() == 3);
    let error = timeout(&a);
    let snapshot = snapshot(&error);
    let seen: Vec<_> = snapshot.processes().iter().collect();
    assert_eq!(seen.iter().map(|seen| seen.pid).collect::<Vec<_>>(), chain);
    let waits: Vec<_> = seen.iter().map(|seen| seen.waits_for).collect();
    assert_eq!(waits, [Some(chain[1]), Some(chain[2]), None]);
    assert!(
        seen.iter().all(|seen| is_callback(seen.activity)),
        "{seen:?}"
    );
    assert!(!snapshot.is_deadlock());
    let text = error.to_string();
    assert!(
        text.contains(&format!("and waits for {}; {}", chain[1], chain[1])),
        "{text}"
    );
    kill(&[a, b, c]);
}

/// Two that call each other: the chain ends where it closes, and says so. So does one that closes at the caller.
#[runtime::test]
fn cycle() {
    let [a, b] = servers();
    a.cast(Ask::Other(self_pid(), b.clone(), Box::new(Ask::Nothing)));
    b.cast(Ask::Other(self_pid(), a.clone(), Box::new(Ask::Nothing)));
    inside();
    inside();
    until("both wait", || snapshot(&timeout(&a)).is_deadlock());
    let error = timeout(&a);
    let pids: Vec<_> = snapshot(&error)
        .processes()
        .iter()
        .map(|seen| seen.pid)
        .collect();
    assert_eq!(pids, [pid(&a), pid(&b)]);
    assert!(error.to_string().ends_with(": a deadlock"), "{error}");
    kill(&[a, b]);

    // The caller is a server's callback itself.
    let [server] = servers();
    let me = self_pid();
    server.cast(Ask::Other(me, Server::of(me), Box::new(Ask::Nothing)));
    inside();
    until("it waits", || snapshot(&timeout(&server)).is_deadlock());
    let error = timeout(&server);
    assert_eq!(only(&error).waits_for, Some(me));
    kill(&[server]);
}

/// A chain is followed for sixteen processes, and no further.
#[runtime::test]
fn depth() {
    let chain: [Server<Link>; 20] = servers();
    for two in chain.windows(2) {
        two[0].cast(Ask::Other(
            self_pid(),
            two[1].clone(),
            Box::new(Ask::Nothing),
        ));
        inside();
    }
    until("all wait", || {
        snapshot(&timeout(&chain[0])).processes().len() == 16
    });
    kill(&chain);
}

/// A request that was sent, and is not being waited for, is no waiting.
#[runtime::test]
fn send_request_is_no_waiting() {
    let [server] = servers();
    let target = pid(&server);
    let test = self_pid();
    let client = spawn!(move || {
        let id: RequestId<u32> = request::send_request(target, Ask::Nothing);
        send(test, Inside);
        receive! { "end" : &str => {} }
        drop(id);
    });
    inside();
    let error = timeout(client);
    assert_eq!(only(&error).waits_for, None);
    send(client, "end");
    kill(&[server]);
}

/// A server that ends as the call gives up is told to be dead, or the call fails by its end; nothing is left of
/// the call.
#[runtime::test]
fn dead() {
    for _ in 0..200 {
        let [server] = servers();
        let target = pid(&server);
        let killer = spawn!(move || exit_signal(target, ExitReason::Kill));
        let error = call::<Ask, u32>(target, Ask::Nothing, Duration::ZERO).unwrap_err();
        match error.failure {
            Failure::Timeout(_) => assert_eq!(only(&error).pid, target),
            Failure::NoProc | Failure::Ended(ExitReason::Killed) => {
                assert!(error.snapshot().is_none());
            }
            other => panic!("{other:?}"),
        }
        end_of(killer);
        end_of(target);
        nothing();
    }
}

/// A process by hand that does not receive, and one that runs.
#[runtime::test]
fn no_server() {
    let waits = spawn!(|| {
        receive_type::<u32>();
    });
    until("it waits", || {
        only(&timeout(waits)).activity == Activity::Waiting
    });
    send(waits, 1u32);
    let (tell, told) = mpsc::channel::<()>();
    let runs = Spawn::new()
        .own_thread()
        .spawn(move || {
            let _ = told.recv();
        })
        .expect("starts")
        .pid;
    until("it runs", || {
        only(&timeout(runs)).activity == Activity::Running
    });
    drop(tell);
    end_of(runs);
}

/// A caller on a thread of its own, and one of another node, see the same.
#[test]
fn from_elsewhere() {
    let home = Builder::new().workers(1).start().expect("starts");
    let away = Builder::new().workers(1).start().expect("starts");
    let server = home.run(|| {
        let server = Options::<Link>::new()
            .name("far")
            .start(())
            .expect("starts");
        server.cast(Ask::Stay(self_pid()));
        inside();
        server.whereis().expect("it lives")
    });
    let seen = move || {
        let error = timeout(server);
        let seen = only(&error);
        assert!(is_callback(seen.activity), "{seen:?}");
        assert_eq!(seen.registered_name, Some("far".into()));
    };
    away.run(seen);
    home.run(move || {
        let thread = Spawn::new()
            .own_thread()
            .monitor()
            .spawn(seen)
            .expect("starts");
        assert_eq!(
            down_of(thread.monitor.expect("asked for")),
            ExitReason::Normal
        );
        send(server, "go on");
    });
}

/// What was seen is no part of equality, nor of the exit reason; of the report of a caller that ends by it, it is.
#[runtime::test]
fn reason() {
    let [server] = servers();
    let at_rest = timeout(&server);
    sys::suspend(&server).expect("it answers");
    let suspended = timeout(&server);
    assert_ne!(at_rest.to_string(), suspended.to_string());
    assert_eq!(at_rest, suspended);
    assert_eq!(at_rest.reason(), suspended.reason());
    assert_eq!(at_rest.reason(), ExitReason::other(Failure::Timeout(NONE)));
    // By `?`, and in an error of another type.
    #[derive(Debug)]
    #[expect(dead_code, reason = "shown")]
    struct Wrapped(CallError);
    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("wrapped")
        }
    }
    impl std::error::Error for Wrapped {}
    let reason = |error: &CallError| ExitReason::from(error.clone());
    let wrapped = |error: &CallError| ExitReason::from(Wrapped(error.clone()));
    assert_eq!(reason(&at_rest), reason(&suspended));
    assert_eq!(wrapped(&at_rest), wrapped(&suspended));
    assert!(format!("{:?}", reason(&suspended)).contains("is suspended"));

    reports::collect();
    let target = pid(&server);
    let caller = proc_lib::spawn(move || call::<Ask, u32>(target, Ask::Nothing, NONE).map(drop));
    assert_eq!(down_of(monitor(caller)), reason(&suspended));
    let parts = [&format!("pid={caller} "), "is suspended with"];
    reports::expect("proc_lib::crash", &parts);
    kill(&[server]);
}
