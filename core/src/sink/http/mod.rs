//! Requests to destinations beyond this machine, without any knowledge of what they carry.

#[cfg(feature = "http")]
mod client;
#[cfg(feature = "http")]
mod connect;
#[cfg(feature = "http")]
mod failure;
#[cfg(feature = "http")]
mod proxy;
#[cfg(feature = "http")]
mod roots;
#[cfg(feature = "http")]
pub(crate) mod userinfo;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

#[cfg(feature = "http")]
pub use client::Client;

/// Sends requests. [`Protocol`](super::wire::Protocol) is given one, so that it can be tested without a network.
pub trait Http {
    /// Sends `request` and waits for the answer, whatever its status.
    ///
    /// # Errors
    ///
    /// There is no answer: [`HttpError`].
    fn send(&self, request: &Request) -> Result<Answer, HttpError>;
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
}

/// One request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// `http://`, `https://`, or `unix://PATH` with [`Request::path`].
    pub url: String,
    /// Path and query, behind [`Request::url`].
    pub path: String,
    /// Names in lower case and values. May hold keys, so they are never shown.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Empty for [`Method::Get`].
    pub body: Vec<u8>,
    /// For the whole exchange.
    pub timeout: Duration,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status, 100 to 599.
    pub status: u16,
    /// `Retry-After`, if it was a number of seconds or a date ahead.
    pub retry_after: Option<Duration>,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, at most 64 KiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the header `name`, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(known, value)| (known == name).then_some(value.trim()))
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// What failed.
    pub kind: HttpErrorKind,
    /// One clause for people, without credentials.
    pub why: String,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// The address, a header or a certificate file is not valid: it will fail again.
    Setup,
    /// No connection: refused, no such host, no such socket.
    Connect,
    /// TLS: an unknown authority, a wrong name, an old certificate.
    Tls,
    /// The proxy refused.
    Proxy,
    /// No answer within [`Request::timeout`].
    Timeout,
    /// The connection ended before there was an answer: one that was kept open, often because it was idle for too long.
    Closed,
    /// The answer is not HTTP, or something else that cannot be understood.
    Broken,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for HttpError {}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &show_url(&self.url))
            .field("path", &self.path)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An address as it may be shown: what stands before an `@` in its authority, and everything behind a `?`, is left out.
#[must_use]
pub fn show_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => ("...@", host),
        None => ("", authority),
    };
    let separator = if scheme.is_empty() { "" } else { "://" };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}{separator}{user}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        for (url, shown) in [
            (
                "https://key@o1.ingest.example/42",
                "https://...@o1.ingest.example/42",
            ),
            ("http://user:p@ss@proxy:3128", "http://...@proxy:3128"),
            ("https://host/path?api_key=1#x", "https://host/path"),
            ("https://host?x=a@b", "https://host"),
            ("user:pass@host/a@b", "...@host/a@b"),
            ("unix:///run/agent.sock", "unix:///run/agent.sock"),
        ] {
            assert_eq!(show_url(url), shown);
        }
    }
}
