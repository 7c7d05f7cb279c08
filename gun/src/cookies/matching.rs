//! Which requests a cookie belongs to.

use std::net::IpAddr;

/// What of a request decides about cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether it goes over TLS.
    pub secure: bool,
    /// The host, lowercase, without port and brackets.
    pub host: String,
    /// The path, without the query.
    pub path: String,
}

impl Target {
    /// The target of a request with this scheme, authority, and path with query.
    pub fn new(scheme: &str, authority: &str, path: &str) -> Self {
        let secure = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss");
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
            None => host.split_once(':').map_or(host, |(name, _)| name),
        };
        let end = path.find(['?', '#']).unwrap_or(path.len());
        Target {
            secure,
            host: host.to_ascii_lowercase(),
            path: match &path[..end] {
                "" => "/".into(),
                path => path.into(),
            },
        }
    }

    /// The path that a cookie gets if it names none: all but what follows the last slash.
    pub(super) fn default_path(&self) -> &str {
        match self.path.rfind('/') {
            Some(last) if last > 0 && self.path.starts_with('/') => &self.path[..last],
            _ => "/",
        }
    }
}

/// Whether a host belongs to a domain, both lowercase: it is the domain, or a name below it. Mirrors
/// `gun_cookies:domain_match/2`.
///
/// ```
/// use gun::cookies::domain_match;
///
/// assert!(domain_match("www.example.org", "example.org"));
/// assert!(!domain_match("example.org", "www.example.org"));
/// ```
pub fn domain_match(host: &str, domain: &str) -> bool {
    if host == domain {
        return true;
    }
    let below = host
        .strip_suffix(domain)
        .is_some_and(|name| name.ends_with('.'));
    below && !domain.is_empty() && host.parse::<IpAddr>().is_err()
}

/// Whether a request's path is a cookie's path, or lies below it. Mirrors `gun_cookies:path_match/2`.
///
/// ```
/// use gun::cookies::path_match;
///
/// assert!(path_match(b"/a/b", b"/a"));
/// assert!(!path_match(b"/ab", b"/a"));
/// ```
pub fn path_match(path: &[u8], cookie_path: &[u8]) -> bool {
    match path.strip_prefix(cookie_path) {
        Some(rest) => rest.is_empty() || cookie_path.ends_with(b"/") || rest[0] == b'/',
        None => false,
    }
}
