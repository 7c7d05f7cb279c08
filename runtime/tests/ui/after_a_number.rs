//! `after` names the types that it takes.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { Pong => {} after 1000 => {} }
    receive! { Pong => {} after "soon" => {} }
}
