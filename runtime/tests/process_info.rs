//! `process_info`, `is_process_alive` and their kin, after `process_SUITE` and `bif_SUITE`.

mod expect;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use expect::until;
use runtime::prelude::*;
use runtime::{
    AtLimit, Look, Monitored, ProcessInfo, Status, alias, dictionary, label, process_info,
    processes, set_label, set_priority,
};

fn info(pid: Pid) -> ProcessInfo {
    process_info(pid).unwrap()
}

fn texts(info: &ProcessInfo) -> Vec<&str> {
    info.messages
        .iter()
        .flatten()
        .map(|shown| shown.text.as_str())
        .collect()
}

fn waits() {
    receive! { "end": &str => {} }
}

fn stop(pid: Pid) {
    let watched = monitor(pid);
    send(pid, "end");
    receive! { Down { monitor, .. } if monitor == watched => {} }
}

/// Shows who asks its `Debug`.
struct Context;

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", runtime::try_self_pid())
    }
}

/// Mirrors `t_process_info`: name, status, defaults; of the dead there is nothing.
#[runtime::test]
fn a_function_has_its_name_however_it_was_spawned() {
    let children = [
        spawn!(waits),
        spawn_link!(waits),
        spawn_monitor!(waits).0,
        Spawn::new().spawn(waits).unwrap().pid,
    ];
    for child in children {
        let name = std::any::type_name_of_val(&waits);
        until("it waits", || info(child).status == Status::Waiting);
        assert_eq!(info(child).function, Some(name));
        stop(child);
    }
}

#[runtime::test]
fn t_process_info() {
    let child = spawn!(waits);
    until("it waits", || info(child).status == Status::Waiting);
    let seen = info(child);
    assert!(!seen.stale);
    assert_eq!((seen.pid, seen.message_queue_len), (child, 0));
    assert_eq!((seen.registered_name, seen.label), (None, None));
    assert_eq!((seen.trap_exit, seen.priority), (false, Priority::Normal));
    assert_eq!((seen.mailbox_limit, seen.time_left), (None, None));
    assert_eq!(seen.parent, Some(self_pid()));
    assert!(seen.spawned_at.unwrap().file().ends_with("process_info.rs"));
    assert!(seen.reductions > 0 && seen.stack_size > 0);
    assert!(seen.messages.is_none() && seen.dictionary.is_none() && seen.backtrace.is_none());
    assert_eq!(info(self_pid()).status, Status::Running);

    register("looked at", child).unwrap();
    assert_eq!(info(child).registered_name.unwrap().as_str(), "looked at");
    stop(child);
    assert!(process_info(child).is_none());
    assert!(Look::new().messages(1).at(child).is_none());
    assert!(!is_process_alive(child));
}

/// Mirrors `process_info_smoke_all`: everything at once, of a process that has a lot.
#[runtime::test]
fn process_info_smoke_all() {
    runtime::process_local! {
        static COUNTER: Cell<u8> = const { Cell::new(0) };
    }
    let me = self_pid();
    let spawned = Spawn::new()
        .label("loaded")
        .priority(Priority::High)
        .mailbox_limit(100, AtLimit::DropNewest)
        .stack_size(1 << 19)
        .monitor()
        .link()
        .spawn(move || {
            trap_exit(true);
            monitor(me);
            monitor("nobody");
            alias(runtime::AliasMode::Reply);
            COUNTER.with(|counter| counter.set(1));
            dictionary::put("depth", 3u8);
            send(me, "ready");
            receive! { "end": &str => {}, after Duration::from_secs(3600) => {} }
        })
        .unwrap();
    assert_eq!(receive_type::<&str>(), "ready");
    send(spawned.pid, 1u32);
    send(spawned.pid, "two");
    let look = Look::new().messages(2).dictionary().backtrace();
    let seen = look.at(spawned.pid).unwrap();
    // The third is the `Down` of nobody.
    assert_eq!(seen.message_queue_len, 3);
    let messages = seen.messages.as_ref().unwrap();
    assert_eq!(messages.len(), 2);
    assert!(messages[0].type_name.ends_with("Down"));
    assert_eq!(
        (messages[1].type_name, messages[1].text.as_str()),
        ("u32", "1")
    );
    assert_eq!(seen.dictionary.unwrap()[0].0, "depth");
    assert!(
        seen.locals
            .unwrap()
            .iter()
            .any(|name| name.ends_with("Cell<u8>"))
    );
    assert_eq!(seen.links, [me]);
    assert_eq!(seen.monitored_by, [me]);
    assert_eq!(seen.monitors, [Monitored::Pid(me)]);
    assert_eq!((seen.trap_exit, seen.priority), (true, Priority::High));
    assert_eq!(seen.label.as_deref(), Some("loaded"));
    assert_eq!((seen.mailbox_limit, seen.parent), (Some(100), Some(me)));
    assert_eq!(seen.stack_size, 1 << 19);
    let used = seen.stack_used.unwrap();
    assert!(used > 0 && used < 1 << 19, "{used}");
    assert!(seen.time_left.unwrap() <= Duration::from_secs(3600));
    let backtrace = seen.backtrace.unwrap().to_string();
    assert!(backtrace.contains("tests/process_info.rs"), "{backtrace}");
    stop(spawned.pid);
}

/// A backtrace begins with the runtime's function that the process waits in, and goes on with the process's own: the
/// frames of the look and of the scheduler are shown to who asks for them.
#[runtime::test]
fn a_backtrace_is_of_the_process_alone() {
    #[inline(never)]
    fn naps() {
        runtime::sleep(Duration::from_secs(3600));
        std::hint::black_box(());
    }
    let child = spawn!(naps);
    until("it sleeps", || info(child).status == Status::Waiting);
    let seen = Look::new().backtrace().at(child).unwrap();
    let backtrace = seen.backtrace.unwrap();
    let shown = backtrace.to_string();
    let names: Vec<&str> = shown
        .lines()
        .filter_map(|line| Some(line.split_once(": ")?.1))
        .collect();
    assert!(names[0].ends_with("sleep"), "{shown}");
    assert!(names[1].ends_with("naps"), "{shown}");
    assert!(!shown.contains("call_body"), "{shown}");
    assert!(format!("{backtrace:#}").contains("call_body"));
    exit_signal(child, ExitReason::Kill);
}

/// Mirrors `process_info_messages`: all messages, in order, the priority messages first; cut where
/// it was asked for; and they are all still there.
#[runtime::test]
fn process_info_messages() {
    let me = self_pid();
    let child = spawn!(move || {
        let urgent = runtime::alias_priority(runtime::AliasMode::ExplicitUnalias);
        send(me, urgent);
        receive! { "collect": &str => {} }
        for n in [100u32, 101].into_iter().chain(0..100) {
            assert_eq!(receive_type::<u32>(), n);
        }
        send(me, "all");
    });
    let urgent: Ref = receive_type();
    for n in 0..100u32 {
        send(child, n);
    }
    runtime::send_priority(urgent, 100u32);
    runtime::send_priority(urgent, 101u32);
    let seen = Look::new().messages(usize::MAX).at(child).unwrap();
    assert_eq!(seen.message_queue_len, 102);
    let expected = [100, 101]
        .into_iter()
        .chain(0..100)
        .map(|n: u32| n.to_string());
    assert_eq!(texts(&seen), expected.collect::<Vec<_>>());
    let few = Look::new().messages(3).at(child).unwrap();
    assert_eq!((few.message_queue_len, texts(&few).len()), (102, 3));
    send(child, "collect");
    assert_eq!(receive_type::<&str>(), "all");
}

/// A message's `Debug` runs in the process that has it, on a stack, at rest, and in the middle of
/// its work; one that panics, receives or looks shows what `Shown` does, and harms nobody.
#[runtime::test]
fn debug_runs_in_its_own_process() {
    struct Odd(u8);
    impl fmt::Debug for Odd {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.0 {
                0 => panic!("no Debug"),
                1 => _ = receive_any(),
                2 => sleep(Duration::from_millis(1)),
                _ => {
                    send(self_pid(), 'x');
                    let own = Look::new().messages(9).at(self_pid()).unwrap();
                    write!(
                        f,
                        "{} {}",
                        own.messages.is_none(),
                        is_process_alive(self_pid())
                    )?;
                }
            }
            Ok(())
        }
    }
    let rest = |mail: AnyMessage| {
        if mail.is::<&str>() {
            Flow::Exit(ExitReason::Normal)
        } else {
            Flow::Continue
        }
    };
    let at_rest = Spawn::new().receive_loop(rest).unwrap().pid;
    let busy = || loop {
        receive! { "end": &str => return, after Duration::ZERO => yield_now() }
    };
    let shown = |pid: Pid| {
        send(pid, Context);
        for n in 0..4 {
            send(pid, Odd(n));
        }
        let seen = Look::new().messages(10).at(pid).unwrap();
        // Panics may take their time to be reported: then the look has been given up.
        if seen.stale {
            exit_signal(pid, ExitReason::Kill);
            return false;
        }
        let texts = texts(&seen);
        assert_eq!(texts[0], format!("{:?}", Some(pid)));
        assert!(
            texts[1..4]
                .iter()
                .all(|text| text.contains("its Debug panicked")),
            "{texts:?}"
        );
        assert_eq!(texts[4], "true true");
        let length = info(pid).message_queue_len;
        assert_eq!(length, 6, "one was sent by a Debug");
        stop(pid);
        true
    };
    while !shown(spawn!(waits)) {}
    while !shown(spawn!(busy)) {}
    assert_eq!(
        texts(&Look::new().messages(1).at(at_rest).unwrap()),
        [""; 0]
    );
    send(self_pid(), Context);
    let me = self_pid();
    let own = Look::new().messages(1).at(me).unwrap();
    assert_eq!(texts(&own), [format!("{:?}", Some(me))]);
    stop(at_rest);
}

/// A behaviour that waits is not called for a look, its time-out stands, and its mail is shown.
#[runtime::test]
fn at_rest() {
    struct Sleeper(Arc<AtomicU32>, bool);
    impl Behaviour for Sleeper {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            self.0.fetch_add(1, Ordering::Relaxed);
            if cx.mail_where(|mail| mail.is::<&str>()).is_some() {
                return Next::Exit(ExitReason::Normal);
            }
            let until = Until::After(Duration::from_secs(3600));
            if self.1 {
                Next::Hibernate(until)
            } else {
                Next::Wait(until)
            }
        }
    }
    for hibernates in [false, true] {
        let wakes = Arc::new(AtomicU32::new(0));
        let sleeper = Sleeper(wakes.clone(), hibernates);
        let pid = Spawn::new().behaviour(sleeper).unwrap().pid;
        let expected = if hibernates {
            Status::Hibernated
        } else {
            Status::AtRest
        };
        until("it rests", || info(pid).status == expected);
        let before = wakes.load(Ordering::Relaxed);
        let mut left = Duration::from_secs(3600);
        for _ in 0..10 {
            let seen = Look::new()
                .messages(5)
                .dictionary()
                .backtrace()
                .at(pid)
                .unwrap();
            assert_eq!(
                (seen.status, seen.function),
                (expected, Some(std::any::type_name::<Sleeper>()))
            );
            assert!(seen.backtrace.is_none() && seen.stack_used.is_none());
            assert_eq!(seen.messages.unwrap().len(), 0);
            let now_left = seen.time_left.unwrap();
            assert!(now_left <= left, "{now_left:?} {left:?}");
            left = now_left;
        }
        assert_eq!(wakes.load(Ordering::Relaxed), before);
        if !hibernates {
            send(pid, Context);
            until("it has looked", || {
                wakes.load(Ordering::Relaxed) > before && info(pid).status == expected
            });
            let before = wakes.load(Ordering::Relaxed);
            let seen = Look::new().messages(5).at(pid).unwrap();
            assert_eq!(texts(&seen), [format!("{:?}", Some(pid))]);
            assert_eq!(wakes.load(Ordering::Relaxed), before);
        }
        stop(pid);
    }
}

/// An answer that comes when a behaviour has given up and rests wakes it neither then, nor for the signals
/// that come after it.
#[runtime::test]
fn a_late_answer_wakes_nobody() {
    struct Asker(Pid, Pid, u32);
    impl Behaviour for Asker {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            let cause = cx.cause();
            if cause.start {
                assert!(info(self.1).stale);
                send(self.0, "given up");
            } else if let Some(mail) = cx.mail() {
                send(self.0, self.2);
                return if mail.is::<&str>() {
                    Next::Exit(ExitReason::Normal)
                } else {
                    Next::Wait(Until::Forever)
                };
            } else {
                self.2 += 1;
            }
            Next::Wait(Until::Forever)
        }
    }
    let me = self_pid();
    let free = Arc::new(AtomicBool::new(false));
    let on = free.clone();
    let hog = Spawn::new().own_thread().spawn(move || {
        send(me, "runs");
        while !on.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        yield_now();
        send(me, "answered");
    });
    let asker = Asker(me, hog.unwrap().pid, 0);
    receive! { "runs": &str => {} }
    let asker = Spawn::new().behaviour(asker).unwrap().pid;
    receive! { "given up": &str => {} }
    until("it rests", || info(asker).status == Status::AtRest);
    free.store(true, Ordering::Relaxed);
    receive! { "answered": &str => {} }
    for _ in 0..10 {
        link(asker);
        unlink(asker);
        info(asker);
    }
    send(asker, "end");
    assert_eq!(receive_type::<u32>(), 0, "wakes for nothing");
}

/// A look at a process that waits with a time-out does not hide the time-out.
#[runtime::test]
fn time_out_during_looks() {
    let me = self_pid();
    let on_stack = spawn!(move || {
        receive! { "end": &str => {}, after Duration::from_millis(30) => send(me, 1u32) }
    });
    struct Timed(Pid);
    impl Behaviour for Timed {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            if cx.cause().timeout {
                send(self.0, 2u32);
                return Next::Exit(ExitReason::Normal);
            }
            assert!(cx.cause().start);
            Next::Wait(Until::After(Duration::from_millis(30)))
        }
    }
    let at_rest = Spawn::new().behaviour(Timed(me)).unwrap().pid;
    let look = Look::new().messages(1).backtrace();
    while look.at(on_stack).is_some() | look.at(at_rest).is_some() {}
    let mut told = [receive_type::<u32>(), receive_type()];
    told.sort();
    assert_eq!(told, [1, 2]);
}

/// Mirrors `is_process_alive`: after a kill the answer is no, under full load.
#[runtime::test]
fn is_process_alive_() {
    let load: Vec<Pid> = (0..8)
        .map(|_| {
            spawn!(|| loop {
                runtime::tick();
            })
        })
        .collect();
    for _ in 0..200 {
        let child = spawn!(waits);
        exit_signal(child, ExitReason::Kill);
        assert!(!is_process_alive(child));
        assert!(process_info(child).is_none());
    }
    for pid in load {
        exit_signal(pid, ExitReason::Kill);
    }
}

/// Mirrors `is_process_alive_signal_from`: as after a kill, so after any other exit signal, also if
/// the process ends by itself meanwhile; and what was sent is seen, whatever the process is doing.
#[runtime::test]
fn is_process_alive_signal_from() {
    for round in 0..300u32 {
        let child = match round % 3 {
            0 => spawn!(waits),
            1 => spawn!(|| {}),
            _ => Spawn::new().receive_loop(|_| Flow::Continue).unwrap().pid,
        };
        if round % 2 == 0 {
            assert!(round % 3 == 1 || is_process_alive(child));
        }
        exit_signal(child, ExitReason::Shutdown);
        assert!(!is_process_alive(child), "{round}");
    }
    for n in 0..100 {
        let child = spawn!(|| {
            receive! { "never": &str => {} }
        });
        for i in 0..n {
            send(child, i);
        }
        link(child);
        let seen = info(child);
        assert_eq!((seen.message_queue_len, seen.links), (n, vec![self_pid()]));
        unlink(child);
        assert_eq!(info(child).links, []);
        exit_signal(child, ExitReason::Kill);
    }
}

/// Mirrors `process_info_blast`: a thousand processes ask about one, and all get an answer.
#[runtime::test]
fn process_info_blast() {
    let victim = spawn!(|| loop {
        receive! { "end": &str => return, n: u32 => _ = n, after Duration::ZERO => yield_now() }
    });
    let me = self_pid();
    for n in 0..1000u32 {
        spawn!(move || {
            send(victim, n);
            let seen = match n % 3 {
                0 => is_process_alive(victim),
                1 => process_info(victim).is_some(),
                _ => Look::new().messages(1).at(victim).is_some(),
            };
            send(me, seen);
        });
    }
    for _ in 0..1000 {
        assert!(receive_type::<bool>());
    }
    stop(victim);
}

/// Mirrors `process_info_lock_reschedule2`: two processes that ask about each other both get their
/// answers.
#[runtime::test]
fn process_info_lock_reschedule2() {
    let me = self_pid();
    let ask = move |other: Pid| {
        for n in 0..500 {
            if n % 2 == 0 {
                process_info(other);
            } else {
                Look::new().messages(1).at(other);
            }
        }
        send(me, "done");
        waits();
    };
    let first = spawn!(move || ask(receive_type::<Pid>()));
    let second = spawn!(move || ask(first));
    send(first, second);
    for _ in 0..2 {
        receive! { "done": &str => {} }
    }
    stop(first);
    stop(second);
}

/// A process that comes to no switch point is seen as others see it, and so marked.
#[runtime::test]
fn stale() {
    let free = Arc::new(AtomicBool::new(false));
    let on = free.clone();
    let hog = Spawn::new()
        .own_thread()
        .label("hog")
        .spawn(move || {
            while !on.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            waits();
        })
        .unwrap()
        .pid;
    register("hog", hog).unwrap();
    until("it runs", || info(hog).status == Status::Running);
    let seen = Look::new().messages(1).at(hog).unwrap();
    assert!(seen.stale);
    assert_eq!(
        (seen.status, seen.label, seen.messages),
        (Status::Running, None, None)
    );
    assert_eq!(seen.registered_name.unwrap().as_str(), "hog");
    assert!(is_process_alive(hog));
    free.store(true, Ordering::Relaxed);
    until("it waits", || info(hog).status == Status::Waiting);
    // Answers that came too late are gone.
    assert_eq!(info(hog).label.as_deref(), Some("hog"));
    receive! { message => panic!("{message:?}"), after Duration::ZERO => {} }
    stop(hog);
}

/// Outside a process, and inside a guard, nothing is waited for.
#[test]
fn without_waiting() {
    let (pid, status) = runtime::run(|| {
        let child = spawn!(waits);
        until("it waits", || info(child).status == Status::Waiting);
        send(self_pid(), 0u32);
        let mut status = None;
        receive! { n: u32 if { status = process_info(child).map(|info| info.status); n == 0 } => {} }
        (child, status)
    });
    assert_eq!(status, Some(Status::Waiting));
    assert_eq!(info(pid).status, Status::Waiting);
    assert!(Look::new().messages(1).at(pid).unwrap().stale);
    assert!(is_process_alive(pid));
    exit_signal(pid, ExitReason::Shutdown);
    until("its end", || !is_process_alive(pid));
}

/// Mirrors `process_info_self_msgq_len`: the own mailbox with all that was sent to it.
#[runtime::test]
fn process_info_self_msgq_len() {
    for n in 0..50usize {
        assert_eq!(info(self_pid()).message_queue_len, n);
        let seen = Look::new().messages(usize::MAX).at(self_pid()).unwrap();
        assert_eq!((seen.message_queue_len, texts(&seen).len()), (n, n));
        send(self_pid(), n);
    }
    for n in 0..50usize {
        assert_eq!(receive_type::<usize>(), n);
    }
}

/// Mirrors `process_info_parent`: the parent of a process, however it was spawned, and when it has ended
/// too; a process spawned from outside has none.
#[runtime::test]
fn process_info_parent() {
    let me = self_pid();
    let (child, _) = spawn_monitor!(waits);
    let own_thread = Spawn::new().own_thread().spawn(waits).unwrap().pid;
    let rests = |mail: AnyMessage| match mail.is::<&str>() {
        true => Flow::Exit(ExitReason::Normal),
        false => Flow::Continue,
    };
    let at_rest = Spawn::new().receive_loop(rests).unwrap().pid;
    for pid in [
        child,
        own_thread,
        at_rest,
        spawn!(waits),
        spawn_link!(waits),
    ] {
        assert_eq!(info(pid).parent, Some(me));
        stop(pid);
    }
    assert_eq!(info(me).parent, None);

    let parent = spawn!(move || send(me, spawn!(waits)));
    let orphan: Pid = receive_type();
    until("its parent's end", || !is_process_alive(parent));
    assert_eq!(info(orphan).parent, Some(parent));
    stop(orphan);
    // Another's slot, which had a parent.
    let outside = std::thread::spawn(|| spawn!(waits)).join().unwrap();
    assert_eq!(info(outside).parent, None);
    stop(outside);
}

/// Mirrors `process_info_label`: the label follows `set_label`.
#[runtime::test]
fn process_info_label() {
    assert_eq!(label(self_pid()), None);
    set_label("tester");
    assert_eq!(label(self_pid()).as_deref(), Some("tester"));
    let child = spawn!(|| {
        set_label("child");
        waits();
    });
    until("its label", || label(child).as_deref() == Some("child"));
    set_label(format!("tester {}", 2));
    assert_eq!(info(self_pid()).label.as_deref(), Some("tester 2"));
    stop(child);
    assert_eq!(label(child), None);
}

/// `set_priority` returns the old one, and is seen; a process does not inherit it.
#[runtime::test]
fn process_flag_priority() {
    for level in [
        Priority::Low,
        Priority::High,
        Priority::Max,
        Priority::Normal,
    ] {
        let old = info(self_pid()).priority;
        assert_eq!(set_priority(level), old);
        assert_eq!(info(self_pid()).priority, level);
        yield_now();
    }
    set_priority(Priority::High);
    let child = spawn!(waits);
    assert_eq!(info(child).priority, Priority::Normal);
    stop(child);
}

/// Mirrors `process_info_dict_lookup`: another's dictionary; put and erase return the old value; it
/// is gone, and dropped, with the process.
#[runtime::test]
fn process_info_dict_lookup() {
    #[derive(Debug)]
    struct Tells(Pid);
    impl Drop for Tells {
        fn drop(&mut self) {
            send(self.0, "dropped");
        }
    }
    let me = self_pid();
    let child = spawn!(move || {
        assert!(dictionary::put("number", 1u32).is_none());
        assert_eq!(
            dictionary::put("number", 2u32)
                .unwrap()
                .downcast::<u32>()
                .unwrap(),
            1
        );
        dictionary::put("context", Context);
        dictionary::put("value", Tells(me));
        dictionary::put("erased", 0u8);
        assert!(dictionary::erase("erased").is_some());
        assert!(dictionary::erase("erased").is_none());
        assert_eq!(dictionary::get::<u64>("number"), None);
        waits();
    });
    until("its dictionary", || {
        let seen = Look::new().dictionary().at(child).unwrap();
        seen.dictionary.unwrap().len() == 3 && seen.status == Status::Waiting
    });
    let seen = Look::new()
        .dictionary()
        .at(child)
        .unwrap()
        .dictionary
        .unwrap();
    let entry = |key: &str| {
        seen.iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.text.clone())
    };
    assert_eq!(entry("number").as_deref(), Some("2"));
    assert_eq!(entry("context"), Some(format!("{:?}", Some(child))));
    assert_eq!(entry("erased"), None);
    assert_eq!(
        Look::new()
            .dictionary()
            .at(self_pid())
            .unwrap()
            .dictionary
            .unwrap(),
        []
    );
    stop(child);
    assert_eq!(receive_type::<&str>(), "dropped");
}

/// Mirrors `processes_this_tab`: all that lived during the call are
/// there, each once, none that was dead before; and all can be sent to.
#[runtime::test]
fn processes_this_tab() {
    let me = self_pid();
    let dead = spawn!(waits);
    stop(dead);
    let live: Vec<Pid> = (0..500).map(|_| spawn!(waits)).collect();
    let churn = spawn!(|| loop {
        spawn!(|| _ = receive_timeout(Duration::ZERO));
        yield_now();
    });
    for _ in 0..20 {
        let all = processes();
        let mut unique = all.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
        assert!(
            live.iter()
                .chain([&me, &churn])
                .all(|pid| unique.binary_search(pid).is_ok())
        );
        assert!(unique.binary_search(&dead).is_err());
        for pid in all.iter().filter(|pid| **pid != me) {
            send(*pid, ());
        }
        yield_now();
    }
    exit_signal(churn, ExitReason::Kill);
    live.into_iter().for_each(stop);
}

/// The node's counters count.
#[runtime::test]
fn node_info() {
    let before = runtime::info().unwrap();
    assert!(before.seats >= 1 && before.workers >= before.seats);
    let live: Vec<Pid> = (0..100)
        .map(|_| spawn!(|| receive! { "end": &str => {}, after Duration::from_secs(3600) => {} }))
        .collect();
    register("counted", live[0]).unwrap();
    until("they wait", || {
        live.iter().all(|pid| info(*pid).status == Status::Waiting)
    });
    let after = runtime::info().unwrap();
    assert!(after.processes >= before.processes + 100 && after.processes <= after.process_limit);
    assert_eq!(after.names, before.names + 1);
    assert!(after.timers >= 100 && after.context_switches >= 100);
    assert!(after.standing.iter().sum::<usize>() >= 100);
    assert!(after.stacks >= 100 && after.stack_bytes > 0);
    assert_eq!(after.zombies, 0);
    live.into_iter().for_each(stop);
}

/// A process that is told to end while it waits for an answer ends, and nothing is left of the
/// answer; one that dies before it was asked is dead.
#[runtime::test]
fn ends_while_it_asks() {
    let busy = spawn!(|| loop {
        receive! { "end": &str => return, after Duration::ZERO => yield_now() }
    });
    for _ in 0..200 {
        let (asker, watched) = spawn_monitor!(move || loop {
            assert!(is_process_alive(busy));
            Look::new().messages(1).at(busy);
        });
        yield_now();
        exit_signal(asker, ExitReason::Shutdown);
        let Down {
            monitor, reason, ..
        } = receive_type();
        assert_eq!((monitor, reason), (watched, ExitReason::Shutdown));
    }
    stop(busy);
}
