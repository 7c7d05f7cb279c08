//! Gun's tunnel_SUITE: through two proxies of any kind to an origin of any kind.

use std::collections::VecDeque;
use std::fmt::Debug;

use gun::{Awaited, Intermediary, IntermediaryKind, Protocol, ReqOpts, StreamRef};
use runtime::prelude::*;

use crate::echo::{self, Origin};
use crate::peer::SOON;
use crate::proxy::{self, Proxy, beyond, destination};

/// One way of all.
#[derive(Clone, Copy, Debug)]
struct Way {
    first: Proxy,
    second: Proxy,
    origin: Origin,
}

/// What is known of a proxy on the way.
fn passed(found: &Intermediary, proxy: Proxy) {
    let kind = if proxy.kind.is_socks() {
        IntermediaryKind::Socks5
    } else {
        IntermediaryKind::Connect
    };
    let Intermediary {
        kind: found_kind,
        host,
        port,
        transport,
        protocol,
        ..
    } = found;
    assert_eq!(
        (*found_kind, host.as_str(), *port, *transport, *protocol),
        (
            kind,
            "localhost",
            proxy.port,
            proxy.kind.transport(),
            proxy.kind.protocol()
        )
    );
}

fn same<T: PartialEq + Debug>(way: Way, what: &str, found: T, expected: T) {
    assert_eq!(found, expected, "{what}: {way:?}");
}

impl Way {
    /// The SOCKS proxy that is second leads to the origin.
    fn last(self) -> gun::SocksOpts {
        let Origin { kind, port } = self.origin;
        beyond(port, kind.transport(), kind.protocol())
    }

    /// Goes through a proxy, and waits for the tunnel. What is to be named from now on.
    fn through(
        self,
        conn: Pid,
        proxy: Proxy,
        here: StreamRef,
        to: Option<gun::Destination>,
        up: Protocol,
    ) -> StreamRef {
        let Some(to) = to.filter(|_| !proxy.kind.is_socks()) else {
            same(
                self,
                "SOCKS",
                gun::await_(conn, here, SOON),
                Ok(Awaited::Up(up)),
            );
            return here;
        };
        let tunnel = gun::connect(conn, to, (), ReqOpts::new().tunnel(here));
        match gun::await_(conn, tunnel, SOON) {
            Ok(Awaited::Response {
                fin: true, status, ..
            }) => assert_eq!(status, 200),
            other => panic!("{other:?}: {self:?}"),
        }
        same(
            self,
            "CONNECT",
            gun::await_(conn, tunnel, SOON),
            Ok(Awaited::Up(up)),
        );
        tunnel
    }

    fn go(self) {
        let Way {
            first,
            second,
            origin,
        } = self;
        let second_spoken = || second.spoken(|| self.last());
        let to_second = || beyond(second.port, second.kind.transport(), second_spoken());
        let conn = first.open(first.spoken(to_second));
        let to = destination(second.port, second.kind.transport(), second_spoken());
        let here = StreamRef::UNDEFINED;
        let one = self.through(conn, first, here, Some(to), second.kind.protocol());
        let to = destination(origin.port, origin.kind.transport(), origin.kind.protocol());
        let two = self.through(conn, second, one, Some(to), origin.kind.protocol());
        origin.exchange(conn, two);
        self.known_of_a_stream(conn, one, two);
        self.known(conn);
        gun::close(conn).unwrap();
    }

    /// What is known of a request, and of the tunnels.
    fn known_of_a_stream(self, conn: Pid, one: StreamRef, two: StreamRef) {
        let Way {
            first,
            second,
            origin,
        } = self;
        if origin.kind.protocol() != Protocol::Raw {
            // One that does not end before it is looked at.
            let opts = ReqOpts::new().tunnel(two);
            let body = [("content-length", "5")];
            let stream = gun::headers(conn, http::Method::POST, "/path", body, opts);
            let info = gun::stream_info(conn, stream).unwrap().unwrap();
            same(self, "reply_to", info.reply_to, Some(self_pid()));
            same(self, "how many", info.intermediaries.len(), 2);
            passed(&info.intermediaries[0], first);
            passed(&info.intermediaries[1], second);
            gun::cancel(conn, stream);
        }
        for (tunnel, proxy, before) in [(one, first, 0), (two, second, 1)] {
            if proxy.kind.is_socks() {
                continue;
            }
            let info = gun::stream_info(conn, tunnel).unwrap().unwrap();
            same(self, "before", info.intermediaries.len(), before);
            let tunnel = info.tunnel.unwrap();
            same(self, "host", tunnel.origin_host.as_str(), "localhost");
            let (port, transport) = if before == 0 {
                (second.port, second.kind.transport())
            } else {
                (origin.port, origin.kind.transport())
            };
            same(self, "port", tunnel.origin_port, port);
            same(self, "transport", tunnel.transport, transport);
        }
    }

    /// What is known of the connection: as far as it is one stream.
    fn known(self, conn: Pid) {
        let Way {
            first,
            second,
            origin,
        } = self;
        let info = gun::info(conn).unwrap();
        let is_h2 = |proxy: Proxy| proxy.kind.protocol() == Protocol::Http2;
        let (port, transport, protocol) = if is_h2(first) {
            (first.port, first.kind.transport(), first.kind.protocol())
        } else if is_h2(second) {
            (second.port, second.kind.transport(), second.kind.protocol())
        } else {
            same(self, "scheme", info.origin_scheme, origin.kind.scheme());
            let kind = origin.kind;
            (origin.port, kind.transport(), kind.protocol())
        };
        same(self, "port", info.origin_port, port);
        same(self, "transport", info.transport, transport);
        same(self, "protocol", info.protocol, Some(protocol));
        let ours = [first, second];
        let passed_by: Vec<Proxy> = ours
            .into_iter()
            .take_while(|proxy| !is_h2(*proxy))
            .collect();
        same(self, "how many", info.intermediaries.len(), passed_by.len());
        for (found, proxy) in info.intermediaries.iter().zip(passed_by) {
            passed(found, proxy);
        }
        assert!(
            info.address
                .is_some_and(|address| address.port() == first.port)
        );
    }
}

/// Each way through two proxies tells that it is up, hop by hop, is known for what it is, and carries an exchange.
#[runtime::test]
fn product() {
    let proxies = proxy::KINDS.map(proxy::Kind::start);
    let origins = echo::KINDS.map(echo::Kind::start);
    let mut under_way = VecDeque::new();
    let mut ways = 0;
    for first in proxies {
        for second in proxies {
            for origin in origins {
                let way = Way {
                    first,
                    second,
                    origin,
                };
                ways += 1;
                let (_, watch) = spawn_monitor!(move || way.go());
                under_way.push_back((way, watch));
                if under_way.len() > AT_ONCE {
                    ended(under_way.pop_front());
                }
            }
        }
    }
    while !under_way.is_empty() {
        ended(under_way.pop_front());
    }
    assert_eq!(ways, 216);
}

/// How many ways are gone at a time.
const AT_ONCE: usize = 16;

fn ended(under_way: Option<(Way, Ref)>) {
    let (way, watch) = under_way.unwrap();
    receive! {
        Down { monitor, reason, .. } if monitor == watch => {
            same(way, "end", reason, ExitReason::Normal);
        }
    }
}
