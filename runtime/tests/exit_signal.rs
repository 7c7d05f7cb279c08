//! Exit signals: trapped, ignored, fatal, swallowed; kills.

mod expect;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use expect::{Census, LONG, NOW, OnDrop, alone, echo, end_of, is_well, message, nothing, until};
use runtime::prelude::*;
use runtime::{
    AliasMode, Exit, alias_priority, exit_signal, process_info, read_timer, send_priority,
    trap_exit,
};

#[derive(Debug)]
struct Ready(Pid);

/// A signal with any reason but `Normal` ends a process that does not trap exits, in
/// whatever it waits.
#[runtime::test]
fn wherever_it_waits() {
    struct Idle;
    impl Behaviour for Idle {
        fn wake(&mut self, _: &mut Cx<'_>) -> Next {
            Next::Wait(Until::Forever)
        }
    }
    let waiting = [
        spawn!(|| drop(receive_any())),
        spawn!(|| drop(receive_timeout(Duration::from_secs(3600)))),
        spawn!(|| sleep(Duration::from_secs(3600))),
        spawn!(|| sleep(Duration::MAX)),
        spawn!(|| loop {
            tick();
        }),
        spawn!(|| loop {
            yield_now();
        }),
        spawn!(|| hibernate(|| {})),
        Spawn::new().behaviour(Idle).unwrap().pid,
        Spawn::new().receive_loop(|_| Flow::Continue).unwrap().pid,
        spawn!(|| drop(runtime::drive(&mut Idle))),
    ];
    for pid in waiting {
        exit_signal(pid, ExitReason::Normal);
    }
    for pid in waiting {
        // `Normal` is ignored: it must still be there when the next signal comes.
        assert!(is_process_alive(pid));
        exit_signal(pid, ExitReason::Shutdown);
        end_of(pid);
    }
}

/// `Normal` does not end a process that does not trap exits, not even when it sends it to
/// itself.
#[runtime::test]
fn normal_is_ignored() {
    exit_signal(self_pid(), ExitReason::Normal);
    yield_now();
    nothing();
}

/// A process that traps exits receives signals as messages, in their order among the
/// messages of the same sender; `Normal` too.
#[runtime::test]
fn trapped_signals_keep_the_order() {
    assert!(!trap_exit(true));
    assert!(trap_exit(true));
    let root = self_pid();
    let sender = spawn!(move || {
        for n in 0..100u32 {
            send(root, n);
            let reason = match n % 3 {
                0 => ExitReason::Normal,
                1 => ExitReason::Shutdown,
                _ => ExitReason::other(n),
            };
            exit_signal(root, reason);
        }
    });
    for n in 0..100u32 {
        let Some(number) = receive_timeout(LONG) else {
            panic!("no message");
        };
        assert_eq!(number.downcast::<u32>().unwrap(), n);
        let Some(signal) = receive_timeout(LONG) else {
            panic!("no signal");
        };
        let signal = signal.downcast::<Exit>().unwrap();
        assert_eq!(signal.from, Some(sender));
        let reason = match n % 3 {
            0 => ExitReason::Normal,
            1 => ExitReason::Shutdown,
            _ => ExitReason::other(n),
        };
        assert_eq!(signal.reason, reason);
    }
}

/// A signal from a thread that is no process comes from nobody.
#[runtime::test]
fn a_signal_from_outside() {
    trap_exit(true);
    let root = self_pid();
    std::thread::spawn(move || exit_signal(root, ExitReason::Shutdown));
    let signal = message::<Exit>();
    assert_eq!((signal.from, signal.reason), (None, ExitReason::Shutdown));
}

/// A kill cannot be trapped, and from the moment it is sent the process counts as dead.
#[runtime::test]
fn a_kill() {
    let root = self_pid();
    let census = Census::default();
    for n in 0..1000u32 {
        let token = census.token();
        let pid = spawn!(move || {
            let _token = token;
            trap_exit(true);
            send(root, n);
            loop {
                receive! { _: Exit => send(root, "trapped") }
            }
        });
        assert_eq!(message::<u32>(), n);
        exit_signal(pid, ExitReason::Kill);
        assert!(!is_process_alive(pid));
    }
    census.none_is_left();
    nothing();
}

/// `exit(Kill)` ends the process that calls it, and only a kill signal cannot be caught.
#[runtime::test]
fn exit_with_kill_is_an_exit() {
    assert!(catch_unwind(|| exit(ExitReason::Kill)).is_err());
    yield_now();
    assert!(is_process_alive(self_pid()));
}

/// A process that is killed before it ever ran does not run.
#[runtime::test(workers = 1)]
fn killed_unborn() {
    let ran = Arc::new(AtomicU32::new(0));
    let census = Census::default();
    let pids: Vec<Pid> = (0..100)
        .map(|_| {
            let (ran, token) = (Arc::clone(&ran), census.token());
            spawn!(move || {
                let _token = token;
                ran.fetch_add(1, Ordering::AcqRel);
            })
        })
        .collect();
    // The caller has not switched since: the newborn wait behind it.
    for &pid in &pids {
        exit_signal(pid, ExitReason::Kill);
    }
    pids.into_iter().for_each(end_of);
    census.none_is_left();
    assert_eq!(ran.load(Ordering::Acquire), 0);
}

/// A signal to the dead is lost, and so is one to the never-born next of its slot.
#[runtime::test]
fn a_signal_to_the_dead() {
    let dead = spawn!(|| {});
    end_of(dead);
    let living: Vec<Pid> = (0..64).map(|_| echo()).collect();
    for _ in 0..100 {
        exit_signal(dead, ExitReason::Kill);
        exit_signal(dead, ExitReason::Shutdown);
    }
    living.into_iter().for_each(is_well);
}

/// What a destructor does with the reason of a signal happens in the process that ends, not
/// in its sender.
#[runtime::test]
fn a_reason_is_dropped_by_its_receiver() {
    #[derive(Debug)]
    struct Loud(Arc<std::sync::Mutex<Vec<Option<Pid>>>>);
    impl PartialEq for Loud {
        fn eq(&self, _: &Loud) -> bool {
            true
        }
    }
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(runtime::try_self_pid());
        }
    }
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let pid = echo();
    is_well(pid);
    exit_signal(pid, ExitReason::other(Loud(Arc::clone(&log))));
    end_of(pid);
    until("the drop of the reason", || !log.lock().unwrap().is_empty());
    assert_eq!(*log.lock().unwrap(), [Some(pid)]);
}

/// Who swallows a fatal signal again and again gives others their turn.
#[test]
fn swallowed_without_end() {
    const TOO_OFTEN: usize = 20_000;
    alone(|| {
        let (caught, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, told) = (Arc::clone(&caught), Arc::clone(&stop));
        let pid = spawn!(move || {
            while !told.load(Ordering::Acquire) && count.load(Ordering::Acquire) < TOO_OFTEN {
                assert!(catch_unwind(receive_any).is_err());
                count.fetch_add(1, Ordering::AcqRel);
            }
        });
        yield_now();
        exit_signal(pid, ExitReason::Shutdown);
        for _ in 0..5 {
            yield_now();
        }
        stop.store(true, Ordering::Release);
        end_of(pid);
        let caught = caught.load(Ordering::Acquire);
        assert!(caught > 5 && caught < TOO_OFTEN, "{caught}");
    });
}

/// A fatal signal that is swallowed by a `catch_unwind` is raised again at every later switch
/// point, until the process is gone.
#[runtime::test]
fn a_swallowed_signal_is_raised_again() {
    let root = self_pid();
    let raised = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&raised);
    let pid = spawn!(move || {
        send(root, Ready(self_pid()));
        let swallow = |f: &mut dyn FnMut()| {
            if catch_unwind(AssertUnwindSafe(f)).is_err() {
                count.fetch_add(1, Ordering::AcqRel);
            }
        };
        swallow(&mut || drop(receive_any()));
        swallow(&mut || drop(receive_any()));
        swallow(&mut || drop(receive_timeout(NOW)));
        swallow(&mut || sleep(Duration::from_millis(1)));
        swallow(&mut || sleep(NOW));
        swallow(&mut yield_now);
        swallow(&mut || {
            for _ in 0..10_000_000 {
                tick();
            }
        });
        swallow(&mut || hibernate(|| {}));
        // No switch points: these raise nothing.
        swallow(&mut || send(root, "too late"));
        swallow(&mut || _ = spawn!(|| {}));
    });
    assert_eq!(message::<Ready>().0, pid);
    exit_signal(pid, ExitReason::Shutdown);
    end_of(pid);
    assert_eq!(raised.load(Ordering::Acquire), 8);
    nothing();
}

/// What a process sends after its fatal signal is dropped, in its destructors too; its
/// destructors may block nevertheless.
#[runtime::test]
fn sends_after_a_fatal_signal_are_dropped() {
    let root = self_pid();
    let census = Census::default();
    let token = census.token();
    let pid = spawn!(move || {
        let _token = token;
        let _last = OnDrop(move || {
            send(root, "from a destructor");
            sleep(Duration::from_millis(1));
            send(root, "from a destructor that slept");
        });
        send(root, Ready(self_pid()));
        let _ = catch_unwind(receive_any);
        send(root, "swallowed");
    });
    assert_eq!(message::<Ready>().0, pid);
    exit_signal(pid, ExitReason::Kill);
    census.none_is_left();
    end_of(pid);
    nothing();
}

/// A destructor that runs because of a fatal signal receives what is sent to it, and may give
/// up waiting.
#[runtime::test]
fn a_destructor_receives_while_it_is_ended() {
    let root = self_pid();
    let heard = Arc::new(AtomicU32::new(0));
    let (sum, census) = (Arc::clone(&heard), Census::default());
    let token = census.token();
    let entered = Arc::new(AtomicBool::new(false));
    let is_in = Arc::clone(&entered);
    let pid = spawn!(move || {
        let _token = token;
        let _last = OnDrop(move || {
            is_in.store(true, Ordering::Release);
            for _ in 0..3 {
                receive! { n: u32 => _ = sum.fetch_add(n, Ordering::AcqRel) }
            }
            receive! { _: u64 => {}, after Duration::from_millis(5) => {} }
        });
        send(root, Ready(self_pid()));
        receive_any();
    });
    assert_eq!(message::<Ready>().0, pid);
    exit_signal(pid, ExitReason::Shutdown);
    until("the destructor's begin", || entered.load(Ordering::Acquire));
    for n in [1u32, 10, 100] {
        sleep(Duration::from_millis(1));
        send(pid, n);
    }
    census.none_is_left();
    assert_eq!(heard.load(Ordering::Acquire), 111);
}

/// Of two fatal signals the first counts; the second changes nothing.
#[runtime::test]
fn a_second_signal_while_unwinding() {
    let root = self_pid();
    let census = Census::default();
    let token = census.token();
    let (entered, leave) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (is_in, may_leave) = (Arc::clone(&entered), Arc::clone(&leave));
    let pid = spawn!(move || {
        let _token = token;
        let _last = OnDrop(move || {
            is_in.store(true, Ordering::Release);
            until("the word to leave", || may_leave.load(Ordering::Acquire));
        });
        send(root, Ready(self_pid()));
        receive_any();
    });
    assert_eq!(message::<Ready>().0, pid);
    exit_signal(pid, ExitReason::Shutdown);
    until("the destructor's begin", || entered.load(Ordering::Acquire));
    exit_signal(pid, ExitReason::other("again"));
    exit_signal(pid, ExitReason::Kill);
    assert_eq!(census.count(), 1);
    leave.store(true, Ordering::Release);
    census.none_is_left();
}

/// The messages that were sent before the fatal signal may be received still, those after
/// it may not.
#[runtime::test(workers = 1)]
fn no_message_overtakes_a_signal() {
    let seen = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&seen);
    let pid = spawn!(move || loop {
        receive! { n: u32 => count.store(n, Ordering::Release) }
    });
    yield_now();
    send(pid, 1u32);
    exit_signal(pid, ExitReason::Shutdown);
    send(pid, 2u32);
    end_of(pid);
    assert!(seen.load(Ordering::Acquire) < 2);
}

/// What meets a kill in the same instant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Other {
    Message,
    Alias,
    Priority,
    Normal,
    Fatal,
    Kill,
    Link,
    Unlink,
    Monitor,
    Demonitor,
    Timer,
    Question,
    Name,
}

#[derive(Clone, Debug)]
struct Meeting {
    victim: Pid,
    alias: Ref,
    other: Other,
    here: Arc<AtomicUsize>,
}

impl Meeting {
    /// Returns on both threads at one time.
    fn meet(&self) {
        self.here.fetch_add(1, Ordering::AcqRel);
        while self.here.load(Ordering::Acquire) < 2 {
            std::hint::spin_loop();
        }
    }

    /// Sends the other signal, and checks what comes of it.
    fn act(&self) {
        let &Meeting { victim, alias, .. } = self;
        let is_its_end =
            |reason: &ExitReason| matches!(reason, ExitReason::Killed | ExitReason::NoProc);
        match self.other {
            Other::Message => send(victim, 1u32),
            Other::Alias => send(alias, 1u32),
            Other::Priority => send_priority(alias, 1u32),
            Other::Normal => exit_signal(victim, ExitReason::Normal),
            Other::Fatal => exit_signal(victim, ExitReason::Shutdown),
            Other::Kill => exit_signal(victim, ExitReason::Kill),
            Other::Link => {
                link(victim);
                let exit: Exit = message();
                assert_eq!(exit.from, Some(victim));
                assert!(is_its_end(&exit.reason), "{exit:?}");
            }
            Other::Unlink => {
                link(victim);
                unlink(victim);
                receive! { exit: Exit => assert!(is_its_end(&exit.reason)), after NOW => {} }
            }
            Other::Monitor => {
                let watched = monitor(victim);
                let down: Down = message();
                assert_eq!(down.monitor, watched);
                assert!(is_its_end(&down.reason), "{down:?}");
            }
            Other::Demonitor => {
                let watched = monitor(victim);
                let stood = demonitor(watched);
                let came = receive! {
                    Down { monitor, .. } => monitor == watched,
                    after NOW => false,
                };
                assert_ne!(stood, came);
            }
            Other::Timer => {
                send_after(NOW, victim, 1u32);
                let timer = send_after(LONG, victim, 2u32);
                end_of(victim);
                until("the end of its timer", || read_timer(timer).is_none());
            }
            Other::Question => {
                if let Some(info) = process_info(victim) {
                    assert_eq!(info.pid, victim);
                }
                is_process_alive(victim);
            }
            Other::Name => {
                let _ = register("the victim", victim);
                let watched = monitor(victim);
                let down: Down = message();
                assert_eq!(down.monitor, watched);
                register("the victim", self_pid()).expect("it is free");
                unregister("the victim").expect("it is this process's");
            }
        }
    }
}

/// A kill that meets any other signal in the same instant ends its victim with `Killed`, or with the fatal
/// reason that came first; whoever is owed an answer has one, and nothing else comes.
#[runtime::test(workers = 2)]
fn a_kill_meets_every_other_signal() {
    let root = self_pid();
    let kills = Spawn::new().link().own_thread().spawn(move || {
        loop {
            let meeting: Meeting = receive_type();
            meeting.meet();
            exit_signal(meeting.victim, ExitReason::Kill);
            assert!(!is_process_alive(meeting.victim));
            send(root, "killed");
        }
    });
    let acts = Spawn::new().link().own_thread().spawn(move || {
        trap_exit(true);
        loop {
            let meeting: Meeting = receive_type();
            meeting.meet();
            meeting.act();
            end_of(meeting.victim);
            nothing();
            send(root, "done");
        }
    });
    let (kills, acts) = (kills.unwrap().pid, acts.unwrap().pid);
    let all = [
        Other::Message,
        Other::Alias,
        Other::Priority,
        Other::Normal,
        Other::Fatal,
        Other::Kill,
        Other::Link,
        Other::Unlink,
        Other::Monitor,
        Other::Demonitor,
        Other::Timer,
        Other::Question,
        Other::Name,
    ];
    for round in 0..all.len() * 6 * 20 {
        let other = all[round % all.len()];
        let (traps, state) = ((round / all.len()).is_multiple_of(2), round / all.len() % 3);
        let begin = move || {
            trap_exit(traps);
            send(root, alias_priority(AliasMode::ExplicitUnalias));
        };
        let victim = Spawn::new().monitor();
        let victim = match state {
            0 => victim.spawn(move || {
                begin();
                loop {
                    receive_any();
                }
            }),
            1 => victim.spawn(move || {
                begin();
                loop {
                    receive! { _ => {}, after NOW => tick() }
                }
            }),
            _ => victim.receive_loop(move |mail| {
                if mail.is::<&str>() {
                    begin();
                }
                Flow::Continue
            }),
        };
        let victim = victim.unwrap();
        send(victim.pid, "begin");
        let meeting = Meeting {
            victim: victim.pid,
            alias: message(),
            other,
            here: Arc::default(),
        };
        send(kills, meeting.clone());
        send(acts, meeting);
        let mut told = [message::<&str>(), message()];
        told.sort_unstable();
        assert_eq!(told, ["done", "killed"]);
        let down: Down = message();
        assert_eq!(Some(down.monitor), victim.monitor);
        let first = other == Other::Fatal && !traps && down.reason == ExitReason::Shutdown;
        assert!(
            first || down.reason == ExitReason::Killed,
            "{other:?}: {down:?}"
        );
        nothing();
    }
    for pid in [kills, acts] {
        unlink(pid);
        exit_signal(pid, ExitReason::Kill);
    }
}
