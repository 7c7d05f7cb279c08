//! A timer, set and cancelled.

use std::time::Duration;

use runtime::prelude::*;

#[derive(Debug)]
struct Never;

pub(super) fn set_and_cancel(n: u64) {
    let me = self_pid();
    for _ in 0..n {
        let timer = send_after(Duration::from_secs(60), me, Never);
        assert!(cancel_timer(timer).is_some(), "it is not due yet");
        tick();
    }
}
