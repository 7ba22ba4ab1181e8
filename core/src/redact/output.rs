//! What takes the place of a secret.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::config::Action;

/// What stands where a secret stood.
pub const MARKER: &str = "[redacted]";

/// The rule that is named where strict mode hides a text.
pub const STRICT: &str = "strict mode";

/// Secrets of this many characters show their last four under [`Action::Mask`].
const SHOWS_LAST: usize = 16;

/// The keys for what is not a plain marker.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys<'k> {
    /// Of equality tokens; markers carry them then.
    pub(super) equality: Option<&'k [u8; 16]>,
    /// For [`Action::Hash`] without equality tokens.
    pub(super) hash: Option<&'k [u8; 16]>,
}

/// Appends what takes the place of `secret`. Its length cannot be read from the result.
pub(super) fn replace(action: Action, secret: &[u8], keys: Keys<'_>, out: &mut String) {
    let key = match action {
        Action::Mask => {
            mask(secret, out);
            return;
        }
        Action::Redact => keys.equality,
        Action::Hash => keys.equality.or(keys.hash),
    };
    match key {
        Some(key) => {
            out.push_str("[redacted #");
            push_hex(token(key, secret), out);
            out.push(']');
        }
        None => out.push_str(MARKER),
    }
}

fn mask(secret: &[u8], out: &mut String) {
    out.push_str("****");
    let text = String::from_utf8_lossy(secret);
    let count = text.chars().count();
    if count >= SHOWS_LAST {
        out.extend(text.chars().skip(count - 4));
    }
}

/// A keyed hash of `secret`.
pub(super) fn token(key: &[u8; 16], secret: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(secret);
    hasher.finish()
}

fn push_hex(value: u64, out: &mut String) {
    for shift in (0..16).rev() {
        let digit = (value >> (4 * shift) & 15) as u32;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(action: Action, secret: &str, keys: Keys<'_>) -> String {
        let mut out = String::from("<");
        replace(action, secret.as_bytes(), keys, &mut out);
        out
    }

    #[test]
    fn marks_do_not_show_lengths() {
        let none = Keys::default();
        assert_eq!(replaced(Action::Redact, "abc", none), "<[redacted]");
        assert_eq!(replaced(Action::Mask, "abcdefgh", none), "<****");
        assert_eq!(
            replaced(Action::Mask, "4111111111111234", none),
            "<****1234"
        );
        assert_eq!(
            replaced(Action::Mask, "ääääääääääääääää", none),
            "<****ääää"
        );
    }

    #[test]
    fn hashes_are_keyed_or_not_made() {
        let hash = |key, secret| {
            replaced(
                Action::Hash,
                secret,
                Keys {
                    equality: None,
                    hash: Some(key),
                },
            )
        };
        let (a, b) = ([1; 16], [2; 16]);
        assert_eq!(
            replaced(Action::Hash, "abc", Keys::default()),
            "<[redacted]"
        );
        assert_eq!(hash(&a, "abc"), hash(&a, "abc"));
        assert_ne!(hash(&a, "abc"), hash(&b, "abc"));
        assert_ne!(hash(&a, "abc"), hash(&a, "abd"));
        assert_eq!(hash(&a, "abc").len(), "<[redacted #]".len() + 16);
    }

    #[test]
    fn equality_tokens_are_the_same_for_every_action_that_hides_all() {
        let key = [3; 16];
        let keys = Keys {
            equality: Some(&key),
            hash: Some(&[4; 16]),
        };
        assert_eq!(
            replaced(Action::Redact, "abc", keys),
            replaced(Action::Hash, "abc", keys)
        );
        assert_eq!(replaced(Action::Mask, "abc", keys), "<****");
    }
}
