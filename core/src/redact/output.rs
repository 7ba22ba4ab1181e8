//! What takes the place of a secret.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::config::Action;

/// What stands where a secret stood.
pub const MARKER: &str = "[redacted]";

/// Secrets of this many characters show their last four under [`Action::Mask`].
const SHOWS_LAST: usize = 16;

/// Appends what takes the place of `secret`. Its length cannot be read from the result.
pub(super) fn replace(action: Action, secret: &[u8], key: Option<&[u8; 16]>, out: &mut String) {
    match action {
        Action::Redact => out.push_str(MARKER),
        Action::Mask => {
            out.push_str("****");
            let text = String::from_utf8_lossy(secret);
            let count = text.chars().count();
            if count >= SHOWS_LAST {
                out.extend(text.chars().skip(count - 4));
            }
        }
        Action::Hash => match key {
            Some(key) => {
                out.push_str("[hash:");
                push_hex(token(key, secret), out);
                out.push(']');
            }
            None => out.push_str(MARKER),
        },
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

    fn replaced(action: Action, secret: &str, key: Option<&[u8; 16]>) -> String {
        let mut out = String::from("<");
        replace(action, secret.as_bytes(), key, &mut out);
        out
    }

    #[test]
    fn marks_do_not_show_lengths() {
        assert_eq!(replaced(Action::Redact, "abc", None), "<[redacted]");
        assert_eq!(replaced(Action::Mask, "abcdefgh", None), "<****");
        assert_eq!(
            replaced(Action::Mask, "4111111111111234", None),
            "<****1234"
        );
        assert_eq!(
            replaced(Action::Mask, "ääääääääääääääää", None),
            "<****ääää"
        );
    }

    #[test]
    fn hashes_are_keyed_or_not_made() {
        let (a, b) = ([1; 16], [2; 16]);
        assert_eq!(replaced(Action::Hash, "abc", None), "<[redacted]");
        assert_eq!(
            replaced(Action::Hash, "abc", Some(&a)),
            replaced(Action::Hash, "abc", Some(&a))
        );
        assert_ne!(
            replaced(Action::Hash, "abc", Some(&a)),
            replaced(Action::Hash, "abc", Some(&b))
        );
        assert_ne!(
            replaced(Action::Hash, "abc", Some(&a)),
            replaced(Action::Hash, "abd", Some(&a))
        );
        assert_eq!(
            replaced(Action::Hash, "abc", Some(&a)).len(),
            "<[hash:]".len() + 16
        );
    }
}
