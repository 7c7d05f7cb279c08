//! The client's half of a SOCKS5 handshake (RFC 1928, RFC 1929), without a socket.
//!
//! The connection reads into a buffer, lets [`Handshake::step`] take from it what belongs to the
//! handshake, and writes what that has to say. Invariants: it does not matter how replies are cut; what
//! comes after the last reply stays in the buffer, for it is the tunnel's; no reply has more than 262
//! bytes.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use bytes::{Buf, BufMut, BytesMut};

const VERSION: u8 = 5;
const AUTH_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const NONE: u8 = 0;
const USERNAME_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;

/// How to prove to a SOCKS proxy who we are.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Socks5Auth {
    /// Not at all.
    None,
    /// With a name and a password, of 1 to 255 bytes each.
    UsernamePassword(String, String),
}

/// Shows no password.
impl fmt::Debug for Socks5Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Socks5Auth::None => f.write_str("None"),
            Socks5Auth::UsernamePassword(name, _) => {
                write!(f, "UsernamePassword({name:?}, ..)")
            }
        }
    }
}

/// Why a SOCKS proxy gives no tunnel. Mirrors the reasons `{socks5, _}` of Gun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Socks5Error {
    /// The proxy accepts none of our ways to prove who we are.
    NoAcceptableMethod,
    /// The proxy does not accept the name or the password.
    UsernamePasswordAuthFailure,
    /// Reply 1.
    GeneralSocksServerFailure,
    /// Reply 2.
    ConnectionNotAllowedByRuleset,
    /// Reply 3.
    NetworkUnreachable,
    /// Reply 4.
    HostUnreachable,
    /// Reply 5.
    ConnectionRefused,
    /// Reply 6.
    TtlExpired,
    /// Reply 7.
    CommandNotSupported,
    /// Reply 8.
    AddressTypeNotSupported,
    /// A reply that has no meaning.
    UnknownError(u8),
    /// The proxy does not speak SOCKS5.
    Protocol,
}

impl fmt::Display for Socks5Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Socks5Error::NoAcceptableMethod => "the SOCKS proxy wants another way to log in",
            Socks5Error::UsernamePasswordAuthFailure => "the SOCKS proxy refuses the password",
            Socks5Error::GeneralSocksServerFailure => "the SOCKS proxy has failed",
            Socks5Error::ConnectionNotAllowedByRuleset => "the SOCKS proxy's rules forbid it",
            Socks5Error::NetworkUnreachable => "the SOCKS proxy does not reach the network",
            Socks5Error::HostUnreachable => "the SOCKS proxy does not reach the host",
            Socks5Error::ConnectionRefused => "the host refuses the SOCKS proxy",
            Socks5Error::TtlExpired => "the SOCKS proxy's packets do not arrive",
            Socks5Error::CommandNotSupported => "the SOCKS proxy does not connect",
            Socks5Error::AddressTypeNotSupported => "the SOCKS proxy does not know such addresses",
            Socks5Error::UnknownError(code) => return write!(f, "SOCKS error {code}"),
            Socks5Error::Protocol => "the proxy does not speak SOCKS5",
        })
    }
}

impl Error for Socks5Error {}

/// A handshake under way.
#[derive(Debug)]
pub(crate) struct Handshake {
    state: State,
    auth: Vec<Socks5Auth>,
    /// The request, ready to be sent.
    connect: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The proxy has to choose how we log in.
    Method,
    /// The proxy has to say whether it lets us in.
    Auth,
    /// The proxy has to say whether it has connected.
    Reply,
    Done,
}

/// Whether a name, a password or a host can be said: its length is one byte, and not zero.
pub(crate) fn is_sayable(text: &str) -> bool {
    (1..=255).contains(&text.len())
}

impl Handshake {
    /// Begins: writes the greeting onto `out`. There is a way to prove who we are, and all [can be said](is_sayable), as
    /// the options were checked for.
    pub(crate) fn new(auth: &[Socks5Auth], host: &str, port: u16, out: &mut BytesMut) -> Handshake {
        let mut methods = Vec::new();
        for auth in auth {
            let method = match auth {
                Socks5Auth::None => NONE,
                Socks5Auth::UsernamePassword(..) => USERNAME_PASSWORD,
            };
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        let connect = connect(host, port);
        out.put_slice(&[VERSION, methods.len() as u8]);
        out.put_slice(&methods);
        Handshake {
            state: State::Method,
            auth: auth.to_vec(),
            connect,
        }
    }

    /// Goes on with what the proxy has sent, and writes what it has to be told onto `out`. True: the
    /// tunnel is there, and what is left in `input` has come through it.
    pub(crate) fn step(
        &mut self,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<bool, Socks5Error> {
        loop {
            let size = match self.state {
                State::Done => return Ok(true),
                State::Method | State::Auth => 2,
                State::Reply => match reply_size(input)? {
                    Some(size) => size,
                    None => return Ok(false),
                },
            };
            // A wrong version is seen at its first byte, so that nothing waits for the rest.
            let version = match self.state {
                State::Auth => AUTH_VERSION,
                _ => VERSION,
            };
            match input.first() {
                Some(first) if *first != version => return Err(Socks5Error::Protocol),
                _ if input.len() < size => return Ok(false),
                _ => {}
            }
            let answer = input[1];
            input.advance(size);
            self.state = match self.state {
                State::Method => self.log_in(answer, out)?,
                State::Auth if answer == 0 => self.request(out),
                State::Auth => return Err(Socks5Error::UsernamePasswordAuthFailure),
                State::Reply => State::Done,
                State::Done => State::Done,
            };
        }
    }

    fn log_in(&self, method: u8, out: &mut BytesMut) -> Result<State, Socks5Error> {
        for auth in &self.auth {
            match (auth, method) {
                (Socks5Auth::None, NONE) => return Ok(self.request(out)),
                (Socks5Auth::UsernamePassword(name, password), USERNAME_PASSWORD) => {
                    out.put_slice(&[AUTH_VERSION, name.len() as u8]);
                    out.put_slice(name.as_bytes());
                    out.put_u8(password.len() as u8);
                    out.put_slice(password.as_bytes());
                    return Ok(State::Auth);
                }
                _ => {}
            }
        }
        match method {
            NO_METHOD => Err(Socks5Error::NoAcceptableMethod),
            _ => Err(Socks5Error::Protocol),
        }
    }

    fn request(&self, out: &mut BytesMut) -> State {
        out.put_slice(&self.connect);
        State::Reply
    }
}

fn connect(host: &str, port: u16) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.extend([NAME, host.len() as u8]);
            request.extend(host.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    request
}

/// How long the reply is. None: too little of it has come. An error needs no address after it: some
/// proxies send none and close.
fn reply_size(input: &[u8]) -> Result<Option<usize>, Socks5Error> {
    match *input {
        [] => return Ok(None),
        [version, ..] if version != VERSION => return Err(Socks5Error::Protocol),
        [_] => return Ok(None),
        [_, 0, ..] => {}
        [_, code, ..] => return Err(refusal(code)),
    }
    Ok(match input.get(3) {
        None => None,
        Some(&IPV4) => Some(4 + 4 + 2),
        Some(&IPV6) => Some(4 + 16 + 2),
        Some(&NAME) => input.get(4).map(|len| 4 + 1 + usize::from(*len) + 2),
        Some(_) => return Err(Socks5Error::Protocol),
    })
}

fn refusal(code: u8) -> Socks5Error {
    match code {
        1 => Socks5Error::GeneralSocksServerFailure,
        2 => Socks5Error::ConnectionNotAllowedByRuleset,
        3 => Socks5Error::NetworkUnreachable,
        4 => Socks5Error::HostUnreachable,
        5 => Socks5Error::ConnectionRefused,
        6 => Socks5Error::TtlExpired,
        7 => Socks5Error::CommandNotSupported,
        8 => Socks5Error::AddressTypeNotSupported,
        code => Socks5Error::UnknownError(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password() -> Socks5Auth {
        Socks5Auth::UsernamePassword("user".into(), "secret".into())
    }

    /// Runs a handshake with a proxy that says `replies`; gives what was sent, the end, and the rest.
    fn run(
        auth: &[Socks5Auth],
        host: &str,
        replies: &[u8],
        step: usize,
    ) -> (Vec<u8>, Result<bool, Socks5Error>, Vec<u8>) {
        let mut out = BytesMut::new();
        let mut handshake = Handshake::new(auth, host, 443, &mut out);
        let mut input = BytesMut::new();
        let mut end = Ok(false);
        for piece in replies.chunks(step) {
            input.extend_from_slice(piece);
            if end == Ok(false) {
                end = handshake.step(&mut input, &mut out);
            }
        }
        (out.to_vec(), end, input.to_vec())
    }

    const OK: [u8; 10] = [5, 0, 0, 1, 127, 0, 0, 1, 0, 80];

    /// Without a password: greeting, request, tunnel, however replies are cut.
    #[test]
    fn none() {
        let replies = [&[5, 0][..], &OK, b"early"].concat();
        for step in 1..=replies.len() {
            let (out, end, rest) = run(&[Socks5Auth::None], "example.org", &replies, step);
            assert_eq!(out, b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.org\x01\xbb");
            assert_eq!(end, Ok(true));
            assert_eq!(rest, b"early");
        }
    }

    /// With a password, if the proxy chooses it among those offered.
    #[test]
    fn username_password() {
        let auth = [Socks5Auth::None, password()];
        let replies = [&[5, 2, 1, 0][..], &OK].concat();
        for step in 1..=replies.len() {
            let (out, end, _) = run(&auth, "10.0.0.1", &replies, step);
            assert_eq!(
                out,
                b"\x05\x02\x00\x02\x01\x04user\x06secret\x05\x01\x00\x01\x0a\x00\x00\x01\x01\xbb"
            );
            assert_eq!(end, Ok(true));
        }
        let (_, end, _) = run(&auth, "h", &[5, 2, 1, 1], 1);
        assert_eq!(end, Err(Socks5Error::UsernamePasswordAuthFailure));
        let (out, ..) = run(&auth, "h", &[5, 0], 1);
        assert!(!out.windows(4).any(|part| part == b"user"));
    }

    /// IPv6 addresses go as addresses.
    #[test]
    fn ipv6() {
        let (out, ..) = run(&[Socks5Auth::None], "::1", &[5, 0], 1);
        let mut expected = vec![5, 1, 0, 5, 1, 0, 4];
        expected.extend([0; 15]);
        expected.extend([1, 1, 0xbb]);
        assert_eq!(out, expected);
    }

    /// Every kind of address may stand in the reply.
    #[test]
    fn reply_addresses() {
        let v6 = [&[5, 0, 0, 4][..], &[0; 18]].concat();
        let name = b"\x05\x00\x00\x03\x02ab\x00\x50".to_vec();
        for reply in [OK.to_vec(), v6, name] {
            let replies = [&[5, 0][..], &reply, b"x"].concat();
            let (_, end, rest) = run(&[Socks5Auth::None], "h", &replies, 1);
            assert_eq!((end, &rest[..]), (Ok(true), &b"x"[..]));
        }
    }

    /// Each refusal has its name, as soon as its code has come.
    #[test]
    fn refusals() {
        for (code, error) in [
            (1, Socks5Error::GeneralSocksServerFailure),
            (2, Socks5Error::ConnectionNotAllowedByRuleset),
            (3, Socks5Error::NetworkUnreachable),
            (4, Socks5Error::HostUnreachable),
            (5, Socks5Error::ConnectionRefused),
            (6, Socks5Error::TtlExpired),
            (7, Socks5Error::CommandNotSupported),
            (8, Socks5Error::AddressTypeNotSupported),
            (9, Socks5Error::UnknownError(9)),
            (255, Socks5Error::UnknownError(255)),
        ] {
            let (_, end, _) = run(&[Socks5Auth::None], "h", &[5, 0, 5, code], 1);
            assert_eq!(end, Err(error));
        }
    }

    /// What is no SOCKS5 is refused at the byte that shows it.
    #[test]
    fn protocol() {
        let end = |auth: &[Socks5Auth], replies: &[u8]| run(auth, "h", replies, 1).1;
        let none = [Socks5Auth::None];
        assert_eq!(end(&none, b"H"), Err(Socks5Error::Protocol));
        assert_eq!(end(&none, &[4]), Err(Socks5Error::Protocol));
        assert_eq!(end(&none, &[5, 2]), Err(Socks5Error::Protocol));
        assert_eq!(end(&none, &[5, 0xff]), Err(Socks5Error::NoAcceptableMethod));
        assert_eq!(end(&[password()], &[5, 0]), Err(Socks5Error::Protocol));
        assert_eq!(end(&[password()], &[5, 2, 5]), Err(Socks5Error::Protocol));
        assert_eq!(end(&none, &[5, 0, 5, 0, 0, 2]), Err(Socks5Error::Protocol));
    }

    /// A password is not shown.
    #[test]
    fn debug_shows_no_password() {
        assert!(!format!("{:?}", password()).contains("secret"));
    }

    /// Random bytes end in an error, the tunnel, or a wait for at most one reply's bytes.
    #[test]
    fn fuzz() {
        use rand::rngs::SmallRng;
        use rand::{RngExt, SeedableRng};
        let rng = &mut SmallRng::seed_from_u64(5);
        for _ in 0..20_000 {
            let mut replies = [&[5, 2, 1, 0][..], &OK].concat();
            replies.extend((0..rng.random_range(0..300)).map(|_| rng.random::<u8>()));
            for _ in 0..rng.random_range(0..3) {
                let at = rng.random_range(0..12);
                replies[at] = rng.random();
            }
            let step = rng.random_range(1..=replies.len());
            let (_, end, rest) = run(&[Socks5Auth::None, password()], "h", &replies, step);
            assert!(end != Ok(false) || rest.len() < 262);
        }
    }
}
