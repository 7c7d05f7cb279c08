//! Questions about a process, and their answers, as signals: so both keep the order of all that
//! goes between the two.
//!
//! The holder of the process answers when it takes the question from the inbox. What needs code of
//! the process's own (the `Debug` of its messages, or its stack) it keeps with what is to be dropped
//! when no queue is being worked on ([`exit::drop_later`]): there the process itself answers, in its
//! own context, and under the same rule as a destructor: it must not receive, and a panic ends
//! there. A process at rest that waits is run for that, and then rests on: its behaviour is not
//! called, and its time-out stands.
//!
//! Every question is answered once; for a process that has ended, by whoever finds it so.

use crate::message::AnyMessage;
use crate::process::info::{self, Look, ProcessInfo, Status};
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::{exit, try_current, wait};
use std::time::Duration;

/// How long a process waits for an answer: for one that does not come to a switch point there is
/// none.
const PATIENCE: Duration = Duration::from_millis(100);

/// Who asks, and what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    asker: Pid,
    number: u64,
    what: What,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Whether the process is alive.
    Alive,
    Info(Look),
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Dead,
    Alive,
    Info(Box<ProcessInfo>),
}

/// The asking half of a process, in its `Extra`.
#[derive(Default)]
pub(crate) struct Asking {
    /// The number of the question that it asks; of none, if it waits for no answer.
    number: u64,
    /// The answer, until it is read.
    answer: Option<Answer>,
}

/// The asked half.
#[derive(Default)]
pub(crate) struct Asked {
    /// The process waited at rest, and was made runnable for a question alone.
    only: bool,
    /// It answers at rest.
    at_rest: bool,
}

impl Question {
    /// Sends the answer.
    pub(crate) fn answer(self, answer: Answer) {
        let number = self.number;
        super::send(self.asker, super::Signal::Answer { number, answer });
    }
}

/// Asks, and waits for the answer. None: the process has come to no switch point meanwhile.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn ask(me: &'static Slot, to: Pid, what: What) -> Option<Answer> {
    exit::check(me);
    // SAFETY: the running process is its own holder; the references end at once, here and below.
    let number = unsafe {
        let asking = &mut (*me.extra()).rare().asking;
        asking.number += 1;
        asking.answer = None;
        asking.number
    };
    let asker = me.pid();
    let question = Question {
        asker,
        number,
        what,
    };
    super::send(to, super::Signal::Question(question));
    // SAFETY: as above.
    wait::pause(me, PATIENCE, |me| unsafe {
        (*me.extra()).rare().asking.answer.is_some()
    });
    // SAFETY: as above.
    let asking = unsafe { &mut (*me.extra()).rare().asking };
    // What comes later is no answer: nobody waits for it.
    asking.number += 1;
    asking.answer.take()
}

/// An answer has come to the process that the caller holds.
pub(super) fn note(slot: &Slot, number: u64, answer: Answer) {
    // SAFETY: the holder's, and no other reference to it lives.
    let asking = unsafe { &mut (*slot.extra()).rare().asking };
    if asking.number == number {
        asking.answer = Some(answer);
    }
}

/// A question has come to the process that the caller holds.
pub(super) fn consider(slot: &Slot, question: Question) {
    if slot.has(bit::ENDING) {
        return question.answer(Answer::Dead);
    }
    match question.what {
        What::Alive if slot.has(bit::FATAL) => question.answer(Answer::Dead),
        What::Alive => question.answer(Answer::Alive),
        What::Info(look) if look.is_deep() => {
            let status = info::status_of(slot);
            let question = Some(question);
            exit::drop_later(slot, AnyMessage::new(Pending { question, status }));
        }
        What::Info(_) => question.answer(Answer::Info(Box::new(info::of_held(slot)))),
    }
}

/// Whether a process that waited, and that the caller holds, has to run for what has come: it was
/// asked what only it can answer, or has an answer.
pub(crate) fn wakes(slot: &Slot) -> bool {
    let extra = slot.extra.get();
    if extra.is_null() {
        return false;
    }
    // SAFETY: the holder's, and no other reference to it lives.
    let extra = unsafe { &mut *extra };
    let rare = extra.rare.as_ref();
    if rare.is_some_and(|rare| rare.asking.answer.is_some()) {
        return true;
    }
    let asked = extra.has_stale();
    extra.asked.only = asked && slot.context.get().is_null();
    asked
}

/// A question that the process itself answers: when it is dropped.
#[derive(Debug)]
struct Pending {
    question: Option<Question>,
    /// How it found the process.
    status: Status,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(question) = self.question.take() else {
            return;
        };
        match (try_current(), question.what) {
            (Some(slot), What::Info(look)) if !slot.has(bit::ENDING) => {
                // SAFETY: the running process is its own holder; a copy.
                let at_rest = unsafe { (*slot.extra()).asked.at_rest };
                let mut info = info::of_held(slot);
                info.status = self.status;
                info::look_closer(slot, look, at_rest, &mut info);
                question.answer(Answer::Info(Box::new(info)));
            }
            _ => question.answer(Answer::Dead),
        }
    }
}

/// Answers what the running process, which is at rest, was asked, and drops what is to be dropped.
/// True if it was made runnable for that alone.
pub(crate) fn at_rest(slot: &Slot) -> bool {
    // SAFETY: the running process is its own holder; the references end at once.
    let only = unsafe {
        let asked = &mut (*slot.extra()).asked;
        asked.at_rest = true;
        std::mem::take(&mut asked.only)
    };
    exit::drop_stale(slot);
    // SAFETY: as above.
    unsafe { (*slot.extra()).asked.at_rest = false };
    only
}
