//! Errors in a body are at their place.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

fn main() {
    receive! {
        Msg::Add(n) => n.halve(),
        Msg::Get => nothing,
        Msg::Put(text) => {
            let n: u32 = text;
        }
    }
}
