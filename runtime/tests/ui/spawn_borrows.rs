//! A process borrows nothing from its parent: nothing moves silently, and the error says `move`.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

fn length(text: &'static str) {
    println!("{}", text.len());
}

fn main() {
    let text = String::from("mine");
    spawn!(|| println!("{text}"));
    spawn!(length, &text);
}
