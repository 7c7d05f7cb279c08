//! After `sys_SUITE`, on a gen_server and on a process written by hand. Here is what system messages do; `faults` is
//! what may go wrong with them.

mod faults;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use genserver::gen_server::{done, reply, start, start_link};
use genserver::request::{send_request, wait_response};
use genserver::{CallError, Called, Done, Failure, From, GenServer, Init, Options, Server};
use runtime::prelude::*;
use runtime::process_info;
use sys::{
    ChangeCodeError, Debug, DebugOption, Event, Handled, LogToFileError, LoggedEvent, NoCodeChange,
    StateError, System, Value,
};

use crate::expect::{NOW, down_of, end_of, message, nothing, reports, until};

/// A server that adds what it is asked to its state, and answers with that.
#[derive(Clone, Debug)]
struct Adder(u32);

impl GenServer for Adder {
    type Args = u32;
    type Call = u32;
    type Reply = u32;
    type Cast = u32;
    type Continue = ();

    fn init(start: u32) -> Result<Init<Adder, ()>, ExitReason> {
        Ok(Adder(start).into())
    }

    fn handle_call(&mut self, by: u32, _: From<u32>) -> Result<Called<u32, ()>, ExitReason> {
        self.0 += by;
        Ok(match by {
            0 => Called::StopReply(ExitReason::Normal, self.0),
            99 => reply(self.0).continue_with(()),
            _ => reply(self.0),
        })
    }

    fn handle_cast(&mut self, by: u32) -> Result<Done<()>, ExitReason> {
        self.0 += by;
        Ok(match by {
            0 => done().timeout(NOW),
            _ => done(),
        })
    }

    fn handle_info(&mut self, _: AnyMessage) -> Result<Done<()>, ExitReason> {
        Ok(done())
    }

    fn handle_continue(&mut self, (): ()) -> Result<Done<()>, ExitReason> {
        Ok(done())
    }

    fn code_change(&mut self, extra: Box<dyn std::any::Any + Send>) -> Result<(), ExitReason> {
        match extra.downcast::<u32>() {
            Ok(new) => self.0 = *new,
            Err(_) => panic!("no number"),
        }
        Ok(())
    }

    fn debug(&self) -> &dyn std::fmt::Debug {
        self
    }
}

fn adder() -> Server<Adder> {
    start_link::<Adder>(0).expect("starts")
}

/// A process written by hand, with what `sys` asks of one.
struct Special(u32);

impl sys::Process for Special {
    fn state(&mut self) -> &mut dyn std::any::Any {
        &mut self.0
    }
    fn show(&self) -> String {
        assert_ne!(self.0, 13, "not to be shown");
        self.0.to_string()
    }
    fn module(&self) -> &'static str {
        "special"
    }
}

/// It counts what it is sent, and tells it on.
fn special() -> Pid {
    let parent = self_pid();
    spawn_link!(move || {
        let (mut special, mut debug) = (Special(0), Debug::new());
        loop {
            let message = match debug.is_suspended() {
                true => receive_where(None, AnyMessage::is::<System>).expect("for ever"),
                false => receive_any(),
            };
            match message.downcast::<System>() {
                Ok(system) => {
                    let handled = sys::handle(system, &mut debug, &mut special);
                    if let Handled::Terminate(reason) = handled {
                        exit(reason)
                    }
                }
                Err(message) => {
                    debug.note(|| Event::In { message: &message });
                    special.0 += 1;
                    send(parent, message);
                    debug.note(|| Event::Other(Value::new(&"told on")));
                }
            }
        }
    })
}

/// A file of this test's own.
fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("otp-sys-{}-{name}", std::process::id()))
}

fn lines(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the file is there");
    text.lines().map(str::to_owned).collect()
}

/// The log keeps the last events, the oldest first, and can be had and reported; with none kept there are none.
#[runtime::test]
fn log() {
    reports::collect();
    let server = adder();
    let pid = server.whereis().expect("it lives");
    assert_eq!(sys::get_log(&server), Ok(vec![]));
    assert_eq!(sys::log(&server, Some(2)), Ok(()));
    for n in 1..4u32 {
        server.call(n).expect("it answers");
    }
    let log = sys::get_log(&server).expect("it answers");
    assert!(
        matches!(&log[..], [LoggedEvent::In { message }, LoggedEvent::Out { reply, to, state }]
            if message.contains("request: 3") && reply == "6" && *to == self_pid()
                && state == "Adder(6)"),
        "{log:?}"
    );
    assert_eq!(sys::print_log(&server), Ok(()));
    let [own, sent] = [
        format!("pid={pid} "),
        format!("sent 6 to {}, new state Adder(6)", self_pid()),
    ];
    reports::expect("sys::log", &[&own, &sent]);
    assert_eq!(reports::count("sys::log", &[&own]), 2);
    // A shorter one keeps the last.
    assert_eq!(sys::log(&server, Some(1)), Ok(()));
    assert_eq!(sys::get_log(&server).expect("it answers"), log[1..]);
    assert_eq!(sys::log(&server, None), Ok(()));
    assert_eq!(sys::get_log(&server), Ok(vec![]));
    assert_eq!(sys::print_log(&server), Ok(()));
    assert_eq!(reports::count("sys::log", &[&own]), 2);
}

/// Each kind of event is told once, in OTP's order: what a callback returned after what it was given; a time-out is
/// a message; a stop with an answer is told after terminate. As real `erl` of OTP 25.2.
#[runtime::test]
fn events() {
    let server = start::<Adder>(0).expect("starts");
    let me = self_pid();
    sys::install(&server, "tells", move |event: &Event<'_>| {
        send(
            me,
            match event {
                Event::In { message } => format!("in {}", message.type_name()),
                Event::Out { reply, state, .. } => format!(
                    "out {:?} {:?}",
                    reply.downcast_ref::<u32>(),
                    state.downcast_ref::<Adder>().map(|adder| adder.0)
                ),
                other => other.logged().to_string(),
            },
        );
        ControlFlow::Continue(())
    })
    .expect("it answers");
    sys::statistics(&server, true).expect("it answers");
    server.call(99).expect("it answers");
    server.cast(1);
    send(server.whereis().expect("it lives"), "info");
    server.cast(0);
    until("the time-out has come", || {
        sys::get_statistics(&server)
            .is_ok_and(|counted| counted.is_some_and(|counted| counted.messages_in == 5))
    });
    server.call(0).expect("it answers");
    let call = "in runtime::request::Call<u32>";
    let cast = "in runtime::request::Cast<u32>";
    for expected in [
        call,
        "out Some(99) Some(99)",
        "continued",
        "new state Adder(99)",
        cast,
        "new state Adder(100)",
        "in &str",
        "new state Adder(100)",
        cast,
        "new state Adder(100)",
        "in genserver::gen_server::process::Timeout",
        "new state Adder(100)",
        call,
        "out Some(100) Some(100)",
    ] {
        assert_eq!(message::<String>(), expected);
    }
    nothing();
}

/// The file holds a line for the call and one for its answer, also when the process is suspended in between;
/// when it is turned off the file is closed. A file that cannot be opened is an error, and leaves all as it was.
#[runtime::test]
fn log_to_file() {
    let server = adder();
    let path = file("log");
    sys::log_to_file(&server, Some(path.clone())).expect("it opens");
    server.call(7).expect("it answers");
    sys::suspend(&server).expect("it answers");
    sys::resume(&server).expect("it answers");
    let told = lines(&path);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("got Call") && told[0].contains("request: 7"));
    assert!(told[1].ends_with(&format!("sent 7 to {}, new state Adder(7)", self_pid())));
    let error = sys::log_to_file(&server, Some("/nonexistent/file".into()));
    assert!(
        matches!(error, Err(LogToFileError::OpenFile(_))),
        "{error:?}"
    );
    // As real `erl` of OTP 25.2 it has closed the old one by then.
    server.call(1).expect("it answers");
    assert_eq!(lines(&path).len(), 2);
    sys::log_to_file(&server, Some(path.clone())).expect("it opens");
    server.call(1).expect("it answers");
    sys::log_to_file(&server, None).expect("it closes");
    server.call(1).expect("it answers");
    assert_eq!(lines(&path).len(), 2);
    // A new one is begun.
    sys::log_to_file(&server, Some(path.clone())).expect("it opens");
    assert_eq!(lines(&path).len(), 0);
    // The file is the process's: it closes it when it ends.
    let open = || open_files(&path);
    #[cfg(target_os = "linux")]
    assert_eq!(open(), 1);
    server.stop().expect("it stops");
    until("the file is closed", || open() == 0);
    fs::remove_file(path).expect("it was there");
}

/// How many descriptors of this program are of a file.
fn open_files(path: &PathBuf) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").into_iter().flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target == path)
        .count()
}

/// A disk that is full: that is reported, the file is no longer written to, and the process lives. (With OTP the
/// process ends: `erl` of OTP 25.2 says `{badarg, [{io, format, ..}]}`.)
#[cfg(target_os = "linux")]
#[runtime::test]
fn log_to_a_full_disk() {
    reports::collect();
    let server = adder();
    let pid = server.whereis().expect("it lives");
    sys::log_to_file(&server, Some("/dev/full".into())).expect("it opens");
    for n in 1..4u32 {
        server.call(n).expect("it answers");
    }
    let parts = [&format!("pid={pid} ") as &str, "/dev/full", "cannot write"];
    reports::expect("sys::log_to_file", &parts);
    assert_eq!(reports::count("sys::log_to_file", &parts), 1);
    assert!(
        sys::get_status(&server)
            .expect("it answers")
            .debug
            .is_empty()
    );
}

/// One message in and one out are counted, system messages not; after they are turned off there are none. The
/// status says that the process runs, and who its parent is.
#[runtime::test]
fn stats() {
    let server = adder();
    assert_eq!(sys::get_statistics(&server), Ok(None));
    assert_eq!(sys::statistics(&server, true), Ok(()));
    server.call(1).expect("it answers");
    let counted = sys::get_statistics(&server);
    let counted = counted.expect("it answers").expect("it counts");
    assert_eq!((counted.messages_in, counted.messages_out), (1, 1));
    assert!(counted.start_time <= counted.current_time);
    // To turn them on once more changes nothing, as in real `erl` of OTP 25.2.
    assert_eq!(sys::statistics(&server, true), Ok(()));
    let again = sys::get_statistics(&server);
    let again = again.expect("it answers").expect("it counts");
    assert_eq!((again.messages_in, again.messages_out), (1, 1));
    assert_eq!(again.start_time, counted.start_time);
    let status = sys::get_status(&server).expect("it answers");
    assert!(!status.suspended);
    assert_eq!(status.parent, Some(self_pid()));
    assert_eq!(status.debug, ["statistics"]);
    assert_eq!(sys::statistics(&server, false), Ok(()));
    assert_eq!(sys::get_statistics(&server), Ok(None));
}

/// The call and its answer are traced; after it is turned off nothing is.
#[runtime::test]
fn trace() {
    reports::collect();
    let server = adder();
    let pid = format!("pid={} ", server.whereis().expect("it lives"));
    assert_eq!(sys::trace(&server, true), Ok(()));
    server.call(7).expect("it answers");
    assert_eq!(sys::trace(&server, false), Ok(()));
    server.call(8).expect("it answers");
    reports::expect("sys::trace", &[&pid, "got Call", "request: 7"]);
    reports::expect("sys::trace", &[&pid, "sent 7 to"]);
    assert_eq!(reports::count("sys::trace", &[&pid]), 2);
}

/// A suspended server does not answer calls; suspending and resuming are idempotent; the status shows the state.
#[runtime::test]
fn suspend() {
    let server = adder();
    for _ in 0..2 {
        assert_eq!(sys::suspend(&server), Ok(()));
    }
    let status = sys::get_status(&server).expect("it answers");
    assert!(status.suspended);
    assert_eq!(status.state, "Adder(0)");
    let time = std::time::Duration::from_millis(1);
    let error = server.call_timeout(3, time).unwrap_err();
    assert_eq!(error.failure, Failure::Timeout(time));
    for _ in 0..2 {
        assert_eq!(sys::resume(&server), Ok(()));
    }
    // What nobody waits for any more is done all the same.
    assert_eq!(server.call(4), Ok(7));
    assert!(!sys::get_status(&server).expect("it answers").suspended);
}

/// A process written by hand: statistics, trace and log of its events, its status, its state, which is as it was if
/// a function on it fails.
#[runtime::test]
fn special_process() {
    reports::collect();
    let pid = special();
    register("special", pid).expect("it is free");
    assert_eq!(sys::statistics("special", true), Ok(()));
    assert_eq!(sys::trace("special", true), Ok(()));
    assert_eq!(sys::log("special", Some(sys::LOG_SIZE)), Ok(()));
    send(pid, "hello");
    assert_eq!(message::<&str>(), "hello");
    let log = sys::get_log("special").expect("it answers");
    let [got, told] = &log[..] else {
        panic!("{log:?}")
    };
    assert_eq!(got.to_string(), "got \"hello\"");
    assert_eq!(told.to_string(), "\"told on\"");
    reports::expect("sys::trace", &[&format!("pid={pid} "), "got \"hello\""]);
    let counted = sys::get_statistics("special");
    let counted = counted.expect("it answers").expect("it counts");
    assert_eq!((counted.messages_in, counted.messages_out), (1, 0));
    let status = sys::get_status(pid).expect("it answers");
    assert_eq!((status.module, &status.state[..]), ("special", "1"));
    assert_eq!(status.registered_name.as_deref(), Some("special"));
    assert_eq!(status.debug, ["trace", "log", "statistics"]);
    assert_eq!(sys::get_state::<u32>(pid), Ok(1));
    assert_eq!(sys::replace_state(pid, |n: &u32| n + 1), Ok(2));
    let failed = sys::replace_state(pid, |_: &u32| -> u32 { panic!("fail") });
    assert!(matches!(failed, Err(StateError::CallbackFailed(_))));
    let wrong = sys::get_state::<String>(pid);
    assert!(
        matches!(wrong, Err(StateError::WrongType { .. })),
        "{wrong:?}"
    );
    assert_eq!(sys::get_state::<u32>(pid), Ok(2));
    // It has no code_change.
    let running = sys::change_code(pid, ());
    assert_eq!(running, Err(ChangeCodeError::NotSuspended));
    assert_eq!(sys::suspend(pid), Ok(()));
    let refused = sys::change_code(pid, ());
    let reason = ExitReason::other(NoCodeChange);
    assert_eq!(refused, Err(ChangeCodeError::Refused(reason)));
    // One that cannot show itself is not the worse for it.
    assert_eq!(sys::replace_state(pid, |_: &u32| 13), Ok(13));
    let status = sys::get_status(pid).expect("it answers");
    assert!(status.state.contains("cannot be shown"), "{}", status.state);
    let watched = monitor(pid);
    unlink(pid);
    assert_eq!(sys::terminate(pid, ExitReason::other("told")), Ok(()));
    assert_eq!(down_of(watched), ExitReason::other("told"));
    nothing();
}

/// The code of a suspended server is changed, and its state with it; one that runs, or fails at it, is as it was.
#[runtime::test]
fn change_code() {
    let server = adder();
    assert_eq!(
        sys::change_code(&server, 5u32),
        Err(ChangeCodeError::NotSuspended)
    );
    sys::suspend(&server).expect("it answers");
    assert_eq!(sys::change_code(&server, 5u32), Ok(()));
    let refused = sys::change_code(&server, "no number");
    assert!(
        matches!(
            &refused,
            Err(ChangeCodeError::Refused(ExitReason::Panic(_)))
        ),
        "{refused:?}"
    );
    sys::resume(&server).expect("it answers");
    assert_eq!(server.call(1), Ok(6));
}

/// The status shows the dictionary, and the registered name.
#[runtime::test]
fn status() {
    let server = Options::<Adder>::new().name("shown").start(0);
    let server = server.expect("starts");
    sys::replace_state(&server, |adder: &Adder| {
        runtime::dictionary::put("key", "value");
        adder.clone()
    })
    .expect("it answers");
    let status = sys::get_status("shown").expect("it answers");
    assert_eq!(status.registered_name.as_deref(), Some("shown"));
    assert!(status.module.ends_with("Adder"), "{}", status.module);
    assert_eq!(Some(status.pid), server.whereis());
    let shown = status
        .dictionary
        .iter()
        .map(|(key, value)| (&key[..], &value[..]));
    assert_eq!(shown.collect::<Vec<_>>(), [("key", "\"value\"")]);
}

/// An installed function has its own state, and is called with each event until it is done, or is removed, also
/// while the process is suspended. One of the same id is not installed again; to remove what is not there is no
/// error.
#[runtime::test]
fn install_and_remove() {
    let server = adder();
    let me = self_pid();
    let count = move |seen: u32| {
        let mut seen = seen;
        move |_: &Event<'_>| {
            seen += 1;
            send(me, seen);
            match seen {
                4 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    };
    assert_eq!(sys::install(&server, "count", count(0)), Ok(()));
    assert_eq!(sys::install(&server, "count", count(100)), Ok(()));
    for _ in 0..3 {
        server.call(1).expect("it answers");
    }
    for seen in 1..5u32 {
        assert_eq!(message::<u32>(), seen);
    }
    nothing();
    assert!(
        sys::get_status(&server)
            .expect("it answers")
            .debug
            .is_empty()
    );
    sys::suspend(&server).expect("it answers");
    assert_eq!(sys::install(&server, "count", count(0)), Ok(()));
    assert_eq!(sys::install(&server, "other", count(50)), Ok(()));
    assert_eq!(sys::remove(&server, "count"), Ok(()));
    assert_eq!(sys::remove(&server, "unknown"), Ok(()));
    let status = sys::get_status(&server).expect("it answers");
    assert_eq!(status.debug, ["other"]);
    sys::resume(&server).expect("it answers");
    server.call(1).expect("it answers");
    assert_eq!((message::<u32>(), message::<u32>()), (51, 52));
    assert_eq!(sys::no_debug(&server), Ok(()));
    server.call(1).expect("it answers");
    nothing();
}

/// The option `debug` of a start: what it names is on before the first message; a file that cannot be opened is
/// reported, and left out.
#[runtime::test]
fn debug_option() {
    reports::collect();
    let me = self_pid();
    let path = file("option");
    let options = [
        DebugOption::Trace,
        DebugOption::Log(3),
        DebugOption::Statistics,
        DebugOption::LogToFile(path.clone()),
        DebugOption::LogToFile("/nonexistent/file".into()),
        DebugOption::install("own", move |event: &Event<'_>| {
            if let Some(n) = event.request::<u32>() {
                send(me, *n);
            }
            ControlFlow::Continue(())
        }),
    ];
    let server = Options::<Adder>::new().debug(options).start_link(0);
    let server = server.expect("starts");
    let pid = format!("pid={} ", server.whereis().expect("it lives"));
    server.call(7).expect("it answers");
    assert_eq!(message::<u32>(), 7);
    let status = sys::get_status(&server).expect("it answers");
    let all = ["trace", "log", "statistics", "log_to_file", "own"];
    assert_eq!(status.debug, all);
    assert_eq!(status.log.len(), 2);
    assert_eq!(lines(&path).len(), 2);
    reports::expect("sys::trace", &[&pid, "sent 7 to"]);
    reports::expect(
        "sys::log_to_file",
        &[&pid, "cannot open", "/nonexistent/file"],
    );
    server.stop().expect("it stops");
    fs::remove_file(path).expect("it was there");
    nothing();
}

/// A supervisor's callbacks are events of its debug functions, as those of the gen_server that OTP's is: calls with
/// their answers, ends of children with the new state.
#[runtime::test]
fn log_of_a_supervisor() {
    use genserver::supervisor::{ChildSpec, DynamicSupervisor, Flags, Template, start_link};

    trap_exit(true);
    let child = ChildSpec::process("child", || {
        receive_type::<u32>();
    });
    let supervisor = start_link(Flags::default(), vec![child]).expect("starts");
    sys::log(&supervisor, Some(10)).expect("it answers");
    sys::statistics(&supervisor, true).expect("it answers");
    supervisor.count_children().expect("it answers");
    supervisor.terminate_child("child").expect("it is there");
    supervisor.restart_child("child").expect("it starts");
    let log: Vec<_> = kinds(&sys::get_log(&supervisor).expect("it answers"));
    assert_eq!(log, ["in", "out", "in", "out", "in", "out"]);
    let children = supervisor.which_children().expect("it answers");
    let pid = children[0].state.pid().expect("it runs");
    exit_signal(pid, ExitReason::Kill);
    // It is told of the end, and starts the child again.
    until("it is restarted", || {
        let children = supervisor.which_children().expect("it answers");
        children[0].state.pid().is_some_and(|now| now != pid)
    });
    let log = sys::get_log(&supervisor).expect("it answers");
    let end = log.iter().position(|event| match event {
        LoggedEvent::In { message } => message.contains("Exit"),
        _ => false,
    });
    let after = &log[end.expect("it is in the log") + 1];
    assert!(
        matches!(after, LoggedEvent::NoReply { state } if state.contains("child")),
        "{log:?}"
    );
    let counted = sys::get_statistics(&supervisor)
        .expect("it answers")
        .expect("it counts");
    // All but the end of the child were calls.
    assert_eq!(counted.messages_in, counted.messages_out + 1);

    let template = Template::process(|(): &()| {
        || {
            receive_type::<u32>();
        }
    });
    let supervisor = DynamicSupervisor::start_link(Flags::default(), template).expect("starts");
    sys::log(&supervisor, Some(10)).expect("it answers");
    let child = supervisor
        .start_child(())
        .expect("it starts")
        .expect("it runs");
    supervisor.terminate_child(child.pid).expect("it is there");
    let log = kinds(&sys::get_log(&supervisor).expect("it answers"));
    assert_eq!(log, ["in", "out", "in", "out"]);
}

fn kinds(log: &[LoggedEvent]) -> Vec<&'static str> {
    let kind = |event: &LoggedEvent| match event {
        LoggedEvent::In { .. } => "in",
        LoggedEvent::Out { .. } => "out",
        LoggedEvent::NoReply { .. } => "noreply",
        _ => "other",
    };
    log.iter().map(kind).collect()
}

/// A suspended server does all that system messages ask, and stays suspended: its calls wait, in their order.
#[runtime::test]
fn all_while_suspended() {
    let server = adder();
    sys::suspend(&server).expect("it answers");
    let requests = [1, 2].map(|by| server.send_request(by));
    assert_eq!(sys::suspend(&server), Ok(()));
    assert_eq!(sys::inspect(&server, |adder: &Adder| adder.0), Ok(0));
    let replaced = sys::replace_state(&server, |adder: &Adder| Adder(adder.0 + 10));
    assert_eq!(replaced.map(|adder| adder.0), Ok(10));
    let failed = sys::replace_state(&server, |_: &Adder| panic!("no state"));
    assert!(
        matches!(failed, Err(StateError::CallbackFailed(_))),
        "{failed:?}"
    );
    assert_eq!(
        sys::get_state::<Adder>(&server).map(|adder| adder.0),
        Ok(10)
    );
    let wrong = sys::get_state::<u32>(&server);
    assert!(
        matches!(wrong, Err(StateError::WrongType { .. })),
        "{wrong:?}"
    );
    assert_eq!(sys::change_code(&server, 20u32), Ok(()));
    let refused = sys::change_code(&server, ());
    assert!(
        matches!(refused, Err(ChangeCodeError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(sys::log(&server, Some(3)), Ok(()));
    assert_eq!(sys::get_log(&server), Ok(vec![]));
    assert_eq!(sys::print_log(&server), Ok(()));
    assert_eq!(sys::trace(&server, true), Ok(()));
    assert_eq!(sys::trace(&server, false), Ok(()));
    assert_eq!(sys::statistics(&server, true), Ok(()));
    let nowhere = sys::log_to_file(&server, Some("/no/such/folder/log".into()));
    assert!(
        matches!(nowhere, Err(LogToFileError::OpenFile(_))),
        "{nowhere:?}"
    );
    let installed = sys::install(&server, "id", |_: &Event<'_>| ControlFlow::Continue(()));
    assert_eq!(installed, Ok(()));
    let status = sys::get_status(&server).expect("it answers");
    assert!(status.suspended);
    assert_eq!(status.state, "Adder(20)");
    assert_eq!(status.debug, ["log", "statistics", "id"]);
    assert_eq!(sys::remove(&server, "id"), Ok(()));
    let counted = sys::get_statistics(&server).expect("it answers");
    assert_eq!(counted.expect("it counts").messages_in, 0);
    assert_eq!(sys::no_debug(&server), Ok(()));
    for request in &requests {
        assert!(wait_response(request, NOW).is_none());
    }
    assert_eq!(sys::resume(&server), Ok(()));
    for (request, sum) in requests.iter().zip([21, 23]) {
        assert_eq!(wait_response(request, None), Some(Ok(sum)));
    }
    // It ends suspended as well.
    sys::suspend(&server).expect("it answers");
    let pid = server.whereis().expect("it lives");
    assert_eq!(sys::terminate(&server, ExitReason::Normal), Ok(()));
    end_of(pid);
    nothing();
}
