//! A key-value server: a gen_server that keeps the pairs, a process for each connection, all under a
//! supervisor. Lines of text: `get KEY`, `put KEY VALUE`, `del KEY`.
//!
//! ```sh
//! cargo run --release -p genserver --example kv -- 127.0.0.1:7001
//! ```
//!
//! SIGTERM and Ctrl-C end it.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};

use genserver::gen_server::reply;
use genserver::supervisor::{ChildSpec, Flags, Strategy, start_link};
use genserver::{Called, From, GenServer, Init, Never, Server};
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

#[runtime::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:7001".to_owned());
    os_signal_messages(OsSignal::Terminate)?;
    os_signal_messages(OsSignal::Interrupt)?;
    let listener = std::sync::Arc::new(TcpListener::bind(&address)?);
    println!("listening at {}", listener.local_addr()?);

    // If the acceptor ends, it is started again with the same listener; if the store does, both are.
    let acceptor = move || -> () {
        loop {
            match listener.accept() {
                Ok((stream, _)) => _ = spawn!(serve, stream),
                Err(error) => exit(error),
            }
        }
    };
    let supervisor = start_link(
        Flags::new(Strategy::RestForOne),
        vec![
            ChildSpec::named_server::<Store>("store", ()),
            ChildSpec::process("acceptor", acceptor),
        ],
    )?;
    receive! { signal: OsSignal => println!("{signal:?}: the end") }
    supervisor.stop()?;
    let _: io::Result<()> = io::stdout().flush();
    Ok(())
}
