//! What is left to a worker for its own thread, seen from outside it.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

use crate::Builder;
use crate::timer::{self, Alarm};

/// Tells that it was woken.
struct Tells(Mutex<Sender<()>>);

impl Wake for Tells {
    fn wake(self: Arc<Self>) {
        let _ = self.0.lock().expect("nobody panics").send(());
    }
}

/// A future's alarm that the watchdog has taken out of a worker's wheel rings, also if the worker has come to
/// sleep meanwhile: its wheel was empty, so nothing else would wake it.
#[test]
fn what_the_watchdog_leaves() {
    let node = Builder::new().workers(1).start().expect("a node");
    let worker = node.instance().timekeeper();
    let (tell, told) = channel();
    let alarm = Arc::new(Alarm::default());
    assert!(!alarm.hears(&Waker::from(Arc::new(Tells(Mutex::new(tell))))));
    while node.instance().idle.awake() > 0 {
        std::thread::yield_now();
    }
    let due = timer::deadline(worker.clock().now(), Duration::from_secs(3600));
    worker.timers().set_alarm(due, alarm);
    worker.expire_for(due, &mut Vec::new());
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(()));
}
