//! Debug functions, changes of code and askers that fail, and processes that do not answer.

use super::*;
use crate::expect::{NOW, down_of, end_of, message, nothing, until};

/// A debug function that panics, exits, or panics when it is dropped, is removed; the process and the others
/// notice nothing.
#[runtime::test]
fn debug_functions_that_fail() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let server = adder();
    let me = self_pid();
    sys::install(&server, "panics", |_: &Event<'_>| {
        panic!("in a debug function")
    })
    .expect("it answers");
    sys::install(&server, "exits", |_: &Event<'_>| exit(ExitReason::Shutdown)).expect("it answers");
    for id in ["breaks", "removed", "cleared"] {
        let bad = Bad;
        sys::install(&server, id, move |_: &Event<'_>| {
            let _held = &bad;
            match id {
                "breaks" => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
        .expect("it answers");
    }
    sys::install(&server, "well", move |event: &Event<'_>| {
        if let Some(n) = event.request::<u32>() {
            send(me, *n);
        }
        ControlFlow::Continue(())
    })
    .expect("it answers");
    assert_eq!(server.call(5), Ok(5));
    assert_eq!(message::<u32>(), 5);
    let debug = || sys::get_status(&server).expect("it answers").debug;
    assert_eq!(debug(), ["removed", "cleared", "well"]);
    sys::remove(&server, "removed").expect("it answers");
    assert_eq!(debug(), ["cleared", "well"]);
    sys::no_debug(&server).expect("it answers");
    assert_eq!(server.call(5), Ok(10));
    nothing();
}

/// Installs a debug function that tells the test when it is called, and waits to be told to go on.
fn install_one_that_waits(server: &Server<Adder>, then: ControlFlow<()>) {
    let me = self_pid();
    let waits = move |_: &Event<'_>| {
        send(me, "inside");
        receive! { "go on" : &str => then }
    };
    sys::install(server, "waits", waits).expect("it answers");
}

/// A debug function that blocks holds its process up, and nobody else; when the process is killed then, its
/// caller has the reason.
#[runtime::test]
fn a_debug_function_that_blocks() {
    let server = start::<Adder>(0).expect("starts");
    let pid = server.whereis().expect("it lives");
    install_one_that_waits(&server, ControlFlow::Continue(()));
    let first = send_request::<u32, u32>(pid, 1);
    assert_eq!(message::<&str>(), "inside");
    send(pid, "go on");
    assert_eq!(message::<&str>(), "inside");
    exit_signal(pid, ExitReason::Kill);
    let ended = genserver::request::receive_response(first, None).expect("for ever");
    assert_eq!(
        ended.unwrap_err().failure,
        Failure::Ended(ExitReason::Killed)
    );
    nothing();
}

/// Whoever asks may die before it is answered: what it asked is done, and nothing is left of it.
#[runtime::test]
fn an_asker_that_dies() {
    let server = adder();
    let pid = server.whereis().expect("it lives");
    // The server is held up, so that all are dead before it comes to them.
    install_one_that_waits(&server, ControlFlow::Break(()));
    server.cast(1);
    assert_eq!(message::<&str>(), "inside");
    let askers: Vec<Pid> = (0..30)
        .map(|n| {
            spawn!(move || -> Result<(), CallError> {
                let forever = sys::within(None);
                match n % 5 {
                    0 => forever.get_status(pid).map(drop),
                    1 => forever.suspend(pid),
                    2 => forever.log(pid, Some(5)),
                    3 => forever.install(pid, "own", |_: &Event<'_>| ControlFlow::Continue(())),
                    _ => forever.get_statistics(pid).map(drop),
                }
            })
        })
        .collect();
    for asker in &askers {
        until("it waits for the server", || {
            process_info(pid).is_some_and(|info| info.monitored_by.contains(asker))
                || runtime::mailbox_len(pid).is_some_and(|length| length >= askers.len())
        });
    }
    for asker in askers {
        exit_signal(asker, ExitReason::Kill);
        end_of(asker);
    }
    send(pid, "go on");
    let status = sys::get_status(pid).expect("it answers");
    assert!(status.suspended);
    assert_eq!(status.debug, ["log", "own"]);
    sys::resume(pid).expect("it answers");
    assert_eq!(server.call(1), Ok(2));
    let monitors = process_info(pid).expect("it lives").monitored_by;
    assert_eq!(monitors, []);
}

/// Without an answer in time the asker goes on, and no late one comes; without a process it knows at once; nobody
/// asks itself.
#[runtime::test]
fn no_answer() {
    let (deaf, watched) = spawn_monitor!(|| {
        receive! { "enough" : &str => {} }
    });
    let time = std::time::Duration::from_millis(1);
    let late = sys::within(time).get_state::<u32>(deaf);
    let Err(StateError::Call(error)) = late else {
        panic!("{late:?}")
    };
    assert_eq!(error.failure, Failure::Timeout(time));
    send(deaf, "enough");
    assert_eq!(down_of(watched), ExitReason::Normal);
    assert_eq!(sys::suspend(deaf).unwrap_err().failure, Failure::NoProc);
    assert_eq!(sys::get_log("nobody").unwrap_err().failure, Failure::NoProc);
    let own = sys::get_status(self_pid()).unwrap_err();
    assert_eq!(own.failure, Failure::CallingSelf);
    assert!(receive_timeout(NOW).is_none());
}

/// A process written by hand whose change of code panics, or exits, refuses it so, and goes on; so does one that has
/// none. As real `erl` of OTP 25.2 answers.
#[runtime::test]
fn a_change_of_code_that_fails() {
    struct Fragile(u32);

    impl sys::Process for Fragile {
        fn state(&mut self) -> &mut dyn std::any::Any {
            &mut self.0
        }
        fn show(&self) -> String {
            self.0.to_string()
        }
        fn module(&self) -> &'static str {
            "fragile"
        }
        fn change_code(&mut self, extra: Box<dyn std::any::Any + Send>) -> Result<(), ExitReason> {
            match extra.is::<u32>() {
                true => panic!("no change"),
                false => exit(ExitReason::Shutdown),
            }
        }
    }

    let pid = spawn_link!(|| {
        let (mut fragile, mut debug) = (Fragile(7), Debug::new());
        loop {
            let system: System = receive_type();
            if let Handled::Terminate(reason) = sys::handle(system, &mut debug, &mut fragile) {
                exit(reason)
            }
        }
    });
    sys::suspend(pid).expect("it answers");
    match sys::change_code(pid, 1u32) {
        Err(ChangeCodeError::Refused(ExitReason::Panic(panic))) => {
            assert_eq!(panic.message(), "no change");
        }
        other => panic!("{other:?}"),
    }
    let refused = sys::change_code(pid, ());
    assert_eq!(refused, Err(ChangeCodeError::Refused(ExitReason::Shutdown)));
    assert_eq!(sys::get_state::<u32>(pid), Ok(7));
    sys::terminate(pid, ExitReason::Normal).expect("it answers");
    end_of(pid);
}
