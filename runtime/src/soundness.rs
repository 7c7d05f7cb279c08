//! Debug builds look for code that breaks assumption L (the chapter on soundness): a frame below
//! a switch that sets a thread-local for the length of a call, and relies on leaving it in order.
//!
//! Called by whatever suspends a process, before it does. The first time that a process suspends
//! at a place, in a depth of its stack, the stack is captured; a thread of its own puts names to
//! the frames, as that takes time and room, and reports those that are known violators. So a place
//! that is reached in two ways is looked at twice, unless both are as deep.
//!
//! Without a subscriber that wants warnings nothing is looked at. No user code runs here but the
//! subscriber's, on the thread of its own; nothing here switches.

use std::backtrace::Backtrace;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use tracing::level_filters::LevelFilter;

use crate::context::{self, Context};
use crate::process::pid::Pid;
use crate::process::try_current;
use crate::report::report;

/// Functions below which no process may suspend: a part of the name, or of the source's path, and
/// the last part of the name.
const VIOLATORS: [(&str, &str); 4] = [
    // What `thread_local!` makes of an initialiser.
    ("", "__rust_std_internal_init_fn"),
    ("scoped_tls", "set"),
    ("scoped-tls", "set"),
    ("scoped_tls_hkt::ScopedKeyMut", "with"),
];

/// What the capture of a stack may need of it, in bytes.
const ROOM: usize = 16 * 1024;

/// Switches that were looked at, by their keys; 0: a free place.
static SEEN: [AtomicU64; 1 << 12] = [const { AtomicU64::new(0) }; 1 << 12];

/// How many places of `SEEN` a key may have. Where all are taken, no look is taken.
const PROBES: usize = 16;

/// A switch under suspicion.
struct Switch {
    pid: Pid,
    /// Where the process was spawned.
    place: Option<&'static Location<'static>>,
    location: &'static Location<'static>,
    stack: Backtrace,
}

enum Order {
    Look(Switch),
    /// To be dropped when all before it is done.
    Finish(Sender<()>),
}

/// The orders of the thread that looks; `None` if it could not be started.
static LOOKS: OnceLock<Option<Sender<Order>>> = OnceLock::new();

/// The process that runs on `context`, which is the running one, is about to suspend.
#[inline(never)]
#[track_caller]
pub(crate) fn look(context: *const Context) {
    if LevelFilter::current() < LevelFilter::WARN {
        return;
    }
    let location = Location::caller();
    let here = ptr::from_ref(&location).addr();
    // SAFETY: the context is the running one.
    let limit = unsafe { context::limit(context) };
    // On a stack of the process's own making nobody knows the room.
    let room = here.wrapping_sub(limit);
    let depth = context.addr().wrapping_sub(here);
    if (limit..context.addr()).contains(&here) && is_new(location, depth) && room > ROOM {
        capture(location);
    }
}

fn is_new(location: &'static Location<'static>, depth: usize) -> bool {
    let mut hasher = DefaultHasher::new();
    (ptr::from_ref(location).addr(), depth).hash(&mut hasher);
    let key = hasher.finish() | 1;
    for probe in 0..PROBES {
        let place = &SEEN[((key >> 32) as usize + probe) % SEEN.len()];
        match place.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(other) if other == key => return false,
            Err(_) => {}
        }
    }
    false
}

#[cold]
fn capture(location: &'static Location<'static>) {
    let Some(slot) = try_current() else { return };
    let Some(looks) = LOOKS.get_or_init(start) else {
        return;
    };
    let switch = Switch {
        pid: slot.pid(),
        place: slot.place(),
        location,
        stack: Backtrace::force_capture(),
    };
    // The thread ends only with the program.
    let _ = looks.send(Order::Look(switch));
}

fn start() -> Option<Sender<Order>> {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let thread = thread::Builder::new().name("runtime-soundness".to_owned());
    let started = thread.spawn(move || serve(&receiver));
    started.is_ok().then_some(sender)
}

/// Waits until all that was seen has been reported.
pub(crate) fn finish() {
    if let Some(Some(looks)) = LOOKS.get() {
        let (done, all_done) = crossbeam_channel::bounded(0);
        if looks.send(Order::Finish(done)).is_ok() {
            // It ends with an error: nothing is sent.
            let _ = all_done.recv();
        }
    }
}

fn serve(orders: &Receiver<Order>) {
    let mut reported = HashSet::new();
    for order in orders {
        match order {
            Order::Look(switch) => {
                if let Some(frame) = violator(&switch.stack.to_string())
                    && reported.insert((switch.location, frame.clone()))
                {
                    tell(&switch, &frame);
                }
            }
            Order::Finish(done) => drop(done),
        }
    }
}

/// The innermost frame that is a violator's, with its place in the source.
fn violator(stack: &str) -> Option<String> {
    // `   7: name`, and below it, where it is known, `             at path:line:column`.
    let mut lines = stack.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((_, name)) = line.split_once(": ") else {
            continue;
        };
        let at = lines.next_if(|line| line.starts_with("at "));
        if is_violator(name, at.unwrap_or_default()) {
            return Some(match at {
                Some(at) => format!("{name} {at}"),
                None => name.to_owned(),
            });
        }
    }
    None
}

fn is_violator(name: &str, at: &str) -> bool {
    VIOLATORS.iter().any(|(part, function)| {
        (name.contains(part) || at.contains(part)) && is_function(name, function)
    })
}

/// Whether the symbol is of a function with this name: `set`, `set<T>`, `Key<T>::set`,
/// `<Key<T>>::set::<F>`.
fn is_function(symbol: &str, name: &str) -> bool {
    symbol.match_indices(name).any(|(at, _)| {
        let (before, after) = (&symbol[..at], &symbol[at + name.len()..]);
        (before.is_empty() || before.ends_with("::"))
            && (after.is_empty() || after.starts_with('<') || after.starts_with("::<"))
    })
}

fn tell(switch: &Switch, frame: &str) {
    report(|| {
        tracing::warn!(
            target: "runtime::soundness",
            pid = %switch.pid,
            place = switch.place.map(tracing::field::display),
            location = %switch.location,
            frame,
            "a switch point in a call that relies on being left in order: this breaks assumption L"
        )
    });
}
