//! What happens when a process overflows its stack: a report that names it, then the end.
//!
//! [`install`] is called once a node starts. The handler looks at every SIGSEGV and SIGBUS of the
//! program. A fault in a guard of one of our arenas is an overflow: the handler, which runs on the
//! thread's alternate stack ([`super::AltStack`]), writes one report to standard error and aborts. Any
//! other fault goes on to whoever handled it before, with the signal mask and the flags that he asked for.
//!
//! Why the program ends: no destructor has run and none can, since the frames that overflowed may hold
//! any lock, the allocator's among them.
//!
//! Invariants: the handler allocates nothing, takes no lock and reads only what never changes after it
//! was written. Of several overflows at once the first is reported; the others wait for its abort.

use std::fmt::Write;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ReportBuffer;
use super::arena::{Guarded, guarded_at};

/// Writes who stands on the overflowed stack: `process <0.7.1> (label), spawned at src/main.rs:3:5`.
type Describe = fn(&mut ReportBuffer);

static DESCRIBE: OnceLock<Describe> = OnceLock::new();

/// Who handled each signal before. Set before the handler is installed, never changed.
static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [OnceLock::new(), OnceLock::new()];

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Installs the handler for the whole program. The first call counts, others do nothing.
///
/// `describe` is called on the thread that overflowed, in the signal handler, on the alternate stack: it
/// must not allocate, lock, panic or trust the process's state beyond what is written once. Without a
/// process on that thread it writes nothing.
pub(crate) fn install(describe: Describe) {
    DESCRIBE.get_or_init(|| {
        for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
            chain(signal, previous);
        }
        describe
    });
}

/// Puts the handler in front of the one that is there.
fn chain(signal: libc::c_int, previous: &OnceLock<libc::sigaction>) {
    let mut old = MaybeUninit::uninit();
    // SAFETY: asks for the action; `old` is written on success.
    if unsafe { libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: the call succeeded.
    let old: libc::sigaction = unsafe { old.assume_init() };
    previous.get_or_init(|| old);
    // Mask and flags stay the old handler's, so that the kernel treats it as if we were not there.
    let mut ours = old;
    ours.sa_sigaction = handle as *const () as usize;
    ours.sa_flags |= libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `handle` has the signature that SA_SIGINFO promises, and is async-signal-safe.
    unsafe { libc::sigaction(signal, &ours, ptr::null_mut()) };
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives both to a handler installed with SA_SIGINFO, valid while it runs.
    let overflowed = unsafe { overflowed(&*info, context) };
    if let Some(stack) = overflowed {
        report(stack);
    }
    // SAFETY: the arguments are the kernel's.
    unsafe { hand_on(signal, info, context) };
}

/// The stack that overflowed, if that is what the fault means.
///
/// # Safety
///
/// `info` and `context` are what the kernel gave to the handler.
unsafe fn overflowed(info: &libc::siginfo_t, context: *const libc::c_void) -> Option<Guarded> {
    // A signal sent by somebody (kill, tgkill) has no address.
    if info.si_code <= 0 {
        return None;
    }
    // SAFETY: signals of the two kinds that the kernel raises carry an address.
    let stack = guarded_at(unsafe { info.si_addr() }.addr())?;
    // SAFETY: by contract.
    match unsafe { stack_pointer(context) } {
        // Whoever stands elsewhere has followed a wild pointer into the guard.
        Some(pointer) if !stack.stands_on(pointer) => None,
        _ => Some(stack),
    }
}

impl Guarded {
    /// Whether a thread with this stack pointer ran on the stack, or out of it at its end.
    fn stands_on(&self, pointer: usize) -> bool {
        /// How far a frame that nobody probes may have moved the pointer past the guard.
        const BEYOND: usize = 64 * 1024;
        (self.limit.saturating_sub(BEYOND)..=self.limit + self.size).contains(&pointer)
    }
}

/// The stack pointer at the time of the fault, where its place is known.
///
/// # Safety
///
/// `context` is what the kernel gave to the handler.
unsafe fn stack_pointer(context: *const libc::c_void) -> Option<usize> {
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    {
        // SAFETY: the third argument of a handler is a ucontext_t.
        let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
        #[cfg(target_arch = "x86_64")]
        return usize::try_from(machine.gregs[libc::REG_RSP as usize]).ok();
        #[cfg(target_arch = "aarch64")]
        return usize::try_from(machine.sp).ok();
    }
    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )))]
    {
        let _ = context;
        None
    }
}

/// Reports the overflow and ends the program.
fn report(stack: Guarded) -> ! {
    static REPORTED: AtomicBool = AtomicBool::new(false);

    // A fault while reporting must end the program, not come back here and wait for itself: the
    // kernel kills a thread that faults with the signal blocked.
    // SAFETY: the set is initialised by sigemptyset; masks are the thread's own.
    unsafe {
        let mut both = MaybeUninit::uninit();
        libc::sigemptyset(both.as_mut_ptr());
        for signal in SIGNALS {
            libc::sigaddset(both.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, both.as_ptr(), ptr::null_mut());
    }
    if REPORTED.swap(true, Ordering::Relaxed) {
        loop {
            // SAFETY: waits for a signal; the thread that reports aborts the program.
            unsafe { libc::pause() };
        }
    }
    let mut text = ReportBuffer::new();
    // A report cut short is still a report.
    let _ = write_report(&mut text, stack);
    write_out(text.as_bytes());
    std::process::abort()
}

fn write_report(text: &mut ReportBuffer, stack: Guarded) -> std::fmt::Result {
    text.write_str("\nstack overflow in ")?;
    let before = text.as_bytes().len();
    if let Some(describe) = DESCRIBE.get() {
        describe(text);
    }
    if text.as_bytes().len() == before {
        text.write_str("the runtime itself, outside any process")?;
    }
    writeln!(
        text,
        "\nits stack has {} KiB; if the recursion is meant to be that deep, give it more with \
         Spawn::stack_size (this process) or Builder::stack_size (all of a node)\n\
         the program ends, since no destructor of the process can run",
        stack.size / 1024
    )
}

fn write_out(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: the range is the slice; write is async-signal-safe.
        let wrote = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(wrote) {
            Ok(wrote) => text = &text[wrote..],
            Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            // Nowhere to report to.
            Err(_) => return,
        }
    }
}

/// Lets the previous handler act as if ours were not there.
///
/// # Safety
///
/// The arguments are what the kernel gave to the handler.
unsafe fn hand_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let position = usize::from(signal == libc::SIGBUS);
    let Some(previous) = PREVIOUS[position].get() else {
        return;
    };
    // SAFETY: `info` is the kernel's.
    let raised_by_fault = unsafe { (*info).si_code } > 0;
    match previous.sa_sigaction {
        libc::SIG_IGN if !raised_by_fault => {}
        // A fault cannot be ignored: the kernel ends the program, as by default.
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: a zeroed action is the default one with an empty mask.
            unsafe {
                let mut default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, ptr::null_mut());
                // A fault repeats itself when the handler returns, a signal that was sent does not.
                if !raised_by_fault {
                    libc::raise(signal);
                }
            }
        }
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: an action with SA_SIGINFO holds a function of this type, made so by whoever
            // installed it; the arguments are the kernel's.
            unsafe {
                let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(handler);
                handler(signal, info, context);
            }
        }
        handler => {
            // SAFETY: an action without SA_SIGINFO that is neither default nor ignored holds a
            // function of this type.
            unsafe {
                let handler: extern "C" fn(libc::c_int) = std::mem::transmute(handler);
                handler(signal);
            }
        }
    }
}
