//! One stored record: header, then payload. The bytes are specified in the [module documentation](super).
//!
//! A header proves itself (magic, checksum over the header), so a reader that lost its place can find the next record in
//! the middle of anything, and can list a segment without touching a payload.

use crate::sink::{RecordKind, SinkRecord};

/// First bytes of every record. 0xF5 occurs in no UTF-8 text.
pub(super) const MAGIC: [u8; 4] = [0xF5, b'S', b'F', b'R'];
/// Format version that is written. A reader accepts every minor version of its own major version.
pub(super) const MAJOR: u8 = 1;
pub(super) const MINOR: u8 = 0;
/// Length of the header that is written; a later minor version may append to it.
pub(super) const HEADER_LEN: usize = 72;
/// Longest header that a reader accepts.
const MAX_HEADER_LEN: usize = 1024;
/// The part of the header that is the same in all major versions.
const FROZEN_LEN: usize = 16;
/// Offset of the header's checksum.
const CHECKSUM_AT: usize = 12;

/// Largest payload, both as stored and decompressed.
pub const MAX_PAYLOAD: usize = 4 << 20;

/// The stored payload is a zstd frame.
pub(super) const FLAG_ZSTD: u8 = 1;

/// What a record's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) len: usize,
    pub(super) stored_len: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) raw_len: usize,
    pub(super) payload_checksum: u32,
    pub(super) id: [u8; 16],
    pub(super) fingerprint: [u8; 16],
    pub(super) timestamp_ns: u64,
}

/// What the bytes at one place are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A header that proves itself.
    Header(Header),
    /// A header that proves itself, of a major version that this code cannot read.
    OtherMajor(u8),
    /// So far this may be a header; this many bytes are needed to know.
    Short(usize),
    /// No header.
    Invalid,
}

impl Header {
    /// The header of `record`, whose payload is stored as `stored`.
    pub(super) fn of(record: &SinkRecord<'_>, stored: &[u8], flags: u8) -> Self {
        Self {
            len: HEADER_LEN,
            stored_len: stored.len(),
            kind: record.kind.code(),
            flags,
            raw_len: record.payload.len(),
            payload_checksum: crc32fast::hash(stored),
            id: record.id,
            fingerprint: record.fingerprint,
            timestamp_ns: record.timestamp_ns,
        }
    }

    /// Header and payload together.
    pub(super) fn total_len(&self) -> usize {
        self.len + self.stored_len
    }

    /// The kind, if this version knows it and can read the payload.
    pub(super) fn known_kind(&self) -> Option<RecordKind> {
        if self.flags & !FLAG_ZSTD == 0 {
            RecordKind::from_code(self.kind)
        } else {
            None
        }
    }

    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0..4].copy_from_slice(&MAGIC);
        out[4] = MAJOR;
        out[5] = MINOR;
        out[6..8].copy_from_slice(&(HEADER_LEN as u16).to_le_bytes());
        out[8..12].copy_from_slice(&(self.stored_len as u32).to_le_bytes());
        out[16] = self.kind;
        out[17] = self.flags;
        out[20..24].copy_from_slice(&(self.raw_len as u32).to_le_bytes());
        out[24..28].copy_from_slice(&self.payload_checksum.to_le_bytes());
        out[32..48].copy_from_slice(&self.id);
        out[48..64].copy_from_slice(&self.fingerprint);
        out[64..72].copy_from_slice(&self.timestamp_ns.to_le_bytes());
        let checksum = checksum(&out);
        out[CHECKSUM_AT..FROZEN_LEN].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads the header at the start of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Decoded {
        let prefix = bytes.len().min(MAGIC.len());
        if bytes[..prefix] != MAGIC[..prefix] {
            return Decoded::Invalid;
        }
        let Some(frozen) = bytes.first_chunk::<FROZEN_LEN>() else {
            return Decoded::Short(FROZEN_LEN);
        };
        let major = frozen[4];
        let len = usize::from(u16::from_le_bytes([frozen[6], frozen[7]]));
        let least = if major == MAJOR {
            HEADER_LEN
        } else {
            FROZEN_LEN
        };
        if len < least || len > MAX_HEADER_LEN {
            return Decoded::Invalid;
        }
        let Some(header) = bytes.get(..len) else {
            return Decoded::Short(len);
        };
        if checksum(header) != u32_at(header, CHECKSUM_AT) {
            return Decoded::Invalid;
        }
        if major != MAJOR {
            return Decoded::OtherMajor(major);
        }
        let decoded = Self {
            len,
            stored_len: u32_at(header, 8) as usize,
            kind: header[16],
            flags: header[17],
            raw_len: u32_at(header, 20) as usize,
            payload_checksum: u32_at(header, 24),
            id: array_at(header, 32),
            fingerprint: array_at(header, 48),
            timestamp_ns: u64::from_le_bytes(array_at(header, 64)),
        };
        if decoded.stored_len > MAX_PAYLOAD || decoded.raw_len > MAX_PAYLOAD {
            return Decoded::Invalid;
        }
        Decoded::Header(decoded)
    }
}

/// CRC-32 of a header without its own checksum field.
fn checksum(header: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..CHECKSUM_AT]);
    hasher.update(&header[FROZEN_LEN..]);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            len: HEADER_LEN,
            stored_len: 5,
            kind: 1,
            flags: FLAG_ZSTD,
            raw_len: 9,
            payload_checksum: 0xDEAD_BEEF,
            id: *b"0123456789abcdef",
            fingerprint: *b"fedcba9876543210",
            timestamp_ns: 1_700_000_000_000_000_001,
        }
    }

    #[test]
    fn a_header_reads_back() {
        assert_eq!(
            Header::decode(&header().encode()),
            Decoded::Header(header())
        );
    }

    #[test]
    fn a_part_of_a_header_asks_for_more_and_nothing_else() {
        let bytes = header().encode();
        for cut in 0..HEADER_LEN {
            let needed = if cut < FROZEN_LEN {
                FROZEN_LEN
            } else {
                HEADER_LEN
            };
            assert_eq!(
                Header::decode(&bytes[..cut]),
                Decoded::Short(needed),
                "{cut}"
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = header().encode();
        for bit in 0..HEADER_LEN * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            let decoded = Header::decode(&damaged);
            assert!(
                !matches!(decoded, Decoded::Header(_) | Decoded::OtherMajor(_)),
                "bit {bit}"
            );
        }
    }

    /// Rewrites the checksum, as a newer writer would have written it.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        let sum = checksum(&bytes).to_le_bytes();
        bytes[CHECKSUM_AT..FROZEN_LEN].copy_from_slice(&sum);
        bytes
    }

    #[test]
    fn a_longer_header_of_a_newer_minor_version_is_read() {
        let mut bytes = header().encode().to_vec();
        bytes.extend([7; 24]);
        bytes[5] = MINOR + 1;
        bytes[6..8].copy_from_slice(&(HEADER_LEN as u16 + 24).to_le_bytes());
        let expected = Header {
            len: HEADER_LEN + 24,
            ..header()
        };
        assert_eq!(Header::decode(&sealed(bytes)), Decoded::Header(expected));
    }

    #[test]
    fn a_newer_major_version_is_told_from_damage() {
        let mut bytes = header().encode()[..32].to_vec();
        bytes[4] = MAJOR + 1;
        bytes[6..8].copy_from_slice(&32_u16.to_le_bytes());
        assert_eq!(
            Header::decode(&sealed(bytes)),
            Decoded::OtherMajor(MAJOR + 1)
        );
    }

    #[test]
    fn lengths_above_the_limit_are_no_header() {
        let too_long = Header {
            stored_len: MAX_PAYLOAD + 1,
            ..header()
        };
        assert_eq!(Header::decode(&too_long.encode()), Decoded::Invalid);
        let too_long = Header {
            raw_len: MAX_PAYLOAD + 1,
            ..header()
        };
        assert_eq!(Header::decode(&too_long.encode()), Decoded::Invalid);
    }
}
