//! The rule: a process at rest may run anywhere, a process on a stack stays with its worker. What
//! is tied to a thread may live on a stack over every switch point.

mod expect;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use expect::{Census, OnDrop, end_of, message, reports, until};
use runtime::prelude::*;
use runtime::{exit_signal, panicking};

thread_local! {
    static SHARED: Rc<Cell<u64>> = Rc::new(Cell::new(0));
    static LIST: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static HERE: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

fn here() -> ThreadId {
    thread::current().id()
}

/// Behaviours that move between the workers all the time, until it is dropped.
struct Unrest(Vec<Pid>, Arc<AtomicUsize>);

impl Unrest {
    fn new() -> Unrest {
        let moves = Arc::new(AtomicUsize::new(0));
        let pids = (0..40)
            .map(|_| {
                let moves = Arc::clone(&moves);
                let mut last = None;
                let spawned = Spawn::new().receive_loop(move |mail| {
                    if last.replace(here()).is_some_and(|last| last != here()) {
                        moves.fetch_add(1, Ordering::AcqRel);
                    }
                    // Enough work to be worth a theft.
                    std::hint::black_box((0..2000).fold(0u64, |a, b| a ^ (a << 1) ^ b));
                    send(self_pid(), mail);
                    Flow::Continue
                });
                let pid = spawned.unwrap().pid;
                send(pid, ());
                pid
            })
            .collect();
        Unrest(pids, moves)
    }

    fn moves(&self) -> usize {
        self.1.load(Ordering::Acquire)
    }
}

impl Drop for Unrest {
    fn drop(&mut self) {
        for &pid in &self.0 {
            exit_signal(pid, ExitReason::Kill);
        }
    }
}

/// A clone of a thread-local `Rc` may be kept over a receive: its count is right, and the process
/// is on its thread, however much is stolen meanwhile.
#[runtime::test]
fn an_rc_over_a_receive() {
    let root = self_pid();
    let unrest = Unrest::new();
    let keepers: Vec<Pid> = (0..50u64)
        .map(|_| {
            spawn!(move || {
                let thread = here();
                let shared = SHARED.with(Rc::clone);
                loop {
                    let n: u64 = receive_type();
                    assert_eq!(here(), thread);
                    shared.set(shared.get() + n);
                    // Counts and frees without a lock: wrong at once if two threads do it.
                    let clones: Vec<_> = (0..n).map(|_| Rc::clone(&shared)).collect();
                    yield_now();
                    assert!(SHARED.with(|mine| Rc::ptr_eq(mine, &shared)));
                    drop(clones);
                    send(root, ());
                    if n == 7 {
                        return;
                    }
                }
            })
        })
        .collect();
    for _ in 0..40 {
        keepers.iter().for_each(|&pid| send(pid, 5u64));
        keepers.iter().for_each(|_| message::<()>());
    }
    until("thefts", || unrest.moves() > 0);
    keepers.iter().for_each(|&pid| send(pid, 7u64));
    keepers.iter().for_each(|_| message::<()>());
}

/// A borrow inside `LocalKey::with` may be kept over a receive.
#[runtime::test]
fn a_borrow_over_a_receive() {
    let root = self_pid();
    let unrest = Unrest::new();
    for n in 0..20u32 {
        spawn!(move || {
            LIST.with(|list| {
                let before = list.borrow().len();
                for _ in 0..50 {
                    list.borrow_mut().push(n);
                    sleep(Duration::from_micros(50));
                    assert!(list.borrow().len() > before);
                    LIST.with(|same| assert!(std::ptr::eq(same, list)));
                }
                send(root, ());
            });
        });
    }
    for _ in 0..20 {
        message::<()>();
    }
    drop(unrest);
}

/// A callback that blocks stays on the thread it has blocked on, until it returns; then its
/// behaviour may run anywhere again.
#[runtime::test]
fn a_callback_that_blocks() {
    let root = self_pid();
    let unrest = Unrest::new();
    let pids: Vec<Pid> = (0..20)
        .map(|_| {
            let spawned = Spawn::new().receive_loop(move |_| {
                let thread = here();
                let shared = SHARED.with(Rc::clone);
                for _ in 0..5 {
                    sleep(Duration::from_micros(100));
                    assert_eq!(here(), thread);
                    assert!(SHARED.with(|mine| Rc::ptr_eq(mine, &shared)));
                }
                send(root, ());
                Flow::Continue
            });
            spawned.unwrap().pid
        })
        .collect();
    for _ in 0..20 {
        pids.iter().for_each(|&pid| send(pid, ()));
        pids.iter().for_each(|_| message::<()>());
    }
    drop(unrest);
}

/// A value of a thread-local read before and after a switch is that thread's.
#[runtime::test]
fn the_thread_local_of_the_thread() {
    let root = self_pid();
    for _ in 0..100 {
        spawn!(move || {
            HERE.set(Some(here()));
            for _ in 0..20 {
                yield_now();
                assert_eq!(HERE.get(), Some(here()));
            }
            send(root, ());
        });
    }
    for _ in 0..100 {
        message::<()>();
    }
}

/// A lock may be held over sends and spawns: neither switches, so a neighbour never finds it
/// locked by one that does not run.
#[test]
fn a_lock_over_a_send() {
    expect::alone(|| {
        let root = self_pid();
        let lock = Arc::new(Mutex::new(0u32));
        let sink = Spawn::new().receive_loop(|_| Flow::Continue).unwrap().pid;
        for _ in 0..10 {
            let lock = Arc::clone(&lock);
            spawn!(move || {
                for _ in 0..10 {
                    {
                        // On one thread, a wait for it would be for ever.
                        let mut count = lock.try_lock().expect("held over a switch");
                        for _ in 0..3000 {
                            send(sink, *count);
                            send(root, 0u8);
                        }
                        spawn!(|| {});
                        *count += 1;
                    }
                    yield_now();
                }
                send(root, "done");
            });
        }
        for _ in 0..10 {
            message::<&str>();
        }
        assert_eq!(*lock.lock().unwrap(), 100);
    });
}

/// A lock that processes of several workers contend for is a lock like any other, if nobody
/// waits while he holds it.
#[runtime::test]
fn a_contended_lock() {
    let root = self_pid();
    let lock = Arc::new(Mutex::new(0u64));
    for _ in 0..50 {
        let lock = Arc::clone(&lock);
        spawn!(move || {
            for _ in 0..200 {
                *lock.lock().unwrap() += 1;
                tick();
            }
            send(root, ());
        });
    }
    for _ in 0..50 {
        message::<()>();
    }
    assert_eq!(*lock.lock().unwrap(), 10_000);
}

mod unwinding {
    use super::*;

    /// Starts a process that blocks in a destructor while it unwinds; a `()` lets it go on, and
    /// then it sends "gone".
    fn suspended(root: Pid) -> Pid {
        spawn!(move || {
            let _last = OnDrop(move || {
                assert!(panicking());
                send(root, "unwinding");
                receive! { (): () => {} }
                assert!(panicking());
                assert!(thread::panicking());
                send(root, "gone");
            });
            panic!("suspended");
        })
    }

    /// While a process is suspended in the middle of unwinding, its neighbours on the worker are
    /// not unwinding: they run, wait, exit, are killed, panic and catch panics as ever.
    #[runtime::test(workers = 1)]
    fn neighbours_are_as_ever() {
        reports::collect();
        let root = self_pid();
        let suspended = suspended(root);
        assert_eq!(message::<&str>(), "unwinding");
        assert!(!panicking());
        for round in 0..20u32 {
            let census = Census::default();
            let token = || census.token();
            // Runs and waits.
            let echo = spawn!(move || loop {
                assert!(!panicking());
                receive! { n: u32 => send(root, n) }
            });
            send(echo, round);
            assert_eq!(message::<u32>(), round);
            exit_signal(echo, ExitReason::Shutdown);
            end_of(echo);
            // Panics, and knows it.
            let (mine, seen) = (token(), Arc::new(AtomicBool::new(false)));
            let flag = Arc::clone(&seen);
            let pid = spawn!(move || {
                let _mine = mine;
                let _last = OnDrop(move || flag.store(panicking(), Ordering::Release));
                panic!("round {round}");
            });
            end_of(pid);
            census.none_is_left();
            assert!(seen.load(Ordering::Acquire));
            reports::expect(
                "runtime::process",
                &[&format!("round {round}"), &format!("pid={pid} ")],
            );
            // Exits; is killed while it waits.
            let mine = token();
            end_of(spawn!(move || {
                let _mine = mine;
                exit(ExitReason::Shutdown)
            }));
            let mine = token();
            let pid = spawn!(move || {
                let _mine = mine;
                receive_any();
            });
            yield_now();
            exit_signal(pid, ExitReason::Kill);
            census.none_is_left();
        }
        assert!(!panicking());
        send(suspended, ());
        assert_eq!(message::<&str>(), "gone");
        end_of(suspended);
        assert!(!thread::panicking());
    }

    /// A neighbour that catches a panic or an exit of its own is not unwinding afterwards, and a
    /// fatal signal reaches it.
    #[runtime::test(workers = 1)]
    fn a_neighbour_that_catches() {
        reports::collect();
        let root = self_pid();
        let suspended = suspended(root);
        assert_eq!(message::<&str>(), "unwinding");
        for by_exit in [true, false] {
            let census = Census::default();
            let token = census.token();
            let pid = spawn!(move || {
                let _token = token;
                let caught = catch_unwind(AssertUnwindSafe(|| match by_exit {
                    true => exit(ExitReason::Shutdown),
                    false => panic!("caught"),
                }));
                assert!(caught.is_err());
                send(root, panicking());
                receive_any();
            });
            assert!(!message::<bool>(), "it says that it unwinds: {by_exit}");
            exit_signal(pid, ExitReason::Shutdown);
            census.none_is_left();
        }
        send(suspended, ());
        assert_eq!(message::<&str>(), "gone");
    }

    /// A process that goes on with a panic it has caught unwinds, and says so, whoever is suspended
    /// in the middle of unwinding beside it; a kill waits until it is through.
    #[runtime::test(workers = 1)]
    fn a_panic_that_goes_on() {
        reports::collect();
        let root = self_pid();
        let suspended = suspended(root);
        assert_eq!(message::<&str>(), "unwinding");
        let census = Census::default();
        let token = census.token();
        let pid = spawn!(move || {
            let _last = OnDrop(move || {
                let _token = &token;
                send(root, panicking());
                receive! { (): () => {} }
            });
            let caught = catch_unwind(|| panic!("caught, and goes on")).unwrap_err();
            std::panic::resume_unwind(caught);
        });
        assert!(message::<bool>());
        exit_signal(pid, ExitReason::Kill);
        yield_now();
        assert_eq!(census.count(), 1);
        send(pid, ());
        census.none_is_left();
        send(suspended, ());
        assert_eq!(message::<&str>(), "gone");
    }

    /// A panic that was never announced, as one brought over from a thread, is one all the same.
    #[runtime::test(workers = 1)]
    fn a_panic_from_elsewhere() {
        reports::collect();
        let root = self_pid();
        let suspended = suspended(root);
        assert_eq!(message::<&str>(), "unwinding");
        let elsewhere = std::thread::spawn(|| panic!("elsewhere"))
            .join()
            .unwrap_err();
        let pid = spawn!(move || {
            let _last = OnDrop(move || send(root, panicking()));
            std::panic::resume_unwind(elsewhere);
        });
        assert!(message::<bool>());
        end_of(pid);
        send(suspended, ());
        assert_eq!(message::<&str>(), "gone");
    }

    /// Several processes may be suspended in the middle of unwinding, on each worker, and go on in
    /// any order.
    #[runtime::test]
    fn many_at_a_time() {
        reports::collect();
        let root = self_pid();
        let mut pids: Vec<Pid> = (0..40).map(|_| suspended(root)).collect();
        for _ in 0..40 {
            assert_eq!(message::<&str>(), "unwinding");
        }
        let unrest = Unrest::new();
        let mut random = 7usize;
        while !pids.is_empty() {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let pid = pids.swap_remove((random >> 33) % pids.len());
            send(pid, ());
            assert_eq!(message::<&str>(), "gone");
            end_of(pid);
        }
        drop(unrest);
    }

    /// A process that unwinds does not lose its turn by reductions, but waits where it asks to.
    #[runtime::test(workers = 1)]
    fn its_turn() {
        let root = self_pid();
        let pid = spawn!(move || {
            let _last = OnDrop(move || {
                for n in 0..10_000u32 {
                    send(self_pid(), n);
                    tick();
                }
                for n in 0..10_000u32 {
                    assert_eq!(receive_type::<u32>(), n);
                }
                send(root, "done");
            });
            std::panic::resume_unwind(Box::new(()));
        });
        assert_eq!(message::<&str>(), "done");
        end_of(pid);
    }
}
