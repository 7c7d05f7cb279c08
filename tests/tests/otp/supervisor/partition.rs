//! Partition supervisors. Elixir's; what it documents is the requirement.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use genserver::gen_server::reply;
use genserver::supervisor::{
    ChildSpec, ChildState, DynamicSupervisor, PartitionSupervisor, Template, start_link,
};
use genserver::{
    CallError, Called, Failure, From, GenServer, Init, Never, Server, ServerRef, StartError,
};
use runtime::prelude::*;

use super::{bad, ends_with, many, worker};
use crate::expect::{end_of, nothing, until};

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

/// A partition that does not start ends those before it, and the start.
#[runtime::test]
fn a_partition_that_does_not_start() {
    trap_exit(true);
    let before = runtime::processes().len();
    let three = NonZeroUsize::new(3).expect("it is not zero");
    let partitions = PartitionSupervisor::new(many(), three, |number| match number {
        2 => ChildSpec::new("", || Err(StartError::Failed(bad()))),
        number => ChildSpec::server::<Shard>("", number),
    });
    partitions.start_link().expect_err("it fails");
    assert_eq!(runtime::processes().len(), before);
    assert_eq!(
        ask(partitions.via("key")).unwrap_err().failure,
        Failure::NoProc
    );
    nothing();
}
