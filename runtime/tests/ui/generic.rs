//! A generic type that neither the pattern nor the body fixes must be written.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

#[derive(Debug)]
struct Reply<T>(T);

fn main() {
    receive! { Reply(_) => {} }
}
