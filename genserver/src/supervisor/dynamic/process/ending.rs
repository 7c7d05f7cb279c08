//! Ending children, all at once, with one time for all; and what is done then.

use std::time::Instant;

use runtime::request::Client;
use runtime::{
    Cx, Down, Exit, ExitReason, Message, Next, Pid, Ref, Until, exit_signal, links, monitor, unlink,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{Answer, Template};
use super::Process;
use crate::supervisor::child::Shutdown;

/// So many children are told at a time: they end, and are heard of, while what they are made of is in the cache.
const BATCH: usize = 256;

/// Children that are being ended, all at once.
pub(super) struct Ending {
    /// Those that have not been told yet.
    untold: Vec<Pid>,
    /// By their monitors.
    left: FxHashMap<Ref, Pid>,
    /// The reasons in the exits that have come: whoever has ended before it was watched has no other.
    exits: FxHashMap<Pid, ExitReason>,
    /// Those that their monitors have not found, and whose exits have not come.
    silent: FxHashSet<Pid>,
    deadline: Option<Instant>,
    /// How many did not end as they were told, by reason, each with the pid of one.
    unheeded: Vec<(ExitReason, usize, Pid)>,
    then: Then,
}

pub(super) enum Then {
    Exit(ExitReason),
    Answer(Client),
}

impl Ending {
    /// A child is gone.
    fn note<A>(&mut self, pid: Pid, reason: ExitReason, template: &Template<A>) {
        if template.shutdown.was_heeded(template.restart, &reason) {
            return;
        }
        let alike = self.unheeded.iter_mut().find(|(of, ..)| *of == reason);
        match alike {
            Some((_, count, _)) => *count += 1,
            None => self.unheeded.push((reason, 1, pid)),
        }
    }

    /// Whether the exits of the silent have come. One that is linked still has an end that is being told; from
    /// another none comes.
    fn hears_all<A>(&mut self, cx: &mut Cx<'_>, template: &Template<A>) -> bool {
        if self.silent.is_empty() {
            return true;
        }
        let linked: FxHashSet<Pid> = links().into_iter().collect();
        cx.rewind();
        let silent = &self.silent;
        while let Some(exit) = cx.mail_where(|message| {
            let exit = message.downcast_ref::<Exit>();
            exit.is_some_and(|exit| exit.from.is_some_and(|pid| silent.contains(&pid)))
        }) {
            if let Ok(Exit {
                from: Some(pid),
                reason,
                ..
            }) = exit.downcast()
            {
                self.exits.insert(pid, reason);
            }
        }
        for pid in std::mem::take(&mut self.silent) {
            match self.exits.remove(&pid) {
                Some(reason) => self.note(pid, reason, template),
                None if linked.contains(&pid) => _ = self.silent.insert(pid),
                None => self.note(pid, ExitReason::NoProc, template),
            }
        }
        self.silent.is_empty()
    }
}

impl<A: Message + Sync> Process<A> {
    /// Ends these.
    pub(super) fn end(&mut self, mut pids: Vec<Pid>, then: Then) {
        // From the back: in the order in which they lie in memory.
        pids.sort_unstable_by(|a, b| b.cmp(a));
        self.ending = Some(Ending {
            untold: pids,
            left: FxHashMap::default(),
            exits: FxHashMap::default(),
            silent: FxHashSet::default(),
            deadline: None,
            unheeded: Vec::new(),
            then,
        });
    }

    /// Tells some of those to end that have not been told. The time begins with the last.
    fn tell_some(&mut self) {
        let Some(ending) = &mut self.ending else {
            return;
        };
        let told = match self.template.shutdown {
            Shutdown::BrutalKill => ExitReason::Kill,
            _ => ExitReason::Shutdown,
        };
        let from = ending.untold.len().saturating_sub(BATCH);
        for pid in ending.untold.drain(from..).rev() {
            let watch = monitor(pid);
            exit_signal(pid, told.clone());
            ending.left.insert(watch, pid);
        }
        if let Shutdown::Within(time) = self.template.shutdown
            && ending.untold.is_empty()
        {
            ending.deadline = runtime::now().checked_add(time);
        }
    }

    pub(super) fn end_all(&mut self, then: Then) {
        self.restarting.clear();
        let all = self.children.drain().map(|(pid, _)| pid).collect();
        self.end(all, then);
    }

    /// Looks who of those being ended is gone. Some: it waits on.
    pub(super) fn look_at_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let tells = self
            .ending
            .as_ref()
            .is_some_and(|ending| !ending.untold.is_empty());
        if tells {
            self.tell_some();
        }
        let ending = self.ending.as_mut()?;
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
                if !ending.untold.is_empty() {
                    return Some(Next::Again);
                }
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
            // An exit comes before its monitor's message, if that has found the child.
            let exit = ending.exits.remove(&pid);
            if exit.is_none() && down.reason == ExitReason::NoProc {
                ending.silent.insert(pid);
                continue;
            }
            if exit.is_none() {
                unlink(pid);
            }
            let reason = exit.unwrap_or(down.reason);
            ending.note(pid, reason, &self.template);
        }
        if !ending.untold.is_empty() {
            return Some(Next::Again);
        }
        if !ending.hears_all(cx, &self.template) {
            return Some(Next::Wait(Until::Forever));
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
