//! Wakers: what polls futures is woken by them, from any thread, at any time.

mod expect;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use expect::behaviour::{By, WAIT, behaviour};
use expect::{NOW, alone, end_of, message, nothing, until};
use runtime::prelude::*;
use runtime::{OsSignal, drive, exit_signal, os_signal, try_self_pid};

/// Sends its waker at the start, and every cause afterwards.
fn watcher(root: Pid) -> Pid {
    behaviour(move |cx| {
        let mail = std::iter::from_fn(|| cx.mail()).count();
        match cx.cause().start {
            true => send(root, Opaque(cx.context().waker().clone())),
            false => send(root, (cx.cause(), mail)),
        }
        WAIT
    })
}

/// A call wakes the process, with the future as its cause.
#[runtime::test]
fn wakes() {
    let root = self_pid();
    watcher(root);
    let waker = message::<Opaque<Waker>>().0;
    for n in 0..100 {
        if n % 2 == 0 {
            waker.wake_by_ref();
        } else {
            let clone = waker.clone();
            clone.wake();
        }
        let (cause, mail) = message::<(Cause, usize)>();
        assert!(cause.future && !cause.start && !cause.timeout);
        assert_eq!(mail, 0);
    }
    nothing();
}

/// Calls from threads that are no processes wake as well, and none is lost.
#[runtime::test]
fn from_outside() {
    let root = self_pid();
    let done = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&done);
    let mut shown = 0;
    behaviour(move |cx| {
        if cx.cause().start {
            send(root, Opaque(cx.context().waker().clone()));
        }
        // What was done before a call is seen by the wake that it causes.
        let now = seen.load(Ordering::Relaxed);
        if now != shown {
            shown = now;
            send(root, now);
        }
        WAIT
    });
    let waker = message::<Opaque<Waker>>().0;
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (waker, done) = (waker.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                for _ in 0..2000 {
                    done.fetch_add(1, Ordering::Relaxed);
                    waker.wake_by_ref();
                }
            })
        })
        .collect();
    let mut last = 0;
    while last < 16_000 {
        let now = message::<usize>();
        assert!(now > last);
        last = now;
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// Calls that come before the process has looked are one.
#[test]
fn calls_are_one() {
    alone(|| {
        let root = self_pid();
        let pid = watcher(root);
        let waker = message::<Opaque<Waker>>().0;
        for _ in 0..10 {
            for _ in 0..10 {
                waker.wake_by_ref();
            }
            send(pid, ());
            let (cause, mail) = message::<(Cause, usize)>();
            assert!(cause.future);
            assert_eq!(mail, 1);
            yield_now();
            nothing();
        }
    });
}

/// A call during the callback, by itself too, causes another wake.
#[runtime::test]
fn during_the_callback() {
    let root = self_pid();
    let mut wakes = 0;
    behaviour(move |cx| {
        wakes += 1;
        send(root, (wakes, cx.cause().future));
        if wakes < 100 {
            cx.context().waker().wake_by_ref();
        }
        WAIT
    });
    for n in 1..=100 {
        assert_eq!(message::<(i32, bool)>(), (n, n > 1));
    }
    sleep(Duration::from_millis(1));
    nothing();
}

/// A call while the callback blocks disturbs no receive and no sleep, and is reported afterwards.
#[runtime::test]
fn while_it_blocks() {
    let root = self_pid();
    let pid = behaviour(move |cx| {
        if cx.cause().start {
            send(root, Opaque(cx.context().waker().clone()));
            let n: u32 = receive_type();
            sleep(Duration::from_millis(5));
            assert!(receive_timeout(Duration::from_millis(5)).is_none());
            send(root, n);
        } else {
            send(root, cx.cause());
        }
        WAIT
    });
    let waker = message::<Opaque<Waker>>().0;
    for _ in 0..5 {
        waker.wake_by_ref();
        sleep(Duration::from_millis(1));
    }
    nothing();
    send(pid, 3u32);
    for _ in 0..10 {
        waker.wake_by_ref();
        sleep(Duration::from_micros(500));
    }
    assert_eq!(message::<u32>(), 3);
    assert!(message::<Cause>().future);
}

/// A call ends a wait with a time, and the time that is left fires nothing; a time-out and a call
/// are told apart.
#[runtime::test]
fn beside_times() {
    let root = self_pid();
    let mut wakes = 0;
    behaviour(move |cx| {
        wakes += 1;
        send(root, cx.cause());
        match wakes {
            1 => {
                send(root, Opaque(cx.context().waker().clone()));
                Next::Wait(Until::After(Duration::from_secs(3600)))
            }
            2 => Next::Wait(Until::After(Duration::from_millis(2))),
            3 => Next::Hibernate(Until::Forever),
            _ => Next::Exit(ExitReason::Normal),
        }
    });
    assert!(message::<Cause>().start);
    let waker = message::<Opaque<Waker>>().0;
    waker.wake_by_ref();
    let second: Cause = message();
    assert!(second.future && !second.timeout);
    let third: Cause = message();
    assert!(third.timeout && !third.future);
    waker.wake_by_ref();
    assert!(message::<Cause>().future);
}

/// A waker that outlives its process harms nobody, not even the next in its slot.
#[runtime::test(workers = 1)]
fn outlives_its_process() {
    let root = self_pid();
    let mut stale = Vec::new();
    for _ in 0..20 {
        let pid = watcher(root);
        stale.push(message::<Opaque<Waker>>().0);
        exit_signal(pid, ExitReason::Kill);
        end_of(pid);
    }
    let successors: Vec<Pid> = (0..40).map(|_| watcher(root)).collect();
    let wakers: Vec<Waker> = successors
        .iter()
        .map(|_| message::<Opaque<Waker>>().0)
        .collect();
    let threads: Vec<_> = stale
        .into_iter()
        .map(|waker| {
            std::thread::spawn(move || {
                for _ in 0..100 {
                    waker.wake_by_ref();
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    sleep(Duration::from_millis(2));
    nothing();
    wakers.into_iter().for_each(Waker::wake);
    for _ in successors {
        assert!(message::<(Cause, usize)>().0.future);
    }
}

/// Clones of one process's waker are known as such; those of two processes are told apart.
#[runtime::test]
fn will_wake() {
    let root = self_pid();
    watcher(root);
    watcher(root);
    let (one, other) = (message::<Opaque<Waker>>().0, message::<Opaque<Waker>>().0);
    assert!(one.will_wake(&one.clone()));
    assert!(!one.will_wake(&other));
}

/// A future that is completed by another thread, polled by a behaviour and by a driven one.
#[runtime::test]
fn a_future() {
    #[derive(Default)]
    struct State {
        value: Option<u32>,
        waker: Option<Waker>,
    }
    #[derive(Clone, Default)]
    struct Once(Arc<Mutex<State>>);
    impl Once {
        fn complete(&self, value: u32) {
            let mut state = self.0.lock().unwrap();
            state.value = Some(value);
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
    impl Future for Once {
        type Output = u32;
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
            let mut state = self.0.lock().unwrap();
            match state.value {
                Some(value) => Poll::Ready(value),
                None => {
                    state.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }
    }
    fn waiter(futures: Vec<Once>, root: Pid) -> impl FnMut(&mut Cx<'_>) -> Next + Send {
        let mut future = Box::pin(async move {
            let mut sum = 0;
            for future in futures {
                sum += future.await;
            }
            sum
        });
        move |cx| match future.as_mut().poll(&mut cx.context()) {
            Poll::Pending => WAIT,
            Poll::Ready(sum) => {
                send(root, sum);
                Next::Exit(ExitReason::Normal)
            }
        }
    }
    let root = self_pid();
    for driven in [false, true] {
        for _ in 0..50 {
            let futures: Vec<Once> = (0..20).map(|_| Once::default()).collect();
            let mut polls = waiter(futures.clone(), root);
            if driven {
                spawn!(move || _ = drive(&mut By(move |cx: &mut Cx<'_>| polls(cx))));
            } else {
                behaviour(polls);
            }
            let thread = std::thread::spawn(move || {
                for (n, future) in futures.iter().enumerate() {
                    future.complete(n as u32);
                }
            });
            assert_eq!(message::<u32>(), 190);
            thread.join().unwrap();
        }
    }
}

/// A call to a process that waits in a plain receive or sleep wakes it for nothing, and it waits
/// on.
#[runtime::test]
fn of_one_that_drives_no_more() {
    let root = self_pid();
    let asleep = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&asleep);
    let pid = spawn!(move || {
        drive(&mut By(move |cx: &mut Cx<'_>| {
            send(root, Opaque(cx.context().waker().clone()));
            Next::Exit(ExitReason::Normal)
        }));
        let n: u32 = receive_type();
        flag.store(false, Ordering::Release);
        send(root, n);
    });
    let waker = message::<Opaque<Waker>>().0;
    for _ in 0..50 {
        waker.wake_by_ref();
        yield_now();
    }
    assert!(asleep.load(Ordering::Acquire));
    send(pid, 9u32);
    assert_eq!(message::<u32>(), 9);
    until("its end", || !is_process_alive(pid));
    waker.wake();
    assert!(receive_timeout(NOW).is_none());
}

/// The waker of a future outside every process is called in nobody's name, also by a worker that is
/// busy, between two turns.
#[test]
fn in_nobodys_name() {
    #[derive(Default)]
    struct Noting(Mutex<Vec<Option<Pid>>>);
    impl Wake for Noting {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().push(try_self_pid());
        }
    }
    alone(|| {
        let noting = Arc::new(Noting::default());
        let waker = Waker::from(Arc::clone(&noting));
        let mut signals = os_signal(OsSignal::WindowChange).unwrap();
        for round in 0..200 {
            let poll = signals.poll_wait(&mut Context::from_waker(&waker));
            assert!(poll.is_pending(), "{poll:?}");
            // SAFETY: sends a signal that is handled.
            assert_eq!(unsafe { libc::raise(libc::SIGWINCH) }, 0);
            until_busy(|| noting.0.lock().unwrap().len() > round);
            let poll = signals.poll_wait(&mut Context::from_waker(&waker));
            assert!(matches!(poll, Poll::Ready(Ok(()))), "{poll:?}");
        }
        let names = noting.0.lock().unwrap();
        assert!(names.iter().all(Option::is_none), "{names:?}");
    });
}

/// As `until`, without ever leaving the worker idle.
fn until_busy(so: impl Fn() -> bool) {
    while !so() {
        yield_now();
    }
}
