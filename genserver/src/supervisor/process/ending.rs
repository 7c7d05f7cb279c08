//! Ending children, one at a time, the last first; and what is done then.
//!
//! Ending a child is: monitor it, tell it, wait for the monitor's message or the time, kill it, wait. Meanwhile all other
//! messages stay in the mailbox.

use std::time::Instant;

use runtime::request::Client;
use runtime::{
    Cx, Down, Exit, ExitReason, Next, Pid, Ref, Until, exit_signal, is_told_to_end, links, monitor,
    unlink,
};

use super::super::answer::Answer;
use super::super::child::Shutdown;
use super::super::children::Key;
use super::super::life;
use super::super::report::Offender;
use super::super::spec::ChildSpec;
use super::Process;
use crate::proc_lib::{Refused, starting};

/// Children that are being ended.
pub(super) struct Ending {
    /// Those to come, the next one last.
    left: Vec<(ChildSpec, Pid)>,
    now: Option<Watched>,
    then: Then,
}

struct Watched {
    spec: ChildSpec,
    pid: Pid,
    watch: Ref,
    deadline: Option<Instant>,
    /// What the watch has said.
    down: Option<ExitReason>,
}

/// What is done when they are gone.
pub(super) enum Then {
    Exit(ExitReason),
    /// A start has failed: tells so, and ends.
    Refuse(Ref, ExitReason),
    /// Starts these again.
    Start(Vec<Key>),
    Answer(Client),
}

impl Process {
    /// Ends all children, the last first, and then does so.
    pub(super) fn end_all(&mut self, then: Then) {
        let all = self.children.take().into_entries();
        let running = all.filter_map(|entry| entry.state().pid().map(|pid| (entry.spec, pid)));
        self.end(running.collect(), then);
    }

    /// Ends these, the last first, and then does so.
    pub(super) fn end(&mut self, left: Vec<(ChildSpec, Pid)>, then: Then) {
        let now = None;
        self.ending = Some(Ending { left, now, then });
    }

    /// Goes on ending children. True: it waits for one.
    pub(super) fn end_next(&mut self) -> bool {
        let Some(ending) = &mut self.ending else {
            return false;
        };
        let Some((spec, pid)) = ending.left.pop() else {
            return false;
        };
        let watch = monitor(pid);
        let deadline = match spec.how_to_end() {
            Shutdown::BrutalKill => {
                exit_signal(pid, ExitReason::Kill);
                None
            }
            Shutdown::Within(time) => {
                exit_signal(pid, ExitReason::Shutdown);
                runtime::now().checked_add(time)
            }
            Shutdown::Infinity => {
                exit_signal(pid, ExitReason::Shutdown);
                None
            }
        };
        ending.now = Some(Watched {
            spec,
            pid,
            watch,
            deadline,
            down: None,
        });
        true
    }

    /// Looks whether the child that is being ended is gone. Some: it waits on.
    pub(super) fn look_at_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let ending = self.ending.as_mut()?;
        let now = ending.now.as_mut()?;
        let pid = now.pid;
        if now.down.is_none() {
            now.down = down_of(cx, now.watch);
        }
        let Some(down) = now.down.clone() else {
            let late = now.deadline.is_some_and(|at| at <= runtime::now());
            if late {
                now.deadline = None;
                exit_signal(pid, ExitReason::Kill);
            }
            return Some(Next::Wait(match now.deadline {
                Some(at) => Until::At(at),
                None => Until::Forever,
            }));
        };
        // The reason is that of its exit, if that comes: the monitor may have been too late for it.
        let mut exit = exit_of(cx, pid);
        if exit.is_none() && down == ExitReason::NoProc {
            // If it is linked still its end is being told.
            let is_linked = links().contains(&pid);
            exit = exit_of(cx, pid);
            if exit.is_none() && is_linked {
                return Some(Next::Wait(Until::Forever));
            }
        }
        unlink(pid);
        cx.rewind();
        let reason = exit.unwrap_or(down);
        if let Some(now) = ending.now.take()
            && !now.spec.how_to_end().was_heeded(now.spec.restart, &reason)
        {
            let offender = Offender::of(&now.spec, Some(pid));
            self.reporter.shutdown_error(offender, &reason);
        }
        None
    }

    /// All are gone: does what comes then. Some: the supervisor ends.
    pub(super) fn ended(&mut self) -> Option<Next> {
        let ending = self.ending.take()?;
        match ending.then {
            Then::Exit(reason) => {
                self.reporter
                    .terminate(&reason, || format!("{:?}", self.flags));
                return Some(Next::Exit(reason));
            }
            Then::Refuse(tag, reason) => {
                return starting(self.reporter.module, || {
                    let refused = Refused::Failed(reason.clone());
                    Some(life::refuse(&self.reporter, tag, refused, reason))
                });
            }
            Then::Start(_) if is_told_to_end() => self.end_all(Then::Exit(ExitReason::Shutdown)),
            Then::Start(keys) => {
                // What comes after one that fails waits for its next try.
                let _ = keys.into_iter().all(|key| self.start_again(key));
                self.note_returned(None);
            }
            Then::Answer(client) => self.reply(client, Answer::Done(Ok(()))),
        }
        None
    }
}

/// What a watch says, if that is in the mailbox beyond the save position.
fn down_of(cx: &mut Cx<'_>, watch: Ref) -> Option<ExitReason> {
    let down = cx.mail_where(|message| {
        let down = message.downcast_ref::<Down>();
        down.is_some_and(|down| down.monitor == watch)
    });
    down?.downcast::<Down>().ok().map(|down| down.reason)
}

/// Why a process has ended, if its exit is in the mailbox. Leaves the save position behind what it has seen.
fn exit_of(cx: &mut Cx<'_>, pid: Pid) -> Option<ExitReason> {
    cx.rewind();
    let exit = cx.mail_where(|message| {
        let exit = message.downcast_ref::<Exit>();
        exit.is_some_and(|exit| exit.from == Some(pid))
    });
    exit?.downcast::<Exit>().ok().map(|exit| exit.reason)
}
