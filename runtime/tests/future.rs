//! Futures inside processes: awaited on a stack, at rest, and from outside.

mod expect;

use std::collections::HashSet;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

use expect::{Census, end_of, message, until};
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, select};
use runtime::future::{messages, receive_type, receive_where, sleep as sleep_future};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::{Behaviour, Cx, Next, Status, Until, WakeSet, block_on, run_async, spawn_future};

const HOUR: Duration = Duration::from_secs(3600);

/// A future that is ready at once needs no wake-up.
#[runtime::test]
fn what_is_ready_is_not_waited_for() {
    assert_eq!(block_on(ready(7)), 7);
}

/// A future woken from another thread goes on; its waker may be called when the process is gone.
#[runtime::test]
fn woken_from_a_thread() {
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let polls = Arc::new(AtomicU32::new(0));
    let process = {
        let (wakers, polls) = (Arc::clone(&wakers), Arc::clone(&polls));
        spawn!(move || block_on(poll_fn(|cx| {
            wakers.lock().unwrap().push(cx.waker().clone());
            match polls.fetch_add(1, Ordering::SeqCst) {
                3 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })))
    };
    let thread = std::thread::spawn(move || {
        for n in 1..4 {
            until("it polls", || wakers.lock().unwrap().len() == n);
            wakers.lock().unwrap()[0].wake_by_ref();
        }
        wakers
    });
    end_of(process);
    let wakers = thread.join().expect("it ends");
    wakers.lock().unwrap().drain(..).for_each(Waker::wake);
    assert_eq!(polls.load(Ordering::SeqCst), 4);
}

/// A kill drops the future of a process that awaits it, in the process.
#[runtime::test]
fn killed_while_it_awaits() {
    let census = Census::default();
    let token = census.token();
    let (pid, monitor) = spawn_monitor!(move || block_on(async move {
        let _token = token;
        pending::<()>().await
    }));
    until("it waits", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
    exit_signal(pid, ExitReason::Kill);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Killed);
    } }
    census.none_is_left();
}

/// A panic of a future is the process's.
#[runtime::test]
fn a_future_that_panics() {
    let (_, on_a_stack) = spawn_monitor!(|| block_on(async { panic!("in the future") }));
    receive! { Down { monitor: of, reason, .. } if of == on_a_stack => {
        assert!(matches!(&reason, ExitReason::Panic(p) if p.message() == "in the future"), "{reason}");
    } }
    let pid = spawn_future(async {
        let () = receive_type().await;
        panic!("at rest")
    });
    let at_rest = monitor(pid);
    send(pid, ());
    receive! { Down { monitor: of, reason, .. } if of == at_rest => {
        assert!(matches!(&reason, ExitReason::Panic(p) if p.message() == "at rest"), "{reason}");
    } }
}

/// Messages that come while a future is awaited stay for later receives, in their order.
#[runtime::test]
fn messages_wait_while_it_awaits() {
    let (start, started) = std::sync::mpsc::channel();
    let me = self_pid();
    std::thread::spawn(move || {
        let waker: Waker = started.recv().expect("a waker");
        send(me, 1u32);
        send(me, 2u32);
        waker.wake();
    });
    let mut polled = false;
    block_on(poll_fn(|cx| {
        if !polled {
            start.send(cx.waker().clone()).expect("the thread waits");
            polled = true;
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    assert_eq!((message::<u32>(), message::<u32>()), (1, 2));
}

/// A sleep of a future ends at its time, not before; of several each at its own, and one that is dropped
/// leaves nothing.
#[runtime::test(paused)]
fn sleeps() {
    let start = runtime::now();
    block_on(async {
        let mut sleeps: FuturesUnordered<_> = (1..=100u32)
            .rev()
            .map(|hours| sleep_future(hours * HOUR).map(move |()| hours))
            .collect();
        for hours in 1..=50 {
            assert_eq!(sleeps.next().await, Some(hours));
            assert_eq!(runtime::now() - start, hours * HOUR);
        }
        drop(sleeps);
        let mut again = sleep_future(HOUR);
        again.reset(runtime::now() + 2 * HOUR);
        again.await;
    });
    assert_eq!(runtime::now() - start, 52 * HOUR);
    sleep(HOUR);
    assert_eq!(runtime::now() - start, 53 * HOUR);
}

/// A time-out and what it was for in the same instant: whichever is looked at first wins, and nothing
/// is lost.
#[runtime::test(paused)]
fn time_out_and_message_at_once() {
    let me = self_pid();
    send_after(HOUR, me, 7u32);
    block_on(async {
        let time_out = pin!(sleep_future(HOUR));
        let mail = pin!(receive_type::<u32>());
        match select(mail, time_out).await {
            Either::Left((n, _)) => assert_eq!(n, 7),
            Either::Right(((), mail)) => assert_eq!(mail.await, 7),
        }
    });
}

/// Mail futures side by side: each gets what is its own, whoever looks first, and what is nobody's stays.
#[runtime::test]
fn mail_futures_side_by_side() {
    let me = self_pid();
    let sender = spawn!(move || {
        receive! { "begin" : &str => {} }
        for n in 0..100u32 {
            send(me, "nobody's");
            send(me, n);
            yield_now();
        }
    });
    let (even, odd) = block_on(async {
        let evens = async {
            let mut all = Vec::new();
            while all.len() < 50 {
                all.push(receive_where(|n: &u32| n.is_multiple_of(2)).await);
            }
            all
        };
        let odds = async {
            let mut all = Vec::new();
            while all.len() < 50 {
                all.push(receive_where(|n: &u32| !n.is_multiple_of(2)).await);
            }
            all
        };
        send(sender, "begin");
        futures_util::join!(evens, odds)
    });
    assert!(even.iter().copied().eq((0..100).step_by(2)));
    assert!(odd.iter().copied().eq((1..100).step_by(2)));
    for _ in 0..100 {
        assert_eq!(message::<&str>(), "nobody's");
    }
}

/// A priority message that nobody waits for does not keep a process busy, nor from what it waits for.
#[runtime::test(workers = 1)]
fn a_priority_message_for_nobody() {
    let parent = self_pid();
    let pid = spawn!(move || {
        let alias = runtime::alias_priority(runtime::AliasMode::ExplicitUnalias);
        send(parent, alias);
        send(parent, block_on(receive_type::<u32>()));
    });
    let alias: Ref = message();
    runtime::send_priority(alias, "for nobody");
    until("it waits", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
    send(pid, 7u32);
    assert_eq!(message::<u32>(), 7);
    // And one that it waits for.
    let pid = spawn!(move || {
        let alias = runtime::alias_priority(runtime::AliasMode::ExplicitUnalias);
        send(parent, alias);
        send(parent, block_on(receive_type::<u32>()));
    });
    let alias: Ref = message();
    until("it waits", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::Waiting)
    });
    runtime::send_priority(alias, 8u32);
    assert_eq!(message::<u32>(), 8);
}

/// One process waits for a message, a socket and a time at once.
#[runtime::test]
fn mail_socket_and_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
    let (mut peer, _) = listener.accept().expect("accepts");
    let me = self_pid();
    let seen = block_on(async {
        let mut seen = Vec::new();
        let mut room = [0; 8];
        std::io::Write::write_all(&mut peer, b"data").expect("writes");
        send(me, 7u32);
        while seen.len() < 3 {
            select! {
                bytes = poll_fn(|cx| stream.poll_read(cx, &mut room)).fuse() => {
                    assert_eq!(bytes.expect("reads"), 4);
                    seen.push("socket");
                }
                n = receive_type::<u32>().fuse() => {
                    assert_eq!(n, 7);
                    seen.push("mail");
                }
                () = sleep_future(Duration::from_millis(30)).fuse() => seen.push("time"),
            }
        }
        seen
    });
    assert!(
        seen.contains(&"mail") && seen.contains(&"socket"),
        "{seen:?}"
    );
}

/// The mailbox as a stream has every message, in order.
#[runtime::test]
fn the_mailbox_is_a_stream() {
    let me = self_pid();
    spawn!(move || (0..1000u32).for_each(|n| send(me, n)));
    let all: Vec<u32> = block_on(
        messages()
            .map(|message| message.downcast::<u32>().expect("a number"))
            .take(1000)
            .collect(),
    );
    assert!(all.iter().copied().eq(0..1000));
}

/// A future as a process at rest: it has no stack, receives, sleeps, and its output is its result.
#[runtime::test]
fn a_process_that_is_a_future() {
    let parent = self_pid();
    let pid = spawn_future(async move {
        loop {
            let n: u32 = receive_type().await;
            if n == 0 {
                return Err::<(), _>(ExitReason::Shutdown);
            }
            sleep_future(Duration::from_millis(1)).await;
            send(parent, 2 * n);
        }
    });
    let monitor = monitor(pid);
    for n in 1..10u32 {
        send(pid, n);
        assert_eq!(message::<u32>(), 2 * n);
    }
    until("it rests", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::AtRest)
    });
    // What it does not wait for does not keep it busy.
    send(pid, "not for it");
    until("it rests", || {
        runtime::process_info(pid).is_some_and(|info| info.status == Status::AtRest)
    });
    send(pid, 0u32);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Shutdown);
    } }
}

/// A behaviour whose callback blocks on another future keeps the wake-up of its own.
#[runtime::test]
fn a_nested_wait_leaves_the_outer_wake() {
    struct Outer {
        own: Arc<Mutex<Option<Waker>>>,
        parent: Pid,
        woken: bool,
    }
    impl Behaviour for Outer {
        fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
            if cx.cause().start {
                *self.own.lock().unwrap() = Some(cx.context().waker().clone());
                return Next::Wait(Until::Forever);
            }
            if cx.mail().is_some() {
                // Our own future is woken while another is awaited.
                let own = Arc::clone(&self.own);
                block_on(async move {
                    let own = own.lock().unwrap().take().expect("kept");
                    own.wake();
                    sleep_future(Duration::from_millis(5)).await;
                });
                send(self.parent, "waited");
                return Next::Wait(Until::Forever);
            }
            if cx.cause().future && !self.woken {
                self.woken = true;
                send(self.parent, "woken");
            }
            Next::Wait(Until::Forever)
        }
    }
    let outer = Outer {
        own: Arc::default(),
        parent: self_pid(),
        woken: false,
    };
    let pid = Spawn::new().behaviour(outer).expect("room").pid;
    send(pid, "block");
    assert_eq!(message::<&str>(), "waited");
    assert_eq!(message::<&str>(), "woken");
    exit_signal(pid, ExitReason::Kill);
}

/// A future that is always ready to go on does not keep its neighbours from running.
#[runtime::test(workers = 1)]
fn a_busy_future_gives_way() {
    let parent = self_pid();
    let busy = spawn_future(async move {
        loop {
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        }
    });
    let streamed = spawn!(move || block_on(async {
        let me = self_pid();
        loop {
            send(me, ());
            receive_type::<()>().await;
        }
    }));
    spawn!(move || send(parent, "a turn"));
    assert_eq!(message::<&str>(), "a turn");
    exit_signal(busy, ExitReason::Kill);
    exit_signal(streamed, ExitReason::Kill);
}

/// A wake set tells which of many futures were woken.
#[runtime::test]
fn a_wake_set() {
    let mut set = WakeSet::new();
    let wakers: Vec<Waker> = (0..1000u32).map(|key| set.waker(key)).collect();
    let thread = std::thread::spawn(move || {
        for round in 0..10 {
            for waker in wakers.iter().skip(round).step_by(100) {
                waker.wake_by_ref();
                waker.wake_by_ref();
            }
        }
        wakers
    });
    let mut woken = HashSet::new();
    block_on(poll_fn(|cx| {
        // One that is woken again after it was found comes again.
        while let Poll::Ready((key, _)) = set.poll_next(cx) {
            woken.insert(key);
        }
        if woken.len() < 100 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }));
    assert!(woken.iter().all(|key| key % 100 < 10));
    let wakers = thread.join().expect("it ends");
    set.remove(&7);
    wakers[7].wake_by_ref();
    wakers[8].wake_by_ref();
    assert_eq!(set.pop().map(|(key, _)| key), Some(8));
    assert!(set.pop().is_none());
}

/// Who polls what a wake set finds is told of no wake-up in the meantime; then of the first.
#[runtime::test]
fn a_wake_set_tells_once() {
    struct Told(AtomicU32);
    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let told = Arc::new(Told(AtomicU32::new(0)));
    let waker = Waker::from(told.clone());
    let cx = &Context::from_waker(&waker);
    let mut set = WakeSet::new();
    assert!(set.poll_next(cx).is_pending());
    // Its holder does so before it polls, and knows.
    set.wake("a");
    let b = set.waker("b");
    b.wake_by_ref();
    let found = |poll: Poll<(&'static str, Waker)>| match poll {
        Poll::Ready((key, waker)) => (key, waker),
        Poll::Pending => panic!("something was woken"),
    };
    let (key, a) = found(set.poll_next(cx));
    assert_eq!(key, "a");
    a.wake_by_ref();
    assert_eq!(found(set.poll_next(cx)).0, "b");
    assert_eq!(found(set.poll_next(cx)).0, "a");
    assert_eq!(told.0.load(Ordering::Relaxed), 0);
    assert!(set.poll_next(cx).is_pending());
    a.wake();
    b.wake();
    assert_eq!(told.0.load(Ordering::Relaxed), 1);
}

/// A process's result is awaited from outside; its end otherwise is an error; dropped, it is ended.
#[test]
fn awaited_from_outside() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    tokio.block_on(async {
        assert_eq!(run_async(|| 6 * 7).await, Ok(42));
        assert_eq!(
            run_async(|| exit(ExitReason::Shutdown)).await,
            Err::<(), _>(ExitReason::Shutdown)
        );
        let panicked = run_async(|| panic!("inside")).await;
        assert!(matches!(panicked, Err::<(), _>(ExitReason::Panic(p)) if p.message() == "inside"));
        let slow = run_async(|| sleep(HOUR));
        let pid = slow.pid();
        assert!(
            tokio::time::timeout(Duration::from_millis(5), slow)
                .await
                .is_err()
        );
        until("it ends", || !is_alive(pid));
    });
}

/// A future is spawned from a thread that is no process, and told from there; it runs on the default node.
#[test]
fn spawned_from_outside() {
    let (tell, told) = std::sync::mpsc::channel();
    let pid = spawn_future(async move {
        let n: u32 = receive_type().await;
        sleep_future(Duration::from_millis(1)).await;
        tell.send((self_pid(), 2 * n)).expect("somebody waits");
    });
    send(pid, 21u32);
    let answer = told.recv_timeout(expect::LONG).expect("it runs");
    assert_eq!(answer, (pid, 42));
}

fn is_alive(pid: Pid) -> bool {
    runtime::run(move || is_alive_here(pid))
}

fn is_alive_here(pid: Pid) -> bool {
    runtime::is_process_alive(pid)
}

/// A waker that is called while its node ends, and after, harms nobody.
#[test]
fn woken_while_the_node_ends() {
    for _ in 0..20 {
        let node = Builder::new().workers(2).start().expect("a node");
        let (tell, wakers) = std::sync::mpsc::channel();
        node.run(move || {
            for _ in 0..10 {
                let tell = tell.clone();
                spawn!(move || block_on(poll_fn(|cx| {
                    let _ = tell.send(cx.waker().clone());
                    Poll::<()>::Pending
                })));
            }
        });
        let wakers: Vec<Waker> = (0..10).map(|_| wakers.recv().expect("it polls")).collect();
        let thread = std::thread::spawn(move || {
            for _ in 0..1000 {
                wakers.iter().for_each(Waker::wake_by_ref);
            }
        });
        let report = node.shutdown(Duration::from_secs(5));
        assert!(report.stuck.is_empty(), "{report:?}");
        thread.join().expect("it ends");
    }
}

/// A waker whose clone and destructor wake a key of the set that they are given to.
#[test]
fn a_waker_that_wakes_what_it_is_given_to() {
    static KEY: Mutex<Option<Waker>> = Mutex::new(None);
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, |_| {}, |_| {}, |_| wake());
    fn clone(data: *const ()) -> RawWaker {
        wake();
        RawWaker::new(data, &VTABLE)
    }
    fn wake() {
        let key = KEY.lock().expect("nobody panics").clone();
        key.inspect(Waker::wake_by_ref);
    }
    let mut set = WakeSet::new();
    *KEY.lock().expect("nobody panics") = Some(set.waker(7));
    // SAFETY: the functions own nothing.
    let hostile = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &VTABLE)) };
    let mut cx = Context::from_waker(&hostile);
    for _ in 0..3 {
        match set.poll_next(&cx) {
            Poll::Ready((key, _)) => assert_eq!(key, 7),
            Poll::Pending => panic!("its clone has woken the key"),
        }
    }
    cx = Context::from_waker(Waker::noop());
    while set.poll_next(&cx).is_ready() {}
    set.remove(&7);
    assert!(set.poll_next(&cx).is_pending());
}
