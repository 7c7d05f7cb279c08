//! `spawn!` takes a closure, or a function and its arguments.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

fn add(a: u32) {
    println!("{a}");
}

fn main() {
    spawn!();
    spawn!(add, 1 2);
}
