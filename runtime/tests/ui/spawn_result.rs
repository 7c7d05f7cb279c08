//! A process returns nothing, or a `Result` whose error is its exit reason.
#![allow(dead_code)]

use runtime::prelude::*;

fn answer() -> u32 {
    42
}

fn main() {
    spawn!(answer);
}
