//! `match_message!` takes an owned message, and its last arm takes every message.
#![allow(dead_code, unused_imports, reason = "only what is tested counts here")]

use std::time::Duration;

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    let m = AnyMessage::new(4u32);
    match_message!(m { Pong => {} });
    match_message!(m { Pong => {} other if true => drop(other) });
    match_message!(m { Pong => {} after Duration::ZERO => {} _ => {} });
    match_message!(m {});
    match_message!(m);
    match_message!({ Pong => {} });
    match_message!();
}
