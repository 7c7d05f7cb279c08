use std::collections::HashSet;

use super::*;
use crate::{Builder, is_process_alive, receive_any, self_pid, send, sleep, spawn};

/// Waits until the process has ended and its slot is free.
fn end_of(pid: Pid) {
    while slot_of(pid).inbox.generation() == pid.generation() {
        sleep(std::time::Duration::from_micros(100));
    }
}

/// A slot whose generations are used up is used no more: no pid repeats, and what is sent to the
/// last of them reaches nobody.
#[test]
fn the_last_generation() {
    // On one worker without spares the slot that was freed last is the next one taken.
    let node = Builder::new().workers(1).max_spares(0).start().unwrap();
    node.run(|| {
        let spawn = || {
            let root = self_pid();
            let pid = spawn!(move || {
                receive_any();
                send(root, self_pid());
            });
            send(pid, ());
            assert_eq!(crate::receive_type::<Pid>(), pid);
            end_of(pid);
            pid
        };
        let first = spawn();
        let slot = slot_of(first);
        // The slot is free, and nobody spawns but this process.
        slot.inbox.initialise(u32::MAX - 2);
        let mut pids = HashSet::from([first]);
        for _ in 0..300 {
            assert!(pids.insert(spawn()), "a pid came again");
        }
        let of_slot: Vec<u32> = pids
            .iter()
            .filter(|pid| pid.index() == first.index() && **pid != first)
            .map(|pid| pid.generation())
            .collect();
        assert_eq!(of_slot.len(), 3, "{of_slot:?}");
        assert!(of_slot.contains(&u32::MAX));
        assert!(pids.iter().all(|&pid| {
            send(pid, ());
            !is_process_alive(pid)
        }));
    });
}
