//! A variable that neither guard nor body uses is reported; one that only the guard uses is not.
#![deny(unused)]
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

#[derive(Debug)]
struct Ping {
    from: Pid,
}

fn main() {
    receive! { Ping { from } => {} }
    receive! { Msg::Add(n) if n > 3 => {} }
    receive! { Msg::Add(n) if true => {} }
    receive! { Msg::Put(mut text) => println!("{text}") }
    receive! { m => {} }
}
