//! Overflows and other faults, each in a child: who reports, and how the program ends.

use std::fmt::Write;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use corosensei::Coroutine;

use super::children::run;
use super::*;
use crate::stack::{AltStack, ReportBuffer, install};

/// What children can do, by name.
pub(super) const DEEDS: &[(&str, fn())] = &[
    ("overflow", || overflow(arenas())),
    ("overflow, protected", || {
        overflow(arenas_with(Guards::protecting(100)));
    }),
    ("overflow after trim", overflow_after_trim),
    ("ten overflows", ten_overflows),
    ("long label", || {
        install(|text| {
            let _ = write!(text, "process {:?}", "x".repeat(10_000));
        });
        overflow_here(&mut Cache::of(arenas()));
    }),
    ("no process", || {
        install(|_| {});
        overflow_here(&mut Cache::of(arenas()));
    }),
    ("fault in the report", || {
        install(|_| fault());
        overflow_here(&mut Cache::of(arenas()));
    }),
    ("plain fault", || {
        install(describe);
        fault();
    }),
    ("sent signal", || {
        set_action(libc::SIG_DFL, 0);
        install(describe);
        send(libc::SIGSEGV);
    }),
    ("overflow of a thread", || {
        install(describe);
        let thread = thread::Builder::new().name("plain".into()).spawn(|| {
            recurse(0);
        });
        let _ = thread.expect("a thread").join();
    }),
    ("wild pointer into a guard", || {
        install(describe);
        let stack = take(&mut Cache::of(arenas()), class(64 * KIB), 1).remove(0);
        // SAFETY: none; the child must die of it.
        unsafe { stack.bottom().as_ptr().write_volatile(1) };
    }),
    #[cfg(target_os = "linux")]
    ("forged address", forged_address),
    ("earlier handler", earlier_handler),
    ("ignored signal", || {
        set_action(libc::SIG_IGN, 0);
        install(describe);
        send(libc::SIGSEGV);
        eprintln!("alive");
        fault();
    }),
    #[cfg(target_os = "linux")]
    ("address space", address_space),
];

fn describe(text: &mut ReportBuffer) {
    let pid = (7, 1);
    let label = "deep";
    let _ = write!(
        text,
        "process <0.{}.{}> {label:?}, spawned at src/main.rs:3:5",
        pid.0, pid.1
    );
}

const REPORT: &str = "\nstack overflow in process <0.7.1> \"deep\", spawned at src/main.rs:3:5\n\
    its stack has 256 KiB; if the recursion is meant to be that deep, give it more with \
    Spawn::stack_size (this process) or Builder::stack_size (all of a node)\n\
    the program ends, since no destructor of the process can run\n";

#[expect(unconditional_recursion, reason = "it is to end at the guard")]
fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 32]);
    recurse(depth + 1) + black_box(frame)[0]
}

fn fault() {
    // SAFETY: none; the child must die of it.
    unsafe { ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
}

fn send(signal: libc::c_int) {
    // SAFETY: raise has no preconditions.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

fn set_action(handler: libc::sighandler_t, flags: libc::c_int) {
    // SAFETY: a zeroed action has an empty mask; `handler` has the signature that `flags` asks for.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaddset(&mut action.sa_mask, libc::SIGUSR1);
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()), 0);
    }
}

/// Overflows a coroutine's stack on the calling thread.
fn overflow_here(cache: &mut Cache) {
    let _signals = AltStack::install().expect("a signal stack");
    let stack = cache.get(class(256 * KIB)).expect("a stack");
    let mut process = Coroutine::with_stack(stack, |_, (): ()| {
        recurse(0);
    });
    let _: corosensei::CoroutineResult<(), ()> = process.resume(());
}

fn overflow(arenas: &'static Arenas) {
    install(describe);
    // Of two calls the first counts.
    install(|_| fault());
    overflow_here(&mut Cache::of(arenas));
}

fn overflow_after_trim() {
    let arenas = arenas();
    let mut cache = Cache::of(arenas);
    let stacks = take(&mut cache, class(256 * KIB), 100);
    stacks.into_iter().for_each(|stack| cache.put(stack));
    cache.flush();
    arenas.trim(0);
    assert!(arenas.trim(0) >= 100);
    install(describe);
    overflow_here(&mut cache);
}

fn ten_overflows() {
    install(|text| {
        static REPORTING: AtomicUsize = AtomicUsize::new(0);
        REPORTING.fetch_add(1, Ordering::Relaxed);
        // Time for the others to overflow while the first is at its report.
        for _ in 0..1000 {
            thread::yield_now();
        }
        match REPORTING.load(Ordering::Relaxed) {
            1 => describe(text),
            _ => text.write_str("several at once").expect("room"),
        }
    });
    let arenas = arenas();
    let barrier = Barrier::new(10);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut cache = Cache::of(arenas);
                barrier.wait();
                overflow_here(&mut cache);
            });
        }
    });
}

fn earlier_handler() {
    extern "C" fn earlier(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        _context: *mut libc::c_void,
    ) {
        // SAFETY: `info` is the kernel's; the set is written on success; _exit ends the program.
        unsafe {
            let mut mask = MaybeUninit::uninit();
            libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), mask.as_mut_ptr());
            let masked = libc::sigismember(mask.as_ptr(), libc::SIGUSR1) == 1;
            let as_it_asked = signal == libc::SIGSEGV && (*info).si_addr().addr() == 8 && masked;
            libc::_exit(if as_it_asked { 0 } else { 1 });
        }
    }
    set_action(earlier as *const () as usize, libc::SA_SIGINFO);
    install(describe);
    fault();
}

/// Sends a signal that carries the address of the sender's own guard page where a fault would.
#[cfg(target_os = "linux")]
fn forged_address() {
    set_action(libc::SIG_DFL, 0);
    install(describe);
    let _signals = AltStack::install().expect("a signal stack");
    let stack = Cache::of(arenas()).get(class(256 * KIB)).expect("a stack");
    let guard = stack.bottom().addr().get();
    let mut process = Coroutine::with_stack(stack, move |_, (): ()| {
        // SAFETY: a zeroed siginfo_t is valid; its address follows two words on 64-bit Linux; the
        // kernel lets a thread send itself any information with a negative code.
        unsafe {
            let mut info = MaybeUninit::<libc::siginfo_t>::zeroed().assume_init();
            info.si_code = libc::SI_QUEUE;
            (&raw mut info).cast::<usize>().add(2).write(guard);
            assert_eq!(info.si_addr().addr(), guard);
            libc::syscall(
                libc::SYS_rt_tgsigqueueinfo,
                libc::getpid(),
                libc::gettid(),
                libc::SIGSEGV,
                &raw const info,
            );
        }
    });
    let _: corosensei::CoroutineResult<(), ()> = process.resume(());
}

#[cfg(target_os = "linux")]
fn address_space() {
    let status = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: usize = status
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .expect("pages");
    let limit = libc::rlimit {
        rlim_cur: (pages * page_size() + 100 * MIB) as libc::rlim_t,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the limit is filled in.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    let mut cache = Cache::of(arenas());
    let mut stacks = Vec::new();
    let error = loop {
        match cache.get(class(MIB)) {
            Ok(stack) => stacks.push(stack),
            Err(error) => break error,
        }
    };
    eprintln!("{} stacks", if stacks.len() > 60 { "many" } else { "few" });
    assert!(matches!(
        error,
        crate::stack::StackError::AddressSpace { .. }
    ));
    eprintln!("{error}");
}

#[test]
fn overflow_is_reported_with_the_process() {
    // Requirement: an overflow ends the program with a report that names process, place, size and remedy.
    let end = run("overflow");
    assert_eq!(end.report, REPORT);
    assert_eq!(end.signal, Some(libc::SIGABRT));
}

#[test]
fn overflow_is_reported_where_guards_are_protected_pages() {
    // Requirement: the report does not depend on the kind of guard.
    let end = run("overflow, protected");
    assert_eq!(end.report, REPORT);
    assert_eq!(end.signal, Some(libc::SIGABRT));
}

#[test]
fn overflow_is_reported_on_a_trimmed_stack() {
    // Requirement: a guard holds after the pages of its stack were given back.
    let end = run("overflow after trim");
    assert_eq!(end.report, REPORT);
    assert_eq!(end.signal, Some(libc::SIGABRT));
}

#[test]
fn of_ten_overflows_one_is_reported() {
    // Requirement: overflows at once give one whole report, nothing between its lines, and no hang.
    for _ in 0..20 {
        let end = run("ten overflows");
        assert_eq!(end.report, REPORT);
        assert_eq!(end.signal, Some(libc::SIGABRT));
    }
}

#[test]
fn long_report_is_cut() {
    // Requirement: a label of any length leaves a report that begins right and says that it is cut.
    let end = run("long label");
    assert!(end.report.starts_with("\nstack overflow in process \"xxx"));
    assert!(end.report.ends_with("xxx...\n"));
    assert_eq!(end.signal, Some(libc::SIGABRT));
}

#[test]
fn overflow_without_a_process_is_reported() {
    // Requirement: an overflow of the runtime's own code is reported as that.
    let end = run("no process");
    let first =
        "\nstack overflow in the runtime itself, outside any process\nits stack has 256 KiB";
    assert!(end.report.starts_with(first), "{}", end.report);
    assert_eq!(end.signal, Some(libc::SIGABRT));
}

#[test]
fn fault_while_reporting_ends_the_program() {
    // Requirement: a broken process state cannot turn an overflow into a hang.
    let end = run("fault in the report");
    assert_eq!(end.report, "");
    assert_eq!(end.signal, Some(libc::SIGSEGV));
}

#[test]
fn other_faults_are_not_ours() {
    // Requirement: a fault elsewhere, a wild pointer into a guard and a signal that was sent end as if no handler were there.
    for deed in ["plain fault", "wild pointer into a guard", "sent signal"] {
        let end = run(deed);
        assert_eq!(end.report, "", "{deed}");
        assert_eq!(end.signal, Some(libc::SIGSEGV), "{deed}");
    }
}

#[test]
fn overflow_of_a_thread_is_reported_by_std() {
    // Requirement: the standard library's own report for threads is kept.
    let end = run("overflow of a thread");
    assert!(end.report.contains("thread 'plain'"), "{}", end.report);
    assert!(
        end.report.contains("has overflowed its stack"),
        "{}",
        end.report
    );
    assert_eq!(end.signal, Some(libc::SIGABRT));
}

#[test]
fn earlier_handler_gets_its_fault() {
    // Requirement: a handler that was there before gets other faults, with address and mask as it asked.
    let end = run("earlier handler");
    assert_eq!((end.code, end.report.as_str()), (Some(0), ""));
}

#[test]
fn ignored_signal_stays_ignored() {
    // Requirement: where SIGSEGV is ignored a sent one does nothing, and a fault kills, as the kernel has it.
    let end = run("ignored signal");
    assert_eq!(end.report, "alive\n");
    assert_eq!(end.signal, Some(libc::SIGSEGV));
}

#[cfg(target_os = "linux")]
#[test]
fn sent_address_is_not_believed() {
    // Requirement: only a fault counts, not a signal that pretends to be one.
    let end = run("forged address");
    assert_eq!((end.signal, end.report.as_str()), (Some(libc::SIGSEGV), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn error_names_the_limits_of_address_space() {
    // Requirement: little address space serves fewer stacks, and its end is an error that names the limits.
    let end = run("address space");
    assert_eq!(end.code, Some(0), "{}", end.report);
    assert!(
        end.report.starts_with(
            "many stacks\nno address space for stacks: the system refused 1048576 bytes"
        ),
        "{}",
        end.report
    );
    assert!(end.report.contains("RLIMIT_AS"), "{}", end.report);
}
