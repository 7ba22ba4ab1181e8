//! Keys in what a destination says: they are taken out before anybody sees it.

use std::cmp::Reverse;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http::userinfo;
use crate::config::Secret;

/// Fewer characters hide nothing and would tear other words apart.
const SHORTEST: usize = 4;
/// What stands in their place.
const HIDDEN: &str = "...";

/// What must not be shown, in all forms in which it is sent or configured.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<Secret>);

impl Secrets {
    /// Adds a key.
    pub(crate) fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.chars().count() >= SHORTEST {
            self.0.push(Secret::new(text));
            // One that holds another goes first, so that nothing of it is left.
            self.0.sort_by_key(|known| Reverse(known.reveal().len()));
        }
    }

    /// Adds the value of a header: all of it, and what stands behind `Bearer` or another word.
    #[cfg(any(feature = "otlp", test))]
    pub(crate) fn add_header(&mut self, value: &str) {
        self.add(value);
        let Some((scheme, credentials)) = value.trim().split_once(' ') else {
            return;
        };
        self.add(credentials);
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(pair) = STANDARD.decode(credentials.trim())
        {
            let pair = String::from_utf8_lossy(&pair);
            let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
            for part in [&*pair, user, password] {
                self.add(part);
            }
        }
    }

    /// Adds user and password of an address, as written and as sent, and the values of its query.
    pub(crate) fn add_address(&mut self, url: &str) {
        if let (Some(pair), _) = userinfo::split(url) {
            let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
            for part in [pair, user, password] {
                self.add(part);
            }
            let (user, password) = userinfo::decoded(pair);
            let decoded = [&*user, b":", &*password].concat();
            for part in [&*user, &*password, &*decoded] {
                self.add(&String::from_utf8_lossy(part));
            }
            self.add(&STANDARD.encode(&decoded));
        }
        let (_, query) = url.split_once('?').unwrap_or_default();
        for pair in query.split('&') {
            self.add(pair.split_once('=').map_or(pair, |(_, value)| value));
        }
    }

    /// `text` without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.reveal(), HIDDEN)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_hidden_with_and_without_its_scheme() {
        let mut secrets = Secrets::default();
        secrets.add_header("Bearer 3f9c0d");
        // user:p@ss
        secrets.add_header("Basic dXNlcjpwQHNz");
        secrets.add_header("abc");
        assert_eq!(
            secrets.hide("no Bearer 3f9c0d, 3f9c0d, dXNlcjpwQHNz or p@ss; abc"),
            "no ..., ..., ... or ...; abc"
        );
        assert!(!format!("{secrets:?}").contains("3f9c"));
    }

    #[test]
    fn user_password_and_query_of_an_address_are_hidden_in_all_forms() {
        let mut secrets = Secrets::default();
        secrets.add_address("https://reader:p%40ss@host:4318/v1/logs?key=deadbeef&v=1");
        assert_eq!(
            secrets.hide("reader:p%40ss p%40ss p@ss cmVhZGVyOnBAc3M= /v1/logs?key=deadbeef&v=1"),
            "... ... ... ... /v1/logs?key=...&v=1"
        );
    }

    #[test]
    fn of_a_key_that_holds_another_nothing_is_left() {
        let mut secrets = Secrets::default();
        secrets.add("0123");
        secrets.add("0123456789");
        assert_eq!(secrets.hide("0123456789 0123"), "... ...");
    }
}
