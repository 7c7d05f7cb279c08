//! Names of behaviours.

use runtime::Pid;
use runtime::request::{Global, NameRegistry, ServerRef};

/// Gives the new server its name. Called by the server.
pub(crate) fn register(name: &ServerRef) -> Result<(), Pid> {
    let me = runtime::self_pid();
    let registered = match name {
        ServerRef::Name(name) => runtime::register(name.clone(), me).is_ok(),
        ServerRef::Global(name) => Global.register_name(name, me),
        ServerRef::Via(registry, name) => registry.register_name(name, me),
        // A pid is no name.
        _ => true,
    };
    if registered {
        Ok(())
    } else {
        Err(name.whereis().unwrap_or(me))
    }
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
