//! A message skipped: a receive looks past those of another type.

use runtime::prelude::*;

/// So many lie before the one that is received.
const BEHIND: u64 = 1000;

#[derive(Debug)]
struct Other(u64);

#[derive(Debug)]
struct Wanted(u64);

pub(super) fn others(n: u64) {
    let me = self_pid();
    (0..BEHIND).for_each(|x| send(me, Other(x)));
    for x in 0..n.div_ceil(BEHIND) {
        send(me, Wanted(x));
        receive! { Wanted(y) => assert_eq!(x, y) }
    }
    for expected in 0..BEHIND {
        receive! { Other(x) => assert_eq!(x, expected) }
    }
}
