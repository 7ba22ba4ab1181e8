//! The identity of where an exception comes from, cheap enough to compute for every one of them.

use std::num::NonZeroU64;

// Odd constants with about as many ones as zeros: digits of pi, as foldhash and others use them.
const K: [u64; 5] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
];

/// A *site*: the exception's class and the code locations that it passed, as two 64-bit hashes.
///
/// `path` covers every frame that was hashed, `origin` the class and the raising frame only. One error that is reached by many
/// paths has many paths and one origin; the gate needs both to keep it from eating what is reserved for new errors.
///
/// It is good within one process only; an [issue](crate::fingerprint) is what is stable between processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SiteHash {
    path: NonZeroU64,
    origin: NonZeroU64,
}

impl SiteHash {
    /// From two hashes of the host's own making. A zero counts as some other number.
    #[must_use]
    pub fn from_parts(path: u64, origin: u64) -> Self {
        let some = |hash| NonZeroU64::new(hash).unwrap_or(NonZeroU64::MAX);
        Self {
            path: some(path),
            origin: some(origin),
        }
    }

    /// The hash of the class and all frames.
    #[must_use]
    pub fn path(self) -> u64 {
        self.path.get()
    }

    /// The hash of the class and the raising frame.
    #[must_use]
    pub fn origin(self) -> u64 {
        self.origin.get()
    }
}

/// At which end of the frames given to [`SiteHasher::frame`] the exception was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// In the first frame given.
    First,
    /// In the last frame given (the order of a Python traceback).
    Last,
}

/// Mixes a [`SiteHash`], in less than a nanosecond per frame.
///
/// ```
/// use stillframe_core::gate::{Raised, SiteHasher};
///
/// let file = SiteHasher::text("shop/cart.py");
/// let mut hasher = SiteHasher::new(SiteHasher::text("shop.errors.EmptyCart"));
/// hasher.frame(file, 10, 24); // file, first line of the function, instruction offset
/// hasher.frame(file, 42, 8);
/// let site = hasher.finish(Raised::Last);
/// assert_ne!(site.path(), site.origin());
/// ```
#[derive(Debug, Clone)]
pub struct SiteHasher {
    class: u64,
    path: u64,
    first: u64,
    last: u64,
    frames: u64,
}

impl SiteHasher {
    /// Begins with the identity of the exception's class: a hash of its name, or anything else that no other class shares
    /// while the process runs (so not a bare address, which is reused when a class is freed).
    #[inline]
    #[must_use]
    pub fn new(class: u64) -> Self {
        Self {
            class,
            path: 0,
            first: 0,
            last: 0,
            frames: 0,
        }
    }

    /// Adds one frame: a hash of its file's name, the first line of its function, and the offset of the instruction in it.
    #[inline]
    pub fn frame(&mut self, file: u64, first_line: u32, offset: u32) {
        let place = u64::from(first_line) << 32 | u64::from(offset);
        let frame = fold(file ^ K[0], place ^ K[1]);
        // Each frame is mixed by itself, so the multiplications overlap; what chains is one shift and two additions. 5 has
        // the longest possible period modulo 2^64, so frames are told apart by their position at any depth.
        self.path = (self.path << 2).wrapping_add(self.path).wrapping_add(frame);
        self.first = if self.frames == 0 { frame } else { self.first };
        self.last = frame;
        self.frames += 1;
    }

    /// The site of the class and the frames given.
    #[inline]
    #[must_use]
    pub fn finish(&self, raised: Raised) -> SiteHash {
        let raising = match raised {
            Raised::First => self.first,
            Raised::Last => self.last,
        };
        let path = fold(
            self.path ^ K[2],
            self.class.wrapping_add(self.frames) ^ K[3],
        );
        let origin = fold(raising ^ K[3], self.class ^ K[4]);
        SiteHash::from_parts(path, origin)
    }

    /// A 64-bit hash of a name, for hosts whose strings do not carry one.
    #[must_use]
    pub fn text(name: &str) -> u64 {
        Self::bytes(name.as_bytes())
    }

    /// The same for a name that nobody has checked yet.
    #[must_use]
    pub fn bytes(name: &[u8]) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = foldhash::fast::FixedState::with_seed(K[4]).build_hasher();
        hasher.write(name);
        hasher.finish()
    }
}

/// Both halves of the 128-bit product, xored: every bit of the result depends on every bit of the operands.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    let low = product as u64;
    low ^ (product >> 64) as u64
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Raised, SiteHash, SiteHasher};
    use std::collections::HashSet;

    fn site(class: u64, frames: &[(u64, u32, u32)]) -> SiteHash {
        let mut hasher = SiteHasher::new(class);
        for &(file, line, offset) in frames {
            hasher.frame(file, line, offset);
        }
        hasher.finish(Raised::Last)
    }

    #[test]
    fn everything_that_is_mixed_in_tells_sites_apart() {
        let base = [(7, 1, 10), (7, 20, 4), (8, 3, 0)];
        let variants = [
            (1, base.to_vec()),
            (2, base.to_vec()),
            (1, base[..2].to_vec()),
            (1, vec![base[1], base[0], base[2]]),
            (1, vec![(9, 1, 10), base[1], base[2]]),
            (1, vec![(7, 2, 10), base[1], base[2]]),
            (1, vec![(7, 1, 11), base[1], base[2]]),
            (1, vec![(7, 10, 1), base[1], base[2]]),
            (1, vec![base[0], base[0], base[1], base[2]]),
            (1, vec![]),
            (2, vec![]),
        ];
        let paths: HashSet<u64> = variants
            .iter()
            .map(|(c, frames)| site(*c, frames).path())
            .collect();
        assert_eq!(paths.len(), variants.len());
        assert_eq!(site(1, &base), site(1, &base));
    }

    #[test]
    fn the_origin_is_the_class_and_the_raising_frame() {
        let raise = (8, 3, 0);
        let one = site(1, &[(7, 1, 10), raise]);
        let other = site(1, &[(9, 5, 2), (7, 1, 10), raise]);
        assert_ne!(one.path(), other.path());
        assert_eq!(one.origin(), other.origin());
        assert_ne!(one.origin(), site(2, &[raise]).origin());
        assert_ne!(one.origin(), site(1, &[raise, (8, 3, 1)]).origin());

        let mut hasher = SiteHasher::new(1);
        hasher.frame(8, 3, 0);
        hasher.frame(7, 1, 10);
        assert_eq!(hasher.finish(Raised::First).origin(), one.origin());
    }

    #[test]
    fn recursion_of_any_depth_is_told_apart() {
        let paths: HashSet<u64> = (0..2000)
            .map(|depth| site(1, &vec![(7, 1, 10); depth]).path())
            .collect();
        assert_eq!(paths.len(), 2000);
        let swapped = |at: usize| {
            let mut frames = vec![(7, 1, 10); 300];
            frames[at] = (7, 1, 12);
            site(1, &frames).path()
        };
        let paths: HashSet<u64> = (0..300).map(swapped).collect();
        assert_eq!(paths.len(), 300);
    }

    #[test]
    fn small_inputs_do_not_collide() {
        let mut paths = HashSet::new();
        for file in 0..20 {
            for line in 0..50 {
                for offset in 0..50 {
                    assert!(paths.insert(site(3, &[(file, line, offset)]).path()));
                }
            }
        }
    }
}
