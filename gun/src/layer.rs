//! What is spoken on a transport: one layer on the connection's own, and one in each tunnel.
//!
//! The connection takes the mail and hands it to its layer, which hands on what is for the tunnels in it; then it
//! polls the layer. A layer never waits: what it cannot do now it does in a later poll.
//!
//! Invariants:
//! * Each stream is in one layer, from its request to its end. A layer that is lost has told its streams.
//! * A layer serves the requests that name its place, `here`: the tunnel that it is in.
//! * When a layer becomes another, it is polled no more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use parking_lot::{Mutex, MutexGuard};
use runtime::{Pid, Ref};

use crate::command::{Command, Request};
use crate::cookies::{self, CookieStore};
use crate::error::{BadState, Reason};
use crate::event::Events;
use crate::info::{Info, StreamInfo};
use crate::message::{Protocol, StreamRef};
use crate::options::{Hop, Opts, Owner, Transport};
use crate::recipient::Recipient;

pub(crate) trait Layer: Send {
    /// Does what is asked of a stream in this layer; what is not, it gives back.
    fn command(&mut self, shared: &mut Shared, command: Command) -> Result<(), Command>;

    /// Goes on.
    fn poll(&mut self, shared: &mut Shared, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Takes no more requests, and is lost when those under way have ended.
    fn end(&mut self, shared: &mut Shared);

    /// What is below is lost: tells every stream that is left, and lists those that count as killed.
    fn give_up(&mut self, shared: &mut Shared, reason: Reason) -> Vec<StreamRef>;

    /// What is spoken.
    fn protocol(&self) -> Protocol;

    /// Adds what it knows.
    fn info(&self, info: &mut Info);

    /// What is known of a stream in it.
    fn stream_info(&self, stream: StreamRef) -> Option<StreamInfo>;
}

/// How a layer ends.
pub(crate) enum Outcome {
    Lost(Lost),
    /// Something else is spoken from now on.
    Becomes(Box<dyn Layer>),
}

/// A layer is no more.
pub(crate) struct Lost {
    pub(crate) reason: Reason,
    pub(crate) killed: Vec<StreamRef>,
}

/// What all of a connection knows, and does not change.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) conn: Pid,
    pub(crate) opts: Opts,
    pub(crate) events: Events,
    watches: Mutex<HashMap<Ref, StreamRef>>,
    /// When it began, by both clocks.
    began: (Instant, SystemTime),
}

impl Env {
    pub(crate) fn new(conn: Pid, opts: Opts) -> Arc<Env> {
        let events = Events::of(opts.event_handler.as_ref().map(|make| make()));
        Arc::new(Env {
            conn,
            opts,
            events,
            watches: Mutex::default(),
            began: (runtime::now(), SystemTime::now()),
        })
    }

    /// The time of day, which goes as the process's clock goes.
    pub(crate) fn system_time(&self) -> SystemTime {
        self.began.1 + runtime::now().saturating_duration_since(self.began.0)
    }

    /// How many streams a connection of a pool's can have, by the layer that is here.
    pub(crate) fn set_limit(&self, here: StreamRef, streams: usize) {
        if let Some(load) = &self.opts.load
            && !here.is_defined()
        {
            load.set_limit(streams);
        }
    }

    /// The monitors for which a stream is cancelled.
    pub(crate) fn watches(&self) -> MutexGuard<'_, HashMap<Ref, StreamRef>> {
        self.watches.lock()
    }
}

/// What all layers of a connection have in common.
pub(crate) struct Shared {
    pub(crate) env: Arc<Env>,
    pub(crate) owner: Owner,
    /// The connection was told to end.
    pub(crate) ending: bool,
    pub(crate) postponed: Postponed,
    cookies: Option<Box<dyn CookieStore>>,
}

impl Shared {
    pub(crate) fn new(env: Arc<Env>, owner: Owner) -> Shared {
        let cookies = env.opts.cookie_store.as_ref().map(|make| make());
        Shared {
            env,
            owner,
            ending: false,
            postponed: Postponed::default(),
            cookies,
        }
    }

    /// Whether there is anything to be done about cookies.
    pub(crate) fn has_cookies(&self) -> bool {
        self.cookies.is_some()
    }

    /// Adds a request's cookies. `authority`: the host that they are for.
    pub(crate) fn add_cookies(
        &mut self,
        to: &mut Recipient,
        origin: &Origin,
        authority: &str,
        path: &str,
        headers: &mut HeaderMap,
    ) {
        to.cookies = self.cookie_target(origin, authority, path);
        let (Some(store), Some(target)) = (&mut self.cookies, &to.cookies) else {
            return;
        };
        if let Some(kept) = cookies::header(store.as_mut(), target, self.env.system_time()) {
            // There is one such header, whoever it is of.
            let cookies = match headers.get(COOKIE) {
                Some(own) => {
                    HeaderValue::from_bytes(&[own.as_bytes(), b"; ", kept.as_bytes()].concat())
                }
                None => Ok(kept),
            };
            if let Ok(mut cookies) = cookies {
                cookies.set_sensitive(true);
                headers.insert(COOKIE, cookies);
            }
        }
    }

    /// What a response's cookies are for, if cookies are kept.
    pub(crate) fn cookie_target(
        &self,
        origin: &Origin,
        authority: &str,
        path: &str,
    ) -> Option<Box<cookies::Target>> {
        self.cookies.as_ref()?;
        let authority = authority.parse::<http::uri::Authority>();
        let host = authority
            .as_ref()
            .map_or(origin.host.as_str(), |authority| authority.host());
        let target = cookies::Target::new(origin.scheme, host, path);
        Some(Box::new(target))
    }

    /// Keeps a response's cookies.
    pub(crate) fn keep_cookies(&mut self, to: &Recipient, headers: &HeaderMap) {
        if let (Some(store), Some(target)) = (&mut self.cookies, &to.cookies) {
            cookies::set(store.as_mut(), target, headers, self.env.system_time());
        }
    }

    /// The connection ends: so do the cookies of its session.
    pub(crate) fn end_session(&mut self) {
        if let Some(store) = &mut self.cookies {
            store.session_gc();
        }
    }

    /// A request that comes when no more are taken: it is for the next connection, if there is to be one.
    pub(crate) fn too_late(&mut self, here: StreamRef, request: Box<Request>) {
        let command = Command::Request(request);
        if self.ending || self.env.opts.retry == 0 || here != StreamRef::UNDEFINED {
            command.fail(&self.env, Reason::Closing);
        } else {
            self.postpone(command);
        }
    }

    pub(crate) fn postpone(&mut self, command: Command) {
        if let Err(command) = self.postponed.push(command) {
            command.refuse_as(&self.env, BadState::Postponed);
        }
    }
}

/// What comes while there is nobody to take it, in order.
#[derive(Default)]
pub(crate) struct Postponed {
    commands: VecDeque<Command>,
    /// How much memory they hold.
    bytes: usize,
}

/// How much may wait, in bytes.
const POSTPONED: usize = 16 << 20;

impl Postponed {
    /// `Err`: it is too much.
    pub(crate) fn push(&mut self, command: Command) -> Result<(), Command> {
        let size = command.size();
        if self.bytes + size > POSTPONED {
            return Err(command);
        }
        self.bytes += size;
        self.commands.push_back(command);
        Ok(())
    }

    /// Whether a command is about a stream, or through a tunnel, that one of these begins.
    pub(crate) fn concerns(&self, command: &Command) -> bool {
        let begins = |of: Option<StreamRef>| {
            let is_of = |waiting: &Command| matches!(waiting, Command::Request(request) if Some(request.stream) == of);
            of.is_some() && self.commands.iter().any(is_of)
        };
        begins(command.stream()) || begins(command.tunnel())
    }

    /// All of it, in order.
    pub(crate) fn take(&mut self) -> VecDeque<Command> {
        self.bytes = 0;
        std::mem::take(&mut self.commands)
    }

    /// Gives all of it to the layer that it has waited for.
    pub(crate) fn offer(self, layer: &mut dyn Layer, shared: &mut Shared) {
        for command in self.commands {
            if let Err(command) = layer.command(shared, command) {
                command.refuse(&shared.env);
            }
        }
    }
}

/// Where a layer's requests go.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) scheme: &'static str,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) authority: String,
    /// The `host` header of requests that have none: the authority.
    pub(crate) host_header: HeaderValue,
}

impl Origin {
    pub(crate) fn of(hop: &Hop) -> Origin {
        let authority = hop.authority();
        Origin {
            scheme: if hop.is_secure() { "https" } else { "http" },
            host: hop.host.clone(),
            port: hop.port,
            host_header: HeaderValue::from_str(&authority).expect("a host was checked"),
            authority,
        }
    }

    /// The scheme of what is spoken there, if it has one.
    pub(crate) fn scheme_of(&self, protocol: Protocol) -> Option<&'static str> {
        match protocol {
            Protocol::Http | Protocol::Http2 | Protocol::Ws => Some(self.scheme),
            Protocol::Raw | Protocol::Socks | Protocol::Http3 => None,
        }
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.scheme == "https" {
            Transport::Tls
        } else {
            Transport::Tcp
        }
    }
}

/// What streams are told when their layer is lost.
pub(crate) fn told(reason: Reason) -> Reason {
    if reason == Reason::Normal {
        Reason::Closing
    } else {
        reason
    }
}
