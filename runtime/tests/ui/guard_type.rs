//! A guard is a `bool`.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn main() {
    receive! { Msg::Add(n) if n => {} }
    receive! { m if m => {} }
}
