//! A message is received by value.
#![allow(dead_code)]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { &Pong => {} }
}
