//! A macro in a pattern is refused: its variables cannot be seen.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn main() {
    receive! { Msg::Put(concat!("a", "b")) => {} }
    receive! { pattern!() => {} }
}
