//! What is told of a server: its status, and the reports of its end.
//!
//! Called by `process`, in the server. Invariant: the state's `Debug` and `format_status` are code of the user's, and
//! what they fail with changes neither the server nor the reason of its end.

use std::any::type_name;
use std::fmt;

use runtime::{AnyMessage, ExitReason, Pid, Shown, catch};
use sys::{Debug, LoggedEvent, Value};

use super::GenServer;

/// What is told of a server: by [`sys::get_status`], and when it ends abnormally. See
/// [`GenServer::format_status`]. Mirrors `gen_server:format_status()`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FormatStatus {
    /// Its state: what [`GenServer::debug`] says of it.
    pub state: String,
    /// What it has ended at: the message, if the server keeps a [log](sys::log), else the message's type. None
    /// while it runs.
    pub message: Option<String>,
    /// Why it ends. None while it runs.
    pub reason: Option<ExitReason>,
    /// The events in its log.
    pub log: Vec<LoggedEvent>,
}

/// What a server has come to its end at: the last that it did.
#[derive(Clone, Copy)]
pub(super) enum Last {
    /// A system message.
    System,
    Call(Pid),
    Cast,
    /// Another message, of this type.
    Info(&'static str),
    Continue,
    ParentsExit,
}

/// A state, shown as its server says.
pub(super) struct StateOf<'a, S>(pub(super) &'a S);

impl<S: GenServer> fmt::Debug for StateOf<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug().fmt(f)
    }
}

impl<'a, S: GenServer> StateOf<'a, S> {
    pub(super) fn text(&self) -> String {
        Shown::new(self).to_string()
    }

    pub(super) fn value(&'a self) -> Value<'a> {
        Value::shown_as(self.0, Shown::new(self))
    }
}

impl Last {
    fn text<S: GenServer>(self) -> Option<String> {
        Some(match self {
            Last::System => return None,
            Last::Call(_) => format!("a call: {}", type_name::<S::Call>()),
            Last::Cast => format!("a cast: {}", type_name::<S::Cast>()),
            Last::Info(type_name) => type_name.to_owned(),
            Last::Continue => "a continue".to_owned(),
            Last::ParentsExit => "the exit of the parent".to_owned(),
        })
    }

    /// Whether it was told to the debug functions.
    fn is_event(self) -> bool {
        matches!(self, Last::Call(_) | Last::Cast | Last::Info(_))
    }
}

/// Reports that a server ends, unless its reason is orderly.
pub(super) fn report_terminate<S: GenServer>(
    state: &S,
    debug: &Debug,
    last: Last,
    reason: &ExitReason,
) {
    if reason.is_orderly()
        || !tracing::event_enabled!(target: "gen_server::terminate", tracing::Level::ERROR)
    {
        return;
    }
    let log = debug.log();
    let in_log = log.iter().rev().find_map(|event| match event {
        LoggedEvent::In { message } if last.is_event() => Some(message.clone()),
        _ => None,
    });
    let status = FormatStatus {
        state: StateOf(state).text(),
        message: in_log.or_else(|| last.text::<S>()),
        reason: Some(reason.clone()),
        log,
    };
    let status = formatted(state, status);
    let me = runtime::self_pid();
    let info = runtime::process_info(me);
    let name = info.as_ref().and_then(|info| info.registered_name.as_ref());
    let label = info.as_ref().and_then(|info| info.label.as_deref());
    let client = match last {
        Last::Call(client) => client_text(client),
        _ => String::new(),
    };
    tracing::error!(
        target: "gen_server::terminate",
        pid = %me,
        registered_name = name.map_or("", |name| name.as_str()),
        label = label.unwrap_or_default(),
        server = type_name::<S>(),
        message = status.message.as_deref().unwrap_or_default(),
        client,
        reason = %status.reason.as_ref().map(Shown::new).map_or_else(String::new, |reason| reason.to_string()),
        state = status.state,
        log = ?status.log,
        "a gen_server ends abnormally"
    );
}

/// What the server makes of its status. If it fails at that it ends no other way than it would have.
pub(super) fn formatted<S: GenServer>(state: &S, status: FormatStatus) -> FormatStatus {
    let plain = status.clone();
    catch(|| state.format_status(status)).unwrap_or_else(|_| FormatStatus {
        state: format!("{}::format_status crashed", type_name::<S>()),
        ..plain
    })
}

/// Whose call a server ends at, and how that process is.
fn client_text(client: Pid) -> String {
    let Some(info) = runtime::process_info(client) else {
        return format!("{client}, dead");
    };
    let name = info.registered_name.map(|name| format!(" {name}"));
    let label = info.label.map(|label| format!(" {label}"));
    let function = info.function.map(|function| format!(" in {function}"));
    format!(
        "{client}{}{}, {:?}{}",
        name.unwrap_or_default(),
        label.unwrap_or_default(),
        info.status,
        function.unwrap_or_default()
    )
}

pub(crate) fn report_no_handle_info<S>(message: &AnyMessage) {
    let me = runtime::self_pid();
    tracing::warn!(
        target: "gen_server::no_handle_info",
        pid = %me,
        label = runtime::label(me).unwrap_or_default(),
        server = type_name::<S>(),
        message = %Shown::message(message),
        "a message that the gen_server has no handle_info for"
    );
}
