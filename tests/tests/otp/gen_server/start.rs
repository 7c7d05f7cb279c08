//! Starting a server, and becoming one.

use genserver::gen_server::{self, EnterLoopError};
use genserver::proc_lib::NameRefused;
use genserver::supervisor::{
    AutoShutdown, ChildSpec, DynamicSupervisor, Flags, SupervisorOptions, Template,
};
use runtime::RegisterError;

use super::*;
use crate::expect::exit_of;

/// Starting by the three functions, with and without names, and what each failure of init comes to: the exact
/// error, at once again with the same name, and nothing is left in the mailbox.
#[runtime::test]
fn start_and_its_failures() {
    trap_exit(true);
    let server = Options::<Test>::new()
        .name("my_server")
        .start(plain())
        .expect("starts");
    answers(&Server::of("my_server"));
    let again = Options::<Test>::new().name("my_server").start(plain());
    assert!(matches!(again, Err(StartError::AlreadyStarted(pid)) if pid == pid_of(&server)));
    server.stop().expect("stops");
    assert_eq!(terminated(), ExitReason::Normal);
    let (server, monitor) = start_monitor::<Test>(plain()).expect("starts");
    server.stop().expect("stops");
    assert_eq!(terminated(), ExitReason::Normal);
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Normal);
    } }
    nothing();
}

/// A start that fails in whatever way, again and again: each gives its exact error, and all that the server had is
/// free before it does.
#[runtime::test]
fn loop_start_fail() {
    trap_exit(true);
    type Fail = fn(Test) -> Result<Init<Test, &'static str>, ExitReason>;
    type Expected = fn(&StartError) -> bool;
    let fails: [(Fail, Expected); 6] = [
        (
            |_| Ok(Init::Stop(ExitReason::other("stop"))),
            |error| matches!(error, StartError::Failed(reason) if *reason == ExitReason::other("stop")),
        ),
        (
            |_| Ok(Init::Error(ExitReason::other("error"))),
            |error| matches!(error, StartError::Failed(reason) if *reason == ExitReason::other("error")),
        ),
        (
            |_| Ok(Init::Ignore),
            |error| matches!(error, StartError::Ignore),
        ),
        (
            |_| panic!("in init"),
            |error| matches!(error, StartError::Failed(ExitReason::Panic(p)) if p.message() == "in init"),
        ),
        (
            |_| exit(ExitReason::other("exit")),
            |error| matches!(error, StartError::Failed(reason) if *reason == ExitReason::other("exit")),
        ),
        (
            |_| Err(ExitReason::Shutdown),
            |error| matches!(error, StartError::Failed(ExitReason::Shutdown)),
        ),
    ];
    for (fail, expected) in fails {
        for _ in 0..5 {
            let options = || Options::<Test>::new().name("loop_start_fail");
            let results = [
                options().start(on_start(fail)).map(drop),
                options().start_link(on_start(fail)).map(drop),
                options().start_monitor(on_start(fail)).map(drop),
            ];
            for result in results {
                let error = result.expect_err("it fails");
                assert!(expected(&error), "{error:?}");
                assert_eq!(whereis("loop_start_fail"), None);
            }
            nothing();
        }
    }
    // One that takes too long is killed; the caller does not feel it, though linked.
    for _ in 0..5 {
        let slow = || {
            on_start(|_| {
                sleep(HOUR);
                Ok(Init::Ignore)
            })
        };
        let options = || {
            let options = Options::<Test>::new().name("loop_start_fail");
            options.timeout(SOON)
        };
        let results = [
            options().start(slow()).map(drop),
            options().start_link(slow()).map(drop),
            options().start_monitor(slow()).map(drop),
        ];
        for result in results {
            let error = result.expect_err("it takes too long");
            assert!(matches!(error, StartError::Timeout), "{error:?}");
            assert_eq!(whereis("loop_start_fail"), None);
        }
        nothing();
    }
}

/// A start whose init refuses is followed at once by another of the same name, local or global: it never finds the
/// name taken.
#[runtime::test]
fn otp_7669() {
    let local = ServerRef::from("otp_7669");
    let global = ServerRef::Global(format!("otp_7669 {}", self_pid()).into());
    type Refuse = fn(Test) -> Result<Init<Test, &'static str>, ExitReason>;
    let refusals: [Refuse; 2] = [|_| Ok(Init::Ignore), |_| Ok(Init::Stop(ExitReason::Normal))];
    for name in [local, global] {
        for refuse in refusals {
            for _ in 0..100 {
                let options = Options::<Test>::new().name(&name);
                let error = options.start(on_start(refuse)).expect_err("it refuses");
                assert!(
                    matches!(
                        error,
                        StartError::Ignore | StartError::Failed(ExitReason::Normal)
                    ),
                    "{error:?}"
                );
            }
        }
    }
    nothing();
}

/// A caller of `start_link` that does not trap exits dies with an abnormal reason of init, and survives the
/// others.
#[runtime::test]
fn start_link_without_trapping() {
    let (_, monitor) = spawn_monitor!(|| {
        let started = start_link::<Test>(on_start(|_| Ok(Init::Stop(ExitReason::other("bad")))));
        unreachable!("{started:?}");
    });
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::other("bad"));
    } }
    let (_, monitor) = spawn_monitor!(|| {
        for orderly in [
            Init::Ignore,
            Init::Stop(ExitReason::Normal),
            Init::Error(ExitReason::other("e")),
        ] {
            start_link::<Test>(on_start(|_| Ok(orderly))).expect_err("it does not start");
        }
    });
    receive! { Down { monitor: of, reason, .. } if of == monitor => {
        assert_eq!(reason, ExitReason::Normal);
    } }
}

/// A start with a monitor among the options of the process is a mistake of the caller's; with a link it is linked.
#[runtime::test]
fn spawn_options() {
    trap_exit(true);
    let caught = catch(|| {
        let options = Options::<Test>::new().spawn(|spawn| spawn.monitor());
        options.start(plain()).map(drop)
    });
    assert!(matches!(caught, Err(Caught::Panic(_))));
    let options = Options::<Test>::new().spawn(|spawn| spawn.link().label("labelled"));
    let server = options.start(plain()).expect("starts");
    let pid = pid_of(&server);
    assert_eq!(proc_lib::get_label(pid).as_deref(), Some("labelled"));
    assert_eq!(runtime::links(), [pid]);
    exit_signal(pid, ExitReason::Kill);
    assert_eq!(exit_of(pid), ExitReason::Killed);
    nothing();
}

/// A process becomes a server, with what is in its mailbox.
#[runtime::test]
fn enter_loop() {
    let parent = self_pid();
    let pid = proc_lib::spawn(move || -> () {
        receive! { "go" : &str => {} }
        gen_server::enter_loop(Test { parent }, Action::Continue("entered"));
    });
    send(
        pid,
        on_other(|test| {
            send(test.parent, "queued");
            Ok(done())
        }),
    );
    send(pid, "go");
    assert_eq!(message::<&str>(), "entered");
    assert_eq!(message::<&str>(), "queued");
    answers(&Server::of(pid));
}

/// Why a process cannot become a server is its exit reason. Mirrors `enter_loop`, as real `erl` of OTP 25.2 answers.
#[runtime::test]
fn enter_loop_that_fails() {
    let me = self_pid();
    let test = move || Test { parent: me };
    let (_, watched) = spawn_monitor!(move || -> () {
        gen_server::enter_loop(test(), Action::Wait);
    });
    let reason = ExitReason::other(EnterLoopError::NotStartedByProcLib);
    assert_eq!(down_of(watched), reason);
    let (_, watched) = proc_lib::spawn_monitor(move || -> () {
        let options = Options::new().name("not its name");
        options.enter_loop(test(), Action::Wait);
    });
    let reason = ExitReason::other(EnterLoopError::NotRegistered);
    assert_eq!(down_of(watched), reason);
    // The name is looked at first.
    let (_, watched) = spawn_monitor!(move || -> () {
        let options = Options::new().name("not its name");
        options.enter_loop(test(), Action::Wait);
    });
    assert_eq!(down_of(watched), reason);
    nothing();
}

/// A server that was entered has the debug functions of its options.
#[runtime::test]
fn enter_loop_with_debug() {
    let me = self_pid();
    let pid = proc_lib::spawn(move || -> () {
        let options = Options::new().debug([sys::DebugOption::Statistics]);
        let test = Test { parent: me };
        options.enter_loop(test, Action::Wait);
    });
    answers(&Server::of(pid));
    let counted = sys::get_statistics(pid).expect("it answers");
    assert_eq!(counted.expect("it counts").messages_in, 1);
}

/// A server that was entered, whose parent is known by a local name, ends by way of terminate with its parent.
#[runtime::test]
fn spec_init_local_registered_parent() {
    named_parent(ServerRef::from("a local parent"));
}

/// As above, by a global name: the parent has the local one no more.
#[runtime::test]
fn spec_init_global_registered_parent() {
    let name = format!("a global parent {}", self_pid());
    named_parent(ServerRef::Global(name.into()));
}

fn named_parent(name: ServerRef) {
    let me = self_pid();
    let (parent, watched) = proc_lib::spawn_monitor(move || -> () {
        // A process is an ancestor by its local name.
        let (ServerRef::Name(local) | ServerRef::Global(local)) = &name else {
            unreachable!("one of the two")
        };
        register(local.clone(), self_pid()).expect("it is free");
        let child = proc_lib::start_link(move |parent: proc_lib::Parent<()>| -> () {
            trap_exit(true);
            parent.init_ack(());
            receive! { "go" : &str => {} }
            let test = Test { parent: me };
            gen_server::enter_loop(test, Action::Wait);
        });
        let (child, ()) = child.expect("starts");
        if let ServerRef::Global(name) = &name {
            runtime::unregister(name.as_str()).expect("it has it");
            assert!(Global.register_name(name, self_pid()));
        }
        send(child, "go");
        answers(&Server::of(child));
        send(me, child);
        receive! { reason: ExitReason => exit(reason) }
    });
    let child: Pid = message();
    let end = monitor(child);
    send(parent, ExitReason::other("the parent's"));
    assert_eq!(down_of(watched), ExitReason::other("the parent's"));
    assert_eq!(terminated(), ExitReason::other("the parent's"));
    assert_eq!(down_of(end), ExitReason::other("the parent's"));
    nothing();
}

/// A name that cannot be had says why: too long, or refused by a registry that knows nobody of that name; a pid is
/// none, which is a mistake of the caller's.
#[runtime::test]
fn names_that_cannot_be_had() {
    #[derive(Debug)]
    struct Closed;

    impl NameRegistry for Closed {
        fn register_name(&self, _: &Name, _: Pid) -> bool {
            false
        }
        fn unregister_name(&self, _: &Name) {}
        fn whereis_name(&self, _: &Name) -> Option<Pid> {
            None
        }
    }

    let start = |name: &ServerRef| {
        let options = Options::<Test>::new().name(name);
        match options.start(plain()) {
            Err(StartError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let long = ServerRef::from("long".repeat(100).as_str());
    let reason = start(&long);
    let limit = 255;
    let expected = RegisterError::TooLong { length: 400, limit };
    assert_eq!(reason.downcast_ref(), Some(&expected), "{reason}");
    let via = ServerRef::Via(std::sync::Arc::new(Closed), "a name".into());
    let reason = start(&via);
    let expected = NameRefused("a name".into());
    assert_eq!(reason.downcast_ref(), Some(&expected), "{reason}");
    let supervised = SupervisorOptions::new().name(&via);
    trap_exit(true);
    let refused = supervised.start_link(Flags::default(), vec![]);
    assert!(
        matches!(&refused, Err(StartError::Failed(reason)) if reason.downcast_ref() == Some(&expected)),
        "{refused:?}"
    );
    for name in [self_pid(), crate::expect::dead()] {
        let options = Options::<Test>::new().name(name);
        let caught = catch(|| options.start(plain()));
        assert!(matches!(caught, Err(Caught::Panic(_))), "{caught:?}");
    }
    nothing();
}

/// A registry whose functions do what they are told.
#[derive(Clone)]
struct Failing {
    register: fn() -> bool,
    unregister: fn(),
    whereis: fn() -> Option<Pid>,
}

impl std::fmt::Debug for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Failing")
    }
}

impl NameRegistry for Failing {
    fn register_name(&self, _: &Name, _: Pid) -> bool {
        (self.register)()
    }
    fn unregister_name(&self, _: &Name) {
        (self.unregister)();
    }
    fn whereis_name(&self, _: &Name) -> Option<Pid> {
        (self.whereis)()
    }
}

impl Failing {
    const NOT: Failing = Failing {
        register: || true,
        unregister: || {},
        whereis: || None,
    };

    fn name(self) -> ServerRef {
        ServerRef::Via(std::sync::Arc::new(self), "a name".into())
    }
}

/// A registry that fails is the new process's crash, whose reason is the start's error, and which is reported unless it
/// is an orderly exit; of one that fails when it is asked for the name, before there is a process, the caller is told at
/// once. As real `erl` of OTP 25.2.
#[runtime::test]
fn a_registry_that_fails() {
    type Starts = fn(ServerRef) -> Result<(), StartError>;
    type Registers = fn() -> bool;
    reports::collect();
    trap_exit(true);
    let before = runtime::processes().len();
    // What does not start gives its name back.
    let starts: [(Starts, &str); 4] = [
        (
            |name| {
                let refuses = on_start(|_| Ok(Init::Stop(ExitReason::other("init refuses"))));
                Options::<Test>::new().name(name).start(refuses).map(drop)
            },
            "gen_server::Test",
        ),
        (
            |name| {
                let refuses = on_start(|_| Ok(Init::Ignore));
                Options::<Test>::new()
                    .name(name)
                    .start_link(refuses)
                    .map(drop)
            },
            "gen_server::Test",
        ),
        (
            |name| {
                let child = ChildSpec::new("refuses", || Err(StartError::Timeout));
                let options = SupervisorOptions::new().name(name);
                options.start_link(Flags::default(), vec![child]).map(drop)
            },
            "supervisor",
        ),
        (
            |name| {
                let template = Template::process(|(): &()| || {});
                let flags = Flags::default().auto_shutdown(AutoShutdown::AnySignificant);
                DynamicSupervisor::start_link_named(name, flags, template).map(drop)
            },
            "supervisor",
        ),
    ];
    for (start, initial_call) in starts {
        let crashes = |text: &str| reports::count("proc_lib::crash", &[initial_call, text]);
        let registries = [
            Failing {
                register: || panic!("it does not register"),
                ..Failing::NOT
            },
            Failing {
                unregister: || panic!("it does not unregister"),
                ..Failing::NOT
            },
        ];
        for (registry, text) in registries
            .into_iter()
            .zip(["it does not register", "it does not unregister"])
        {
            let known = crashes(text);
            match start(registry.name()) {
                Err(StartError::Failed(ExitReason::Panic(panic))) => {
                    assert_eq!(panic.message(), text);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(crashes(text), known + 1, "{text}");
        }
        let exits: [(Registers, ExitReason, usize); 2] = [
            (|| exits_with(bad()), bad(), 1),
            (|| exits_with(ExitReason::Shutdown), ExitReason::Shutdown, 0),
        ];
        for (register, expected, reported) in exits {
            let registry = Failing {
                register,
                ..Failing::NOT
            };
            let label = format!("in a registry: {expected}");
            let known = crashes(&label);
            let started = start(registry.name());
            assert!(
                matches!(&started, Err(StartError::Failed(reason)) if *reason == expected),
                "{started:?}"
            );
            assert_eq!(crashes(&label), known + reported, "{label}");
        }
        let asked = Failing {
            whereis: || panic!("it does not say who"),
            ..Failing::NOT
        };
        let caught = catch(|| start(asked.name()));
        assert!(matches!(caught, Err(Caught::Panic(_))), "{caught:?}");
        assert_eq!(runtime::processes().len(), before);
        nothing();
    }
    // What a start has refused with is not its process's reason then.
    assert_eq!(reports::count("proc_lib::crash", &["init refuses"]), 0);
}

fn bad() -> ExitReason {
    ExitReason::other("bad")
}

/// A registry's function that exits; the process's label says so in its report.
fn exits_with(reason: ExitReason) -> bool {
    proc_lib::set_label(format!("in a registry: {reason}"));
    exit(reason)
}

/// Who starts a server is killed while its init runs: one that is linked ends with it, at once, or, if it traps exits,
/// by way of terminate when init has returned; one that is not goes on. The name is free when its holder has ended.
#[runtime::test]
fn the_caller_is_killed_while_init_runs() {
    let me = self_pid();
    for (links, traps) in [(true, false), (true, true), (false, false), (false, true)] {
        let (caller, watched) = spawn_monitor!(move || {
            let init = on_start(move |mut test| {
                trap_exit(traps);
                test.parent = me;
                send(me, self_pid());
                receive! { "go on" : &str => Ok(test.into()) }
            });
            let options = Options::<Test>::new().name("an orphan");
            let started = match links {
                true => options.start_link(init),
                false => options.start(init),
            };
            unreachable!("{started:?}");
        });
        let server: Pid = message();
        assert_eq!(whereis("an orphan"), Some(server));
        let end = monitor(server);
        exit_signal(caller, ExitReason::Kill);
        assert_eq!(down_of(watched), ExitReason::Killed);
        send(server, "go on");
        if !links {
            answers(&Server::of("an orphan"));
            stop(server, ExitReason::Killed, None).expect("it stops");
        }
        assert_eq!(down_of(end), ExitReason::Killed);
        assert_eq!(whereis("an orphan"), None);
        if traps || !links {
            assert_eq!(terminated(), ExitReason::Killed);
        }
        nothing();
    }
}
