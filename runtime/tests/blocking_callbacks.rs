//! Callbacks that block: the stack they stand on becomes the process's own until they return.

mod expect;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use expect::behaviour::{WAIT, behaviour};
use expect::{Census, message, until};
use runtime::exit_signal;
use runtime::prelude::*;

/// A callback may receive and sleep: its worker goes on with others meanwhile, and the state
/// stays where it is.
#[runtime::test(workers = 1)]
fn a_callback_that_blocks() {
    struct Asker {
        root: Pid,
        state: [u64; 8],
    }
    impl Behaviour for Asker {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            let address = (&raw const self.state).addr();
            while let Some(mail) = cx.mail() {
                let n: u64 = mail.downcast().unwrap();
                send(self.root, (self_pid(), n));
                let answer: u32 = receive_type();
                sleep(Duration::from_micros(300));
                self.state[n as usize % 8] += u64::from(answer);
                assert_eq!((&raw const self.state).addr(), address);
            }
            if self.state.iter().sum::<u64>() == 8 {
                send(self.root, "done");
            }
            WAIT
        }
    }
    let root = self_pid();
    let askers: Vec<Pid> = (0..20)
        .map(|_| {
            Spawn::new()
                .behaviour(Asker {
                    root,
                    state: [0; 8],
                })
                .unwrap()
                .pid
        })
        .collect();
    for n in 0..8u64 {
        for &asker in &askers {
            send(asker, n);
        }
    }
    for _ in 0..20 * 8 {
        let (asker, _) = message::<(Pid, u64)>();
        send(asker, 1u32);
    }
    for _ in 0..20 {
        assert_eq!(message::<&str>(), "done");
    }
}

/// Thousands of behaviours may block in their callbacks at a time; others come and go
/// meanwhile, and all return.
#[runtime::test]
fn thousands_that_block() {
    const COUNT: usize = 3000;
    let root = self_pid();
    let blocked = Arc::new(AtomicUsize::new(0));
    let pids: Vec<Pid> = (0..COUNT)
        .map(|n| {
            let blocked = Arc::clone(&blocked);
            behaviour(move |cx| {
                while let Some(mail) = cx.mail() {
                    assert!(mail.is::<&str>());
                    blocked.fetch_add(1, Ordering::AcqRel);
                    let number: usize = receive_type();
                    assert_eq!(number, n);
                    send(root, n);
                }
                WAIT
            })
        })
        .collect();
    for round in 1..=2 {
        for &pid in &pids {
            send(pid, "block");
        }
        until("all to block", || {
            blocked.load(Ordering::Acquire) == round * COUNT
        });
        let free = behaviour(move |cx| {
            if cx.mail().is_some() {
                send(root, "free");
            }
            WAIT
        });
        send(free, ());
        assert_eq!(message::<&str>(), "free");
        for (n, &pid) in pids.iter().enumerate().rev() {
            send(pid, n);
        }
        let returned: HashSet<usize> = (0..COUNT).map(|_| message::<usize>()).collect();
        assert_eq!(returned.len(), COUNT);
    }
}

/// A behaviour that is killed while its callback blocks unwinds, and its state is dropped.
#[runtime::test]
fn killed_while_it_blocks() {
    let root = self_pid();
    let census = Census::default();
    let pids: Vec<Pid> = (0..100)
        .map(|_| {
            let (state, everyone) = (census.token(), census.clone());
            behaviour(move |_| {
                let _keep = (&state, everyone.token());
                send(root, ());
                receive_any();
                unreachable!()
            })
        })
        .collect();
    for _ in 0..100 {
        message::<()>();
    }
    assert_eq!(census.count(), 200);
    for pid in pids {
        exit_signal(pid, ExitReason::Kill);
    }
    census.none_is_left();
}

/// A behaviour that blocked comes to rest again, and rests and blocks by turns.
#[runtime::test]
fn by_turns() {
    let root = self_pid();
    let mut wakes = 0u32;
    let pid = behaviour(move |cx| {
        wakes += 1;
        while cx.mail().is_some() {
            if wakes.is_multiple_of(2) {
                yield_now();
                sleep(Duration::from_micros(100));
            }
            send(root, ());
        }
        WAIT
    });
    for _ in 0..5000 {
        send(pid, ());
        message::<()>();
    }
}
