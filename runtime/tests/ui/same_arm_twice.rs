//! An arm that can never be reached is reported.
#![allow(dead_code, reason = "only what is tested counts here")]
#![deny(unreachable_patterns)]
#![allow(dropping_copy_types, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { Pong => {} Msg::Add(_) => {} Pong => {} }
    receive! { Msg::Get => {} Msg::Get => {} }
    receive! { Msg::Add(n) if n > 3 => {} Msg::Add(_) => {} Msg::Add(3) => {} }
    receive! { n: u64 => drop(n), 3u64 => {} }
    receive! { Msg::Get | Msg::Get => {} }
    match_message!(AnyMessage::new(Pong) { Pong => {} Pong => {} _ => {} })
}
