//! An echo server: a process for each connection, plain reads and writes.
//!
//! ```sh
//! cargo run --release -p runtime --example echo -- 127.0.0.1:7000
//! ```
//!
//! SIGTERM and Ctrl-C end it: it stops listening, and its connections are closed.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use runtime::net::{TcpListener, TcpStream};
use runtime::prelude::*;
use runtime::{OsSignal, os_signal_messages};

/// A client that says nothing for so long is sent away.
const IDLE: Duration = Duration::from_secs(60);

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    let mut room = [0; 4096];
    loop {
        match stream.read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(bytes) => stream.write_all(&room[..bytes])?,
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn listen(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        // Its end, however it comes, is its own.
        spawn!(serve, stream);
    }
}

#[runtime::main]
fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    os_signal_messages(OsSignal::Terminate)?;
    os_signal_messages(OsSignal::Interrupt)?;
    let listener = TcpListener::bind(&address)?;
    println!("listening at {}", listener.local_addr()?);

    let (_, listening) = spawn_monitor!(listen, listener);
    receive! {
        signal: OsSignal => println!("{signal:?}: the end"),
        Down { monitor, reason, .. } if monitor == listening => {
            return Err(io::Error::other(format!("no longer listening: {reason}")));
        }
    }
    // What still runs is told to end when this returns.
    Ok(())
}
