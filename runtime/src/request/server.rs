//! How a server is named: by its pid, or by a name in a registry, the node's, the program's or a user's, or on a
//! node.
//!
//! Made by users; looked up once for each request. A registry of a user's is code of the user's: it is called in the
//! client, and nothing is borrowed meanwhile.

use std::fmt;
use std::sync::Arc;

use super::error::Failure;
use super::global::Global;
use crate::message::AnyMessage;
use crate::process::pid::Pid;
use crate::registry::{self, Name};

pub use crate::registry::NodeName;

/// A server, by its pid or by a name. Mirrors `gen_server:server_ref/0`.
#[derive(Clone)]
#[non_exhaustive]
pub enum ServerRef {
    /// A process.
    Pid(Pid),
    /// The process that is registered under this name on the caller's node.
    Name(Name),
    /// The process that is registered under this name on that node: Erlang's `{Name, Node}`. See
    /// [`NodeName::server`].
    Node(Name, NodeName),
    /// The process that has this name in [`Global`].
    Global(Name),
    /// The process that has this name in a registry of the user's: Erlang's `{via, Module, Name}`.
    Via(Arc<dyn NameRegistry>, Name),
}

impl NodeName {
    /// The server of this name on this node: Erlang's `{Name, Node}`. Whoever has the name when it is asked; where
    /// there is no connection to the node, a request fails with [`Failure::NodeDown`], and a cast is lost.
    ///
    /// ```
    /// use runtime::prelude::*;
    /// use runtime::request::{Call, Failure, NodeName, call, cast};
    ///
    /// # runtime::run(|| {
    /// let doubler = spawn!(|| loop {
    ///     receive! { Call { client, request }: Call<u32> => client.of::<u32>().reply(2 * request) }
    /// });
    /// register("doubler", doubler).unwrap();
    /// let here = NodeName::Local.server("doubler");
    /// assert_eq!(call(here, 21u32, None), Ok(42u32));
    ///
    /// let node = NodeName::Named("other@host".into());
    /// let there = node.server("doubler");
    /// let error = call::<u32, u32>(&there, 21, None).unwrap_err();
    /// assert_eq!(error.failure, Failure::NodeDown(node));
    /// cast(there, 21u32);
    /// # });
    /// ```
    pub fn server(&self, name: impl Into<Name>) -> ServerRef {
        ServerRef::Node(name.into(), self.clone())
    }
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
            ServerRef::Name(name) | ServerRef::Node(name, NodeName::Local) => {
                registry::whereis(name.as_str())
            }
            ServerRef::Node(_, NodeName::Named(_)) => None,
            ServerRef::Global(name) => Global.whereis_name(name),
            ServerRef::Via(registry, name) => registry.whereis_name(name),
        }
    }

    /// What a request fails with when it means no process.
    pub(super) fn absence(&self) -> Failure {
        match self {
            ServerRef::Node(_, node @ NodeName::Named(_)) => Failure::NodeDown(node.clone()),
            _ => Failure::NoProc,
        }
    }
}

impl PartialEq for ServerRef {
    fn eq(&self, other: &ServerRef) -> bool {
        match (self, other) {
            (ServerRef::Pid(one), ServerRef::Pid(other)) => one == other,
            (ServerRef::Name(one), ServerRef::Name(other))
            | (ServerRef::Global(one), ServerRef::Global(other)) => one == other,
            (ServerRef::Node(one, node), ServerRef::Node(other, others)) => {
                one == other && node == others
            }
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
            ServerRef::Node(name, node) => write!(f, "{{{name}, {node}}}"),
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

impl From<String> for ServerRef {
    fn from(name: String) -> ServerRef {
        ServerRef::Name(name.into())
    }
}

impl From<&ServerRef> for ServerRef {
    fn from(server: &ServerRef) -> ServerRef {
        server.clone()
    }
}
