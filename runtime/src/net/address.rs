//! Where to connect to, or to listen: an address, several, or a name.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::{Duration, Instant};

use super::timeout;
use crate::blocking::{self, Kind};

/// What can be turned into addresses: as [`std::net::ToSocketAddrs`], but names are looked up away from
/// the workers. Not to be implemented by others.
pub trait ToSocketAddrs: sealed::Sealed {}

/// What an argument says.
#[derive(Debug)]
pub enum Target {
    /// Addresses.
    Known(Vec<SocketAddr>),
    /// A name and a port, as `std` takes them.
    Name(String, u16),
}

mod sealed {
    use std::io;

    pub trait Sealed {
        fn target(&self) -> io::Result<super::Target>;
    }
}

/// The addresses of a name and a port, in the resolver's order. Blocks the process, not its worker.
///
/// # Errors
///
/// Those of [`std::net::ToSocketAddrs`]: no such name, no answer, no port.
///
/// ```
/// # runtime::run(|| {
/// let addresses = runtime::net::lookup_host("localhost:80")?;
/// assert!(addresses.iter().all(|address| address.ip().is_loopback()));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[cfg_attr(debug_assertions, track_caller)]
pub fn lookup_host(host: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    resolve(host.target()?)
}

/// As [`lookup_host`], for `timeout` at most. On a thread that is no process the look-up has its time.
///
/// # Errors
///
/// `TimedOut`; `InvalidInput` if `timeout` is zero; as there.
#[cfg_attr(debug_assertions, track_caller)]
pub fn lookup_host_timeout(
    host: impl ToSocketAddrs,
    timeout: Duration,
) -> io::Result<Vec<SocketAddr>> {
    resolve_until(host.target()?, timeout::until(timeout)?)
}

pub(super) fn target(host: &impl ToSocketAddrs) -> io::Result<Target> {
    host.target()
}

/// The addresses of a target; a name is looked up.
#[cfg_attr(debug_assertions, track_caller)]
pub(super) fn resolve(target: Target) -> io::Result<Vec<SocketAddr>> {
    resolve_until(target, None)
}

/// As [`resolve`], until then at most.
#[cfg_attr(debug_assertions, track_caller)]
pub(super) fn resolve_until(target: Target, until: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
    match target {
        Target::Known(addresses) => Ok(addresses),
        Target::Name(name, port) => {
            use std::net::ToSocketAddrs;
            let found = blocking::call_until(Kind::LookUp, until, move || {
                let found = (name.as_str(), port).to_socket_addrs()?;
                Ok(found.collect())
            });
            found.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        }
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

impl<T: ToSocketAddrs + ?Sized> sealed::Sealed for &T {
    fn target(&self) -> io::Result<Target> {
        (**self).target()
    }
}

macro_rules! addresses {
    ($($type:ty: |$value:ident| $address:expr;)*) => {$(
        impl ToSocketAddrs for $type {}

        impl sealed::Sealed for $type {
            fn target(&self) -> io::Result<Target> {
                let $value = self;
                $address
            }
        }
    )*};
}

fn one(address: impl Into<SocketAddr>) -> io::Result<Target> {
    Ok(Target::Known(vec![address.into()]))
}

fn named(name: &str, port: u16) -> Target {
    match name.parse::<IpAddr>() {
        Ok(ip) => Target::Known(vec![(ip, port).into()]),
        Err(_) => Target::Name(name.to_owned(), port),
    }
}

fn parsed(text: &str) -> io::Result<Target> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return one(address);
    }
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    let (name, port) = text
        .rsplit_once(':')
        .ok_or_else(|| invalid("an address without a port"))?;
    let port = port
        .parse()
        .map_err(|_| invalid("an address whose port is no number"))?;
    Ok(named(name, port))
}

addresses! {
    SocketAddr: |it| one(*it);
    SocketAddrV4: |it| one(*it);
    SocketAddrV6: |it| one(*it);
    (IpAddr, u16): |it| one(*it);
    (Ipv4Addr, u16): |it| one(*it);
    (Ipv6Addr, u16): |it| one(*it);
    (&str, u16): |it| Ok(named(it.0, it.1));
    (String, u16): |it| Ok(named(&it.0, it.1));
    str: |it| parsed(it);
    String: |it| parsed(it);
    [SocketAddr]: |it| Ok(Target::Known(it.to_vec()));
    Vec<SocketAddr>: |it| Ok(Target::Known(it.clone()));
}
