"""Reads a store as ``docs/spool-format.md`` describes it, without any of our code: what the tests see is what is on the disk."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

if sys.version_info >= (3, 14):
    from compression import zstd

    def decompress(data: bytes, length: int) -> bytes:
        return zstd.decompress(data)
else:
    import zstandard

    def decompress(data: bytes, length: int) -> bytes:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=length)


MAGIC = b"\xf5SFR"
HEADER = struct.Struct("<4sBBHIIBBHIII16s16sQ")
SNAPSHOT, COUNTS, PROCESS, UNCAUGHT = 1, 2, 3, 4


@dataclass
class Record:
    """One record of a segment."""

    kind: int
    id: bytes
    issue: bytes
    timestamp: int
    document: dict[str, Any]


def records(folder: Path) -> list[Record]:
    """All intact records of a store, oldest first, each once."""
    found: dict[tuple[int, bytes, int], Record] = {}
    for segment in sorted(folder.glob("*.sfs")):
        for record in _of(segment.read_bytes()):
            found[record.kind, record.id, record.timestamp] = record
    return sorted(found.values(), key=lambda record: record.timestamp)


def _of(data: bytes) -> Iterator[Record]:
    at = 0
    while (at := data.find(MAGIC, at)) >= 0:
        record, length = _at(data, at)
        if record is not None:
            yield record
        at += length


def _at(data: bytes, at: int) -> tuple[Record | None, int]:
    """The record at an offset, and how far the next one can be; nothing if it is not intact."""
    if len(data) - at < HEADER.size:
        return None, 1
    _, major, _, header_length, stored, header_sum, kind, flags, _, length, payload_sum, _, ident, issue, timestamp = HEADER.unpack_from(
        data, at
    )
    header = data[at : at + header_length]
    if zlib.crc32(header[:12] + header[16:]) != header_sum:
        return None, 1
    payload = data[at + header_length : at + header_length + stored]
    if len(payload) != stored or zlib.crc32(payload) != payload_sum:
        return None, 1
    assert major == 1
    if flags & 1:
        payload = decompress(payload, length)
    assert len(payload) == length
    return Record(kind, ident, issue, timestamp, msgpack.unpackb(payload, strict_map_key=False)), header_length + stored
