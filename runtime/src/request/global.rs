//! Names that are one for all nodes: for now, those of this program.
//!
//! Nobody is told that a process has ended which had a name. So who registers clears away the names of the dead,
//! each time when there are twice as many as there were after the last time: that costs each a constant share.
//!
//! Used by `server`, and by users through [`NameRegistry`]. Invariant: a process that has ended counts as having no
//! name, whether its entry is still there or not.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// The least number of names that is worth a look.
const FEW: usize = 64;
/// So many names there may be before the dead are looked for.
static MANY: AtomicUsize = AtomicUsize::new(FEW);

/// Takes away the names of those who have ended, if there may be many.
fn tidy() {
    let names = NAMES.pin();
    let many = MANY.load(Ordering::Relaxed);
    // Who finds it changed leaves it to whoever has changed it.
    let begins = names.len() > many
        && MANY
            .compare_exchange(many, usize::MAX, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
    if !begins {
        return;
    }
    names.retain(|_, &holder| table::is_live(holder));
    MANY.store(FEW.max(2 * names.len()), Ordering::Relaxed);
}

impl NameRegistry for Global {
    fn register_name(&self, name: &Name, pid: Pid) -> bool {
        let names = NAMES.pin();
        let registered = names.compute(name.clone(), |entry| match entry {
            Some((_, &holder)) if table::is_live(holder) => Operation::Abort(()),
            _ => Operation::Insert(pid),
        });
        if matches!(registered, Compute::Aborted(())) {
            return false;
        }
        tidy();
        true
    }

    fn unregister_name(&self, name: &Name) {
        NAMES.pin().remove(name);
    }

    fn whereis_name(&self, name: &Name) -> Option<Pid> {
        let pid = *NAMES.pin().get(name)?;
        if table::is_live(pid) {
            return Some(pid);
        }
        let gone = |_: &Name, holder: &Pid| *holder == pid;
        let _ = NAMES.pin().remove_if(name, gone);
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// However many processes have had names, those of the dead are not kept; those of the living are.
    #[crate::test]
    fn names_of_the_dead() {
        let name = |n: usize| Name::from(format!("{} {n}", self_pid()));
        let mine = name(usize::MAX);
        assert!(Global.register_name(&mine, self_pid()));
        for n in 0..10_000 {
            let pid = spawn!(|| receive_type::<()>());
            assert!(Global.register_name(&name(n), pid));
            let end = monitor(pid);
            send(pid, ());
            receive! { Down { monitor, .. } if monitor == end => {} }
        }
        assert!(NAMES.pin().len() < 1000);
        assert_eq!(Global.whereis_name(&mine), Some(self_pid()));
    }
}
