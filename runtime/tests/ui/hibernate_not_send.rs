//! A hibernated process may go on anywhere: what goes on is `Send`.

use std::rc::Rc;

fn main() {
    let count = Rc::new(3);
    runtime::hibernate(move || println!("{count}"));
}
