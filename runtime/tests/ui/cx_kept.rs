//! A behaviour cannot keep what it asks through.

use runtime::{Behaviour, Cx, ExitReason, Next};

struct Keeps(Option<&'static mut Cx<'static>>);

impl Behaviour for Keeps {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        self.0 = Some(cx);
        Next::Exit(ExitReason::Normal)
    }
}

fn main() {}
