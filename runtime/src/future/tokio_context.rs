//! tokio's context for crates that insist on its reactor. With the feature `tokio`.
//!
//! Invariant: the context is entered around a poll, or a drop, and never held over a switch.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle};

/// A future that is polled inside a tokio context: for crates that use tokio's sockets, timers and
/// tasks. The tokio runtime behind it is started on first use; it has one thread, for its reactor, its
/// timers and what is spawned there.
///
/// The context is entered around each poll, and never held over a switch. What wants it as soon as it is
/// made, as tokio's timers and sockets do, is made in there: `in_tokio(async { timeout(time, f).await })`;
/// outside it panics for want of a reactor.
///
/// ```
/// # runtime::run(|| {
/// use runtime::future::in_tokio;
///
/// let spawned = runtime::block_on(in_tokio(async {
///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///     tokio::spawn(async { 42 }).await
/// }));
/// assert_eq!(spawned.unwrap(), 42);
/// # });
/// ```
///
/// # Panics
///
/// If the system gives no thread for the tokio runtime.
pub fn in_tokio<F: Future>(future: F) -> InTokio<F> {
    InTokio {
        future: Some(Box::pin(future)),
    }
}

/// See [`in_tokio`].
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct InTokio<F> {
    /// None once it has been dropped.
    future: Option<Pin<Box<F>>>,
}

fn handle() -> &'static Handle {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("the tokio runtime did not start: {error}"),
        };
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("tokio".to_owned());
        // It runs as long as the program.
        let spawned = thread.spawn(move || runtime.block_on(std::future::pending::<()>()));
        if let Err(error) = spawned {
            panic!("no thread for the tokio runtime: {error}");
        }
        handle
    })
}

impl<F: Future> Future for InTokio<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _context = handle().enter();
        match &mut self.future {
            Some(future) => future.as_mut().poll(cx),
            None => unreachable!("dropped with this"),
        }
    }
}

impl<F> Drop for InTokio<F> {
    fn drop(&mut self) {
        // What is dropped may ask for the context as well.
        let _context = handle().enter();
        self.future = None;
    }
}
