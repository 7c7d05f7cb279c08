//! Time-outs and hibernation.

use super::*;

/// Mirrors `start_event_timeout` and `handle_event_timeout_*`: an event time-out comes once, is cancelled by a
/// call, survives a system message; at once it goes before what is queued; for ever it never comes.
#[runtime::test(paused)]
fn event_timeouts() {
    let minute = Duration::from_secs(60);
    let timed = move |until: Until| Action::TimeoutMsg(until, AnyMessage::new("event"));
    let server = start::<Test>(on_start(move |test| {
        Ok(Init::Ok(test, timed(minute.into())))
    }));
    let server = server.expect("starts");
    let start_of_wait = runtime::now();
    sys::get_status(&server).expect("it answers");
    assert_eq!(receive_type::<&str>(), "event");
    assert_eq!(runtime::now() - start_of_wait, minute);
    // A call cancels it.
    let answer = server.call(on_call(move |_, _| {
        Ok(Called::Reply(1, timed(minute.into())))
    }));
    assert_eq!(answer, Ok(1));
    answers(&server);
    // At once: before what is queued.
    let answer = server.call(on_call(move |_, _| {
        send(self_pid(), "queued");
        Ok(Called::Reply(1, timed(Duration::ZERO.into())))
    }));
    assert_eq!(answer, Ok(1));
    assert_eq!(receive_type::<&str>(), "event");
    assert_eq!(receive_type::<&str>(), "queued");
    let answer = server.call(on_call(move |_, _| {
        Ok(Called::Reply(1, timed(Until::Forever)))
    }));
    assert_eq!(answer, Ok(1));
    sleep(1000 * minute);
    nothing();
    // A plain time-out begins anew after a system message, and is cancelled by another.
    let answer = server.call(on_call(move |_, _| Ok(reply(1).timeout(minute))));
    assert_eq!(answer, Ok(1));
    sleep(minute / 2);
    sys::get_status(&server).expect("it answers");
    let start_of_wait = runtime::now();
    assert_eq!(receive_type::<&str>(), "timeout");
    assert_eq!(runtime::now() - start_of_wait, minute);
}

/// Mirrors `hibernate` and `auto_hibernate`.
#[runtime::test]
fn hibernate_() {
    let server = start::<Test>(on_start(|test| Ok(Init::Ok(test, Action::Hibernate))));
    let server = server.expect("starts");
    let pid = pid_of(&server);
    until_status(pid, Status::Hibernated);
    answers(&server);
    until_status(pid, Status::AtRest);
    server.cast(on_other(|_| Ok(done().hibernate())));
    until_status(pid, Status::Hibernated);
    sys::suspend(&server).expect("it is suspended");
    sys::resume(&server).expect("it goes on");
    until_status(pid, Status::Hibernated);
    let options = Options::<Test>::new().hibernate_after(Duration::from_millis(1));
    let server = options.start(plain()).expect("starts");
    let pid = pid_of(&server);
    for _ in 0..3 {
        until_status(pid, Status::Hibernated);
        answers(&server);
    }
    sys::get_status(&server).expect("it answers");
    until_status(pid, Status::Hibernated);
}
