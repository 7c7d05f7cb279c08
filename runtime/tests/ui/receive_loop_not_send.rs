//! A receive loop at rest may run anywhere: it takes nothing along that is not `Send`.

use std::rc::Rc;

use runtime::{Flow, Spawn};

fn main() {
    let count = Rc::new(2);
    let _ = Spawn::new().receive_loop(move |_| {
        println!("{count}");
        Flow::Continue
    });
}
