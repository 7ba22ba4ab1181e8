//! The address of a project: `https://KEY@HOST/PATH/PROJECT`.

use std::fmt;

use crate::config::Secret;

/// A project's address.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    /// Scheme, host and port.
    pub(super) url: String,
    /// Where envelopes go.
    pub(super) path: String,
    /// The public key.
    pub(super) key: Secret,
}

/// Why a text is no project's address. Says nothing of the text, which may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsnError {
    /// There is none.
    Missing,
    /// It does not begin with `http://` or `https://`.
    Scheme,
    /// Nothing stands before the `@`.
    Key,
    /// No host.
    Host,
    /// Its last part is not the number of a project.
    Project,
}

impl fmt::Display for DsnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "not set; Sentry shows it in a project's settings, at Client Keys",
            Self::Scheme => "it does not begin with https:// or http://",
            Self::Key => "it has no key before an @",
            Self::Host => "it has no host",
            Self::Project => "it does not end with the number of a project",
        })
    }
}

impl std::error::Error for DsnError {}

impl Dsn {
    /// Reads a project's address. A secret behind the key, as old ones have it, is not used.
    ///
    /// # Errors
    ///
    /// A part that is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, DsnError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(DsnError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(DsnError::Scheme);
        }
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_once('/').ok_or(DsnError::Project)?;
        let (user, host) = authority.rsplit_once('@').ok_or(DsnError::Key)?;
        let key = user.split(':').next().unwrap_or_default();
        let is_graphic = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(DsnError::Key);
        }
        if host.is_empty() || host.starts_with(':') || !is_graphic(host) {
            return Err(DsnError::Host);
        }
        let path = path.trim_end_matches('/');
        let (before, project) = path.rsplit_once('/').unwrap_or(("", path));
        if project.is_empty()
            || !project.bytes().all(|byte| byte.is_ascii_digit())
            || !is_graphic(before)
        {
            return Err(DsnError::Project);
        }
        let slash = if before.is_empty() { "" } else { "/" };
        Ok(Self {
            url: format!("{scheme}://{host}"),
            path: format!("/{before}{slash}api/{project}/envelope/"),
            key: Secret::new(key),
        })
    }
}

impl fmt::Display for Dsn {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.url, self.path)
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_place_for_envelopes() {
        for (text, shown) in [
            (
                "https://0123abcd@o1.ingest.example/42",
                "https://o1.ingest.example/api/42/envelope/",
            ),
            (
                "HTTP://key:secret@localhost:9000/1",
                "http://localhost:9000/api/1/envelope/",
            ),
            (
                " https://key@host/sentry/behind/7/ ",
                "https://host/sentry/behind/api/7/envelope/",
            ),
            (
                "https://key@[::1]:8000/1?x=1#y",
                "https://[::1]:8000/api/1/envelope/",
            ),
        ] {
            let dsn = Dsn::parse(text).unwrap();
            assert_eq!(format!("{dsn} {dsn:?}"), format!("{shown} {shown}"));
        }
        assert_eq!(
            Dsn::parse("https://key:secret@host/1")
                .unwrap()
                .key
                .reveal(),
            "key"
        );
    }

    #[test]
    fn what_is_none_is_told_without_showing_it() {
        for (text, error) in [
            ("", DsnError::Scheme),
            ("key@host/1", DsnError::Scheme),
            ("ftp://key@host/1", DsnError::Scheme),
            ("https://host/1", DsnError::Key),
            ("https://@host/1", DsnError::Key),
            ("https://k\r\ney@host/1", DsnError::Key),
            ("https://key@/1", DsnError::Host),
            ("https://key@ho st/1", DsnError::Host),
            ("https://key@host", DsnError::Project),
            ("https://key@host/", DsnError::Project),
            ("https://key@host/shop", DsnError::Project),
        ] {
            assert_eq!(Dsn::parse(text).unwrap_err(), error, "{text:?}");
            assert!(!error.to_string().contains("key@"));
        }
    }
}
