//! A message has `Debug` and is `Send`: the error names the derive.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

struct Secret(u32);

fn main() {
    send(self_pid(), Secret(1));
    receive! { Secret(n) => println!("{n}") }
    receive! { n: std::rc::Rc<u32> => drop(n) }
}
