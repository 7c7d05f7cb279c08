//! Tests of the table: pids that never repeat, slots that are used again.

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

/// The table takes what it asks for where that is there, else the half of what is there or less, and
/// is refused only where there is not enough for the least.
#[test]
fn little_address_space() {
    let with_room_for = |room: u32| {
        let map = |slots: u32, spare| (slots + spare <= room).then_some(ptr::null_mut());
        reserve(map).map(|(_, limit)| limit)
    };
    assert_eq!(with_room_for(MAX), Ok(MAX));
    for room in [MAX - 1, MAX / 2, 3 * STEP, 2 * STEP] {
        let limit = with_room_for(room).unwrap();
        assert!(limit <= room / 2 && 4 * limit > room, "{limit} of {room}");
    }
    let bytes = 2 * STEP_BYTES;
    assert_eq!(with_room_for(2 * STEP - 1), Err(Full::Memory { bytes }));
}

/// The refusal of memory for the table says how much was asked for, and names the limits.
#[test]
fn the_refusal_names_the_limits() {
    let text = crate::SpawnError::from(Full::Memory { bytes: 12345 }).to_string();
    for part in ["12345 bytes", "RLIMIT_AS", "ulimit -v"] {
        assert!(text.contains(part), "{text}");
    }
    let text = crate::SpawnError::from(Full::Table { limit: 777 }).to_string();
    assert!(text.contains("777"), "{text}");
}
