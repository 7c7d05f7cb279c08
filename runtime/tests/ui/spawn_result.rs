//! A process returns nothing, or a `Result` whose error is its exit reason.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

fn answer() -> u32 {
    42
}

fn main() {
    spawn!(answer);
}
