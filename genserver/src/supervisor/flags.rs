//! What a supervisor is told of itself. Asked for by each kind of supervisor whenever a child has ended.

use std::time::Duration;

/// How children's ends concern each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Who ends is restarted, alone.
    #[default]
    OneForOne,
    /// All others are ended, and all restarted.
    OneForAll,
    /// Those started after it are ended, and restarted with it.
    RestForOne,
}

/// When a supervisor ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoShutdown {
    /// Not because of its children's orderly ends.
    #[default]
    Never,
    /// When any significant child has ended, and is not restarted.
    AnySignificant,
    /// When the last significant child has.
    AllSignificant,
}

/// A supervisor's flags. Mirrors `supervisor:sup_flags/0`; the default is OTP's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// See [`Strategy`].
    pub strategy: Strategy,
    /// So many restarts within [`period`](Flags::period) are borne; one more ends the supervisor.
    pub intensity: u32,
    /// See [`intensity`](Flags::intensity).
    pub period: Duration,
    /// See [`AutoShutdown`].
    pub auto_shutdown: AutoShutdown,
    /// The supervisor hibernates when it has waited for so long. None: as OTP's does, after a second; a dynamic
    /// one never.
    pub hibernate_after: Option<Duration>,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags {
            strategy: Strategy::default(),
            intensity: 1,
            period: Duration::from_secs(5),
            auto_shutdown: AutoShutdown::default(),
            hibernate_after: None,
        }
    }
}

impl Flags {
    /// With this strategy, otherwise the defaults.
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let flags = Flags::new(Strategy::RestForOne);
    /// assert_eq!((flags.intensity, flags.period), (1, Duration::from_secs(5)));
    /// # });
    /// ```
    pub fn new(strategy: Strategy) -> Flags {
        Flags {
            strategy,
            ..Flags::default()
        }
    }

    /// See [`Flags::intensity`].
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// // Ten restarts a minute are borne.
    /// let flags = Flags::default().intensity(10, Duration::from_secs(60));
    /// assert_eq!(flags.intensity, 10);
    /// # });
    /// ```
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Flags {
        self.intensity = restarts;
        self.period = period;
        self
    }

    /// See [`AutoShutdown`].
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// trap_exit(true);
    /// let flags = Flags::default().auto_shutdown(AutoShutdown::AnySignificant);
    /// let job = ChildSpec::process("job", || {}).restart(Restart::Transient).significant(true);
    /// let supervisor = start_link(flags, vec![job]).unwrap();
    /// receive! { Exit { from, reason, .. } => {
    ///     assert_eq!((from, reason), (supervisor.whereis(), ExitReason::Shutdown));
    /// } }
    /// # });
    /// ```
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Flags {
        self.auto_shutdown = auto_shutdown;
        self
    }

    /// See [`Flags::hibernate_after`].
    ///
    /// ```
    #[doc = include_str!("../../doc/supervisor.txt")]
    /// # runtime::run(|| {
    /// let flags = Flags::default().hibernate_after(Duration::from_secs(60));
    /// assert!(start_link(flags, vec![]).is_ok());
    /// # });
    /// ```
    pub fn hibernate_after(mut self, time: Duration) -> Flags {
        self.hibernate_after = Some(time);
        self
    }
}
