//! A process takes nothing along that is not `Send`.

use runtime::prelude::*;

fn main() {
    let here = std::rc::Rc::new(4);
    spawn!(move || println!("{here}"));
}
