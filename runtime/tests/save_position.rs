//! A behaviour's save position: what it passes over, what wakes it.

mod expect;

use std::time::Duration;

use expect::behaviour::{WAIT, behaviour};
use expect::{NOW, message, nothing, reports};
use runtime::prelude::*;

#[derive(Debug)]
struct Woken {
    taken: Vec<u32>,
    wakes: usize,
}

/// Takes the even numbers, until it is told to rewind.
fn even() -> Pid {
    let root = self_pid();
    let (mut wakes, mut odd_too) = (0, false);
    behaviour(move |cx| {
        wakes += 1;
        let mut taken = Vec::new();
        loop {
            let mail = cx.mail_where(|m| match m.downcast_ref::<u32>() {
                Some(n) => odd_too || n % 2 == 0,
                None => true,
            });
            match mail.map(AnyMessage::downcast::<u32>) {
                Some(Ok(n)) => taken.push(n),
                Some(Err(_)) => {
                    odd_too = true;
                    cx.rewind();
                }
                None => break,
            }
        }
        send(root, Woken { taken, wakes });
        WAIT
    })
}

/// What `mail_where` passes over stays, in order, and does not wake the process again; mail
/// beyond it does.
#[runtime::test(workers = 1)]
fn survives_wakes() {
    let pid = even();
    let Woken { taken, wakes } = message();
    assert_eq!((taken.len(), wakes), (0, 1));
    let mut all = Vec::new();
    for n in 0..100u32 {
        send(pid, n);
        let Woken { taken, wakes } = message();
        assert_eq!(wakes, n as usize + 2, "one wake for each message");
        all.extend(taken);
    }
    assert!(all.iter().copied().eq((0..100).step_by(2)));
    sleep(Duration::from_millis(2));
    nothing();
    send(pid, "rewind");
    let Woken { taken, .. } = message();
    assert!(taken.into_iter().eq((1..100).step_by(2)));
}

/// `mail` takes the oldest, wherever the save position stands, and the position keeps its
/// place among the messages.
#[runtime::test(workers = 1)]
fn mail_ignores_it() {
    let root = self_pid();
    let mut first = true;
    let pid = behaviour(move |cx| {
        if std::mem::take(&mut first) {
            return WAIT;
        }
        // Passes over 0 to 9, and stops behind them.
        let ten = cx.mail_where(|m| m.downcast_ref::<u32>() == Some(&10));
        let oldest = cx.mail();
        let second = cx.mail();
        let next = cx.mail_where(|_| true);
        for mail in [ten, oldest, second, next].into_iter().flatten() {
            send(root, mail);
        }
        cx.rewind();
        while let Some(mail) = cx.mail_where(|_| true) {
            send(root, mail);
        }
        WAIT
    });
    yield_now();
    for n in 0..15u32 {
        send(pid, n);
    }
    let order: Vec<u32> = (0..15).map(|_| message()).collect();
    assert_eq!(order, [10, 0, 1, 11, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14]);
}

/// A `mail_where` whose test panics leaves the message in its place.
#[runtime::test(workers = 1)]
fn a_test_that_panics() {
    reports::collect();
    let root = self_pid();
    let pid = behaviour(move |cx| {
        for _ in 0..3 {
            let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                cx.mail_where(|m| m.is::<u32>() && panic!("a test's"))
            }));
            if tested.is_ok() {
                return WAIT;
            }
            cx.rewind();
        }
        while let Some(mail) = cx.mail_where(|_| true) {
            send(root, mail);
        }
        WAIT
    });
    yield_now();
    for n in 0..3u32 {
        send(pid, n);
    }
    assert_eq!([message::<u32>(), message(), message()], [0, 1, 2]);
    nothing();
}

/// A test that receives is refused with a clear panic, and the mailbox stays whole.
#[runtime::test(workers = 1)]
fn a_test_that_receives() {
    reports::collect();
    let root = self_pid();
    let pid = behaviour(move |cx| {
        for _ in 0..2 {
            // Once with unseen messages, once with messages that were passed over.
            let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                cx.mail_where(|_| receive_timeout(NOW).is_some())
            }));
            match tested {
                Ok(None) => return WAIT,
                Ok(Some(mail)) => panic!("{mail:?} was taken"),
                Err(panic) => {
                    let text = expect::text_of(&*panic);
                    assert!(text.contains("inside a guard"), "{text}");
                }
            }
            drop(cx.mail_where(|_| false));
            cx.rewind();
        }
        while let Some(mail) = cx.mail() {
            send(root, mail);
        }
        WAIT
    });
    yield_now();
    for n in 0..3u32 {
        send(pid, n);
    }
    assert_eq!([message::<u32>(), message(), message()], [0, 1, 2]);
}

/// A receive inside a callback takes from the whole mailbox, and what it leaves beyond the save
/// position wakes the process again.
#[runtime::test(workers = 1)]
fn and_a_receive_inside() {
    let root = self_pid();
    let mut wakes = 0;
    let pid = behaviour(move |cx| {
        wakes += 1;
        if wakes == 2 {
            drop(cx.mail_where(|m| m.is::<char>()));
            // From before the position, and from beyond it.
            assert_eq!(receive_type::<u8>(), 0);
            assert_eq!(receive_type::<u16>(), 1);
            assert_eq!(receive_type::<&str>(), "last");
            return WAIT;
        }
        while let Some(mail) = cx.mail_where(|_| true) {
            send(root, mail);
        }
        send(root, wakes);
        WAIT
    });
    assert_eq!(message::<i32>(), 1);
    send(pid, 2u32);
    send(pid, 0u8);
    send(pid, 'c');
    send(pid, 1u16);
    send(pid, 3u32);
    send(pid, "last");
    assert_eq!(message::<i32>(), 3);
    // 2 lies before the position, 3 beyond it.
    assert_eq!(message::<u32>(), 3);
    nothing();
}
