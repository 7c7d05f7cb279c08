//! The rules for setting and sending.

use std::cmp::Reverse;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use super::attributes::SetCookie;
use super::cookie::{Cookie, SetCookieError};
use super::matching::{Target, domain_match};
use super::store::CookieStore;

/// Keeps the cookies of a response; those that break a rule are overlooked.
///
/// ```
/// use gun::cookies::{self, List, Target};
/// use gun::http::HeaderMap;
/// use std::time::SystemTime;
///
/// let mut list = List::new();
/// let target = Target::new("https", "example.org", "/");
/// let mut headers = HeaderMap::new();
/// headers.append("set-cookie", "sid=42".parse().unwrap());
/// headers.append("set-cookie", "of=another; Domain=example.com".parse().unwrap());
/// cookies::set(&mut list, &target, &headers, SystemTime::now());
/// assert_eq!(list.cookies().len(), 1);
/// ```
pub fn set(store: &mut dyn CookieStore, target: &Target, headers: &HeaderMap, now: SystemTime) {
    for header in headers.get_all(SET_COOKIE) {
        if let Err(error) = set_cookie(store, target, header.as_bytes(), now) {
            tracing::debug!(target: "gun::cookies", host = target.host, %error, "cookie refused");
        }
    }
}

/// Keeps the cookie of one `set-cookie` header. One that has expired takes the one it replaces away.
/// Mirrors `gun_cookies:set_cookie/5`.
///
/// ```
/// use gun::cookies::{self, List, SetCookieError, Target};
/// use std::time::SystemTime;
///
/// let mut list = List::new();
/// let target = Target::new("http", "example.org", "/");
/// let refused = cookies::set_cookie(&mut list, &target, b"sid=42; Secure", SystemTime::now());
/// assert_eq!(refused, Err(SetCookieError::Secure));
/// ```
///
/// # Errors
///
/// It breaks a rule.
pub fn set_cookie(
    store: &mut dyn CookieStore,
    target: &Target,
    header: &[u8],
    now: SystemTime,
) -> Result<(), SetCookieError> {
    let parsed = SetCookie::parse(header, now)?;
    let (domain, host_only) = domain(&parsed, target)?;
    if parsed.secure && !target.secure {
        return Err(SetCookieError::Secure);
    }
    let path = parsed.path.unwrap_or(target.default_path().as_bytes());
    check_prefix(&parsed, host_only, path)?;
    let mut cookie = Cookie {
        name: Bytes::copy_from_slice(parsed.name),
        value: Bytes::copy_from_slice(parsed.value),
        domain,
        path: Bytes::copy_from_slice(path),
        creation_time: now,
        last_access_time: now,
        expiry_time: parsed.expiry(now),
        host_only,
        secure_only: parsed.secure,
        http_only: parsed.http_only,
        same_site: parsed.same_site,
    };
    if !target.secure && store.set_cookie_secure_match(&cookie) {
        return Err(SetCookieError::Shadow);
    }
    if let Some(old) = store.set_cookie_take_exact_match(&cookie) {
        cookie.creation_time = old.creation_time;
    }
    store.store(cookie, now).map_err(|_| SetCookieError::Store)
}

/// The domain a cookie is for, and whether it is for that host alone.
fn domain(cookie: &SetCookie<'_>, target: &Target) -> Result<(String, bool), SetCookieError> {
    if cookie.domain.is_empty() {
        return Ok((target.host.clone(), true));
    }
    let domain = std::str::from_utf8(&cookie.domain).map_err(|_| SetCookieError::Domain)?;
    let public = psl::suffix_str(domain).is_some_and(|suffix| suffix == domain);
    match (public, domain == target.host) {
        (true, true) => Ok((target.host.clone(), true)),
        (true, false) => Err(SetCookieError::PublicSuffix),
        (false, _) if domain_match(&target.host, domain) => Ok((domain.to_owned(), false)),
        (false, _) => Err(SetCookieError::Domain),
    }
}

/// `__Secure-` and `__Host-`, in any case. A cookie without a name must not look like one that has it.
fn check_prefix(
    cookie: &SetCookie<'_>,
    host_only: bool,
    path: &[u8],
) -> Result<(), SetCookieError> {
    let shown = match cookie.name {
        b"" => cookie.value,
        name => name,
    };
    let has = |prefix: &[u8]| {
        shown
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let kept = match (has(b"__Secure-"), has(b"__Host-")) {
        (false, false) => true,
        _ if cookie.name.is_empty() => false,
        (true, _) => cookie.secure,
        (_, true) => cookie.secure && host_only && cookie.path.is_some() && path == b"/",
    };
    match kept {
        true => Ok(()),
        false => Err(SetCookieError::Prefix),
    }
}

/// The `cookie` header of a request. None: there are no cookies for it. Paths come in descending order,
/// then those that were set earlier.
///
/// ```
/// use gun::cookies::{self, List, Target};
/// use std::time::SystemTime;
///
/// let mut list = List::new();
/// let now = SystemTime::now();
/// let target = Target::new("https", "example.org", "/shop/cart");
/// cookies::set_cookie(&mut list, &target, b"a=1; Path=/", now).unwrap();
/// cookies::set_cookie(&mut list, &target, b"b=2", now).unwrap();
/// assert_eq!(cookies::header(&mut list, &target, now).unwrap(), "b=2; a=1");
/// ```
pub fn header(
    store: &mut dyn CookieStore,
    target: &Target,
    now: SystemTime,
) -> Option<HeaderValue> {
    let mut cookies = store.query(target, now);
    cookies.sort_by(|a, b| {
        (Reverse(&a.path), a.creation_time).cmp(&(Reverse(&b.path), b.creation_time))
    });
    let mut line = Vec::new();
    for cookie in cookies {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        if !cookie.name.is_empty() {
            line.extend_from_slice(&cookie.name);
            line.push(b'=');
        }
        line.extend_from_slice(&cookie.value);
    }
    // A foreign store may hold what is no header.
    let mut value = HeaderValue::from_bytes(&line).ok()?;
    value.set_sensitive(true);
    (!line.is_empty()).then_some(value)
}
