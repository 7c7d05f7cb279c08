//! A pool's manager: a gen_server that owns the connections.
//!
//! ```text
//!   opened --Up--> setting up --the setup says so--> up --Down--> opened
//!      \______________________ its process ends: another is opened ______/
//! ```
//!
//! Invariant: there are as many connections as the pool's size, or a message is on its way that makes one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use genserver::gen_server::{done, reply};
use genserver::{Action, Called, Done, From, GenServer, Init, Never};
use rand::RngExt;
use runtime::{
    AnyMessage, Down as ProcessDown, ExitReason, Pid, Ref, match_message, monitor, self_pid,
    send_after,
};

use super::load::{Counted, Load};
use super::{ConnInfo, PoolInfo, PoolOpts, PoolState, Setup, SetupEvent, Step};
use crate::message::{Down, Protocol, StreamRef, Up, Upgrade};
use crate::open::open;

/// How long a connection that was never up is not replaced by another.
const PAUSE: Duration = Duration::from_secs(1);

/// What a manager is started with.
#[derive(Clone, Debug)]
pub(crate) struct Starting {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authority: String,
    pub(super) opts: PoolOpts,
}

pub(super) struct Manager {
    of: Starting,
    members: HashMap<Pid, Member>,
    /// Who waits until all are up.
    waiting: Vec<From<Answer>>,
}

struct Member {
    watch: Ref,
    load: Arc<Load>,
    stage: Stage,
    /// It was up at some time.
    was_up: bool,
}

enum Stage {
    Opened,
    SettingUp(Setup),
    Up(Protocol, Option<StreamRef>),
}

#[derive(Debug)]
pub(super) enum Question {
    Checkout,
    AwaitUp,
    Info,
}

#[derive(Debug)]
pub(super) enum Answer {
    /// A connection with a place, if there is one.
    Checkout(Option<Checkout>),
    Up,
    Info(PoolInfo),
}

/// A connection, the place for a stream, and the Websocket that it is, if it is one.
#[derive(Debug)]
pub(super) struct Checkout {
    pub(super) conn: Pid,
    pub(super) place: Counted,
    pub(super) ws: Option<StreamRef>,
}

/// It is time to open another connection.
#[derive(Debug)]
struct Open;

impl Manager {
    fn open(&mut self) -> Result<(), ExitReason> {
        let load = Arc::new(Load::default());
        let mut opts = self.of.opts.conn_opts.clone();
        opts.load = Some(Arc::clone(&load));
        let conn = open(&self.of.host, self.of.port, opts).map_err(ExitReason::from)?;
        let watch = monitor(conn);
        let member = Member {
            watch,
            load,
            stage: Stage::Opened,
            was_up: false,
        };
        self.members.insert(conn, member);
        Ok(())
    }

    /// Goes on with what makes a connection ready.
    fn set_up(&mut self, conn: Pid, event: SetupEvent) {
        let Some(member) = self.members.get_mut(&conn) else {
            return;
        };
        if let SetupEvent::Up(protocol) = &event {
            member.stage = match &self.of.opts.setup {
                Some(make) => Stage::SettingUp(make()),
                None => Stage::Up(*protocol, None),
            };
        }
        if let Stage::SettingUp(setup) = &mut member.stage
            && let Step::Up { protocol, ws } = setup(conn, event)
        {
            member.stage = Stage::Up(protocol, ws);
        }
        member.was_up |= member.is_up();
        if self.is_operational() {
            for client in self.waiting.drain(..) {
                client.reply(Answer::Up);
            }
        }
    }

    fn lost(&mut self, down: &ProcessDown) -> Result<(), ExitReason> {
        let is_of = |(_, member): &(&Pid, &Member)| member.watch == down.monitor;
        let Some((conn, member)) = self.members.iter().find(is_of) else {
            return Ok(());
        };
        let (conn, was_up) = (*conn, member.was_up);
        self.members.remove(&conn);
        if was_up {
            self.open()
        } else {
            send_after(PAUSE, self_pid(), Open);
            Ok(())
        }
    }

    fn is_operational(&self) -> bool {
        let up = self
            .members
            .values()
            .filter(|member| member.is_up())
            .count();
        up == self.of.opts.size
    }

    fn checkout(&self) -> Option<Checkout> {
        let up = self
            .members
            .iter()
            .filter_map(|(conn, member)| match member.stage {
                Stage::Up(_, ws) => Some((*conn, &member.load, ws)),
                _ => None,
            });
        let up: Vec<_> = up.collect();
        // From a random one on, so that none is always the first.
        let from = rand::rng().random_range(0..up.len().max(1));
        up.iter()
            .cycle()
            .skip(from)
            .take(up.len())
            .find_map(|&(conn, load, ws)| {
                let place = load.reserve()?;
                Some(Checkout { conn, place, ws })
            })
    }

    fn info(&self) -> PoolInfo {
        let conns = self.members.iter().map(|(conn, member)| ConnInfo {
            conn: *conn,
            protocol: match member.stage {
                Stage::Up(protocol, _) => Some(protocol),
                _ => None,
            },
            streams: member.load.streams(),
            limit: member.load.limit(),
        });
        PoolInfo {
            manager: self_pid(),
            scope: self.of.opts.scope.clone(),
            authority: self.of.authority.clone(),
            state: if self.is_operational() {
                PoolState::Operational
            } else {
                PoolState::Degraded
            },
            conns: conns.collect(),
        }
    }
}

impl Member {
    fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up(..))
    }
}

impl GenServer for Manager {
    type Args = Starting;
    type Call = Question;
    type Reply = Answer;
    type Cast = Never;
    type Continue = Never;

    fn init(of: Starting) -> Result<Init<Manager>, ExitReason> {
        let mut manager = Manager {
            of,
            members: HashMap::new(),
            waiting: Vec::new(),
        };
        for _ in 0..manager.of.opts.size {
            manager.open()?;
        }
        Ok(manager.into())
    }

    fn handle_call(
        &mut self,
        question: Question,
        from: From<Answer>,
    ) -> Result<Called<Answer>, ExitReason> {
        Ok(match question {
            Question::Checkout => reply(Answer::Checkout(self.checkout())),
            Question::Info => reply(Answer::Info(self.info())),
            Question::AwaitUp if self.is_operational() => reply(Answer::Up),
            Question::AwaitUp => {
                self.waiting.push(from);
                Called::NoReply(Action::Wait)
            }
        })
    }

    fn handle_info(&mut self, message: AnyMessage) -> Result<Done, ExitReason> {
        match_message!(message {
            Up { conn, protocol } => self.set_up(conn, SetupEvent::Up(protocol)),
            Upgrade { conn, stream, headers, .. } => {
                self.set_up(conn, SetupEvent::Upgrade(stream, headers));
            }
            Down { conn, .. } => {
                if let Some(member) = self.members.get_mut(&conn) {
                    member.stage = Stage::Opened;
                }
            }
            down: ProcessDown => self.lost(&down)?,
            _open: Open => self.open()?,
            // What comes of requests that the setup has made.
            _other: AnyMessage => {}
        });
        Ok(done())
    }
}
