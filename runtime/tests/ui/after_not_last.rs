//! `after` is the last arm, and there is one.
#![allow(dead_code, unused_imports, reason = "only what is tested counts here")]

use std::time::Duration;

use runtime::prelude::*;

#[derive(Debug)]
struct Pong;

fn main() {
    receive! { after Duration::ZERO => {} Pong => {} }
    receive! { Pong => {} after Duration::ZERO => {} after Duration::ZERO => {} }
}
