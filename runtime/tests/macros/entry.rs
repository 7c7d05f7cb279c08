//! `#[runtime::test]`; `#[runtime::main]` is tried in `ui`.

use super::*;

/// A test's body is a process.
#[runtime::test]
fn is_a_process() {
    to_self(Pong);
    receive! { Pong => {} }
}

/// It may return what a test may, also what is not `Send`.
#[runtime::test]
fn returns_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let n: u8 = "7".parse()?;
    assert_eq!(n, 7);
    Ok(())
}

/// Its panic is the test's.
#[runtime::test]
#[should_panic(expected = "as it should")]
fn panics() {
    panic!("as it should");
}

/// The options are expressions, in any order.
#[runtime::test(stack_size = 64 * 1024, workers = 1 + 1)]
fn with_options() {
    spawn!(|to: Pid| send(to, Pong), self_pid());
    receive! { Pong => {} }
}

/// `crate` says where the runtime is.
#[runtime::test(crate = ::runtime, workers = 1)]
fn with_a_path() {}

/// Each test runs on a node of its own, also if they run at one time.
#[runtime::test]
fn has_a_node_of_its_own() {
    static DEPTH: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
    runtime::register("the only one", self_pid()).expect("a free name");
    assert_eq!(runtime::processes(), [self_pid()]);
    if DEPTH.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2 {
        let other = std::thread::spawn(super::entry::has_a_node_of_its_own);
        other.join().expect("the same, while this one runs");
    }
}
