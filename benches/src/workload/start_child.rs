//! `start_child`: one process has a supervisor start a million children.
//!
//! Measures a call of a dynamic supervisor, in which it starts a gen_server, links it, waits until
//! it is initialised, and enters it among its children. That all are there is asked of the
//! supervisor. On tokio a task owns a set of tasks, and spawns a server into it when it is asked.

use std::time::Instant;

use genserver::gen_server::start_link;
use genserver::supervisor::{DynamicSupervisor, Flags, Restart, Template};
use runtime::Node;
use runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::adder::{Adder, Adds, add, serve};
use super::{Workload, in_task};
use crate::measured::{Measured, Unit};

pub(super) static WORKLOADS: [Workload; 1] = [Workload {
    name: "start_child",
    about: "gen_servers that a dynamic supervisor starts",
    n: 1_000_000,
    unit: Unit::NsPerOp,
    warm_up: false,
    on_runtime,
    on_tokio: Some(on_tokio),
    workers: 1,
}];

fn on_runtime(node: &Node, n: u64) -> Measured {
    node.run(move || {
        let template = Template::new(|(): &()| {
            let server = start_link::<Adder>((0, None))?;
            Ok(server.whereis().expect("it was just started").into())
        });
        let template = template.restart(Restart::Temporary);
        let supervisor = DynamicSupervisor::start_link(Flags::default(), template);
        let supervisor = supervisor.expect("it starts");
        let start = Instant::now();
        let mut last = None;
        for _ in 0..n {
            last = supervisor.start_child(()).expect("it starts one");
        }
        let time = start.elapsed();
        let count = supervisor.count_children().expect("it answers");
        assert_eq!(count.active as u64, n, "a child is missing");
        let last: Pid = last.expect("there is one").pid;
        assert_eq!(genserver::Server::<Adder>::of(last).call(1), Ok(2));
        Measured::time(n, time)
    })
}

fn on_tokio(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let (supervisor, mut requests) = mpsc::unbounded_channel::<oneshot::Sender<Adds>>();
        let children = tokio::spawn(async move {
            let mut children = JoinSet::new();
            while let Some(answer) = requests.recv().await {
                let (sender, requests) = mpsc::unbounded_channel();
                children.spawn(serve(requests));
                answer.send(sender).expect("who asked waits");
            }
            children.len() as u64
        });
        // Dropped with the last sender a server would end.
        let mut servers = Vec::with_capacity(n as usize);
        let start = Instant::now();
        for _ in 0..n {
            let (answer, answered) = oneshot::channel();
            supervisor.send(answer).expect("the supervisor runs");
            servers.push(answered.await.expect("it starts one"));
        }
        let time = start.elapsed();
        assert_eq!(add(&servers[0], 1).await, 2);
        drop(supervisor);
        let children = children.await.expect("it does not panic");
        assert_eq!(children, n, "a child is missing");
        Measured::time(n, time)
    })
}
