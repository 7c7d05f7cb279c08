//! Servers for clients: programs of their own, pinned to the last core, that end when this one does.
//!
//! [`Nginx`] speaks HTTP; what says again what Websockets say is this program once more, as [`echo`].

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};

/// The body of what is answered to GET.
pub const BODY: &[u8] = b"hello, world\n";

/// A path that is answered in a minute at the soonest, but once.
pub const SILENT: &str = "/silent";

/// So many connections, and streams of one connection, it lets be open.
const CONNECTIONS: usize = 12_000;
const STREAMS: usize = 4_000;

/// How often nginx is started, until it has its ports.
const ATTEMPTS: usize = 5;

/// Where nginx listens.
pub struct Nginx {
    /// For HTTP/1.1.
    pub http: SocketAddr,
    /// For HTTP/2, known before.
    pub h2c: SocketAddr,
}

impl Nginx {
    /// Starts it, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it is not installed, or does not answer.
    pub fn start() -> Nginx {
        // Another may take a port before nginx does, which then ends.
        (0..ATTEMPTS)
            .find_map(|_| Nginx::attempt())
            .expect("nginx answers")
    }

    fn attempt() -> Option<Nginx> {
        let [http, h2c] = {
            let free = [listener(), listener()];
            free.map(|it| it.local_addr().expect("it is bound"))
        };
        let folder = env::temp_dir().join(format!("compare-nginx-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for what is temporary");
        let file = folder.join("nginx.conf");
        fs::write(&file, config(&folder, http, h2c)).expect("room for a file");
        let start = |program: &str| {
            let mut command = Command::new(program);
            command.args(["-e", "stderr", "-c"]).arg(&file);
            beside(&mut command);
            command.stdin(Stdio::null()).spawn()
        };
        // A user's path may lack the folder of daemons.
        let mut nginx = start("nginx")
            .or_else(|_| start("/usr/sbin/nginx"))
            .expect("nginx is installed (on Debian: apt-get install nginx-light)");
        let answer = loop {
            match first_answer(http) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    if nginx.try_wait().expect("a child").is_some() {
                        break None;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                answer => break answer.ok(),
            }
        };
        let _ = fs::remove_dir_all(&folder);
        answer?.ends_with(BODY).then_some(Nginx { http, h2c })
    }
}

fn config(folder: &Path, http: SocketAddr, h2c: SocketAddr) -> String {
    let (dir, body) = (folder.display(), BODY.escape_ascii());
    format!(
        "daemon off; master_process off; user root; pid {dir}/pid; error_log stderr crit;
        worker_rlimit_nofile {CONNECTIONS};
        events {{ worker_connections {CONNECTIONS}; }}
        http {{
          access_log off; default_type text/plain; server_tokens off;
          keepalive_timeout 1h; keepalive_requests 1000000000;
          client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
          fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
          http2_max_concurrent_streams {STREAMS}; http2_streams_index_size {STREAMS_INDEX};
          limit_req_zone $server_port zone=silent:1m rate=1r/m;
          server {{
            listen {http}; listen {h2c} http2;
            location / {{ return 200 \"{body}\"; }}
            location {SILENT} {{ limit_req zone=silent burst={STREAMS}; empty_gif; }}
          }}
        }}"
    )
}

/// A power of two above [`STREAMS`].
const STREAMS_INDEX: usize = 4_096;

/// What an HTTP server answers to a first GET, head and body, over a connection that then ends.
///
/// # Errors
///
/// Nobody listens, or no answer comes.
pub fn first_answer(server: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Starts a server that says again what Websockets say.
///
/// # Panics
///
/// If this program cannot be started once more.
#[expect(
    clippy::zombie_processes,
    reason = "it outlives this program, if only by a moment"
)]
pub fn start_echo() -> SocketAddr {
    let listener = listener();
    let address = listener.local_addr().expect("it is bound");
    let this = env::current_exe().expect("this program has a file");
    let mut command = Command::new(this);
    command.arg("--echo").stdout(Stdio::null());
    // SAFETY: dup makes a descriptor that nobody else has.
    let stdin = unsafe { OwnedFd::from_raw_fd(libc::dup(listener.as_raw_fd())) };
    command.stdin(stdin);
    beside(&mut command);
    command.spawn().expect("this program starts once more");
    address
}

/// Is that server: says again what Websockets say that come to the listener which is the standard input.
pub fn echo() -> ExitCode {
    // SAFETY: `start_echo` has given a listener as the standard input, which nobody else uses.
    let listener = unsafe { TcpListener::from_raw_fd(0) };
    listener.set_nonblocking(true).expect("a listener");
    let rt = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("tokio starts");
    rt.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a TCP stream");
            tokio::spawn(async {
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
                    return;
                };
                while let Some(Ok(message)) = socket.next().await {
                    if socket.send(message).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    ExitCode::SUCCESS
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a listener")
}

/// Pins what `command` starts to the last core, and has it end when this program does.
fn beside(command: &mut Command) {
    // SAFETY: it takes a number of a constant.
    let cores = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    let last = usize::try_from(cores - 1).unwrap_or(0);
    let prepare = move || {
        // SAFETY: the calls take numbers, and a set of cores that is valid for reads; all of them are allowed between
        // fork and exec. That a core cannot be had is no error.
        unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            libc::CPU_SET(last, &mut set);
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        Ok(())
    };
    // SAFETY: `prepare` allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}
