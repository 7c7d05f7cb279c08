//! What a monitor watches, as it was named, and which process that is.
//!
//! Called by `monitor`, whose messages give it back, and by `process_info`. A name is looked up once, when the monitor
//! is made.

use std::fmt;

use crate::node;
use crate::process::exit_reason::ExitReason;
use crate::process::pid::Pid;
use crate::registry::{Name, NodeName};

/// What a monitor watches, as the watcher named it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Monitored {
    /// A process.
    Pid(Pid),
    /// The process that had this name when the monitor was made.
    Name(Name),
    /// The process that had this name on that node when the monitor was made: Erlang's `{Name, Node}`.
    Node(Name, NodeName),
}

impl fmt::Display for Monitored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Monitored::Pid(pid) => fmt::Display::fmt(pid, f),
            Monitored::Name(name) => fmt::Display::fmt(name, f),
            Monitored::Node(name, node) => write!(f, "{{{name}, {node}}}"),
        }
    }
}

impl From<Pid> for Monitored {
    fn from(pid: Pid) -> Monitored {
        Monitored::Pid(pid)
    }
}

impl From<Name> for Monitored {
    fn from(name: Name) -> Monitored {
        Monitored::Name(name)
    }
}

impl From<&str> for Monitored {
    fn from(name: &str) -> Monitored {
        Monitored::Name(name.into())
    }
}

impl<N: Into<Name>> From<(N, NodeName)> for Monitored {
    fn from((name, node): (N, NodeName)) -> Monitored {
        Monitored::Node(name.into(), node)
    }
}

impl Monitored {
    /// The process that it means now. Err: what the monitor tells if there is none.
    pub(super) fn whereis(&self) -> Result<Pid, ExitReason> {
        match self {
            Monitored::Pid(pid) => Ok(*pid),
            Monitored::Name(name) | Monitored::Node(name, NodeName::Local) => {
                let pid = node::with_own(|node| node.names().whereis(name.as_str()));
                pid.flatten().ok_or(ExitReason::NoProc)
            }
            Monitored::Node(_, NodeName::Named(_)) => Err(ExitReason::NoConnection),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::{Monitor, MonitorAlias, TaggedDown};

    fn down_of(watched: Ref) -> (Monitored, ExitReason) {
        receive! { Down { monitor, object, reason } if monitor == watched => (object, reason) }
    }

    /// A name on the caller's node is whoever has it when the monitor is made; its `Down` names both.
    #[crate::test]
    fn a_name_on_this_node() {
        let local = || ("watched on its node", NodeName::Local);
        assert_eq!(
            down_of(monitor(local())),
            (local().into(), ExitReason::NoProc)
        );
        let pid = spawn!(|| {
            receive! { reason: ExitReason => exit(reason) }
        });
        crate::register(local().0, pid).unwrap();
        let watch = monitor(local());
        let info = crate::process_info(self_pid()).unwrap();
        assert!(info.monitors.contains(&local().into()));
        crate::unregister(local().0).unwrap();
        crate::register(local().0, self_pid()).unwrap();
        let own = monitor(local());
        send(pid, ExitReason::Shutdown);
        assert_eq!(down_of(watch), (local().into(), ExitReason::Shutdown));
        assert!(demonitor(own));
    }

    /// A node without a connection: the monitor tells so at once, as it was asked to tell.
    #[crate::test]
    fn a_name_on_another_node() {
        let there = || ("watched", NodeName::Named("other@host".into()));
        assert_eq!(
            down_of(monitor(there())),
            (there().into(), ExitReason::NoConnection)
        );
        assert_eq!(
            Monitored::from(there()).to_string(),
            "{watched, other@host}"
        );
        let tagged = Monitor::new().tag(7u32).alias(MonitorAlias::ReplyDemonitor);
        let watch = tagged.monitor(there());
        let TaggedDown { tag, down } = receive_type();
        assert_eq!(tag.downcast_ref(), Some(&7u32));
        assert_eq!(
            (down.monitor, down.reason),
            (watch, ExitReason::NoConnection)
        );
        assert!(!demonitor(watch));
    }
}
