//! `match_message!` takes the message by value.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    let m = AnyMessage::new(4u32);
    match_message!(&m { Pong => {} _ => {} });
    match_message!(4u32 { Pong => {} _ => {} });
}
