//! After `bif_SUITE`, the cases that are about processes.

use runtime::prelude::*;

use crate::expect::end_of;

/// After a kill was sent, `is_process_alive` says no, under full load.
#[runtime::test]
fn is_process_alive() {
    let load: Vec<Pid> = (0..8)
        .map(|_| {
            spawn!(|| loop {
                tick();
            })
        })
        .collect();
    for round in 0..2000 {
        let victim = match round % 3 {
            0 => spawn!(|| drop(receive_any())),
            1 => spawn!(|| loop {
                yield_now();
            }),
            _ => spawn!(|| {
                trap_exit(true);
                drop(receive_any());
            }),
        };
        assert!(round % 3 == 2 || runtime::is_process_alive(victim));
        exit_signal(victim, ExitReason::Kill);
        assert!(!runtime::is_process_alive(victim));
    }
    for pid in load {
        exit_signal(pid, ExitReason::Kill);
        end_of(pid);
    }
}
