//! Bodies of different types are reported at the body that differs.
#![allow(dead_code, reason = "only what is tested counts here")]

use std::time::Duration;

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn main() {
    let x = receive! { Msg::Add(n) => n + 1, Msg::Get => String::from("none"), };
    let y: u32 = receive! { Msg::Add(n) => n, m => { drop(m); 5u64 } };
    let z = receive! { Msg::Add(n) => n, after Duration::ZERO => "none".len() };
    drop((x, y, z));
}
