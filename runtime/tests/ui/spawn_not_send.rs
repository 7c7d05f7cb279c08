//! What cannot be sent is reported at the closure, or at the argument.
#![allow(dead_code)]

use runtime::prelude::*;

fn show(what: std::rc::Rc<u32>, again: bool) {
    println!("{what} {again}");
}

fn main() {
    let here = std::rc::Rc::new(4);
    spawn!(move || println!("{here}"));
    spawn!(show, std::rc::Rc::new(5), true);
}
