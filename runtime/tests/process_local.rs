//! `process_local!`: storage of one process.

mod expect;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use expect::{Census, OnDrop, Token, end_of, message, panic_of, reports};
use runtime::future;
use runtime::prelude::*;

process_local! {
    static DEPTH: Cell<u32> = Cell::new(3);
    static NAMES: RefCell<Vec<String>> = RefCell::new(Vec::new());
    static TOKEN: RefCell<Option<Token>> = RefCell::new(None);
}

static MADE: AtomicUsize = AtomicUsize::new(0);

process_local! {
    static COUNTED: usize = MADE.fetch_add(1, Ordering::AcqRel);
    static NESTED: u32 = DEPTH.with(Cell::get) + 1;
    static FAILS: u32 = panic!("no value");
}

/// Each process has a value of its own, wherever it runs, over every switch point.
#[runtime::test]
fn of_each_process() {
    let root = self_pid();
    DEPTH.with(|depth| depth.set(100));
    for n in 0..100u32 {
        spawn!(move || {
            assert_eq!(DEPTH.with(Cell::get), 3);
            for k in 0..20 {
                DEPTH.with(|depth| depth.set(n + k));
                NAMES.with(|names| names.borrow_mut().push(format!("{n}.{k}")));
                sleep(Duration::from_micros(20));
                assert_eq!(DEPTH.with(Cell::get), n + k);
            }
            send(root, NAMES.with(|names| names.borrow().len()));
        });
    }
    for _ in 0..100 {
        assert_eq!(message::<usize>(), 20);
    }
    assert_eq!(DEPTH.with(Cell::get), 100);
}

/// A value that is made last of all, by the destructor of what the process leaves behind, is dropped
/// as well.
#[runtime::test]
fn made_at_the_very_end() {
    struct Late(Census);
    impl Wake for Late {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Late {
        fn drop(&mut self) {
            TOKEN.with(|token| token.replace(Some(self.0.token())));
        }
    }
    let census = Census::default();
    let late = census.clone();
    let pid = spawn!(move || {
        let waker = Waker::from(Arc::new(Late(late)));
        // It is left with the process: the future is not polled again.
        let mut mail = future::receive();
        let poll = Pin::new(&mut mail).poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
    });
    end_of(pid);
    census.none_is_left();
}

/// A value is made when it is first asked for, once.
#[runtime::test]
fn made_once() {
    let mine = COUNTED.with(|n| *n);
    assert_eq!(COUNTED.with(|n| *n), mine);
    let root = self_pid();
    spawn!(move || send(root, COUNTED.with(|n| *n)));
    assert_ne!(message::<usize>(), mine);
}

/// A value may be made of another, and used inside itself, with other keys, and over a receive.
#[runtime::test]
fn nested() {
    assert_eq!(NESTED.with(|n| *n), 4);
    let text = NAMES.with(|names| {
        NAMES.with(|same| same.borrow_mut().push("inside".into()));
        DEPTH.with(|depth| depth.set(9));
        COUNTED.with(|_| {});
        TOKEN.with(|_| {});
        send(self_pid(), ());
        message::<()>();
        names.borrow().join(" ")
    });
    assert_eq!(text, "inside");
}

/// A value whose making panics is not there, and is tried anew.
#[runtime::test]
fn a_failed_value() {
    reports::collect();
    for _ in 0..2 {
        assert_eq!(panic_of(|| FAILS.with(|n| *n)), "no value");
    }
}

/// Values are dropped at the end of their process, in it, whatever ends it, and may use the
/// runtime then.
#[runtime::test]
fn dropped_at_the_end() {
    reports::collect();
    process_local! { static LAST: RefCell<Option<OnDrop<Box<dyn FnMut() + Send>>>> = RefCell::new(None); }
    let root = self_pid();
    let census = Census::default();
    for n in 0..4 {
        let token = census.token();
        let pid = spawn!(move || {
            TOKEN.with(|slot| *slot.borrow_mut() = Some(token));
            let last: Box<dyn FnMut() + Send> = Box::new(move || {
                let depth = DEPTH.with(Cell::get);
                send(root, (self_pid(), depth));
                assert!(n != 3, "a value that panics when it is dropped");
            });
            LAST.with(|slot| *slot.borrow_mut() = Some(OnDrop(last)));
            match n {
                0 => {}
                1 => exit(ExitReason::Shutdown),
                2 => panic!("an end"),
                _ => hibernate(|| {}),
            }
        });
        if n == 3 {
            send(pid, ());
        }
        assert_eq!(message::<(Pid, u32)>(), (pid, 3));
        end_of(pid);
    }
    census.none_is_left();
}

/// A destructor that uses its own key, or that of a value that was dropped, meets a panic, and the
/// process ends; a value without a destructor may be used to the end.
#[runtime::test]
fn used_by_destructors() {
    type Last = RefCell<Option<OnDrop<Box<dyn FnMut() + Send>>>>;
    process_local! {
        static OWN: Last = RefCell::new(None);
        static OLDER: OnDrop<fn()> = OnDrop(|| NEWER.with(|_| ()));
        static NEWER: OnDrop<fn()> = OnDrop(|| OLDER.with(|_| ()))
    }
    reports::collect();
    let root = self_pid();
    let pid = spawn!(move || {
        OLDER.with(|_| ());
        let last: Box<dyn FnMut() + Send> = Box::new(move || {
            send(root, panic_of(|| OWN.with(|_| ())));
            send(root, DEPTH.with(Cell::get));
        });
        OWN.with(|own| *own.borrow_mut() = Some(OnDrop(last)));
        DEPTH.with(|depth| depth.set(5));
    });
    let text: String = message();
    assert!(text.contains("is used after its destructor"), "{text}");
    assert_eq!(message::<u32>(), 5);
    end_of(pid);
}

/// A behaviour's values live over its wakes, and over hibernation.
#[runtime::test]
fn at_rest() {
    let root = self_pid();
    let shared = Arc::new(());
    let spawned = Spawn::new().receive_loop(move |_| {
        let _keep = &shared;
        DEPTH.with(|depth| {
            depth.set(depth.get() + 1);
            send(root, depth.get());
        });
        Flow::Hibernate
    });
    let pid = spawned.unwrap().pid;
    for n in 4..20u32 {
        send(pid, ());
        assert_eq!(message::<u32>(), n);
    }
}

/// A value that is made by the destructor of the exit reason, the last of all, is dropped as well.
#[runtime::test]
fn made_by_the_last_destructor() {
    #[derive(Debug)]
    struct Last(expect::Census);
    impl PartialEq for Last {
        fn eq(&self, _: &Last) -> bool {
            true
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            TOKEN.with(|token| token.set(Some(self.0.token())));
        }
    }
    process_local! {
        static TOKEN: std::cell::Cell<Option<expect::Token>> = std::cell::Cell::new(None);
    }
    let census = expect::Census::default();
    let reason = ExitReason::other(Last(census.clone()));
    let spawned = Spawn::new().spawn(move || reason).unwrap();
    end_of(spawned.pid);
    census.none_is_left();
}
