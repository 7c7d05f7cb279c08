//! Two processes that talk.

use runtime::prelude::*;
use std::time::Duration;

#[derive(Debug)]
struct Ping {
    from: Pid,
}

#[derive(Debug)]
struct Pong;

#[runtime::main]
fn main() {
    let echo = spawn!(|| loop {
        receive! { Ping { from } => send(from, Pong) }
    });
    send(echo, Ping { from: self_pid() });
    receive! {
        Pong => println!("pong"),
        after Duration::from_secs(1) => println!("no answer"),
    }
}
