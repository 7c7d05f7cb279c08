//! What a node that shuts down does with supervision trees, and with servers that are in none.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use genserver::gen_server::{Server, start};
use genserver::proc_lib::{self, Parent};
use genserver::supervisor::{
    ChildSpec, DynamicSupervisor, Flags, Shutdown, Supervisor, Template, start_link,
};
use genserver::{Called, From, GenServer, Init, Never};
use runtime::prelude::*;
use runtime::{Builder, ShutdownReport};

/// What takes longer will never come.
const LONG: Duration = Duration::from_secs(120);

/// What has happened, in order.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("nobody panics").push(what.into());
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics"))
    }
}

/// Notes its end.
struct Noted {
    name: &'static str,
    log: Log,
    /// Whom it asks in `terminate`.
    asks: Option<Pid>,
}

impl GenServer for Noted {
    type Args = (&'static str, Log, Option<Pid>);
    type Call = ();
    type Reply = ();
    type Cast = Never;
    type Continue = Never;

    fn init((name, log, asks): Self::Args) -> Result<Init<Noted>, ExitReason> {
        trap_exit(true);
        Ok(Init::Ok(Noted { name, log, asks }, genserver::Action::Wait))
    }

    fn handle_call(&mut self, (): (), _: From<()>) -> Result<Called<()>, ExitReason> {
        Ok(Called::Reply((), genserver::Action::Wait))
    }

    fn terminate(&mut self, reason: &ExitReason) {
        if let Some(other) = self.asks {
            let answer = Server::<Noted>::of(other).call(());
            self.log
                .note(format!("{} is answered: {answer:?}", self.name));
        }
        self.log.note(format!("{}: {reason}", self.name));
    }
}

fn noted(name: &'static str, log: &Log) -> ChildSpec {
    ChildSpec::server::<Noted>(name, (name, log.clone(), None))
}

/// Notes when it is let go.
struct Guard(&'static str, Log);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

/// A child that does not trap exits.
fn plain(name: &'static str, log: &Log) -> ChildSpec {
    let log = log.clone();
    ChildSpec::process(name, move || {
        let _guard = Guard(name, log.clone());
        drop(receive_any());
    })
}

/// A child that traps exits before it counts as started.
fn trapping(name: &'static str, f: impl Fn() + Clone + Send + Sync + 'static) -> ChildSpec {
    ChildSpec::new(name, move || {
        let f = f.clone();
        let (pid, ()) = proc_lib::start_link(move |parent: Parent<()>| {
            trap_exit(true);
            parent.init_ack(());
            f();
        })?;
        Ok(pid.into())
    })
}

/// A child that traps exits, and does not heed them.
fn deaf(name: &'static str, log: &Log) -> ChildSpec {
    let log = log.clone();
    trapping(name, move || {
        let _guard = Guard(name, log.clone());
        loop {
            receive_any();
        }
    })
}

fn supervisor(name: &'static str, specs: Vec<ChildSpec>) -> ChildSpec {
    ChildSpec::supervisor(name, Flags::default(), specs)
}

/// A process that starts supervisors, and lives until it is told to end.
fn owner(node: &Node, starts: impl FnOnce() + Send + 'static) {
    let (tell, begun): (Sender<()>, Receiver<()>) = channel();
    node.run(move || {
        spawn!(move || {
            trap_exit(true);
            starts();
            tell.send(()).expect("the test waits");
            receive! { Exit { from: None, .. } => {} }
        })
    });
    begun.recv_timeout(LONG).expect("all have begun");
}

fn begin(specs: Vec<ChildSpec>) -> Supervisor {
    start_link(Flags::default(), specs).expect("starts")
}

/// A tree ends from its top: each supervisor ends its children in reverse start order, also those that do not trap
/// exits.
#[test]
fn a_tree_ends_in_order() {
    let node = Builder::new().workers(2).start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        let lowest = vec![noted("c1", &of), plain("c2", &of), noted("c3", &of)];
        let middle = vec![
            plain("b1", &of),
            supervisor("lowest", lowest),
            noted("b2", &of),
        ];
        begin(vec![
            noted("a1", &of),
            supervisor("middle", middle),
            plain("a2", &of),
        ]);
    });
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    let order = [
        "a2",
        "b2: shutdown",
        "c3: shutdown",
        "c2",
        "c1: shutdown",
        "b1",
        "a1: shutdown",
    ];
    assert_eq!(log.taken(), order);
}

/// Each child has the time that its specification gives it, and is killed then; one that is to be killed is at once.
#[test]
fn shutdown_times_are_kept() {
    let node = runtime::__rt::paused(Builder::new().workers(2));
    let node = node.start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        let hour = Duration::from_secs(3600);
        let first = Arc::new(OnceLock::new());
        let timed = |name: &'static str| {
            let (log, first) = (of.clone(), Arc::clone(&first));
            trapping(name, move || {
                receive! { Exit { .. } => {} }
                let now = runtime::now();
                let after = now - *first.get_or_init(|| now);
                log.note(format!("{name} after {after:?}"));
            })
        };
        begin(vec![
            timed("last"),
            deaf("deaf", &of).shutdown(Shutdown::Within(hour)),
            timed("first"),
            noted("killed", &of).shutdown(Shutdown::BrutalKill),
        ]);
    });
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    assert_eq!(log.taken(), ["first after 0ns", "deaf", "last after 3600s"]);
}

/// What ends in a tree finds alive what is in no tree, and a tree what is in those that were started before it.
#[test]
fn what_others_need_is_there() {
    let node = Builder::new().workers(2).start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        let alone = start::<Noted>(("alone", of.clone(), None)).expect("starts");
        let alone = alone.whereis();
        let first = begin(vec![noted("first", &of)]);
        let child = first.which_child("first").expect("is there").pid();
        begin(vec![
            ChildSpec::server::<Noted>("second", ("second", of.clone(), child)),
            ChildSpec::server::<Noted>("third", ("third", of.clone(), alone)),
        ]);
    });
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    let order = [
        "third is answered: Ok(())",
        "third: shutdown",
        "second is answered: Ok(())",
        "second: shutdown",
        "first: shutdown",
        "alone: shutdown",
    ];
    assert_eq!(log.taken(), order);
}

/// A tree that hangs keeps neither the others from ending in order, nor the node from ending: who has told it is
/// killed then, and named.
#[test]
fn a_tree_that_hangs() {
    let node = Builder::new().workers(2).start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        begin(vec![noted("a1", &of), noted("a2", &of)]);
        begin(vec![
            noted("b1", &of),
            deaf("deaf", &of).shutdown(Shutdown::Infinity),
        ]);
    });
    let report = node.shutdown(Duration::from_secs(2));
    assert_eq!(report.stuck, []);
    let killed = report.killed.len();
    assert!((1..=2).contains(&killed), "{report:?}");
    let noted = log.taken();
    let place = |what: &str| noted.iter().position(|noted| noted == what);
    assert!(place("a2: shutdown") < place("a1: shutdown"), "{noted:?}");
    assert!(place("a1: shutdown") < place("deaf"), "{noted:?}");
    assert!(place("b1: shutdown").is_some(), "{noted:?}");
}

/// A server below a supervisor's child belongs to the tree too, and so does a supervisor that this child has started.
#[test]
fn a_supervisor_below_a_server() {
    struct Upper(Log, Supervisor);
    impl GenServer for Upper {
        type Args = Log;
        type Call = Never;
        type Reply = Never;
        type Cast = Never;
        type Continue = Never;

        fn init(log: Log) -> Result<Init<Upper>, ExitReason> {
            trap_exit(true);
            let below = begin(vec![noted("below", &log)]);
            Ok(Init::Ok(Upper(log, below), genserver::Action::Wait))
        }

        fn handle_call(
            &mut self,
            call: Never,
            _: From<Never>,
        ) -> Result<Called<Never>, ExitReason> {
            match call {}
        }

        fn terminate(&mut self, reason: &ExitReason) {
            self.0.note(format!("upper: {reason}"));
            self.1.stop().expect("it lives still");
        }
    }
    let node = Builder::new().workers(2).start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        let upper = ChildSpec::server::<Upper>("upper", of.clone());
        begin(vec![upper, noted("side", &of)]);
    });
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    let order = ["side: shutdown", "upper: shutdown", "below: shutdown"];
    assert_eq!(log.taken(), order);
}

/// A dynamic supervisor is the root of a tree as well.
#[test]
fn a_dynamic_supervisor_as_root() {
    let node = Builder::new().workers(2).start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        let first = begin(vec![noted("first", &of)]);
        let asks = first.which_child("first").expect("is there").pid();
        let template = Template::new(move |log: &Log| {
            let args = ("child", log.clone(), asks);
            let server = genserver::gen_server::start_link::<Noted>(args)?;
            Ok(server.whereis().expect("it lives").into())
        });
        let children = DynamicSupervisor::start_link(Flags::default(), template).expect("starts");
        children.start_child(of.clone()).expect("starts");
    });
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    let order = [
        "child is answered: Ok(())",
        "child: shutdown",
        "first: shutdown",
    ];
    assert_eq!(log.taken(), order);
}

/// In a tree whose turn has not come children are restarted as ever.
#[test]
fn a_tree_whose_turn_has_not_come() {
    let node = Builder::new().workers(2).start().expect("a node");
    let log = Log::default();
    let of = log.clone();
    owner(&node, move || {
        let first = begin(vec![noted("first", &of)]);
        let log = of.clone();
        let last = move || {
            receive! { Exit { .. } => {} }
            let child = || first.which_child("first").expect("is there").pid();
            let old = child().expect("it runs");
            exit_signal(old, ExitReason::Kill);
            let start = Instant::now();
            while child().is_none_or(|pid| pid == old) {
                assert!(start.elapsed() < LONG, "it is not restarted");
                yield_now();
            }
            log.note("restarted");
        };
        begin(vec![trapping("last", last).shutdown(Shutdown::Infinity)]);
    });
    let report = node.shutdown(LONG);
    assert_eq!(report, ShutdownReport::default());
    assert_eq!(log.taken(), ["restarted", "first: shutdown"]);
}
