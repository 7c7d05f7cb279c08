//! A server's life: a behaviour at rest, which calls the callbacks.
//!
//! ```text
//!   booting --init--> running --a callback stops or fails, parent ends, told to--> terminate, ends
//!                      |   ^
//!              suspend |   | resume
//!                      v   |
//!                    suspended: system messages and the order to end alone
//! ```
//!
//! Invariants:
//! * `handle_continue` goes before any message, system messages included.
//! * What a callback said of time holds until the next message that is no system message.
//! * No callback's panic or exit leaves this file: it ends the server, by way of `terminate`.

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use runtime::request::{Call, Cast, ServerRef, foreign_request};
use runtime::{
    AnyMessage, Behaviour, Cx, Exit, ExitReason, Next, Pid, Ref, TimerRef, Until, cancel_timer,
    catch, send, send_after,
};
use sys::{Debug, DebugOption, Event, Handled, System, Value};

use super::report::{FormatStatus, Last, StateOf, formatted, report_terminate};
use super::{Action, Called, Done, GenServer, Init};
use crate::proc_lib::{
    Ack, Line, Refused, inherit, is_order, register, report_crash, starting, unregister,
};

/// What [`GenServer::handle_info`] is given when the time of [`Action::Timeout`] is over: Erlang's
/// `timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout;

/// What [`GenServer::code_change`] is given.
pub type CodeChange = Box<dyn Any + Send>;

/// A server that has not begun.
pub(super) struct Boot<A> {
    pub(super) args: A,
    pub(super) name: Option<ServerRef>,
    pub(super) tag: Ref,
    pub(super) line: Option<Arc<Line>>,
    pub(super) debug: Vec<DebugOption>,
}

/// A server's process.
pub(super) struct Process<S: GenServer> {
    stage: Stage<S>,
    /// Known from the boot on.
    parent: Option<Pid>,
    next: Option<S::Continue>,
    pending: Pending,
    /// Boxed, as few servers have it.
    hibernate_after: Option<Box<Duration>>,
    debug: Debug,
    /// Suspended, it has mail that it does not take.
    has_mail: bool,
}

/// How far a server has come.
enum Stage<S: GenServer> {
    Boots(Box<Boot<S::Args>>),
    Runs(S),
    /// `init` has not returned yet, or the server is at its end.
    Stateless,
}

/// How a server waits.
enum Pending {
    Wait,
    Timeout(Duration),
    Hibernate,
    /// Until an event time-out comes, hibernated or not.
    Event(Box<Timed>, bool),
    /// Not at all: this event time-out is due, and goes before any message.
    Due(AnyMessage),
}

struct Timed {
    timer: TimerRef,
    number: u64,
}

/// An event time-out that is due.
#[derive(Debug)]
struct EventTimeout {
    number: u64,
    message: AnyMessage,
}

/// A request of another type than the server's: Erlang's `function_clause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongRequest(pub &'static str);

/// Why a server ends.
enum Stop {
    /// For this reason, at this; `terminate` is to be called.
    Because(ExitReason, Last),
    /// It was called already.
    Terminated(ExitReason),
}

/// A type's name, shown as such.
pub(super) struct TypeName<S>(PhantomData<fn() -> S>);

impl<S> TypeName<S> {
    pub(super) const NAME: TypeName<S> = TypeName(PhantomData);
}

impl<S> fmt::Debug for TypeName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name::<S>())
    }
}

impl<S: GenServer> Process<S> {
    pub(super) fn booting(
        boot: Boot<S::Args>,
        parent: Option<Pid>,
        hibernate_after: Option<Duration>,
    ) -> Process<S> {
        Process {
            stage: Stage::Boots(Box::new(boot)),
            parent,
            next: None,
            pending: Pending::Wait,
            hibernate_after: hibernate_after.map(Box::new),
            debug: Debug::new(),
            has_mail: false,
        }
    }

    pub(super) fn entered(
        state: S,
        action: Action<S::Continue>,
        parent: Pid,
        hibernate_after: Option<Duration>,
        debug: Debug,
    ) -> Process<S> {
        let mut process = Process {
            stage: Stage::Runs(state),
            parent: Some(parent),
            next: None,
            pending: Pending::Wait,
            hibernate_after: hibernate_after.map(Box::new),
            debug,
            has_mail: false,
        };
        process.act(action);
        process
    }

    fn state(&mut self) -> &mut S {
        match &mut self.stage {
            Stage::Runs(state) => state,
            Stage::Boots(_) | Stage::Stateless => unreachable!("a server that runs has a state"),
        }
    }

    /// The state, while there is one.
    fn present(&self) -> Option<&S> {
        match &self.stage {
            Stage::Runs(state) => Some(state),
            Stage::Boots(_) | Stage::Stateless => None,
        }
    }

    fn take_boot(&mut self) -> Option<Box<Boot<S::Args>>> {
        match std::mem::replace(&mut self.stage, Stage::Stateless) {
            Stage::Boots(boot) => Some(boot),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// Calls `init`, and tells whoever waits what came of it. Some: the process ends.
    fn boot(&mut self, boot: Boot<S::Args>) -> Option<Next> {
        let Boot {
            args,
            name,
            tag,
            line,
            debug,
        } = boot;
        inherit(line);
        // Who was started on its own is its own parent.
        self.parent.get_or_insert_with(runtime::self_pid);
        let refuse = |refused: Refused, reason: ExitReason| {
            send(
                tag,
                Ack {
                    tag,
                    started: Err(refused),
                },
            );
            Some(Next::Exit(reason))
        };
        if let Some(name) = &name
            && let Err(refused) = register(name)
        {
            return refuse(refused, ExitReason::Normal);
        }
        let refuse = |refused, reason| {
            if let Some(name) = &name {
                unregister(name);
            }
            refuse(refused, reason)
        };
        if !debug.is_empty() {
            self.debug = Debug::with(debug);
        }
        let init = match catch(|| S::init(args)) {
            Ok(Ok(init)) => init,
            Ok(Err(reason)) => Init::Stop(reason),
            Err(caught) => Init::Stop(caught.into_reason()),
        };
        match init {
            Init::Ok(state, action) => {
                self.stage = Stage::Runs(state);
                self.act(action);
                send(
                    tag,
                    Ack {
                        tag,
                        started: Ok(()),
                    },
                );
                None
            }
            Init::Stop(reason) => {
                let end = refuse(Refused::Failed(reason.clone()), reason.clone());
                report_crash(type_name::<S>(), &reason);
                end
            }
            Init::Error(reason) => refuse(Refused::Failed(reason), ExitReason::Normal),
            Init::Ignore => refuse(Refused::Ignore, ExitReason::Normal),
        }
    }

    /// Does what a callback said.
    fn act(&mut self, action: Action<S::Continue>) {
        self.pending = match action {
            Action::Wait => Pending::Wait,
            Action::Timeout(time) => Pending::Timeout(time),
            Action::Hibernate => Pending::Hibernate,
            Action::Continue(with) => {
                self.next = Some(with);
                Pending::Wait
            }
            Action::TimeoutMsg(until, message) => event(until, message, false),
            Action::HibernateMsg(until, message) => event(until, message, true),
        };
    }

    /// A message that is no system message comes: what a callback said of time is over.
    fn cancel(&mut self) {
        if let Pending::Event(timed, _) = std::mem::replace(&mut self.pending, Pending::Wait) {
            cancel_timer(timed.timer);
        }
    }

    fn done(&mut self, at: Last, done: Done<S::Continue>) -> Result<(), Stop> {
        match done {
            Done::Go(action) => {
                self.note_no_reply();
                self.act(action);
                Ok(())
            }
            Done::Stop(reason) => Err(Stop::Because(reason, at)),
        }
    }

    /// Calls a callback; what it fails with ends the server.
    fn callback<T>(
        &mut self,
        at: Last,
        callback: impl FnOnce(&mut S) -> Result<T, ExitReason>,
    ) -> Result<T, Stop> {
        let state = self.state();
        let reason = match catch(|| callback(state)) {
            Ok(Ok(returned)) => return Ok(returned),
            Ok(Err(reason)) => reason,
            Err(caught) => caught.into_reason(),
        };
        Err(Stop::Because(reason, at))
    }

    fn call(&mut self, call: Call<S::Call>) -> Result<(), Stop> {
        let Call { client, request } = call;
        let from = client.of::<S::Reply>();
        let at = Last::Call(client.pid());
        match self.callback(at, |state| state.handle_call(request, from))? {
            Called::Reply(answer, action) => {
                self.note_out(&answer, client.pid());
                from.reply(answer);
                self.act(action);
                Ok(())
            }
            Called::NoReply(action) => self.done(at, Done::Go(action)),
            Called::StopReply(reason, answer) => {
                // Terminate goes first, and the answer out whatever becomes of it.
                let reason = self.terminate(reason, at);
                self.note_out(&answer, client.pid());
                from.reply(answer);
                Err(Stop::Terminated(reason))
            }
            Called::Stop(reason) => Err(Stop::Because(reason, at)),
        }
    }

    fn cast(&mut self, cast: Cast<S::Cast>) -> Result<(), Stop> {
        let done = self.callback(Last::Cast, |state| state.handle_cast(cast.request))?;
        self.done(Last::Cast, done)
    }

    fn info(&mut self, message: AnyMessage) -> Result<(), Stop> {
        let at = Last::Info(message.type_name());
        let done = self.callback(at, |state| state.handle_info(message))?;
        self.done(at, done)
    }

    /// A time-out has come: a message like others, for the debug functions too.
    fn timed_out(&mut self, message: AnyMessage) -> Result<(), Stop> {
        self.debug.note(|| Event::In { message: &message });
        self.info(message)
    }

    fn continues(&mut self, with: S::Continue) -> Result<(), Stop> {
        let done = self.callback(Last::Continue, |state| state.handle_continue(with));
        self.debug.note(|| Event::Continue);
        self.done(Last::Continue, done?)
    }

    fn note_out(&mut self, answer: &S::Reply, to: Pid) {
        if let Stage::Runs(state) = &self.stage {
            let state = StateOf(state);
            self.debug.note(|| Event::Out {
                reply: Value::new(answer),
                to,
                state: state.value(),
            });
        }
    }

    fn note_no_reply(&mut self) {
        if let Stage::Runs(state) = &self.stage {
            let state = StateOf(state);
            self.debug.note(|| Event::NoReply {
                state: state.value(),
            });
        }
    }

    /// Handles a message. Err: the server ends.
    fn handle(&mut self, message: AnyMessage) -> Result<(), Stop> {
        let message = match message.downcast::<System>() {
            Ok(system) => return self.system(system),
            Err(message) => message,
        };
        if let Some(exit) = message.downcast_ref::<Exit>()
            && is_order(exit, self.parent)
        {
            return Err(Stop::Because(exit.reason.clone(), Last::ParentsExit));
        }
        let message = match self.event_timeout(message) {
            Ok(Some(message)) => return self.timed_out(message),
            // One that was cancelled when it was on its way.
            Ok(None) => return Ok(()),
            Err(message) => message,
        };
        self.cancel();
        self.debug.note(|| Event::In { message: &message });
        let message = match message.downcast::<Call<S::Call>>() {
            Ok(call) => return self.call(call),
            Err(message) => message,
        };
        match message.downcast::<Cast<S::Cast>>() {
            Ok(cast) => self.cast(cast),
            Err(message) => match foreign_request(&message) {
                Some(request) => {
                    let reason = ExitReason::other(WrongRequest(request));
                    Err(Stop::Because(reason, Last::Info(request)))
                }
                None => self.info(message),
            },
        }
    }

    /// The message of an event time-out that is due; none if it was cancelled.
    fn event_timeout(&mut self, message: AnyMessage) -> Result<Option<AnyMessage>, AnyMessage> {
        let due = message.downcast::<EventTimeout>()?;
        let waits = matches!(&self.pending, Pending::Event(timed, _) if timed.number == due.number);
        if waits {
            self.pending = Pending::Wait;
        }
        Ok(waits.then_some(due.message))
    }

    fn system(&mut self, message: System) -> Result<(), Stop> {
        let mut debug = std::mem::take(&mut self.debug);
        let handled = sys::handle(message, &mut debug, self);
        self.debug = debug;
        match handled {
            Handled::Terminate(reason) => Err(Stop::Because(reason, Last::System)),
            _ => Ok(()),
        }
    }

    /// Calls `terminate`; the reason, or another if that failed.
    fn terminate(&mut self, reason: ExitReason, at: Last) -> ExitReason {
        let Stage::Runs(mut state) = std::mem::replace(&mut self.stage, Stage::Stateless) else {
            return reason;
        };
        let ended = catch(|| state.terminate(&reason));
        let reason = match ended {
            Ok(()) => reason,
            Err(caught) => caught.into_reason(),
        };
        report_terminate(&state, &self.debug, at, &reason);
        self.stage = Stage::Runs(state);
        reason
    }

    fn end(&mut self, stop: Stop) -> Next {
        let reason = match stop {
            Stop::Because(reason, at) => self.terminate(reason, at),
            Stop::Terminated(reason) => reason,
        };
        report_crash(type_name::<S>(), &reason);
        Next::Exit(reason)
    }

    /// Whether something goes before any message: to continue, or an event time-out that is due.
    fn is_busy(&self) -> bool {
        let due = matches!(self.pending, Pending::Due(_)) && !self.debug.is_suspended();
        self.next.is_some() || due
    }

    /// Does what goes before any message.
    fn go_on(&mut self) -> Result<(), Stop> {
        if let Some(with) = self.next.take() {
            return self.continues(with);
        }
        match std::mem::replace(&mut self.pending, Pending::Wait) {
            Pending::Due(message) => self.timed_out(message),
            pending => {
                self.pending = pending;
                Ok(())
            }
        }
    }

    /// How the server waits now.
    fn wait(&self) -> Next {
        match (&self.pending, &self.hibernate_after) {
            // Any mail would wake it, whatever it is.
            _ if self.has_mail => Next::Wait(Until::Forever),
            (Pending::Hibernate | Pending::Event(_, true), _) => Next::Hibernate(Until::Forever),
            _ if self.debug.is_suspended() => Next::Wait(Until::Forever),
            (Pending::Timeout(time), _) => Next::Wait(Until::After(*time)),
            (_, Some(time)) => Next::Wait(Until::After(**time)),
            (_, None) => Next::Wait(Until::Forever),
        }
    }

    /// It has waited for as long as it does awake: it hibernates, and after system messages again.
    fn hibernate(&mut self) -> Next {
        match &mut self.pending {
            Pending::Event(_, hibernates) => *hibernates = true,
            pending => *pending = Pending::Hibernate,
        }
        self.wait()
    }

    fn take(&mut self, cx: &mut Cx<'_>) -> Option<AnyMessage> {
        if !self.debug.is_suspended() {
            return cx.mail();
        }
        let (parent, has_mail) = (self.parent, &mut self.has_mail);
        cx.mail_where(|message| {
            let exit = message.downcast_ref::<Exit>();
            let takes = message.is::<System>() || exit.is_some_and(|exit| is_order(exit, parent));
            *has_mail |= !takes;
            takes
        })
    }
}

impl<S: GenServer> Behaviour for Process<S> {
    fn wake(&mut self, cx: &mut Cx<'_>) -> Next {
        if let Stage::Boots(_) = self.stage
            && let Some(boot) = self.take_boot()
        {
            cx.callback_begins();
            if let Some(end) = starting(type_name::<S>(), || self.boot(*boot)) {
                return end;
            }
        }
        let mut over = cx.cause().timeout;
        // A waker that an earlier callback has left somewhere was called: nothing has come.
        let mut left = cx.time_left();
        loop {
            if self.is_busy() {
                cx.callback_begins();
                if let Err(stop) = self.go_on() {
                    return self.end(stop);
                }
                if self.is_busy() {
                    // What a server does without an end ends by a signal, and lets others have their turn.
                    return Next::Wait(Until::After(Duration::ZERO));
                }
                (over, left) = (false, None);
                continue;
            }
            let was_suspended = self.debug.is_suspended();
            let Some(message) = self.take(cx) else {
                if !std::mem::take(&mut over) || was_suspended {
                    break;
                }
                left = None;
                match self.pending {
                    Pending::Timeout(_) => {
                        cx.callback_begins();
                        self.pending = Pending::Wait;
                        if let Err(stop) = self.timed_out(AnyMessage::new(Timeout)) {
                            return self.end(stop);
                        }
                        continue;
                    }
                    _ if self.hibernate_after.is_some() => return self.hibernate(),
                    _ => break,
                }
            };
            (over, left) = (false, None);
            cx.callback_begins();
            if let Err(stop) = self.handle(message) {
                return self.end(stop);
            }
            if was_suspended && !self.debug.is_suspended() {
                cx.rewind();
                self.has_mail = false;
            }
            if cx.spent() {
                return Next::Again;
            }
        }
        match (self.wait(), left) {
            (Next::Wait(Until::After(_)), Some(left)) => Next::Wait(Until::After(left)),
            (next, _) => next,
        }
    }
}

impl<S: GenServer> sys::Process for Process<S> {
    fn state(&mut self) -> &mut dyn Any {
        self.state()
    }

    fn show(&self) -> String {
        let state = self.present().map(StateOf);
        state.map_or_else(String::new, |state| state.text())
    }

    fn format_status(&self, mut status: sys::Status) -> sys::Status {
        if let Some(state) = self.present() {
            let told = FormatStatus {
                state: status.state,
                message: None,
                reason: None,
                log: status.log,
            };
            let told = formatted(state, told);
            status.state = told.state;
            status.log = told.log;
        }
        status
    }

    fn module(&self) -> &'static str {
        type_name::<S>()
    }

    fn change_code(&mut self, extra: CodeChange) -> Result<(), ExitReason> {
        self.state().code_change(extra)
    }

    fn parent(&self) -> Option<Pid> {
        self.parent
    }
}

/// Sets an event time-out.
fn event(until: Until, message: AnyMessage, hibernates: bool) -> Pending {
    let due = match until {
        Until::Forever => false,
        Until::After(time) => time.is_zero(),
        Until::At(instant) => instant <= runtime::now(),
    };
    if due {
        return Pending::Due(message);
    }
    runtime::process_local! {
        static NUMBER: std::cell::Cell<u64> = std::cell::Cell::new(0);
    }
    let number = NUMBER.with(|number| {
        number.set(number.get() + 1);
        number.get()
    });
    let timer = send_after(until, runtime::self_pid(), EventTimeout { number, message });
    Pending::Event(Box::new(Timed { timer, number }), hibernates)
}
