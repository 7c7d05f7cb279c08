//! Whether an HTTP/2 server is still there: pings, and what it must say in time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use h2::Reason;
use runtime::future::{Sleep, sleep};
use runtime::send;

use super::settings::Settings;
use super::tap;
use crate::layer::{Env, Shared};
use crate::message::{Notice, Notify, StreamRef};
use crate::options::{Http2Opts, ReplyTo};

pub(super) struct Liveness {
    /// Until the server's settings have come.
    preface: Option<Sleep>,
    /// Until it has acknowledged ours.
    settings: Option<Sleep>,
    /// When the next ping is due, and then how long until the next.
    keepalive: Option<(Sleep, Duration)>,
    tolerance: Option<u32>,
    /// How many of those were not answered.
    unanswered: u32,
    /// Pings of users that were not answered.
    pings: VecDeque<(u64, StreamRef, ReplyTo)>,
    next: u64,
}

/// The payload of the first ping of a user's. Those that keep the connection alive have 0.
const FIRST: u64 = 10_000;

impl Liveness {
    pub(super) fn new(opts: &Http2Opts) -> Liveness {
        Liveness {
            preface: opts.preface_timeout.map(sleep),
            settings: opts.settings_timeout.map(sleep),
            keepalive: opts.keepalive.map(|every| (sleep(every), every)),
            tolerance: opts.keepalive_tolerance,
            unanswered: 0,
            pings: VecDeque::new(),
            next: FIRST,
        }
    }

    pub(super) fn preface_came(&mut self) {
        self.preface = None;
    }

    pub(super) fn settings_acknowledged(&mut self) {
        self.settings = None;
    }

    /// Pings for a user, who is told the answer.
    pub(super) fn ping(&mut self, tap: &tap::Handle, ping: StreamRef, to: ReplyTo) {
        tap.ping(self.next.to_be_bytes());
        self.pings.push_back((self.next, ping, to));
        self.next += 1;
    }

    /// A ping was answered. Pings of h2's own are none of these.
    pub(super) fn answered(&mut self, env: &Env, payload: [u8; 8]) {
        let payload = u64::from_be_bytes(payload);
        if payload == 0 {
            self.unanswered = self.unanswered.saturating_sub(1);
        } else if let Some(at) = self.pings.iter().position(|(sent, ..)| *sent == payload)
            && let Some((_, ping, to)) = self.pings.remove(at)
        {
            let conn = env.conn;
            let notice = Notice::PingAck(ping);
            to.tell(Notify { conn, notice });
        }
    }

    /// Pings when it is time. `Err`: the server has not said what it must, and the connection ends with this code.
    pub(super) fn poll(&mut self, tap: &tap::Handle, cx: &mut Context<'_>) -> Result<(), Reason> {
        let mut past = |time: &mut Option<Sleep>| {
            let past = time
                .as_mut()
                .is_some_and(|time| Pin::new(time).poll(cx).is_ready());
            if past {
                *time = None;
            }
            past
        };
        if past(&mut self.preface) {
            return Err(Reason::PROTOCOL_ERROR);
        }
        if past(&mut self.settings) {
            return Err(Reason::SETTINGS_TIMEOUT);
        }
        while let Some((time, every)) = &mut self.keepalive {
            let Poll::Ready(()) = Pin::new(&mut *time).poll(cx) else {
                break;
            };
            if self
                .tolerance
                .is_some_and(|tolerance| self.unanswered >= tolerance)
            {
                return Err(Reason::NO_ERROR);
            }
            *time = sleep(*every);
            self.unanswered = self.unanswered.saturating_add(1);
            tap.ping([0; 8]);
        }
        Ok(())
    }
}

pub(super) fn notify_settings(shared: &Shared, settings: Settings) {
    let conn = shared.env.conn;
    let notice = Notice::SettingsChanged(settings);
    send(shared.owner.get(), Notify { conn, notice });
}
