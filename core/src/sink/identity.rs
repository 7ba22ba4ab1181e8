//! Who a destination is, so that what waits for it is delivered to nobody else.
//!
//! Services may share a store and have an address or a key each. Whoever delivers sends all of an outbox to its own address, so those that
//! differ have an outbox each.

use std::fmt;

/// Digits of an identity.
const DIGITS: usize = 16;

/// Tells destinations of one wire apart: 16 hex digits that are the same in every process and version.
///
/// They are the beginning of a SHA-256, which may cover keys. A key cannot be computed from them; whoever guesses all that is hashed could
/// check the guess, but keys are random, and the folder that is named so is for its owner only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(String);

impl Identity {
    /// That of a destination which `parts` describe, in their order.
    #[cfg(feature = "http")]
    pub(crate) fn of<'p>(parts: impl IntoIterator<Item = &'p str>) -> Self {
        use std::fmt::Write as _;

        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for part in ["stillframe.outbox.1"].into_iter().chain(parts) {
            // With the length before it, no two lists of parts are the same bytes.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let digest = context.finish();
        let bytes = digest.as_ref().iter().take(DIGITS / 2);
        Self(bytes.fold(String::new(), |mut digits, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        }))
    }

    /// Name of the outbox of the wire `name`: `<name>`, or `<name>-<identity>`.
    #[must_use]
    pub fn folder(name: &str, identity: Option<&Self>) -> String {
        match identity {
            Some(Self(digits)) => format!("{name}-{digits}"),
            None => name.to_owned(),
        }
    }

    /// The wire and the identity that the name of an outbox tells.
    #[must_use]
    pub fn of_folder(folder: &str) -> (&str, Option<Self>) {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match folder.rsplit_once('-') {
            Some((name, digits)) if digits.len() == DIGITS && digits.bytes().all(is_digit) => {
                (name, Some(Self(digits.to_owned())))
            }
            _ => (folder, None),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Scheme, host and port of an address without a path, the same for all ways to write them; without user and password.
#[cfg(feature = "http")]
pub(crate) fn place(url: &str) -> String {
    let (_, url) = super::http::userinfo::split(url);
    let url = url.to_ascii_lowercase();
    let (scheme, host) = url.split_once("://").unwrap_or(("", &url));
    let port = host.rsplit_once(':').map(|(_, port)| port);
    // An address of IPv6 has colons too, and ends with a bracket.
    let has_port = port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = match scheme {
        _ if has_port => "",
        "https" => ":443",
        _ => ":80",
    };
    format!("{scheme}://{host}{port}")
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use super::*;

    #[test]
    fn it_is_stable_and_tells_lists_apart() {
        let of = |parts: &[&str]| Identity::of(parts.iter().copied()).to_string();
        // As `sha256sum` has it: what waits must be found by the next version.
        assert_eq!(of(&["https://host:443", "/x"]), "d76378e559bacfc3");
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
    }

    #[test]
    fn a_folder_is_named_after_it() {
        let identity = Identity::of(["x"]);
        let folder = Identity::folder("sentry", Some(&identity));
        assert_eq!(Identity::of_folder(&folder), ("sentry", Some(identity)));
        assert_eq!(Identity::folder("datadog", None), "datadog");
        for plain in [
            "datadog",
            "a-b",
            "sentry-0123456789ABCDEF",
            "sentry-0123456789abcdef0",
        ] {
            assert_eq!(Identity::of_folder(plain), (plain, None));
        }
    }

    #[test]
    fn a_place_is_the_same_however_it_is_written() {
        for (url, expected) in [
            ("HTTPS://Host", "https://host:443"),
            ("https://user:key@host:443", "https://host:443"),
            ("http://host", "http://host:80"),
            ("http://[::1]", "http://[::1]:80"),
            ("http://[::1]:4318", "http://[::1]:4318"),
        ] {
            assert_eq!(place(url), expected);
        }
    }
}
