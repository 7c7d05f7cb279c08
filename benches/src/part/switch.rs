//! A switch: two processes that yield to each other.

use runtime::prelude::*;

#[derive(Debug)]
struct Done;

pub(super) fn yields(n: u64) {
    let root = self_pid();
    let half = n / 2;
    spawn!(move || {
        for _ in 0..half {
            yield_now();
        }
        send(root, Done);
    });
    for _ in half..n {
        yield_now();
    }
    receive! { Done => {} }
}
