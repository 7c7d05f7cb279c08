//! What [`Reports`] prints of servers and supervisors, compared with what OTP's logger prints of the like.
//!
//! A program of its own: the subscriber is one for all.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use genserver::gen_server::Options;
use genserver::report::Reports;
use genserver::supervisor::{
    ChildSpec, DynamicSupervisor, Flags, Shutdown, Supervisor, SupervisorOptions, Template,
};
use genserver::{Called, From, GenServer, Init, Never, StartError, proc_lib};
use runtime::prelude::*;
use tracing::Level;
use tracing_subscriber::prelude::*;

/// What was printed: with lines, and on one.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static LINE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[derive(Clone, Copy)]
struct Buffer(&'static Mutex<Vec<u8>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn take(self) -> String {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(std::mem::take(&mut buffer)).expect("it is text")
    }
}

/// What is printed while `f` runs in a process that traps exits: with lines, and on one line each.
fn printed(f: fn()) -> (String, String) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = Reports::new()
            .with_level(Level::INFO)
            .with_writer(|| Buffer(&LINES));
        let line = Reports::new()
            .with_single_line(true)
            .with_writer(|| Buffer(&LINE));
        let both = tracing_subscriber::registry().with(lines).with(line);
        both.init();
    });
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    runtime::run(move || {
        trap_exit(true);
        f();
    });
    (
        masked(&Buffer(&LINES).take()),
        masked(&Buffer(&LINE).take()),
    )
}

/// Pids by letters, in the order in which they come; times, lines of this file, and what a client was doing, left
/// out.
fn masked(text: &str) -> String {
    let mut letters = HashMap::new();
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<0.") {
        let end = at + rest[at..].find('>').expect("it ends") + 1;
        let next = char::from(b'A' + letters.len() as u8);
        let letter = *letters.entry(&rest[at..end]).or_insert(next);
        masked += &rest[..at];
        masked += &format!("<{letter}>");
        rest = &rest[end..];
    }
    masked += rest;
    let mask = |line: &str| {
        let mut line = line.to_owned();
        if let Some((heading, time)) = line.split_once("REPORT==== ") {
            let (time, end) = time.split_once(' ').expect("there is a time");
            assert!(time.contains("-20") && time.contains("::"), "{time}");
            line = format!("{heading}REPORT==== TIME {end}");
        }
        if let Some((before, place)) = line.split_once("reports.rs:") {
            let rest = place.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
            line = format!("{before}reports.rs{rest}");
        }
        let client = line.find("Client").unwrap_or(line.len());
        if let Some(comma) = line[client..].find(", ") {
            line.truncate(client + comma);
        }
        line
    };
    masked.lines().map(mask).map(|line| line + "\n").collect()
}

/// Compares with a file; with `WRITE_SNAPSHOTS` set, writes it.
#[track_caller]
fn snapshot(file: &str, text: &str) {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports");
    let path = std::path::Path::new(directory).join(file);
    if std::env::var_os("WRITE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).expect("it can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("it can be read");
    assert_eq!(text, expected);
}

/// Ends with the reason that it is sent.
fn worker() {
    receive! { reason: ExitReason => exit(reason) }
}

fn deaf() {
    trap_exit(true);
    loop {
        drop(receive_any());
    }
}

fn bad() -> ExitReason {
    ExitReason::other("bad")
}

/// Waits for the end of a process that the caller is linked to.
fn end_of(pid: Pid) {
    receive! { Exit { from, .. } if from == Some(pid) => {} }
}

fn of(supervisor: &Supervisor, id: &str, but: Option<Pid>) -> Pid {
    loop {
        let child = supervisor.which_child(id).expect("it is there");
        match child.pid() {
            Some(pid) if Some(pid) != but => return pid,
            _ => yield_now(),
        }
    }
}

/// Mirrors `format_log_1` and `format_log_2`: progress, a child that ends, the limit, and a child that does not
/// listen.
#[test]
fn supervisor_reports() {
    let (lines, line) = printed(|| {
        let specs = vec![
            ChildSpec::new("w", || {
                let spawned = Spawn::new().link().spawn(worker);
                spawned
                    .map(|spawned| spawned.pid.into())
                    .map_err(StartError::Spawn)
            }),
            ChildSpec::new("deaf", || {
                let spawned = Spawn::new().link().spawn(deaf);
                let pid = spawned.map_err(StartError::Spawn)?.pid;
                // Else the order to end might find it not trapping exits yet.
                while process_traps(pid) != Some(true) {
                    yield_now();
                }
                Ok(pid.into())
            })
            .shutdown(Shutdown::Within(Duration::from_millis(50))),
        ];
        let supervisor = SupervisorOptions::new().name("my_sup");
        let supervisor = supervisor
            .start_link(Flags::default(), specs)
            .expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        let first = of(&supervisor, "w", None);
        send(first, bad());
        let second = of(&supervisor, "w", Some(first));
        send(pid, "what?");
        supervisor.count_children().expect("it answers");
        send(second, bad());
        end_of(pid);
    });
    snapshot("supervisor.txt", &lines);
    snapshot("supervisor_line.txt", &line);
}

fn process_traps(pid: Pid) -> Option<bool> {
    runtime::process_info(pid).map(|info| info.trap_exit)
}

/// A start that fails, dynamic children that are killed alike, and an unknown call.
#[test]
fn other_supervisor_reports() {
    let (lines, line) = printed(|| {
        let failing = ChildSpec::new("failing", || Err(StartError::Failed(bad())));
        let supervisor = SupervisorOptions::new().name("my_sup");
        let refused = supervisor.start_link(Flags::default(), vec![failing]);
        refused.expect_err("a child fails");
        let template = Template::new(|()| {
            let pid = Spawn::new().link().spawn(deaf);
            let pid = pid.map_err(StartError::Spawn)?.pid;
            while process_traps(pid) != Some(true) {
                yield_now();
            }
            Ok(pid.into())
        });
        let template = template.shutdown(Shutdown::Within(Duration::from_millis(50)));
        let dynamic = DynamicSupervisor::start_link_named("dyn", Flags::default(), template);
        let dynamic = dynamic.expect("starts");
        for _ in 0..2 {
            dynamic.start_child(()).expect("starts");
        }
        dynamic.stop().expect("stops");
        let supervisor = SupervisorOptions::new().name("usup");
        let supervisor = supervisor.start_link(Flags::default(), vec![]);
        let supervisor = supervisor.expect("starts");
        let pid = supervisor.whereis().expect("it lives");
        genserver::request::call::<_, ()>("usup", "foo", None).expect_err("it is unknown");
        end_of(pid);
    });
    snapshot("others.txt", &lines);
    snapshot("others_line.txt", &line);
}

#[derive(Debug)]
struct Server;

#[derive(Debug)]
enum Ask {
    Crash,
    Stop,
}

impl GenServer for Server {
    type Args = ();
    type Call = Ask;
    type Reply = ();
    type Cast = Never;
    type Continue = Never;

    fn init(_: ()) -> Result<Init<Server>, ExitReason> {
        Ok(Server.into())
    }

    fn handle_call(&mut self, ask: Ask, _: From<()>) -> Result<Called<()>, ExitReason> {
        match ask {
            Ask::Crash => panic!("boom"),
            Ask::Stop => Err(ExitReason::other("why")),
        }
    }
}

/// A server that panics, one that stops, a message that nobody handles, and a process that exits.
#[test]
fn server_reports() {
    let (lines, line) = printed(|| {
        for ask in [Ask::Crash, Ask::Stop] {
            let server = Options::<Server>::new().name("g").start_link(());
            let server = server.expect("starts");
            let pid = server.whereis().expect("it lives");
            send(pid, "hello");
            server.call(ask).expect_err("it ends");
            end_of(pid);
        }
        let pid = proc_lib::spawn_link(|| {
            runtime::set_label("a label");
            send(self_pid(), 1u8);
            exit(ExitReason::other("oops"))
        });
        end_of(pid);
    });
    snapshot("server.txt", &lines);
    snapshot("server_line.txt", &line);
}

/// Each event is printed whole, whoever else prints.
#[test]
fn reports_are_whole() {
    let (lines, _) = printed(|| {
        let ends = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let pids: Vec<Pid> = (0..50)
            .map(|_| {
                let ends = Arc::clone(&ends);
                proc_lib::spawn_link(move || {
                    ends.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    exit(ExitReason::other("one of many"))
                })
            })
            .collect();
        pids.into_iter().for_each(end_of);
    });
    let whole = lines.split("=CRASH REPORT==== TIME ===\n").skip(1);
    let mut count = 0;
    for report in whole {
        count += 1;
        assert!(report.starts_with("  crasher:\n"), "{report}");
        assert!(report.ends_with("  neighbours:\n\n"), "{report}");
    }
    assert_eq!(count, 50);
}
