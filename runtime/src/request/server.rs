//! How a server is named: by its pid, or by a name in a registry, the node's, the program's or a user's.
//!
//! Made by users; looked up once for each request. A registry of a user's is code of the user's: it is called in the
//! client, and nothing is borrowed meanwhile.

use std::fmt;
use std::sync::Arc;

use super::global::Global;
use crate::message::AnyMessage;
use crate::process::pid::Pid;
use crate::registry::{self, Name};

/// A server, by its pid or by a name. Mirrors `gen_server:server_ref/0`.
#[derive(Clone)]
#[non_exhaustive]
pub enum ServerRef {
    /// A process.
    Pid(Pid),
    /// The process that is registered under this name on the caller's node.
    Name(Name),
    /// The process that has this name in [`Global`].
    Global(Name),
    /// The process that has this name in a registry of the user's: Erlang's `{via, Module, Name}`.
    Via(Arc<dyn NameRegistry>, Name),
}

/// A registry of names. Mirrors the module of a `via` name: `register_name/2`, `unregister_name/1`,
/// `whereis_name/1`, `send/2`.
pub trait NameRegistry: fmt::Debug + Send + Sync + 'static {
    /// Gives a name to a process. False: another has it.
    fn register_name(&self, name: &Name, pid: Pid) -> bool;
    /// Takes a name away.
    fn unregister_name(&self, name: &Name);
    /// Who has a name.
    fn whereis_name(&self, name: &Name) -> Option<Pid>;
    /// Sends to whoever has a name.
    ///
    /// # Errors
    ///
    /// Nobody has it: the message comes back.
    fn send(&self, name: &Name, message: AnyMessage) -> Result<(), AnyMessage> {
        match self.whereis_name(name) {
            Some(pid) => {
                crate::send(pid, message);
                Ok(())
            }
            None => Err(message),
        }
    }
}

impl ServerRef {
    /// The process that it means now.
    pub fn whereis(&self) -> Option<Pid> {
        match self {
            ServerRef::Pid(pid) => Some(*pid),
            ServerRef::Name(name) => registry::whereis(name.as_str()),
            ServerRef::Global(name) => Global.whereis_name(name),
            ServerRef::Via(registry, name) => registry.whereis_name(name),
        }
    }
}

impl PartialEq for ServerRef {
    fn eq(&self, other: &ServerRef) -> bool {
        match (self, other) {
            (ServerRef::Pid(one), ServerRef::Pid(other)) => one == other,
            (ServerRef::Name(one), ServerRef::Name(other))
            | (ServerRef::Global(one), ServerRef::Global(other)) => one == other,
            (ServerRef::Via(one, name), ServerRef::Via(other, others)) => {
                Arc::ptr_eq(one, other) && name == others
            }
            _ => false,
        }
    }
}

impl Eq for ServerRef {}

impl fmt::Debug for ServerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerRef::Pid(pid) => fmt::Debug::fmt(pid, f),
            ServerRef::Name(name) => fmt::Debug::fmt(name, f),
            ServerRef::Global(name) => write!(f, "{{global, {name}}}"),
            ServerRef::Via(registry, name) => write!(f, "{{via, {registry:?}, {name}}}"),
        }
    }
}

impl fmt::Display for ServerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerRef::Pid(pid) => fmt::Display::fmt(pid, f),
            ServerRef::Name(name) => fmt::Display::fmt(name, f),
            other => fmt::Debug::fmt(other, f),
        }
    }
}

impl From<Pid> for ServerRef {
    fn from(pid: Pid) -> ServerRef {
        ServerRef::Pid(pid)
    }
}

impl From<Name> for ServerRef {
    fn from(name: Name) -> ServerRef {
        ServerRef::Name(name)
    }
}

impl From<&str> for ServerRef {
    fn from(name: &str) -> ServerRef {
        ServerRef::Name(name.into())
    }
}

impl From<&ServerRef> for ServerRef {
    fn from(server: &ServerRef) -> ServerRef {
        server.clone()
    }
}
