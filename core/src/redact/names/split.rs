//! From a name to its words in normal form.
//!
//! Words end at anything that is no letter or digit, at lower-to-Upper (`userName`) and at Upper-Upper-lower
//! (`HTTPServer`). The words are written one after another, folded, with the place where each begins: any run of words
//! is then one slice. Short ASCII names take [`split_ascii`], which works on masks of one bit per byte and branches once per
//! separator; everything else takes [`split_unicode`].

use super::fold::{Fold, fold_char};

/// The longest name the ASCII path takes.
pub(super) const SHORT: usize = 64;

/// The most words that are looked at; a name of more is long, and long names fail closed.
const MAX_WORDS: usize = 512;

/// Room for a folded name: 512 bytes, and what compatibility decomposition makes of them.
const LONG: usize = 2048;

const WORD: u8 = 1;
const UPPER: u8 = 2;
const LOWER: u8 = 4;
const OTHER: u8 = 8;

/// Class of each byte.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let c = i as u8;
        table[i] = if c.is_ascii_lowercase() {
            WORD | LOWER
        } else if c.is_ascii_uppercase() {
            WORD | UPPER
        } else if c.is_ascii_digit() {
            WORD
        } else if c.is_ascii_control() || c >= 0x80 {
            OTHER
        } else {
            0
        };
        i += 1;
    }
    table
};

/// The words of a name: folded text, and where each word begins. Four zero bytes follow the text.
pub(super) struct Words<'b> {
    pub(super) text: &'b [u8],
    pub(super) starts: Starts<'b>,
    pub(super) count: usize,
    pub(super) len: usize,
}

/// Where words begin.
pub(super) enum Starts<'b> {
    /// One bit each, in a text of at most 64 bytes.
    Short(u64),
    Long(&'b [u16; MAX_WORDS + 1]),
}

impl Words<'_> {
    /// Where word `i` begins; for `i == count` the end of the text.
    pub(super) fn start(&self, i: usize) -> usize {
        if i >= self.count {
            return self.len;
        }
        match self.starts {
            Starts::Short(bits) => (0..i)
                .fold(bits, |bits, _| bits & (bits - 1))
                .trailing_zeros() as usize,
            Starts::Long(starts) => starts[i] as usize,
        }
    }

    /// Words `from..to`, joined.
    pub(super) fn run(&self, from: usize, to: usize) -> &[u8] {
        self.text
            .get(self.start(from)..self.start(to))
            .unwrap_or_default()
    }
}

/// Room for a short name, what is written beyond its end, and four zero bytes.
type Folded = [u8; SHORT + 24];

/// Room for [`split_ascii`]: the name folded, and its words joined.
pub(super) struct ShortBuffer {
    folded: Folded,
    joined: Folded,
}

impl ShortBuffer {
    #[inline(always)]
    pub(super) fn new() -> Self {
        ShortBuffer {
            folded: [0; SHORT + 24],
            joined: [0; SHORT + 24],
        }
    }
}

/// What a short name's bytes are, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Masks {
    word: u64,
    upper: u64,
    lower: u64,
    /// Not for the ASCII path: controls, which hide in names, and everything beyond ASCII.
    other: u64,
}

/// Splits a name of at most [`SHORT`] bytes; `None` when a byte needs [`split_unicode`].
#[inline(always)]
pub(super) fn split_ascii<'b>(name: &[u8], buffer: &'b mut ShortBuffer) -> Option<Words<'b>> {
    debug_assert!(name.len() <= SHORT);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    let masks = unsafe { sse2::fold(name, &mut buffer.folded) };
    #[cfg(not(target_arch = "x86_64"))]
    let masks = fold_portably(name, &mut buffer.folded);
    if masks.other != 0 {
        return None;
    }
    let Masks {
        word, upper, lower, ..
    } = masks;
    let digit = word & !(upper | lower);
    let changes = upper & ((lower | digit) << 1 | (upper << 1 & lower >> 1));
    let begins = word & (!(word << 1) | changes);
    // A name of one run, from its first byte on, is joined as it is.
    let (text, starts, len) = if word & word.wrapping_add(1) == 0 {
        (&mut buffer.folded, begins, word.count_ones() as usize)
    } else {
        let (starts, len) = join(word, begins, &buffer.folded, &mut buffer.joined);
        (&mut buffer.joined, starts, len)
    };
    text[len..len + 4].fill(0);
    let count = starts.count_ones() as usize;
    Some(Words {
        text,
        starts: Starts::Short(starts),
        count,
        len,
    })
}

/// Copies the runs of `word` one behind the other, and the bits of `begins` with them. Returns those bits and the length.
#[inline(always)]
fn join(word: u64, begins: u64, folded: &Folded, joined: &mut Folded) -> (u64, usize) {
    let (mut rest, mut starts, mut len) = (word, 0, 0);
    while rest != 0 {
        let from = rest.trailing_zeros() as usize;
        let run = (rest >> from).trailing_ones() as usize;
        let bits = u64::MAX >> (64 - run);
        starts |= (begins >> from & bits) << len;
        // Whole blocks, because their size is known; what is too much is overwritten by the next run.
        for block in (0..run).step_by(16) {
            let source = &folded[from + block..from + block + 16];
            joined[len + block..len + block + 16].copy_from_slice(source);
        }
        len += run;
        rest &= !(bits << from);
    }
    (starts, len)
}

/// Writes the folded bytes to `buffer` and says what they are.
#[cfg_attr(
    target_arch = "x86_64",
    cfg_attr(not(test), expect(dead_code, reason = "x86-64 always has SSE2"))
)]
fn fold_portably(name: &[u8], buffer: &mut Folded) -> Masks {
    let mut masks = Masks::default();
    for (i, (&byte, place)) in name.iter().zip(buffer.iter_mut()).enumerate() {
        let class = CLASS[byte as usize];
        masks.word |= u64::from(class & WORD) << i;
        masks.upper |= u64::from(class >> 1 & 1) << i;
        masks.lower |= u64::from(class >> 2 & 1) << i;
        masks.other |= u64::from(class >> 3) << i;
        *place = byte | (class & UPPER) << 4;
    }
    masks
}

/// The same sixteen bytes at a time. Nothing has to be detected: SSE2 is part of x86-64.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    use super::{Folded, Masks};

    #[target_feature(enable = "sse2")]
    #[inline]
    pub(super) fn fold(name: &[u8], buffer: &mut Folded) -> Masks {
        let mut masks = Masks::default();
        let (blocks, rest) = name.as_chunks::<16>();
        for (i, block) in blocks.iter().enumerate().take(4) {
            fold_block(u128::from_le_bytes(*block), i, &mut masks, buffer);
        }
        if !rest.is_empty() && blocks.len() < 4 {
            let last = match name.last_chunk::<16>() {
                Some(tail) => u128::from_le_bytes(*tail) >> (8 * (16 - rest.len())),
                None => short(rest),
            };
            fold_block(last, blocks.len(), &mut masks, buffer);
        }
        // What pads the last block is neither word nor other.
        if name.len() < 64 {
            masks.other &= (1 << name.len()) - 1;
        }
        masks
    }

    /// Fewer than sixteen bytes, padded with zeros, by loads that overlap.
    #[inline(always)]
    fn short(bytes: &[u8]) -> u128 {
        let n = bytes.len();
        if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            let last = u128::from(u64::from_le_bytes(*last)) << (8 * (n - 8));
            return u128::from(u64::from_le_bytes(*first)) | last;
        }
        if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            let last = u64::from(u32::from_le_bytes(*last)) << (8 * (n - 4));
            return u128::from(u64::from(u32::from_le_bytes(*first)) | last);
        }
        bytes
            .iter()
            .rev()
            .fold(0, |all, &byte| all << 8 | u128::from(byte))
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn fold_block(bytes: u128, index: usize, masks: &mut Masks, buffer: &mut Folded) {
        let at = 16 * index;
        let x = _mm_set_epi64x((bytes >> 64) as i64, bytes as i64);
        // Signed comparisons do, since everything beyond ASCII is negative and in no range.
        let between = |low: u8, high: u8| {
            let above = _mm_cmpgt_epi8(x, _mm_set1_epi8(low as i8 - 1));
            _mm_and_si128(above, _mm_cmplt_epi8(x, _mm_set1_epi8(high as i8 + 1)))
        };
        let bits = |mask: __m128i| u64::from(_mm_movemask_epi8(mask) as u32) << at;
        let upper = between(b'A', b'Z');
        let lower = between(b'a', b'z');
        let digit = between(b'0', b'9');
        let shown = _mm_and_si128(
            _mm_cmpgt_epi8(x, _mm_set1_epi8(0x1F)),
            _mm_cmplt_epi8(x, _mm_set1_epi8(0x7F)),
        );
        masks.upper |= bits(upper);
        masks.lower |= bits(lower);
        masks.word |= bits(_mm_or_si128(_mm_or_si128(upper, lower), digit));
        masks.other |= u64::from(!_mm_movemask_epi8(shown) as u32 & 0xFFFF) << at;
        let folded = _mm_or_si128(x, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
        let place = &mut buffer[at..at + 16];
        // SAFETY: the slice holds the 16 bytes that are stored.
        unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), folded) };
    }
}

/// Buffers of [`split_unicode`].
pub(super) struct LongBuffer {
    text: [u8; LONG + 8],
    starts: [u16; MAX_WORDS + 1],
}

impl LongBuffer {
    pub(super) fn new() -> Self {
        LongBuffer {
            text: [0; LONG + 8],
            starts: [0; MAX_WORDS + 1],
        }
    }
}

/// Splits any name. Bytes that are not UTF-8 are dropped, as are characters that do not show. `None` when the folded
/// name is too long to look at.
pub(super) fn split_unicode<'b>(name: &[u8], buffer: &'b mut LongBuffer) -> Option<Words<'b>> {
    let mut out = Writer {
        buffer,
        len: 0,
        count: 0,
        before: [Class::Gap; 2],
        last: 0,
        full: false,
    };
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            fold_char(c, &mut |fold| out.push(fold));
        }
    }
    let Writer {
        buffer,
        len,
        count,
        full,
        ..
    } = out;
    if full {
        return None;
    }
    buffer.text[len..len + 4].fill(0);
    Some(Words {
        text: &buffer.text,
        starts: Starts::Long(&buffer.starts),
        count,
        len,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Gap,
    Upper,
    Lower,
    Digit,
}

struct Writer<'b> {
    buffer: &'b mut LongBuffer,
    len: usize,
    count: usize,
    /// Classes of the two characters before, the nearer one first.
    before: [Class; 2],
    /// Where the character before begins.
    last: usize,
    full: bool,
}

impl Writer<'_> {
    fn push(&mut self, fold: Fold) {
        let (class, c) = match fold {
            Fold::Gap => {
                self.before = [Class::Gap, self.before[0]];
                return;
            }
            Fold::Upper(c) => (Class::Upper, c),
            Fold::Lower(c) => (Class::Lower, c),
            Fold::Digit(c) => (Class::Digit, c),
        };
        let width = c.len_utf8();
        if self.full || self.len + width > LONG || self.count + 2 > MAX_WORDS {
            self.full = true;
            return;
        }
        match (self.before, class) {
            ([Class::Gap, _], _) | ([Class::Lower | Class::Digit, _], Class::Upper) => {
                self.begin(self.len);
            }
            // In `HTTPServer` the `S` turns out to begin a word when `e` comes. It may already do so.
            ([Class::Upper, Class::Upper], Class::Lower) => self.begin(self.last),
            _ => {}
        }
        c.encode_utf8(&mut self.buffer.text[self.len..self.len + width]);
        self.last = self.len;
        self.len += width;
        self.before = [class, self.before[0]];
    }

    fn begin(&mut self, at: usize) {
        if self.count > 0 && self.buffer.starts[self.count - 1] as usize == at {
            return;
        }
        self.buffer.starts[self.count] = at as u16;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ascii(name: &str) -> Option<Vec<String>> {
        let mut buffer = ShortBuffer::new();
        split_ascii(name.as_bytes(), &mut buffer).map(|w| list(&w))
    }

    fn unicode(name: &[u8]) -> Vec<String> {
        let mut buffer = LongBuffer::new();
        list(&split_unicode(name, &mut buffer).unwrap())
    }

    fn list(words: &Words<'_>) -> Vec<String> {
        (0..words.count)
            .map(|i| String::from_utf8(words.run(i, i + 1).to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn words_end_at_separators_and_at_changes_of_case() {
        for (name, expected) in [
            ("user_password", "user password"),
            ("passwordHash", "password hash"),
            ("HTTPServer", "http server"),
            ("X-Api-Key", "x api key"),
            ("oauth2Token", "oauth2 token"),
            ("__init__", "init"),
            ("AWS_SECRET_ACCESS_KEY", "aws secret access key"),
            ("aB", "a b"),
            ("AB", "ab"),
            ("ABc", "a bc"),
            ("_", ""),
            ("", ""),
            ("$$ .. @@", ""),
            ("a.b.c", "a b c"),
        ] {
            let expected: Vec<&str> = expected.split_terminator(' ').collect();
            assert_eq!(ascii(name).unwrap(), expected, "{name}");
            assert_eq!(
                unicode(name.as_bytes()),
                expected,
                "{name} by the other path"
            );
        }
    }

    #[test]
    fn what_is_not_plain_ascii_is_left_to_the_other_path() {
        assert!(ascii("pass\0word").is_none());
        assert!(ascii("pässword").is_none());
        assert_eq!(unicode(b"pass\0word"), ["password"]);
        assert_eq!(unicode(b"pass\xffword"), ["password"]);
        assert_eq!(unicode("p\u{200b}assWort".as_bytes()), ["pass", "wort"]);
        assert_eq!(
            unicode("ｕｓｅｒＰａｓｓｗｏｒｄ".as_bytes()),
            ["user", "password"]
        );
    }

    #[test]
    fn a_name_that_folds_to_too_much_is_refused() {
        let mut buffer = LongBuffer::new();
        assert!(split_unicode("\u{fdfa}".repeat(170).as_bytes(), &mut buffer).is_none());
        assert!(split_unicode("a_".repeat(600).as_bytes(), &mut buffer).is_none());
    }

    proptest::proptest! {
        #[cfg(target_arch = "x86_64")]
        #[test]
        fn folding_with_and_without_sse2_is_the_same(
            name in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..=SHORT),
        ) {
            let mut buffers = [[0; SHORT + 24]; 2];
            let [fast, plain] = &mut buffers;
            // SAFETY: SSE2 is part of x86-64.
            let masks = unsafe { sse2::fold(&name, fast) };
            proptest::prop_assert_eq!(masks, fold_portably(&name, plain));
            proptest::prop_assert_eq!(&fast[..name.len()], &plain[..name.len()]);
        }

        #[test]
        fn both_paths_agree_on_ascii(name in "[A-Za-z0-9_.$@ -]{0,64}") {
            proptest::prop_assert_eq!(ascii(&name).unwrap(), unicode(name.as_bytes()));
        }
    }
}
