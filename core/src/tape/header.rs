//! The 64 bytes in front of a tape.

use std::time::Duration;

use super::error::TapeError;
use super::op::MAX_TAPE_BYTES;
use crate::language::Language;
use crate::limits::Limits;
use crate::reason::Reason;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 64;
/// The format version that this crate writes and the newest that it reads.
pub const VERSION: u16 = 1;
const MAGIC: [u8; 4] = *b"\x93SFT";

/// What a tape says of itself before its first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Language of the program.
    pub language: Language,
    /// Why the tape ends early, if it does.
    pub stop: Option<Reason>,
    /// Bytes of the whole tape.
    pub bytes: u32,
    /// Values on the tape.
    pub values: u32,
    /// Containers on the tape.
    pub containers: u32,
    /// How long the raising thread was held up; saturates at about 4.3 s.
    pub duration: Duration,
    /// Limits in force during the walk.
    pub limits: Limits,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let limits = &self.limits;
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&VERSION.to_le_bytes());
        out[6] = self.language as u8;
        out[7] = self.stop.map_or(0, |reason| reason as u8);
        let duration = u32::try_from(self.duration.as_nanos()).unwrap_or(u32::MAX);
        for (at, value) in [
            (8, self.bytes),
            (12, self.values),
            (16, self.containers),
            (20, duration),
        ] {
            out[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let short = [
            limits.exceptions,
            limits.frames,
            limits.depth,
            limits.fields,
        ];
        for (index, value) in short.into_iter().enumerate() {
            let value = u16::try_from(value).unwrap_or(u16::MAX);
            out[24 + 2 * index..26 + 2 * index].copy_from_slice(&value.to_le_bytes());
        }
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let long = [
            limits.items,
            limits.string,
            limits.values,
            limits.tape_bytes,
            micros(limits.soft_time),
            micros(limits.hard_time),
        ];
        for (index, value) in long.into_iter().enumerate() {
            out[32 + 4 * index..36 + 4 * index].copy_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// Reads the header of a tape, and nothing behind it.
    ///
    /// # Errors
    ///
    /// It is no header, or not that of these bytes.
    pub fn decode(tape: &[u8]) -> Result<Self, TapeError> {
        let Some((head, _)) = tape.split_first_chunk::<HEADER_BYTES>() else {
            return Err(TapeError::new(tape.len(), "shorter than its header"));
        };
        let u16_at = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if head[0..4] != MAGIC {
            return Err(TapeError::new(0, "no tape (wrong magic)"));
        }
        if u16_at(4) != VERSION {
            return Err(TapeError::new(4, "format version not known"));
        }
        let language = Language::from_code(head[6]).ok_or(TapeError::new(6, "unknown language"))?;
        let stop = match head[7] {
            0 => None,
            code => Some(Reason::from_code(code).ok_or(TapeError::new(7, "unknown reason"))?),
        };
        if tape.len() > MAX_TAPE_BYTES || u32_at(8) as usize != tape.len() {
            return Err(TapeError::new(8, "length is not the header's"));
        }
        if head[56..64] != [0; 8] {
            return Err(TapeError::new(56, "reserved bytes are not zero"));
        }
        Ok(Self {
            language,
            stop,
            bytes: u32_at(8),
            values: u32_at(12),
            containers: u32_at(16),
            duration: Duration::from_nanos(u64::from(u32_at(20))),
            limits: Limits {
                exceptions: u16_at(24).into(),
                frames: u16_at(26).into(),
                depth: u16_at(28).into(),
                fields: u16_at(30).into(),
                items: u32_at(32),
                string: u32_at(36),
                values: u32_at(40),
                tape_bytes: u32_at(44),
                soft_time: Duration::from_micros(u64::from(u32_at(48))),
                hard_time: Duration::from_micros(u64::from(u32_at(52))),
            },
        })
    }
}
