//! What tests expect of a program under way: messages that must come, processes that must end,
//! reports that must be made, programs that must end as they should.
//!
//! Everything that must happen is waited for until [`LONG`] has passed, which fails the test; so
//! no test depends on how fast the machine is.

#![allow(dead_code, reason = "each file of tests uses some of it")]

pub mod behaviour;
pub mod child;
pub mod reports;
pub mod unrest;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use runtime::mailbox_len;
use runtime::prelude::*;

/// What takes longer will never come.
pub const LONG: Duration = Duration::from_secs(120);

/// Looks once and does not wait.
pub const NOW: Duration = Duration::ZERO;

/// The message of this type that must come.
#[track_caller]
pub fn message<T: Message>() -> T {
    let start = Instant::now();
    let message = receive_where(LONG, AnyMessage::is::<T>);
    // What only the time-out has found was there before, and nobody was told.
    assert!(start.elapsed() < LONG, "a wake-up was lost");
    match message.map(AnyMessage::downcast) {
        Some(Ok(message)) => message,
        _ => panic!("no {} came", std::any::type_name::<T>()),
    }
}

/// Checks that the mailbox holds nothing.
#[track_caller]
pub fn nothing() {
    if let Some(message) = receive_timeout(NOW) {
        panic!("{message:?} came");
    }
}

/// Waits until it is so. Works on any thread; in a process it is a switch point.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < LONG, "never: {what}");
        sleep(Duration::from_micros(200));
    }
}

/// Waits until the process has ended.
#[track_caller]
pub fn end_of(pid: Pid) {
    until("the end of a process", || mailbox_len(pid).is_none());
}

/// Runs `f` on a node with one thread, which nothing can take over: so processes run by turns.
#[track_caller]
pub fn alone<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let builder = Builder::new().workers(1).max_spares(0);
    builder.start().expect("a node").run(f)
}

/// A process that answers each number with it, until it is ended.
pub fn echo() -> Pid {
    spawn!(|| loop {
        receive! { (to, n): (Pid, u32) => send(to, n) }
    })
}

/// Checks that an [`echo`] answers.
#[track_caller]
pub fn is_well(echo: Pid) {
    send(echo, (self_pid(), 77u32));
    assert_eq!(message::<u32>(), 77);
}

/// What a panic said.
pub fn text_of(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("?"),
    }
}

/// What the panic of `f` says.
#[track_caller]
pub fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(panic) => text_of(&*panic).to_owned(),
    }
}

/// Counts what is alive: values that hold a token of it.
#[derive(Clone, Debug, Default)]
pub struct Census(Arc<AtomicUsize>);

impl Census {
    /// One more.
    pub fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::AcqRel);
        Token(Arc::clone(&self.0))
    }

    /// How many tokens there are.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Waits until no token is left.
    #[track_caller]
    pub fn none_is_left(&self) {
        until("the drop of all that was counted", || self.count() == 0);
    }
}

/// One of a [`Census`].
#[derive(Debug)]
pub struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Calls a closure when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<F: FnMut()> std::fmt::Debug for OnDrop<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}
