//! What is no expression is reported as in any Rust code.
#![allow(dead_code, reason = "only what is tested counts here")]

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
    receive! { Pong => let x = 5, }
    receive! { Pong => [1 2].sort(), Msg::Get => {} }
}
