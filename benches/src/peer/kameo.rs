//! kameo: an actor that adds one, asked and told. Its mailbox is unbounded, as all others here.

use std::time::Instant;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::Sides;
use crate::measured::Measured;
use crate::memory;
use crate::workload::in_task;

pub(super) static SIDES: &Sides<fn(&Runtime, u64) -> Measured> = &[
    ("call_1_1", |rt, n| calls(rt, n, 1, 1)),
    ("call_100_1", |rt, n| calls(rt, n, 100, 1)),
    ("call_100_100", |rt, n| calls(rt, n, 100, 100)),
    ("cast_8_1", casts),
    ("mem_server", memory),
];

/// Casts to come, and who is told of the last.
#[derive(Actor)]
struct Adder(u64, Option<oneshot::Sender<()>>);

struct Add(u64);

struct Count;

impl Message<Add> for Adder {
    type Reply = u64;

    async fn handle(&mut self, Add(n): Add, _: &mut Context<Self, u64>) -> u64 {
        n + 1
    }
}

impl Message<Count> for Adder {
    type Reply = ();

    async fn handle(&mut self, _: Count, _: &mut Context<Self, ()>) {
        self.0 -= 1;
        if self.0 == 0
            && let Some(root) = self.1.take()
        {
            root.send(()).expect("the root waits");
        }
    }
}

fn start(adder: Adder) -> ActorRef<Adder> {
    Adder::spawn_with_mailbox(adder, mailbox::unbounded())
}

fn calls(rt: &Runtime, n: u64, clients: u64, servers: u64) -> Measured {
    let each = (n / clients).max(1);
    in_task(rt, async move {
        let adders: Vec<_> = (0..servers).map(|_| start(Adder(0, None))).collect();
        for adder in &adders {
            adder.wait_for_startup().await;
        }
        let begin = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let server = adders[client as usize % adders.len()].clone();
                tokio::spawn(async move {
                    for n in 0..each {
                        let answer = server.ask(Add(n)).await;
                        assert_eq!(answer.expect("the server runs"), n + 1);
                    }
                })
            })
            .collect();
        let count = clients.len() as u64;
        for client in clients {
            client.await.expect("it does not panic");
        }
        Measured::time(each * count, begin.elapsed())
    })
}

fn casts(rt: &Runtime, n: u64) -> Measured {
    const CASTERS: u64 = 8;
    let each = (n / CASTERS).max(1);
    in_task(rt, async move {
        let (root, done) = oneshot::channel();
        let server = start(Adder(each * CASTERS, Some(root)));
        server.wait_for_startup().await;
        let begin = Instant::now();
        for _ in 0..CASTERS {
            let server = server.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    server.tell(Count).await.expect("the server runs");
                }
            });
        }
        done.await.expect("all come");
        Measured::time(each * CASTERS, begin.elapsed())
    })
}

fn memory(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let mut servers = vec![None; n as usize];
        let before = memory::footprint();
        for server in &mut servers {
            let started = start(Adder(0, None));
            started.wait_for_startup().await;
            *server = Some(started);
        }
        let grown = memory::footprint().saturating_sub(before);
        for (x, server) in (0..).zip(servers.iter().flatten()) {
            let answer = server.ask(Add(x)).await;
            assert_eq!(answer.expect("the server runs"), x + 1);
        }
        Measured::bytes(n, grown)
    })
}
