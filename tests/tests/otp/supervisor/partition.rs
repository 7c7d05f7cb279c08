//! Partition supervisors. Elixir's; what it documents is the requirement.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use genserver::gen_server::reply;
use genserver::proc_lib;
use genserver::supervisor::{
    ChildSpec, ChildState, DynamicSupervisor, FailedToStartChild, PartitionSupervisor, Started,
    Template, start_link,
};
use genserver::{
    CallError, Called, Failure, From, GenServer, Init, Never, Server, ServerRef, StartError,
};
use runtime::Term;
use runtime::prelude::*;

use super::{bad, ends_with, many, worker};
use crate::expect::{down_of, end_of, message, nothing, until};

/// Says which partition it is, and how often it was asked.
struct Shard {
    number: usize,
    asked: u32,
}

impl GenServer for Shard {
    type Args = usize;
    type Call = ();
    type Reply = (usize, u32);
    type Cast = Never;
    type Continue = Never;

    fn init(number: usize) -> Result<Init<Shard>, ExitReason> {
        Ok(Shard { number, asked: 0 }.into())
    }

    fn handle_call(
        &mut self,
        _: (),
        _: From<(usize, u32)>,
    ) -> Result<Called<(usize, u32)>, ExitReason> {
        self.asked += 1;
        Ok(reply((self.number, self.asked)))
    }
}

fn shards(partitions: usize) -> PartitionSupervisor {
    let partitions = NonZeroUsize::new(partitions).expect("it is not zero");
    PartitionSupervisor::new(many(), partitions, |number| {
        ChildSpec::server::<Shard>("shard", number)
    })
}

fn ask(server: ServerRef) -> Result<(usize, u32), CallError> {
    Server::<Shard>::of(server).call(())
}

/// A key has one partition, each has keys, and the partitions are counted and shown in order.
#[runtime::test]
fn routes() {
    let shards = shards(4);
    shards.start_link().expect("starts");
    assert_eq!(shards.partitions(), 4);
    let mut met = HashSet::new();
    for key in 0..100u64 {
        let number = shards.partition_of(&key);
        let (said, asked) = ask(shards.via(&key)).expect("it answers");
        assert_eq!(said, number);
        assert_eq!(ask(shards.via(&key)), Ok((said, asked + 1)));
        met.insert(number);
    }
    assert_eq!(met.len(), 4);
    assert_eq!(ask(shards.partition(5)).map(|(number, _)| number), Ok(1));
    // Keys may be of any type.
    assert_eq!(shards.via("a name"), shards.via(&"a name".to_owned()));
    let count = shards.count_children().expect("it answers");
    assert_eq!((count.specs, count.active, count.workers), (4, 4, 4));
    let children = shards.which_children().expect("it answers");
    let numbers: Vec<usize> = children.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    for (number, state) in children {
        assert_eq!(state.pid(), shards.partition(number).whereis());
    }
    shards.stop().expect("stops");
    nothing();
}

/// A partition that is restarted is found under the same keys; meanwhile, and after the end, nobody is.
#[runtime::test]
fn restarts() {
    trap_exit(true);
    let shards = shards(2);
    let supervisor = shards.start_link().expect("starts");
    let pid = supervisor.whereis().expect("it lives");
    let server = shards.via("key");
    let first = server.whereis().expect("it lives");
    assert_eq!(ask(server.clone()).map(|(_, asked)| asked), Ok(1));
    exit_signal(first, ExitReason::Kill);
    until("it is restarted", || {
        server.whereis().is_some_and(|pid| pid != first)
    });
    assert_eq!(ask(server.clone()).map(|(_, asked)| asked), Ok(1));
    let again = shards.start_link();
    assert!(matches!(again, Err(StartError::AlreadyStarted(running)) if running == pid));
    shards.stop().expect("stops");
    ends_with(pid, ExitReason::Normal);
    assert_eq!(ask(server).unwrap_err().failure, Failure::NoProc);
    assert!(shards.count_children().is_err());
    nothing();
}

/// As a child of another supervisor it keeps its routes when it is restarted itself.
#[runtime::test]
fn in_a_tree() {
    let shards = shards(3);
    let root = start_link(many(), vec![shards.child_spec("shards"), worker("1")]).expect("starts");
    super::began("1");
    let pids = [0, 1, 2].map(|number| shards.partition(number).whereis().expect("it lives"));
    let pid = root.which_child("shards").expect("it is there").pid();
    exit_signal(pid.expect("it runs"), ExitReason::Kill);
    pids.into_iter().for_each(end_of);
    until("it is restarted", || {
        let again = |number| ask(shards.partition(number)).is_ok();
        [0, 1, 2].into_iter().all(again)
    });
    assert_eq!(shards.count_children().map(|count| count.active), Ok(3));
    root.stop().expect("stops");
    assert_eq!(
        ask(shards.partition(0)).unwrap_err().failure,
        Failure::NoProc
    );
    nothing();
}

/// Partitions that are dynamic supervisors: children start, restart and end in the partition of their key.
#[runtime::test]
fn dynamic() {
    let test = self_pid();
    let two = NonZeroUsize::new(2).expect("it is not zero");
    let partitions = PartitionSupervisor::new(many(), two, move |_| {
        let template = Template::new(move |id: &String| super::obedient(test, id.clone()));
        ChildSpec::dynamic_supervisor("", many(), template)
    });
    partitions.start_link().expect("starts");
    assert_eq!(
        partitions.count_children().map(|count| count.supervisors),
        Ok(2)
    );
    let mut expected = [0, 0];
    for n in 0..20 {
        let key = format!("key {n}");
        expected[partitions.partition_of(&key)] += 1;
        let supervisor = DynamicSupervisor::<String>::of(partitions.via(&key));
        supervisor.start_child(key.clone()).expect("starts");
        send(super::began(&key), bad());
        let again = super::began(&key);
        until("it is known", || {
            supervisor.which_child(again) == Ok(ChildState::Running(again))
        });
    }
    for (number, expected) in expected.into_iter().enumerate() {
        let supervisor = DynamicSupervisor::<String>::of(partitions.partition(number));
        let count = supervisor.count_children().expect("it answers");
        assert_eq!(count.active, expected);
    }
    partitions.stop().expect("stops");
    nothing();
}

/// Of those who start it at the same time one does; the others are told who runs, and start no partition, so that all
/// routes lead to those of one supervisor.
#[runtime::test]
fn starts_at_the_same_time() {
    let before = runtime::processes().len();
    let partitions = held_up_at(0, |_| super::linked(|| drop(receive_any())));
    let (first, watch) = starter(&partitions);
    let supervisor: Pid = message();
    // It runs from the first moment on, whatever its partitions do.
    assert_eq!(partitions.server_ref().whereis(), Some(supervisor));
    let (second, other) = starter(&partitions);
    match message() {
        Starts(Err(StartError::AlreadyStarted(running))) => assert_eq!(running, supervisor),
        Starts(other) => panic!("{other:?}"),
    }
    send(supervisor, "go on");
    let Starts(started) = message();
    assert_eq!(started.expect("starts"), Some(supervisor));
    for (number, state) in partitions.which_children().expect("it answers") {
        assert_eq!(partitions.partition(number).whereis(), state.pid());
    }
    for (starter, watch) in [(second, other), (first, watch)] {
        send(starter, ());
        assert_eq!(down_of(watch), ExitReason::Normal);
    }
    until("all have ended", || runtime::processes().len() == before);
    nothing();
}

/// Two partitions; that of this number tells the test when its start begins, and waits to be told to go on.
fn held_up_at(
    held_up: usize,
    start: impl Fn(usize) -> Started + Clone + Send + Sync + 'static,
) -> PartitionSupervisor {
    let test = self_pid();
    let two = NonZeroUsize::new(2).expect("it is not zero");
    PartitionSupervisor::new(many(), two, |number| {
        let start = start.clone();
        ChildSpec::new("", move || {
            if number == held_up {
                send(test, self_pid());
                receive! { "go on" : &str => {} }
            }
            start(number)
        })
    })
}

/// What a start has come to.
#[derive(Debug)]
struct Starts(Result<Option<Pid>, StartError>);

/// Who starts it, tells the test what that has come to, and stays until it is told to end.
fn starter(partitions: &PartitionSupervisor) -> (Pid, Ref) {
    let (test, partitions) = (self_pid(), partitions.clone());
    spawn_monitor!(move || {
        trap_exit(true);
        let started = partitions.start_link();
        send(test, Starts(started.map(|supervisor| supervisor.whereis())));
        receive_type::<()>();
    })
}

/// A partition that does not start, in whatever way, ends those before it, the last first, and the start, with its
/// number and reason; so it can be started again.
#[runtime::test]
fn a_partition_that_does_not_start() {
    trap_exit(true);
    let before = runtime::processes().len();
    let failures: [fn() -> Started; 3] = [
        || Err(StartError::Failed(bad())),
        || exit(bad()),
        || linked_that_ends(bad()),
    ];
    for fails in failures {
        let test = self_pid();
        let three = NonZeroUsize::new(3).expect("it is not zero");
        let attempts = Arc::new(AtomicU32::new(0));
        let partitions = PartitionSupervisor::new(many(), three, |number| {
            let attempts = Arc::clone(&attempts);
            ChildSpec::new("", move || match number {
                2 if attempts.fetch_add(1, Ordering::SeqCst) == 0 => fails(),
                number => tells_its_end(test, number),
            })
        });
        let Err(StartError::Failed(reason)) = partitions.start_link() else {
            panic!("it starts");
        };
        let expected = FailedToStartChild {
            id: "2".to_owned(),
            reason: bad(),
        };
        assert_eq!(reason, ExitReason::ShutdownWith(Term::new(expected)));
        for number in [1, 0] {
            let Ended(ended, reason) = message();
            assert_eq!((ended, reason), (number, ExitReason::Shutdown));
        }
        assert_eq!(runtime::processes().len(), before);
        assert_eq!(partitions.server_ref().whereis(), None);
        let asked = ask(partitions.via("key")).unwrap_err();
        assert_eq!(asked.failure, Failure::NoProc);
        let supervisor = partitions.start_link().expect("starts");
        supervisor.stop().expect("stops");
        for number in [2, 1, 0] {
            let Ended(ended, reason) = message();
            assert_eq!((ended, reason), (number, ExitReason::Shutdown));
        }
        ends_with(
            supervisor.whereis().expect("it had one"),
            ExitReason::Normal,
        );
        nothing();
    }
}

/// How a partition has ended.
#[derive(Debug)]
struct Ended(usize, ExitReason);

/// Starts a partition that tells the test how it is ended.
fn tells_its_end(test: Pid, number: usize) -> Started {
    let started = proc_lib::start_link(move |parent: proc_lib::Parent<()>| {
        trap_exit(true);
        parent.init_ack(());
        let end: Exit = receive_type();
        send(test, Ended(number, end.reason));
    });
    started.map(|(pid, ())| pid.into())
}

/// A start function whose process ends before it is done.
fn linked_that_ends(reason: ExitReason) -> Started {
    proc_lib::start_link(|_: proc_lib::Parent<()>| -> Result<(), ExitReason> { Err(reason) })
        .map(|(pid, ())| pid.into())
}

/// Who starts it, or the supervisor itself, is killed while a partition starts: those that run end, with the reason
/// that the links say, and it can be started again.
#[runtime::test]
fn a_start_that_dies() {
    let before = runtime::processes().len();
    let test = self_pid();
    for kills_starter in [true, false] {
        let partitions = held_up_at(1, move |number| tells_its_end(test, number));
        let (first, watch) = starter(&partitions);
        let supervisor: Pid = message();
        if kills_starter {
            exit_signal(first, ExitReason::Kill);
            assert_eq!(down_of(watch), ExitReason::Killed);
            // Its start is not broken off; then all are ended in order.
            send(supervisor, "go on");
            for number in [1, 0] {
                let Ended(ended, reason) = message();
                assert_eq!((ended, reason), (number, ExitReason::Shutdown));
            }
        } else {
            exit_signal(supervisor, ExitReason::Kill);
            let Starts(started) = message();
            assert!(
                matches!(&started, Err(StartError::Failed(ExitReason::Killed))),
                "{started:?}"
            );
            send(first, ());
            assert_eq!(down_of(watch), ExitReason::Normal);
            let Ended(ended, reason) = message();
            assert_eq!((ended, reason), (0, ExitReason::Killed));
        }
        end_of(supervisor);
        until("all have ended", || runtime::processes().len() == before);
        let (second, watch) = starter(&partitions);
        let again: Pid = message();
        send(again, "go on");
        let Starts(started) = message();
        assert_eq!(started.expect("starts"), Some(again));
        // The routes lead to its partitions.
        for (number, state) in partitions.which_children().expect("it answers") {
            assert_eq!(partitions.partition(number).whereis(), state.pid());
        }
        send(second, ());
        assert_eq!(down_of(watch), ExitReason::Normal);
        // Its parent's end is its own.
        for number in [1, 0] {
            assert_eq!(message::<Ended>().0, number);
        }
        end_of(again);
        nothing();
    }
}
