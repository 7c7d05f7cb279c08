//! A cookie, and why one is refused.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;

/// A cookie as it is kept. Mirrors `gun_cookies:cookie()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// May be empty.
    pub name: Bytes,
    /// May be empty, if the name is not.
    pub value: Bytes,
    /// The host that set it, or one of the domains the host belongs to; lowercase.
    pub domain: String,
    /// What a request's path has to begin with.
    pub path: Bytes,
    /// When it was first set; kept when it is replaced.
    pub creation_time: SystemTime,
    /// When it was last sent or set.
    pub last_access_time: SystemTime,
    /// When it ends. None: with the session.
    pub expiry_time: Option<SystemTime>,
    /// Whether only the very host that set it gets it.
    pub host_only: bool,
    /// Whether it is sent over TLS only.
    pub secure_only: bool,
    /// Whether scripts are not to see it.
    pub http_only: bool,
    /// What it says of requests from other sites; not enforced.
    pub same_site: SameSite,
}

impl Cookie {
    /// Whether its time is over.
    pub fn expired(&self, now: SystemTime) -> bool {
        self.expiry_time.is_some_and(|expiry| expiry <= now)
    }
}

/// The SameSite attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Nothing was said, or nothing that is known.
    #[default]
    Default,
    /// `SameSite=None`.
    None,
    /// `SameSite=Lax`.
    Lax,
    /// `SameSite=Strict`.
    Strict,
}

/// Why a cookie is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetCookieError {
    /// It has a control character, or neither a name nor a value.
    Malformed,
    /// Name and value have more than 4096 bytes.
    TooBig,
    /// Its domain is one under which anybody can register.
    PublicSuffix,
    /// The host does not belong to its domain.
    Domain,
    /// It is Secure, and was not sent over TLS.
    Secure,
    /// It was not sent over TLS, and would stand before one that was.
    Shadow,
    /// Its name's prefix promises what its attributes do not keep.
    Prefix,
    /// The store does not want it.
    Store,
}

impl fmt::Display for SetCookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetCookieError::Malformed => "no cookie",
            SetCookieError::TooBig => "a cookie of more than 4096 bytes",
            SetCookieError::PublicSuffix => "a cookie for a public suffix",
            SetCookieError::Domain => "a cookie for another domain",
            SetCookieError::Secure => "a secure cookie over an insecure connection",
            SetCookieError::Shadow => "an insecure cookie in front of a secure one",
            SetCookieError::Prefix => "a cookie that breaks its prefix's promise",
            SetCookieError::Store => "the store refuses the cookie",
        })
    }
}

impl Error for SetCookieError {}
