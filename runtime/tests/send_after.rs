//! `send_after`, `start_timer`, `cancel_timer`, `read_timer`, after `timer_bif_SUITE`.

mod expect;

use std::time::{Duration, Instant};

use expect::{Census, LONG, NOW, Token, end_of, message, nothing, until};
use runtime::prelude::*;
use runtime::{
    CancelTimer, ReadTimer, cancel_timer_async, drop_timer, exit_signal, now, read_timer,
    read_timer_async, register, unregister,
};

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, PartialEq)]
struct Tick(u32);

/// A process that waits to be ended.
fn sink() -> Pid {
    spawn!(|| receive! { Tick(0) => {} })
}

/// `{timeout, Ref, Msg}` comes, not early; then the timer can be neither read nor cancelled. One
/// that is cancelled says how long it had to go, and sends nothing.
#[runtime::test]
fn start_timer_1() {
    let start = Instant::now();
    let timer = start_timer(20 * MS, self_pid(), Tick(1));
    let timeout: Timeout<Tick> = message();
    assert!(start.elapsed() >= 20 * MS);
    let expected = Timeout {
        timer,
        message: Tick(1),
    };
    assert_eq!(timeout, expected);
    assert_eq!(read_timer(timer), None);
    assert_eq!(cancel_timer(timer), None);

    let timer = start_timer(LONG, self_pid(), Tick(2));
    let left = cancel_timer(timer).expect("it has not fired");
    assert!(left <= LONG && left > LONG / 2, "{left:?}");
    assert_eq!(cancel_timer(timer), None);
    nothing();
}

/// A plain message comes, not early; then there is nothing to read.
#[runtime::test]
fn send_after_1() {
    let start = Instant::now();
    let timer = send_after(3 * MS, self_pid(), Tick(1));
    assert_eq!(message::<Tick>(), Tick(1));
    assert!(start.elapsed() >= 3 * MS);
    assert_eq!(read_timer(timer), None);
}

/// Seven timers fire in the order of their times, whatever the order in which they were set.
#[runtime::test(paused)]
fn send_after_2() {
    for n in [3u32, 1, 7, 5, 2, 6, 4] {
        send_after(n * 10 * MS, self_pid(), Tick(n));
    }
    for n in 1..=7 {
        assert_eq!(receive_type::<Tick>(), Tick(n));
    }
}

/// To cancel what is no timer any more, or was never in a wheel, has no effect.
#[runtime::test]
fn cancel_timer_1() {
    let spent = send_after(NOW, self_pid(), Tick(1));
    assert_eq!(cancel_timer(spent), None);
    drop_timer(spent);
    let timer = send_after(LONG, self_pid(), Tick(2));
    drop_timer(timer);
    assert_eq!(cancel_timer(timer), None);
    // The next timer has its place.
    let next = send_after(LONG, self_pid(), Tick(3));
    assert_ne!(timer, next);
    assert_eq!(cancel_timer(timer), None);
    assert!(read_timer(next).is_some());
    assert_eq!(message::<Tick>(), Tick(1));
    nothing();
}

/// A timer of a node that is gone names nothing, also when another node has its number.
#[test]
fn a_timer_of_a_node_that_is_gone() {
    let node = || Builder::new().workers(1).start().expect("a node");
    let set = || (self_pid(), send_after(LONG, "nobody", Tick(1)));
    let (old, old_timer) = node().run(set);
    assert_eq!(cancel_timer(old_timer), None);
    let timer = send_after(LONG, old, Tick(2));
    assert_eq!(read_timer(timer), None);
    let next = node();
    let (_, timer) = next.run(set);
    assert_eq!(read_timer(old_timer), None);
    assert_eq!(cancel_timer(old_timer), None);
    assert!(cancel_timer(timer).is_some());
}

/// `start_timer_e`, `send_after_e`: what the types do not rule out has a meaning. Zero and past
/// times are now: the message is there when the function returns.
#[runtime::test]
fn start_timer_e() {
    let past = now();
    let before = past.checked_sub(3600 * 1000 * MS).unwrap_or(past);
    for at in [Until::After(NOW), Until::At(past), Until::At(before)] {
        let timer = start_timer(at, self_pid(), Tick(1));
        assert_eq!(read_timer(timer), None);
        let timeout = receive! { t: Timeout<Tick> => Some(t), after NOW => None };
        assert_eq!(timeout.map(|timeout| timeout.timer), Some(timer));
        let timer = send_after(at, self_pid(), Tick(2));
        assert_eq!(cancel_timer(timer), None);
        let tick = receive! { t: Tick => Some(t), after NOW => None };
        assert_eq!(tick, Some(Tick(2)));
        send_after(at, "nobody", Tick(3));
    }
    nothing();
}

/// No two timers have the same name, also of those that were due at once.
#[runtime::test]
fn timers_are_told_apart() {
    let at_once: Vec<_> = (0..3)
        .map(|n| start_timer(NOW, self_pid(), Tick(n)))
        .collect();
    let later: Vec<_> = (0..3)
        .map(|n| start_timer(LONG, self_pid(), Tick(n)))
        .collect();
    let mut all = [at_once, later].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6);
}

/// An absolute time is kept.
#[runtime::test]
fn absolute_times() {
    let at = now() + 5 * MS;
    let timer = start_timer(at, self_pid(), Tick(1));
    assert!(read_timer(timer).is_none_or(|left| left <= 5 * MS));
    let _: Timeout<Tick> = message();
    assert!(Instant::now() >= at);
}

/// `send_after_big`, `huge_timeout`: times beyond 2^32 milliseconds and seconds, and the longest
/// there is, can be set, read and cancelled.
#[runtime::test]
fn huge_timeout() {
    for seconds in [1 << 22, 1 << 23, 1 << 32, 1 << 33, 1 << 34] {
        let time = Duration::from_secs(seconds);
        let timer = send_after(time, self_pid(), Tick(1));
        let left = read_timer(timer).expect("it is far");
        assert!(left <= time && left >= time - LONG, "{left:?} of {time:?}");
        let left = cancel_timer(timer).expect("it is far");
        assert!(left <= time && left >= time - LONG, "{left:?} of {time:?}");
    }
    for never in [Until::After(Duration::MAX), Until::Forever] {
        let timer = start_timer(never, self_pid(), Tick(1));
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        assert!(read_timer(timer).is_some_and(|left| left > century));
        assert!(cancel_timer(timer).is_some_and(|left| left > century));
    }
    nothing();
}

/// What is no timer cannot be read.
#[runtime::test]
fn read_timer_trivial() {
    let timer = send_after(LONG, self_pid(), Tick(1));
    drop_timer(timer);
    assert_eq!(read_timer(timer), None);
}

/// The time left decreases as time passes, never grows, and is the same timer's wherever it is read.
#[runtime::test]
fn read_timer_from_everywhere() {
    let timer = send_after(LONG, self_pid(), Tick(1));
    let first = read_timer(timer).expect("it has not fired");
    let from_outside = std::thread::spawn(move || read_timer(timer));
    let from_outside = from_outside.join().expect("a thread");
    let root = self_pid();
    spawn!(move || send(root, read_timer(timer)));
    let from_another: Option<Duration> = message();
    assert!(from_outside.is_some_and(|left| left <= first));
    assert!(from_another <= from_outside);
    let is_less = |left: Option<Duration>| left.is_some() && left < from_another;
    until("time to pass", || is_less(read_timer(timer)));
    assert!(is_less(cancel_timer(timer)));
}

/// An asynchronous look, or cancellation, sends its result to the caller.
#[runtime::test]
fn read_timer_async_sends_the_result() {
    let timer = send_after(LONG, self_pid(), Tick(1));
    read_timer_async(timer);
    let read: ReadTimer = message();
    assert_eq!(read.timer, timer);
    assert!(read.left.is_some_and(|left| left <= LONG));
    cancel_timer_async(timer);
    let cancelled: CancelTimer = message();
    assert_eq!(cancelled.timer, timer);
    assert!(cancelled.left.is_some_and(|left| left <= LONG));
    cancel_timer_async(timer);
    read_timer_async(timer);
    assert_eq!(message::<CancelTimer>().left, None);
    assert_eq!(message::<ReadTimer>().left, None);
}

/// A name is looked up when the timer is due: the process may get it before or after the timer is
/// set, and lose it again. Meanwhile the timer can be read and cancelled.
#[runtime::test(paused)]
fn registered_process() {
    let census = Census::default();
    let timer = send_after(10 * MS, "timed", Tick(1));
    assert_eq!(read_timer(timer), Some(10 * MS));
    register("timed", self_pid()).expect("a free name");
    assert_eq!(receive_type::<Tick>(), Tick(1));

    send_after(10 * MS, "timed", census.token());
    unregister("timed").expect("a name");
    sleep(20 * MS);
    census.none_is_left();
    nothing();

    let timer = send_after(10 * MS, "timed", census.token());
    assert_eq!(cancel_timer(timer), Some(10 * MS));
    assert_eq!(census.count(), 0);
    register("timed", self_pid()).expect("a free name");
    sleep(20 * MS);
    nothing();

    // It passes to whoever has it next.
    let timer = start_timer(10 * MS, "timed", Tick(2));
    unregister("timed").expect("a name");
    let root = self_pid();
    let (heir, _) = spawn_monitor!(move || {
        let timeout: Timeout<Tick> = receive_type();
        send(root, timeout);
    });
    register("timed", heir).expect("a free name");
    let timeout: Timeout<Tick> = receive_type();
    assert_eq!(timeout.timer, timer);
}

/// What is sent to a name that nobody has, or is left when the node ends, is dropped.
#[test]
fn names_that_nobody_has() {
    let census = Census::default();
    let node = Builder::new().workers(1).start().expect("a node");
    let tokens = census.clone();
    node.run(move || {
        send_after(NOW, "nobody", tokens.token());
        send_after(MS, "nobody", tokens.token());
        until("the drop of what is due", || tokens.count() == 0);
        send_after(LONG, "nobody", tokens.token());
        assert_eq!(tokens.count(), 1);
    });
    drop(node);
    assert_eq!(census.count(), 0);
}

/// Very many timers at one instant all fire, none early.
#[runtime::test]
fn same_time_yielding() {
    same_time(|_, _| {});
}

/// The same with half of them cancelled by the one who set them.
#[runtime::test]
fn same_time_yielding_with_cancel() {
    same_time(|timers, _| cancel(&timers));
}

/// The same with half of them cancelled from another thread.
#[runtime::test]
fn same_time_yielding_with_cancel_other() {
    same_time(|timers, root| {
        let cancels = std::thread::spawn(move || cancel(&timers));
        spawn!(move || {
            until("the end of a thread", || cancels.is_finished());
            send(root, "cancelled");
        });
        assert_eq!(message::<&str>(), "cancelled");
    });
}

/// Cancels every second timer, and says that it was still to come.
fn cancel(timers: &[(TimerRef, Pid)]) {
    for (n, &(timer, root)) in timers.iter().enumerate() {
        if n % 2 == 0 && cancel_timer(timer).is_some() {
            send(root, Gone(timer));
        }
    }
}

/// The timer was cancelled in time.
#[derive(Debug)]
struct Gone(TimerRef);

fn same_time(meanwhile: impl FnOnce(Vec<(TimerRef, Pid)>, Pid)) {
    let count = 50_000;
    let root = self_pid();
    let at = now() + 200 * MS;
    let timers: Vec<_> = (0..count)
        .map(|n| (start_timer(at, root, Tick(n)), root))
        .collect();
    let mut left: std::collections::HashSet<_> = timers.iter().map(|(timer, _)| *timer).collect();
    meanwhile(timers, root);
    while !left.is_empty() {
        let timer = receive! {
            Timeout { timer, message: Tick(_) } => {
                assert!(now() >= at, "early");
                timer
            }
            Gone(timer) => timer,
            after LONG => panic!("{} timers are lost", left.len()),
        };
        assert!(left.remove(&timer), "twice");
    }
    nothing();
}

/// A million at one instant all come, in the order in which they were set.
#[runtime::test(paused)]
fn a_million_at_one_instant() {
    let count = if cfg!(debug_assertions) {
        100_000
    } else {
        1_000_000
    };
    for n in 0..count {
        send_after(3600 * 1000 * MS, self_pid(), n);
    }
    let start = now();
    for n in 0..count {
        assert_eq!(receive_type::<i32>(), n);
    }
    assert_eq!(now() - start, 3600 * 1000 * MS);
}

/// Every kind of message survives the wait: none is moved, copied or dropped.
#[runtime::test]
fn evil_timers() {
    let census = Census::default();
    let text = "a long text ".repeat(1000);
    send_after(
        MS,
        self_pid(),
        (text.clone(), vec![census.token()], [7u64; 100]),
    );
    send_after(MS, self_pid(), ());
    send_after(MS, self_pid(), AnyMessage::new(Opaque(census.token())));
    let (came, tokens, numbers) = message::<(String, Vec<Token>, [u64; 100])>();
    assert_eq!((came, tokens.len(), numbers), (text, 1, [7; 100]));
    message::<()>();
    let opaque: Opaque<Token> = message();
    assert_eq!(census.count(), 2);
    drop((tokens, opaque));
    assert_eq!(census.count(), 0);
}

/// A timer for a process that is dead names nothing, and its message is dropped.
#[runtime::test]
fn to_the_dead() {
    let census = Census::default();
    let dead = spawn!(|| {});
    end_of(dead);
    let timer = send_after(LONG, dead, census.token());
    assert_eq!(census.count(), 0);
    assert_eq!(read_timer(timer), None);
    assert_eq!(cancel_timer(timer), None);
    send_after(NOW, dead, census.token());
    assert_eq!(census.count(), 0);
}

/// The end of its destination cancels a timer: its message is dropped before links and monitors
/// are told, wherever it was set. Whoever has set it may end before.
#[runtime::test]
fn a_dying_destination() {
    let census = Census::default();
    let (target, monitor) = spawn_monitor!(|| receive! { Tick(0) => {} });
    let mut timers: Vec<_> = (0..1000)
        .map(|_| send_after(LONG, target, census.token()))
        .collect();
    // By others, on other workers and outside.
    let root = self_pid();
    for _ in 0..4 {
        let token = census.token();
        spawn!(move || send(root, send_after(LONG, target, token)));
    }
    timers.extend((0..4).map(|_| message::<TimerRef>()));
    let token = census.token();
    let outside = std::thread::spawn(move || send_after(LONG, target, token));
    timers.push(outside.join().expect("a thread"));
    let survivor = send_after(LONG, root, census.token());
    assert_eq!(census.count(), 1006);
    send(target, Tick(0));
    receive! { Down { monitor: m, .. } if m == monitor => {} }
    assert_eq!(census.count(), 1);
    for timer in timers {
        assert_eq!(read_timer(timer), None);
    }
    assert!(cancel_timer(survivor).is_some());
}

/// A timer may be set, and cancelled, on a thread that is no process.
#[test]
fn from_outside() {
    let root = runtime::run(|| {
        spawn!(|| {
            let (back, Tick(n)): (Back, Tick) = receive_type();
            back.0.send(n).expect("somebody waits");
        })
    });
    let (sender, receiver) = std::sync::mpsc::channel();
    let never = send_after(LONG, root, Tick(1));
    assert!(read_timer(never).is_some_and(|left| left <= LONG));
    send_after(5 * MS, root, (Back(sender), Tick(7)));
    assert_eq!(receiver.recv_timeout(LONG), Ok(7));
    until("the end of the process", || !is_process_alive(root));
    until("the end of its timer", || read_timer(never).is_none());
    let timer = send_after(LONG, "nobody", Tick(1));
    assert!(cancel_timer(timer).is_some());
}

/// The way back to a thread.
#[derive(Debug)]
struct Back(std::sync::mpsc::Sender<u32>);

/// A timer that is set from outside is not missed by a node that sleeps, or sleeps longer.
#[test]
fn from_outside_while_the_node_sleeps() {
    let node = Builder::new().workers(2).start().expect("a node");
    for round in 0..20u32 {
        let (sender, receiver) = std::sync::mpsc::channel();
        let pid = node.run(move || {
            spawn!(move || {
                send_after(LONG, self_pid(), Tick(0));
                let Tick(n) = receive_type();
                let _ = sender.send(n);
            })
        });
        send_after(round % 4 * MS, pid, Tick(round));
        assert_eq!(receiver.recv_timeout(LONG / 2), Ok(round));
    }
}

/// A process that is about to end of a fatal exit sets and cancels no timers any more.
#[runtime::test]
fn after_a_fatal_exit() {
    let root = self_pid();
    let kept = send_after(LONG, root, Tick(1));
    let (pid, monitor) = spawn_monitor!(move || {
        let _on_drop = expect::OnDrop(move || {
            send_after(NOW, root, Tick(2));
            send_after(MS, root, Tick(3));
            assert_eq!(cancel_timer(kept), None);
        });
        receive_any();
    });
    exit_signal(pid, ExitReason::Shutdown);
    receive! { Down { monitor: m, .. } if m == monitor => {} }
    assert!(cancel_timer(kept).is_some());
    nothing();
}

/// A destructor that panics, when its message is dropped by a timer, harms nobody.
#[runtime::test]
fn destructors_that_panic() {
    let bomb = || Opaque(expect::OnDrop(|| panic!("on purpose")));
    let timer = send_after(LONG, self_pid(), bomb());
    assert!(cancel_timer(timer).is_some());
    send_after(MS, "nobody", bomb());
    let pid = sink();
    send_after(LONG, pid, bomb());
    send(pid, Tick(0));
    end_of(pid);
    send_after(5 * MS, self_pid(), Tick(1));
    assert_eq!(message::<Tick>(), Tick(1));
}

/// What a destructor does that a timer runs, to other timers or processes, is done.
#[runtime::test(workers = 1)]
fn destructors_that_act() {
    let root = self_pid();
    let act = expect::OnDrop(move || {
        send(root, Tick(1));
        send_after(MS, root, Tick(2));
        let timer = send_after(LONG, root, Tick(3));
        assert!(cancel_timer(timer).is_some());
        spawn!(move || send(root, Tick(4)));
    });
    send_after(MS, "nobody", Opaque(act));
    let mut came: Vec<_> = (0..3).map(|_| message::<Tick>().0).collect();
    came.sort_unstable();
    assert_eq!(came, [1, 2, 4]);
}

/// A timer's message is subject to the limit of the mailbox that it goes to, as any other.
#[runtime::test(paused)]
fn a_mailbox_with_a_limit() {
    let census = Census::default();
    let pid = Spawn::new()
        .mailbox_limit(2, AtLimit::DropNewest)
        .spawn(|| {
            sleep(1000 * MS);
            let mut count = 0u32;
            while receive! { _: Token => true, after NOW => false } {
                count += 1;
            }
            let root = receive! { pid: Pid => pid };
            send(root, count);
        })
        .expect("a process")
        .pid;
    for _ in 0..5 {
        send_after(10 * MS, pid, census.token());
    }
    sleep(20 * MS);
    assert_eq!(census.count(), 2);
    sleep(2000 * MS);
    send(pid, self_pid());
    assert_eq!(message::<u32>(), 2);
}

/// The end of a process takes its own timers back and nobody else's, however many processes there are beside the
/// timers, and however many timers each has.
#[runtime::test]
fn timers_of_many_processes() {
    let census = Census::default();
    let pids: Vec<Pid> = (0..3000).map(|_| sink()).collect();
    // First few timers among many processes, then many.
    for (step, each) in [(64, 1), (32, 3), (1, 2)] {
        let chosen: Vec<Pid> = pids.iter().copied().step_by(step).collect();
        let chosen: Vec<Pid> = chosen
            .into_iter()
            .filter(|&pid| is_process_alive(pid))
            .collect();
        let set = |&pid: &Pid| {
            let timers = (0..each).map(|_| send_after(LONG, pid, census.token()));
            (pid, timers.collect::<Vec<_>>())
        };
        let timers: Vec<(Pid, Vec<TimerRef>)> = chosen.iter().map(set).collect();
        for (n, (pid, timers)) in timers.iter().enumerate() {
            match n % 3 {
                0 => {
                    send(*pid, Tick(0));
                    end_of(*pid);
                }
                1 => assert!(cancel_timer(timers[0]).is_some()),
                _ => {}
            }
        }
        for (n, (_, timers)) in timers.iter().enumerate() {
            for (at, timer) in timers.iter().enumerate() {
                let stands = n % 3 == 2 || (n % 3 == 1 && at > 0);
                assert_eq!(read_timer(*timer).is_some(), stands, "{n}, {at}");
                cancel_timer(*timer);
            }
        }
        assert_eq!(census.count(), 0, "messages are left");
    }
}
