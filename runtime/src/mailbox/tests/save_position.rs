//! Tests of the save position of a behaviour, as `Cx::mail_where` moves it.

use std::sync::mpsc::{Sender, channel};

use crate::prelude::*;
use crate::run;

/// Takes all but the first message, one `mail_where` after the other, and tells which.
struct Picky {
    taken: Sender<u32>,
    expected: usize,
}

impl Behaviour for Picky {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        while let Some(message) = cx.mail_where(|m| m.downcast_ref::<u32>() != Some(&0)) {
            let number = message.downcast().unwrap();
            self.taken.send(number).unwrap();
            self.expected -= 1;
            // Back to the messages that were passed over, now that something has changed; so most
            // are taken from the ring.
            if number == 1 {
                cx.mail_where(|_| false);
                cx.rewind();
            }
        }
        match self.expected {
            0 => Next::Exit(ExitReason::Normal),
            _ => Next::Wait(Until::Forever),
        }
    }
}

/// The save position stays before the next message when the places of those that were taken
/// vanish: no message is passed over.
#[test]
fn no_message_is_passed_over() {
    let (taken, numbers) = channel();
    run(move || {
        let expected = 199;
        let picky = Spawn::new().behaviour(Picky { taken, expected }).unwrap();
        (0..200u32).for_each(|number| send(picky.pid, number));
    });
    assert_eq!(
        numbers.iter().collect::<Vec<_>>(),
        (1..200).collect::<Vec<_>>()
    );
}
