//! Headers as callers give them.

use std::fmt::Debug;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

/// What can be given for a request's headers: nothing (`()`), a [`HeaderMap`], or pairs in an array, a slice or a
/// `Vec`: of strings, bytes, or what they can become, a [`HeaderName`] and a [`HeaderValue`]. Map, array and `Vec` may be
/// borrowed.
///
/// ```
/// use gun::IntoHeaders;
/// use gun::http::header::{ACCEPT, HeaderValue};
///
/// let mut headers = vec![("accept".to_owned(), "text/html".to_owned())];
/// headers.push(("x-page".to_owned(), format!("{}", 7)));
/// assert_eq!(headers.into_headers()["x-page"], "7");
/// let typed = [(ACCEPT, HeaderValue::from_static("text/html"))];
/// assert_eq!(typed.into_headers(), [("accept", "text/html")].into_headers());
/// ```
///
/// # Panics
///
/// A pair of strings that is no header (a name with a space, a value with a line break) panics in the
/// caller, and names it: Gun's `invalid_request_header`. A `HeaderMap` holds none.
pub trait IntoHeaders {
    /// The headers.
    fn into_headers(self) -> HeaderMap;
}

impl IntoHeaders for () {
    fn into_headers(self) -> HeaderMap {
        HeaderMap::new()
    }
}

impl IntoHeaders for HeaderMap {
    fn into_headers(self) -> HeaderMap {
        self
    }
}

impl IntoHeaders for &HeaderMap {
    fn into_headers(self) -> HeaderMap {
        self.clone()
    }
}

impl<N, V> IntoHeaders for &[(N, V)]
where
    N: TryInto<HeaderName> + Clone + Debug,
    V: TryInto<HeaderValue> + Clone + Debug,
{
    #[track_caller]
    fn into_headers(self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.len());
        for (name, value) in self {
            match (name.clone().try_into(), value.clone().try_into()) {
                (Ok(name), Ok(value)) => headers.append(name, value),
                _ => panic!("invalid request header {name:?}: {value:?}"),
            };
        }
        headers
    }
}

/// As a slice of it.
macro_rules! as_slice {
    ($(($($n:tt)*) $type:ty;)*) => {$(
        impl<N, V, $($n)*> IntoHeaders for $type
        where
            N: TryInto<HeaderName> + Clone + Debug,
            V: TryInto<HeaderValue> + Clone + Debug,
        {
            #[track_caller]
            fn into_headers(self) -> HeaderMap {
                (&self[..]).into_headers()
            }
        }
    )*};
}

as_slice! {
    (const K: usize) [(N, V); K];
    (const K: usize) &[(N, V); K];
    () Vec<(N, V)>;
    () &Vec<(N, V)>;
}

/// The members of a list, over all headers of that name. A quoted value with a comma is taken apart.
pub(crate) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// Whether a list has this member, in whatever case.
pub(crate) fn says(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let is_it = |member: &[u8]| member.trim_ascii().eq_ignore_ascii_case(token.as_bytes());
    let has_it = |value: &str| value.as_bytes().split(|byte| *byte == b',').any(is_it);
    let mut values = headers.get_all(name).iter();
    values.any(|value| value.to_str().is_ok_and(has_it))
}

/// How many bytes a body is said to have.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
