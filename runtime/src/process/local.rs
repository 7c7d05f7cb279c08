//! `process_local!`: storage of one process.
//!
//! The values lie in the process's `Extra`; [`ProcessLocal::with`] makes them, and `run` drops them
//! at the end of the process, the newest first.
//!
//! Invariants:
//! * A value is boxed, and stays where it is until the process ends.
//! * The place of a value that was dropped stays: the key is not given another, so what
//!   destructors do comes to an end.
//! * No reference to `Extra` is held while a value is made, used or dropped.

use std::any::{Any, type_name};
use std::{mem, ptr};

use super::slot::Slot;
use super::{current, exit};

/// A key of process-local storage, declared by [`process_local!`](crate::process_local!).
///
/// Each process has a value of its own, made when it first asks, and dropped when it ends, the
/// newest first. Mirrors the process dictionary, with types.
pub struct ProcessLocal<T: Send + 'static> {
    key: Key,
    make: fn() -> T,
}

/// What is known of a key whatever its type. Its address tells it from others.
struct Key {
    type_name: fn() -> &'static str,
    /// Whether the values have a destructor. Without one they may be used to the end.
    drops: bool,
}

/// A key's value in one process.
pub(crate) struct Local {
    key: &'static Key,
    /// None once it was dropped.
    value: Option<Box<dyn Any + Send>>,
}

impl Local {
    fn is_of(&self, key: &'static Key) -> bool {
        ptr::eq(self.key, key)
    }
}

impl<T: Send + 'static> ProcessLocal<T> {
    #[doc(hidden)]
    pub const fn new(make: fn() -> T) -> ProcessLocal<T> {
        let key = Key {
            type_name: type_name::<T>,
            drops: mem::needs_drop::<T>(),
        };
        ProcessLocal { key, make }
    }

    /// Calls `f` with the calling process's value.
    ///
    /// The value stays where it is: `f` may block, and may use other keys, or this one again.
    ///
    /// # Panics
    ///
    /// Outside a process. At the end of the process, in a destructor, if the value is being or was
    /// dropped; a value without a destructor may be used to the end.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let slot = current("process_local!");
        let key = &self.key;
        if find::<T>(slot, key).is_none() {
            // User code: it may ask for this key itself; the outer value wins then, as it comes
            // last, and is found first.
            let value = (self.make)();
            let local = Local {
                key,
                value: Some(Box::new(value)),
            };
            // SAFETY: the running process is its own holder; the reference ends at once.
            unsafe { (*slot.extra()).locals.push(local) };
        }
        let Some(value) = find(slot, key) else {
            unreachable!("it was made")
        };
        // SAFETY: the value is boxed, and dropped only at the end of the process, so it outlives
        // `f`, which runs in the process.
        f(unsafe { &*value })
    }

    /// As [`with`](ProcessLocal::with); `None` if the value is being or was dropped, at the end of the process.
    ///
    /// ```
    /// use runtime::prelude::*;
    /// use std::cell::Cell;
    ///
    /// process_local! { static SEEN: Cell<u32> = Cell::new(0); }
    ///
    /// /// Says in its destructor, which may run when the process ends, whether the count is there still.
    /// struct Last;
    ///
    /// impl Drop for Last {
    ///     fn drop(&mut self) {
    ///         println!("{:?} seen", SEEN.try_with(Cell::get));
    ///     }
    /// }
    /// # runtime::run(|| drop(Last));
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a process.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Option<R> {
        let slot = current("process_local!");
        // SAFETY: the running process is its own holder; the reference ends here.
        let locals = unsafe { &(*slot.extra()).locals };
        let local = locals.iter().rev().find(|local| local.is_of(&self.key));
        if local.is_some_and(|local| local.value.is_none()) {
            return None;
        }
        Some(self.with(f))
    }

    /// The running process's value, if it has been made, and not been dropped.
    pub(crate) fn present<'p>(&'static self, slot: &'p Slot) -> Option<&'p T> {
        // SAFETY: the running process is its own holder; the reference ends here.
        let locals = unsafe { &(*slot.extra()).locals };
        let local = locals.iter().rev().find(|local| local.is_of(&self.key))?;
        let value = ptr::from_ref(local.value.as_ref()?.downcast_ref::<T>()?);
        // SAFETY: as in `with`.
        Some(unsafe { &*value })
    }
}

/// The types of the values that the process has, in the order in which they were made.
pub(crate) fn type_names(slot: &Slot) -> Vec<&'static str> {
    // SAFETY: the running process is its own holder; the reference ends here.
    let locals = unsafe { &(*slot.extra()).locals };
    let present = locals.iter().filter(|local| local.value.is_some());
    present.map(|local| (local.key.type_name)()).collect()
}

/// The process's value of the key, if there is one.
///
/// # Panics
///
/// If it was dropped.
fn find<T: 'static>(slot: &Slot, key: &'static Key) -> Option<*const T> {
    // SAFETY: the running process is its own holder; the reference ends here.
    let locals = unsafe { &(*slot.extra()).locals };
    let local = locals.iter().rev().find(|local| local.is_of(key))?;
    match local.value.as_ref().and_then(|value| value.downcast_ref()) {
        Some(value) => Some(ptr::from_ref(value)),
        None => dropped(type_name::<T>()),
    }
}

#[cold]
fn dropped(what: &str) -> ! {
    panic!("a `process_local!` {what} is used after its destructor has begun: the process ends")
}

/// Drops the running process's values that have destructors.
pub(crate) fn drop_all(slot: &Slot) {
    while let Some(value) = take_newest(slot) {
        exit::drop_quietly(value);
    }
}

fn take_newest(slot: &Slot) -> Option<Box<dyn Any + Send>> {
    // SAFETY: the running process is its own holder; the reference ends here.
    let extra = unsafe { slot.extra.get().as_mut() }?;
    let mut newest = extra.locals.iter_mut().rev();
    let local = newest.find(|local| local.key.drops && local.value.is_some())?;
    local.value.take()
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
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $value:expr);* $(;)?) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::ProcessLocal<$type> =
                $crate::ProcessLocal::new(|| $value);
        )*
    };
}
