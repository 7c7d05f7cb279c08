//! Trails: hints where the envelopes of a long chain lie.
//!
//! The owner of an inbox follows the chain link by link, and each envelope may lie in its sender's
//! cache: a hundred nanoseconds for each, one after the other. So a sender leaves in an envelope
//! where the one lies that it sent a few before, and the owner fetches that while it still looks
//! at this one. When the owner has turned a long chain round, the oldest are out of its nearest
//! cache again; so on its way it leaves a trail of its own, which leads back to the younger ones.
//! The hint may be wrong in every way: it is only ever fetched, never read.
//!
//! Called by `scheduler::deliver` for the sending thread, and by `mailbox` for the owner.

use std::cell::Cell;

use crate::message::Header;
use crate::prefetch;

/// How many envelopes back the hint leads.
const BACK: usize = 8;
/// The bytes of a cache line, in which distances are told.
const LINE: usize = 64;

/// Where the last envelopes lie: their addresses in lines, as far as 32 bits tell.
pub(crate) struct Trail {
    lines: [Cell<u32>; BACK],
    at: Cell<usize>,
}

/// How many lines away an envelope lies that will soon be looked at; 0 if unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint(i16);

impl Trail {
    pub(crate) const fn new() -> Trail {
        Trail {
            lines: [const { Cell::new(0) }; BACK],
            at: Cell::new(0),
        }
    }

    /// Notes an envelope, and returns its hint: where the eighth before it lies.
    #[inline]
    pub(crate) fn leave(&self, envelope: *const Header) -> Hint {
        let at = self.at.get();
        self.at.set((at + 1) % BACK);
        let line = (envelope.addr() / LINE) as u32;
        let older = self.lines[at].replace(line);
        Hint(i16::try_from(older.wrapping_sub(line) as i32).unwrap_or_default())
    }
}

impl Hint {
    /// Fetches what the hint of this envelope leads to.
    #[inline]
    pub(crate) fn follow(self, envelope: *const Header) {
        prefetch::line(envelope.wrapping_byte_offset(isize::from(self.0) * LINE as isize));
    }
}
