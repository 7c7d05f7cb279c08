//! Cookies in memory.

use std::time::SystemTime;

use super::cookie::Cookie;
use super::matching::{Target, domain_match, path_match};
use super::store::{CookieStore, StoreError};

/// How many cookies a list holds; then the one that was used longest ago has to go.
const CAPACITY: usize = 3000;

/// Keeps the cookies of one connection in memory, over reconnections. Mirrors `gun_cookies_list`.
#[derive(Debug, Clone, Default)]
pub struct List(Vec<Cookie>);

impl List {
    /// An empty list.
    pub fn new() -> Self {
        List::default()
    }

    /// The cookies kept, expired ones too until they are dropped.
    pub fn cookies(&self) -> &[Cookie] {
        &self.0
    }
}

impl FromIterator<Cookie> for List {
    fn from_iter<T: IntoIterator<Item = Cookie>>(cookies: T) -> Self {
        List(cookies.into_iter().collect())
    }
}

impl CookieStore for List {
    fn query(&mut self, target: &Target, now: SystemTime) -> Vec<Cookie> {
        let wanted = |cookie: &&mut Cookie| {
            let host = match cookie.host_only {
                true => target.host == cookie.domain,
                false => domain_match(&target.host, &cookie.domain),
            };
            host && path_match(target.path.as_bytes(), &cookie.path)
                && (target.secure || !cookie.secure_only)
                && !cookie.expired(now)
        };
        let found = self.0.iter_mut().filter(wanted);
        found
            .map(|cookie| {
                cookie.last_access_time = now;
                cookie.clone()
            })
            .collect()
    }

    fn set_cookie_secure_match(&self, new: &Cookie) -> bool {
        self.0.iter().any(|old| {
            old.secure_only
                && old.name == new.name
                && (domain_match(&old.domain, &new.domain)
                    || domain_match(&new.domain, &old.domain))
                && path_match(&new.path, &old.path)
        })
    }

    fn set_cookie_take_exact_match(&mut self, new: &Cookie) -> Option<Cookie> {
        let same = |old: &Cookie| {
            old.name == new.name
                && old.domain == new.domain
                && old.host_only == new.host_only
                && old.path == new.path
        };
        let index = self.0.iter().position(same)?;
        Some(self.0.remove(index))
    }

    fn store(&mut self, cookie: Cookie, now: SystemTime) -> Result<(), StoreError> {
        if cookie.expired(now) {
            return Ok(());
        }
        if self.0.len() >= CAPACITY {
            self.gc(now);
        }
        if self.0.len() >= CAPACITY {
            let used = self.0.iter().enumerate();
            if let Some((oldest, _)) = used.min_by_key(|(_, cookie)| cookie.last_access_time) {
                self.0.remove(oldest);
            }
        }
        self.0.push(cookie);
        Ok(())
    }

    fn gc(&mut self, now: SystemTime) {
        self.0.retain(|cookie| !cookie.expired(now));
    }

    fn session_gc(&mut self) {
        self.0.retain(|cookie| cookie.expiry_time.is_some());
    }
}
