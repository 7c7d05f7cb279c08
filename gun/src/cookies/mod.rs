//! Cookies, after RFC 6265bis: without the rules for SameSite, which have no meaning outside of a
//! browser, and without access by anything but HTTP. Mirrors `gun_cookies`.
//!
//! The connection calls [`set`] with every response and [`header`] for every request; a [`CookieStore`]
//! keeps what is between the two, and [`List`] is one in memory. Invariants: no clock is read here, the
//! time comes with each call; a cookie that breaks a rule is not kept, and what it would have replaced
//! stays.
//!
//! ```
//! use gun::cookies::{self, List, Target};
//! use std::time::SystemTime;
//!
//! let mut list = List::new();
//! let now = SystemTime::now();
//! let login = Target::new("https", "www.example.org", "/login");
//! cookies::set_cookie(&mut list, &login, b"sid=42; Domain=example.org; Path=/; Secure", now)?;
//!
//! let shop = Target::new("https", "shop.example.org", "/");
//! assert_eq!(cookies::header(&mut list, &shop, now).unwrap(), "sid=42");
//! let insecure = Target::new("http", "shop.example.org", "/");
//! assert_eq!(cookies::header(&mut list, &insecure, now), None);
//! # Ok::<(), cookies::SetCookieError>(())
//! ```

mod attributes;
mod cookie;
mod date;
mod engine;
mod list;
mod matching;
mod store;
#[cfg(test)]
mod tests;

pub use cookie::{Cookie, SameSite, SetCookieError};
pub use engine::{header, set, set_cookie};
pub use list::List;
pub use matching::{Target, domain_match, path_match};
pub use store::{CookieStore, StoreError};
