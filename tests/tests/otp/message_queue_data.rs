//! After `message_queue_data_SUITE`. A mailbox's storage is no option here; what the cases assert
//! of the messages holds of the mailboxes that there are.

use runtime::prelude::*;

use crate::expect::message;

/// However a mailbox is set up (no limit, each kind of limit), it takes the messages and keeps
/// their order.
#[runtime::test]
fn basic() {
    let me = self_pid();
    let body = move || {
        receive_type::<&str>();
        for n in 0..100u32 {
            assert_eq!(message::<u32>(), n);
        }
        send(me, "in order");
    };
    let mailboxes = [
        Spawn::new(),
        Spawn::new().mailbox_limit(1000, AtLimit::DropNewest),
        Spawn::new().mailbox_limit(1000, AtLimit::Exit),
        Spawn::new().mailbox_limit(10, AtLimit::Report),
    ];
    for mailbox in mailboxes {
        let pid = mailbox.spawn(body).unwrap().pid;
        (0..100u32).for_each(|n| send(pid, n));
        send(pid, "go");
        assert_eq!(message::<&str>(), "in order");
    }
}
