//! `spawn!` takes a closure, or a function and its arguments.
#![allow(dead_code)]

use runtime::prelude::*;

fn add(a: u32) {
    println!("{a}");
}

fn main() {
    spawn!();
    spawn!(add, 1 2);
}
