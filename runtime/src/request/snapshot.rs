//! What stood in the way of an answer: looked at when a call times out, and at no other time.
//!
//! Called by `call`, in the client. Invariants: nobody is stopped for it; each process is looked at once, and no more
//! than [`DEPTH`] of them.

use std::fmt;
use std::time::Duration;

use crate::process::activity::{self, Sight};
use crate::process::info::Status;
use crate::process::pid::Pid;
use crate::registry::Name;

/// The most processes that are looked at.
const DEPTH: usize = 16;

/// What a server was doing when a call to it timed out, and if it waited for the answer to a call of its own,
/// what that server was doing, and so on: at most 16 processes, each once.
///
/// Each was looked at by itself, one after the other, and none was stopped for it. Of the past it says one thing:
/// whether the server [has taken the request](Snapshot::is_taken), and so keeps its answer back.
///
/// ```
/// use runtime::prelude::*;
/// use runtime::request::{Activity, call};
/// use std::time::Duration;
///
/// # runtime::run(|| {
/// let deaf = spawn!(|| drop(receive_type::<u32>()));
/// let error = call::<_, u32>(deaf, "a request", Duration::from_millis(1)).unwrap_err();
/// let snapshot = error.snapshot().unwrap();
/// let server = &snapshot.processes()[0];
/// assert_eq!((server.pid, server.waits_for), (deaf, None));
/// assert!(matches!(server.activity, Activity::Waiting | Activity::Runnable | Activity::AtRest));
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    caller: Pid,
    processes: Vec<Seen>,
}

/// What was seen of one process.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// The process.
    pub pid: Pid,
    /// Its registered name.
    pub registered_name: Option<Name>,
    /// What it was doing.
    pub activity: Activity,
    /// Messages in its mailbox.
    pub message_queue_len: usize,
    /// Whom it has called, and waits for.
    pub waits_for: Option<Pid>,
}

/// What a process is doing, to one who waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It is suspended (see `sys::suspend`): calls wait in its mailbox.
    Suspended,
    /// It is a behaviour whose callback has been running, or blocked, for so long. Exact to a few milliseconds.
    Callback(Duration),
    /// It runs, and says no more.
    Running,
    /// It could run, and others do.
    Runnable,
    /// It waits on a stack of its own: for a message, or for time to pass.
    Waiting,
    /// It is a behaviour between two callbacks, or hibernates.
    AtRest,
    /// It was told to end, and has not yet.
    Exiting,
    /// It has ended.
    Dead,
}

impl Snapshot {
    /// Looks at a server, for the calling process.
    #[cold]
    pub(super) fn of(caller: Pid, server: Pid) -> Snapshot {
        let mut snapshot = Snapshot {
            caller,
            processes: Vec::new(),
        };
        let mut next = Some(server);
        while let Some(pid) = next
            && snapshot.processes.len() < DEPTH
            && !snapshot.has(pid)
        {
            let seen = Seen::of(pid);
            next = seen.waits_for;
            snapshot.processes.push(seen);
        }
        snapshot
    }

    fn has(&self, pid: Pid) -> bool {
        pid == self.caller || self.processes.iter().any(|seen| seen.pid == pid)
    }

    /// The server, then whom that waited for, and so on.
    pub fn processes(&self) -> &[Seen] {
        &self.processes
    }

    /// Whether the server has taken the request from its mailbox, in which there was nothing more. Else the request may
    /// wait there among other messages.
    ///
    /// ```
    /// use runtime::prelude::*;
    /// use runtime::request::{Call, call};
    /// use std::time::Duration;
    ///
    /// # runtime::run(|| {
    /// // It has received the request, and dropped whom to answer.
    /// let forgets = spawn!(|| loop { drop(receive_type::<Call<u32>>()) });
    /// let ask = || call::<_, u32>(forgets, 7u32, Duration::from_millis(5)).unwrap_err();
    /// while !ask().snapshot().unwrap().is_taken() {
    ///     println!("it has not come to it yet");
    /// }
    /// # });
    /// ```
    pub fn is_taken(&self) -> bool {
        let server = self.processes.first();
        server.is_some_and(|server| server.is_alive() && server.message_queue_len == 0)
    }

    /// Whether they wait for each other: the last waits for the caller, or for one before it. So none of them
    /// goes on but by a time-out.
    pub fn is_deadlock(&self) -> bool {
        let last = self.processes.last().and_then(|seen| seen.waits_for);
        last.is_some_and(|pid| self.has(pid))
    }
}

impl Seen {
    fn is_alive(&self) -> bool {
        !matches!(self.activity, Activity::Dead | Activity::Exiting)
    }

    fn of(pid: Pid) -> Seen {
        match activity::look(pid) {
            Some(sight) => Seen {
                pid,
                activity: Activity::of(&sight),
                registered_name: sight.name,
                message_queue_len: sight.length,
                waits_for: sight.waits_for,
            },
            None => Seen {
                pid,
                registered_name: None,
                activity: Activity::Dead,
                message_queue_len: 0,
                waits_for: None,
            },
        }
    }
}

impl Activity {
    fn of(sight: &Sight) -> Activity {
        match (sight.callback, sight.status) {
            (_, Status::Exiting) => Activity::Exiting,
            _ if sight.suspended => Activity::Suspended,
            (Some(time), _) => Activity::Callback(time),
            (None, Status::Running) => Activity::Running,
            (None, Status::Runnable) => Activity::Runnable,
            (None, Status::Waiting) => Activity::Waiting,
            (None, Status::AtRest | Status::Hibernated) => Activity::AtRest,
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Activity::Suspended => "is suspended",
            Activity::Callback(time) => return write!(f, "has been in a callback for {time:.1?}"),
            Activity::Running => "runs",
            Activity::Runnable => "could run",
            Activity::Waiting => "waits on its stack",
            Activity::AtRest => "is at rest",
            Activity::Exiting => "is about to end",
            Activity::Dead => "has ended",
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pid)?;
        if let Some(name) = &self.registered_name {
            write!(f, " ({name})")?;
        }
        write!(f, " {}", self.activity)?;
        match self.message_queue_len {
            0 => {}
            1 => f.write_str(" with a message in its mailbox")?,
            n => write!(f, " with {n} messages in its mailbox")?,
        }
        match self.waits_for {
            Some(pid) => write!(f, " and waits for {pid}"),
            None => Ok(()),
        }
    }
}

/// As in `the request was taken; <0.7.1> (cache) has been in a callback for 5s and waits for <0.8.1>; <0.8.1> is
/// suspended`.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_taken() {
            f.write_str("the request was taken; ")?;
        } else if self.processes.first().is_some_and(Seen::is_alive) {
            f.write_str("the request may still wait; ")?;
        }
        for (n, seen) in self.processes.iter().enumerate() {
            let between = if n == 0 { "" } else { "; " };
            write!(f, "{between}{seen}")?;
        }
        if self.is_deadlock() {
            f.write_str(": a deadlock")?;
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::mailbox_len;
    use crate::prelude::*;
    use crate::request::{Call, call};
    use std::time::Duration;

    fn timeout(server: Pid) -> (bool, String) {
        let error = call::<u32, u32>(server, 7, Duration::from_millis(5)).unwrap_err();
        (error.snapshot().unwrap().is_taken(), error.to_string())
    }

    /// Of a server that has received the request it is told that it has: whether it keeps the answer, or has dropped
    /// whom to answer, at rest or on its stack, and with a limited mailbox too.
    #[crate::test(paused)]
    fn taken() {
        let keeps = || {
            let kept = receive_type::<Call<u32>>();
            receive! { "end" : &str => assert_eq!(kept.request, 7) }
        };
        let drops = || loop {
            _ = receive_type::<Call<u32>>();
        };
        let rests = Spawn::new().receive_loop(|message: AnyMessage| {
            drop(message);
            Flow::Continue
        });
        let limited = Spawn::new()
            .mailbox_limit(10, AtLimit::DropNewest)
            .spawn(drops);
        for server in [
            spawn!(keeps),
            spawn!(drops),
            limited.unwrap().pid,
            rests.unwrap().pid,
        ] {
            let (is_taken, text) = timeout(server);
            assert!(is_taken, "{text}");
            assert!(
                text.contains("no answer in 5ms; the request was taken; <"),
                "{text}"
            );
        }
    }

    /// Of one that has mail it is told that the request may be among it; it may have been taken before that.
    #[crate::test(paused)]
    fn waits() {
        let deaf = spawn!(|| receive! { "end" : &str => {} });
        for n in 1..3 {
            let (is_taken, text) = timeout(deaf);
            assert!(!is_taken, "{text}");
            assert_eq!(mailbox_len(deaf), Some(n));
            assert!(
                text.contains("no answer in 5ms; the request may still wait; <"),
                "{text}"
            );
        }
    }
}
