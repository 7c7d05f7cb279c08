//! The pid of a process: the index of its slot, and the slot's generation.
//!
//! Made by `table` for a newborn; looked up there by whoever has one. Invariant: none is given twice while the
//! program runs, for a slot whose generations are used up is used no more.

use std::fmt;
use std::num::NonZeroU32;

/// A process identifier: names one process for as long as the program runs.
///
/// It is never given to another process, also not after the first has died. Prints as
/// `<0.index.serial>`, the leading zero being the local node.
///
/// Mirrors Erlang's `pid()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pid {
    node: u32,
    index: u32,
    serial: NonZeroU32,
}

impl Pid {
    /// The pid of the slot `index` while it has the generation `serial`.
    #[inline]
    pub(crate) const fn new(index: u32, serial: NonZeroU32) -> Pid {
        Pid {
            node: 0,
            index,
            serial,
        }
    }

    /// The number of its slot in the process table.
    #[inline]
    pub(crate) const fn index(self) -> u32 {
        self.index
    }

    /// Which of the slot's processes it is.
    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        self.serial.get()
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}.{}>", self.node, self.index, self.serial)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
