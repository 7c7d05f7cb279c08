//! The server of several workloads: it adds one to a number. A gen_server, and tokio's actor idiom.

use genserver::gen_server::{done, reply};
use genserver::{Called, Done, From, GenServer, Init, Never};
use runtime::ExitReason;
use runtime::prelude::*;
use tokio::sync::{mpsc, oneshot};

/// Called, it adds one. Cast to, it counts down.
pub(super) struct Adder {
    to_come: u64,
    root: Option<Pid>,
}

/// What is told when the last cast has come.
#[derive(Debug)]
pub(super) struct AllCame;

impl GenServer for Adder {
    /// The casts to come, and who is told of the last.
    type Args = (u64, Option<Pid>);
    type Call = u64;
    type Reply = u64;
    type Cast = u64;
    type Continue = Never;

    fn init((to_come, root): (u64, Option<Pid>)) -> Result<Init<Adder>, ExitReason> {
        Ok(Adder { to_come, root }.into())
    }

    fn handle_call(&mut self, n: u64, _: From<u64>) -> Result<Called<u64>, ExitReason> {
        Ok(reply(n + 1))
    }

    fn handle_cast(&mut self, _: u64) -> Result<Done, ExitReason> {
        self.to_come -= 1;
        if self.to_come == 0
            && let Some(root) = self.root
        {
            send(root, AllCame);
        }
        Ok(done())
    }
}

/// A request of tokio's clients, with the channel for its answer.
pub(super) type Request = (u64, oneshot::Sender<u64>);

/// Whom they send it to.
pub(super) type Adds = mpsc::UnboundedSender<Request>;

/// Starts the server as a task; it ends with its last client.
pub(super) fn adder_task() -> Adds {
    let (sender, requests) = mpsc::unbounded_channel();
    tokio::spawn(serve(requests));
    sender
}

/// What the task does.
pub(super) async fn serve(mut requests: mpsc::UnboundedReceiver<Request>) {
    while let Some((n, answer)) = requests.recv().await {
        // Who asked may be gone.
        let _ = answer.send(n + 1);
    }
}

/// Asks the server, as a client of tokio's does.
pub(super) async fn add(server: &Adds, n: u64) -> u64 {
    let (answer, answered) = oneshot::channel();
    server.send((n, answer)).expect("the server runs");
    answered.await.expect("the server answers")
}
