//! What keeps cookies.

use std::fmt::Debug;
use std::time::SystemTime;

use super::cookie::Cookie;
use super::matching::Target;

/// Keeps a connection's cookies. The rules are not its business: it finds, and it stores. Mirrors the
/// behaviour `gun_cookies`.
pub trait CookieStore: Debug + Send {
    /// The cookies for a request, in any order, and notes that they were sent: those that
    /// [match](super::domain_match) its host (exactly, if they are `host_only`) and its
    /// [path](super::path_match), and are not expired; those that are `secure_only` over TLS only.
    fn query(&mut self, target: &Target, now: SystemTime) -> Vec<Cookie>;

    /// Whether there is a `secure_only` cookie with this one's name, of a domain that matches its domain
    /// or is matched by it, and with a path that its path matches.
    fn set_cookie_secure_match(&self, cookie: &Cookie) -> bool;

    /// Takes out the cookie that this one replaces: of the same name, domain, path and `host_only`.
    fn set_cookie_take_exact_match(&mut self, cookie: &Cookie) -> Option<Cookie>;

    /// Keeps a cookie, unless it has expired.
    ///
    /// # Errors
    ///
    /// It does not want to.
    fn store(&mut self, cookie: Cookie, now: SystemTime) -> Result<(), StoreError>;

    /// Drops what has expired.
    fn gc(&mut self, now: SystemTime);

    /// Drops what ends with the session.
    fn session_gc(&mut self);
}

/// A store does not want a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreError;
