//! After `proc_lib_SUITE`.

use std::time::Duration;

use genserver::proc_lib::{
    self, Parent, Refused, Start, StartError, StopError, ancestors, initial_call,
};
use genserver::supervisor::{self, DynamicSupervisor, Flags, Template};
use genserver::{Called, GenServer, Init, Never, ServerRef};
use runtime::prelude::*;
use runtime::{Status, process_info};

use crate::expect::{down_of, ends_on_demand, exit_of, message, nothing, reports, until};

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);

/// How many crash reports of a process there are.
fn crashes(pid: Pid) -> usize {
    reports::count("proc_lib::crash", &[&format!("pid={pid} ")])
}

/// A panic, an exit and an error that is returned are the reason of the process, and are reported, with where
/// the process comes from; an orderly end is not.
#[runtime::test]
fn stacktrace() {
    reports::collect();
    let (pid, watched) = proc_lib::spawn_monitor(|| -> () {
        proc_lib::set_label("labelled");
        runtime::dictionary::put("key", 7u8);
        send(self_pid(), "left behind");
        panic!("oops")
    });
    let reason = down_of(watched);
    assert!(matches!(&reason, ExitReason::Panic(panic) if panic.message() == "oops"));
    let me = self_pid();
    let parts = [
        format!("pid={pid} "),
        "label=labelled ".to_owned(),
        "stacktrace::{{closure}}".to_owned(),
        "oops".to_owned(),
        format!("ancestors=[{me}"),
        "left behind".to_owned(),
        "key".to_owned(),
    ];
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    reports::expect("proc_lib::crash", &parts);
    assert_eq!(crashes(pid), 1);
    let (pid, watched) = proc_lib::spawn_monitor(|| -> () { exit(ExitReason::other("oops")) });
    assert_eq!(down_of(watched), ExitReason::other("oops"));
    assert_eq!(crashes(pid), 1);
    let (pid, watched) = proc_lib::spawn_monitor(|| Err::<(), _>(ExitReason::other("oops")));
    assert_eq!(down_of(watched), ExitReason::other("oops"));
    assert_eq!(crashes(pid), 1);
    for orderly in [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::shutdown_with(1u8),
    ] {
        let told = orderly.clone();
        let (pid, watched) = proc_lib::spawn_monitor(move || -> () { exit(told) });
        assert_eq!(down_of(watched), orderly);
        assert_eq!(crashes(pid), 0);
    }
}

/// A process that a signal ends runs no code, and is not reported.
#[runtime::test]
fn killed_without_a_report() {
    reports::collect();
    let (pid, watched) = proc_lib::spawn_monitor(ends_on_demand);
    exit_signal(pid, ExitReason::Kill);
    assert_eq!(down_of(watched), ExitReason::Killed);
    assert_eq!(crashes(pid), 0);
}

/// The initial call is the function that was given; of a server its type; of a supervisor of either kind that it is
/// one; a process that proc_lib has not started has none.
#[runtime::test]
fn spawn_opt() {
    let function = std::any::type_name_of_val(&ends_on_demand);
    let spawned = proc_lib::spawn_opt(Spawn::new().label("opt"), ends_on_demand).expect("spawns");
    assert_eq!(initial_call(spawned.pid), Some(function));
    assert_eq!(proc_lib::get_label(spawned.pid).as_deref(), Some("opt"));
    assert_eq!(initial_call(spawn!(ends_on_demand)), None);
    let server = genserver::gen_server::start_link::<Echo>(()).expect("starts");
    let pid = server.whereis().expect("it lives");
    assert_eq!(initial_call(pid), Some(std::any::type_name::<Echo>()));
    let supervisor = supervisor::start_link(Flags::default(), vec![]).expect("starts");
    let template = Template::process(|(): &()| || {});
    let dynamic = DynamicSupervisor::start_link(Flags::default(), template).expect("starts");
    for pid in [supervisor.whereis(), dynamic.whereis()] {
        assert_eq!(initial_call(pid.expect("it lives")), Some("supervisor"));
    }
}

/// The ancestors are named if they were when they started their child, and go over servers.
#[runtime::test]
fn the_ancestors() {
    let root = self_pid();
    proc_lib::spawn_link(move || {
        register("a parent", self_pid()).expect("it is free");
        proc_lib::spawn_link(move || send(root, ancestors()));
        receive_any();
    });
    let line: Vec<ServerRef> = message();
    assert_eq!(line, ["a parent".into(), ServerRef::Pid(root)]);
    let server = genserver::gen_server::start_link::<Echo>(()).expect("starts");
    let line = server.call(()).expect("it answers");
    assert_eq!(line, [ServerRef::Pid(root)]);
    // A supervisor's children have it above them.
    use genserver::supervisor::{ChildSpec, Flags, Restart, Strategy, start_link};
    let child = ChildSpec::process("child", move || send(root, ancestors()));
    let child = child.restart(Restart::Temporary);
    let supervisor = start_link(Flags::new(Strategy::OneForOne), vec![child]).expect("starts");
    let line: Vec<ServerRef> = message();
    assert_eq!(line.len(), 2, "{line:?}");
    assert_eq!(line[1], ServerRef::Pid(root));
    supervisor.stop().expect("it stops");
    assert_eq!(ancestors(), []);
}

struct Echo;

impl GenServer for Echo {
    type Args = ();
    type Call = ();
    type Reply = Vec<ServerRef>;
    type Cast = Never;
    type Continue = Never;
    fn init((): ()) -> Result<Init<Echo>, ExitReason> {
        Ok(Echo.into())
    }
    fn handle_call(
        &mut self,
        (): (),
        _: genserver::From<Vec<ServerRef>>,
    ) -> Result<Called<Vec<ServerRef>>, ExitReason> {
        Ok(genserver::gen_server::reply(ancestors()))
    }
}

/// A process that hibernates has no stack, wakes at a message, and is reported when it crashes then.
#[runtime::test]
fn hibernate() {
    reports::collect();
    fn asleep(parent: Pid) -> ! {
        proc_lib::hibernate(move || -> () {
            send(parent, message::<u32>());
            if ancestors().is_empty() {
                return;
            }
            receive! { "crash" : &str => panic!("awake"), "sleep" : &str => asleep(parent) }
        })
    }
    let me = self_pid();
    let (pid, watched) = proc_lib::spawn_monitor(move || -> () { asleep(me) });
    let sleeps = || {
        until("it hibernates", || {
            process_info(pid).is_some_and(|info| info.status == Status::Hibernated)
        });
    };
    sleeps();
    send(pid, 1u32);
    assert_eq!(message::<u32>(), 1);
    send(pid, "sleep");
    sleeps();
    send(pid, 2u32);
    assert_eq!(message::<u32>(), 2);
    send(pid, "crash");
    assert!(matches!(down_of(watched), ExitReason::Panic(_)));
    assert_eq!(crashes(pid), 1);
}

/// A stop ends a process with the reason asked for, and says if there is none, if it ended otherwise, or not in
/// time; the order reaches it all the same.
#[runtime::test]
fn stop() {
    fn special(ends: impl Fn(ExitReason) -> ExitReason + Send + 'static) -> Pid {
        proc_lib::spawn(move || -> () {
            let mut debug = sys::Debug::new();
            let system: sys::System = receive_type();
            match sys::handle(system, &mut debug, &mut Special) {
                sys::Handled::Terminate(reason) => exit(ends(reason)),
                _ => unreachable!("it was told to end"),
            }
        })
    }
    let pid = special(|reason| reason);
    assert_eq!(proc_lib::stop(pid, ExitReason::Normal, None), Ok(()));
    assert_eq!(
        proc_lib::stop(pid, ExitReason::Normal, None),
        Err(StopError::NoProc)
    );
    let pid = special(|_| ExitReason::other("otherwise"));
    assert_eq!(
        proc_lib::stop(pid, ExitReason::Normal, None),
        Err(StopError::Other(ExitReason::other("otherwise")))
    );
    let me = self_pid();
    let pid = special(move |reason| {
        receive! { "go" : &str => {} }
        send(me, "told");
        reason
    });
    register("hangs", pid).expect("it is free");
    assert_eq!(
        proc_lib::stop("hangs", ExitReason::Shutdown, Some(SOON)),
        Err(StopError::Timeout(SOON))
    );
    let watched = monitor(pid);
    send(pid, "go");
    assert_eq!(message::<&str>(), "told");
    assert_eq!(down_of(watched), ExitReason::Shutdown);
    nothing();
}

struct Special;

impl sys::Process for Special {
    fn state(&mut self) -> &mut dyn std::any::Any {
        self
    }
    fn show(&self) -> String {
        String::new()
    }
    fn module(&self) -> &'static str {
        "special"
    }
}

/// Whatever a reason is and does when it is shown, a report comes of it, within bounds.
#[runtime::test]
fn t_format() {
    reports::collect();
    #[derive(PartialEq)]
    struct Bad;
    impl std::fmt::Debug for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not to be shown")
        }
    }
    let reasons = [
        ExitReason::other(Bad),
        ExitReason::other("smörgåsbord, 漢字"),
        ExitReason::other("long ".repeat(10_000)),
    ];
    for reason in reasons {
        let told = reason.clone();
        let (pid, watched) = proc_lib::spawn_monitor(move || -> () { exit(told) });
        assert!(down_of(watched) == reason);
        let report = reports::expect("proc_lib::crash", &[&format!("pid={pid} ")]);
        assert!(report.fields.len() < 10_000, "{}", report.fields.len());
    }
    reports::expect("proc_lib::crash", &["smörgåsbord, 漢字"]);
}

/// Whatever is in a report, and however it is shown, a report comes of it, each part within bounds: reasons, messages,
/// labels, what is in the dictionary.
#[runtime::test]
fn t_format_arbitrary() {
    reports::collect();
    struct Bad;
    impl std::fmt::Debug for Bad {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("half")?;
            panic!("not to be shown")
        }
    }
    struct Failing;
    impl std::fmt::Debug for Failing {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    struct Receiving;
    impl std::fmt::Debug for Receiving {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{:?}", receive_any())
        }
    }
    let reasons = [
        ExitReason::Kill,
        ExitReason::Killed,
        ExitReason::NoProc,
        ExitReason::NoConnection,
        ExitReason::other(()),
        ExitReason::other(vec![Some(1.5f64), None]),
        ExitReason::other(ExitReason::other("nested")),
    ];
    for reason in reasons {
        let told = reason.clone();
        let (pid, watched) = proc_lib::spawn_monitor(move || -> () {
            proc_lib::set_label("l\u{e5}bel \n\0".repeat(3));
            runtime::dictionary::put("bad", Bad);
            runtime::dictionary::put("failing", Failing);
            send(self_pid(), Bad);
            send(self_pid(), Receiving);
            send(self_pid(), Failing);
            exit(told)
        });
        assert_eq!(down_of(watched), reason);
        reports::expect(
            "proc_lib::crash",
            &[&format!("pid={pid} "), "message_queue_len=3 "],
        );
        assert_eq!(crashes(pid), 1);
    }
}

/// The parts of a report are bounded each for itself: values in length, messages in number.
#[runtime::test]
fn report_cb() {
    reports::collect();
    let (pid, watched) = proc_lib::spawn_monitor(|| -> () {
        for n in 0..1000u32 {
            send(
                self_pid(),
                format!("message {n} {}", "long ".repeat(10_000)),
            );
        }
        runtime::dictionary::put("key", "long ".repeat(10_000));
        panic!("{}", "long ".repeat(10_000))
    });
    down_of(watched);
    let parts = [
        &format!("pid={pid} ") as &str,
        "message_queue_len=1000 ",
        "message 0 ",
        "message 9 ",
        "(cut)",
    ];
    let report = reports::expect("proc_lib::crash", &parts);
    assert!(!report.fields.contains("message 10 "));
    assert!(report.fields.len() < 20_000, "{}", report.fields.len());
}

/// A start whose spawn options have a monitor is a mistake of the caller's.
#[runtime::test]
fn otp_6345() {
    let caught = runtime::catch(|| {
        let start = Start::new().spawn(Spawn::new().monitor());
        start.start(|parent: Parent<()>| parent.init_ack(()))
    });
    assert!(matches!(caught, Err(runtime::Caught::Panic(_))));
    nothing();
}

/// A process that ends before it has said how its start went: the start gives the reason.
#[runtime::test]
fn init_dont_hang() {
    trap_exit(true);
    let panics = |_: Parent<()>| -> () { panic!("early") };
    for started in [
        proc_lib::start(panics),
        proc_lib::start_link(panics),
        Start::new().timeout(HOUR).start(panics),
        Start::new().timeout(HOUR).start_link(panics),
    ] {
        assert!(
            matches!(&started, Err(StartError::Failed(ExitReason::Panic(p))) if p.message() == "early"),
            "{started:?}"
        );
    }
    // One that just returns has failed too.
    let started = proc_lib::start_link(|_: Parent<()>| {});
    assert!(matches!(
        started,
        Err(StartError::Failed(ExitReason::Normal))
    ));
    nothing();
}

/// A refusal gives the error when the process is dead, and leaves nothing in the mailbox.
#[runtime::test]
fn init_fail() {
    trap_exit(true);
    for _ in 0..100 {
        let started = proc_lib::start_link(|parent: Parent<()>| -> () {
            register("failing", self_pid()).expect("it is free again");
            parent.init_fail(
                Refused::Failed(ExitReason::other("no")),
                ExitReason::other("reason"),
            )
        });
        let error = started.expect_err("it fails");
        assert!(
            matches!(&error, StartError::Failed(reason) if *reason == ExitReason::other("no")),
            "{error:?}"
        );
        assert_eq!(whereis("failing"), None);
        nothing();
    }
}

/// A start waits for the answer, which is its result.
#[runtime::test]
fn sync_start_nolink() {
    let me = self_pid();
    let (pid, answer) = proc_lib::start(move |parent: Parent<u32>| {
        assert_eq!(parent.pid(), me);
        send(me, "before");
        parent.init_ack(7);
        receive_any();
    })
    .expect("starts");
    assert_eq!(answer, 7);
    assert_eq!(message::<&str>(), "before");
    let watched = monitor(pid);
    exit_signal(pid, ExitReason::Shutdown);
    assert_eq!(down_of(watched), ExitReason::Shutdown);
    nothing();
}

/// With a monitor and a link both the `Down` and the `Exit` of one that has started come.
#[runtime::test]
fn sync_start_monitor_link() {
    trap_exit(true);
    let start = Start::new().spawn(Spawn::new().link());
    let started = start.start_monitor(|parent: Parent<u32>| {
        parent.init_ack(7);
        ends_on_demand();
    });
    let (Ok((pid, 7)), watched) = started.expect("it is spawned") else {
        panic!("it starts")
    };
    send(pid, ExitReason::other("later"));
    assert_eq!(down_of(watched), ExitReason::other("later"));
    assert_eq!(exit_of(pid), ExitReason::other("later"));
    nothing();
    // One that has failed leaves its `Down`, and no `Exit`.
    let start = Start::new().spawn(Spawn::new().link());
    let started = start.start_monitor(|_: Parent<u32>| -> () { exit(ExitReason::other("early")) });
    let (Err(StartError::Failed(reason)), watched) = started.expect("it is spawned") else {
        panic!("it fails")
    };
    assert_eq!(reason, ExitReason::other("early"));
    assert_eq!(down_of(watched), reason);
    nothing();
}

/// A monitored and linked start that takes too long: the `Down` says killed, and there is no `Exit`.
#[runtime::test]
fn sync_start_monitor_link_timeout() {
    trap_exit(true);
    let start = Start::new().timeout(SOON).spawn(Spawn::new().link());
    let started = start.start_monitor(|parent: Parent<()>| {
        sleep(HOUR);
        parent.init_ack(());
    });
    let (Err(StartError::Timeout), watched) = started.expect("it is spawned") else {
        panic!("it takes too long")
    };
    assert_eq!(down_of(watched), ExitReason::Killed);
    nothing();
}

/// A value of the process's own.
struct StartsAtTheEnd(Pid);

impl Drop for StartsAtTheEnd {
    fn drop(&mut self) {
        let test = self.0;
        proc_lib::spawn(move || send(test, ancestors().len()));
    }
}

/// A process-local's destructor, at the very end, may start a process too, which has its ancestors.
#[runtime::test]
fn started_at_the_end() {
    runtime::process_local! {
        static LAST: std::cell::OnceCell<StartsAtTheEnd> = const { std::cell::OnceCell::new() };
    }
    let test = self_pid();
    proc_lib::spawn(move || {
        LAST.with(|last| assert!(last.set(StartsAtTheEnd(test)).is_ok()));
        proc_lib::spawn(move || send(test, ancestors().len()));
    });
    assert_eq!((message::<usize>(), message::<usize>()), (2, 2));
}
