//! A key-value server: a gen_server that keeps the pairs, a process for each connection, all under a
//! supervisor. Lines of text: `get KEY`, `put KEY VALUE`, `del KEY`.
//!
//! ```sh
//! cargo run --release -p genserver --example kv                      # talks to itself, and ends
//! cargo run --release -p genserver --example kv -- 127.0.0.1:7001    # until SIGTERM or Ctrl-C
//! ```

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use genserver::gen_server::reply;
use genserver::supervisor::{ChildError, ChildSpec, Flags, Strategy, Supervisor, start_link};
use genserver::{Called, From, GenServer, Init, Never, Server, StartError};
use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::{OsSignal, os_signal_messages};

/// The pairs.
#[derive(Default)]
struct Store(HashMap<String, String>);

#[derive(Debug)]
enum Request {
    Get(String),
    Put(String, String),
    Del(String),
}

impl GenServer for Store {
    type Args = ();
    type Call = Request;
    /// The value that the key had.
    type Reply = Option<String>;
    type Cast = Never;
    type Continue = Never;

    fn init(_: ()) -> Result<Init<Store>, ExitReason> {
        Ok(Store::default().into())
    }

    fn handle_call(
        &mut self,
        request: Request,
        _: From<Option<String>>,
    ) -> Result<Called<Option<String>>, ExitReason> {
        Ok(reply(match request {
            Request::Get(key) => self.0.get(&key).cloned(),
            Request::Put(key, value) => self.0.insert(key, value),
            Request::Del(key) => self.0.remove(&key),
        }))
    }
}

fn request_of(line: &str) -> Option<Request> {
    let mut words = line.splitn(3, ' ');
    match (words.next()?, words.next(), words.next()) {
        ("get", Some(key), None) => Some(Request::Get(key.to_owned())),
        ("put", Some(key), Some(value)) => Some(Request::Put(key.to_owned(), value.to_owned())),
        ("del", Some(key), None) => Some(Request::Del(key.to_owned())),
        _ => None,
    }
}

/// Answers the lines of one connection. An error ends it alone.
fn serve(stream: TcpStream) -> Result<(), ExitReason> {
    let store = Server::<Store>::of("store");
    for line in BufReader::new(&stream).lines() {
        match request_of(&line?) {
            Some(request) => match store.call(request)? {
                Some(value) => writeln!(&stream, "{value}")?,
                None => writeln!(&stream, "-")?,
            },
            None => writeln!(&stream, "? get KEY | put KEY VALUE | del KEY")?,
        }
    }
    Ok(())
}

/// The store, and who accepts connections: if the acceptor ends, it is started again with the same listener; if the
/// store does, both are.
fn start(listener: TcpListener) -> Result<Supervisor, StartError> {
    let listener = Arc::new(listener);
    let acceptor = move || -> () {
        loop {
            match listener.accept() {
                Ok((stream, _)) => _ = spawn!(serve, stream),
                Err(error) => exit(error),
            }
        }
    };
    let children = vec![
        ChildSpec::named_server::<Store>("store", ()),
        ChildSpec::process("acceptor", acceptor),
    ];
    start_link(
        Flags::new(Strategy::RestForOne).intensity(3, Duration::from_secs(5)),
        children,
    )
}

/// Asks over a connection of its own.
fn ask(address: SocketAddr, line: &str) -> io::Result<String> {
    let stream = TcpStream::connect(address)?;
    writeln!(&stream, "{line}")?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    println!("{line}: {}", answer.trim());
    Ok(answer.trim().to_owned())
}

/// Kills a child, and waits until it is there again.
fn kill(supervisor: &Supervisor, id: &str) -> Result<(), ChildError> {
    let first = supervisor.which_child(id)?.state;
    println!("the {id} is killed");
    exit_signal(first.pid().unwrap_or_else(self_pid), ExitReason::Kill);
    while supervisor.which_child(id)?.state == first {
        yield_now();
    }
    Ok(())
}

/// What a client meets.
fn story(supervisor: &Supervisor, address: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(ask(address, "put answer 41")?, "-");
    assert_eq!(ask(address, "put answer 42")?, "41");
    assert_eq!(ask(address, "get answer")?, "42");
    assert!(ask(address, "take answer")?.starts_with('?'));
    // The pairs outlive who accepts connections, not who keeps them.
    kill(supervisor, "acceptor")?;
    assert_eq!(ask(address, "get answer")?, "42");
    kill(supervisor, "store")?;
    assert_eq!(ask(address, "get answer")?, "-");
    Ok(())
}

#[runtime::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = std::env::args().nth(1);
    let listener = TcpListener::bind(given.as_deref().unwrap_or("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    println!("listening at {address}");
    os_signal_messages(OsSignal::Terminate)?;
    os_signal_messages(OsSignal::Interrupt)?;
    let supervisor = start(listener)?;
    match given {
        Some(_) => receive! { signal: OsSignal => println!("{signal:?}: the end") },
        None => story(&supervisor, address)?,
    }
    supervisor.stop()?;
    Ok(())
}
