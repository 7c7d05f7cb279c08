//! A `set-cookie` header, taken apart.

use std::time::{Duration, SystemTime};

use super::cookie::{SameSite, SetCookieError};
use super::date;

/// The most bytes that name and value may have together.
const SIZE: usize = 4096;

/// The most bytes that an attribute may have; longer ones are overlooked.
const ATTRIBUTE: usize = 1024;

/// How long a cookie may live, whatever it says.
const LIFE: Duration = Duration::from_secs(400 * 86_400);

/// What the header says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Lowercase, without a leading dot; empty if there is none.
    pub(super) domain: Vec<u8>,
    /// None: the default path.
    pub(super) path: Option<&'a [u8]>,
    pub(super) expires: Option<SystemTime>,
    pub(super) max_age: Option<SystemTime>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSite,
}

impl<'a> SetCookie<'a> {
    pub(super) fn parse(header: &'a [u8], now: SystemTime) -> Result<Self, SetCookieError> {
        if header.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
            return Err(SetCookieError::Malformed);
        }
        let mut parts = header.split(|b| *b == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = split(pair).unwrap_or((&[], trim(pair)));
        if name.is_empty() && value.is_empty() {
            return Err(SetCookieError::Malformed);
        }
        if name.len() + value.len() > SIZE {
            return Err(SetCookieError::TooBig);
        }
        let mut cookie = SetCookie {
            name,
            value,
            ..SetCookie::default()
        };
        for part in parts {
            let (name, value) = split(part).unwrap_or((trim(part), &[]));
            if value.len() <= ATTRIBUTE {
                cookie.attribute(name, value, now);
            }
        }
        Ok(cookie)
    }

    /// The last of a name wins.
    fn attribute(&mut self, name: &[u8], value: &'a [u8], now: SystemTime) {
        match &name.to_ascii_lowercase()[..] {
            b"expires" => self.expires = date::parse(value).or(self.expires),
            b"max-age" => self.max_age = max_age(value, now).or(self.max_age),
            b"domain" => {
                let value = value.strip_prefix(b".").unwrap_or(value);
                self.domain = value.to_ascii_lowercase();
            }
            b"path" => self.path = value.starts_with(b"/").then_some(value),
            b"secure" => self.secure = true,
            b"httponly" => self.http_only = true,
            b"samesite" => {
                self.same_site = match &value.to_ascii_lowercase()[..] {
                    b"none" => SameSite::None,
                    b"lax" => SameSite::Lax,
                    b"strict" => SameSite::Strict,
                    _ => SameSite::Default,
                }
            }
            _ => {}
        }
    }

    /// When the cookie ends: Max-Age goes before Expires.
    pub(super) fn expiry(&self, now: SystemTime) -> Option<SystemTime> {
        let expiry = self.max_age.or(self.expires)?;
        Some(expiry.min(now + LIFE))
    }
}

/// Digits, perhaps after a minus; none, or anything else, is no age.
fn max_age(value: &[u8], now: SystemTime) -> Option<SystemTime> {
    let (past, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0u64, |n, b| {
        n.saturating_mul(10).saturating_add(u64::from(b - b'0'))
    });
    match past || seconds == 0 {
        true => Some(SystemTime::UNIX_EPOCH),
        false => Some(now + Duration::from_secs(seconds).min(LIFE)),
    }
}

/// Name and value, if there is an equals sign.
fn split(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = part.iter().position(|b| *b == b'=')?;
    Some((trim(&part[..at]), trim(&part[at + 1..])))
}

fn trim(mut part: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = part {
        part = rest;
    }
    part
}
