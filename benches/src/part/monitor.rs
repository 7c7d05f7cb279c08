//! A monitor, set and taken back.

use runtime::prelude::*;

#[derive(Debug)]
struct Ready;

#[derive(Debug)]
struct Stop;

pub(super) fn set_and_cancel(n: u64) {
    let root = self_pid();
    let watched = spawn!(move || {
        send(root, Ready);
        receive! { Stop => {} }
    });
    receive! { Ready => {} }
    for _ in 0..n {
        assert!(demonitor(monitor(watched)), "the watched process lives");
        tick();
    }
    send(watched, Stop);
}
