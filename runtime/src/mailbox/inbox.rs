//! The inbox: the lock-free end of a mailbox, and the wake state of its process.
//!
//! Called by everyone who sends (`send`, signals, wakers, timers) and by the one who owns the
//! process at that moment (the worker that runs it, or whoever claimed it).
//!
//! ```text
//!              push: CAS, newest first                  take: swap, then reverse
//!   senders ------------------------------> head ------------------------------> owner's queue
//!                                            |
//!   OPEN     0  nothing new; the process runs or is queued to run
//!   WAITING  1  the process waits: whoever moves the word to OPEN has claimed it
//!   DEAD     2  no process; nothing is taken any more
//!   WOKEN    3  as OPEN, and a wake-up came that has no envelope
//!   pointer     the newest envelope; links lead to older ones and end in null
//! ```
//!
//! **Ownership.** The private half of a slot (its queue, its state at rest, its context) belongs
//! to whoever holds the process: a worker, from the moment it takes it from a run queue until its
//! [`wait`](Inbox::wait) succeeds; then nobody; then the one whose [`push`](Inbox::push),
//! [`wake`](Inbox::wake) or [`claim`](Inbox::claim) moved `WAITING` to `OPEN`. Every change of
//! hands is one release-acquire pair on `head`.
//!
//! **Claim and deliver.** A sender that finds the process waiting does not push: it claims the
//! process, appends to its private queue directly and makes it runnable: one locked operation
//! for both, and the receiver finds its message without touching the inbox.
//!
//! **No lost wake-up.** All changes of `head` are read-modify-writes, so they stand in one order.
//! If a push or wake comes before `wait` in it, `wait` fails and the process runs on; if it comes
//! after, it finds `WAITING` and claims.
//!
//! **Generations.** A sender compares the generation first, so the dead are usually found without
//! touching `head`. A slot may be reused between the comparison and the push; the envelope
//! carries the generation it was meant for, and the owner drops what was meant for another.
//!
//! **Flags.** What others tell a process without an envelope is a bit beside the generation, in
//! one word, so that a bit meant for a process that has ended never falls on its successor.
//!
//! **The gone.** [`GONE`] is the one flag whose meaning is the inbox's: nothing is sent to the
//! process any more, though it may run on for a while, and wait, and wake. Who pushes may have looked
//! just before, so what needs an answer is looked after once more (`signal::send`).
//!
//! The 16 bits above a pointer count the envelopes in the chain, up to a ceiling, so that the
//! length of another's mailbox costs a load. A bit below it says whether an exit signal is among
//! them; it comes and goes with the chain, so it never lies.

use std::ptr::{self, NonNull};

use super::chain::{Chain, set_next};
use super::trail::Trail;
use crate::loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::message::{Header, Kind};

const OPEN: usize = 0;
const WAITING: usize = 1;
const DEAD: usize = 2;
const WOKEN: usize = 3;

const COUNT_SHIFT: u32 = 48;
/// In a chain's word: an exit signal is among the envelopes.
const EXIT: usize = 1 << 2;
const POINTER: usize = ((1 << COUNT_SHIFT) - 1) & !EXIT;
const _: () = assert!(align_of::<Header>() > EXIT);
/// The length at which a chain's count stays.
pub(crate) const COUNT_CEILING: usize = u16::MAX as usize;

/// Where the generation lies in `life`.
const GENERATION_SHIFT: u32 = 32;
/// Of the flags: the process counts as gone.
pub(crate) const GONE: u32 = 1 << 10;

/// The shared half of a mailbox; see the module's head.
#[repr(C)]
pub(crate) struct Inbox {
    head: AtomicUsize,
    /// The generation, and below it the flags: bits that others set and the owner clears; their
    /// meaning is the slot's.
    life: AtomicU64,
}

/// What became of a push.
#[must_use]
pub(crate) enum Pushed {
    /// The owner will find it, behind so many others that it has not taken yet.
    Queued(usize),
    /// The process waited: it is the caller's now, and so is the envelope.
    Claimed,
    /// Nobody is there; the envelope is the caller's again.
    Dead,
}

/// What became of a wake-up without an envelope.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// The process waited: it is the caller's now.
    Claimed,
    /// The process runs, or has something to run for: it will look before it waits.
    Noted,
    /// Nobody is there.
    Dead,
}

impl Inbox {
    /// The inbox of a slot that has no process yet.
    #[cfg(loom)]
    pub(crate) fn new() -> Inbox {
        Inbox {
            head: AtomicUsize::new(DEAD),
            life: AtomicU64::new(1 << GENERATION_SHIFT),
        }
    }

    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        // A stale value is caught by the envelope's own generation.
        (self.life.load(Ordering::Relaxed) >> GENERATION_SHIFT) as u32
    }

    /// Whether the process of the generation `of` is there, and has none of these flags.
    #[inline]
    pub(crate) fn is_plain(&self, of: u32, flags: u32) -> bool {
        // As in `generation`.
        let life = self.life.load(Ordering::Relaxed);
        life >> GENERATION_SHIFT == u64::from(of) && life as u32 & flags == 0
    }

    /// Whether anything is sent to the process of the generation `of`, as far as a load can tell.
    #[inline]
    pub(crate) fn takes(&self, of: u32) -> bool {
        self.is_plain(of, GONE)
    }

    /// The flags of whatever process is there now.
    #[inline]
    pub(crate) fn flags(&self) -> u32 {
        // What stands behind a flag is read after `clear`, or after `take`.
        self.life.load(Ordering::Relaxed) as u32
    }

    /// The flags of the process of the generation `of`, unless it is gone.
    #[inline]
    pub(crate) fn flags_of(&self, of: u32) -> Option<u32> {
        let life = self.life.load(Ordering::Acquire);
        (life >> GENERATION_SHIFT == u64::from(of)).then_some(life as u32)
    }

    /// Sets flags of the process of the generation `of`. Returns the flags as they were, or none
    /// if it is gone.
    pub(crate) fn set(&self, flags: u32, of: u32) -> Option<u32> {
        let mut life = self.life.load(Ordering::Relaxed);
        loop {
            if life >> GENERATION_SHIFT != u64::from(of) {
                return None;
            }
            // A write also if they are set: it carries what the caller did before to whoever
            // clears them.
            match self.life.compare_exchange_weak(
                life,
                life | u64::from(flags),
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(life as u32),
                Err(now) => life = now,
            }
        }
    }

    /// Clears flags, and returns them all as they were; only the owner may.
    pub(crate) fn clear(&self, flags: u32) -> u32 {
        self.life.fetch_and(!u64::from(flags), Ordering::AcqRel) as u32
    }

    /// Sends an envelope to the process of the generation `to`.
    ///
    /// # Safety
    ///
    /// The envelope is the caller's, and valid. With `Queued` it passes to the owner.
    #[inline]
    pub(crate) unsafe fn push(&self, envelope: NonNull<Header>, to: u32, trail: &Trail) -> Pushed {
        if !self.takes(to) {
            return Pushed::Dead;
        }
        if self.claim() {
            // SAFETY: the envelope is ours.
            unsafe { set_next(envelope, ptr::null_mut()) };
            return Pushed::Claimed;
        }
        // SAFETY: the caller's promise.
        unsafe { self.push_on_top(envelope, trail) }
    }

    /// As [`push`](Inbox::push), to a process that did not wait just now, whatever its generation,
    /// and also if it counts as gone.
    ///
    /// # Safety
    ///
    /// As [`push`](Inbox::push).
    #[inline]
    pub(crate) unsafe fn push_on_top(
        &self,
        mut envelope: NonNull<Header>,
        trail: &Trail,
    ) -> Pushed {
        // SAFETY: the envelope is ours.
        let exit = match unsafe { envelope.as_ref() }.kind {
            Kind::Exit => EXIT,
            _ => 0,
        };
        // SAFETY: the caller's promise.
        unsafe { envelope.as_mut().hint = trail.leave(envelope.as_ptr()) };
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let (next, count) = match head {
                WAITING if self.claim() => {
                    // A push that failed before left a link here.
                    // SAFETY: the envelope is ours.
                    unsafe { set_next(envelope, ptr::null_mut()) };
                    return Pushed::Claimed;
                }
                WAITING => {
                    head = self.head.load(Ordering::Relaxed);
                    continue;
                }
                DEAD => {
                    // SAFETY: as above.
                    unsafe { set_next(envelope, ptr::null_mut()) };
                    return Pushed::Dead;
                }
                OPEN | WOKEN => (ptr::null_mut(), 0),
                _ => (pointer(head), head >> COUNT_SHIFT),
            };
            // SAFETY: as above.
            unsafe { set_next(envelope, next) };
            let count = (count + 1).min(COUNT_CEILING);
            let new = envelope.as_ptr().expose_provenance();
            debug_assert_eq!(new & !POINTER, 0, "addresses have 48 bits");
            match self.head.compare_exchange_weak(
                head,
                // The words that are no chains have the bit 0.
                new | count << COUNT_SHIFT | head & EXIT | exit,
                // Release: the envelope's content, and what the sender did before.
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Pushed::Queued(count),
                Err(now) => head = now,
            }
        }
    }

    /// Wakes the process without a message. Whatever it shall look at was stored before.
    #[inline]
    pub(crate) fn wake(&self) -> Woke {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let (new, outcome) = match head {
                WAITING => (OPEN, Woke::Claimed),
                DEAD => return Woke::Dead,
                OPEN | WOKEN => (WOKEN, Woke::Noted),
                // The owner will take the chain. It must be a write nevertheless: a load alone
                // could return a chain that was taken before.
                chain => (chain, Woke::Noted),
            };
            match self
                .head
                .compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return outcome,
                Err(now) => head = now,
            }
        }
    }

    /// Sets flags of the process of the generation `to`, and wakes it. It looks at them before it
    /// waits again.
    pub(crate) fn wake_with(&self, flags: u32, to: u32) -> Woke {
        match self.set(flags, to) {
            None => Woke::Dead,
            // Whoever set them first sees to the waking.
            Some(before) if before & flags == flags => Woke::Noted,
            Some(_) => self.wake(),
        }
    }

    /// Claims the process if it waits.
    #[inline]
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        // Acquire: the owner's half is the caller's now. Release is kept for the chain of changes
        // from `wait` to the next take.
        self.head.load(Ordering::Relaxed) == WAITING
            && self
                .head
                .compare_exchange(WAITING, OPEN, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// The owner gives the process up, to whoever claims it. False if something came meanwhile:
    /// the process is still the caller's.
    #[inline]
    #[must_use]
    pub(crate) fn wait(&self) -> bool {
        self.head
            .compare_exchange(OPEN, WAITING, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes all that came; only the owner may.
    #[inline]
    pub(crate) fn take(&self) -> Chain {
        if self.head.load(Ordering::Relaxed) == OPEN {
            return Chain::EMPTY;
        }
        // Acquire: the contents of the envelopes. Release: so that a `wake` that wrote a chain
        // back unchanged is ordered before what the owner looks at next.
        // SAFETY: the word was just taken out.
        unsafe { chain(self.head.swap(OPEN, Ordering::AcqRel)) }
    }

    /// Takes all that came to a process that has gone, which another holds: that one finds a
    /// wake-up in its place, as one may have hidden behind the chain. With `exit`, only if an exit
    /// signal is among it.
    pub(crate) fn seize(&self, exit: bool) -> Option<Chain> {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if exit && head & EXIT == 0 {
                return None;
            }
            let new = match head {
                WAITING | DEAD => head,
                _ => WOKEN,
            };
            // A write whatever is there: who pushes after it sees what the caller did before.
            match self
                .head
                .compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Relaxed)
            {
                // SAFETY: the word was just taken out, if it was a chain.
                Ok(_) => return Some(unsafe { chain(head) }),
                Err(now) => head = now,
            }
        }
    }

    /// Whether an exit signal has come since the last `take`.
    pub(crate) fn has_exit(&self) -> bool {
        self.head.load(Ordering::Relaxed) & EXIT != 0
    }

    /// Nothing has come since the last `take`. Only a hint, except to the owner of a process
    /// nobody else knows.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed) == OPEN
    }

    /// The number of envelopes that were not taken yet, up to [`COUNT_CEILING`].
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self.head.load(Ordering::Relaxed) {
            OPEN | WAITING | DEAD | WOKEN => 0,
            chain => chain >> COUNT_SHIFT,
        }
    }

    /// The owner closes the inbox: nothing is taken any more. Returns the last that came.
    pub(crate) fn close(&self) -> Chain {
        // SeqCst: before `flags_at_end`, against `set` and `is_closed` of one who gives it a name.
        // SAFETY: the word was just taken out.
        unsafe { chain(self.head.swap(DEAD, Ordering::SeqCst)) }
    }

    /// The flags of a process that has closed its inbox: who sets one later finds it closed.
    pub(crate) fn flags_at_end(&self) -> u32 {
        // SeqCst, with `close` and `set`. loom knows no order of two words but by fences; there it
        // is a read-modify-write, which sees all that came before.
        #[cfg(not(loom))]
        let life = self.life.load(Ordering::SeqCst);
        #[cfg(loom)]
        let life = self.life.fetch_or(0, Ordering::AcqRel);
        life as u32
    }

    /// Ends the generation of a closed inbox, and its flags. False if it was the last, so that the
    /// slot must not be used again.
    #[must_use]
    pub(crate) fn retire(&self) -> bool {
        let (next, more) = match self.generation().checked_add(1) {
            Some(next) => (next, true),
            // No pid has the generation 0.
            None => (0, false),
        };
        let life = u64::from(next) << GENERATION_SHIFT;
        // Release: who sees the new generation sees the end of the old. A store will do: a `set`
        // that comes after it in the order of changes finds the generation gone, for a
        // read-modify-write reads what stands directly before it. loom does not know that rule
        // where stores and read-modify-writes meet.
        #[cfg(not(loom))]
        self.life.store(life, Ordering::Release);
        #[cfg(loom)]
        self.life.swap(life, Ordering::Release);
        more
    }

    /// Whether the inbox is closed: its process has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.head.load(Ordering::SeqCst) == DEAD
    }

    /// Prepares the never-used inbox of a fresh slot (all zero) for [`open`](Inbox::open).
    pub(crate) fn initialise(&self, generation: u32) {
        self.head.store(DEAD, Ordering::Relaxed);
        self.life
            .store(u64::from(generation) << GENERATION_SHIFT, Ordering::Release);
    }

    /// Opens the inbox for a new process, owned by the caller, who has prepared the private half.
    #[inline]
    pub(crate) fn open(&self) {
        // Release: a push that finds it open hands over what was prepared, through `take`.
        self.head.store(OPEN, Ordering::Release);
    }
}

/// Checks that an envelope's address leaves room for the count.
///
/// # Errors
///
/// [`StartError::Address`](crate::StartError::Address).
#[cfg(not(loom))]
pub(crate) fn check_addresses() -> Result<(), crate::StartError> {
    let address = std::ptr::from_ref(crate::AnyMessage::new(()).header()).addr();
    check_address(address)
}

#[cfg(not(loom))]
fn check_address(address: usize) -> Result<(), crate::StartError> {
    if address & !POINTER == 0 {
        return Ok(());
    }
    Err(crate::StartError::Address {
        address,
        bits: COUNT_SHIFT,
    })
}

/// The chain that a word holds, empty if it is none.
///
/// # Safety
///
/// If it holds one, the caller has taken the word out of the inbox.
#[inline]
unsafe fn chain(head: usize) -> Chain {
    match head {
        OPEN | WAITING | DEAD | WOKEN => Chain::EMPTY,
        // SAFETY: the caller's promise: nobody else finds its envelopes.
        _ => unsafe { Chain::new(pointer(head)) },
    }
}

#[inline]
fn pointer(head: usize) -> *mut Header {
    ptr::with_exposed_provenance_mut(head & POINTER)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::check_address;

    /// An address that the count would overwrite is refused, with itself and how long it may be.
    #[test]
    fn a_long_address() {
        assert!(check_address(0x7fff_ffff_fff0).is_ok());
        let error = check_address(0x0100_7fff_ffff_fff0)
            .unwrap_err()
            .to_string();
        assert!(error.contains("0x1007ffffffffff0"), "{error}");
        assert!(error.contains("48 bits"), "{error}");
    }
}
