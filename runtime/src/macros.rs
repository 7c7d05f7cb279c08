//! The macros' public faces: their documentation, and the `$crate` that they hand on.
//!
//! Called by users. The grammar and the expansions are in the crate `runtime-macros`; what an
//! expansion names is in `__rt`.
//!
//! Invariants:
//! * A `macro_rules!` here passes on what it was given, unparsed, behind `[$crate]`: so an expansion
//!   finds this crate under whatever name it is linked.
//! * The attributes cannot know `$crate`, and have the option `crate = PATH`.

/// Runs `main` as a process: the root process of a node, which starts before it.
///
/// When it returns, the node shuts down in order, within 5 seconds, and the program ends with
/// the exit code of what it returned: anything that a `main` may return. A panic of it is the
/// program's.
///
/// If it ends by [`exit`](crate::exit) or a signal, the exit code is a success's for `Normal`, else
/// a failure's. If it [hibernates](crate::hibernate) or [enters](crate::enter) a behaviour, the
/// program goes on until that process ends, and its reason decides the exit code in the same way.
///
/// ```
/// use runtime::prelude::*;
///
/// #[runtime::main]
/// fn main() -> Result<(), std::num::ParseIntError> {
///     let parent = self_pid();
///     spawn!(move || send(parent, "17"));
///     let n: u8 = receive! { text: &'static str => text.parse()? };
///     assert_eq!(n, 17);
///     Ok(())
/// }
/// ```
///
/// # Options
///
/// Separated by commas; the values are expressions.
///
/// | option | |
/// |---|---|
/// | `workers = N` | the number of workers, as [`Builder::workers`](crate::Builder::workers) |
/// | `stack_size = BYTES` | the size of a stack, as [`Builder::stack_size`](crate::Builder::stack_size) |
/// | `unsafe(migrate)` | suspended stacks may move between workers: a promise, as [`Builder::assume_migration_safe`](crate::Builder::assume_migration_safe) |
/// | `crate = PATH` | where this crate is, if not at `::runtime` |
///
/// ```
/// // SAFETY: nothing in this program keeps a thread-tied value over a switch point.
/// #[runtime::main(workers = 2, unsafe(migrate))]
/// fn main() {}
/// ```
pub use runtime_macros::main;

/// Runs a test as a process, on a node of its own, in parallel with other tests.
///
/// It may return what a test may, and be `#[should_panic]` or `#[ignore]`. When it returns, its
/// node shuts down; processes that it left are ended.
///
/// ```no_run
/// use runtime::prelude::*;
///
/// #[runtime::test]
/// fn a_message_arrives() {
///     send(self_pid(), 7u32);
///     receive! { n: u32 => assert_eq!(n, 7) }
/// }
/// ```
///
/// # Options
///
/// Those of [`main`](macro@crate::main), and `paused`: the clock of the test's node is virtual. It
/// stands while any process of the node can run, and jumps to the next timer or time-out when all
/// of them wait. So no time passes in a test, and the order of what is due at different times does
/// not depend on the machine; with `workers = 1` neither does that of what is due at one. Read it
/// with [`now`](crate::now). What threads outside the node do is not waited for.
///
/// ```no_run
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// #[runtime::test(paused)]
/// fn an_hour_passes() {
///     let start = runtime::now();
///     sleep(Duration::from_secs(3600));
///     assert_eq!(runtime::now() - start, Duration::from_secs(3600));
/// }
/// ```
pub use runtime_macros::test;

/// Waits for the first message in the mailbox that one of the arms takes.
///
/// Messages that no arm takes stay where they are, in order: a later receive finds them. The
/// mailbox is searched from the oldest message; for each message the arms are tried in their
/// order. Then the arm's body runs, outside the mailbox: `return`, `?`, `break` and `continue` in
/// it are the caller's.
///
/// Mirrors `receive .. after .. end`.
///
/// ```
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// enum Account {
///     Deposit(u64),
///     Balance { to: Pid },
/// }
///
/// fn account(mut balance: u64) {
///     loop {
///         receive! {
///             Account::Deposit(amount) if amount > 0 => balance += amount,
///             Account::Balance { to } => send(to, balance),
///             after Duration::from_secs(3600) => return,
///         }
///     }
/// }
///
/// # runtime::run(|| {
/// let account = spawn!(account, 10);
/// send(account, Account::Deposit(5));
/// send(account, Account::Balance { to: self_pid() });
/// let balance = receive! { balance: u64 => balance };
/// assert_eq!(balance, 15);
/// # });
/// ```
///
/// # Arms
///
/// ```text
/// receive   := arm* [ "after" TIME "=>" BODY ]
/// arm       := PATTERN [":" TYPE] ["if" GUARD] "=>" BODY
/// catch-all := lower-case identifier | "mut" identifier | "_"
/// ```
///
/// A comma ends a body; behind a block it may be left out.
///
/// * The **type** of an arm's messages is inferred from the pattern: `Ping { from }`, `Pong`,
///   `Msg::Add(n)`, `gun::Down { .. }`, `Msg::A | Msg::B`, `whole @ Msg::C { .. }`, constants,
///   `true`, `'c'`, `3u8`. Where a pattern leaves it open, the type is written:
///   `Some(n): Option<u64>`, `(a, b): (u8, u8)`, `"stop": &'static str`, `n: u64`. Arms whose
///   patterns name the same type have the same type. A generic type is inferred as far as
///   patterns and bodies tell: `Reply(5)` waits for a `Reply<i32>`.
/// * One convention: a **lower-case identifier binds, an upper-case one is a path**. A misspelt
///   `Pnog` is an error, not a variable.
/// * A **catch-all**, which is a lower-case identifier or `_` alone, takes any message, as an
///   [`AnyMessage`](crate::AnyMessage).
/// * **Variables** are bound by value; `mut`, `ref`, `@` and or-patterns work as in a `match`.
///   What an arm takes is moved out of the mailbox; what it does not take is neither moved, nor
///   cloned, nor dropped.
/// * A **guard** sees the variables as a guard of a `match` does. It runs while its message is
///   out of the queue, its place kept: if it panics, the message is put back first, and the panic
///   goes on.
/// * **`after`** takes a [`Duration`](std::time::Duration), an [`Instant`](std::time::Instant),
///   or an `Option<Duration>`, of which `None` waits for ever. It is evaluated once, first.
///   `Duration::ZERO` looks through the mailbox and does not wait. A time-out never comes early,
///   and up to 2 ms late on an idle machine. Where `=>`, `:`, `@`, `if`, `|` or `,` follows the
///   word, it is a variable.
///
/// # Panics
///
/// Outside a process, and inside a guard.
///
/// # What does not compile
///
/// A message type without [`Debug`](std::fmt::Debug):
///
/// ```compile_fail,E0277
/// # use runtime::prelude::*;
/// struct Secret(u32);
/// receive! { Secret(n) => println!("{n}") }
/// ```
///
/// Control that leaves a guard:
///
/// ```compile_fail
/// # use runtime::prelude::*;
/// # fn wait(limit: Option<u32>) -> Option<u32> {
/// receive! { n: u32 if n < limit? => Some(n) }
/// # }
/// ```
#[macro_export]
macro_rules! receive {
    ($($arms:tt)*) => {
        $crate::__rt::receive! { [$crate] $($arms)* }
    };
}

/// Takes one [`AnyMessage`](crate::AnyMessage) apart, with the arms of a [`receive!`].
///
/// The message is owned: the body of the arm that takes it gets it by value. The last arm is a
/// catch-all without a guard. There is no `after`. It works outside a process too.
///
/// ```
/// use runtime::AnyMessage;
/// use runtime::prelude::*;
///
/// #[derive(Debug)]
/// enum Tick { Fast, Slow(u32) }
///
/// fn weight(message: AnyMessage) -> u32 {
///     match_message!(message {
///         Tick::Fast => 1,
///         Tick::Slow(n) if n > 100 => 100,
///         Tick::Slow(n) => n,
///         other => { eprintln!("unexpected: {other:?}"); 0 }
///     })
/// }
///
/// assert_eq!(weight(AnyMessage::new(Tick::Fast)), 1);
/// assert_eq!(weight(AnyMessage::new(Tick::Slow(7))), 7);
/// assert_eq!(weight(AnyMessage::new("boo")), 0);
/// ```
#[macro_export]
macro_rules! match_message {
    ($($input:tt)*) => {
        $crate::__rt::match_message! { [$crate] $($input)* }
    };
}

/// Spawns a process, and returns its [`Pid`](crate::Pid).
///
/// * `spawn!(closure)` runs the closure. What it captures by reference must be `'static`: mostly
///   it is a `move` closure.
/// * `spawn!(function, a, b)` calls `function(a, b)` in the new process; function and arguments
///   are evaluated by the parent, in order, and must be [`Send`].
///
/// The function returns `()`, nothing ever (`!`), or a `Result` whose error is the exit reason: an
/// error type, or an [`ExitReason`](crate::ExitReason).
/// The process belongs to the node of the caller; on a thread that is no process, to the default
/// node. Options: [`Spawn`](crate::Spawn).
///
/// Mirrors `spawn/1` and `spawn/3`.
///
/// ```
/// use runtime::prelude::*;
///
/// fn double(to: Pid, n: u32) {
///     send(to, 2 * n);
/// }
///
/// # runtime::run(|| {
/// let parent = self_pid();
/// spawn!(double, parent, 4);
/// assert_eq!(receive! { n: u32 => n }, 8);
///
/// spawn!(move || send(parent, "hello"));
/// receive! { "hello": &'static str => {} }
/// # });
/// ```
///
/// # Panics
///
/// At a limit, which the message names; [`Spawn::spawn`](crate::Spawn::spawn) returns the error
/// instead.
///
/// # What does not compile
///
/// What is not [`Send`] cannot go along, nor what is borrowed:
///
/// ```compile_fail,E0277
/// # use runtime::prelude::*;
/// let here = std::rc::Rc::new(1);
/// spawn!(move || println!("{here}"));
/// ```
///
/// ```compile_fail,E0597
/// # use runtime::prelude::*;
/// # fn length(text: &'static str) { drop(text.len()) }
/// let text = String::from("mine");
/// spawn!(length, &text);
/// ```
#[macro_export]
macro_rules! spawn {
    ($body:expr $(,)?) => {
        $crate::__rt::spawn($body)
    };
    ($($function_and_arguments:tt)*) => {
        $crate::__rt::spawn! { [$crate] $($function_and_arguments)* }
    };
}

/// As [`spawn!`], and links the new process and the caller, in one step. Returns its
/// [`Pid`](crate::Pid).
///
/// Mirrors `spawn_link/1` and `spawn_link/3`. See [`link`](crate::link).
///
/// ```
/// use runtime::prelude::*;
/// use runtime::{Exit, trap_exit};
///
/// # runtime::run(|| {
/// trap_exit(true);
/// let child = spawn_link!(|| exit(ExitReason::Shutdown));
/// let Exit { from, reason, .. } = receive_type();
/// assert_eq!((from, reason), (Some(child), ExitReason::Shutdown));
/// # });
/// ```
///
/// # Panics
///
/// As [`spawn!`], and outside a process.
#[macro_export]
macro_rules! spawn_link {
    ($body:expr $(,)?) => {
        $crate::__rt::spawn_link($body)
    };
    ($($function_and_arguments:tt)*) => {
        $crate::__rt::spawn_link! { [$crate] $($function_and_arguments)* }
    };
}

/// As [`spawn!`], and monitors the new process for the caller, in one step. Returns its
/// [`Pid`](crate::Pid) and the monitor's [`Ref`](crate::Ref).
///
/// Mirrors `spawn_monitor/1` and `spawn_monitor/3`. See [`monitor`](crate::monitor).
///
/// ```
/// use runtime::prelude::*;
/// use runtime::Down;
///
/// # runtime::run(|| {
/// let (child, watched) = spawn_monitor!(|| {});
/// let Down { monitor, reason, .. } = receive_type();
/// assert_eq!((monitor, reason), (watched, ExitReason::Normal));
/// # let _ = child;
/// # });
/// ```
///
/// # Panics
///
/// As [`spawn!`], and outside a process.
#[macro_export]
macro_rules! spawn_monitor {
    ($body:expr $(,)?) => {
        $crate::__rt::spawn_monitor($body)
    };
    ($($function_and_arguments:tt)*) => {
        $crate::__rt::spawn_monitor! { [$crate] $($function_and_arguments)* }
    };
}
