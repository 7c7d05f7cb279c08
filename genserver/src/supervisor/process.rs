//! A supervisor's life: a behaviour at rest, a state machine.
//!
//! ```text
//!   booting --all started--> serving --a child ends, a call--> ending some --all gone--> serving
//!                               |                                  |
//!                               | parent ends, told to, gives up   | one at a time, the last first
//!                               +----------------------------------+--> ends
//! ```
//!
//! `ending` ends children, `requests` are the clients', `upgrade` changes the code. Only start functions block.
//!
//! Invariants:
//! * What runs is linked, and its exit is a message, as the supervisor traps exits.
//! * A child that is being ended is not among the running any more: its exit, and its monitor's message, are
//!   looked for by its pid alone, and no restart comes of them.

mod ending;
mod requests;
mod upgrade;

use std::time::Duration;

use runtime::request::{Call, Client, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Cx, Exit, ExitReason, Next, Pid, catch, is_told_to_end, match_message,
    send,
};
use sys::Debug;

use super::answer::{Answer, ChildState, FailedToStartChild, Request};
use super::child::{Child, Restart, outcome};
use super::children::{Children, Entry, Key};
use super::flags::{AutoShutdown, Flags, Strategy};
use super::intensity::Restarts;
use super::life::{self, Boot, Life};
use super::report::{Offender, Reporter, note_returned};
use super::spec::{ChildSpec, InitFunction, Supervised, check_childspecs};
use crate::gen_server::WrongRequest;
use crate::proc_lib::Refused;
use ending::{Ending, Then};

/// How long a supervisor waits before it hibernates, if its flags do not say.
const HIBERNATE_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Process {
    parent: Pid,
    init: InitFunction,
    reporter: Reporter,
    boot: Option<Boot>,
    flags: Flags,
    children: Children,
    restarts: Restarts,
    ending: Option<Ending>,
    hibernates: bool,
    debug: Debug,
}

/// A child whose restart has failed is tried again.
#[derive(Debug)]
struct TryAgain(Key);

impl Process {
    pub(super) fn booting(
        parent: Pid,
        init: InitFunction,
        reporter: Reporter,
        boot: Boot,
    ) -> Process {
        Process {
            parent,
            init,
            reporter,
            boot: Some(boot),
            flags: Flags::default(),
            children: Children::default(),
            restarts: Restarts::default(),
            ending: None,
            hibernates: false,
            debug: Debug::new(),
        }
    }

    /// Adds a child that was started; `asked`: by a client.
    fn add(&mut self, spec: ChildSpec, started: Option<Child>, asked: bool) {
        // One that is not wanted, and would not be restarted, is forgotten.
        if started.is_none() && spec.restart == Restart::Temporary {
            return;
        }
        let key = self.children.push(spec, ChildState::Undefined, None);
        self.runs(key, started, asked);
    }

    /// A child was started; none: there was nothing to start.
    fn runs(&mut self, key: Key, started: Option<Child>, asked: bool) {
        let Some(child) = started else {
            self.children.set(key, ChildState::Undefined);
            return;
        };
        self.children.set(key, ChildState::Running(child.pid));
        if let Some(entry) = self.children.get_mut(key) {
            entry.info = child.info;
            let offender = Offender::of(&entry.spec, Some(child.pid));
            self.reporter.progress(offender, asked);
        }
    }

    /// Starts a child again. False: it failed, and is to be tried again.
    fn start_again(&mut self, key: Key) -> bool {
        let Some(entry) = self.children.get(key) else {
            return true;
        };
        match start(&entry.spec) {
            Ok(child) => {
                self.runs(key, child, false);
                true
            }
            Err(reason) => {
                self.reporter
                    .start_error(Offender::of(&entry.spec, None), &reason);
                self.children.set(key, ChildState::Restarting);
                send(runtime::self_pid(), TryAgain(key));
                false
            }
        }
    }

    /// Counts a restart of this child. False: there were too many, or the node shuts down, and all is ended.
    fn may_restart(&mut self, key: Key, pid: Option<Pid>) -> bool {
        if is_told_to_end() {
            self.end_all(Then::Exit(ExitReason::Shutdown));
            return false;
        }
        if self.restarts.bear(&self.flags) {
            return true;
        }
        if let Some(entry) = self.children.get(key) {
            self.reporter.gives_up(Offender::of(&entry.spec, pid));
        }
        self.end_all(Then::Exit(ExitReason::Shutdown));
        false
    }

    /// A child has ended by itself.
    fn child_ended(&mut self, key: Key, pid: Pid, reason: &ExitReason) {
        let Some(entry) = self.children.get(key) else {
            return;
        };
        let (restart, significant) = (entry.spec.restart, entry.spec.significant);
        if restart.reports(reason) {
            let offender = Offender::of(&entry.spec, Some(pid));
            self.reporter.child_terminated(offender, reason);
        }
        if restart.restarts(reason) {
            self.children.set(key, ChildState::Restarting);
            if self.may_restart(key, Some(pid)) {
                self.restart(key);
            }
            return;
        }
        match restart {
            Restart::Temporary => drop(self.children.remove(key)),
            _ => self.children.set(key, ChildState::Undefined),
        }
        if significant && self.is_over() {
            self.end_all(Then::Exit(ExitReason::Shutdown));
        }
    }

    /// Whether the end of a significant child is the supervisor's.
    fn is_over(&self) -> bool {
        let is_active =
            |entry: &Entry| entry.spec.significant && entry.state() != ChildState::Undefined;
        match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self.children.iter().any(is_active),
        }
    }

    /// Starts a child again, with those that its strategy says.
    fn restart(&mut self, key: Key) {
        let concerned = match self.flags.strategy {
            Strategy::OneForOne => {
                self.start_again(key);
                return;
            }
            Strategy::RestForOne => self.children.keys(key..),
            Strategy::OneForAll => self.children.keys(0..),
        };
        let mut left = Vec::new();
        let mut again = Vec::new();
        for key in concerned {
            let Some(entry) = self.children.get(key) else {
                continue;
            };
            if let Some(pid) = entry.state().pid() {
                left.push((entry.spec.clone(), pid));
            }
            // A temporary sibling is forgotten; one that had nothing to start is asked again.
            if entry.spec.restart == Restart::Temporary {
                self.children.remove(key);
            } else {
                self.children.set(key, ChildState::Undefined);
                again.push(key);
            }
        }
        self.end(left, Then::Start(again));
    }

    fn try_again(&mut self, key: Key) {
        let restarting = ChildState::Restarting;
        let waits = |entry: &Entry| entry.state() == restarting;
        if self.children.get(key).is_some_and(waits) && self.may_restart(key, None) {
            self.restart(key);
        }
    }

    /// Answers a client, and tells the debug functions.
    fn reply(&mut self, client: Client, answer: Answer) {
        self.note_returned(Some((&answer, client.pid())));
        client.of().reply(answer);
    }

    fn note_returned(&mut self, answer: Option<(&Answer, Pid)>) {
        let mut debug = std::mem::take(&mut self.debug);
        note_returned(&mut debug, &self.flags, || sys::Process::show(self), answer);
        self.debug = debug;
    }
}

impl Life for Process {
    fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    fn take_boot(&mut self) -> Option<Boot> {
        self.boot.take()
    }

    fn boot(&mut self, boot: Boot) -> Option<Next> {
        let tag = match boot.begin(&self.reporter) {
            Ok(tag) => tag,
            Err(end) => return Some(end),
        };
        let (flags, specs) = match call_init(&self.init) {
            Ok(Some(supervised)) => supervised,
            Ok(None) => {
                let normal = ExitReason::Normal;
                return Some(life::refuse(&self.reporter, tag, Refused::Ignore, normal));
            }
            Err(reason) => return Some(life::fail(&self.reporter, tag, reason)),
        };
        self.flags = flags;
        for spec in specs {
            match start(&spec) {
                Ok(started) => self.add(spec, started, false),
                Err(reason) => {
                    self.reporter
                        .start_error(Offender::of(&spec, None), &reason);
                    let id = spec.id;
                    let failed = FailedToStartChild { id, reason };
                    self.end_all(Then::Refuse(tag, failed.into_reason()));
                    return None;
                }
            }
        }
        life::started(tag);
        None
    }

    fn debug(&mut self) -> &mut Debug {
        &mut self.debug
    }

    fn hibernates(&mut self) -> &mut bool {
        &mut self.hibernates
    }

    fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    fn go_on_ending(&mut self, cx: &mut Cx<'_>) -> Option<Next> {
        let waits = self.look_at_ending(cx);
        if waits.is_some() || self.end_next() {
            return waits;
        }
        self.ended()
    }

    fn end_with(&mut self, reason: ExitReason) {
        self.end_all(Then::Exit(reason));
    }

    fn handle(&mut self, message: AnyMessage) {
        let calls = message.is::<Call<Request>>();
        match_message!(message {
            Exit { from: Some(pid), reason, .. } => {
                if let Some(key) = self.children.of_pid(pid) {
                    self.child_ended(key, pid, &reason);
                }
            },
            // From elsewhere.
            Exit { .. } => {},
            Call { client, request }: Call<Request> => self.answer(client, request),
            TryAgain(key) => self.try_again(key),
            other => {
                // An unknown request is a mistake of its sender's that OTP's supervisor does not survive.
                if let Some(request) = foreign_request(&other) {
                    let reason = ExitReason::other(WrongRequest(request));
                    self.end_all(Then::Exit(reason));
                } else {
                    self.reporter.unexpected(&other);
                }
            }
        });
        // What is done step by step has not returned yet; and who stops does not go on.
        if !calls && self.ending.is_none() {
            self.note_returned(None);
        }
    }

    fn hibernate_after(&self) -> Option<Duration> {
        Some(self.flags.hibernate_after.unwrap_or(HIBERNATE_AFTER))
    }
}

impl Behaviour for Process {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        life::wake(self, cx)
    }
}

/// The flags and children that an init function says, if they are in order.
fn call_init(init: &InitFunction) -> Result<Option<Supervised>, ExitReason> {
    let says = catch(init).unwrap_or_else(|caught| Err(caught.into_reason()))?;
    if let Some((flags, specs)) = &says {
        check_childspecs(flags, specs)?;
    }
    Ok(says)
}

/// Calls a start function. None: it has nothing to start.
fn start(spec: &ChildSpec) -> Result<Option<Child>, ExitReason> {
    outcome(catch(|| (spec.start)()))
}
