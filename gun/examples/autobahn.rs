//! An echo client for Autobahn's fuzzing server, which tries each rule of Websocket and of its compression:
//! `.ci/autobahn` runs both, and judges.
//!
//! ```sh
//! cargo run --release -p gun --example autobahn -- localhost 9001
//! ```

use std::error::Error;
use std::time::Duration;

use gun::ws::Frame;
use gun::{AwaitError, Awaited, Opts, StreamRef, WsOpts};
use runtime::prelude::*;

/// The longest case takes a minute in a release build.
const PATIENCE: Duration = Duration::from_secs(120);

fn open(
    host: &str,
    port: u16,
    path: &str,
) -> Result<(Pid, StreamRef), Box<dyn Error + Send + Sync>> {
    let conn = gun::open(host, port, Opts::new().retry(0))?;
    let stream = gun::ws_upgrade(conn, path, (), WsOpts::new().compress(true));
    match gun::await_(conn, stream, PATIENCE)? {
        Awaited::Upgrade { .. } => Ok((conn, stream)),
        other => Err(format!("{path}: {other:?}").into()),
    }
}

/// Sends each message back, until the server has closed, or was told that it must.
fn echo(conn: Pid, stream: StreamRef) {
    let watch = monitor(conn);
    loop {
        match gun::await_(conn, stream, PATIENCE) {
            Ok(Awaited::Ws(frame @ (Frame::Text(_) | Frame::Binary(_)))) => {
                gun::ws_send(conn, stream, [frame]);
            }
            Err(AwaitError::Down(_) | AwaitError::Timeout) => break,
            _ => {}
        }
    }
    demonitor(watch);
    gun::flush(conn);
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(host), Some(port)) = (arguments.next(), arguments.next()) else {
        return Err("usage: autobahn HOST PORT".into());
    };
    let port = port.parse()?;
    let (conn, stream) = open(&host, port, "/getCaseCount")?;
    let Awaited::Ws(Frame::Text(count)) = gun::await_(conn, stream, PATIENCE)? else {
        return Err("the server does not count its cases".into());
    };
    echo(conn, stream);
    for case in 1..=count.parse::<u32>()? {
        let (conn, stream) = open(&host, port, &format!("/runCase?case={case}&agent=gun"))?;
        echo(conn, stream);
    }
    let (conn, stream) = open(&host, port, "/updateReports?agent=gun")?;
    echo(conn, stream);
    Ok(())
}
