//! A guard cannot bind: the body can.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn main() {
    let name = Some("n");
    receive! { Msg::Add(n) if let Some(name) = name => println!("{name} {n}") }
    receive! { Msg::Add(n) if n > 3 && let Some(name) = name => println!("{name} {n}") }
}
