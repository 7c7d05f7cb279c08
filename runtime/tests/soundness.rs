//! The rule: a process at rest may run anywhere, a process on a stack stays with its worker. What
//! is tied to a thread may live on a stack over every switch point.

mod expect;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use expect::unrest::Unrest;
use expect::{message, until};
use runtime::prelude::*;

thread_local! {
    static SHARED: Rc<Cell<u64>> = Rc::new(Cell::new(0));
    static LIST: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static HERE: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

fn here() -> ThreadId {
    thread::current().id()
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

/// A stack that is none of the runtime's.
struct Foreign {
    limit: usize,
}

impl Foreign {
    const SIZE: usize = 1 << 18;

    fn new() -> Foreign {
        let memory = Box::leak(vec![0u128; Foreign::SIZE / 16].into_boxed_slice());
        Foreign {
            limit: memory.as_ptr().expose_provenance(),
        }
    }
}

// SAFETY: the memory is leaked, of this size, and aligned as its elements are.
unsafe impl corosensei::stack::Stack for Foreign {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.limit + Foreign::SIZE).expect("not null")
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.limit).expect("not null")
    }
}

/// A process may receive on a stack of its own making.
#[runtime::test]
fn on_a_foreign_stack() {
    expect::reports::collect();
    let parent = self_pid();
    for _ in 0..2 {
        spawn!(move || {
            let receive = |_: &Yielder<(), ()>, ()| receive_type::<u32>();
            let mut coroutine = Coroutine::with_stack(Foreign::new(), receive);
            send(parent, self_pid());
            match coroutine.resume(()) {
                CoroutineResult::Return(n) => send(parent, n),
                CoroutineResult::Yield(()) => unreachable!("it yields nothing"),
            }
        });
        let pid: Pid = message();
        until("it waits", || {
            runtime::process_info(pid).is_some_and(|info| info.status == runtime::Status::Waiting)
        });
        send(pid, 7u32);
        assert_eq!(message::<u32>(), 7);
    }
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
