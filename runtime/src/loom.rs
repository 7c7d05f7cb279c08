//! The shim: atomics, cells, locks and threads from `std`, or from loom when a model is checked.
//!
//! Lock-free modules take these names from here and from nowhere else, so that `--cfg loom` runs
//! the very code that ships under the model checker. The names and shapes are loom's; where std's
//! differ (a cell's `with` and `with_mut`) the shim bends std. A fence that costs one side only is
//! `crate::scheduler::barrier`, which stands on this module.

#![allow(
    unused_imports,
    reason = "which of these are used depends on the target and on what is modelled"
)]

#[cfg(not(loom))]
mod std_types {
    pub(crate) mod cell {
        /// `std`'s cell in loom's clothes: a pointer to the content is lent to a closure, and
        /// loom counts who holds one.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub(crate) struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

        impl<T> UnsafeCell<T> {
            #[inline(always)]
            pub(crate) const fn new(value: T) -> Self {
                Self(std::cell::UnsafeCell::new(value))
            }
        }

        impl<T: ?Sized> UnsafeCell<T> {
            /// Lends the content to be read.
            #[inline(always)]
            pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
                f(self.0.get())
            }

            /// Lends the content to be changed.
            #[inline(always)]
            pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
                f(self.0.get())
            }
        }
    }

    pub(crate) mod sync {
        pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};

        pub(crate) mod atomic {
            pub(crate) use std::sync::atomic::{
                AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
            };
        }
    }

    pub(crate) mod hint {
        pub(crate) use std::hint::spin_loop;
    }

    pub(crate) mod thread {
        pub(crate) use std::thread::{JoinHandle, spawn, yield_now};
    }
}

#[cfg(loom)]
mod loom_types {
    pub(crate) mod cell {
        pub(crate) use loom::cell::UnsafeCell;
    }

    pub(crate) mod sync {
        pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

        pub(crate) mod atomic {
            pub(crate) use loom::sync::atomic::{
                AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
            };
        }
    }

    pub(crate) mod hint {
        pub(crate) use loom::hint::spin_loop;
    }

    pub(crate) mod thread {
        pub(crate) use loom::thread::{JoinHandle, spawn, yield_now};
    }
}

#[cfg(loom)]
pub(crate) use loom_types::{cell, hint, sync, thread};
#[cfg(not(loom))]
pub(crate) use std_types::{cell, hint, sync, thread};
