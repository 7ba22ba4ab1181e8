//! Class masks and literal windows in plain Rust.
//!
//! Each byte is looked up once for eight classes at a time; eight look-ups make an 8x8 bit matrix whose transpose is a
//! byte of each mask.

use super::{BLOCK, Block};
use crate::lock::Lazy;
use crate::redact::literals::Filter;

type IsClass = fn(u8) -> bool;

const CLASSES: [[IsClass; 8]; 2] = [
    [
        |c| c.is_ascii_digit(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_alphanumeric() || c == b'_',
        |c| c == b'-',
        |c| c == b'.',
        |c| c == b'@',
        |c| c == b':',
        |c| c == b'=',
    ],
    [
        |c| c == b'/',
        |c| c == b' ',
        |c| c == b'>',
        |c| c == b'%',
        |c| c == b'"' || c == b'\'',
        |c| c == b',',
        |_| false,
        |_| false,
    ],
];

/// For each half of the classes, which of its eight each byte belongs to.
fn tables() -> &'static [[u8; 256]; 2] {
    static TABLES: Lazy<[[u8; 256]; 2]> = Lazy::new(|| {
        CLASSES.map(|half| {
            std::array::from_fn(|byte| {
                let bits = half
                    .iter()
                    .enumerate()
                    .map(|(bit, is)| u8::from(is(byte as u8)) << bit);
                bits.fold(0, |a, b| a | b)
            })
        })
    });
    TABLES.get()
}

pub(super) fn classify(bytes: &[u8], filter: &Filter, blocks: &mut [Block], literals: &mut [u64]) {
    let tables = tables();
    for (block, bytes) in blocks.iter_mut().zip(bytes.chunks_exact(BLOCK)) {
        let mut masks = [[0u64; 8]; 2];
        for (at, eight) in bytes.chunks_exact(8).enumerate() {
            for (half, table) in tables.iter().enumerate() {
                let rows: [u8; 8] = std::array::from_fn(|i| table[eight[i] as usize]);
                let columns = transpose(u64::from_le_bytes(rows)).to_le_bytes();
                for (mask, column) in masks[half].iter_mut().zip(columns) {
                    *mask |= u64::from(column) << (8 * at);
                }
            }
        }
        let [[digit, upper, word, dash, dot, at, colon, equals], rest] = masks;
        let [slash, space, greater, percent, quote, comma, ..] = rest;
        *block = Block {
            digit,
            upper,
            word,
            dash,
            dot,
            at,
            colon,
            equals,
            slash,
            space,
            greater,
            percent,
            quote,
            comma,
        };
    }
    for (i, mask) in literals.iter_mut().enumerate() {
        *mask = 0;
        for bit in 0..BLOCK {
            let at = i * BLOCK + bit;
            let window = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            *mask |= u64::from(filter.may_begin(u32::from_le_bytes(window))) << bit;
        }
    }
}

/// Bit `c` of byte `r` becomes bit `r` of byte `c`.
fn transpose(mut x: u64) -> u64 {
    let swap = |x: u64, mask: u64, shift: u32| {
        let t = (x ^ (x >> shift)) & mask;
        x ^ t ^ (t << shift)
    };
    x = swap(x, 0x00AA_00AA_00AA_00AA, 7);
    x = swap(x, 0x0000_CCCC_0000_CCCC, 14);
    swap(x, 0x0000_0000_F0F0_F0F0, 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_moves_rows_to_columns() {
        assert_eq!(transpose(0x0000_0000_0000_00FF), 0x0101_0101_0101_0101);
        assert_eq!(transpose(0x0000_0000_0000_0200), 0x0000_0000_0000_0200);
        assert_eq!(transpose(0x8000_0000_0000_0001), 0x8000_0000_0000_0001);
        assert_eq!(
            transpose(transpose(0x0123_4567_89AB_CDEF)),
            0x0123_4567_89AB_CDEF
        );
    }
}
