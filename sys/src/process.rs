//! The process's half: what a system message asks, and what the process answers.
//!
//! Behaviours, and processes written by hand, call [`handle`] with each [`System`] message that they find.
//!
//! Invariants:
//! * Each request that somebody waits for is answered once, before [`handle`] returns.
//! * What only shows the process (its `show`, its `format_status`) may panic or exit: that ends here, and is
//!   said in the answer.

use std::any::Any;
use std::path::PathBuf;
use std::{fmt, io};

use runtime::request::Client;
use runtime::{ExitReason, Name, Pid, catch};

use crate::debug::{Debug, Statistics};
use crate::event::LoggedEvent;
use crate::option::DebugFunction;

/// A system message, as a process finds it in its mailbox: Erlang's `{system, From, Request}`.
#[derive(Debug)]
pub struct System {
    /// None: nobody waits for an answer.
    pub(crate) client: Option<Client>,
    pub(crate) request: Request,
}

impl System {
    /// One that nobody waits for.
    pub(crate) fn order(request: Request) -> System {
        System {
            client: None,
            request,
        }
    }
}

/// A function of the client's, which answers by itself.
type Look = Box<dyn FnOnce(&mut dyn Any, Client) + Send>;

/// What is asked.
pub(crate) enum Request {
    Suspend,
    Resume,
    Status,
    /// Looks at the state, or changes it; answers by itself.
    State(Look),
    ChangeCode(Box<dyn Any + Send>),
    Terminate(ExitReason),
    Log(Option<usize>),
    GetLog,
    PrintLog,
    Trace(bool),
    LogToFile(Option<PathBuf>),
    Install(DebugFunction),
    Remove(String),
    Statistics(bool),
    GetStatistics,
    NoDebug,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Request::Suspend => "Suspend",
            Request::Resume => "Resume",
            Request::Status => "GetStatus",
            Request::State(_) => "State",
            Request::ChangeCode(_) => "ChangeCode",
            Request::Terminate(_) => "Terminate",
            Request::Log(_) => "Log",
            Request::GetLog => "GetLog",
            Request::PrintLog => "PrintLog",
            Request::Trace(_) => "Trace",
            Request::LogToFile(_) => "LogToFile",
            Request::Install(_) => "Install",
            Request::Remove(_) => "Remove",
            Request::Statistics(_) => "Statistics",
            Request::GetStatistics => "GetStatistics",
            Request::NoDebug => "NoDebug",
        })
    }
}

/// What a process that takes part shows and does.
///
/// ```
/// use runtime::Pid;
/// use std::any::Any;
///
/// struct Adder {
///     sum: u32,
///     parent: Pid,
/// }
///
/// impl sys::Process for Adder {
///     fn state(&mut self) -> &mut dyn Any {
///         &mut self.sum
///     }
///     fn show(&self) -> String {
///         format!("the sum is {}", self.sum)
///     }
///     fn module(&self) -> &'static str {
///         "adder"
///     }
///     fn parent(&self) -> Option<Pid> {
///         Some(self.parent)
///     }
/// }
/// ```
pub trait Process {
    /// Its state, as [`get_state`](crate::get_state) and [`replace_state`](crate::replace_state) find it.
    fn state(&mut self) -> &mut dyn Any;

    /// Its state, for people.
    fn show(&self) -> String;

    /// What it is: a behaviour's name, or the process's own.
    fn module(&self) -> &'static str;

    /// Changes the state for new code; `extra` is what [`change_code`](crate::change_code) was given. If it panics,
    /// or exits, the change is refused for that reason.
    ///
    /// # Errors
    ///
    /// The change is refused, and the state as it was.
    ///
    /// ```
    /// # use runtime::ExitReason;
    /// # use std::any::Any;
    /// struct Adder(u32);
    ///
    /// impl sys::Process for Adder {
    ///     // ..
    /// #   fn state(&mut self) -> &mut dyn Any { &mut self.0 }
    /// #   fn show(&self) -> String { self.0.to_string() }
    /// #   fn module(&self) -> &'static str { "adder" }
    ///     fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
    ///         let new = extra.downcast().map_err(|_| ExitReason::other("no number"))?;
    ///         self.0 = *new;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut adder = Adder(7);
    /// assert!(sys::Process::change_code(&mut adder, Box::new("forty")).is_err());
    /// assert_eq!(sys::Process::change_code(&mut adder, Box::new(40u32)), Ok(()));
    /// assert_eq!(adder.0, 40);
    /// ```
    fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        drop(extra);
        Err(ExitReason::other(NoCodeChange))
    }

    /// Changes what [`get_status`](crate::get_status) tells of it.
    ///
    /// ```
    /// # use std::any::Any;
    /// # use sys::Status;
    /// struct Login(String);
    ///
    /// impl sys::Process for Login {
    ///     // ..
    /// #   fn state(&mut self) -> &mut dyn Any { &mut self.0 }
    /// #   fn show(&self) -> String { self.0.clone() }
    /// #   fn module(&self) -> &'static str { "login" }
    ///     fn format_status(&self, mut status: Status) -> Status {
    ///         status.state = "a login".to_owned();
    ///         status.log.clear();
    ///         status
    ///     }
    /// }
    /// ```
    fn format_status(&self, status: Status) -> Status {
        status
    }

    /// Who started it, if it is known.
    fn parent(&self) -> Option<Pid> {
        None
    }
}

/// The code of a process cannot be changed: the reason why [`change_code`](crate::change_code) is refused by one
/// that has no function for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCodeChange;

/// What a process answers that is told to change its code.
#[derive(Debug)]
pub(crate) enum CodeChanged {
    Done,
    NotSuspended,
    Refused(ExitReason),
}

/// What a process does after a system message.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
#[non_exhaustive]
pub enum Handled {
    /// It goes on: suspended, if [`Debug::is_suspended`] says so.
    Continue,
    /// It ends with this reason, as it does when its parent ends.
    Terminate(ExitReason),
}

/// What a process is and does: the answer to [`get_status`](crate::get_status).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The process.
    pub pid: Pid,
    /// Its registered name.
    pub registered_name: Option<Name>,
    /// Its behaviour.
    pub module: &'static str,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Who started it.
    pub parent: Option<Pid>,
    /// Its state, for people.
    pub state: String,
    /// Its dictionary.
    pub dictionary: Vec<(String, String)>,
    /// The events in its log.
    pub log: Vec<LoggedEvent>,
    /// The debug functions that are on: see [`Debug::functions`].
    pub debug: Vec<String>,
}

/// Does what a system message asks, and answers it. Mirrors `sys:handle_system_msg/6`. See
/// [`install`](crate::install) for a process that calls it. A switch point, if a status is asked for, or a file
/// is to be opened.
///
/// # Panics
///
/// Outside a process, and as the process's `change_code`.
///
/// ```
#[doc = include_str!("../doc/adder.txt")]
/// # runtime::run(|| {
/// // A process that does nothing but what system messages ask.
/// fn idle() -> Result<(), ExitReason> {
///     let (mut adder, mut debug) = (Adder(7), Debug::new());
///     loop {
///         let handled = sys::handle(receive_type(), &mut debug, &mut adder);
///         if let Handled::Terminate(reason) = handled {
///             return Err(reason);
///         }
///     }
/// }
///
/// let idle = spawn!(idle);
/// assert_eq!(sys::get_state::<u32>(idle), Ok(7));
/// sys::terminate(idle, ExitReason::Normal).unwrap();
/// # });
/// ```
pub fn handle(message: System, debug: &mut Debug, process: &mut dyn Process) -> Handled {
    let System { client, request } = message;
    let Some(client) = client else {
        return match request {
            Request::Terminate(reason) => Handled::Terminate(reason),
            _ => Handled::Continue,
        };
    };
    let done = || client.of::<()>().reply(());
    match request {
        Request::Suspend => {
            debug.set_suspended(true);
            done();
        }
        Request::Resume => {
            debug.set_suspended(false);
            done();
        }
        Request::Status => client.of::<Status>().reply(status(debug, process)),
        Request::State(look) => look(process.state(), client),
        Request::ChangeCode(extra) => {
            let changed = if debug.is_suspended() {
                let changed = catch(|| process.change_code(extra));
                let changed = changed.unwrap_or_else(|caught| Err(caught.into_reason()));
                changed.map_or_else(CodeChanged::Refused, |()| CodeChanged::Done)
            } else {
                CodeChanged::NotSuspended
            };
            client.of::<CodeChanged>().reply(changed);
        }
        Request::Terminate(reason) => {
            done();
            return Handled::Terminate(reason);
        }
        Request::Log(size) => {
            debug.set_log(size);
            done();
        }
        Request::GetLog => client.of::<Vec<LoggedEvent>>().reply(debug.log()),
        Request::PrintLog => {
            debug.print_log();
            done();
        }
        Request::LogToFile(path) => {
            let opened = debug.set_log_file(path);
            client.of::<io::Result<()>>().reply(opened);
        }
        Request::Install(function) => {
            debug.install(function);
            done();
        }
        Request::Remove(id) => {
            debug.remove(&id);
            done();
        }
        Request::Trace(traces) => {
            debug.set_trace(traces);
            done();
        }
        Request::Statistics(counts) => {
            debug.set_statistics(counts);
            done();
        }
        Request::GetStatistics => client.of::<Option<Statistics>>().reply(debug.statistics()),
        Request::NoDebug => {
            debug.clear();
            done();
        }
    }
    Handled::Continue
}

/// What a process is and does, as it wants it to be told.
fn status(debug: &Debug, process: &dyn Process) -> Status {
    let pid = runtime::self_pid();
    let info = runtime::Look::new().dictionary().at(pid);
    let dictionary = info.as_ref().and_then(|info| info.dictionary.as_ref());
    let dictionary = dictionary.into_iter().flatten();
    let mut status = Status {
        pid,
        registered_name: info.as_ref().and_then(|info| info.registered_name.clone()),
        module: process.module(),
        suspended: debug.is_suspended(),
        parent: process.parent(),
        state: format!("{}: its state cannot be shown", process.module()),
        dictionary: dictionary
            .map(|(key, value)| (key.clone(), value.text.clone()))
            .collect(),
        log: debug.log(),
        debug: debug.functions(),
    };
    // Only to show it is no reason to end it.
    if let Ok(state) = catch(|| process.show()) {
        status.state = state;
    }
    let plain = status.clone();
    catch(|| process.format_status(status)).unwrap_or(Status {
        state: format!("{}::format_status crashed", process.module()),
        ..plain
    })
}

impl fmt::Display for NoCodeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has no function that changes its code")
    }
}

impl std::error::Error for NoCodeChange {}
