//! A gen_server that fetches pages through a connection of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use genserver::gen_server::{done, reply};
use genserver::{Called, Done, From, GenServer, Init};
use gun::{Awaited, Opts, Protocol, WsOpts, ws::Frame};
use runtime::prelude::*;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fetches pages. It is linked with its connection: if one of them dies, so does the other.
pub struct Fetcher {
    conn: Pid,
    websocket: Option<gun::StreamRef>,
}

/// How often one was started.
pub static STARTS: AtomicUsize = AtomicUsize::new(0);

/// To be fetched.
#[derive(Debug)]
pub struct Page(pub usize);

#[derive(Debug)]
pub enum Trouble {
    KillConnection,
    Crash,
}

impl GenServer for Fetcher {
    type Args = (u16, Protocol);
    type Call = Page;
    type Reply = String;
    type Cast = Trouble;
    type Continue = genserver::Never;

    fn init((port, protocol): (u16, Protocol)) -> Result<Init<Fetcher>, ExitReason> {
        STARTS.fetch_add(1, Ordering::Relaxed);
        let http = if protocol == Protocol::Ws {
            Protocol::Http
        } else {
            protocol
        };
        let opts = Opts::new().supervise(false).protocols([http]);
        let conn = gun::open("localhost", port, opts)?;
        gun::await_up(conn, PATIENCE)?;
        let mut websocket = None;
        if protocol == Protocol::Ws {
            let stream = gun::ws_upgrade(conn, "/", (), WsOpts::new());
            gun::await_(conn, stream, PATIENCE)?;
            websocket = Some(stream);
        }
        Ok(Fetcher { conn, websocket }.into())
    }

    fn handle_call(
        &mut self,
        Page(n): Page,
        _: From<String>,
    ) -> Result<Called<String>, ExitReason> {
        let page = format!("/page/{n}");
        let Some(websocket) = self.websocket else {
            let stream = gun::get(self.conn, &page, ());
            let (body, _) = gun::await_body(self.conn, stream, PATIENCE)?;
            return Ok(reply(String::from_utf8_lossy(&body).into_owned()));
        };
        gun::ws_send(self.conn, websocket, [Frame::text(page)]);
        match gun::await_(self.conn, websocket, PATIENCE)? {
            Awaited::Ws(Frame::Text(text)) => Ok(reply(text.to_string())),
            other => panic!("{other:?}"),
        }
    }

    fn handle_cast(&mut self, trouble: Trouble) -> Result<Done, ExitReason> {
        match trouble {
            Trouble::KillConnection => exit_signal(self.conn, ExitReason::Kill),
            Trouble::Crash => return Err(ExitReason::other("as it was told")),
        }
        Ok(done())
    }
}
