//! Ids of snapshots: UUID version 7, so they sort by time.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Id of a snapshot: a UUID, version 7 where we made it. Prints and parses in the usual form of 36 characters.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(pub [u8; 16]);

impl SnapshotId {
    /// A new id for an event at this time (ns since 1970).
    ///
    /// 48 bits of milliseconds, 12 bits of the fraction of the millisecond, 62 random bits from the operating system. Nothing is
    /// kept between calls, so a forked child cannot repeat its parent's ids. Cost: one `getrandom` call. Where the operating
    /// system refuses that, a keyed hash of the time, the process and a counter stands in.
    #[must_use]
    pub fn generate(timestamp_ns: u64) -> Self {
        let mut random = [0; 8];
        if getrandom::fill(&mut random).is_err() {
            random = substitute(timestamp_ns);
        }
        Self::from_parts(timestamp_ns, u64::from_le_bytes(random))
    }

    /// The id of a time and 62 random bits (the two highest of `random` are not used).
    #[must_use]
    pub fn from_parts(timestamp_ns: u64, random: u64) -> Self {
        const NS_PER_MS: u64 = 1_000_000;
        let millis = timestamp_ns / NS_PER_MS;
        let fraction = (timestamp_ns % NS_PER_MS) * 4096 / NS_PER_MS;
        let high = (millis << 16) | 0x7000 | fraction;
        let low = (random & (u64::MAX >> 2)) | (0b10 << 62);
        Self(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    /// The id of one frame of the snapshot with this id, for forms that have a snapshot for each frame: the same time, and always the same
    /// random part.
    #[must_use]
    pub fn of_frame(&self, frame: u32) -> Self {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let id = u128::from_be_bytes(self.0);
        let (high, low) = ((id >> 64) as u64, id as u64);
        // A bijection of the random part, another one for each frame.
        let mixed = (low ^ u64::from(frame).wrapping_add(1).wrapping_mul(ODD)) & (u64::MAX >> 2);
        Self(((u128::from(high) << 64) | u128::from(mixed | (0b10 << 62))).to_be_bytes())
    }

    /// The first 8 hex digits of the random part: what a person types.
    #[must_use]
    pub fn short(&self) -> String {
        let random = u64::from_be_bytes([
            self.0[8], self.0[9], self.0[10], self.0[11], self.0[12], self.0[13], self.0[14],
            self.0[15],
        ]);
        format!("{:08x}", random & u64::from(u32::MAX))
    }

    /// The 36 characters of its usual form.
    #[must_use]
    pub fn text(&self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            out[at] = DIGITS[usize::from(byte >> 4)];
            out[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        out
    }
}

#[cold]
fn substitute(timestamp_ns: u64) -> [u8; 8] {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(timestamp_ns);
    hasher.write_u32(std::process::id());
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.finish().to_le_bytes()
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.text()))
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotId({self})")
    }
}

/// Text that is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id of a snapshot (expected 36 characters, as in 0198c0de-0000-7000-8000-000000000000)")
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for SnapshotId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let text: &[u8; 36] = text.as_bytes().try_into().map_err(|_| ParseIdError)?;
        let mut id = [0; 16];
        let mut at = 0;
        for (index, byte) in id.iter_mut().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                if text[at] != b'-' {
                    return Err(ParseIdError);
                }
                at += 1;
            }
            let digit = |at: usize| char::from(text[at]).to_digit(16).ok_or(ParseIdError);
            *byte = (digit(at)? * 16 + digit(at + 1)?) as u8;
            at += 2;
        }
        Ok(Self(id))
    }
}

impl Serialize for SnapshotId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SnapshotId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = SnapshotId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id of a snapshot")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SnapshotId, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::SnapshotId;

    #[test]
    fn an_id_has_version_variant_and_time_and_sorts_by_it() {
        let earlier = SnapshotId::from_parts(1_795_225_363_042_499_999, u64::MAX);
        let later = SnapshotId::from_parts(1_795_225_363_042_999_999, 0);
        assert_eq!(earlier.to_string(), "01a1fbc5-2262-77ff-bfff-ffffffffffff");
        assert_eq!(later.to_string(), "01a1fbc5-2262-7fff-8000-000000000000");
        assert!(earlier < later);
        assert_eq!(earlier.short(), "ffffffff");
    }

    #[test]
    fn generated_ids_differ_and_survive_their_text() {
        let ids: Vec<_> = (0..1000).map(|_| SnapshotId::generate(7)).collect();
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        for id in ids {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in [
            "",
            "01a1fb79",
            "01a1fb79-3f62-77ff-bfff-fffffffffffg",
            "01a1fb79_3f62-77ff-bfff-ffffffffffff",
            "01a1fb79-3f62-77ff-bfff-ffffffffffff0",
        ] {
            assert!(text.parse::<SnapshotId>().is_err(), "{text}");
        }
    }
}
