//! Processes that run on and on: who is not stopped by them, and what is reported.

mod expect;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use expect::{LONG, message, reports, until};
use runtime::Flow;
use runtime::prelude::*;

/// Processes that reach no switch point until it is dropped.
struct Hogs(Arc<AtomicBool>);

impl Hogs {
    fn on(node: &Node, count: usize) -> Hogs {
        let stop = Arc::new(AtomicBool::new(false));
        let (begun, has_begun) = channel();
        for _ in 0..count {
            let (told, begun) = (Arc::clone(&stop), begun.clone());
            let hog = move || {
                begun.send(()).unwrap();
                while !told.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
            };
            Spawn::new().node(node).label("a hog").spawn(hog).unwrap();
        }
        // That all run at a time is what the spare workers are for.
        for _ in 0..count {
            has_begun.recv_timeout(LONG).expect("a hog that runs");
        }
        Hogs(stop)
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Processes at rest are served while hogs hold every core: they answer, their times come, they
/// are spawned, they end.
#[test]
fn at_rest_beside_hogs() {
    let node = Builder::new().workers(2).start().unwrap();
    let (answer, answers) = channel();
    let echo_answer = answer.clone();
    let before = Spawn::new()
        .node(&node)
        .receive_loop(move |mail| {
            echo_answer.send(format!("{mail:?}")).unwrap();
            Flow::Continue
        })
        .unwrap()
        .pid;
    let hogs = Hogs::on(&node, 6);
    for n in 0..20u32 {
        send(before, n);
        assert_eq!(answers.recv_timeout(LONG), Ok(n.to_string()));
        let answer = answer.clone();
        Spawn::new()
            .node(&node)
            .spawn(move || answer.send("newborn".into()).unwrap())
            .unwrap();
        assert_eq!(answers.recv_timeout(LONG), Ok("newborn".into()));
    }
    struct Timer(std::sync::mpsc::Sender<String>, u32);
    impl Behaviour for Timer {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            if cx.cause().timeout {
                self.1 += 1;
                self.0.send(format!("time {}", self.1)).unwrap();
            }
            Next::Wait(Until::After(Duration::from_millis(2)))
        }
    }
    let timer = Spawn::new()
        .node(&node)
        .behaviour(Timer(answer, 0))
        .unwrap()
        .pid;
    for n in 1..=20 {
        assert_eq!(answers.recv_timeout(LONG), Ok(format!("time {n}")));
    }
    runtime::exit_signal(timer, ExitReason::Kill);
    runtime::exit_signal(before, ExitReason::Kill);
    until("their end", || {
        !is_process_alive(timer) && !is_process_alive(before)
    });
    drop(hogs);
}

/// A process that blocks for the first time beside hogs does so on a worker that is free, and
/// comes back.
#[test]
fn newborns_that_block_beside_hogs() {
    let node = Builder::new().workers(2).start().unwrap();
    let hogs = Hogs::on(&node, 4);
    let (answer, answers) = channel();
    for n in 0..50u32 {
        let answer = answer.clone();
        Spawn::new()
            .node(&node)
            .spawn(move || {
                for _ in 0..5 {
                    sleep(Duration::from_micros(500));
                }
                answer.send(n).unwrap();
            })
            .unwrap();
    }
    let mut all: Vec<u32> = (0..50)
        .map(|_| answers.recv_timeout(LONG).unwrap())
        .collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..50));
    drop(hogs);
}

/// A process on a stack waits behind a hog that shares its worker, and goes on when that is over.
#[test]
fn on_a_stack_behind_a_hog() {
    let node = Builder::new().workers(1).start().unwrap();
    let (answer, answers) = channel();
    let pid = Spawn::new()
        .node(&node)
        .spawn(move || {
            loop {
                let n: u32 = receive_type();
                answer.send(n).unwrap();
            }
        })
        .unwrap()
        .pid;
    send(pid, 0u32);
    assert_eq!(answers.recv_timeout(LONG), Ok(0));
    for n in 1..10u32 {
        let hogs = Hogs::on(&node, 3);
        send(pid, n);
        // Others go on, so the hogs have been noticed.
        node.run(|| ());
        drop(hogs);
        assert_eq!(answers.recv_timeout(LONG), Ok(n));
    }
}

/// A turn of long steps ends after some of them, however few reductions they cost: at a tick, and at a receive that
/// finds its message.
#[test]
fn long_steps_end_a_turn() {
    const STEPS: u32 = 1000;
    let node = Builder::new().workers(1).max_spares(0).start().unwrap();
    let ends = |step: fn()| {
        let ran = Arc::new(AtomicBool::new(false));
        let run = Arc::clone(&ran);
        spawn!(move || run.store(true, Ordering::Release));
        (0..STEPS).any(|_| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1) {
                std::hint::spin_loop();
            }
            step();
            ran.load(Ordering::Acquire)
        })
    };
    node.run(move || {
        assert!(ends(tick), "no tick ended the turn");
        for n in 0..STEPS {
            send(self_pid(), n);
        }
        yield_now();
        assert!(ends(|| _ = receive_type::<u32>()), "no receive did");
    });
}

/// Hogs that come and go, with seats changing hands all the time, lose nobody.
#[test]
fn seats_that_change_hands() {
    let node = Builder::new().workers(2).start().unwrap();
    let (answer, answers) = channel();
    let echoes: Vec<Pid> = (0..20)
        .map(|n| {
            let answer = answer.clone();
            let spawn = Spawn::new().node(&node);
            let spawned = if n % 2 == 0 {
                spawn.spawn(move || {
                    loop {
                        let n: u32 = receive_type();
                        sleep(Duration::from_micros(100));
                        answer.send(n).unwrap();
                    }
                })
            } else {
                spawn.receive_loop(move |mail| {
                    answer.send(mail.downcast::<u32>().unwrap()).unwrap();
                    Flow::Continue
                })
            };
            spawned.unwrap().pid
        })
        .collect();
    for round in 0..30u32 {
        for hog in 0..3 {
            let time = Duration::from_millis(3 + u64::from(round + hog) % 5);
            let hog = move || {
                let start = Instant::now();
                while start.elapsed() < time {
                    std::hint::spin_loop();
                }
            };
            Spawn::new().node(&node).spawn(hog).unwrap();
        }
        echoes.iter().for_each(|&pid| send(pid, round));
        for _ in &echoes {
            assert_eq!(answers.recv_timeout(LONG), Ok(round));
        }
    }
}

/// More hogs than there may be workers are a matter of time, not of luck: what is at rest is
/// served when one of them ends.
#[test]
fn more_hogs_than_spares() {
    reports::collect();
    let node = Builder::new().workers(1).max_spares(1).start().unwrap();
    let hogs = Hogs::on(&node, 2);
    let (answer, answers) = channel();
    let newborn = move || answer.send(()).unwrap();
    Spawn::new().node(&node).spawn(newborn).unwrap();
    reports::expect("runtime::scheduler", &["spare"]);
    drop(hogs);
    assert_eq!(answers.recv_timeout(LONG), Ok(()));
}

/// A process that runs on and on is reported, by pid and place, with the number of those that stand on its
/// worker's stacks.
#[test]
fn is_reported() {
    reports::collect();
    let node = Builder::new().workers(1).max_spares(0).start().unwrap();
    let behind: Vec<Pid> = node.run(|| {
        let waits = || {
            send(receive_type::<Pid>(), "waits");
            drop(receive_any());
        };
        let pids: Vec<Pid> = (0..3).map(|_| spawn!(waits)).collect();
        yield_now();
        for &pid in &pids {
            send(pid, self_pid());
            assert_eq!(receive_type::<&str>(), "waits");
        }
        pids
    });
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let hog = move || {
        while !told.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    };
    let pid = Spawn::new()
        .node(&node)
        .label("the hog")
        .spawn(hog)
        .unwrap()
        .pid;
    let report = reports::expect("runtime::scheduler", &[&format!("pid={pid} "), "blocked"]);
    assert!(report.fields.contains("tests/hog.rs:"), "{report:?}");
    assert!(report.fields.contains("processes=3 "), "{report:?}");
    stop.store(true, Ordering::Release);
    behind.into_iter().for_each(|pid| send(pid, ()));
}

/// A thread blocked by a process, not used by it, stops nobody at rest either.
#[test]
fn a_blocked_thread() {
    let node = Builder::new().workers(1).start().unwrap();
    let (release, released) = channel::<()>();
    let (begun, has_begun) = channel();
    let blocker = move || {
        begun.send(()).unwrap();
        released.recv_timeout(LONG).unwrap();
    };
    Spawn::new().node(&node).spawn(blocker).unwrap();
    has_begun.recv_timeout(LONG).unwrap();
    let releaser = move || release.send(()).unwrap();
    Spawn::new().node(&node).spawn(releaser).unwrap();
    assert_eq!(node.shutdown(LONG), runtime::ShutdownReport::default());
}

/// A waker that is no process's may block the worker that calls it, as a process may: what it waits for runs on
/// another, also what it has made runnable itself.
#[test]
fn a_waker_that_blocks() {
    struct Asks {
        asked: Pid,
        answers: Mutex<Receiver<()>>,
        root: Pid,
    }
    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            send(self.asked, "?");
            let answer = self.answers.lock().unwrap().recv_timeout(LONG);
            send(self.root, answer.is_ok());
        }
    }
    Builder::new().workers(2).start().unwrap().run(|| {
        let (answer, answers) = channel();
        let asked = Spawn::new().receive_loop(move |_| {
            answer.send(()).unwrap();
            Flow::Continue
        });
        let waker = Waker::from(Arc::new(Asks {
            asked: asked.unwrap().pid,
            answers: Mutex::new(answers),
            root: self_pid(),
        }));
        let mut sleep = runtime::future::sleep(Duration::from_millis(1));
        let poll = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        assert!(message::<bool>(), "nobody ran what it waits for");
    });
}
