//! `process_local!`: storage of one process.

use std::any::Any;
use std::ptr;

use super::current;

/// A key of process-local storage, declared by [`process_local!`](crate::process_local!).
///
/// Each process has a value of its own, made when it first asks, and dropped when it ends.
/// Mirrors the process dictionary, with types.
pub struct ProcessLocal<T: Send + 'static> {
    make: fn() -> T,
}

impl<T: Send + 'static> ProcessLocal<T> {
    #[doc(hidden)]
    pub const fn new(make: fn() -> T) -> ProcessLocal<T> {
        ProcessLocal { make }
    }

    /// Calls `f` with the calling process's value.
    ///
    /// The value stays where it is: `f` may block, and may use other keys, or this one again.
    ///
    /// # Panics
    ///
    /// Outside a process.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let slot = current("process_local!");
        let key = ptr::from_ref(self).addr();
        // SAFETY: the running process is its own holder; the reference ends at once.
        let at = unsafe {
            let locals = &(*slot.extra()).locals;
            locals.iter().position(|(other, _)| *other == key)
        };
        if at.is_none() {
            // User code: it may ask for this key itself; the outer value wins then, as it comes
            // last, and is found first.
            let value: Box<dyn Any + Send> = Box::new((self.make)());
            // SAFETY: as above.
            unsafe { (*slot.extra()).locals.push((key, value)) };
        }
        // SAFETY: as above; values are boxed and dropped only at the end of the process, so the
        // reference outlives `f`, which runs in the process.
        let value: &T = unsafe {
            let locals = &(*slot.extra()).locals;
            let value = locals.iter().rev().find(|(other, _)| *other == key);
            match value.and_then(|(_, value)| value.downcast_ref::<T>()) {
                Some(value) => &*ptr::from_ref(value),
                None => unreachable!("a key's value has its type"),
            }
        };
        f(value)
    }
}

/// Declares storage that each process has its own of.
///
/// ```
/// use std::cell::Cell;
/// use runtime::process_local;
///
/// process_local! {
///     /// How deep we are.
///     static DEPTH: Cell<u32> = Cell::new(3);
/// }
///
/// # runtime::run(|| {
/// DEPTH.with(|depth| depth.set(depth.get() + 1));
/// assert_eq!(DEPTH.with(Cell::get), 4);
/// # });
/// ```
#[macro_export]
macro_rules! process_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $value:expr;)*) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::ProcessLocal<$type> =
                $crate::ProcessLocal::new(|| $value);
        )*
    };
}
