//! Tasks, alone, as streams, and under a supervisor. Elixir's; what it documents is the requirement.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use genserver::supervisor::{ChildError, Shutdown, start_link};
use genserver::{Task, TaskSupervisor, TimedOut, async_stream};
use runtime::prelude::*;

use super::{bad, many};
use crate::expect::{down_of, end_of, message, nothing, until};

const SECOND: Duration = Duration::from_secs(1);

fn most(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("it is not zero")
}

/// Waits for ever.
fn hang() -> u32 {
    receive! { n: u32 => n }
}

/// Waits for ever, and does not listen.
fn deaf(test: Pid) -> u32 {
    trap_exit(true);
    send(test, self_pid());
    loop {
        receive! { n: u32 => return n, _ => {} }
    }
}

/// A task's result is waited for, with or without a deadline; its end without one is its reason.
#[runtime::test]
fn results() {
    assert_eq!(Task::spawn(|| 6 * 7).join(), Ok(42));
    let task = Task::unlinked(|| -> u32 { exit(bad()) });
    assert_eq!(task.join(), Err(bad()));
    let task = Task::unlinked(|| -> u32 { panic!("a task that panics") });
    assert!(matches!(task.join(), Err(ExitReason::Panic(_))));
    let task = Task::unlinked(hang);
    exit_signal(task.pid(), ExitReason::Kill);
    assert_eq!(task.join(), Err(ExitReason::Killed));
    let task = Task::spawn(hang);
    let pid = task.pid();
    let task = task.join_until(Duration::from_millis(1));
    let task = task.expect_err("it waits");
    send(pid, 7u32);
    assert_eq!(task.join(), Ok(7));
    // What is no message can be a result.
    struct Plain;
    assert!(Task::spawn(|| Plain).join().is_ok());
    nothing();
}

/// An owner that traps exits is told of a crash, beside the result, and of no other end.
#[runtime::test]
fn an_owner_that_traps_exits() {
    trap_exit(true);
    let task = Task::spawn(|| 1);
    let pid = task.pid();
    assert_eq!(task.join(), Ok(1));
    assert!(!is_process_alive(pid));
    nothing();
    let task = Task::spawn(|| -> u32 { exit(bad()) });
    let pid = task.pid();
    assert_eq!(task.join(), Err(bad()));
    super::ends_with(pid, bad());
    nothing();
}

/// A crash ends the owner, and the owner's end the task; not so of one that is not linked.
#[runtime::test]
fn links() {
    let (_, watch) = spawn_monitor!(|| {
        let _ = Task::spawn(|| -> u32 { exit(bad()) }).join();
        exit(ExitReason::other("it lives on"))
    });
    assert_eq!(down_of(watch), bad());
    let test = self_pid();
    let (_, watch) = spawn_monitor!(move || {
        let tasks = [Task::spawn(hang), Task::unlinked(hang)];
        send(test, [tasks[0].pid(), tasks[1].pid()]);
        exit(bad())
    });
    assert_eq!(down_of(watch), bad());
    let [linked, unlinked]: [Pid; 2] = message();
    end_of(linked);
    assert!(is_process_alive(unlinked));
    send(unlinked, 1u32);
    end_of(unlinked);
    nothing();
}

/// A task that is dropped goes on; its result, or end, is nowhere to be seen, whenever it came.
#[runtime::test]
fn dropped() {
    let test = self_pid();
    let task = Task::spawn(move || send(test, receive! { n: u32 => n }));
    let pid = task.pid();
    drop(task);
    send(pid, 5u32);
    assert_eq!(message::<u32>(), 5);
    end_of(pid);
    let task = Task::unlinked(|| -> u32 { exit(bad()) });
    end_of(task.pid());
    drop(task);
    nothing();
}

/// A task is told to end, and killed after its time; a result that was faster is given.
#[runtime::test(paused)]
fn shutdown() {
    let task = Task::spawn(hang);
    let ended = task.shutdown(Shutdown::default());
    assert_eq!(ended, Err(ExitReason::Shutdown));
    let test = self_pid();
    for (shutdown, takes) in [
        (Shutdown::Within(3 * SECOND), 3 * SECOND),
        (Shutdown::BrutalKill, Duration::ZERO),
    ] {
        let task = Task::spawn(move || deaf(test));
        message::<Pid>();
        let start = runtime::now();
        assert_eq!(task.shutdown(shutdown), Err(ExitReason::Killed));
        assert_eq!(runtime::now() - start, takes);
    }
    let task = Task::spawn(move || deaf(test));
    send(message::<Pid>(), 1u32);
    assert_eq!(task.shutdown(Shutdown::Infinity), Ok(1));
    let task = Task::spawn(|| 1);
    end_of(task.pid());
    assert_eq!(task.shutdown(Shutdown::BrutalKill), Ok(1));
    nothing();
}

/// Another process than the owner cannot wait for it; the owner's monitor stands then.
#[runtime::test]
fn joined_elsewhere() {
    let task = Task::unlinked(hang);
    let pid = task.pid();
    let (_, watch) = spawn_monitor!(move || drop(task.join()));
    assert!(matches!(down_of(watch), ExitReason::Panic(_)));
    send(pid, 1u32);
    receive! { Down { object, .. } => assert_eq!(object, runtime::Monitored::Pid(pid)) }
    nothing();
}

/// The results come in the order of the items, and never more tasks run than may.
#[runtime::test]
fn stream() {
    let running = Arc::new(AtomicU32::new(0));
    let results = async_stream(0..50u32, most(3), move |n| {
        assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
        yield_now();
        running.fetch_sub(1, Ordering::SeqCst);
        2 * n
    });
    let results: Result<Vec<u32>, ExitReason> = results.collect();
    assert_eq!(results, Ok((0..50).map(|n| 2 * n).collect()));
    let none: Vec<Result<u32, _>> = async_stream(0..0u32, most(3), |n| n).collect();
    assert!(none.is_empty());
    nothing();
}

/// Or as they come; the slowest holds up nobody.
#[runtime::test(paused)]
fn stream_unordered() {
    let sleeps = |n: u32| {
        sleep(n * SECOND);
        n
    };
    let items = || [4, 1, 3, 2, 9];
    let start = runtime::now();
    let results = async_stream(items(), most(4), sleeps).unordered();
    let results: Result<Vec<u32>, ExitReason> = results.collect();
    assert_eq!(results, Ok(vec![1, 2, 3, 4, 9]));
    // The last began when the first had ended.
    assert_eq!(runtime::now() - start, 10 * SECOND);
    let results: Result<Vec<u32>, ExitReason> = async_stream(items(), most(4), sleeps).collect();
    assert_eq!(results, Ok(items().to_vec()));
    nothing();
}

/// A task that takes too long is killed, at its time and not at its turn; the others are none the worse for it.
#[runtime::test(paused)]
fn stream_timeout() {
    let results = async_stream([1, 50, 2, 60, 3u32], most(2), |n| {
        sleep(n * SECOND);
        n
    });
    let start = runtime::now();
    let results: Vec<Result<u32, ExitReason>> = results.timeout(10 * SECOND).unlinked().collect();
    let late = || Err(ExitReason::other(TimedOut));
    assert_eq!(results, [Ok(1), late(), Ok(2), late(), Ok(3)]);
    // 1, then 50 beside 2, then 60 beside 3.
    assert_eq!(runtime::now() - start, 20 * SECOND);
    nothing();
}

/// A crash is the error of its item, if the tasks are not linked; else the owner's end, and with it the others'.
#[runtime::test]
fn stream_crash() {
    let odd = |n: u32| match n % 2 {
        0 => n,
        _ => exit(bad()),
    };
    let results: Vec<_> = async_stream(0..4u32, most(2), odd).unlinked().collect();
    assert_eq!(results, [Ok(0), Err(bad()), Ok(2), Err(bad())]);
    let test = self_pid();
    let (_, watch) = spawn_monitor!(move || {
        let mut stream = async_stream(0..2u32, most(2), move |n| match n {
            0 => {
                send(test, self_pid());
                hang()
            }
            _ => receive! { (): () => exit(bad()) },
        });
        panic!("{:?}", stream.next());
    });
    let other: Pid = message();
    let owner = *runtime::process_info(other)
        .expect("it lives")
        .links
        .first()
        .expect("linked");
    let tasks = runtime::process_info(owner).expect("it lives").links;
    for task in tasks.into_iter().filter(|pid| *pid != other) {
        send(task, ());
    }
    assert_eq!(down_of(watch), bad());
    end_of(other);
    nothing();
}

/// A stream that is dropped, in order or by the end of its owner, takes its tasks along.
#[runtime::test]
fn stream_dropped() {
    let test = self_pid();
    let tell = move |n: u32| {
        send(test, self_pid());
        match n {
            0 => 0,
            _ => hang(),
        }
    };
    let mut stream = async_stream(0..3u32, most(3), tell);
    assert_eq!(stream.next(), Some(Ok(0)));
    let tasks: [Pid; 3] = [message(), message(), message()];
    drop(stream);
    tasks.into_iter().for_each(end_of);
    nothing();
    let (owner, watch) = spawn_monitor!(move || {
        let stream = async_stream(1..3u32, most(2), tell).unlinked();
        stream.for_each(drop);
    });
    let tasks: [Pid; 2] = [message(), message()];
    exit_signal(owner, ExitReason::Kill);
    assert_eq!(down_of(watch), ExitReason::Killed);
    tasks.into_iter().for_each(end_of);
    nothing();
}

/// Other messages stay, in their order.
#[runtime::test]
fn stream_in_a_full_mailbox() {
    let me = self_pid();
    (0..1000u32).for_each(|n| send(me, n));
    let sum: u64 = async_stream(0..100u64, most(4), |n| n)
        .unordered()
        .map(|result| result.expect("it adds up"))
        .sum();
    assert_eq!(sum, 4950);
    assert!((0..1000).eq((0..1000).map(|_| message::<u32>())));
    nothing();
}

/// A supervisor's tasks are counted, are linked to their owner or not, are not restarted, and end with the
/// supervisor.
#[runtime::test]
fn supervised() {
    let before = runtime::processes().len();
    let root = start_link(many(), vec![TaskSupervisor::child_spec("tasks")]).expect("starts");
    let tasks = TaskSupervisor::of("tasks");
    assert_eq!(tasks.spawn(|| 6 * 7).expect("starts").join(), Ok(42));
    let crashes = tasks.unlinked(|| -> u32 { exit(bad()) }).expect("starts");
    assert_eq!(crashes.join(), Err(bad()));
    until("they are forgotten", || {
        tasks.which_children() == Ok(vec![])
    });
    let test = self_pid();
    let pid = tasks
        .start_child(move || send(test, self_pid()))
        .expect("starts");
    assert_eq!(message::<Pid>(), pid);
    let one = tasks.unlinked(hang).expect("starts");
    let other = tasks.unlinked(hang).expect("starts");
    until("they run", || {
        tasks.count_children().is_ok_and(|count| count.active == 2)
    });
    tasks.terminate_child(one.pid()).expect("it ends");
    assert_eq!(one.join(), Err(ExitReason::Shutdown));
    root.stop().expect("stops");
    assert_eq!(other.join(), Err(ExitReason::Shutdown));
    assert!(matches!(tasks.spawn(|| 1), Err(ChildError::Call(_))));
    until("all are gone", || runtime::processes().len() == before);
    nothing();
}

/// The end of an owner ends its linked task under a supervisor, not the others, nor the supervisor.
#[runtime::test]
fn supervised_owner() {
    let tasks = TaskSupervisor::start_link().expect("starts");
    let (test, supervisor) = (self_pid(), tasks.clone());
    let (_, watch) = spawn_monitor!(move || {
        let linked = supervisor.spawn(hang).expect("starts");
        let unlinked = supervisor.unlinked(hang).expect("starts");
        send(test, [linked.pid(), unlinked.pid()]);
        exit(bad())
    });
    assert_eq!(down_of(watch), bad());
    let [linked, unlinked]: [Pid; 2] = message();
    end_of(linked);
    until("it is forgotten", || {
        tasks.which_children() == Ok(vec![unlinked])
    });
    send(unlinked, 1u32);
    end_of(unlinked);
    tasks.stop().expect("stops");
    nothing();
}

/// A stream whose tasks are a supervisor's; without it there are errors.
#[runtime::test]
fn supervised_stream() {
    let tasks = TaskSupervisor::start_link().expect("starts");
    let square = |n: u32| match n {
        3 => exit(bad()),
        n => n * n,
    };
    let stream = || async_stream(1..=4u32, most(2), square).under(&tasks);
    let results: Vec<_> = stream().collect();
    assert_eq!(results, [Ok(1), Ok(4), Err(bad()), Ok(16)]);
    tasks.stop().expect("stops");
    assert!(stream().all(|result| result.is_err()));
    nothing();
}
