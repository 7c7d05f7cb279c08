//! The process's half: what a system message asks, and what the process answers.

use std::any::{Any, type_name};
use std::fmt;

use runtime::request::Client;
use runtime::{ExitReason, Pid};

use crate::debug::{Debug, LoggedEvent, Statistics};

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
    Trace(bool),
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
            Request::Trace(_) => "Trace",
            Request::Statistics(_) => "Statistics",
            Request::GetStatistics => "GetStatistics",
            Request::NoDebug => "NoDebug",
        })
    }
}

/// What a process that takes part shows and does.
pub trait Process {
    /// Its state, as [`get_state`](crate::get_state) and [`replace_state`](crate::replace_state) find it.
    fn state(&mut self) -> &mut dyn Any;

    /// Its state, for people.
    fn show(&self) -> String;

    /// What it is: a behaviour's name, or the process's own.
    fn module(&self) -> &'static str;

    /// Changes the state for new code; `extra` is what [`change_code`](crate::change_code) was given.
    ///
    /// # Errors
    ///
    /// The change is refused, and the state as it was.
    fn change_code(&mut self, extra: Box<dyn Any + Send>) -> Result<(), ExitReason> {
        drop(extra);
        Err(ExitReason::other("this process has no code_change"))
    }

    /// Who started it, if it is known.
    fn parent(&self) -> Option<Pid> {
        None
    }
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
}

/// Does what a system message asks, and answers it. Mirrors `sys:handle_system_msg/6`.
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
        Request::Status => client.of::<Status>().reply(Status {
            pid: runtime::self_pid(),
            module: process.module(),
            suspended: debug.is_suspended(),
            parent: process.parent(),
            state: process.show(),
            dictionary: dictionary(),
            log: debug.log(),
        }),
        Request::State(look) => look(process.state(), client),
        Request::ChangeCode(extra) => {
            let changed = if debug.is_suspended() {
                process.change_code(extra)
            } else {
                Err(ExitReason::other(
                    "only a suspended process changes its code",
                ))
            };
            client.of::<Result<(), ExitReason>>().reply(changed);
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

fn dictionary() -> Vec<(String, String)> {
    runtime::process_info(runtime::self_pid()).map_or_else(Vec::new, |info| {
        let shown = info.dictionary.unwrap_or_default().into_iter();
        shown
            .map(|(key, value)| (key, format!("{value:?}")))
            .collect()
    })
}

/// The type of a state, for errors.
pub(crate) fn name_of<S>() -> &'static str {
    type_name::<S>()
}
