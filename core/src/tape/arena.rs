//! The writer's memory: one fixed allocation, reused, written by fixed-width stores.

/// A byte buffer of fixed capacity. Callers ask for room once per opcode and then write without further checks.
#[derive(Debug)]
pub(super) struct Arena {
    buffer: Box<[u8]>,
    length: usize,
}

impl Arena {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            buffer: vec![0; capacity].into_boxed_slice(),
            length: 0,
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }

    /// Room for exactly `size` more bytes, or `None` if they do not fit. Every byte of it must be written before the next call.
    #[inline]
    pub(super) fn room(&mut self, size: usize) -> Option<Room<'_>> {
        let end = self.length.checked_add(size)?;
        let target = self.buffer.get_mut(self.length..end)?;
        self.length = end;
        Some(Room { rest: target })
    }
}

/// Bytes being filled in front to back.
pub(super) struct Room<'a> {
    rest: &'a mut [u8],
}

impl Room<'_> {
    /// Says that everything that was asked for has been written.
    #[inline]
    pub(super) fn filled(self) {
        debug_assert!(self.rest.is_empty(), "a room was asked for and not filled");
    }

    #[inline]
    pub(super) fn put<const N: usize>(mut self, bytes: [u8; N]) -> Self {
        debug_assert!(N <= self.rest.len());
        // SAFETY: every caller of `Arena::room` asks for at least the bytes that it puts (asserted above in every test build),
        // so the first N of `rest` exist; `bytes` is a local and cannot overlap.
        unsafe {
            self.rest
                .as_mut_ptr()
                .cast::<[u8; N]>()
                .write_unaligned(bytes);
            let rest = std::mem::take(&mut self.rest);
            self.rest = rest.get_unchecked_mut(N..);
        }
        self
    }

    #[inline]
    pub(super) fn u8(self, value: u8) -> Self {
        self.put([value])
    }

    #[inline]
    pub(super) fn u16(self, value: u16) -> Self {
        self.put(value.to_le_bytes())
    }

    #[inline]
    pub(super) fn u32(self, value: u32) -> Self {
        self.put(value.to_le_bytes())
    }

    #[inline]
    pub(super) fn u64(self, value: u64) -> Self {
        self.put(value.to_le_bytes())
    }

    /// Copies text with two overlapping fixed-width moves where it is short, as most names and strings are.
    #[inline]
    pub(super) fn bytes(mut self, source: &[u8]) -> Self {
        let length = source.len();
        debug_assert!(length <= self.rest.len());
        let (from, to) = (source.as_ptr(), self.rest.as_mut_ptr());
        // SAFETY: source and target both hold at least `length` bytes (asserted above; see `put`), they cannot overlap (`rest` is
        // exclusively borrowed), and each branch touches only bytes 0..length of both.
        unsafe {
            match length {
                0 => {}
                1..4 => {
                    to.write(from.read());
                    to.add(length / 2).write(from.add(length / 2).read());
                    to.add(length - 1).write(from.add(length - 1).read());
                }
                4..8 => overlapping::<4>(from, to, length),
                8..=16 => overlapping::<8>(from, to, length),
                17..=32 => overlapping::<16>(from, to, length),
                _ => std::ptr::copy_nonoverlapping(from, to, length),
            }
            let rest = std::mem::take(&mut self.rest);
            self.rest = rest.get_unchecked_mut(length..);
        }
        self
    }
}

/// Moves `length` bytes, N <= length <= 2 * N, as the first N and the last N.
///
/// # Safety
///
/// `from` must be readable and `to` writable for `length` bytes, without overlap.
#[inline(always)]
unsafe fn overlapping<const N: usize>(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: both ranges 0..N and length - N..length lie inside 0..length because N <= length; the rest is the caller's.
    unsafe {
        let head = from.cast::<[u8; N]>().read_unaligned();
        let tail = from.add(length - N).cast::<[u8; N]>().read_unaligned();
        to.cast::<[u8; N]>().write_unaligned(head);
        to.add(length - N).cast::<[u8; N]>().write_unaligned(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn copies_every_length_exactly() {
        let source: Vec<u8> = (0..80).collect();
        for length in 0..=source.len() {
            let mut arena = Arena::new(length + 2);
            arena
                .room(length + 2)
                .unwrap()
                .u8(0xaa)
                .bytes(&source[..length])
                .u8(0xbb)
                .filled();
            assert_eq!(arena.bytes()[0], 0xaa);
            assert_eq!(&arena.bytes()[1..=length], &source[..length]);
            assert_eq!(arena.bytes()[length + 1], 0xbb);
            assert!(arena.room(1).is_none());
        }
    }
}
