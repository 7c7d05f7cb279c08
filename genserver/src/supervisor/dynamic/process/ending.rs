//! Ending children, all at once, with one time for all; and what is done then.

use std::time::Instant;

use runtime::request::Client;
use runtime::{
    Cx, Down, Exit, ExitReason, Message, Next, Pid, Ref, Until, exit_signal, monitor, unlink,
};
use rustc_hash::FxHashMap;

use super::super::Answer;
use super::Process;
use crate::supervisor::child::Shutdown;

/// Children that are being ended, all at once.
pub(super) struct Ending {
    /// By their monitors.
    left: FxHashMap<Ref, Pid>,
    /// The reasons in the exits that have come: whoever has ended before it was watched has no other.
    exits: FxHashMap<Pid, ExitReason>,
    deadline: Option<Instant>,
    /// How many did not end as they were told, by reason, each with the pid of one.
    unheeded: Vec<(ExitReason, usize, Pid)>,
    then: Then,
}

pub(super) enum Then {
    Exit(ExitReason),
    Answer(Client),
}

impl<A: Message + Sync> Process<A> {
    /// Tells these to end.
    pub(super) fn end(&mut self, pids: Vec<Pid>, then: Then) {
        let told = match self.template.shutdown {
            Shutdown::BrutalKill => ExitReason::Kill,
            _ => ExitReason::Shutdown,
        };
        let deadline = match self.template.shutdown {
            Shutdown::Within(time) => runtime::now().checked_add(time),
            _ => None,
        };
        let watched = pids.into_iter().map(|pid| {
            let watch = monitor(pid);
            exit_signal(pid, told.clone());
            (watch, pid)
        });
        self.ending = Some(Ending {
            left: watched.collect(),
            exits: FxHashMap::default(),
            deadline,
            unheeded: Vec::new(),
            then,
        });
    }

    pub(super) fn end_all(&mut self, then: Then) {
        self.restarting.clear();
        let all = self.children.drain().map(|(pid, _)| pid).collect();
        self.end(all, then);
    }

    /// Looks who of those being ended is gone. Some: it waits on.
    pub(super) fn look_at_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let ending = self.ending.as_mut()?;
        let (restart, shutdown) = (self.template.restart, self.template.shutdown);
        while !ending.left.is_empty() {
            let left = &ending.left;
            let alone = (left.len() == 1).then(|| left.values().next()).flatten();
            let gone = cx.mail_where(|message| match message.downcast_ref::<Down>() {
                Some(down) => left.contains_key(&down.monitor),
                None => message.downcast_ref::<Exit>().is_some_and(|exit| {
                    // Another's is left for `handle`, unless all are being ended.
                    alone.is_none_or(|alone| exit.from == Some(*alone))
                }),
            });
            let Some(gone) = gone else {
                if ending.deadline.is_some_and(|at| at <= runtime::now()) {
                    ending.deadline = None;
                    for pid in ending.left.values() {
                        exit_signal(*pid, ExitReason::Kill);
                    }
                }
                return Some(Next::Wait(match ending.deadline {
                    Some(at) => Until::At(at),
                    None => Until::Forever,
                }));
            };
            let down = match gone.downcast::<Down>() {
                Ok(down) => down,
                Err(exit) => {
                    if let Ok(Exit {
                        from: Some(pid),
                        reason,
                        ..
                    }) = exit.downcast()
                    {
                        ending.exits.insert(pid, reason);
                    }
                    continue;
                }
            };
            let Some(pid) = ending.left.remove(&down.monitor) else {
                continue;
            };
            // An exit comes before its monitor's message. Without one the child had taken the link away, or sends
            // its exit no more.
            let reason = ending.exits.remove(&pid).unwrap_or_else(|| {
                unlink(pid);
                down.reason
            });
            if shutdown.was_heeded(restart, &reason) {
                continue;
            }
            let alike = ending.unheeded.iter_mut().find(|(of, ..)| *of == reason);
            match alike {
                Some((_, count, _)) => *count += 1,
                None => ending.unheeded.push((reason, 1, pid)),
            }
        }
        cx.rewind();
        None
    }

    /// All are gone: does what comes then. Some: the supervisor ends.
    pub(super) fn ended(&mut self) -> Option<Next> {
        let ending = self.ending.take()?;
        for (reason, count, pid) in &ending.unheeded {
            let offender = self.offender((*count == 1).then_some(*pid), *count);
            self.reporter.shutdown_error(offender, reason);
        }
        match ending.then {
            Then::Exit(reason) => {
                self.reporter
                    .terminate(&reason, || format!("{:?}", self.flags));
                Some(Next::Exit(reason))
            }
            Then::Answer(client) => {
                self.reply(client, Answer::Done(Ok(())));
                None
            }
        }
    }
}
