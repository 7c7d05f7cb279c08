//! What a process does: the closure it starts with, or its behaviour.
//!
//! A small closure lies in the slot itself, so that spawning it allocates nothing; a larger one
//! and every behaviour are boxed. A started closure is on the process's stack;
//! the slot keeps its name.
//!
//! Only the holder of the process touches its body. Its name may be asked for while it runs.

use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::ptr;

use super::behaviour::{Behaviour, Cx, Next};

const WORDS: usize = 3;
type Words = [MaybeUninit<usize>; WORDS];

/// A type-erased closure or behaviour.
#[repr(C)]
pub(crate) struct Body {
    vtable: Option<&'static Vtable>,
    words: Words,
}

struct Vtable {
    /// Calls it. A closure is moved out first, and only its name is left from then on.
    ///
    /// # Safety
    /// The body is the vtable's, and the caller's alone.
    run: unsafe fn(*mut Body, &mut Cx<'_>) -> Next,
    /// # Safety
    /// As `run`; the words are not used again.
    drop: unsafe fn(*mut Words),
    /// # Safety
    /// As `run`.
    name: unsafe fn(*const Words) -> &'static str,
    /// Nothing is left to run or to drop.
    spent: bool,
}

impl Body {
    /// The body of a process that first calls `start`, and has the name of `N`: of the user's function,
    /// where `start` wraps it.
    #[inline]
    pub(crate) fn closure<N, F>(start: F) -> Body
    where
        F: FnOnce() -> Next + Send + 'static,
    {
        let mut words: Words = [MaybeUninit::uninit(); WORDS];
        if const { fits::<F>() } {
            // SAFETY: it fits, and the words are ours.
            unsafe { words.as_mut_ptr().cast::<F>().write(start) };
            Body {
                vtable: Some(const { &Inline::<N, F>::VTABLE }),
                words,
            }
        } else {
            words[0].write(Box::into_raw(Box::new(start)).expose_provenance());
            Body {
                vtable: Some(const { &Boxed::<N, F>::VTABLE }),
                words,
            }
        }
    }

    /// The body of a process that is a behaviour.
    pub(crate) fn behaviour(behaviour: Box<dyn Behaviour + Send>) -> Body {
        let mut words: Words = [MaybeUninit::uninit(); WORDS];
        let name = (*behaviour).name();
        // SAFETY: a fat pointer has two words, and a function's the third.
        unsafe {
            words
                .as_mut_ptr()
                .cast::<Resting>()
                .write((Box::into_raw(behaviour), name));
        }
        Body {
            vtable: Some(&BEHAVIOUR),
            words,
        }
    }

    /// The type's name, if there is a body.
    pub(crate) fn name(&self) -> Option<&'static str> {
        // SAFETY: vtable and words belong together.
        self.vtable
            .map(|vtable| unsafe { (vtable.name)(&raw const self.words) })
    }

    /// Whether it is a closure that has been called: it holds nothing.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.vtable.is_some_and(|vtable| vtable.spent)
    }

    /// Runs the body.
    ///
    /// # Safety
    ///
    /// The body is the caller's alone, also while it runs: it may be replaced only afterwards.
    #[inline]
    pub(crate) unsafe fn run(body: *mut Body, cx: &mut Cx<'_>) -> Next {
        // SAFETY: the caller's promise.
        match unsafe { (*body).vtable } {
            // SAFETY: vtable and words belong together.
            Some(vtable) => unsafe { (vtable.run)(body, cx) },
            None => unreachable!("a process at rest has a body"),
        }
    }

    /// Takes the body out, leaving none; dropping it drops what it holds.
    pub(crate) fn take(&mut self) -> Body {
        Body {
            vtable: self.vtable.take(),
            words: self.words,
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(vtable) = self.vtable.take() {
            // SAFETY: vtable and words belong together; the vtable is gone.
            unsafe { (vtable.drop)(&raw mut self.words) };
        }
    }
}

const fn fits<F>() -> bool {
    size_of::<F>() <= size_of::<Words>() && align_of::<F>() <= align_of::<Words>()
}

/// What stands in a body whose closure has been moved out to run: nothing but its name.
struct Started<N>(PhantomData<N>);

impl<N> Started<N> {
    const VTABLE: Vtable = Vtable {
        run: |_, _| unreachable!("a closure runs once"),
        drop: |_| {},
        name: |_| std::any::type_name::<N>(),
        spent: true,
    };
}

struct Inline<N, F>(PhantomData<(N, F)>);

impl<N, F: FnOnce() -> Next + Send + 'static> Inline<N, F> {
    const VTABLE: Vtable = Vtable {
        run: |body, _| {
            // SAFETY: the words hold an `F`, which is moved out; only its name is left.
            let start = unsafe {
                (*body).vtable = Some(const { &Started::<N>::VTABLE });
                ptr::read((&raw const (*body).words).cast::<F>())
            };
            start()
        },
        drop: |words| {
            // SAFETY: the words hold an `F`.
            unsafe { ptr::drop_in_place(words.cast::<F>()) };
        },
        name: |_| std::any::type_name::<N>(),
        spent: false,
    };
}

struct Boxed<N, F>(PhantomData<(N, F)>);

impl<N, F: FnOnce() -> Next + Send + 'static> Boxed<N, F> {
    /// # Safety
    /// The words hold a boxed `F`, whose ownership passes to the result.
    unsafe fn unbox(words: *const Words) -> Box<F> {
        // SAFETY: the caller's promise.
        unsafe {
            let address = (*words)[0].assume_init();
            Box::from_raw(ptr::with_exposed_provenance_mut(address))
        }
    }

    const VTABLE: Vtable = Vtable {
        run: |body, _| {
            // SAFETY: as `Inline`.
            let start = unsafe {
                (*body).vtable = Some(const { &Started::<N>::VTABLE });
                Self::unbox(&raw const (*body).words)
            };
            start()
        },
        // SAFETY: the words hold a boxed `F`.
        drop: |words| drop(unsafe { Self::unbox(words) }),
        name: |_| std::any::type_name::<N>(),
        spent: false,
    };
}

/// What the words of a behaviour hold: the box, and how to name it without looking at it.
type Resting = (*mut (dyn Behaviour + Send), fn() -> &'static str);

const _: () = assert!(size_of::<Resting>() == size_of::<Words>());

/// # Safety
/// The words hold a behaviour.
unsafe fn behaviour(words: *const Words) -> Resting {
    // SAFETY: the caller's promise.
    unsafe { words.cast::<Resting>().read() }
}

static BEHAVIOUR: Vtable = Vtable {
    // SAFETY: the words hold a behaviour, which is boxed: it stays where it is while it runs.
    run: |body, cx| unsafe { (*behaviour(&raw const (*body).words).0).wake(cx) },
    // SAFETY: the words hold a behaviour that is not used again.
    drop: |words| drop(unsafe { Box::from_raw(behaviour(words).0) }),
    // SAFETY: the words hold a behaviour.
    name: |words| unsafe { behaviour(words).1() },
    spent: false,
};

const _: () = assert!(mem::size_of::<Body>() == 32);
