//! Partitions: children that are alike, of which a key names one. What OTP's users take from Elixir.
//!
//! One process that all ask is a bottleneck; several share the work, each with its part of the keys. Below is an
//! ordinary supervisor, whose children put their pids into a table as they start: to route a key asks no process.
//!
//! Invariant: the supervisor has its own place in the table, as a name, before its first partition starts. So there is
//! one at a time, and all routes lead to its partitions.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;

use parking_lot::RwLock;
use runtime::request::{CallError, NameRegistry, ServerRef};
use runtime::{ExitReason, Name, Pid, mailbox_len, self_pid, try_self_pid};

use super::answer::{ChildInfo, ChildState, Count};
use super::child::{Kind, child_of};
use super::flags::Flags;
use super::handle::Supervisor;
use super::spec::ChildSpec;
use super::start::SupervisorOptions;
use crate::gen_server::{self, StopError};
use crate::proc_lib::StartError;

/// A supervisor of partitions, of which each key has one. Mirrors Elixir's `PartitionSupervisor`, without
/// resizing.
///
/// The handle is there before the supervisor is: clone it for those who route by it.
///
/// ```
/// use genserver::supervisor::{ChildSpec, DynamicSupervisor, Flags, PartitionSupervisor, Template};
/// use runtime::prelude::*;
/// use std::num::NonZeroUsize;
///
/// # runtime::run(|| {
/// let four = NonZeroUsize::new(4).unwrap();
/// let rooms = PartitionSupervisor::new(Flags::default(), four, |_| {
///     let template = Template::process(|name: &&str| {
///         let name = *name;
///         move || receive! { from: Pid => send(from, name) }
///     });
///     ChildSpec::dynamic_supervisor("rooms", Flags::default(), template)
/// });
/// rooms.start_link().unwrap();
///
/// // Who starts a room does not wait for who starts a room of another partition.
/// let kitchen = DynamicSupervisor::of(rooms.via("kitchen")).start_child("kitchen").unwrap();
/// send(kitchen.unwrap().pid, self_pid());
/// receive! { name: &str => assert_eq!(name, "kitchen") }
/// rooms.stop().unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct PartitionSupervisor(Arc<Partitions>);

struct Partitions {
    flags: Flags,
    specs: Vec<ChildSpec>,
    routes: Arc<Routes>,
}

/// Who the supervisor and the partitions are now, or were last.
struct Routes {
    /// Taken by the supervisor, as its name.
    supervisor: RwLock<Option<Pid>>,
    partitions: Box<[RwLock<Option<Pid>>]>,
}

impl PartitionSupervisor {
    /// One that is to have so many partitions, each as `make` says of its number, from 0; the specification's id does
    /// not matter.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let four = NonZeroUsize::new(4).unwrap();
    /// let partitions = PartitionSupervisor::new(Flags::default(), four, |number| {
    ///     let echo = move || loop {
    ///         receive! { from: Pid => send(from, number) }
    ///     };
    ///     ChildSpec::process("", echo)
    /// });
    /// partitions.start_link().unwrap();
    /// send(partitions.partition(3).whereis().unwrap(), self_pid());
    /// assert_eq!(receive_type::<usize>(), 3);
    /// # });
    /// ```
    pub fn new(
        flags: Flags,
        partitions: NonZeroUsize,
        make: impl Fn(usize) -> ChildSpec,
    ) -> PartitionSupervisor {
        let routes = Arc::new(Routes {
            supervisor: RwLock::default(),
            partitions: (0..partitions.get()).map(|_| RwLock::default()).collect(),
        });
        let specs = (0..partitions.get()).map(|number| {
            let routes = Arc::clone(&routes);
            let tells = move |pid| routes.put(number, pid);
            make(number).into_partition(number, tells)
        });
        let specs = specs.collect();
        PartitionSupervisor(Arc::new(Partitions {
            flags,
            specs,
            routes,
        }))
    }

    /// Starts the supervisor and its partitions, linked to the caller, its parent. Mirrors
    /// `PartitionSupervisor.start_link/1`.
    ///
    /// # Errors
    ///
    /// As [`start_link`](fn@super::start_link); or it runs already, or is being started.
    ///
    /// # Panics
    ///
    /// Outside a process.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// let supervisor = partitions.start_link().unwrap();
    /// let again = partitions.start_link();
    /// assert!(matches!(again, Err(StartError::AlreadyStarted(pid)) if supervisor.whereis() == Some(pid)));
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn start_link(&self) -> Result<Supervisor, StartError> {
        let options = SupervisorOptions::new().name(self.server_ref());
        options.start_link(self.0.flags.clone(), self.0.specs.clone())
    }

    /// It, as a child of another supervisor.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// start_link(Flags::default(), vec![partitions.child_spec("partitions")]).unwrap();
    /// assert_eq!(partitions.count_children().unwrap().active, 4);
    /// # });
    /// ```
    pub fn child_spec(&self, id: impl Into<String>) -> ChildSpec {
        let this = self.clone();
        let start = move || child_of(this.start_link()?.server_ref());
        ChildSpec::new(id, start).kind(Kind::Supervisor)
    }

    /// How many partitions there are. Mirrors `PartitionSupervisor.partitions/1`.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// assert_eq!(partitions.partitions(), 4);
    /// # });
    /// ```
    pub fn partitions(&self) -> usize {
        self.0.routes.partitions.len()
    }

    /// The number of the partition that a key has, the same each time while the program runs.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// assert!(partitions.partition_of("key") < 4);
    /// assert_eq!(partitions.partition_of("key"), partitions.partition_of("key"));
    /// # });
    /// ```
    pub fn partition_of<K: Hash + ?Sized>(&self, key: &K) -> usize {
        self.0.routes.of(key)
    }

    /// The partition that a key has, whoever that is when it is asked. Mirrors
    /// `{:via, PartitionSupervisor, {name, key}}`.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// partitions.start_link().unwrap();
    /// let number = partitions.partition_of("key");
    /// assert_eq!(partitions.via("key"), partitions.partition(number));
    /// assert!(partitions.via("key").whereis().is_some());
    /// # });
    /// ```
    pub fn via<K: Hash + ?Sized>(&self, key: &K) -> ServerRef {
        self.partition(self.partition_of(key))
    }

    /// A partition by its number; what is too great begins again with 0.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// partitions.start_link().unwrap();
    /// assert_eq!(partitions.partition(5), partitions.partition(1));
    /// # });
    /// ```
    pub fn partition(&self, number: usize) -> ServerRef {
        let registry: Arc<Routes> = Arc::clone(&self.0.routes);
        let number = number % self.partitions();
        ServerRef::Via(registry, Name::from(number.to_string().as_str()))
    }

    /// The partitions, with their numbers, in order. Mirrors `PartitionSupervisor.which_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// partitions.start_link().unwrap();
    /// for (number, state) in partitions.which_children().unwrap() {
    ///     assert_eq!(state.pid(), partitions.partition(number).whereis());
    /// }
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn which_children(&self) -> Result<Vec<(usize, ChildState)>, CallError> {
        let children = self.supervisor().which_children()?;
        let numbered = |child: &ChildInfo| Some((child.id.parse().ok()?, child.state));
        Ok(children.iter().rev().filter_map(numbered).collect())
    }

    /// Counts the partitions. Mirrors `PartitionSupervisor.count_children/1`.
    ///
    /// # Errors
    ///
    /// The call has failed.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// partitions.start_link().unwrap();
    /// assert_eq!(partitions.count_children().unwrap().active, 4);
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn count_children(&self) -> Result<Count, CallError> {
        self.supervisor().count_children()
    }

    /// Ends the supervisor, and its partitions before. Mirrors `PartitionSupervisor.stop/1`.
    ///
    /// # Errors
    ///
    /// As [`gen_server::stop`].
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// partitions.start_link().unwrap();
    /// partitions.stop().unwrap();
    /// assert!(partitions.count_children().is_err());
    /// # });
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn stop(&self) -> Result<(), StopError> {
        gen_server::stop(self.server_ref(), ExitReason::Normal, None)
    }

    /// The supervisor itself, whoever that is when it is asked.
    ///
    /// ```
    #[doc = include_str!("../../doc/partitions.txt")]
    /// assert_eq!(partitions.server_ref().whereis(), None);
    /// let supervisor = partitions.start_link().unwrap();
    /// assert_eq!(partitions.server_ref().whereis(), supervisor.whereis());
    /// # });
    /// ```
    pub fn server_ref(&self) -> ServerRef {
        let registry: Arc<Routes> = Arc::clone(&self.0.routes);
        ServerRef::Via(registry, Name::from(SUPERVISOR))
    }

    fn supervisor(&self) -> Supervisor {
        Supervisor::of(self.server_ref())
    }
}

/// The name of the supervisor itself among its routes.
const SUPERVISOR: &str = "supervisor";

impl Routes {
    fn of<K: Hash + ?Sized>(&self, key: &K) -> usize {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        (hasher.finish() % self.partitions.len() as u64) as usize
    }

    /// The supervisor has started this partition. Called by that: start functions run in it.
    fn put(&self, number: usize, pid: Pid) {
        let holder = self.supervisor.read();
        // One that was killed meanwhile may have a successor.
        if *holder == Some(self_pid()) {
            *self.partitions[number].write() = Some(pid);
        }
    }
}

/// Names are the numbers of the partitions, and the supervisor's. That it takes itself; who the partitions are is not
/// for others to say.
impl NameRegistry for Routes {
    fn register_name(&self, name: &Name, pid: Pid) -> bool {
        if name.as_str() != SUPERVISOR {
            return false;
        }
        let mut holder = self.supervisor.write();
        let free = holder.is_none_or(|pid| !is_alive(pid));
        if free {
            *holder = Some(pid);
        }
        free
    }

    fn unregister_name(&self, name: &Name) {
        if name.as_str() == SUPERVISOR {
            self.supervisor
                .write()
                .take_if(|pid| try_self_pid() == Some(*pid));
        }
    }

    fn whereis_name(&self, name: &Name) -> Option<Pid> {
        if name.as_str() == SUPERVISOR {
            return (*self.supervisor.read()).filter(|pid| is_alive(*pid));
        }
        *self
            .partitions
            .get(name.as_str().parse::<usize>().ok()?)?
            .read()
    }
}

/// Without a switch: a place is held locked meanwhile.
fn is_alive(pid: Pid) -> bool {
    mailbox_len(pid).is_some()
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionSupervisor<{}>", self.partitions.len())
    }
}

impl fmt::Debug for PartitionSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.routes, f)
    }
}
