//! Peers that are programs of their own: Erlang and Go, if they are installed.
//!
//! Their sources lie in `benches/peers/` and are part of this program. Before the first round the
//! driver writes and compiles them beside this program ([`prepare`]); a child becomes one of them
//! ([`exec`]), which prints what a child prints. Each takes three arguments: the workload, the
//! size, and 1 if a tenth of it shall go before.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::mode::{Mode, System};

/// A file of a peer's, as it is written out.
type Source = (&'static str, &'static str);

macro_rules! sources {
    ($folder:literal: $($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../peers/", $folder, "/", $file)))),*]
    };
}

static ERLANG: [Source; 12] = sources!("erlang":
    "compare.erl", "spawn_exit.erl", "pingpong.erl", "ring.erl", "fan_in.erl", "skynet.erl",
    "spawn_join.erl", "timer_cancel.erl", "adder.erl", "restart.erl", "start_child.erl", "mem.erl",
);

static GO: [Source; 9] = sources!("go":
    "go.mod", "main.go", "spawn_exit.go", "pingpong.go", "ring.go", "fan_in.go", "skynet.go",
    "timer_cancel.go", "mem_idle.go",
);

/// The workloads that each can run.
static BY_ERLANG: &[&str] = &[
    "spawn_exit",
    "pingpong",
    "ring",
    "ring_many",
    "fan_in",
    "skynet",
    "spawn_join",
    "timer_cancel",
    "call_1_1",
    "call_100_1",
    "call_100_100",
    "cast_8_1",
    "restart",
    "start_child",
    "mem_idle",
    "mem_hibernated",
    "mem_server",
];
static BY_GO: &[&str] = &[
    "spawn_exit",
    "pingpong",
    "ring",
    "ring_many",
    "fan_in",
    "skynet",
    "spawn_join",
    "timer_cancel",
    "mem_idle",
];

/// Whether `system`, one of these programs, has the workload `name`.
pub fn runs(system: System, name: &str) -> bool {
    match system {
        System::Erlang => BY_ERLANG.contains(&name),
        System::Go => BY_GO.contains(&name),
        _ => false,
    }
}

/// What `system` needs and is not installed; nothing for all that run in this program.
pub fn lacks(system: System) -> Option<&'static str> {
    missing(match system {
        System::Erlang => &["erl", "erlc"],
        System::Go => &["go"],
        System::Limit => &["wrk", "h2load"],
        _ => &[],
    })
}

/// The first of these programs that is not installed.
pub fn missing(programs: &[&'static str]) -> Option<&'static str> {
    let path = env::var_os("PATH").unwrap_or_default();
    // A user's path may lack the folder of daemons.
    let is_there = |program: &str| {
        let mut folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        folders.any(|folder| folder.join(program).is_file())
    };
    programs.iter().copied().find(|program| !is_there(program))
}

/// Why a peer cannot be had.
#[derive(Debug)]
pub enum PrepareError {
    /// Its sources cannot be written, or its compiler not started.
    Io(io::Error),
    /// Its compiler refused.
    Compiler(ExitStatus),
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrepareError::Io(error) => error.fmt(f),
            PrepareError::Compiler(status) => write!(f, "its compiler ended with {status}"),
        }
    }
}

impl std::error::Error for PrepareError {}

impl From<io::Error> for PrepareError {
    fn from(error: io::Error) -> PrepareError {
        PrepareError::Io(error)
    }
}

/// Compiles `system`'s program, unless that is done already; nothing for what needs none.
///
/// # Errors
///
/// [`PrepareError`], if it cannot be compiled.
pub fn prepare(system: System) -> Result<(), PrepareError> {
    let sources: &[Source] = match system {
        System::Erlang => &ERLANG,
        System::Go => &GO,
        _ => return Ok(()),
    };
    let target = folder(system)?;
    let done = target.join("done");
    let whole: String = sources.iter().map(|(_, text)| *text).collect();
    if fs::read_to_string(&done).is_ok_and(|compiled| compiled == whole) {
        return Ok(());
    }
    // In a folder of its own, put in place at once: others may do the same now.
    let here = target.with_extension(std::process::id().to_string());
    fs::create_dir_all(&here)?;
    for (name, text) in sources {
        fs::write(here.join(name), text)?;
    }
    compile(system, &here, sources)?;
    fs::write(here.join("done"), whole)?;
    let _ = fs::remove_dir_all(&target);
    if fs::rename(&here, &target).is_err() {
        fs::remove_dir_all(&here)?;
    }
    Ok(())
}

fn compile(system: System, folder: &Path, sources: &[Source]) -> Result<(), PrepareError> {
    let mut command = if system == System::Erlang {
        let mut command = Command::new("erlc");
        command.args(sources.iter().map(|(name, _)| name));
        command
    } else {
        let mut command = Command::new("go");
        command.args(["build", "-o", "compare", "."]);
        command
    };
    let command = command.current_dir(folder).stdin(Stdio::null());
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    eprintln!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Err(PrepareError::Compiler(output.status))
}

/// Where `system`'s program lies: beside this one.
fn folder(system: System) -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let beside = this.parent().unwrap_or(Path::new("."));
    Ok(beside.join("peers").join(system.name()))
}

/// Becomes the peer's program. Returns only if that fails.
pub fn exec(mode: &Mode, workers: usize, workload: &str, n: u64, warm_up: bool) -> io::Error {
    let folder = match folder(mode.system) {
        Ok(folder) => folder,
        Err(error) => return error,
    };
    let arguments = [workload, &n.to_string(), if warm_up { "1" } else { "0" }];
    if mode.system == System::Erlang {
        // Room for as many processes as a workload asks for; the default ends at a quarter of it.
        Command::new("erl")
            .args(["-noshell", "-noinput", "+P", "20000000"])
            .args(["+S", &format!("{workers}:{workers}")])
            .arg("-pa")
            .arg(folder)
            .args(["-run", "compare", "main"])
            .args(arguments)
            .exec()
    } else {
        Command::new(folder.join("compare"))
            .args(arguments)
            .env("GOMAXPROCS", workers.to_string())
            .exec()
    }
}
