//! From a name to its words in normal form.
//!
//! Words end at anything that is no letter or digit, at lower-to-Upper (`userName`) and at Upper-Upper-lower
//! (`HTTPServer`). The words are written one after another, folded, with the place where each begins: any run of words
//! is then one slice. Short ASCII names take [`super::short::split_ascii`], which works on masks of one bit per byte and branches once per
//! separator; everything else takes [`split_unicode`].

use super::fold::{Fold, fold_char};

/// The most words that are looked at; a name of more is long, and long names fail closed.
const MAX_WORDS: usize = 512;

/// Room for a folded name: 512 bytes, and what compatibility decomposition makes of them.
const LONG: usize = 2048;

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
    use super::super::short::{ShortBuffer, split_ascii};
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
