//! A message is received by value.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { &Pong => {} }
}
