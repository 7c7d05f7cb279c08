//! After `ref_SUITE`.

use std::collections::HashSet;

use runtime::prelude::*;

use crate::expect::message;

/// References do not repeat, within a process or among many.
#[runtime::test]
fn wrap_1() {
    let me = self_pid();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        spawn!(move || send(me, (0..1000).map(|_| make_ref()).collect::<Vec<_>>()));
    }
    for _ in 0..100 {
        for reference in message::<Vec<Ref>>() {
            assert!(seen.insert(reference), "{reference} twice");
        }
    }
    for _ in 0..1_000_000 {
        assert!(seen.insert(make_ref()));
    }
}
