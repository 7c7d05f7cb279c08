//! After `after_SUITE`.

use std::time::{Duration, Instant};

use runtime::prelude::*;

use crate::expect::{NOW, down_of, message, nothing};

/// A time-out is not early, and comes while a neighbour is busy.
#[runtime::test]
fn t_after() {
    let busy = spawn!(|| loop {
        tick();
    });
    let time = Duration::from_millis(300);
    let start = Instant::now();
    receive! { _: &str => panic!("nobody sends"), after time => {} }
    assert!(start.elapsed() >= time);
    exit_signal(busy, ExitReason::Kill);
}

/// A receive that only waits for its time-out returns.
#[runtime::test]
fn receive_after() {
    receive! { after Duration::from_millis(1) => {} }
    receive! { after NOW => {} }
    sleep(Duration::from_millis(1));
}

/// Messages and time-outs by turns: each message comes once, a time-out is measured from its
/// receive's beginning, whatever else arrives.
#[runtime::test]
fn multi_timeout() {
    let me = self_pid();
    for round in 0..50u32 {
        let time = Duration::from_millis(5);
        let noise = spawn!(move || loop {
            send(me, "noise");
            sleep(Duration::from_millis(1));
        });
        let start = Instant::now();
        receive! { _: u32 => panic!("nobody has sent it"), after time => {} }
        assert!(start.elapsed() >= time);
        exit_signal(noise, ExitReason::Kill);
        down_of(monitor(noise));
        send(me, round);
        receive! { n: u32 => assert_eq!(n, round), after NOW => panic!("it is there") }
        while let Some(noise) = receive_timeout(NOW) {
            assert!(noise.is::<&str>());
        }
    }
    nothing();
}

/// Ten thousand processes whose time is up at one instant all wake.
#[runtime::test]
fn receive_after_blast() {
    const MANY: usize = 10_000;
    let me = self_pid();
    let instant = Instant::now() + Duration::from_millis(500);
    for _ in 0..MANY {
        spawn!(move || {
            receive! { _: &str => panic!("nobody sends"), after instant => {} }
            assert!(Instant::now() >= instant);
            send(me, ());
        });
    }
    (0..MANY).for_each(|_| message::<()>());
}
