//! `after` names the types that it takes.
#![allow(dead_code)]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { Pong => {} after 1000 => {} }
    receive! { Pong => {} after "soon" => {} }
}
