//! A server as a program of its own: started on an address that nobody else has, ended with the test.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use runtime::prelude::*;
use rustix::process::{Pid as ProcessId, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::ca::Authority;

/// Below the ports that the system hands out, so that none of those can be in the way.
const FIRST_PORT: u16 = 20_001;

pub struct Server {
    program: Child,
    /// The address on which it listens, of the loopback's: no two servers have the same.
    pub host: String,
    pub authority: Authority,
    dir: TempDir,
}

/// What a server is to be: its address is there before it is.
pub struct Setup {
    pub host: String,
    authority: Authority,
    dir: TempDir,
}

impl Setup {
    pub fn new() -> Setup {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [.., high, low] = std::process::id().to_be_bytes();
        // Not 127.0.0.1, nor its neighbours.
        let last = COUNT.fetch_add(1, Ordering::Relaxed);
        let host = format!("127.{}.{low}.{last}", high.max(1));
        let dir = TempDir::new().unwrap();
        // Some servers do not stay root.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let authority = Authority::new();
        authority.identify(&host, dir.path());
        Setup {
            host,
            authority,
            dir,
        }
    }

    /// The directory for all that the server reads and writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The n-th port.
    pub fn port(&self, n: u16) -> u16 {
        FIRST_PORT + n
    }

    /// Writes a file that the server is to read.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.dir().join(name), bytes).unwrap();
    }

    /// Makes a file a program.
    pub fn executable(&self, name: &str) {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.dir().join(name), mode).unwrap();
    }

    /// Starts the server, in the foreground, and waits until it listens on this many ports.
    pub fn start(self, program: &str, args: &[&str], ports: u16) -> Server {
        let log = fs::File::create(self.dir().join("log")).unwrap();
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
        let found = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
        assert!(found, "{program} is not installed: .ci/need does that");
        // It ends with us, whatever ends us.
        let program = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", program])
            .args(args)
            .env("PATH", path)
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Server {
            program,
            host: self.host,
            authority: self.authority,
            dir: self.dir,
        };
        for n in 0..ports {
            server.listens_on(FIRST_PORT + n);
        }
        server
    }
}

impl Server {
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn listens_on(&mut self, port: u16) {
        let start = Instant::now();
        while TcpStream::connect((self.host.as_str(), port)).is_err() {
            let ended = self.program.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > Duration::from_secs(30) {
                panic!("no server: {ended:?}\n{}", self.log());
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(ProcessId::from_child(&self.program), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
        let group = ProcessId::from_child(&self.program);
        // A master takes its workers with it if it is asked to end, and leaves them if it is killed. An error: it
        // has ended by itself.
        let _ = kill_process_group(group, Signal::TERM);
        let _ = self.program.wait();
        let _ = kill_process_group(group, Signal::KILL);
    }
}
