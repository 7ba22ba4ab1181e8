//! From an instruction to its place in the source: CPython's location tables, decoded without asking the interpreter.
//!
//! Three formats: pairs of bytes up to 3.9 (`co_lnotab`), pairs of bytes with ranges in 3.10 (`co_linetable`), and entries with
//! columns from 3.11 on (PEP 657). All are read from the start, so a table is decoded once per place and the result kept beside
//! the code object.

use std::ops::{Range, RangeInclusive};

use stillframe_core::tape::Location;

/// Bytes of a table that are looked at; beyond, only what the traceback itself tells is known.
const TABLE_MAX: usize = 1 << 18;

/// The place of the instruction at `offset` bytes into the code; all zero if it has none.
pub(super) fn locate(table: &[u8], first_line: u32, offset: u32) -> Location {
    let mut found = Location::default();
    each(table, first_line, &mut |end, place| {
        found = place;
        offset >= end
    })
    .then(Location::default)
    .unwrap_or(found)
}

/// Ranges of code, in bytes, whose place begins in one of these lines.
pub(super) fn ranges(table: &[u8], first_line: u32, lines: RangeInclusive<u32>) -> Vec<Range<u32>> {
    let mut found = Vec::new();
    let mut start = 0;
    each(table, first_line, &mut |end, place| {
        if lines.contains(&place.line) && end > start {
            found.push(start..end);
        }
        start = end;
        true
    });
    found
}

/// Tells where each range of code ends and what its place is, as long as the answer is `true`. Whether it was until the end.
fn each(table: &[u8], first_line: u32, tell: &mut dyn FnMut(u32, Location) -> bool) -> bool {
    let table = &table[..table.len().min(TABLE_MAX)];
    let mut line = |end, line| {
        let line = u32::try_from(line).unwrap_or(0);
        tell(
            end,
            Location {
                line,
                ..Location::default()
            },
        )
    };
    if cfg!(Py_3_11) {
        with_columns(table, first_line, tell)
    } else if cfg!(Py_3_10) {
        in_ranges(table, first_line, &mut line)
    } else {
        in_steps(table, first_line, &mut line)
    }
}

/// 3.11 and newer.
fn with_columns(
    table: &[u8],
    first_line: u32,
    tell: &mut dyn FnMut(u32, Location) -> bool,
) -> bool {
    /// Bytes of a unit of code.
    const UNIT: u32 = 2;
    let mut rest = table.iter().copied();
    let mut line = i64::from(first_line);
    let mut end = 0;
    while let Some(head) = rest.next() {
        let code = head >> 3 & 15;
        end += (u32::from(head & 7) + 1) * UNIT;
        let mut end_line = 0;
        let (mut column, mut end_column) = (None, None);
        match code {
            // Nothing is known.
            15 => {
                if !tell(end, Location::default()) {
                    return false;
                }
                continue;
            }
            14 => {
                line += signed(&mut rest);
                end_line = i64::from(unsigned(&mut rest));
                column = unsigned(&mut rest).checked_sub(1);
                end_column = unsigned(&mut rest).checked_sub(1);
            }
            13 => line += signed(&mut rest),
            10..=12 => {
                line += i64::from(code) - 10;
                column = rest.next().map(u32::from);
                end_column = rest.next().map(u32::from);
            }
            _ => {
                let Some(low) = rest.next() else { break };
                let start = u32::from(code) << 3 | u32::from(low >> 4);
                column = Some(start);
                end_column = Some(start + u32::from(low & 15));
            }
        }
        let known = |place: Option<u32>| place.map_or(0, |place| place + 1);
        let place = Location {
            line: u32::try_from(line).unwrap_or(0),
            end_line: u32::try_from(line + end_line).unwrap_or(0),
            column: known(column),
            end_column: known(end_column),
        };
        if !tell(end, place) {
            return false;
        }
    }
    true
}

/// Six bits per byte, the least significant first; bit 6 says that more follow.
fn unsigned(rest: &mut impl Iterator<Item = u8>) -> u32 {
    let mut value = 0_u32;
    let mut shift = 0;
    for byte in rest {
        value |= u32::from(byte & 63).checked_shl(shift).unwrap_or(0);
        shift += 6;
        if byte & 64 == 0 {
            break;
        }
    }
    value
}

/// The sign is in the lowest bit.
fn signed(rest: &mut impl Iterator<Item = u8>) -> i64 {
    let value = i64::from(unsigned(rest));
    if value & 1 == 0 {
        value >> 1
    } else {
        -(value >> 1)
    }
}

/// 3.10: each pair is a range of code and how its line differs from the one before; -128: no line.
fn in_ranges(table: &[u8], first_line: u32, tell: &mut dyn FnMut(u32, i64) -> bool) -> bool {
    let mut line = i64::from(first_line);
    let mut end = 0;
    table.chunks_exact(2).all(|pair| {
        let delta = pair[1].cast_signed();
        end += u32::from(pair[0]);
        if delta != i8::MIN {
            line += i64::from(delta);
        }
        tell(end, if delta == i8::MIN { 0 } else { line })
    })
}

/// 3.9: each pair is a step of code and of lines. The last range ends nowhere.
fn in_steps(table: &[u8], first_line: u32, tell: &mut dyn FnMut(u32, i64) -> bool) -> bool {
    let mut line = i64::from(first_line);
    let mut start = 0;
    let before = table.chunks_exact(2).all(|pair| {
        start += u32::from(pair[0]);
        let told = pair[0] == 0 || tell(start, line);
        line += i64::from(pair[1].cast_signed());
        told
    });
    before && tell(u32::MAX, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_columns() {
        // Two units on line +1 with columns 4 to 9; one unit over two lines; one unit without a place.
        let table = [
            0x80 | 11 << 3 | 1,
            4,
            9,
            0x80 | 14 << 3,
            0b10, // + 1 line
            2,
            3,
            6,
            0x80 | 15 << 3,
        ];
        let at = |offset| {
            let mut found = Location::default();
            let nowhere = with_columns(&table, 10, &mut |end, place| {
                found = place;
                offset >= end
            });
            if nowhere {
                return [0; 4];
            }
            [found.line, found.end_line, found.column, found.end_column]
        };
        assert_eq!(at(0), [11, 11, 5, 10]);
        assert_eq!(at(2), [11, 11, 5, 10]);
        assert_eq!(at(4), [12, 14, 3, 6]);
        assert_eq!(at(6), [0, 0, 0, 0]);
        assert_eq!(at(8), [0, 0, 0, 0]);
    }

    #[test]
    fn cut_and_hostile_tables_give_no_place() {
        for length in 0..8 {
            for byte in [0, 0x7f, 0x80, 0xf0, 0xff] {
                let table = vec![byte; length];
                assert!(with_columns(&table, 1, &mut |_, _| true));
                assert!(in_ranges(&table, 1, &mut |_, _| true));
                assert!(in_steps(&table, 1, &mut |_, _| true));
            }
        }
    }

    type Format = fn(&[u8], u32, &mut dyn FnMut(u32, i64) -> bool) -> bool;

    fn line_at(format: Format, table: &[u8], first_line: u32, offset: u32) -> i64 {
        let mut found = 0;
        let nowhere = format(table, first_line, &mut |end, line| {
            found = line;
            offset >= end
        });
        if nowhere { 0 } else { found }
    }

    #[test]
    fn older_tables() {
        assert_eq!(line_at(in_steps, &[6, 1, 50, 2], 1, 5), 1);
        assert_eq!(line_at(in_steps, &[6, 1, 50, 2], 1, 6), 2);
        assert_eq!(line_at(in_steps, &[6, 1, 50, 0xfe], 10, 56), 9);
        assert_eq!(line_at(in_steps, &[6, 1, 0, 1, 50, 2], 1, 6), 3);
        assert_eq!(line_at(in_ranges, &[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 4), 1);
        assert_eq!(line_at(in_ranges, &[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 8), 4);
        assert_eq!(line_at(in_ranges, &[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 10), 0);
        assert_eq!(line_at(in_ranges, &[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 12), 5);
    }
}
