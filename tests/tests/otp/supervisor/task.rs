//! Tasks.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::{Task, async_stream};
use runtime::prelude::*;

use crate::expect::{end_of, message, nothing};

/// Tasks: a result, an end without one, one that is not waited for, and many with a bound.
#[runtime::test]
fn tasks() {
    let task = Task::spawn(|| 6 * 7);
    assert_eq!(task.join(), Ok(42));
    let task = Task::unlinked(|| -> u32 { exit(ExitReason::other("no result")) });
    assert_eq!(task.join(), Err(ExitReason::other("no result")));
    let task = Task::spawn(|| receive! { n: u32 => n });
    let pid = task.pid();
    let task = task
        .join_until(Duration::from_millis(1))
        .expect_err("it waits");
    send(pid, 7u32);
    assert_eq!(task.join(), Ok(7));
    let task = Task::spawn(|| -> u32 {
        receive! { n: u32 => n }
    });
    assert_eq!(
        task.shutdown(ExitReason::Shutdown),
        Err(ExitReason::Shutdown)
    );
    drop(Task::spawn(|| 1u32));
    nothing();
    let running = Arc::new(AtomicU32::new(0));
    let three = NonZeroUsize::new(3).expect("it is not zero");
    let results = async_stream(0..50u32, three, move |n| {
        assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
        yield_now();
        running.fetch_sub(1, Ordering::SeqCst);
        2 * n
    });
    let results: Result<Vec<u32>, ExitReason> = results.collect();
    assert!(
        results
            .expect("all do")
            .into_iter()
            .eq((0..50).map(|n| 2 * n))
    );
    // The end of an owner ends its tasks.
    let (owner, monitor) = spawn_monitor!(|| {
        let task = Task::spawn(|| -> u32 {
            receive! { n: u32 => n }
        });
        receive! { to: Pid => send(to, task.pid()) }
        exit(ExitReason::other("the owner's"));
    });
    send(owner, self_pid());
    let task: Pid = message();
    receive! { Down { monitor: of, .. } if of == monitor => {} }
    end_of(task);
    nothing();
}
