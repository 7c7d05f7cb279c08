//! Names that are one for all nodes: for now, those of this program.

use std::sync::LazyLock;

use papaya::{Compute, HashMap, Operation};

use super::server::NameRegistry;
use crate::process::pid::Pid;
use crate::process::table;
use crate::registry::Name;

/// The global names: one table for all nodes of the program, as one for the nodes of a cluster will be.
/// Mirrors the module `global`.
///
/// A name whose process has ended counts as free.
#[derive(Clone, Copy, Debug, Default)]
pub struct Global;

static NAMES: LazyLock<HashMap<Name, Pid>> = LazyLock::new(HashMap::new);

impl NameRegistry for Global {
    fn register_name(&self, name: &Name, pid: Pid) -> bool {
        let names = NAMES.pin();
        let registered = names.compute(name.clone(), |entry| match entry {
            Some((_, &holder)) if table::is_live(holder) => Operation::Abort(()),
            _ => Operation::Insert(pid),
        });
        !matches!(registered, Compute::Aborted(()))
    }

    fn unregister_name(&self, name: &Name) {
        NAMES.pin().remove(name);
    }

    fn whereis_name(&self, name: &Name) -> Option<Pid> {
        let pid = *NAMES.pin().get(name)?;
        if table::is_live(pid) {
            return Some(pid);
        }
        // Nobody else clears it away.
        let gone = |_: &Name, holder: &Pid| *holder == pid;
        let _ = NAMES.pin().remove_if(name, gone);
        None
    }
}
