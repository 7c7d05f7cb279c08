//! The specification that all children of a dynamic supervisor have in common.

use std::fmt;
use std::sync::Arc;

use runtime::{Message, Spawn};

use crate::gen_server::{GenServer, Options};
use crate::proc_lib::{self, StartError};
use crate::supervisor::child::{Kind, Restart, Shutdown, Started, start_server};

/// What all children of a dynamic supervisor have in common.
pub struct Template<A> {
    pub(super) start: Arc<dyn Fn(&A) -> Started + Send + Sync>,
    pub(super) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(super) kind: Kind,
}

impl<A: Message + Sync> Template<A> {
    /// Children that `start` starts, and links to its caller.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// use genserver::proc_lib::{self, Parent};
    ///
    /// let template = Template::new(|n: &u32| {
    ///     let n = *n;
    ///     let (pid, ()) = proc_lib::start_link(move |parent: Parent<()>| {
    ///         parent.init_ack(());
    ///         receive! { from: Pid => send(from, n) }
    ///     })?;
    ///     Ok(pid.into())
    /// });
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = supervisor.start_child(7).unwrap().unwrap();
    /// send(child.pid, self_pid());
    /// assert_eq!(receive_type::<u32>(), 7);
    /// # });
    /// ```
    pub fn new(start: impl Fn(&A) -> Started + Send + Sync + 'static) -> Template<A> {
        Template {
            start: Arc::new(start),
            restart: Restart::default(),
            shutdown: Shutdown::default(),
            kind: Kind::default(),
        }
    }

    /// Processes that run what `make` makes of their arguments.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|to: &Pid| {
    ///     let to = *to;
    ///     move || send(to, "begins")
    /// });
    /// let supervisor = DynamicSupervisor::start_link(Flags::default(), template.restart(Restart::Temporary));
    /// supervisor.unwrap().start_child(self_pid()).unwrap();
    /// assert_eq!(receive_type::<&str>(), "begins");
    /// # });
    /// ```
    pub fn process<F>(make: impl Fn(&A) -> F + Send + Sync + 'static) -> Template<A>
    where
        F: FnOnce() + Send + 'static,
    {
        Template::new(move |args| {
            let spawned = proc_lib::spawn_opt(Spawn::new().link(), make(args));
            spawned
                .map(|spawned| spawned.pid.into())
                .map_err(StartError::Spawn)
        })
    }

    /// gen_servers, each started with its own arguments.
    ///
    /// ```
    #[doc = include_str!("../../../doc/counter.txt")]
    /// # runtime::run(|| {
    /// use genserver::supervisor::{DynamicSupervisor, Flags, Template};
    ///
    /// let template = Template::server::<Counter>();
    /// let counters = DynamicSupervisor::start_link(Flags::default(), template).unwrap();
    /// let child = counters.start_child(40).unwrap().unwrap();
    /// assert_eq!(Server::<Counter>::of(child.pid).call(2), Ok(42));
    /// # });
    /// ```
    pub fn server<S>() -> Template<A>
    where
        S: GenServer<Args = A>,
        A: Clone,
    {
        Template::new(|args: &A| start_server(Options::<S>::new(), args.clone()))
    }

    /// When they are restarted.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any())).restart(Restart::Temporary);
    /// assert!(format!("{template:?}").contains("restart: Temporary"));
    /// # });
    /// ```
    pub fn restart(mut self, restart: Restart) -> Template<A> {
        self.restart = restart;
        self
    }

    /// How they are ended.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any())).shutdown(Shutdown::BrutalKill);
    /// assert!(format!("{template:?}").contains("shutdown: BrutalKill"));
    /// # });
    /// ```
    pub fn shutdown(mut self, shutdown: Shutdown) -> Template<A> {
        self.shutdown = shutdown;
        self
    }

    /// What they are.
    ///
    /// ```
    #[doc = include_str!("../../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let template = Template::process(|(): &()| || drop(receive_any())).kind(Kind::Supervisor);
    /// assert!(format!("{template:?}").contains("kind: Supervisor"));
    /// # });
    /// ```
    pub fn kind(mut self, kind: Kind) -> Template<A> {
        self.kind = kind;
        self
    }
}

impl<A> Clone for Template<A> {
    fn clone(&self) -> Template<A> {
        Template {
            start: Arc::clone(&self.start),
            ..*self
        }
    }
}

impl<A> fmt::Debug for Template<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
