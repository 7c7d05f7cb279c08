//! What both kinds of supervisor do alike: how one is started, begins and refuses to, and how it lives, from mail to
//! mail.
//!
//! Invariant: while children are being ended no mail is taken but theirs, and the save position stands at the oldest
//! message again when they are gone.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use runtime::request::ServerRef;
use runtime::{
    AnyMessage, Behaviour, Cx, Exit, ExitReason, Next, Pid, Ref, Spawn, Until, demonitor_flush,
    self_pid, send, trap_exit,
};
use sys::{Debug, Event, Handled, System};

use super::report::Reporter;
use crate::proc_lib::{
    Ack, Line, Refused, Start, StartError, inherit, is_free, is_order, register, report_crash,
    starting, supervises, unregister,
};

/// What a kind of supervisor does in its own way.
pub(super) trait Life: sys::Process {
    fn reporter(&self) -> &Reporter;
    /// What it begins with, once.
    fn take_boot(&mut self) -> Option<Boot>;
    /// Some: it does not begin, and ends.
    fn boot(&mut self, boot: Boot) -> Option<Next>;
    fn debug(&mut self) -> &mut Debug;
    /// Whether it hibernates, or would if it were not suspended: a message that is no system message ends that.
    fn hibernates(&mut self) -> &mut bool;
    /// Whether children are being ended.
    fn is_ending(&self) -> bool;
    /// Goes on ending them. Some: it waits for one, or ends itself.
    fn go_on_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next>;
    /// Ends all children, and then itself.
    fn end_with(&mut self, reason: ExitReason);
    /// Handles what is no system message and no order to end.
    fn handle(&mut self, message: AnyMessage);
    /// How long it waits before it hibernates. None: for ever.
    fn hibernate_after(&self) -> Option<Duration>;
}

/// Wakes a supervisor.
pub(super) fn wake<L: Life>(supervisor: &mut L, cx: &mut Cx<'_>) -> Next {
    if let Some(boot) = supervisor.take_boot() {
        cx.callback_begins();
        let module = supervisor.reporter().module;
        if let Some(end) = starting(module, || supervisor.boot(boot)) {
            return end;
        }
    }
    let mut idle = cx.cause().timeout && !supervisor.is_ending() || *supervisor.hibernates();
    // A waker that a start function has left somewhere was called: nothing has come.
    let mut left = cx.time_left();
    loop {
        if cx.spent() {
            return Next::Again;
        }
        if supervisor.is_ending() {
            // It may start children again.
            cx.callback_begins();
            if let Some(next) = supervisor.go_on_ending(cx) {
                return next;
            }
            continue;
        }
        let was_suspended = supervisor.debug().is_suspended();
        let Some(message) = take(cx, was_suspended, supervisor.parent()) else {
            return match supervisor.hibernate_after() {
                // Any mail would wake it from that, whatever it is.
                _ if was_suspended => Next::Wait(Until::Forever),
                Some(_) if idle => {
                    *supervisor.hibernates() = true;
                    Next::Hibernate(Until::Forever)
                }
                Some(time) => Next::Wait(Until::After(left.unwrap_or(time))),
                None => Next::Wait(Until::Forever),
            };
        };
        *supervisor.hibernates() &= message.is::<System>();
        (idle, left) = (*supervisor.hibernates(), None);
        cx.callback_begins();
        handle(supervisor, message);
        if was_suspended && (!supervisor.debug().is_suspended() || supervisor.is_ending()) {
            cx.rewind();
        }
    }
}

fn handle<L: Life>(supervisor: &mut L, message: AnyMessage) {
    let message = match message.downcast::<System>() {
        Ok(system) => {
            let mut debug = mem::take(supervisor.debug());
            let handled = sys::handle(system, &mut debug, supervisor);
            *supervisor.debug() = debug;
            if let Handled::Terminate(reason) = handled {
                supervisor.end_with(reason);
            }
            return;
        }
        Err(message) => message,
    };
    supervisor.debug().note(|| Event::In { message: &message });
    match message.downcast_ref::<Exit>() {
        Some(exit) if is_order(exit, supervisor.parent()) => {
            supervisor.end_with(exit.reason.clone());
        }
        _ => supervisor.handle(message),
    }
}

/// What a supervisor begins with: whom it tells how its start went, and where it comes from.
pub(super) struct Boot {
    tag: Ref,
    line: Option<Arc<Line>>,
}

/// Starts a supervisor, linked to the caller, its parent, and returns when that has started.
#[cfg_attr(debug_assertions, track_caller)]
pub(super) fn start_link<B: Behaviour + Send>(
    name: Option<ServerRef>,
    module: &'static str,
    make: impl FnOnce(Pid, Reporter, Boot) -> B,
) -> Result<Pid, StartError> {
    is_free(name.as_ref())?;
    let parent = self_pid();
    let start = Start {
        spawn: Spawn::new(),
        links: true,
        timeout: None,
    };
    let (spawned, monitor) = start.behaviour(|tag| {
        let line = Line::of_children();
        make(parent, Reporter { name, module }, Boot { tag, line })
    })?;
    demonitor_flush(monitor);
    Ok(spawned.pid)
}

impl Boot {
    /// Begins, under its name. Err: that is not to be had, and the process ends.
    pub(super) fn begin(self, reporter: &Reporter) -> Result<Ref, Next> {
        inherit(self.line);
        trap_exit(true);
        supervises();
        match reporter.name.as_ref().map_or(Ok(()), register) {
            Ok(()) => Ok(self.tag),
            Err(refused) => Err(tell(self.tag, refused, ExitReason::Normal)),
        }
    }
}

/// Tells that the supervisor has started.
pub(super) fn started(tag: Ref) {
    let started = Ok(());
    send(tag, Ack { tag, started });
}

/// Tells that the supervisor, which has its name, does not start, and ends it.
pub(super) fn refuse(reporter: &Reporter, tag: Ref, refused: Refused, reason: ExitReason) -> Next {
    if let Some(name) = &reporter.name {
        unregister(name);
    }
    tell(tag, refused, reason)
}

/// As [`refuse`], for what the supervisor was told is wrong: a crash.
pub(super) fn fail(reporter: &Reporter, tag: Ref, reason: ExitReason) -> Next {
    let end = refuse(
        reporter,
        tag,
        Refused::Failed(reason.clone()),
        reason.clone(),
    );
    report_crash(reporter.module, &reason);
    end
}

fn tell(tag: Ref, refused: Refused, reason: ExitReason) -> Next {
    let started = Err(refused);
    send(tag, Ack { tag, started });
    Next::Exit(reason)
}

/// The next message. One that is suspended takes system messages, and the order to end.
fn take(cx: &mut Cx<'_>, is_suspended: bool, parent: Option<Pid>) -> Option<AnyMessage> {
    if !is_suspended {
        return cx.mail();
    }
    cx.mail_where(|message| {
        let exit = message.downcast_ref::<Exit>();
        message.is::<System>() || exit.is_some_and(|exit| is_order(exit, parent))
    })
}
