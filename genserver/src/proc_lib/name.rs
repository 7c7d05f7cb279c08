//! Names that behaviours are started under: asked for by who starts one, before there is a process; taken and given
//! back by the new process itself.

use std::error::Error;
use std::fmt;

use runtime::request::{Global, NameRegistry, ServerRef};
use runtime::{ExitReason, Name, RegisterError, self_pid};

use super::start::{Refused, StartError};

/// A registry has refused a name that it says nobody has: the reason why a process did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRefused(pub Name);

/// Whether nobody has the name that a process is to be started under. Called by whoever starts it.
///
/// # Panics
///
/// A pid is no name that one can be started under, nor is a name on a node.
#[track_caller]
pub(crate) fn is_free(name: Option<&ServerRef>) -> Result<(), StartError> {
    let Some(name) = name else { return Ok(()) };
    let is_none = match name {
        ServerRef::Pid(_) => Some("a pid is no name"),
        ServerRef::Node(..) => Some("a process starts on its own node"),
        _ => None,
    };
    if let Some(is_none) = is_none {
        panic!("a start under the name {name}: {is_none}");
    }
    match name.whereis() {
        Some(pid) => Err(StartError::AlreadyStarted(pid)),
        None => Ok(()),
    }
}

/// Gives the new process its name. Called by that.
pub(crate) fn register(name: &ServerRef) -> Result<(), Refused> {
    match name {
        ServerRef::Name(name) => match runtime::register(name.clone(), self_pid()) {
            Ok(()) => Ok(()),
            Err(RegisterError::Taken { by, .. }) => Err(Refused::AlreadyStarted(by)),
            Err(error) => Err(Refused::Failed(ExitReason::other(error))),
        },
        ServerRef::Global(name) => register_in(&Global, name),
        ServerRef::Via(registry, name) => register_in(&**registry, name),
        _ => Ok(()),
    }
}

fn register_in(registry: &dyn NameRegistry, name: &Name) -> Result<(), Refused> {
    // Who has it may end between the two questions.
    for _ in 0..2 {
        if registry.register_name(name, self_pid()) {
            return Ok(());
        }
        if let Some(holder) = registry.whereis_name(name) {
            return Err(Refused::AlreadyStarted(holder));
        }
    }
    let refused = NameRefused(name.clone());
    Err(Refused::Failed(ExitReason::other(refused)))
}

/// Takes the name away again.
pub(crate) fn unregister(name: &ServerRef) {
    match name {
        ServerRef::Name(name) => drop(runtime::unregister(name.as_str())),
        ServerRef::Global(name) => Global.unregister_name(name),
        ServerRef::Via(registry, name) => registry.unregister_name(name),
        _ => {}
    }
}

impl fmt::Display for NameRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name {} was refused, and nobody has it", self.0)
    }
}

impl Error for NameRefused {}
