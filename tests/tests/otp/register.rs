//! After `register_SUITE`.

use runtime::prelude::*;
use runtime::unregister;

use crate::expect::down_of;

/// A name that was taken back, or whose process's end was told, can be registered at once, and
/// `whereis` finds who has it, and nobody else.
#[runtime::test]
fn otp_8099() {
    let me = self_pid();
    for round in 0..20_000 {
        let (child, watched) = spawn_monitor!(|| drop(receive_any()));
        register("otp_8099", child).unwrap();
        assert_eq!(whereis("otp_8099"), Some(child));
        if round % 2 == 0 {
            exit_signal(child, ExitReason::Kill);
            assert_eq!(down_of(watched), ExitReason::Killed);
        } else {
            unregister("otp_8099").unwrap();
            send(child, "end");
        }
        assert_eq!(whereis("otp_8099"), None);
        register("otp_8099", me).unwrap();
        assert_eq!(whereis("otp_8099"), Some(me));
        unregister("otp_8099").unwrap();
        demonitor(watched);
    }
}
