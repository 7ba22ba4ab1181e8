//! Addresses as OpenTelemetry's exporters understand them.

use std::fmt;

use crate::sink::http::show_url;

/// Where log records go.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and port.
    pub(super) url: String,
    /// Path and query.
    pub(super) path: String,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    shown: String,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an address such as http://localhost:4318/v1/logs",
            self.shown
        )
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// Reads an address, which is used as it is: nothing is added to its path.
    ///
    /// # Errors
    ///
    /// It does not begin with `http://` or `https://`, or has no host.
    pub fn parse(address: &str) -> Result<Self, EndpointError> {
        let address = address.trim();
        let error = || EndpointError {
            shown: show_url(address),
        };
        let (scheme, rest) = address.split_once("://").ok_or_else(error)?;
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit('@').next().unwrap_or_default();
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !matches!(scheme.as_str(), "http" | "https")
            || host.is_empty()
            || host.starts_with(':')
            || !is_plain(rest)
        {
            return Err(error());
        }
        Ok(Self {
            url: format!("{scheme}://{authority}"),
            path: match path.as_bytes().first() {
                Some(b'/') => path.to_owned(),
                _ => format!("/{path}"),
            },
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_url(&format!("{}{}", self.url, self.path)))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(address: &str) -> Option<(String, String)> {
        let endpoint = Endpoint::parse(address).ok()?;
        Some((endpoint.url, endpoint.path))
    }

    #[test]
    fn addresses_are_taken_as_they_are() {
        for (address, url, path) in [
            (
                "http://localhost:4318/v1/logs",
                "http://localhost:4318",
                "/v1/logs",
            ),
            ("HTTPS://otel.example", "https://otel.example", "/"),
            (
                " https://[::1]:4318/x/?a=b ",
                "https://[::1]:4318",
                "/x/?a=b",
            ),
            (
                "https://user:key@host?a=b#c",
                "https://user:key@host",
                "/?a=b",
            ),
        ] {
            assert_eq!(
                parts(address),
                Some((url.to_owned(), path.to_owned())),
                "{address}"
            );
        }
        for address in [
            "",
            "localhost:4318",
            "grpc://host",
            "http://",
            "http:///v1/logs",
            "http://:4318",
            "http://a b",
            "http://ho\nst",
        ] {
            assert_eq!(parts(address), None, "{address}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let endpoint = Endpoint::parse("https://user:secret@host/v1/logs?key=secret").unwrap();
        let shown = format!("{endpoint} {endpoint:?}");
        assert!(!shown.contains("secret"), "{shown}");
        let error = Endpoint::parse("ftp://user:secret@host/").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
