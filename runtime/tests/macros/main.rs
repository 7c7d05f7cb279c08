//! What `receive!`, `match_message!`, `spawn!`, `#[runtime::main]` and `#[runtime::test]` accept,
//! and what it means. What they refuse, and how, is in `ui`.

#![deny(warnings)]
#![forbid(unsafe_code)]

mod after;
mod bodies;
mod elsewhere;
mod entry;
mod guards;
mod match_messages;
mod patterns;
mod selection;
mod spawning;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::prelude::*;

#[derive(Debug, PartialEq)]
struct Pong;

#[derive(Debug)]
struct Ping {
    from: Pid,
}

#[derive(Debug)]
struct Add(u32);

#[derive(Debug, PartialEq)]
enum Msg {
    Add(u32),
    Move { dx: i32, dy: i32 },
    Text(String),
    Stop,
}

impl Msg {
    fn next() -> u32 {
        receive! { Self::Add(n) => n, Self::Stop => 0 }
    }
}

/// Looks once and does not wait.
const NOW: Duration = Duration::ZERO;

fn to_self(message: impl Message) {
    send(self_pid(), message);
}

/// The messages in the mailbox, oldest first, as they print.
fn mailbox() -> Vec<String> {
    let mut all = Vec::new();
    while let Some(message) = receive! { message => Some(message), after NOW => None } {
        all.push(format!("{message:?}"));
    }
    all
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("?"),
    }
}
