//! The standard library's count of panics, made each process's own.
//!
//! std keeps a count for each thread: the unwindings begun there, less those caught there;
//! [`std::thread::panicking`] says whether it is zero. A process that is suspended in a destructor
//! of its unwinding would leave its count with the thread, for the neighbours to see and to
//! change. So it takes its count along: [`suspend`] brings the thread's to zero, and puts the
//! process's back when it goes on.
//!
//! Nothing sets the count but an unwinding that begins, which adds one, and one that is caught,
//! which takes one away, each from the thread it happens on. A *token* is a small stack that
//! stands in the middle of an unwinding. It has added one where it was begun; when it is ended,
//! it takes one away there. So:
//!
//! * ending a token takes one off the calling thread, and leaves the token's stack;
//! * beginning one on that stack puts it back, and leaves a token, which nobody has to account
//!   for: it is kept for the next who is suspended.
//!
//! The first tokens are begun on threads that end at once, and take the count with them.
//!
//! Called by [`super::suspend`]. Invariants:
//! * Between two turns the thread's count is zero, and while a process runs it is the process's.
//! * A process that is suspended holds the stacks of as many tokens as its count says, so to put
//!   it back cannot fail.
//! * No thread-local is touched on both sides of a switch in one function: a token is begun in
//!   one and caught in another, and neither is inlined.

use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Context, Resumed, Suspend, create, resume, switch};
use crate::stack::{Cache, Stack, class_of};

/// Room for the unwinder, in bytes.
const SIZE: usize = 64 * 1024;
/// Tokens made at a time.
const BATCH: usize = 16;

/// A suspended stack, in the middle of an unwinding.
struct Token(*mut Context);

// SAFETY: nothing on the stack refers to the thread it was begun on. What is counted for threads
// is counted where it happens, which is the purpose.
unsafe impl Send for Token {}

/// Tokens that nobody has to account for.
static TOKENS: Mutex<Vec<Token>> = Mutex::new(Vec::new());

/// Suspends the context of a process in the middle of unwinding.
///
/// # Safety
///
/// As [`super::suspend`].
#[cold]
#[inline(never)]
pub(super) unsafe fn suspend(context: *mut Context, why: Suspend) {
    let mut stacks = Vec::new();
    while thread::panicking() {
        stacks.push(end(take()));
    }
    // SAFETY: the caller's promise.
    unsafe { switch(context, (why, true)) };
    for stack in stacks {
        let token = begin(stack);
        TOKENS.lock().push(token);
    }
}

/// Takes a token. While the system refuses what is needed for one, the thread waits: a count that
/// stayed behind would be taken for another's.
fn take() -> Token {
    loop {
        let token = TOKENS.lock().pop();
        if let Some(token) = token.or_else(mint) {
            return token;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Makes tokens, on a thread that ends. None: the system gives no thread, or no stack.
fn mint() -> Option<Token> {
    let class = class_of(SIZE).ok()?;
    let begin_some = move || {
        let mut cache = Cache::new();
        let stacks = std::iter::from_fn(|| cache.get(class).ok());
        stacks.take(BATCH).map(begin).collect::<Vec<_>>()
    };
    let mint = thread::Builder::new()
        .name("panic-counts".to_owned())
        .spawn(begin_some);
    let mut tokens = mint.ok()?.join().ok()?;
    let token = tokens.pop();
    TOKENS.lock().extend(tokens);
    token
}

/// Adds one to the calling thread's count.
fn begin(stack: Stack) -> Token {
    let context = create(stack, unwind);
    // SAFETY: fresh, and nobody else knows it.
    match unsafe { resume(context) } {
        Resumed::Suspended(..) => Token(context),
        Resumed::Ended(..) => unreachable!("a token stops in the middle"),
    }
}

/// Takes one from the calling thread's count.
fn end(token: Token) -> Stack {
    // SAFETY: suspended, and the token's own.
    match unsafe { resume(token.0) } {
        Resumed::Ended(stack, _) => stack,
        Resumed::Suspended(..) => unreachable!("a token stops once"),
    }
}

/// What runs on a token's stack.
fn unwind(context: *mut Context) {
    let caught = panic::catch_unwind(AssertUnwindSafe(|| stop(context)));
    // Of no size: nothing is freed.
    drop(caught);
}

#[inline(never)]
fn stop(context: *mut Context) {
    struct Stop(*mut Context);
    impl Drop for Stop {
        fn drop(&mut self) {
            // SAFETY: the context that runs here.
            unsafe { switch(self.0, (Suspend::Wait, true)) };
        }
    }
    let _stop = Stop(context);
    panic::resume_unwind(Box::new(()));
}
