//! Integers, floats and their text.
//!
//! Integers are exact up to 64 bits and by their 128 most significant bits beyond, whatever their size: no division, no text.

use pyo3_ffi as ffi;
use stillframe_core::tape::TapeWriter;

use super::layout;
use super::object::{Int, Obj};

/// Bits of a digit of CPython's integers.
const DIGIT_BITS: u32 = 30;

/// An integer's value, or the head of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    Small(i64),
    Unsigned(u64),
    Big {
        negative: bool,
        bits: u32,
        /// The top 128 bits, or all.
        head: u128,
    },
    /// The fallback does not read integers of more than 64 bits.
    Unread,
}

impl Int<'_> {
    #[inline]
    pub(super) fn value<const DIRECT: bool>(self) -> Integer {
        if !DIRECT {
            return self.asked();
        }
        let (negative, count) = self.sign_and_digits();
        let digit = |index: usize| {
            // SAFETY: an integer has at least one digit stored, and `index` is below their number where it is more than 0.
            u64::from(unsafe { self.0.read::<u32>(layout::INT_DIGITS + 4 * index) })
        };
        let magnitude = match count {
            0 => return Integer::Small(0),
            1 => digit(0),
            2 => digit(0) | digit(1) << DIGIT_BITS,
            _ => return self.large(negative, count),
        };
        let value = magnitude as i64;
        Integer::Small(if negative { -value } else { value })
    }

    #[cfg(not(Py_3_12))]
    #[inline]
    fn sign_and_digits(self) -> (bool, usize) {
        // SAFETY: the size of an int is its number of digits, with its sign.
        let size = unsafe { self.0.read::<isize>(layout::VAR_SIZE) };
        (size < 0, size.unsigned_abs())
    }

    #[cfg(Py_3_12)]
    #[inline]
    fn sign_and_digits(self) -> (bool, usize) {
        // SAFETY: an int has its tag there: sign in the low two bits (0 positive, 1 zero, 2 negative), digits from bit 3.
        let tag = unsafe { self.0.read::<usize>(layout::VAR_SIZE) };
        let sign = tag & 3;
        (sign == 2, if sign == 1 { 0 } else { tag >> 3 })
    }

    #[inline(never)]
    fn large(self, negative: bool, count: usize) -> Integer {
        let digits = self.0.inside(layout::INT_DIGITS).cast::<u32>();
        // SAFETY: an integer stores `count` digits of 32 bits there.
        let digits = unsafe { std::slice::from_raw_parts(digits, count) };
        integer_of(negative, digits)
    }

    #[cold]
    fn asked(self) -> Integer {
        let mut overflow = 0;
        // SAFETY: the object is an int, which these calls only read; an error that one sets is taken back at once.
        unsafe {
            let value = ffi::PyLong_AsLongLongAndOverflow(self.0.pointer(), &raw mut overflow);
            if overflow == 0 {
                return Integer::Small(value);
            }
            if overflow > 0 {
                let value = ffi::PyLong_AsUnsignedLongLong(self.0.pointer());
                if ffi::PyErr_Occurred().is_null() {
                    return Integer::Unsigned(value);
                }
                ffi::PyErr_Clear();
            }
        }
        Integer::Unread
    }
}

/// The integer of these digits, the least significant first.
fn integer_of(negative: bool, digits: &[u32]) -> Integer {
    let Some((&top, _)) = digits.split_last() else {
        return Integer::Small(0);
    };
    let top_bits = u32::BITS - top.leading_zeros();
    let bits = (digits.len() as u64 - 1) * u64::from(DIGIT_BITS) + u64::from(top_bits);
    // Six digits hold 128 bits even if only one of the first one's bits counts.
    let first = digits.len().saturating_sub(6);
    let mut head: u128 = 0;
    let mut room = 128;
    for (index, &digit) in digits.iter().enumerate().skip(first).rev() {
        let width = if index + 1 == digits.len() {
            top_bits
        } else {
            DIGIT_BITS
        };
        let taken = width.min(room);
        head = if taken == 0 {
            head
        } else {
            head << taken | u128::from(digit >> (width - taken))
        };
        room -= taken;
    }
    match (u32::try_from(bits).unwrap_or(u32::MAX), negative) {
        (0..=63, false) => Integer::Small(head as i64),
        (0..=63, true) => Integer::Small(-(head as i64)),
        (64, false) => Integer::Unsigned(head as u64),
        (64, true) if head == 1 << 63 => Integer::Small(i64::MIN),
        (bits, negative) => Integer::Big {
            negative,
            bits,
            head,
        },
    }
}

impl Integer {
    /// Writes it as one value. `false` if it was not read.
    #[inline]
    pub(super) fn write(self, out: &mut TapeWriter) -> bool {
        match self {
            Self::Small(value) => out.int(value),
            Self::Unsigned(value) => out.uint(value),
            Self::Big {
                negative,
                bits,
                head,
            } => out.big_int(negative, bits, head),
            Self::Unread => return false,
        }
        true
    }
}

/// The value of a float or of an instance of a subclass.
#[inline]
pub(super) fn float(object: Obj<'_>) -> f64 {
    // SAFETY: callers pass floats only, which hold their value there (public layout, unchanged since 1990s releases).
    unsafe { object.read(layout::FLOAT_VALUE) }
}

/// `repr()` of a float, as CPython writes it.
pub(super) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}
