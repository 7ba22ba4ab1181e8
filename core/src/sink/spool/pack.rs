//! Making records: compressed where that is shorter, with their headers.

use super::record::{FLAG_ZSTD, HEADER_LEN, Header};
use crate::sink::SinkRecord;

/// Fastest of zstd's ordinary levels; snapshots are small and repetitive.
const LEVEL: i32 = 1;

/// Encodes records; keeps the compressor's memory.
#[derive(Default)]
pub(in crate::sink) struct Packer {
    compressor: Option<zstd::bulk::Compressor<'static>>,
}

impl Packer {
    /// Bytes that a record with a payload of `len` bytes needs at most.
    pub(in crate::sink) fn room(len: usize) -> usize {
        HEADER_LEN + zstd::zstd_safe::compress_bound(len)
    }

    /// Writes `record` to the beginning of `out`, which has [`Packer::room`] for it, and returns its length.
    pub(in crate::sink) fn pack(&mut self, record: &SinkRecord<'_>, out: &mut [u8]) -> usize {
        if self.compressor.is_none() {
            self.compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        let (head, room) = out.split_at_mut(HEADER_LEN);
        let compressed = self
            .compressor
            .as_mut()
            .and_then(|compressor| compressor.compress_to_buffer(record.payload, room).ok());
        let (len, flags) = match compressed {
            Some(len) if len < record.payload.len() => (len, FLAG_ZSTD),
            _ => {
                let len = record.payload.len();
                room[..len].copy_from_slice(record.payload);
                (len, 0)
            }
        };
        head.copy_from_slice(&Header::of(record, &room[..len], flags).encode());
        HEADER_LEN + len
    }
}
