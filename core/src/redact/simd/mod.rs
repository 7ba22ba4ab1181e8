//! The part of the scan that touches every byte: class masks, and the first stage of the literal filter.
//!
//! Two implementations with identical results: AVX2, chosen at run time, and one in plain Rust. Everything behind them
//! works on the 64-bit masks made here and is shared.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use super::literals::Filter;

/// Bytes per block: one bit each in a mask.
pub(super) const BLOCK: usize = 64;

/// Which bytes of one block are what. Bit `i` stands for byte `i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// `0-9`
    pub(super) digit: u64,
    /// `A-Z`
    pub(super) upper: u64,
    /// `A-Z a-z 0-9 _`
    pub(super) word: u64,
    pub(super) dash: u64,
    pub(super) dot: u64,
    pub(super) at: u64,
    pub(super) colon: u64,
    pub(super) equals: u64,
    pub(super) slash: u64,
    pub(super) space: u64,
    pub(super) greater: u64,
    pub(super) percent: u64,
    /// `"` or `'`
    pub(super) quote: u64,
    pub(super) comma: u64,
}

/// Which implementation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2Proof),
}

/// Can only be had where AVX2, BMI1 and BMI2 are present.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2Proof(());

impl Engine {
    /// The fastest this machine has.
    pub(super) fn detect() -> Engine {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
        {
            return Engine::Avx2(Avx2Proof(()));
        }
        Engine::Portable
    }

    /// Fills `blocks` from as many times 64 bytes, and `literals` with the places where the filter sees a window of a
    /// literal. `bytes` goes on for at least four bytes behind the last block.
    ///
    /// The two implementations may differ in `literals` only in false alarms, which confirmation removes.
    pub(super) fn classify(
        self,
        bytes: &[u8],
        filter: &Filter,
        blocks: &mut [Block],
        literals: &mut [u64],
    ) {
        assert!(bytes.len() >= blocks.len() * BLOCK + 4);
        assert!(literals.len() <= blocks.len());
        match self {
            Engine::Portable => portable::classify(bytes, filter, blocks, literals),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the proof says that the features are present; the asserts above are the bounds it asks for.
            Engine::Avx2(_) => unsafe { avx2::classify(bytes, filter, blocks, literals) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(bytes: &[u8], is: impl Fn(u8) -> bool) -> u64 {
        (0..BLOCK)
            .filter(|&i| is(bytes[i]))
            .fold(0, |mask, i| mask | 1 << i)
    }

    proptest! {
        #[test]
        fn masks_say_what_each_byte_is(bytes in prop::collection::vec(any::<u8>(), 3 * BLOCK + 4)) {
            for engine in [Engine::Portable, Engine::detect()] {
                let mut blocks = [Block::default(); 3];
                engine.classify(&bytes, &Filter::default(), &mut blocks, &mut []);
                for (i, block) in blocks.iter().enumerate() {
                    let b = &bytes[i * BLOCK..];
                    let expected = Block {
                        digit: naive(b, |c| c.is_ascii_digit()),
                        upper: naive(b, |c| c.is_ascii_uppercase()),
                        word: naive(b, |c| c.is_ascii_alphanumeric() || c == b'_'),
                        dash: naive(b, |c| c == b'-'),
                        dot: naive(b, |c| c == b'.'),
                        at: naive(b, |c| c == b'@'),
                        colon: naive(b, |c| c == b':'),
                        equals: naive(b, |c| c == b'='),
                        slash: naive(b, |c| c == b'/'),
                        space: naive(b, |c| c == b' '),
                        greater: naive(b, |c| c == b'>'),
                        percent: naive(b, |c| c == b'%'),
                        quote: naive(b, |c| c == b'"' || c == b'\''),
                        comma: naive(b, |c| c == b','),
                    };
                    prop_assert_eq!(*block, expected);
                }
            }
        }
    }
}
