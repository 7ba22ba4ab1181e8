//! Appending to the output: short copies of fixed width, without a call per piece.

/// A short constant text that is copied as a block of `N` bytes, of which the first `length` count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Padded<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Padded<N> {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; N],
        length: 0,
    };

    /// `self` and then `more`; what does not fit into the block is left out (constants are checked by a test).
    pub(super) const fn then(mut self, more: &[u8]) -> Self {
        let mut index = 0;
        while index < more.len() && (self.length as usize) < N {
            self.bytes[self.length as usize] = more[index];
            self.length += 1;
            index += 1;
        }
        self
    }

    #[cfg(test)]
    pub(super) fn is_full(&self) -> bool {
        usize::from(self.length) == N
    }

    #[inline(always)]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        out.reserve(N);
        let length = out.len();
        // SAFETY: `reserve` made room for N bytes behind `length`, so the whole block may be written there; it comes from
        // `self`, which cannot overlap `out`. The new length covers the first `self.length` <= N of them (`then` never counts
        // beyond N), which are initialised now.
        unsafe {
            out.as_mut_ptr()
                .add(length)
                .cast::<[u8; N]>()
                .write(self.bytes);
            out.set_len(length + usize::from(self.length));
        }
    }
}

/// Appends bytes that are mostly few: two overlapping moves of fixed width up to 32, `memcpy` above.
#[inline]
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    let count = bytes.len();
    if count > 32 {
        return out.extend_from_slice(bytes);
    }
    out.reserve(32);
    let length = out.len();
    // SAFETY: `reserve` made room for 32 bytes behind `length`, and `bytes` has `count` <= 32, which is what `copy_short` needs;
    // `out` is borrowed exclusively, so the two do not overlap. Afterwards `count` more bytes are initialised.
    unsafe {
        copy_short(bytes.as_ptr(), out.as_mut_ptr().add(length), count);
        out.set_len(length + count);
    }
}

/// Appends a byte and, as [`append`] does, bytes behind it.
#[inline]
pub(super) fn append_headed(out: &mut Vec<u8>, header: u8, bytes: &[u8]) {
    let count = bytes.len();
    if count > 32 {
        out.push(header);
        return out.extend_from_slice(bytes);
    }
    out.reserve(33);
    let length = out.len();
    // SAFETY: `reserve` made room for 33 bytes behind `length`: the header and `count` <= 32 more, which is what `copy_short` needs;
    // `out` is borrowed exclusively, so it does not overlap `bytes`. Afterwards `1 + count` more bytes are initialised.
    unsafe {
        let to = out.as_mut_ptr().add(length);
        to.write(header);
        copy_short(bytes.as_ptr(), to.add(1), count);
        out.set_len(length + 1 + count);
    }
}

/// Copies `count` <= 32 bytes with two moves of fixed width that may overlap each other.
///
/// # Safety
///
/// `from` must be readable and `to` writable for `count` bytes, and they must not overlap.
#[inline(always)]
pub(super) unsafe fn copy_short(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: each branch reads and writes at offsets 0 and count - WIDTH only, with WIDTH <= count, so inside the `count` bytes
    // that the caller vouches for.
    unsafe {
        match count {
            0 => {}
            1..4 => {
                to.write(from.read());
                to.add(count / 2).write(from.add(count / 2).read());
                to.add(count - 1).write(from.add(count - 1).read());
            }
            4..8 => copy_ends::<4>(from, to, count),
            8..16 => copy_ends::<8>(from, to, count),
            _ => copy_ends::<16>(from, to, count),
        }
    }
}

/// # Safety
///
/// As [`copy_short`], and `WIDTH <= count <= 2 * WIDTH`.
#[inline(always)]
unsafe fn copy_ends<const WIDTH: usize>(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: the caller's, see above.
    unsafe {
        let head = from.cast::<[u8; WIDTH]>().read();
        let tail = from.add(count - WIDTH).cast::<[u8; WIDTH]>().read();
        to.cast::<[u8; WIDTH]>().write(head);
        to.add(count - WIDTH).cast::<[u8; WIDTH]>().write(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_length_is_copied_exactly() {
        let source: Vec<u8> = (1..=200).collect();
        for length in 0..source.len() {
            let mut out = vec![0xaa];
            append(&mut out, &source[..length]);
            assert_eq!(out[0], 0xaa);
            assert_eq!(&out[1..], &source[..length]);
            append_headed(&mut out, 0xbb, &source[..length]);
            assert_eq!(out[1 + length], 0xbb);
            assert_eq!(&out[2 + length..], &source[..length]);
        }
    }

    #[test]
    fn a_block_counts_only_its_text() {
        let block = Padded::<8>::EMPTY.then(b"ab").then(b"c");
        let mut out = Vec::new();
        for _ in 0..3 {
            block.append_to(&mut out);
        }
        assert_eq!(out, b"abcabcabc");
        assert!(Padded::<2>::EMPTY.then(b"abc").is_full());
    }
}
