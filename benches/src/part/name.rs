//! A name, looked up.

use runtime::prelude::*;
use runtime::unregister;

const NAMES: u64 = 100;

pub(super) fn look_ups(n: u64) {
    let me = self_pid();
    // A process has one name; the others are those of processes that wait.
    let names: Vec<(String, Pid)> = (0..NAMES)
        .map(|number| {
            let name = format!("part number {number}");
            let pid = spawn!(move || {
                monitor(me);
                receive! { Down { .. } => {} }
            });
            register(name.clone(), pid).expect("the name is free");
            (name, pid)
        })
        .collect();
    for look in 0..n {
        let (name, pid) = &names[(look * 7 % NAMES) as usize];
        assert_eq!(whereis(name), Some(*pid));
        tick();
    }
    for (name, _) in &names {
        unregister(name.as_str()).expect("it has the name");
    }
}
