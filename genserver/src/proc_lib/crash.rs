//! The report of a process that has crashed: made by itself, when its function or behaviour has failed and before it
//! ends.

use runtime::{ExitReason, Look, Next, Shown, catch};

use super::ancestors::ancestors;

/// How many of the messages left are shown.
const MESSAGES: usize = 10;

/// Runs what a behaviour does as long as whoever starts it waits. What that fails with outside the callbacks, in a
/// registry of names, ends the process as a crash of its own.
pub(crate) fn starting(initial_call: &str, f: impl FnOnce() -> Option<Next>) -> Option<Next> {
    catch(f).unwrap_or_else(|caught| {
        let reason = caught.into_reason();
        report_crash(initial_call, &reason);
        Some(Next::Exit(reason))
    })
}

/// Reports that the calling process ends with this reason, unless that is orderly.
pub(crate) fn report_crash(initial_call: &str, reason: &ExitReason) {
    if reason.is_orderly()
        || !tracing::event_enabled!(target: "proc_lib::crash", tracing::Level::ERROR)
    {
        return;
    }
    let pid = runtime::self_pid();
    let Some(info) = Look::new().messages(MESSAGES).dictionary().at(pid) else {
        return;
    };
    let label = info.label.unwrap_or_default();
    let name = info.registered_name.map(|name| name.to_string());
    tracing::error!(
        target: "proc_lib::crash",
        %pid,
        registered_name = name.unwrap_or_default(),
        label,
        initial_call,
        reason = %Shown::new(reason),
        ancestors = ?ancestors(),
        message_queue_len = info.message_queue_len,
        messages = ?texts(info.messages.iter().flatten()),
        links = ?info.links,
        dictionary = ?info.dictionary.iter().flatten().map(|(key, value)| (key, &value.text)).collect::<Vec<_>>(),
        trap_exit = info.trap_exit,
        "a process has crashed"
    );
}

fn texts<'a>(values: impl Iterator<Item = &'a runtime::ShownValue>) -> Vec<&'a str> {
    values.map(|value| value.text.as_str()).collect()
}
