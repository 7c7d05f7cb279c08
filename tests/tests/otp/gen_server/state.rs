//! What is told of a server: its state, its status.

use super::*;

/// Mirrors `get_state`, `replace_state` and sys_SUITE's `suspend`: also while it is suspended, when calls wait;
/// they are answered after it goes on.
#[runtime::test]
fn state() {
    let server = start::<Test>(plain()).expect("starts");
    let number = |server: &Server<Test>| sys::inspect(server, |test: &Test| test.number);
    assert_eq!(number(&server), Ok(0));
    let set = server.call(on_call(|test, _| {
        test.number = 5;
        Ok(reply(0))
    }));
    assert_eq!(set, Ok(0));
    assert_eq!(number(&server), Ok(5));
    sys::suspend(&server).expect("it is suspended");
    let waiting = server.send_request(on_call(|test, _| Ok(reply(test.number))));
    assert_eq!(number(&server), Ok(5));
    assert!(sys::get_status(&server).expect("it answers").suspended);
    let failed = sys::inspect(&server, |_: &Test| -> u32 { panic!("in the function") });
    assert!(
        matches!(failed, Err(sys::StateError::CallbackFailed(_))),
        "{failed:?}"
    );
    let wrong = sys::inspect(&server, |text: &String| text.clone());
    assert!(
        matches!(wrong, Err(sys::StateError::WrongType { .. })),
        "{wrong:?}"
    );
    assert!(genserver::request::wait_response(&waiting, Duration::ZERO).is_none());
    sys::resume(&server).expect("it goes on");
    assert_eq!(
        genserver::request::wait_response(&waiting, None),
        Some(Ok(5))
    );
    answers(&server);
}
