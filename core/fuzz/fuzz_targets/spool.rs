//! Any bytes as a segment: nothing panics, every byte is accounted for, and what is yielded can be read.
//!
//! Random bytes rarely have the right checksums. So the input is a list of pieces, and some become records with right ones:
//! one byte for the kind of piece, one for its length in units of eight bytes, then its bytes.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stillframe_core::sink::spool::{Decompressor, MAX_PAYLOAD, SegmentName, SpoolReader};

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    // In memory where there is such a place: a file is written for each input.
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let dir = base.join(format!("stillframe-fuzz-spool-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder");
    dir
});

/// A record around `body`: its first bytes choose kind, flags, versions and the declared length, the rest is the payload.
fn record(body: &[u8]) -> Vec<u8> {
    let [kind, flags, minor, longer, raw @ ..] = body else {
        return body.to_vec();
    };
    let (raw_len, payload) = raw.split_at(raw.len().min(2));
    let raw_len = match raw_len {
        [0, _] | [] | [_] => payload.len() as u32,
        [high, low] => u32::from(*high) << 14 | u32::from(*low),
        _ => 0,
    };
    let header_len = 72 + usize::from(longer % 32);
    let mut header = vec![0; header_len];
    header[..4].copy_from_slice(b"\xf5SFR");
    header[4] = if minor % 16 == 15 { 2 } else { 1 };
    header[5] = *minor;
    header[6..8].copy_from_slice(&(header_len as u16).to_le_bytes());
    header[8..12].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[16] = kind % 5;
    header[17] = flags % 3;
    header[20..24].copy_from_slice(&raw_len.to_le_bytes());
    header[24..28].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&header[..12]);
    sum.update(&header[16..]);
    header[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
    [&header, payload].concat()
}

fuzz_target!(|input: &[u8]| {
    let mut bytes = Vec::new();
    let mut rest = input;
    while let [piece, len, after @ ..] = rest {
        let (body, after) = after.split_at(after.len().min(usize::from(*len) * 8));
        match piece % 4 {
            0 => bytes.extend_from_slice(body),
            1 | 2 => bytes.extend(record(body)),
            _ => {
                // A torn one.
                let record = record(body);
                bytes.extend_from_slice(&record[..record.len() * 2 / 3]);
            }
        }
        rest = after;
    }
    let name = SegmentName::parse("1763812345678-1-0123456789abcdef.sfs").expect("a name");
    fs::write(DIR.join(name.as_str()), &bytes).expect("written");
    let mut reader = SpoolReader::open(&DIR).expect("a store");
    let mut scan = reader.scan(&name, 0).expect("a scan");
    let (mut decompressor, mut payload) = (Decompressor::default(), Vec::new());
    let (mut end, mut count, mut ended) = (0, 0, true);
    while let Some(record) = scan.next() {
        match record {
            Ok(record) => {
                assert!(record.offset >= end);
                end = scan.position();
                count += 1;
                let scanned = scan.payload(&mut decompressor, &mut payload);
                assert!(payload.len() <= MAX_PAYLOAD);
                match reader.read(&name, record.offset) {
                    Ok(read) => assert!(scanned.is_ok() && read == payload),
                    Err(error) => assert!(scanned.is_err() && error.is_damaged()),
                }
            }
            Err(error) => {
                assert!(error.is_other_major());
                ended = false;
            }
        }
    }
    let stats = scan.stats();
    assert_eq!(stats.records, count);
    if ended {
        assert_eq!(scan.position() + stats.tail_bytes, bytes.len() as u64);
        let again = reader.scan(&name, scan.position()).expect("a scan").count();
        assert_eq!(again, 0, "a scan that goes on finds nothing new");
    }
});
