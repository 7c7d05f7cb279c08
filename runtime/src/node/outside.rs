//! Spawning from threads that are none of the node's workers, and onto threads of their own.

use std::panic::Location;
use std::sync::atomic::Ordering;

use super::{Instance, Visit};
use crate::error::SpawnError;
use crate::process::body::Body;
use crate::process::pid::Pid;
use crate::process::slot::{Slot, bit};
use crate::process::{spawn, table};

impl Instance {
    /// Spawns from a thread that is no worker of this node, or onto a thread of its own.
    pub(crate) fn spawn_from_outside(
        &self,
        body: Body,
        bits: u16,
        place: &'static Location<'static>,
        own_thread: bool,
        options: impl FnOnce(&'static Slot),
    ) -> Result<Pid, SpawnError> {
        let _visit = Visit::to(self);
        // Counted before the look at the state, which the end of the node sets before it counts:
        // so either the process is refused, or the end waits for it. SeqCst, as each stores and
        // then loads what the other stores.
        self.outside_spawned.fetch_add(1, Ordering::SeqCst);
        let spawned = self.spawn_counted(body, bits, place, own_thread, options);
        if spawned.is_err() {
            self.outside_spawned.fetch_sub(1, Ordering::AcqRel);
        }
        spawned
    }

    fn spawn_counted(
        &self,
        body: Body,
        bits: u16,
        place: &'static Location<'static>,
        own_thread: bool,
        options: impl FnOnce(&'static Slot),
    ) -> Result<Pid, SpawnError> {
        if self.is_stopping() {
            return Err(SpawnError::ShuttingDown);
        }
        self.has_stacks()?;
        let credit = self.take_credit()?;
        self.return_credit(credit - 1);
        let slot = {
            let free = self.outside.lock();
            match table::acquire(&free) {
                Ok(slot) => slot,
                Err(full) => {
                    self.return_credit(1);
                    return Err(full.into());
                }
            }
        };
        if own_thread {
            return self.spawn_on_own_thread(slot, body, bits, place, options);
        }
        let pid = spawn::fill(slot, self, body, bits, place, options);
        self.injector.push(slot);
        self.idle.notify_one();
        Ok(pid)
    }

    fn spawn_on_own_thread(
        &self,
        slot: &'static Slot,
        body: Body,
        bits: u16,
        place: &'static Location<'static>,
        options: impl FnOnce(&'static Slot),
    ) -> Result<Pid, SpawnError> {
        match self.dedicate() {
            Ok(worker) => {
                let bits = bits | bit::OWN_THREAD;
                let pid = spawn::fill(slot, self, body, bits, place, options);
                slot.set_holder(worker.id());
                worker.hand_over(slot);
                Ok(pid)
            }
            Err(error) => {
                table::release(&self.outside.lock(), slot);
                self.return_credit(1);
                Err(error)
            }
        }
    }
}
