//! Servers and supervisors at the edges of their lives: what never ends by itself, what is ended while it ends.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use genserver::gen_server::{self, start};
use genserver::supervisor::{
    ChildSpec, DynamicSupervisor, Flags, Restart, Shutdown, Started, Strategy, Template, start_link,
};
use genserver::{
    Action, Called, Done, From, GenServer, Init, Never, Options, ServerRef, StartError, Task,
    proc_lib,
};
use runtime::prelude::*;
use runtime::{Builder, Status, Until, block_on, mailbox_len, process_info};

#[allow(dead_code, reason = "not all of it is used here")]
#[path = "../../runtime/tests/expect/reports.rs"]
mod reports;

/// What takes longer will never come.
const LONG: Duration = Duration::from_secs(120);

/// Waits until it is so.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < LONG, "never: {what}");
        yield_now();
    }
}

#[track_caller]
fn down_of(watched: Ref) -> ExitReason {
    receive! {
        Down { monitor, reason, .. } if monitor == watched => reason,
        after LONG => panic!("no Down of {watched}"),
    }
}

/// Each callback of its wants to be called again at once.
struct Endless {
    by_continue: bool,
    left: Arc<AtomicU32>,
}

impl Endless {
    fn again(&self) -> Action<()> {
        match self.by_continue {
            true => Action::Continue(()),
            false => Action::TimeoutMsg(Until::After(Duration::ZERO), AnyMessage::new(())),
        }
    }

    fn step(&self) -> Result<Done<()>, ExitReason> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            1 => Ok(Done::Stop(ExitReason::Normal)),
            _ => Ok(Done::Go(self.again())),
        }
    }
}

impl GenServer for Endless {
    type Args = (bool, Arc<AtomicU32>);
    type Call = Never;
    type Reply = ();
    type Cast = Never;
    type Continue = ();

    fn init((by_continue, left): Self::Args) -> Result<Init<Self, ()>, ExitReason> {
        let state = Endless { by_continue, left };
        let action = state.again();
        Ok(Init::Ok(state, action))
    }

    fn handle_call(&mut self, never: Never, _: From<()>) -> Result<Called<(), ()>, ExitReason> {
        match never {}
    }

    fn handle_continue(&mut self, (): ()) -> Result<Done<()>, ExitReason> {
        self.step()
    }

    fn handle_info(&mut self, _: AnyMessage) -> Result<Done<()>, ExitReason> {
        self.step()
    }
}

/// A server that never waits, as each callback continues or has a time-out of zero, keeps neither others from running
/// nor its own end from coming.
#[test]
fn a_server_that_never_waits() {
    for by_continue in [true, false] {
        let node = Builder::new().workers(1).max_spares(0).start();
        node.expect("a node").run(move || {
            let left = Arc::new(AtomicU32::new(1_000_000));
            let server = start::<Endless>((by_continue, Arc::clone(&left))).expect("starts");
            let watch = monitor(server.whereis().expect("it lives"));
            exit_signal(server.whereis().expect("it lives"), ExitReason::Kill);
            assert_eq!(down_of(watch), ExitReason::Killed);
            assert!(left.load(Ordering::SeqCst) > 0);
        });
    }
}

/// A suspended supervisor that has mail rests, however soon it would hibernate.
#[runtime::test]
fn a_suspended_supervisor_rests() {
    let soon = || Flags::default().hibernate_after(Duration::ZERO);
    let template = Template::process(|(): &()| || drop(receive_any()));
    let fixed = start_link(soon(), vec![]).expect("starts");
    let dynamic = DynamicSupervisor::start_link(soon(), template).expect("starts");
    let servers: [ServerRef; 2] = [(&fixed).into(), (&dynamic).into()];
    for server in servers {
        let pid = server.whereis().expect("it lives");
        sys::suspend(&server).expect("it answers");
        send(pid, "nothing that it knows");
        until("it rests", || {
            process_info(pid).expect("it lives").status == Status::AtRest
        });
        sys::resume(&server).expect("it answers");
        genserver::gen_server::stop(&server, ExitReason::Normal, None).expect("stops");
    }
}

/// A message whose destructor takes until it is let go.
#[derive(Clone, Debug, Default)]
struct Held(Arc<(AtomicBool, AtomicBool)>);

#[derive(Debug)]
struct Holding(Held);

impl Drop for Holding {
    fn drop(&mut self) {
        let (dropping, let_go) = &*self.0.0;
        dropping.store(true, Ordering::SeqCst);
        while !let_go.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }
}

/// Lets `child` end with `Normal`, and calls `end`, which has its supervisor end it, while its end is not told yet;
/// `begun` returns when the supervisor has begun with that.
fn ended_while_it_ends(
    supervisor: impl Into<ServerRef>,
    child: Pid,
    end: impl FnOnce() + Send + 'static,
    begun: impl FnOnce(),
) {
    let supervisor = supervisor.into().whereis().expect("it lives");
    let held = Held::default();
    send(child, Holding(held.clone()));
    send(child, "end");
    let (dropping, let_go) = &*held.0;
    until("its mailbox is dropped", || dropping.load(Ordering::SeqCst));
    let (_, watch) = spawn_monitor!(end);
    begun();
    until("it rests", || {
        process_info(supervisor).expect("it lives").status == Status::AtRest
    });
    let_go.store(true, Ordering::SeqCst);
    assert_eq!(down_of(watch), ExitReason::Normal);
}

/// Lets a supervisor tell when it takes its next message; returns when it has.
fn when_asked(supervisor: impl Into<ServerRef>) -> impl FnOnce() {
    let me = self_pid();
    let taken = move |_: &sys::Event<'_>| {
        send(me, "taken");
        ControlFlow::Break(())
    };
    sys::install(supervisor, "taken", taken).expect("it answers");
    || {
        receive! { "taken": &str => {}, after LONG => panic!("it was not asked") }
    }
}

/// Ends when it is told so.
fn obedient() {
    receive! { "end": &str => {} }
}

/// Starts an [`obedient`] child, on a thread of its own: there it may be held.
fn start_held() -> Started {
    let spawned = Spawn::new().link().own_thread().spawn(obedient);
    spawned
        .map(|spawned| spawned.pid.into())
        .map_err(StartError::Spawn)
}

/// A child that is about to end by itself when it is to be ended, and whose end is in order, is not reported: its exit
/// says why, though it comes after the monitor has found nobody.
#[test]
fn a_child_that_is_ended_while_it_ends() {
    reports::collect();
    let node = Builder::new().workers(3).start().expect("a node");
    node.run(|| {
        let spec = ChildSpec::new("child", start_held).restart(Restart::Transient);
        let supervisor = start_link(Flags::default(), vec![spec]).expect("starts");
        let child = supervisor.which_child("child").expect("is there").pid();
        let (child, asks) = (child.expect("runs"), supervisor.clone());
        let end = move || asks.terminate_child("child").expect("is there");
        ended_while_it_ends(&supervisor, child, end, when_asked(&supervisor));
        supervisor.stop().expect("stops");

        let template = Template::new(|(): &()| start_held()).restart(Restart::Transient);
        let supervisor = DynamicSupervisor::start_link(Flags::default(), template);
        let supervisor = supervisor.expect("starts");
        let start = || {
            supervisor
                .start_child(())
                .expect("starts")
                .expect("runs")
                .pid
        };
        let (child, asks) = (start(), supervisor.clone());
        let end = move || asks.terminate_child(child).expect("is there");
        ended_while_it_ends(&supervisor, child, end, when_asked(&supervisor));

        let (child, other, asks) = (start(), monitor(start()), supervisor.clone());
        let end = move || asks.stop().expect("stops");
        ended_while_it_ends(&supervisor, child, end, || {
            assert_eq!(down_of(other), ExitReason::Shutdown);
        });
    });
    assert_eq!(reports::count("supervisor::shutdown_error", &[]), 0);
}

/// A supervisor ends when its node shuts down, also if its parent waits for it: it does not start children again that
/// the node has told to end.
#[test]
fn a_node_that_shuts_down() {
    let started = Arc::new(AtomicU32::new(0));
    for dynamic in [false, true] {
        started.store(0, Ordering::SeqCst);
        let node = Builder::new().workers(2).start().expect("a node");
        let starts = Arc::clone(&started);
        let owner = move || {
            trap_exit(true);
            let many = Flags::default().intensity(u32::MAX, Duration::from_secs(1));
            let child = move || {
                starts.fetch_add(1, Ordering::SeqCst);
                obedient();
            };
            let supervisor: ServerRef = if dynamic {
                let template = Template::process(move |(): &()| child.clone());
                let supervisor = DynamicSupervisor::start_link(many, template).expect("starts");
                supervisor.start_child(()).expect("starts");
                (&supervisor).into()
            } else {
                let spec = ChildSpec::process("child", child);
                (&start_link(many, vec![spec]).expect("starts")).into()
            };
            let pid = supervisor.whereis();
            receive! { Exit { from, .. } if from == pid => {} }
        };
        node.run(move || spawn!(owner));
        until("the child begins", || started.load(Ordering::SeqCst) == 1);
        let report = node.shutdown(Duration::from_secs(10));
        assert_eq!(report.killed, []);
    }
}

/// A waker that wakes the calling process, whatever that does by then.
fn own_waker() -> Waker {
    block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())))
}

/// Waits for this long, and tells when the time has come.
struct Patient(Pid);

const PATIENCE: Duration = Duration::from_millis(100);

impl GenServer for Patient {
    type Args = Pid;
    type Call = Never;
    type Reply = Never;
    type Cast = Never;
    type Continue = Never;

    fn init(root: Pid) -> Result<Init<Patient>, ExitReason> {
        send(root, own_waker());
        Ok(Init::Ok(Patient(root), Action::Timeout(PATIENCE)))
    }

    fn handle_call(&mut self, call: Never, _: From<Never>) -> Result<Called<Never>, ExitReason> {
        match call {}
    }

    fn handle_info(&mut self, _: AnyMessage) -> Result<Done, ExitReason> {
        send(self.0, runtime::now());
        Ok(Done::Stop(ExitReason::Normal))
    }
}

/// A waker that is called for nothing does not begin a server's time anew.
#[runtime::test(paused)]
fn a_stale_waker_and_a_time_out() {
    let begin = runtime::now();
    start::<Patient>(self_pid()).expect("starts");
    let waker = receive_type::<Waker>();
    for _ in 0..9 {
        sleep(PATIENCE * 3 / 10);
        waker.wake_by_ref();
    }
    assert_eq!(receive_type::<Instant>() - begin, PATIENCE);
}

/// Nor does it wake one that hibernates until a message comes.
#[runtime::test(paused)]
fn a_stale_waker_and_a_hibernated_process() {
    let root = self_pid();
    let pid = proc_lib::spawn(move || {
        send(root, own_waker());
        proc_lib::hibernate(move || send(root, "goes on"))
    });
    let waker = receive_type::<Waker>();
    // On virtual time this ends when everybody waits.
    sleep(Duration::from_millis(1));
    waker.wake();
    sleep(Duration::from_millis(1));
    assert!(receive_timeout(Duration::ZERO).is_none());
    send(pid, ());
    receive! { "goes on" : &str => {}, after LONG => panic!("it sleeps") }
}

/// A supervisor that hibernates after [`PATIENCE`], and a waker that a start function of its has left.
fn patient(dynamic: bool) -> (ServerRef, Waker) {
    let root = self_pid();
    let start = move || {
        send(root, own_waker());
        Err(StartError::Ignore)
    };
    let flags = Flags::default().hibernate_after(PATIENCE);
    let supervisor = if dynamic {
        let template = Template::new(move |(): &()| start());
        let supervisor = DynamicSupervisor::start_link(flags, template).expect("starts");
        supervisor.start_child(()).expect("ignores");
        (&supervisor).into()
    } else {
        let spec = ChildSpec::new("none", start);
        (&start_link(flags, vec![spec]).expect("starts")).into()
    };
    (supervisor, receive_type())
}

#[track_caller]
fn until_status(server: &ServerRef, status: Status) {
    let pid = server.whereis().expect("it lives");
    until(&format!("it is {status:?}"), || {
        process_info(pid).expect("it lives").status == status
    });
}

/// A waker that is called for nothing does not begin the time anew after which a supervisor hibernates, and leaves one
/// that hibernates so.
#[runtime::test(paused)]
fn a_stale_waker_and_a_supervisor() {
    for dynamic in [false, true] {
        let (supervisor, waker) = patient(dynamic);
        for _ in 0..3 {
            sleep(PATIENCE * 3 / 10);
            until_status(&supervisor, Status::AtRest);
            waker.wake_by_ref();
        }
        sleep(PATIENCE * 2 / 10);
        until_status(&supervisor, Status::Hibernated);
        waker.wake_by_ref();
        // On virtual time this ends when everybody waits.
        sleep(Duration::from_millis(1));
        until_status(&supervisor, Status::Hibernated);
        sleep(Duration::from_millis(1));
    }
}

/// A supervisor that hibernates does so again at once after a system message; after another, when it was idle for as
/// long again.
#[runtime::test(paused)]
fn a_supervisor_hibernates_again_at_once() {
    for dynamic in [false, true] {
        let (supervisor, _) = patient(dynamic);
        sleep(2 * PATIENCE);
        let began = runtime::now();
        until_status(&supervisor, Status::Hibernated);
        sys::get_status(&supervisor).expect("it answers");
        until_status(&supervisor, Status::Hibernated);
        sys::suspend(&supervisor).expect("it answers");
        sys::resume(&supervisor).expect("it answers");
        until_status(&supervisor, Status::Hibernated);
        send(supervisor.whereis().expect("it lives"), "unknown");
        until_status(&supervisor, Status::AtRest);
        assert_eq!(runtime::now(), began);
        sleep(2 * PATIENCE);
        until_status(&supervisor, Status::Hibernated);
    }
}

/// A start function that counts its calls; what it starts ends abnormally when it is told to end.
fn counted(starts: &Arc<AtomicU32>) -> impl Fn() -> Started + Clone + Send + Sync + 'static {
    let starts = Arc::clone(starts);
    move || {
        starts.fetch_add(1, Ordering::SeqCst);
        let spawned = Spawn::new().link().spawn(|| {
            obedient();
            exit(ExitReason::other("bad"))
        });
        Ok(spawned.map_err(StartError::Spawn)?.pid.into())
    }
}

/// A start function that takes until somebody tells the supervisor "go".
fn held_up(root: Pid) -> Started {
    send(root, "is held up");
    receive! { "go": &str => Err(StartError::Ignore), after LONG => panic!("nobody lets it go") }
}

/// Starts such a supervisor with one child.
fn start_either(dynamic: bool, child: impl Fn() -> Started + Send + Sync + 'static) -> (Pid, Pid) {
    let root = self_pid();
    let many = Flags::default().intensity(u32::MAX, Duration::from_secs(1));
    if dynamic {
        let template = Template::new(
            move |first: &bool| {
                if *first { child() } else { held_up(root) }
            },
        );
        let supervisor = DynamicSupervisor::start_link(many, template).expect("starts");
        let child = supervisor.start_child(true).expect("starts");
        let asks = supervisor.clone();
        spawn!(move || drop(asks.start_child(false)));
        let supervisor = supervisor.whereis().expect("it lives");
        (supervisor, child.expect("it runs").pid)
    } else {
        let spec = ChildSpec::new("child", child);
        let supervisor = start_link(many, vec![spec]).expect("starts");
        let child = supervisor.which_child("child").expect("is there").pid();
        let asks = supervisor.clone();
        let last = ChildSpec::new("last", move || held_up(root));
        spawn!(move || drop(asks.start_child(last)));
        (
            supervisor.whereis().expect("it lives"),
            child.expect("runs"),
        )
    }
}

/// A supervisor that its node has told to end starts nobody again, also if it finds a child's end before the order.
#[test]
fn nobody_is_restarted_while_a_node_shuts_down() {
    for dynamic in [false, true] {
        let starts = Arc::new(AtomicU32::new(0));
        let child = counted(&starts);
        let (ready, is_ready) = std::sync::mpsc::channel();
        let node = Builder::new().workers(2).start().expect("a node");
        node.run(move || {
            spawn!(move || {
                trap_exit(true);
                let (supervisor, child) = start_either(dynamic, child);
                receive! { "is held up": &str => {} }
                send(child, "end");
                until("the child's end is queued", || {
                    mailbox_len(supervisor) == Some(1)
                });
                ready.send(()).expect("the test waits");
                until("the order to end is queued", || {
                    mailbox_len(supervisor) == Some(2)
                });
                send(supervisor, "go");
                receive! { Exit { from, .. } if from == Some(supervisor) => {} }
            });
        });
        is_ready.recv_timeout(LONG).expect("it is ready");
        let report = node.shutdown(Duration::from_secs(60));
        assert_eq!(report.killed, []);
        assert_eq!(starts.load(Ordering::SeqCst), 1, "dynamic: {dynamic}");
    }
}

/// Nor does one that is ending a group, to start it again, when its node tells it to end.
#[test]
fn no_group_is_restarted_while_a_node_shuts_down() {
    let starts = Arc::new(AtomicU32::new(0));
    let first = counted(&starts);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let node = Builder::new().workers(2).start().expect("a node");
    node.run(move || {
        spawn!(move || {
            trap_exit(true);
            let root = self_pid();
            // Ends when the node has told the supervisor to, not when that tells it.
            let slow = move || {
                trap_exit(true);
                receive! { Exit { from: Some(supervisor), .. } => {
                    send(root, "is told");
                    until("the order to end is queued", || mailbox_len(supervisor) == Some(1));
                } }
            };
            let specs = vec![
                ChildSpec::new("first", first),
                ChildSpec::process("slow", slow).shutdown(Shutdown::Infinity),
            ];
            let supervisor = start_link(Flags::new(Strategy::OneForAll), specs).expect("starts");
            let child = supervisor.which_child("first").expect("is there").pid();
            send(child.expect("it runs"), "end");
            receive! { "is told": &str => {} }
            ready.send(()).expect("the test waits");
            receive! { Exit { from: Some(_), .. } => {} }
        });
    });
    is_ready.recv_timeout(LONG).expect("it is ready");
    let report = node.shutdown(Duration::from_secs(60));
    assert_eq!(report.killed, []);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}

/// Does nothing.
struct Idle;

#[genserver::gen_server]
impl Idle {
    #[init]
    fn init(_: ()) -> Idle {
        Idle
    }
}

/// A start that fails for an error says it in that one's words.
#[runtime::test]
fn start_errors_in_words() {
    trap_exit(true);
    let child = || ChildSpec::new("a", || Err(StartError::Ignore));
    let twice = start_link(Flags::default(), vec![child(), child()]).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "the process did not start: two children have the id a"
    );
    let hasty = Flags {
        period: Duration::ZERO,
        ..Flags::default()
    };
    let hasty = start_link(hasty, vec![]).unwrap_err().to_string();
    assert!(hasty.ends_with("a period of 0ns is too short"), "{hasty}");
    let long = "a".repeat(1000);
    let long = Options::<Idle>::new()
        .name(&*long)
        .start(())
        .unwrap_err()
        .to_string();
    assert!(long.contains("a name has at most"), "{long}");
    let other = StartError::Failed(ExitReason::other("tired"));
    assert_eq!(other.to_string(), "the process did not start: \"tired\"");
}

/// A name is given as whoever made it holds it, as a child's is.
#[runtime::test]
fn names_that_are_owned() {
    let name = |n: u32| format!("idle {n}");
    let server = Options::<Idle>::new().name(name(7)).start(()).unwrap();
    assert_eq!(ServerRef::from(name(7)).whereis(), server.whereis());
}

/// Outside a process the panic names the function that was called.
#[test]
fn outside_a_process() {
    let calls: [(&str, fn()); 6] = [
        ("gen_server::start", || drop(start::<Idle>(()))),
        ("gen_server::start_link", || {
            drop(gen_server::start_link::<Idle>(()));
        }),
        ("proc_lib::start", || {
            drop(proc_lib::start(|parent: proc_lib::Parent<()>| {
                parent.init_ack(())
            }));
        }),
        ("sys::get_state", || drop(sys::get_state::<u32>("nobody"))),
        ("sys::suspend", || drop(sys::suspend("nobody"))),
        ("Task::spawn", || drop(Task::spawn(|| ()))),
    ];
    for (name, call) in calls {
        let payload = std::panic::catch_unwind(call).unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(
            text.starts_with(&format!("`{name}` outside a process")),
            "{text}"
        );
    }
}
