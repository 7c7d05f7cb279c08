//! ractor: an actor that adds one, called and cast to.

use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};
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

struct Adder;

enum Request {
    Add(u64, RpcReplyPort<u64>),
    Count,
}

/// Casts to come, and who is told of the last.
struct State(u64, Option<oneshot::Sender<()>>);

impl Actor for Adder {
    type Msg = Request;
    type State = State;
    type Arguments = State;

    async fn pre_start(
        &self,
        _: ActorRef<Request>,
        state: State,
    ) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Request>,
        request: Request,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match request {
            Request::Add(n, answer) => answer.send(n + 1)?,
            Request::Count => {
                state.0 -= 1;
                if state.0 == 0
                    && let Some(root) = state.1.take()
                {
                    root.send(()).expect("the root waits");
                }
            }
        }
        Ok(())
    }
}

async fn start(state: State) -> ActorRef<Request> {
    let (server, _) = Actor::spawn(None, Adder, state).await.expect("it starts");
    server
}

fn calls(rt: &Runtime, n: u64, clients: u64, servers: u64) -> Measured {
    let each = (n / clients).max(1);
    in_task(rt, async move {
        let mut adders = Vec::new();
        for _ in 0..servers {
            adders.push(start(State(0, None)).await);
        }
        let begin = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|client| {
                let server = adders[client as usize % adders.len()].clone();
                tokio::spawn(async move {
                    for n in 0..each {
                        let answer = call!(server, Request::Add, n);
                        assert_eq!(answer.expect("the server runs"), n + 1);
                    }
                })
            })
            .collect();
        let count = clients.len() as u64;
        for client in clients {
            client.await.expect("it does not panic");
        }
        let time = begin.elapsed();
        adders.iter().for_each(|adder| adder.stop(None));
        Measured::time(each * count, time)
    })
}

fn casts(rt: &Runtime, n: u64) -> Measured {
    const CASTERS: u64 = 8;
    let each = (n / CASTERS).max(1);
    in_task(rt, async move {
        let (root, done) = oneshot::channel();
        let server = start(State(each * CASTERS, Some(root))).await;
        let begin = Instant::now();
        for _ in 0..CASTERS {
            let server = server.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    server.cast(Request::Count).expect("the server runs");
                }
            });
        }
        done.await.expect("all come");
        let time = begin.elapsed();
        server.stop(None);
        Measured::time(each * CASTERS, time)
    })
}

fn memory(rt: &Runtime, n: u64) -> Measured {
    in_task(rt, async move {
        let mut servers = vec![None; n as usize];
        let before = memory::footprint();
        for server in &mut servers {
            *server = Some(start(State(0, None)).await);
        }
        let grown = memory::footprint().saturating_sub(before);
        for (x, server) in (0..).zip(servers.iter().flatten()) {
            let answer = call!(server, Request::Add, x);
            assert_eq!(answer.expect("the server runs"), x + 1);
        }
        Measured::bytes(n, grown)
    })
}
