//! Addresses and headers as OpenTelemetry's exporters understand them.

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
        write!(f, "{:?} is not an address such as {}", self.shown, super::DEFAULT_ENDPOINT)
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

/// The address for log records below an address for all signals, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it.
#[must_use]
pub fn of_base(base: &str) -> String {
    let base = base.trim();
    let (place, query) = base.split_at(base.find(['?', '#']).unwrap_or(base.len()));
    format!("{}/v1/logs{query}", place.trim_end_matches('/'))
}

/// Headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value,name=value`, values percent-encoded. What is not one is left out; the second
/// number says how many.
#[must_use]
pub fn parse_headers(text: &str) -> (Vec<(String, String)>, usize) {
    let (mut headers, mut wrong) = (Vec::new(), 0);
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        match header(pair) {
            Some(header) => headers.push(header),
            None => wrong += 1,
        }
    }
    (headers, wrong)
}

fn header(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let value = decoded(value.trim())?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_value = |c: char| c == '\t' || !c.is_control();
    (!name.is_empty() && name.bytes().all(is_token) && value.chars().all(is_value))
        .then_some((name, value))
}

/// Text without its percent-encoding. A percent sign that begins none stands for itself.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let code = match (first, behind) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low))
            }
            _ => None,
        };
        match code {
            Some((high, low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
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
            ("http://localhost:4318/v1/logs", "http://localhost:4318", "/v1/logs"),
            ("HTTPS://otel.example", "https://otel.example", "/"),
            (" https://[::1]:4318/x/?a=b ", "https://[::1]:4318", "/x/?a=b"),
            ("https://user:key@host?a=b#c", "https://user:key@host", "/?a=b"),
        ] {
            assert_eq!(parts(address), Some((url.to_owned(), path.to_owned())), "{address}");
        }
        for address in ["", "localhost:4318", "grpc://host", "http://", "http:///v1/logs", "http://:4318", "http://a b", "http://ho\nst"] {
            assert_eq!(parts(address), None, "{address}");
        }
    }

    #[test]
    fn the_address_of_all_signals_has_one_for_logs() {
        for (base, address) in [
            ("http://localhost:4318", "http://localhost:4318/v1/logs"),
            ("https://host/otlp/", "https://host/otlp/v1/logs"),
            ("https://host/otlp?key=1", "https://host/otlp/v1/logs?key=1"),
        ] {
            assert_eq!(of_base(base), address);
        }
    }

    #[test]
    fn headers_are_read_as_the_exporters_do() {
        let pairs = |text: &str| {
            let (headers, wrong) = parse_headers(text);
            let shown: Vec<_> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            (shown.join("; "), wrong)
        };
        assert_eq!(pairs("api-key=abc, X-Team =a%20b=c ,"), ("api-key: abc; x-team: a b=c".into(), 0));
        assert_eq!(pairs("a=100%,b=%zz,c=%2"), ("a: 100%; b: %zz; c: %2".into(), 0));
        assert_eq!(pairs("a=%0d%0aevil: 1,=x,b,c d=1,e=%ff,f="), ("f: ".into(), 5));
        assert_eq!(pairs(""), (String::new(), 0));
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
