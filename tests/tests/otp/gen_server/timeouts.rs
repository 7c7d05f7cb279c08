//! Time-outs and hibernation.

use super::*;

fn timed(until: impl Into<Until>) -> Action<&'static str> {
    Action::TimeoutMsg(until.into(), event())
}

fn asleep(until: impl Into<Until>) -> Action<&'static str> {
    Action::HibernateMsg(until.into(), event())
}

fn starts_with(action: Action<&'static str>) -> Server<Test> {
    let start = on_start(move |test| Ok(Init::Ok(test, action)));
    start_link::<Test>(start).expect("starts")
}

/// An event time-out from init, by duration and moment, hibernated and not, by way of a continue, and from
/// enter_loop: it comes once, at its time, is not moved by a system message, and a call cancels it.
#[runtime::test(paused)]
fn start_event_timeout() {
    let me = self_pid();
    type Make = fn() -> Action<&'static str>;
    let ways: [(Make, Status); 5] = [
        (|| timed(HOUR), Status::AtRest),
        (|| timed(runtime::now() + HOUR), Status::AtRest),
        (|| asleep(HOUR), Status::Hibernated),
        (|| asleep(runtime::now() + HOUR), Status::Hibernated),
        (|| Action::Continue("timed"), Status::AtRest),
    ];
    for (make, status) in ways {
        let entered = move || {
            let pid = proc_lib::spawn_link(move || -> () {
                let test = Test { parent: me };
                enter_loop(test, make());
            });
            Server::<Test>::of(pid)
        };
        let starts: [&dyn Fn() -> Server<Test>; 2] = [&|| starts_with(make()), &entered];
        for start in starts {
            let began = runtime::now();
            let server = start();
            until_status(pid_of(&server), status);
            sleep(HOUR / 2);
            sys::get_status(&server).expect("it answers");
            until_status(pid_of(&server), status);
            receive! {
                "event" : &str => {}
                "timed" : &str => receive! { "event" : &str => {} }
            }
            assert_eq!(runtime::now() - began, HOUR);
            sleep(2 * HOUR);
            nothing();
            let server = start();
            answers(&server);
            sleep(2 * HOUR);
            let _continued = receive_where(Duration::ZERO, |m| m.downcast_ref() == Some(&"timed"));
            nothing();
        }
    }
}

/// An event time-out of for ever never comes; hibernated it hibernates.
#[runtime::test(paused)]
fn handle_event_timeout_infinity() {
    let server = starts_with(Action::Wait);
    for (make, status) in [
        (timed as fn(Until) -> _, Status::AtRest),
        (asleep as fn(Until) -> _, Status::Hibernated),
    ] {
        let answer = server.call(on_call(move |_, _| {
            Ok(Called::Reply(1, make(Until::Forever)))
        }));
        assert_eq!(answer, Ok(1));
        until_status(pid_of(&server), status);
        sleep(1000 * HOUR);
        nothing();
    }
}

/// An event time-out of no time comes before what is queued.
#[runtime::test(paused)]
fn handle_event_timeout_zero() {
    let server = starts_with(Action::Wait);
    for make in [timed as fn(Duration) -> _, asleep as fn(Duration) -> _] {
        let answer = server.call(on_call(move |_, _| {
            send(self_pid(), "queued");
            Ok(Called::Reply(1, make(Duration::ZERO)))
        }));
        assert_eq!(answer, Ok(1));
        assert_eq!(message::<&str>(), "event");
        assert_eq!(message::<&str>(), "queued");
    }
    nothing();
}

/// A plain time-out begins anew after a system message, does not come after a request, nor while the server is
/// suspended; one of no time lets a queued message go first.
#[runtime::test(paused)]
fn handle_event_timeout_plain() {
    let server = starts_with(Action::Wait);
    let timed = || on_call(|_, _| Ok(reply(1).timeout(HOUR)));
    assert_eq!(server.call(timed()), Ok(1));
    sleep(HOUR / 2);
    sys::get_status(&server).expect("it answers");
    let asked = runtime::now();
    assert_eq!(receive_type::<&str>(), "timeout");
    assert_eq!(runtime::now() - asked, HOUR);
    assert_eq!(server.call(timed()), Ok(1));
    answers(&server);
    sleep(2 * HOUR);
    nothing();
    assert_eq!(server.call(timed()), Ok(1));
    sys::suspend(&server).expect("it answers");
    sleep(2 * HOUR);
    nothing();
    sys::resume(&server).expect("it answers");
    let resumed = runtime::now();
    assert_eq!(receive_type::<&str>(), "timeout");
    assert_eq!(runtime::now() - resumed, HOUR);
    let answer = server.call(on_call(|_, _| {
        send(self_pid(), "queued");
        Ok(reply(1).timeout(Duration::ZERO))
    }));
    assert_eq!(answer, Ok(1));
    assert_eq!(receive_type::<&str>(), "queued");
    sleep(HOUR);
    nothing();
}

/// A server hibernates that init, a call, a call answered later, a cast or a message told to; any message wakes it;
/// system messages leave it hibernated, to be suspended and to go on too.
#[runtime::test]
fn hibernate() {
    let server = starts_with(Action::Hibernate);
    let pid = pid_of(&server);
    type Tell = fn(&Server<Test>);
    let ways: [Tell; 5] = [
        |_| {},
        |server| {
            let answer = server.call(on_call(|_, _| Ok(reply(1).hibernate())));
            assert_eq!(answer, Ok(1));
        },
        |server| {
            let answer = server.call(on_call(|_, from| {
                from.reply(2);
                Ok(Called::NoReply(Action::Hibernate))
            }));
            assert_eq!(answer, Ok(2));
        },
        |server| server.cast(on_other(|_| Ok(done().hibernate()))),
        |server| send(pid_of(server), on_other(|_| Ok(done().hibernate()))),
    ];
    for tell in ways {
        tell(&server);
        until_status(pid, Status::Hibernated);
        sys::suspend(&server).expect("it is suspended");
        until_status(pid, Status::Hibernated);
        sys::resume(&server).expect("it goes on");
        until_status(pid, Status::Hibernated);
        answers(&server);
        until_status(pid, Status::AtRest);
    }
    // Something is queued: it does not.
    let answer = server.call(on_call(|_, _| {
        send(self_pid(), "queued");
        Ok(reply(1).hibernate())
    }));
    assert_eq!(answer, Ok(1));
    assert_eq!(message::<&str>(), "queued");
    until_status(pid, Status::AtRest);
}

/// A server with `hibernate_after` hibernates when it was idle for so long, after its start, calls, casts and
/// messages; a system message leaves it hibernated again; a time-out of a callback's comes first.
#[runtime::test]
fn auto_hibernate() {
    let options = Options::<Test>::new().hibernate_after(SOON);
    let server = options.start_link(plain()).expect("starts");
    let pid = pid_of(&server);
    until_status(pid, Status::Hibernated);
    answers(&server);
    until_status(pid, Status::Hibernated);
    server.cast(on_other(|_| Ok(done())));
    until_status(pid, Status::Hibernated);
    send(pid, "info");
    assert_eq!(message::<&str>(), "info");
    until_status(pid, Status::Hibernated);
    sys::get_status(&server).expect("it answers");
    until_status(pid, Status::Hibernated);
    server.cast(on_other(|_| Ok(done().timeout(2 * SOON))));
    assert_eq!(message::<&str>(), "timeout");
    until_status(pid, Status::Hibernated);
}

/// A server that is suspended hibernated, and has mail that it must not take, rests; resumed it takes that. (OTP's
/// wakes again and again.)
#[runtime::test]
fn suspended_hibernated_with_mail() {
    let server = starts_with(Action::Hibernate);
    let pid = pid_of(&server);
    until_status(pid, Status::Hibernated);
    sys::suspend(&server).expect("it is suspended");
    until_status(pid, Status::Hibernated);
    send(pid, "queued");
    until_status(pid, Status::AtRest);
    let of = || process_info(pid).expect("it lives").reductions;
    let before = of();
    for _ in 0..100 {
        yield_now();
    }
    assert_eq!(of(), before);
    sys::get_status(&server).expect("it answers");
    until_status(pid, Status::AtRest);
    sys::resume(&server).expect("it goes on");
    assert_eq!(message::<&str>(), "queued");
    server.cast(on_other(|_| Ok(done().hibernate())));
    until_status(pid, Status::Hibernated);
    sys::suspend(&server).expect("it is suspended");
    until_status(pid, Status::Hibernated);
}

/// A server that hibernates since it was idle hibernates again at once after a system message, and while it is
/// suspended; after another message, when it was idle for as long again.
#[runtime::test(paused)]
fn hibernates_again_at_once() {
    let options = Options::<Test>::new().hibernate_after(HOUR);
    let server = options.start_link(plain()).expect("starts");
    let pid = pid_of(&server);
    sleep(2 * HOUR);
    let began = runtime::now();
    until_status(pid, Status::Hibernated);
    sys::get_status(&server).expect("it answers");
    until_status(pid, Status::Hibernated);
    sys::suspend(&server).expect("it is suspended");
    until_status(pid, Status::Hibernated);
    sys::resume(&server).expect("it goes on");
    until_status(pid, Status::Hibernated);
    answers(&server);
    until_status(pid, Status::AtRest);
    assert_eq!(runtime::now(), began);
    sleep(2 * HOUR);
    until_status(pid, Status::Hibernated);
}
