//! From a name to a layer: look-up, socket, TLS, and the protocol that was agreed on. All of it may be dropped at any
//! point.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_channel::oneshot;
use runtime::Spawn;
use runtime::future::sleep;
use runtime::net::{TcpStream, UnixStream, lookup_host};

use crate::error::Reason;
use crate::event::Event;
use crate::http1;
use crate::http2;
use crate::layer::{Env, Layer, Origin};
use crate::message::{Protocol, StreamRef};
use crate::options::{Hop, ReplyTo, Spoken};
use crate::raw::Raw;
use crate::tls;
use crate::tunnel::Tunnel;
use crate::wire::Wire;

/// Where a connection goes first.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp,
    Unix(PathBuf),
}

/// Looks the host up and connects, up to the first layer. `owner` gets what no request has asked for.
pub(crate) async fn connect(
    env: Arc<Env>,
    target: Target,
    hop: Hop,
    owner: ReplyTo,
) -> Result<Box<dyn Layer>, Reason> {
    let opts = &env.opts;
    let wire = match target {
        Target::Tcp => {
            let (host, port) = (hop.host.as_str(), hop.port);
            env.events.tell(Event::DomainLookupStart { host, port });
            let found = within(opts.domain_lookup_timeout, look_up(host.to_owned(), port)).await;
            let result = found.and_then(|found| found.map_err(|_| Reason::DomainLookup));
            env.events.tell(Event::DomainLookupEnd {
                host,
                port,
                result: result.as_deref().map_err(|reason| *reason),
            });
            let addresses = result?;
            let connecting = async {
                let connecting = TcpStream::connecting(addresses.as_slice());
                let stream = within(opts.connect_timeout, connecting).await??;
                // Small requests are not to wait for more.
                stream.set_nodelay(true)?;
                let address = stream.peer_addr()?;
                Ok::<_, Reason>((stream, Some(address)))
            };
            let stream = connected(&env, &addresses, connecting).await?;
            Wire::tcp(stream, opts.send_timeout)
        }
        Target::Unix(path) => {
            // The system answers at once.
            let connecting = async { Ok::<_, Reason>((UnixStream::connect(path)?, None)) };
            let stream = connected(&env, &[], connecting).await?;
            Wire::unix(stream, opts.send_timeout)
        }
    };
    begin(env, hop, wire, StreamRef::UNDEFINED, owner).await
}

/// Awaits a socket, and the address at its other end if it has one; tells that it does.
async fn connected<S>(
    env: &Env,
    addresses: &[SocketAddr],
    connecting: impl Future<Output = Result<(S, Option<SocketAddr>), Reason>>,
) -> Result<S, Reason> {
    env.events.tell(Event::ConnectStart { addresses });
    let result = connecting.await;
    let end = result.as_ref().map(|(_, address)| *address);
    env.events.tell(Event::ConnectEnd {
        result: end.map_err(|reason| *reason),
    });
    result.map(|(socket, _)| socket)
}

/// Speaks with the end of a hop: TLS, if it is to be, and the first message of the protocol. `reply_to` gets what no
/// request in there asks for.
pub(crate) async fn begin(
    env: Arc<Env>,
    hop: Hop,
    wire: Wire,
    here: StreamRef,
    reply_to: ReplyTo,
) -> Result<Box<dyn Layer>, Reason> {
    let mut spoken = hop.spoken(&env.opts);
    let (wire, chosen) = if hop.is_secure() {
        let (host, port) = (hop.host.as_str(), hop.port);
        env.events.tell(Event::TlsHandshakeStart {
            stream: here,
            host,
            port,
        });
        let names: Vec<Protocol> = spoken.iter().map(Spoken::name).collect();
        let shaking = tls::handshake(&hop.tls, &names, host.to_owned(), wire);
        let shaken = within(hop.tls_handshake_timeout, shaking).await;
        let result = shaken.and_then(|stream| stream).map(|stream| {
            let chosen = stream.protocol(&names);
            (stream, chosen)
        });
        let end = result.as_ref().map(|(_, chosen)| *chosen);
        env.events.tell(Event::TlsHandshakeEnd {
            stream: here,
            host,
            port,
            result: end.map_err(|reason| *reason),
        });
        let (stream, chosen) = result?;
        (Wire::Tls(Box::new(stream)), chosen)
    } else {
        (wire, spoken[0].name())
    };
    // Without an answer it may be HTTP/1.1, which nobody has named.
    let at = spoken.iter().position(|spoken| spoken.name() == chosen);
    let spoken = match at {
        Some(at) => spoken.swap_remove(at),
        None => Spoken::Http(env.opts.http.clone()),
    };
    let origin = Origin::of(&hop);
    Ok(match spoken {
        Spoken::Http2(opts) => Box::new(http2::Http2::begin(env, opts, origin, wire, here).await?),
        Spoken::Raw(opts) => Box::new(Raw::new(env, opts, origin, wire, here, reply_to)),
        Spoken::Socks(opts) => Box::new(Tunnel::socks(env, origin, *opts, wire, here, reply_to)),
        Spoken::Http(opts) => Box::new(http1::Http1::begin(env, opts, origin, wire, here).await?),
        // Those that have no options of their own were resolved, the others refused.
        Spoken::Named(_) => return Err(Reason::Protocol),
    })
}

/// In a process of its own, so that the connection can be told to end meanwhile.
async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, told) = oneshot::channel();
    let looking = Spawn::new().label("gun: look-up").spawn(move || {
        // Nobody may wait for it any more.
        let _ = tell.send(lookup_host((host.as_str(), port)));
    });
    looking.map_err(io::Error::other)?;
    told.await.map_err(io::Error::other)?
}

async fn within<F: Future>(time: Option<Duration>, future: F) -> Result<F::Output, Reason> {
    let mut future = pin!(future);
    let mut deadline = time.map(sleep);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        match &mut deadline {
            Some(deadline) => Pin::new(deadline).poll(cx).map(|_| Err(Reason::Timeout)),
            None => Poll::Pending,
        }
    })
    .await
}
