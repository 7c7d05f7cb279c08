//! Wrong arguments are reported at the arguments.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

fn add(a: u32, b: String) {
    println!("{a} {b}");
}

fn main() {
    spawn!(add, 1);
    spawn!(add, "a", String::new());
    spawn!(add, 1, String::new(), 3);
    spawn!(missing, 1);
}
