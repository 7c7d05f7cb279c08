//! A server's state, looked at and replaced from outside.

use super::*;

/// A state that can be copied.
#[derive(Clone, Debug, PartialEq)]
struct Copied(u32);

impl GenServer for Copied {
    type Args = u32;
    type Call = ();
    type Reply = u32;
    type Cast = Never;
    type Continue = Never;

    fn init(number: u32) -> Result<Init<Copied>, ExitReason> {
        Ok(Copied(number).into())
    }

    fn handle_call(&mut self, (): (), _: From<u32>) -> Result<Called<u32>, ExitReason> {
        Ok(reply(self.0))
    }
}

fn named() -> Server<Copied> {
    let options = Options::<Copied>::new().name("its state");
    options.start(5).expect("starts")
}

/// The state, by name and pid, also while it is suspended, and with a time-out of one's own.
#[runtime::test]
fn get_state() {
    let server = named();
    let pid = server.whereis().expect("it lives");
    for _ in 0..2 {
        assert_eq!(sys::get_state("its state"), Ok(Copied(5)));
        assert_eq!(sys::within(HOUR).get_state(pid), Ok(Copied(5)));
        assert_eq!(sys::inspect(pid, |state: &Copied| state.0), Ok(5));
        sys::suspend(pid).expect("it answers");
    }
    let wrong = sys::get_state::<String>(pid);
    assert!(
        matches!(wrong, Err(sys::StateError::WrongType { .. })),
        "{wrong:?}"
    );
}

/// The state is replaced, by name and pid, also while it is suspended; by a function that fails it is not, and the
/// server lives.
#[runtime::test]
fn replace_state() {
    let server = named();
    let pid = server.whereis().expect("it lives");
    let add = |state: &Copied| Copied(state.0 + 1);
    assert_eq!(sys::replace_state("its state", add), Ok(Copied(6)));
    assert_eq!(sys::within(HOUR).replace_state(pid, add), Ok(Copied(7)));
    let failed = sys::replace_state(pid, |_: &Copied| -> Copied { panic!("fail") });
    assert!(
        matches!(&failed, Err(sys::StateError::CallbackFailed(ExitReason::Panic(panic)))
            if panic.message() == "fail"),
        "{failed:?}"
    );
    let failed = sys::replace_state(pid, |_: &Copied| -> Copied { exit(ExitReason::Shutdown) });
    assert_eq!(
        failed,
        Err(sys::StateError::CallbackFailed(ExitReason::Shutdown))
    );
    assert_eq!(server.call(()), Ok(7));
    sys::suspend(pid).expect("it answers");
    assert_eq!(sys::replace_state(pid, add), Ok(Copied(8)));
    sys::resume(pid).expect("it answers");
    assert_eq!(server.call(()), Ok(8));
}

/// A state whose copies and destructor panic does its server no harm.
#[runtime::test]
fn a_state_that_panics() {
    #[derive(Debug)]
    struct Bad(u32);
    impl Clone for Bad {
        fn clone(&self) -> Bad {
            match self.0 {
                0 => panic!("no copies"),
                n => Bad(n),
            }
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            assert_ne!(self.0, 1, "not to be dropped");
        }
    }
    impl GenServer for Bad {
        type Args = u32;
        type Call = ();
        type Reply = u32;
        type Cast = Never;
        type Continue = Never;
        fn init(number: u32) -> Result<Init<Bad>, ExitReason> {
            Ok(Bad(number).into())
        }
        fn handle_call(&mut self, (): (), _: From<u32>) -> Result<Called<u32>, ExitReason> {
            Ok(reply(self.0))
        }
    }
    let server = start::<Bad>(1).expect("starts");
    let copied = sys::replace_state(&server, |_: &Bad| Bad(0));
    assert!(
        matches!(&copied, Err(sys::StateError::CallbackFailed(_))),
        "{copied:?}"
    );
    assert_eq!(server.call(()), Ok(1));
    // Its old state cannot be dropped.
    let replaced = sys::replace_state(&server, |_: &Bad| Bad(2));
    assert!(replaced.is_ok_and(|new| new.0 == 2));
    assert_eq!(server.call(()), Ok(2));
}

/// What a server is asked while it is suspended waits, and is answered after it goes on.
#[runtime::test]
fn suspended() {
    let server = named();
    sys::suspend(&server).expect("it is suspended");
    let waiting = server.send_request(());
    assert!(sys::get_status(&server).expect("it answers").suspended);
    assert_eq!(wait_response(&waiting, Duration::ZERO), None);
    sys::resume(&server).expect("it goes on");
    assert_eq!(wait_response(&waiting, None), Some(Ok(5)));
}
