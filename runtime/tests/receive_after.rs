//! `receive .. after`, `sleep`, and the times that behaviours wait: never early, counted from
//! where they say.

mod expect;

use std::time::{Duration, Instant};

use expect::{LONG, NOW, message, nothing, until};
use runtime::prelude::*;
use runtime::{Status, exit_signal, process_info, receive_ref, send_after};

const MS: Duration = Duration::from_millis(1);

/// Waits until the process waits on its stack.
fn until_waiting(pid: Pid) {
    until("it waits", || {
        process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
}

/// `after 0` takes what is in the mailbox, wherever it is, and does not wait for more.
#[runtime::test]
fn zero_looks_once() {
    let picked = receive! { n: u32 => Some(n), after NOW => None };
    assert_eq!(picked, None);
    send(self_pid(), "before");
    send(self_pid(), 1u32);
    let picked = receive! { n: u32 => Some(n), after NOW => None };
    assert_eq!(picked, Some(1));
    let picked = receive! { n: u32 => Some(n), after NOW => None };
    assert_eq!(picked, None);
    assert_eq!(message::<&str>(), "before");
}

/// A deadline that has passed is as `after 0`.
#[runtime::test]
fn a_deadline_that_has_passed() {
    let now = Instant::now();
    let past = [
        now,
        now - MS,
        now.checked_sub(3600 * 1000 * MS).unwrap_or(now),
    ];
    for deadline in past {
        send(self_pid(), 1u32);
        assert_eq!(receive! { n: u32 => n, after deadline => 0 }, 1);
        assert_eq!(receive! { n: u32 => n, after deadline => 0 }, 0);
        assert!(receive_timeout(deadline).is_none());
    }
}

/// `None` waits for ever.
#[runtime::test(paused)]
fn none_waits_for_ever() {
    let root = self_pid();
    spawn!(move || {
        sleep(1000 * LONG);
        send(root, 1u32);
    });
    let n = receive! { n: u32 => n, after None::<Duration> => 0 };
    assert_eq!(n, 1);
    spawn!(move || {
        sleep(LONG);
        send(root, 2u32);
    });
    let n = receive! { n: u32 => n, after Some(2 * LONG) => 0 };
    assert_eq!(n, 2);
}

/// A time longer than any clock can tell is for ever, and ends by a message or a signal like
/// any other.
#[runtime::test]
fn the_longest_time() {
    let root = self_pid();
    for _ in 0..2 {
        let pid = spawn!(move || {
            let n = receive! { n: u32 => n, after Duration::MAX => 0 };
            send(root, n);
        });
        until_waiting(pid);
        send(pid, 7u32);
        assert_eq!(message::<u32>(), 7);
    }
    let sleeper = spawn!(|| sleep(Duration::MAX));
    until_waiting(sleeper);
    assert!(is_process_alive(sleeper));
    exit_signal(sleeper, ExitReason::Shutdown);
    expect::end_of(sleeper);
}

/// A time-out never comes early: not the first, not those that reuse a timer's place, not those
/// of many processes at once, at whatever moment they begin.
#[runtime::test]
fn never_early() {
    fn wait(rounds: u32, micros: u64) {
        for round in 0..rounds {
            let time = Duration::from_micros(micros * u64::from(1 + round % 7) / 3);
            let start = Instant::now();
            match round % 4 {
                0 => receive! { _: u64 => {}, after time => {} },
                1 => sleep(time),
                2 => drop(receive_timeout(start + time)),
                _ => drop(receive_ref(make_ref(), time, |_: &u64| true)),
            }
            let passed = start.elapsed();
            assert!(passed >= time, "{passed:?} of {time:?}");
        }
    }
    let root = self_pid();
    for n in 0..100u64 {
        spawn!(move || {
            let early = std::panic::catch_unwind(|| wait(20, 100 + n * 97));
            send(root, early.is_err());
        });
    }
    for _ in 0..100 {
        assert!(!message::<bool>(), "a time-out came early");
    }
}

/// A wait after an idle time, with a clock that nobody has read for a while, is not early either.
#[runtime::test(workers = 1)]
fn never_early_after_rest() {
    for _ in 0..3 {
        // The node rests: nobody refreshes its coarse clock.
        sleep(50 * MS);
        for time in [MS, 5 * MS, 20 * MS] {
            let start = Instant::now();
            receive! { _: u64 => {}, after time => {} }
            assert!(start.elapsed() >= time);
        }
    }
}

/// The time of a receive is measured once, from its begin: messages that it does not take do not
/// lengthen it.
#[runtime::test]
fn counted_from_the_begin() {
    let root = self_pid();
    let stream = spawn!(move || loop {
        send(root, "not wanted");
        receive! { "stop": &str => return, after MS => {} }
    });
    // If every message began the time anew, the stream would never let it end.
    receive! { _: u64 => unreachable!(), after 100 * MS => {} }
    send(stream, "stop");
    let left = std::iter::from_fn(|| receive! { m: &'static str => Some(m), after NOW => None });
    assert!(left.count() > 0);
}

/// The expression behind `after` is evaluated once, before anything is received.
#[runtime::test(paused)]
fn evaluated_once() {
    let mut calls = 0;
    let mut time = || {
        calls += 1;
        20 * MS
    };
    let root = self_pid();
    spawn!(move || {
        for _ in 0..5 {
            send(root, "not wanted");
            sleep(MS);
        }
    });
    receive! { _: u64 => {}, after time() => {} }
    assert_eq!(calls, 1);
}

/// A message that comes in time is taken, and the time that it leaves over fires nothing later.
#[runtime::test]
fn a_time_that_is_not_used_up() {
    let root = self_pid();
    let echo = spawn!(move || loop {
        receive! { n: u32 => send(root, n) }
    });
    for n in 0..2000u32 {
        send(echo, n);
        let time = Duration::from_micros(u64::from(n % 10) * 100 + 2000);
        receive! {
            m: u32 => assert_eq!(m, n),
            // On a machine that stands still for two milliseconds; then it comes later.
            after time => assert_eq!(message::<u32>(), n),
        }
    }
    // A wait without a time waits for a message, whatever timers there were.
    spawn!(move || {
        // Real time, longer than all those before: what was left of one would fire.
        sleep(20 * MS);
        send(root, "late");
    });
    assert_eq!(receive_type::<&str>(), "late");
    nothing();
}

/// A shorter wait after a longer one ends at its own time, not at the other's.
#[runtime::test]
fn a_shorter_wait_after_a_longer() {
    let root = self_pid();
    send(root, 1u32);
    receive! { n: u32 => assert_eq!(n, 1), after 3600 * 1000 * MS => {} }
    receive! { _: u32 => {}, after 5 * MS => {} }
    let pid = spawn!(move || {
        receive! { _: u32 => {}, after 3600 * 1000 * MS => {} }
        receive! { _: u32 => {}, after 5 * MS => {} }
        sleep(2 * MS);
        send(root, "done");
    });
    send(pid, 1u32);
    assert_eq!(message::<&str>(), "done");
}

/// A receive in the body of a time-out, or of an arm, has a time of its own.
#[runtime::test]
fn nested_times() {
    let start = Instant::now();
    receive! {
        _: u32 => {},
        after 5 * MS => receive! {
            _: u32 => {},
            after 5 * MS => sleep(5 * MS),
        }
    }
    assert!(start.elapsed() >= 15 * MS);
}

/// A panic or an exit that unwinds a wait with a time leaves nothing behind for the next one.
#[runtime::test]
fn an_unwound_wait() {
    expect::reports::collect();
    for _ in 0..10 {
        send(self_pid(), 1u32);
        let _ = std::panic::catch_unwind(|| {
            receive! {
                n: u64 if n > 0 => {},
                n: u32 if panic!("guard {n}") => {},
                after 2 * MS => {},
            }
        });
        assert_eq!(message::<u32>(), 1);
        let start = Instant::now();
        receive! { _: u32 => {}, after 4 * MS => {} }
        assert!(start.elapsed() >= 4 * MS);
    }
}

/// Messages that come while a process sleeps wait for it, and do not wake it.
#[runtime::test]
fn messages_to_a_sleeper() {
    let root = self_pid();
    let pid = spawn!(move || {
        let start = Instant::now();
        send(root, "asleep");
        sleep(30 * MS);
        assert!(start.elapsed() >= 30 * MS);
        for n in 0..100u32 {
            assert_eq!(message::<u32>(), n);
        }
        send(root, "awake");
    });
    assert_eq!(message::<&str>(), "asleep");
    for n in 0..100u32 {
        send(pid, n);
    }
    assert_eq!(message::<&str>(), "awake");
}

/// Outside a process `sleep` sleeps the thread.
#[test]
fn sleep_outside() {
    let start = Instant::now();
    sleep(3 * MS);
    assert!(start.elapsed() >= 3 * MS);
}

/// Ten thousand processes that wait for times all over the place all come back.
#[runtime::test]
fn ten_thousand_sleepers() {
    let root = self_pid();
    for n in 0..10_000u64 {
        spawn!(move || {
            sleep(Duration::from_micros(n * 7919 % 50_000));
            send(root, n);
        });
    }
    let mut sum = 0;
    for _ in 0..10_000 {
        sum += message::<u64>();
    }
    assert_eq!(sum, 10_000 * 9_999 / 2);
}

mod behaviours {
    use super::*;
    use std::sync::Arc;
    use std::sync::Mutex;

    type Wakes = Arc<Mutex<Vec<(Cause, usize, Instant)>>>;

    /// Waits as it is told, and notes what woke it.
    struct Waiter<F> {
        wakes: Wakes,
        next: F,
    }

    impl<F: FnMut(usize) -> Next + 'static> Behaviour for Waiter<F> {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            let mail = std::iter::from_fn(|| cx.mail()).count();
            let count = {
                let mut wakes = self.wakes.lock().unwrap();
                wakes.push((cx.cause(), mail, Instant::now()));
                wakes.len()
            };
            (self.next)(count)
        }
    }

    fn waiter(next: impl FnMut(usize) -> Next + Send + 'static) -> (Pid, Wakes) {
        let wakes = Wakes::default();
        let behaviour = Waiter {
            wakes: Arc::clone(&wakes),
            next,
        };
        let spawned = Spawn::new().behaviour(behaviour).unwrap();
        (spawned.pid, wakes)
    }

    #[track_caller]
    fn nth(wakes: &Wakes, n: usize) -> (Cause, usize, Instant) {
        until("a wake", || wakes.lock().unwrap().len() >= n);
        wakes.lock().unwrap()[n - 1]
    }

    /// A behaviour's time is counted from the return of its callback, and is reported as the
    /// cause.
    #[runtime::test]
    fn counted_from_the_return() {
        let (pid, wakes) = waiter(|n| match n {
            1 => {
                sleep(20 * MS);
                Next::Wait(Until::After(20 * MS))
            }
            2 => Next::Wait(Until::At(Instant::now() + 5 * MS)),
            3 => Next::Hibernate(Until::After(5 * MS)),
            _ => Next::Exit(ExitReason::Normal),
        });
        let (first, _, start) = nth(&wakes, 1);
        assert!(first.start && !first.timeout);
        let (second, mail, then) = nth(&wakes, 2);
        assert!(second.timeout && !second.start && mail == 0);
        assert!(then - start >= 40 * MS);
        let (third, _, later) = nth(&wakes, 3);
        assert!(third.timeout && later - then >= 5 * MS);
        assert!(nth(&wakes, 4).0.timeout);
        expect::end_of(pid);
    }

    /// Mail before the time ends the wait, and no time-out comes of it.
    #[runtime::test]
    fn mail_in_time() {
        let (pid, wakes) = waiter(|n| match n {
            1 => Next::Wait(Until::After(3600 * 1000 * MS)),
            2 => Next::Wait(Until::Forever),
            _ => Next::Exit(ExitReason::Normal),
        });
        nth(&wakes, 1);
        send(pid, ());
        let (second, mail, _) = nth(&wakes, 2);
        assert_eq!((second.timeout, mail), (false, 1));
        until("it rests", || {
            process_info(pid).is_some_and(|info| info.status == Status::AtRest)
        });
        assert_eq!(wakes.lock().unwrap().len(), 2);
        send(pid, ());
        expect::end_of(pid);
    }

    /// A time that has come when mail comes is reported together with the mail.
    #[runtime::test]
    fn mail_and_time_together() {
        for until in [Until::After(NOW), Until::At(Instant::now() - MS)] {
            let (pid, wakes) = waiter(move |n| match n {
                1 => {
                    send(self_pid(), ());
                    Next::Wait(until)
                }
                _ => Next::Exit(ExitReason::Normal),
            });
            let (second, mail, _) = nth(&wakes, 2);
            assert_eq!((second.timeout, mail), (true, 1), "{until:?}");
            expect::end_of(pid);
        }
    }

    /// No time at all is a time-out at once, and the others' turn.
    #[runtime::test(workers = 1)]
    fn no_time() {
        let (pid, wakes) = waiter(|n| match n {
            1..5000 => Next::Wait(Until::After(NOW)),
            _ => Next::Exit(ExitReason::Normal),
        });
        expect::end_of(pid);
        let wakes = wakes.lock().unwrap();
        assert_eq!(wakes.len(), 5000);
        assert!(wakes[1..].iter().all(|(cause, ..)| cause.timeout));
    }
}

/// A wait is no longer for the entry in the timer wheel that an earlier wait has left, and that falls due in its midst.
#[runtime::test]
fn an_earlier_entry_prolongs_nothing() {
    send_after(MS, self_pid(), "soon");
    receive! { "soon": &str => {}, after Duration::from_millis(500) => panic!("a message comes") }
    let late = Duration::from_millis(1000);
    send_after(late, self_pid(), "late");
    receive! { "late": &str => panic!("it has waited too long"), after Duration::from_millis(600) => {} }
}
