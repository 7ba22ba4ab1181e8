//! From an instruction to its place in the source: CPython's location tables, decoded without asking the interpreter.
//!
//! Three formats: pairs of bytes up to 3.9 (`co_lnotab`), pairs of bytes with ranges in 3.10 (`co_linetable`), and entries with
//! columns from 3.11 on (PEP 657). All are read from the start, so a table is decoded once per place and the result kept beside
//! the code object.

use stillframe_core::tape::Location;

/// Bytes of a table that are looked at; beyond, only what the traceback itself tells is known.
const TABLE_MAX: usize = 1 << 18;

/// The place of the instruction at `offset` bytes into the code; all zero if it has none.
pub(super) fn locate(table: &[u8], first_line: u32, offset: u32) -> Location {
    let table = &table[..table.len().min(TABLE_MAX)];
    if cfg!(Py_3_11) {
        with_columns(table, first_line, offset)
    } else if cfg!(Py_3_10) {
        line(in_ranges(table, first_line, offset))
    } else {
        line(in_steps(table, first_line, offset))
    }
}

fn line(line: i64) -> Location {
    Location {
        line: u32::try_from(line).unwrap_or(0),
        ..Location::default()
    }
}

/// 3.11 and newer.
fn with_columns(table: &[u8], first_line: u32, offset: u32) -> Location {
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
                if offset < end {
                    return Location::default();
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
        if offset < end {
            let known = |place: Option<u32>| place.map_or(0, |place| place + 1);
            return Location {
                line: u32::try_from(line).unwrap_or(0),
                end_line: u32::try_from(line + end_line).unwrap_or(0),
                column: known(column),
                end_column: known(end_column),
            };
        }
    }
    Location::default()
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
fn in_ranges(table: &[u8], first_line: u32, offset: u32) -> i64 {
    let mut line = i64::from(first_line);
    let mut end = 0;
    for pair in table.chunks_exact(2) {
        let delta = pair[1].cast_signed();
        end += u32::from(pair[0]);
        if delta != i8::MIN {
            line += i64::from(delta);
        }
        if offset < end {
            return if delta == i8::MIN { 0 } else { line };
        }
    }
    line
}

/// 3.9: each pair is a step of code and of lines.
fn in_steps(table: &[u8], first_line: u32, offset: u32) -> i64 {
    let mut line = i64::from(first_line);
    let mut start = 0;
    for pair in table.chunks_exact(2) {
        start += u32::from(pair[0]);
        if start > offset {
            break;
        }
        line += i64::from(pair[1].cast_signed());
    }
    line
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
            let place = with_columns(&table, 10, offset);
            [place.line, place.end_line, place.column, place.end_column]
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
                for offset in [0, 2, 1000] {
                    let _ = with_columns(&table, 1, offset);
                    let _ = in_ranges(&table, 1, offset);
                    let _ = in_steps(&table, 1, offset);
                }
            }
        }
    }

    #[test]
    fn older_tables() {
        assert_eq!(in_steps(&[6, 1, 50, 2], 1, 5), 1);
        assert_eq!(in_steps(&[6, 1, 50, 2], 1, 6), 2);
        assert_eq!(in_steps(&[6, 1, 50, 0xfe], 10, 56), 9);
        assert_eq!(in_ranges(&[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 4), 1);
        assert_eq!(in_ranges(&[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 8), 4);
        assert_eq!(in_ranges(&[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 10), 0);
        assert_eq!(in_ranges(&[6, 0, 4, 3, 2, 0x80, 2, 1], 1, 12), 5);
    }
}
