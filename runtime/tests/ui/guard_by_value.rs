//! A guard cannot move its variables.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn main() {
    receive! { Msg::Put(text) if { drop(text); true } => {} }
    receive! { m if { drop(m); true } => {} }
}
