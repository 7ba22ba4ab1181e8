//! From a name to its words in normal form.
//!
//! Words end at anything that is no letter or digit, at lower-to-Upper (`userName`) and at Upper-Upper-lower
//! (`HTTPServer`). The words are written one after another, folded, with the place where each begins: any run of words
//! is then one slice. Short ASCII names take [`split_ascii`], which looks at each byte once and branches on none;
//! everything else takes [`split_unicode`].

use super::fold::{Fold, fold_char};

/// The longest name the ASCII path takes.
pub(super) const SHORT: usize = 64;

/// The most words that are looked at; a name of more is long, and long names fail closed.
const MAX_WORDS: usize = 512;

/// Room for a folded name: 512 bytes, and what compatibility decomposition makes of them.
const LONG: usize = 2048;

const WORD: u8 = 1;
const UPPER: u8 = 2;
const LOWER_OR_DIGIT: u8 = 4;
const LOWER: u8 = 8;
/// Not for the ASCII path: controls, which hide in names, and everything beyond ASCII.
const OTHER: u8 = 16;

/// Class of each byte.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let c = i as u8;
        table[i] = if c.is_ascii_lowercase() {
            WORD | LOWER_OR_DIGIT | LOWER
        } else if c.is_ascii_uppercase() {
            WORD | UPPER
        } else if c.is_ascii_digit() {
            WORD | LOWER_OR_DIGIT
        } else if c.is_ascii_control() || c >= 0x80 {
            OTHER
        } else {
            0
        };
        i += 1;
    }
    table
};

/// The words of a name: folded text, and where each word begins. Three zero bytes follow the text.
pub(super) struct Words<'b> {
    pub(super) text: &'b [u8],
    starts: Starts<'b>,
    pub(super) count: usize,
    pub(super) len: usize,
}

enum Starts<'b> {
    Short(&'b [u8; SHORT + 2]),
    Long(&'b [u16; MAX_WORDS + 1]),
}

impl Words<'_> {
    /// Where word `i` begins; for `i == count` the end of the text.
    #[inline(always)]
    pub(super) fn start(&self, i: usize) -> usize {
        if i >= self.count {
            return self.len;
        }
        match self.starts {
            Starts::Short(s) => s[i] as usize,
            Starts::Long(s) => s[i] as usize,
        }
    }

    /// Words `from..to`, joined.
    #[inline(always)]
    pub(super) fn run(&self, from: usize, to: usize) -> &[u8] {
        self.text
            .get(self.start(from)..self.start(to))
            .unwrap_or_default()
    }
}

/// Buffers of [`split_ascii`].
pub(super) struct ShortBuffer {
    text: [u8; SHORT + 8],
    starts: [u8; SHORT + 2],
}

impl ShortBuffer {
    pub(super) fn new() -> Self {
        ShortBuffer {
            text: [0; SHORT + 8],
            starts: [0; SHORT + 2],
        }
    }
}

/// Splits a name of at most [`SHORT`] bytes; `None` when a byte needs [`split_unicode`].
#[inline(always)]
pub(super) fn split_ascii<'b>(name: &[u8], buffer: &'b mut ShortBuffer) -> Option<Words<'b>> {
    debug_assert!(name.len() <= SHORT);
    let (mut len, mut count) = (0usize, 0usize);
    let (mut before, mut seen) = (0u8, 0u8);
    let mut class = name.first().map_or(0, |&c| CLASS[c as usize]);
    for (i, &byte) in name.iter().enumerate().take(SHORT) {
        let next = name.get(i + 1).map_or(0, |&c| CLASS[c as usize]);
        let is_word = class & WORD;
        let is_upper = class >> 1 & 1;
        let after_lower = before >> 2 & 1;
        let inside_upper = (before >> 1) & (next >> 3) & 1;
        let begins = is_word & ((before & WORD ^ 1) | (is_upper & (after_lower | inside_upper)));
        buffer.text[len] = byte | is_upper << 5;
        buffer.starts[count] = len as u8;
        count += begins as usize;
        len += is_word as usize;
        seen |= class;
        before = class;
        class = next;
    }
    if seen & OTHER != 0 {
        return None;
    }
    buffer.text[len..len + 3].fill(0);
    Some(Words {
        text: &buffer.text,
        starts: Starts::Short(&buffer.starts),
        count,
        len,
    })
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
    buffer.text[len..len + 3].fill(0);
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
        #[test]
        fn both_paths_agree_on_ascii(name in "[A-Za-z0-9_.$@ -]{0,64}") {
            proptest::prop_assert_eq!(ascii(&name).unwrap(), unicode(name.as_bytes()));
        }
    }
}
