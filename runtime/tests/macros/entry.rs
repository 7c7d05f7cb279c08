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
