//! What signals carry of their users' own (reasons, tags), and what destructors do with signals:
//! nothing of it runs where the runtime works on a queue, and nothing is left of it.

mod expect;

use std::sync::{Arc, Mutex};

use expect::{OnDrop, end_of, message, nothing, until};
use runtime::prelude::*;
use runtime::{Monitor, MonitorAlias, RegisterError};

fn down_of(watched: Ref) -> ExitReason {
    receive! { Down { monitor, reason, .. } if monitor == watched => reason }
}

/// A value whose destructor tells which process it ran in.
#[derive(Debug)]
struct Loud(Arc<Mutex<Vec<Option<Pid>>>>);

impl PartialEq for Loud {
    fn eq(&self, _: &Loud) -> bool {
        true
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(runtime::try_self_pid());
    }
}

/// The tag of a monitor that a reply ends is dropped by its own process, not by who replies.
#[runtime::test]
fn a_tag_is_dropped_by_its_watcher() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (tag, root) = (Loud(Arc::clone(&log)), self_pid());
    let watcher = spawn!(move || {
        let watched = Monitor::new()
            .tag(tag)
            .alias(MonitorAlias::ReplyDemonitor)
            .monitor(root);
        send(root, watched);
        assert_eq!(receive_type::<&str>(), "reply");
    });
    let alias: Ref = message();
    // Until it waits, so that the reply claims it.
    until("the wait", || runtime::mailbox_len(watcher) == Some(0));
    yield_now();
    send(alias, "reply");
    until("the drop of the tag", || !log.lock().unwrap().is_empty());
    assert_eq!(*log.lock().unwrap(), [Some(watcher)]);
}

/// A link to the dead from a destructor that runs while the process unwinds raises nothing there.
#[runtime::test]
fn a_link_to_the_dead_while_unwinding() {
    let dead = spawn!(|| {});
    end_of(dead);
    let (_, watched) = spawn_monitor!(move || {
        let _last = OnDrop(move || link(dead));
        exit(ExitReason::Shutdown)
    });
    let reason = down_of(watched);
    assert!(matches!(reason, ExitReason::Shutdown | ExitReason::NoProc));
}

/// What the destructor of an exit reason links or monitors, when the process has told its end, has
/// no effect: no half link is left.
#[runtime::test]
fn a_reason_that_links() {
    #[derive(Debug)]
    struct Links(Pid);
    impl PartialEq for Links {
        fn eq(&self, _: &Links) -> bool {
            true
        }
    }
    impl Drop for Links {
        fn drop(&mut self) {
            link(self.0);
            monitor(self.0);
            send(self.0, "linked");
        }
    }
    let root = self_pid();
    trap_exit(true);
    for _ in 0..100 {
        // Nobody else is told the reason, so it is dropped at the very end.
        let child = spawn!(move || exit(ExitReason::other(Links(root))));
        assert_eq!(message::<&str>(), "linked");
        end_of(child);
    }
    assert!(runtime::links().is_empty());
    nothing();
}

/// A name belongs to a node: it is refused to a process of another.
#[runtime::test]
fn a_name_for_a_process_of_another_node() {
    let other = Builder::new().workers(1).start().unwrap();
    let stranger = Spawn::new().node(&other).spawn(|| drop(receive_any()));
    let stranger = stranger.unwrap().pid;
    let refused = register("stranger", stranger).unwrap_err();
    assert!(matches!(refused, RegisterError::NoProc { pid, .. } if pid == stranger));
    send(stranger, "end");
}

/// A name that two take back at once is taken back once, and another that the process has got
/// meanwhile stays.
#[runtime::test]
fn a_name_taken_back_twice() {
    let root = self_pid();
    let rival = spawn!(move || loop {
        let () = receive_type();
        let result = runtime::unregister("first");
        send(root, result.is_ok());
    });
    for _ in 0..5000 {
        register("first", root).unwrap();
        send(rival, ());
        let mine = runtime::unregister("first").is_ok();
        let second = register("second", root);
        let theirs: bool = message();
        assert!(mine != theirs, "taken back twice, or never");
        if second.is_ok() {
            assert_eq!(whereis("second"), Some(root));
            runtime::unregister("second").unwrap();
        }
    }
    exit_signal(rival, ExitReason::Kill);
}
