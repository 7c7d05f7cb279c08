//! A malformed arm is reported where it goes wrong.
#![allow(dead_code, unused_imports, reason = "only what is tested counts here")]

use std::time::Duration;

use runtime::prelude::*;

#[derive(Debug)]
enum Msg {
    Add(u32),
    Get,
    Put(String),
}

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { Pong -> {} }
    receive! { Pong }
    receive! { Pong, Msg::Get => {} }
    receive! { Pong => , Msg::Get => {} }
    receive! { Pong => }
    receive! { Pong => drop(1) Msg::Get => {} }
    receive! { Pong if => {} }
    receive! { Pong if true, }
    receive! { Pong: => {} }
    receive! { => {} }
    receive! { after => {} after Duration::ZERO, }
    receive! { #[cfg(unix)] Pong => {} }
    receive! { Msg::Add(n +) => {} }
}
