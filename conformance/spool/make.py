"""Makes the segments in this folder, and segments.json, which says what a reader must find in them.

Written from docs/spool-format.md with the standard library alone, so that it shares nothing with the Rust code.
Run it after a change of the format: `python3 conformance/spool/make.py`.
"""

import json
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).parent
MAGIC = b"\xf5SFR"
ZSTD = 1


def record(
    number=0, payload=b"", *, kind=1, flags=0, raw=None, major=1, minor=0, extra=b"", sum_offset=0
):
    """One record; the defaults are those of format 1.0."""
    raw_len = len(payload if raw is None else raw)
    body = struct.pack(
        "<BBHIII16s16sQ",
        kind,
        flags,
        0,
        raw_len,
        (zlib.crc32(payload) + sum_offset) & 0xFFFFFFFF,
        0,
        number.to_bytes(16, "big"),
        (1000 + number % 2).to_bytes(16, "big"),
        1_763_812_345_000_000_000 + number,
    )
    body += extra
    start = MAGIC + struct.pack("<BBHI", major, minor, 16 + len(body), len(payload))
    return start + struct.pack("<I", zlib.crc32(start + body)) + body + payload


def zstd(data):
    """A zstd frame with one raw block: what RFC 8878 allows without compressing anything."""
    assert len(data) < 256
    return struct.pack("<IBB", 0xFD2FB528, 0x20, len(data)) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def expect(offset, number, payload, kind=1):
    return {
        "offset": offset,
        "kind": kind,
        "id": number.to_bytes(16, "big").hex(),
        "fingerprint": (1000 + number % 2).to_bytes(16, "big").hex(),
        "timestamp": str(1_763_812_345_000_000_000 + number),
        "payload": payload.hex(),
    }


segments = []


def case(name, data, records, *, unknown=0, damaged=0, damaged_bytes=0, tail=0, error=None, why):
    (HERE / f"{name}.sfs").write_bytes(data)
    segments.append(
        {
            "file": f"{name}.sfs",
            "why": why,
            "records": records,
            "unknown": unknown,
            "damaged": damaged,
            "damagedBytes": damaged_bytes,
            "tailBytes": tail,
            "error": error,
        }
    )


A, B, C = b"\x81\xa1a\x01", b"\x81\xa1b\x02" * 5, b"\x81\xa1c\x03"
a, b, c = record(1, A), record(2, B), record(3, C)
after_a, after_b = len(a), len(a) + len(b)
both = [expect(0, 1, A), expect(after_b, 3, C)]

# The worked example of the document.
payload = b"\x81\xa6format\x01"
header = struct.pack(
    "<BBHIII16s16sQ",
    1, 0, 0, len(payload), zlib.crc32(payload), 0,
    bytes(range(16)), bytes(range(0xF0, 0x100)), 1_763_812_345_678_901_234,
)
start = MAGIC + struct.pack("<BBHI", 1, 0, 16 + len(header), len(payload))
one = start + struct.pack("<I", zlib.crc32(start + header)) + header + payload
case(
    "one",
    one,
    [
        {
            "offset": 0,
            "kind": 1,
            "id": bytes(range(16)).hex(),
            "fingerprint": bytes(range(0xF0, 0x100)).hex(),
            "timestamp": "1763812345678901234",
            "payload": payload.hex(),
        }
    ],
    why="the worked example of the format's document",
)
case("empty", b"", [], why="a process that was killed before its first record")
case(
    "three",
    a + b + c,
    [expect(0, 1, A), expect(after_a, 2, B), expect(after_b, 3, C)],
    why="records follow one another without padding",
)
text = b"the payload of a zstd frame " * 6
case("zstd", record(1, zstd(text), flags=ZSTD, raw=text), [expect(0, 1, text)], why="flag 0")
counts, process = record(4, A, kind=2), record(5, B, kind=3)
case(
    "kinds",
    counts + process,
    [expect(0, 4, A, 2), expect(len(counts), 5, B, 3)],
    why="event counts and process records",
)
cut = 100
case(
    "torn-payload", a + record(2, B * 10)[:cut], [expect(0, 1, A)], tail=cut, why="killed in mid-write"
)
case("torn-header", a + b[:40], [expect(0, 1, A)], tail=40, why="killed in mid-header")
case("torn-magic", a + b[:2], [expect(0, 1, A)], tail=2, why="killed in mid-magic")
torn = record(2, B * 10)[:cut]
case(
    "torn-then-more",
    a + torn + c,
    [expect(0, 1, A), expect(after_a + cut, 3, C)],
    damaged=1,
    damaged_bytes=cut,
    why="the torn header promises more than lies between it and the next record",
)
bad = bytearray(b)
bad[-1] ^= 1
case("bad-payload", a + bytes(bad) + c, both, damaged=1, damaged_bytes=len(b), why="one bit of a payload")
bad = bytearray(b)
bad[8] ^= 1
case("bad-length", a + bytes(bad) + c, both, damaged=1, damaged_bytes=len(b), why="one bit of a length")
junk = b"\xf5SF\xf5S\xf5SFR" + bytes(50) + b"\xf5SFR"
case(
    "garbage",
    junk + a + junk + c,
    [expect(len(junk), 1, A), expect(2 * len(junk) + after_a, 3, C)],
    damaged=2,
    damaged_bytes=2 * len(junk),
    why="false beginnings of records between true ones",
)
zeros = bytes(4096)
case(
    "zeros",
    a + zeros,
    [expect(0, 1, A)],
    damaged=1,
    damaged_bytes=4096,
    why="blocks that a file system never wrote, after a power failure",
)
newer = record(6, A, kind=200) + record(7, A, flags=0x80) + record(8, C, minor=9, extra=bytes(24))
case(
    "minor-9",
    newer,
    [expect(2 * len(a), 8, C)],
    unknown=2,
    why="a newer minor version: an unknown kind, an unknown flag, a longer header",
)
major = MAGIC + struct.pack("<BBHI", 2, 0, 28, 3)
rest = b"otherwise..."
major += struct.pack("<I", zlib.crc32(major + rest)) + rest + b"abc"
case("major-2", a + major, [expect(0, 1, A)], error="otherMajor", why="a newer major version")

(HERE / "segments.json").write_text(
    json.dumps({"comment": "Made by make.py; what a reader finds in each segment.", "segments": segments}, indent=2)
    + "\n"
)
