//! From an explanation to its keys.
//!
//! SipHash-2-4 with 128 bits of output. What is hashed is a sequence of parts, each a tag byte, then the length of its text in bytes as a
//! little-endian `u32`, then the text; a part without text has the length 0. So no two different sequences give the same bytes.
//!
//! ```text
//! key     := 'v' "stillframe.fingerprint.1"  's' service  (override | chain)
//! override:= ('o' text)*
//! chain   := exception*                        used ones, causes before effects
//! exception := 'e' type ('m' message)? frame* ('g' 16 bytes)*
//! frame   := 'f' module  'n' function
//! 'g'     := the key of a member's chain, which is  'c' ""  chain
//! sub-key := the parts of the key, then  'l' line
//! ```
//!
//! The key of the hash function is the 16 bytes of `stillframe v1 ke` in ASCII.

use std::fmt::Write as _;
use std::hash::Hasher;

use siphasher::sip128::{Hash128, Hasher128, SipHasher24};

use super::explanation::{ExceptionPart, Explanation};

const KEY: &[u8; 16] = b"stillframe v1 ke";
const DOMAIN: &str = "stillframe.fingerprint.1";

impl Explanation<'_> {
    /// The key of the issue.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        self.keys().0
    }

    /// The key of the issue and the one of the raise site within it.
    #[must_use]
    pub fn keys(&self) -> ([u8; 16], [u8; 16]) {
        let mut parts = Parts::new();
        parts.add(b'v', DOMAIN.as_bytes());
        parts.add(b's', self.service.as_bytes());
        for part in &self.overrides {
            parts.add(b'o', part.text.as_bytes());
        }
        if self.overrides.is_empty() {
            parts.chain(&self.chain);
        }
        let key = parts.finish();
        let line = self.raising_line.as_ref().map_or("", |line| &line.text);
        parts.add(b'l', line.as_bytes());
        (key, parts.finish())
    }

    /// The key of the chain alone, in the same service: what `{{ default }}` stands for.
    pub(super) fn default_key(&self) -> [u8; 16] {
        let mut parts = Parts::new();
        parts.add(b'v', DOMAIN.as_bytes());
        parts.add(b's', self.service.as_bytes());
        parts.chain(&self.chain);
        parts.finish()
    }
}

/// The key of a group's member.
pub(super) fn member_key(chain: &[ExceptionPart<'_>]) -> [u8; 16] {
    let mut parts = Parts::new();
    parts.add(b'c', b"");
    parts.chain(chain);
    parts.finish()
}

/// 32 lower-case hex digits.
pub(super) fn hex(key: [u8; 16]) -> String {
    key.iter().fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

struct Parts(SipHasher24);

impl Parts {
    fn new() -> Self {
        Self(SipHasher24::new_with_key(KEY))
    }

    fn add(&mut self, tag: u8, text: &[u8]) {
        // Texts are far below 4 GiB; a longer one would only be told apart less well.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
        let [a, b, c, d] = length;
        self.0.write(&[tag, a, b, c, d]);
        self.0.write(text);
    }

    fn chain(&mut self, chain: &[ExceptionPart<'_>]) {
        for part in chain.iter().filter(|part| part.verdict.used) {
            self.add(b'e', part.type_name.as_bytes());
            if part.message.verdict.used {
                self.add(b'm', part.message.text.as_bytes());
            }
            for frame in part.frames.iter().filter(|frame| frame.verdict.used) {
                self.add(b'f', frame.module.as_bytes());
                self.add(b'n', frame.function.as_bytes());
            }
            let members = part.members.iter().filter(|member| member.verdict.used);
            let mut keys: Vec<_> = members.map(|member| member_key(&member.chain)).collect();
            keys.sort_unstable();
            keys.iter().for_each(|key| self.add(b'g', key));
        }
    }

    fn finish(&self) -> [u8; 16] {
        let Hash128 { h1, h2 } = self.0.finish128();
        let mut key = [0; 16];
        key[..8].copy_from_slice(&h1.to_le_bytes());
        key[8..].copy_from_slice(&h2.to_le_bytes());
        key
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Parts, hex};

    /// The function is SipHash-2-4-128 in the byte order of its reference implementation, so that others can compute it.
    #[test]
    fn is_the_reference_siphash() {
        use siphasher::sip128::{Hasher128, SipHasher24};
        use std::hash::Hasher;
        let key: [u8; 16] = std::array::from_fn(|index| index as u8);
        let mut hasher = SipHasher24::new_with_key(&key);
        hasher.write(&[0]);
        let mut bytes = [0; 16];
        let hash = hasher.finish128();
        bytes[..8].copy_from_slice(&hash.h1.to_le_bytes());
        bytes[8..].copy_from_slice(&hash.h2.to_le_bytes());
        // vectors_sip128 of the reference implementation, second entry.
        assert_eq!(hex(bytes), "da87c1d86b99af44347659119b22fc45");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[(u8, &str)]| {
            let mut hash = Parts::new();
            for (tag, text) in parts {
                hash.add(*tag, text.as_bytes());
            }
            hash.finish()
        };
        let keys = [
            key(&[(b'f', "ab"), (b'n', "c")]),
            key(&[(b'f', "a"), (b'n', "bc")]),
            key(&[(b'f', "abc"), (b'n', "")]),
            key(&[(b'f', "abc")]),
            key(&[(b'n', "abc")]),
            key(&[]),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
