//! Size classes: the spacings in which stacks exist.
//!
//! Powers of two, so that one arena serves one class and a freed stack fits the next process that
//! asks for the same. A class fits into the low bits of a page-aligned address ([`super::Stack`]).

use super::{StackError, page_size};

const LEAST_SHIFT: u32 = 14;
const MOST_SHIFT: u32 = 26;

/// The smallest spacing in bytes, on a system with pages of 4 KiB.
pub(super) const LEAST: usize = 1 << LEAST_SHIFT;
/// The largest spacing in bytes.
pub(super) const MOST: usize = 1 << MOST_SHIFT;
/// How many classes there are.
pub(super) const COUNT: usize = (MOST_SHIFT - LEAST_SHIFT + 1) as usize;
/// The low bits of a stack's address that hold its class.
pub(super) const TAG_MASK: usize = 15;

const _: () = assert!(COUNT <= TAG_MASK + 1);

/// One size of stack; see [`class_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    /// Spacing of the stacks of this class in bytes, guard included.
    #[inline]
    pub(crate) const fn size(self) -> usize {
        1 << self.shift()
    }

    /// The logarithm of [`size`](Class::size).
    #[inline]
    pub(super) const fn shift(self) -> u32 {
        LEAST_SHIFT + self.0 as u32
    }

    /// Bytes at the lower end that nobody may touch: a sixteenth of the stack, at least a page, at
    /// most 16 KiB (or a page, where pages are larger).
    ///
    /// Rust's frames touch each page as they grow, so one page would do for them. C compilers do not
    /// all do so; a wider guard is harder to step over.
    pub(super) fn guard(self) -> usize {
        (self.size() / 16).min(16 * 1024).max(page_size())
    }

    /// Position of the class in arrays of [`COUNT`].
    #[inline]
    pub(super) const fn position(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(super) const fn tag(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(super) const fn from_tag(tag: usize) -> Class {
        Class(tag as u8)
    }

    /// All classes, the smallest first.
    pub(super) fn all() -> impl Iterator<Item = Class> {
        (0..COUNT as u8).map(Class)
    }
}

/// The smallest class whose spacing is at least `bytes`, and at least four pages.
///
/// # Errors
///
/// [`StackError::TooSmall`] for 0, [`StackError::TooLarge`] beyond 64 MiB.
pub(crate) fn class_of(bytes: usize) -> Result<Class, StackError> {
    // A quarter of a stack is the most that its guard may take.
    let least = LEAST.max(4 * page_size());
    match bytes {
        0 => Err(StackError::TooSmall { asked: 0, least }),
        _ if bytes > MOST => Err(StackError::TooLarge {
            asked: bytes,
            most: MOST,
        }),
        _ => {
            let shift = bytes.max(least).next_power_of_two().trailing_zeros();
            Ok(Class((shift - LEAST_SHIFT) as u8))
        }
    }
}
