//! Which globals a line of code uses: its instructions are looked through for those that load one.
//!
//! Instructions are two bytes, the operation and its argument. Some are followed by caches of the interpreter.

use std::ops::Range;

use smallvec::SmallVec;

use super::caches::CACHES;

/// Loads a global; with what CPython turns it into while the program runs.
const LOAD_GLOBAL: &[u8] = if cfg!(Py_3_15) {
    &[91, 196, 197]
} else if cfg!(Py_3_14) {
    &[92, 192, 193]
} else if cfg!(Py_3_13) {
    &[91, 203, 204]
} else if cfg!(Py_3_12) {
    &[116, 111, 112]
} else if cfg!(Py_3_11) {
    &[116, 47, 48, 55]
} else {
    &[116]
};
/// Comes before an instruction whose argument needs more than a byte.
const EXTENDED_ARG: &[u8] = if cfg!(Py_3_15) {
    &[67]
} else if cfg!(Py_3_14) {
    &[69]
} else if cfg!(Py_3_13) {
    &[71]
} else if cfg!(Py_3_11) {
    &[144, 34]
} else {
    &[144]
};
/// From 3.11 on the argument's lowest bit says something else.
const SHIFT: u32 = if cfg!(Py_3_11) { 1 } else { 0 };

/// Indexes into the code's names, of those that instructions in `ranges` (in bytes) load as globals.
pub(super) fn globals(
    code: &[u8],
    ranges: impl IntoIterator<Item = Range<u32>>,
    names: usize,
) -> SmallVec<[u16; 8]> {
    let mut found = SmallVec::new();
    for range in ranges {
        let end = code.len().min(range.end as usize) & !1;
        let mut high = 0;
        let mut units = code
            .get(range.start as usize & !1..end)
            .unwrap_or_default()
            .chunks_exact(2);
        while let Some(unit) = units.next() {
            if let Some(last) = CACHES[usize::from(unit[0])].checked_sub(1) {
                units.nth(last.into());
            }
            let argument = high << 8 | usize::from(unit[1]);
            high = 0;
            if EXTENDED_ARG.contains(&unit[0]) {
                high = argument & 0xff_ffff;
            } else if LOAD_GLOBAL.contains(&unit[0])
                && argument >> SHIFT < names
                && let Ok(index) = u16::try_from(argument >> SHIFT)
                && !found.contains(&index)
            {
                found.push(index);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of an instruction that loads a global, with what is cached behind it.
    const LOAD: u32 = 2 + 2 * CACHES[LOAD_GLOBAL[0] as usize] as u32;

    /// One, whose caches look as if they were others.
    fn load(index: u8) -> Vec<u8> {
        let mut code = vec![LOAD_GLOBAL[0], index << SHIFT];
        while code.len() < LOAD as usize {
            code.extend([LOAD_GLOBAL[0], 0]);
        }
        code
    }

    #[test]
    fn names_of_the_ranges_each_once_in_order() {
        let code = [load(3), load(1), load(3), load(2)].concat();
        assert_eq!(globals(&code, Some(0..3 * LOAD), 4).as_slice(), [3, 1]);
        let ranges = [3 * LOAD..4 * LOAD, 0..LOAD];
        assert_eq!(globals(&code, ranges, 4).as_slice(), [2, 3]);
        assert_eq!(
            globals(&code, Some(0..4 * LOAD), 3).as_slice(),
            [1, 2],
            "beyond the names"
        );
    }

    #[test]
    fn arguments_of_more_than_a_byte() {
        let code = [EXTENDED_ARG[0], 1, LOAD_GLOBAL[0], 2 << SHIFT];
        let index = (0x100 | 2 << SHIFT) >> SHIFT;
        assert_eq!(globals(&code, Some(0..4), 1000).as_slice(), [index]);
    }

    #[test]
    fn ranges_beyond_the_code() {
        let code = load(0);
        for range in [0..u32::MAX, 1..3, 2..2, 7..9] {
            let _ = globals(&code, Some(range), 1);
        }
        assert!(globals(&[], Some(0..8), 1).is_empty());
    }
}
