//! Torn and damaged segments: what is intact is read, whatever is around it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use stillframe_core::sink::spool::{ScanStats, SegmentName, SegmentScan, SpoolReader};

use crate::*;

const HEADER: usize = 72;

/// The bytes of each record of a segment with these payloads.
fn encoded(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().expect("a directory");
    let bytes = fs::read(one_segment(dir.path(), payloads)).expect("read");
    let mut offsets: Vec<usize> = records(dir.path())
        .records
        .iter()
        .map(|record| record.offset as usize)
        .collect();
    offsets.push(bytes.len());
    offsets
        .windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}

fn put(dir: &Path, bytes: &[u8]) -> SegmentName {
    let name = SegmentName::parse("1763812345678-1-0123456789abcdef.sfs").expect("a name");
    fs::write(dir.join(name.as_str()), bytes).expect("written");
    name
}

/// Numbers of the intact records in a segment of these bytes, the finished scan, and its statistics.
fn scan(bytes: &[u8]) -> (Vec<u64>, u64, ScanStats) {
    let dir = tempfile::tempdir().expect("a directory");
    let name = put(dir.path(), bytes);
    let reader = SpoolReader::open(dir.path()).expect("a store");
    let mut scan: SegmentScan = reader.scan(&name, 0).expect("a scan");
    let found = scan
        .by_ref()
        .map(|record| number(&record.expect("readable")))
        .collect();
    (found, scan.position(), scan.stats())
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_torn_record() {
    let records = encoded(&[noise(1, 50), b"text ".repeat(30), noise(3, 80)]);
    let (first, last) = (records[..2].concat(), &records[2]);
    for cut in 0..last.len() {
        let torn = [&first[..], &last[..cut]].concat();
        let (found, position, stats) = scan(&torn);
        assert_eq!(found, [0, 1], "cut at {cut}");
        assert_eq!(position, first.len() as u64, "cut at {cut}");
        let expected = ScanStats {
            records: 2,
            tail_bytes: cut as u64,
            ..ScanStats::default()
        };
        assert_eq!(stats, expected, "cut at {cut}");
    }
}

#[test]
fn a_record_torn_at_any_byte_in_the_middle_costs_only_itself() {
    let records = encoded(&[noise(1, 50), noise(2, 200), noise(3, 80)]);
    for cut in 1..records[1].len() {
        let torn = [&records[0][..], &records[1][..cut], &records[2]].concat();
        let (found, position, stats) = scan(&torn);
        assert_eq!(
            (found, position),
            (vec![0, 2], torn.len() as u64),
            "cut at {cut}"
        );
        assert_eq!(
            (stats.damaged, stats.damaged_bytes),
            (1, cut as u64),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_damaged_byte_costs_only_its_record() {
    let records = encoded(&[noise(1, 50), b"text ".repeat(30), noise(3, 80)]);
    for at in 0..records[1].len() {
        let mut damaged = records[1].clone();
        damaged[at] ^= 0x40;
        let bytes = [&records[0][..], &damaged, &records[2]].concat();
        let (found, _, stats) = scan(&bytes);
        assert_eq!(found, [0, 2], "byte {at}");
        assert_eq!(
            (stats.damaged, stats.damaged_bytes),
            (1, damaged.len() as u64),
            "byte {at}"
        );
    }
}

#[test]
fn a_scan_that_met_a_torn_tail_goes_on_when_the_rest_arrives() {
    let records = encoded(&[noise(1, 50), noise(2, 90)]);
    let dir = tempfile::tempdir().expect("a directory");
    for cut in 0..records[1].len() {
        let name = put(dir.path(), &[&records[0][..], &records[1][..cut]].concat());
        let reader = SpoolReader::open(dir.path()).expect("a store");
        let mut first = reader.scan(&name, 0).expect("a scan");
        assert_eq!(first.by_ref().count(), 1);
        put(dir.path(), &records.concat());
        let second = reader.scan(&name, first.position()).expect("a scan");
        let found: Vec<_> = second
            .map(|record| number(&record.expect("intact")))
            .collect();
        assert_eq!(found, [1], "cut at {cut}");
    }
}

#[test]
fn a_payload_that_is_damaged_is_never_handed_out() {
    let payload = b"text ".repeat(300);
    let record = encoded(std::slice::from_ref(&payload)).concat();
    let dir = tempfile::tempdir().expect("a directory");
    for at in 0..record.len() {
        let mut damaged = record.clone();
        damaged[at] ^= 1;
        let name = put(dir.path(), &damaged);
        let mut reader = SpoolReader::open(dir.path()).expect("a store");
        let error = reader.read(&name, 0).expect_err("damaged");
        assert!(error.is_damaged(), "byte {at}: {error}");
    }
    let name = put(dir.path(), &record);
    let mut reader = SpoolReader::open(dir.path()).expect("a store");
    assert_eq!(reader.read(&name, 0).expect("intact"), payload);
    assert!(
        reader
            .read(&name, 1)
            .expect_err("not at a record")
            .is_damaged()
    );
    assert!(
        reader
            .read(&name, u64::MAX / 2)
            .expect_err("behind the end")
            .is_damaged()
    );
}

/// A record with right checksums that declares `raw_len` bytes and holds `stored`.
fn forged(stored: &[u8], raw_len: u32, flags: u8) -> Vec<u8> {
    let mut record = encoded(&[b"x".to_vec()]).concat()[..HEADER].to_vec();
    record[8..12].copy_from_slice(&(stored.len() as u32).to_le_bytes());
    record[17] = flags;
    record[20..24].copy_from_slice(&raw_len.to_le_bytes());
    record[24..28].copy_from_slice(&crc32fast::hash(stored).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&record[..12]);
    sum.update(&record[16..]);
    record[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
    record.extend_from_slice(stored);
    record
}

#[test]
fn a_payload_that_lies_about_its_length_is_refused_without_room_for_the_lie() {
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).expect("compressed");
    let small = zstd::bulk::compress(b"abc", 3).expect("compressed");
    let dir = tempfile::tempdir().expect("a directory");
    for (stored, raw_len, flags) in [
        (&bomb, 4 << 20, 1),
        (&bomb, 10, 1),
        (&small, 4, 1),
        (&small, 2, 1),
        (&b"abc".to_vec(), 4, 0),
        (&b"no zstd frame".to_vec(), 100, 1),
        (&Vec::new(), 5, 1),
    ] {
        let name = put(dir.path(), &forged(stored, raw_len, flags));
        let mut reader = SpoolReader::open(dir.path()).expect("a store");
        let mut payload = Vec::new();
        let error = reader.read_into(&name, 0, &mut payload).expect_err("a lie");
        assert!(error.is_damaged(), "{error}");
        assert!(payload.capacity() <= 4 << 20);
    }
    let name = put(dir.path(), &forged(&small, 3, 1));
    let mut reader = SpoolReader::open(dir.path()).expect("a store");
    assert_eq!(reader.read(&name, 0).expect("no lie"), b"abc");
}

#[test]
fn headers_that_promise_much_do_not_make_a_scan_slow() {
    // Each header is right and promises a payload that is not; naively each costs a checksum over 4 MiB.
    let mut header = forged(&[], 1, 0);
    header[8..12].copy_from_slice(&(4_u32 << 20).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&header[..12]);
    sum.update(&header[16..]);
    header[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
    let bytes = header.repeat((12 << 20) / HEADER);
    let (found, position, stats) = scan(&bytes);
    assert!(found.is_empty());
    assert_eq!(stats.damaged_bytes + stats.tail_bytes, bytes.len() as u64);
    assert_eq!(position, bytes.len() as u64 - stats.tail_bytes);
}

/// Something that happens to a file.
#[derive(Debug, Clone)]
enum Harm {
    Flip(usize, u8),
    Delete(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Truncate(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = 0_usize..20_000;
    let len = 1_usize..600;
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..300),
        Just(vec![0xF5, b'S', b'F', b'R']),
        Just(vec![0; 512]),
    ];
    prop_oneof![
        (at.clone(), 1..=255_u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        (at.clone(), len.clone()).prop_map(|(at, len)| Harm::Delete(at, len)),
        (at.clone(), bytes).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (at.clone(), len).prop_map(|(at, len)| Harm::Repeat(at, len)),
        at.prop_map(Harm::Truncate),
    ]
}

/// A byte, and where it comes from: record and place in it, if it is as it was written.
type Traced = (u8, Option<(usize, usize)>);

impl Harm {
    fn apply(&self, file: &mut Vec<Traced>) {
        let len = file.len();
        let within = |at: usize| at % (len + 1);
        match self {
            Self::Flip(at, bits) if len > 0 => {
                let byte = &mut file[at % len];
                *byte = (byte.0 ^ bits, None);
            }
            Self::Flip(..) => {}
            Self::Delete(at, count) => {
                let at = within(*at);
                file.drain(at..(at + count).min(len));
            }
            Self::Insert(at, bytes) => {
                let at = within(*at);
                file.splice(at..at, bytes.iter().map(|byte| (*byte, None)));
            }
            Self::Repeat(at, count) => {
                let at = within(*at);
                let copy = file[at..(at + count).min(len)].to_vec();
                file.splice(at..at, copy);
            }
            Self::Truncate(at) => file.truncate(within(*at)),
        }
    }
}

/// The records whose bytes lie in `file` from first to last, unbroken.
fn intact(file: &[Traced], records: &[Vec<u8>]) -> BTreeSet<u64> {
    let mut intact = BTreeSet::new();
    for start in 0..file.len() {
        if let Some((record, 0)) = file[start].1 {
            let whole = (0..records[record].len()).all(|at| {
                file.get(start + at)
                    .is_some_and(|byte| byte.1 == Some((record, at)))
            });
            if whole {
                intact.insert(record as u64);
            }
        }
    }
    intact
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_costs_only_the_damaged_records(
        sizes in proptest::collection::vec(0_usize..900, 1..20),
        harms in proptest::collection::vec(harm(), 1..6),
    ) {
        let payloads: Vec<_> = sizes.iter().enumerate().map(|(n, len)| noise(n as u64, *len)).collect();
        let records = encoded(&payloads);
        let traced = |(record, bytes): (usize, &Vec<u8>)| {
            bytes.iter().enumerate().map(move |(at, byte)| (*byte, Some((record, at)))).collect::<Vec<_>>()
        };
        let mut file: Vec<Traced> = records.iter().enumerate().flat_map(traced).collect();
        for harm in &harms {
            harm.apply(&mut file);
        }
        let bytes: Vec<u8> = file.iter().map(|byte| byte.0).collect();
        let dir = tempfile::tempdir().expect("a directory");
        let name = put(dir.path(), &bytes);
        let mut reader = SpoolReader::open(dir.path()).expect("a store");
        let mut scan = reader.scan(&name, 0).expect("a scan");
        let mut found = BTreeSet::new();
        let mut end = 0;
        while let Some(record) = scan.next() {
            let record = record.expect("readable");
            prop_assert!(record.offset >= end, "records do not overlap");
            end = scan.position();
            let payload = reader.read(&record.segment, record.offset).expect("intact");
            prop_assert_eq!(&payload, &payloads[number(&record) as usize]);
            found.insert(number(&record));
        }
        let expected = intact(&file, &records);
        prop_assert!(found.is_superset(&expected), "{:?} of {:?}", found, expected);
        let stats = scan.stats();
        prop_assert_eq!(scan.position() + stats.tail_bytes, bytes.len() as u64);
    }

    #[test]
    fn any_bytes_are_a_segment(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let (found, position, stats) = scan(&bytes);
        prop_assert!(found.is_empty());
        prop_assert_eq!(position + stats.tail_bytes, bytes.len() as u64);
        prop_assert_eq!(position, stats.damaged_bytes);
    }
}
