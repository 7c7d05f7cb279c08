//! Registered names. OTP's own cases are in the crate `tests`.

use runtime::prelude::*;
use runtime::unregister;

fn ends_on_demand() {
    let reason: ExitReason = receive_type::<ExitReason>();
    exit(reason)
}

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
}

/// Names: one each, free again at the end of the process, before its monitors are told.
#[runtime::test]
fn names() {
    let me = self_pid();
    register("one", me).unwrap();
    assert!(register("two", me).is_err());
    let child = spawn!(ends_on_demand);
    assert!(register("one", child).is_err());
    unregister("one").unwrap();
    assert!(unregister("one").is_err());
    register("one", child).unwrap();
    assert!(send("one", ExitReason::Normal).is_ok());
    let reason = down_of(monitor(child));
    assert!(matches!(reason, ExitReason::Normal | ExitReason::NoProc));
    register("one", me).unwrap();
    assert!(send("nobody", 1).is_err());
    assert!(register("n".repeat(256), me).is_err());
}
