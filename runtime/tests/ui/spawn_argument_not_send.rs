//! What cannot be sent is reported at the argument.
#![allow(dead_code, reason = "only what is tested counts here")]

use runtime::prelude::*;

fn show(what: std::rc::Rc<u32>, again: bool) {
    println!("{what} {again}");
}

fn main() {
    spawn!(show, std::rc::Rc::new(5), true);
}
