//! A behaviour may run anywhere: its state is `Send`.

use std::rc::Rc;

use runtime::{Behaviour, Cx, ExitReason, Next, Spawn};

struct Here(Rc<u32>);

impl Behaviour for Here {
    fn wake(&mut self, _: &mut Cx<'_>) -> Next {
        println!("{}", self.0);
        Next::Exit(ExitReason::Normal)
    }
}

fn main() {
    let _ = Spawn::new().behaviour(Here(Rc::new(1)));
}
