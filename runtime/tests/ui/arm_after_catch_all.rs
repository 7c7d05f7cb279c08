//! Nothing may stand below an arm that takes every message.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { m => drop(m), Pong => {} }
    receive! { _ => {} Pong => {} }
    receive! { m: AnyMessage => drop(m), Pong => {} }
}
