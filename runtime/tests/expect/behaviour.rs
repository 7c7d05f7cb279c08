//! Behaviours given as closures.

use runtime::prelude::*;

/// A behaviour that is a closure.
pub struct By<F>(pub F);

impl<F: FnMut(&mut Cx<'_>) -> Next + 'static> Behaviour for By<F> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        (self.0)(cx)
    }
}

/// Spawns such a behaviour.
pub fn behaviour(f: impl FnMut(&mut Cx<'_>) -> Next + Send + 'static) -> Pid {
    Spawn::new().behaviour(By(f)).unwrap().pid
}

/// Wait for whatever comes.
pub const WAIT: Next = Next::Wait(Until::Forever);
/// The end.
pub const DONE: Next = Next::Exit(ExitReason::Normal);
