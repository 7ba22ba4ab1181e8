//! Parameterised messages: what differs from occurrence to occurrence becomes a placeholder.

use std::borrow::Cow;

use regex_automata::{Input, PatternID, meta};

use crate::lock::Lazy;

/// Lines of a message that count: the first ones that are not empty.
const LINES: usize = 2;
/// Characters of the result.
const MOST: usize = 512;
/// Characters of the message that are looked at: placeholders are shorter than most of what they replace.
const LOOKED_AT: usize = 4 * MOST;

/// What a match is replaced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Placeholder(&'static str),
    /// An IPv6 address, if it has a digit; else it may be a name with colons.
    Ip6,
    /// Words with slashes: a path if they look like one.
    Words,
    /// Quoted text, if the quote is not an apostrophe.
    Quoted,
    /// A number, if its sign is not a hyphen.
    Number,
    /// Letters and digits: whatever they look like.
    Word,
}

const NUMBER: &str = "<number>";
const HEX: &str = "<hex>";
const IP: &str = "<ip>";
const ID: &str = "<id>";
const PATH: &str = "<path>";
const TEXT: &str = "<text>";

/// In order of preference where several match at the same place. Every letter and digit is matched by the last one at least, so none
/// begins in the middle of a word.
const PATTERNS: [(Kind, &str); 17] = [
    (
        Kind::Placeholder("<url>"),
        r#"[A-Za-z][A-Za-z0-9+.\-]*://[^\s"'<>`)\]}]*[^\s"'<>`)\]}.,;:!?]"#,
    ),
    (
        Kind::Placeholder("<email>"),
        r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+",
    ),
    (
        Kind::Placeholder("<uuid>"),
        r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
    ),
    (
        Kind::Placeholder("<date>"),
        r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z| ?[+\-]\d\d:?\d\d)?)?",
    ),
    (
        Kind::Placeholder("<date>"),
        r"\d{4}/\d\d?/\d\d?(?: \d\d:\d\d(?::\d\d)?)?|\d\d?[/.]\d\d?[/.]\d{4}",
    ),
    (
        Kind::Placeholder("<date>"),
        r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? \d\d? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?: \d{4})?(?: \d\d:\d\d:\d\d)?(?: GMT| UTC| [+\-]\d{4})?",
    ),
    (
        Kind::Placeholder("<date>"),
        r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ?\d\d?(?: \d\d:\d\d:\d\d)?(?: GMT| UTC| [+\-]\d{4})?(?: \d{4}(?-u:\b))?",
    ),
    (Kind::Placeholder("<date>"), r"\d\d?:\d\d:\d\d(?:[.,]\d+)?"),
    (
        Kind::Placeholder(HEX),
        r"0[xX][0-9A-Fa-f]+|(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
    ),
    (
        Kind::Placeholder(IP),
        r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:/\d\d?)?(?::\d{1,5})?",
    ),
    (
        Kind::Ip6,
        r"(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}|::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}",
    ),
    (
        Kind::Placeholder("<duration>"),
        r"(?:\d+(?:\.\d+)? ?(?:ns|us|µs|μs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)(?-u:\b) ?)*\d+(?:\.\d+)? ?(?:ns|us|µs|μs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)(?-u:\b)|(?:\d+[hms]){2,}(?-u:\b)|PT?(?:\d+(?:\.\d+)?[DHMS]T?)+(?-u:\b)",
    ),
    (
        Kind::Placeholder(PATH),
        r#"[A-Za-z]:\\[^\s"'<>|*?;,)]+|\\\\[^\s"'<>|*?;,)]+|(?:~|\.{1,2})?(?:/[^\s/"'`<>:;,()\[\]{}|*?]+){2,}/?|(?:~|\.\.?)/[^\s/"'`<>:;,()\[\]{}|*?]+"#,
    ),
    (Kind::Words, r"[A-Za-z0-9_.\-]+(?:/[A-Za-z0-9_.\-]+)+"),
    (
        Kind::Quoted,
        r#"[bBfFrRuU]{0,2}(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|`[^`]*`|“[^”]*”|‘[^’]*’|«[^»]*»"#,
    ),
    (
        Kind::Number,
        r"[+\-]?\d+(?:[.,_]\d+)*(?:[eE][+\-]?\d+)?(?:%|(?-u:\b))",
    ),
    (Kind::Word, r"[A-Za-z0-9]+"),
];

/// `None` cannot happen: the patterns are constants, and a test compiles them.
static SCANNER: Lazy<Option<meta::Regex>> = Lazy::new(|| {
    let patterns = PATTERNS.map(|(_, pattern)| format!("(?-u:){pattern}").replace(r"\d", "[0-9]"));
    meta::Regex::new_many(&patterns).ok()
});

/// A message with placeholders for what varies: numbers, hexadecimal words, ids, UUIDs, dates, durations, e-mail addresses, URLs, IP
/// addresses, paths and quoted text. Two lines and 512 characters at most.
///
/// ```
/// use stillframe_core::fingerprint::parameterise;
///
/// assert_eq!(
///     parameterise("user 17 not found at https://shop.example/u/17 after 30 s"),
///     "user <number> not found at <url> after <duration>",
/// );
/// ```
#[must_use]
pub fn parameterise(message: &str) -> Cow<'_, str> {
    let head = head(message);
    let Some(scanner) = SCANNER.get() else {
        return head;
    };
    if !head
        .bytes()
        .any(|byte| byte.is_ascii_digit() || b"\"'`/\\@".contains(&byte) || byte >= 0x80)
    {
        return cut(head);
    }
    let mut output = Output::default();
    let mut at = 0;
    while let Some(found) = scanner.find(Input::new(&*head).range(at..)) {
        output.literal(&head[at..found.start()]);
        let text = &head[found.range()];
        at = found.start() + output.replace(kind(found.pattern()), text);
        if output.characters > MOST {
            break;
        }
    }
    output.literal(&head[at..]);
    cut(Cow::Owned(output.text))
}

fn kind(pattern: PatternID) -> Kind {
    PATTERNS
        .get(pattern.as_usize())
        .map_or(Kind::Word, |(kind, _)| *kind)
}

/// The lines that count, with single spaces.
fn head(message: &str) -> Cow<'_, str> {
    let end = message
        .char_indices()
        .nth(LOOKED_AT)
        .map_or(message.len(), |(at, _)| at);
    let mut lines = message[..end]
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("");
    let second = lines.next().filter(|_| LINES > 1);
    let is_tidy = |line: &str| !line.bytes().any(|byte| byte == b'\t') && !line.contains("  ");
    match second {
        None if is_tidy(first) => Cow::Borrowed(first),
        _ => {
            let words = [Some(first), second].into_iter().flatten();
            let words = words.flat_map(str::split_whitespace);
            Cow::Owned(words.collect::<Vec<_>>().join(" "))
        }
    }
}

fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.char_indices().nth(MOST) {
        None => text,
        Some((at, _)) => match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..at]),
            Cow::Owned(mut text) => {
                text.truncate(at);
                Cow::Owned(text)
            }
        },
    }
}

#[derive(Default)]
struct Output {
    text: String,
    characters: usize,
    /// The placeholder written last, and where the text behind it begins.
    last: Option<(&'static str, usize)>,
}

impl Output {
    fn literal(&mut self, text: &str) {
        self.text.push_str(text);
        self.characters += text.chars().count();
    }

    /// Writes a placeholder; a list of the same ones counts as one, however long it is.
    fn placeholder(&mut self, placeholder: &'static str) {
        if let Some((last, end)) = self.last
            && last == placeholder
            && matches!(&self.text[end..], ", " | "," | " ")
        {
            self.text.truncate(end);
            return;
        }
        self.literal(placeholder);
        self.last = Some((placeholder, self.text.len()));
    }

    /// Writes what a match stands for. Returns how many bytes of it are done with.
    fn replace(&mut self, kind: Kind, text: &str) -> usize {
        let before = self.text.chars().next_back();
        let in_word = before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '>' | ')'));
        match kind {
            Kind::Placeholder(placeholder) => self.placeholder(placeholder),
            Kind::Ip6 if !text.bytes().any(|byte| byte.is_ascii_digit()) => self.literal(text),
            Kind::Ip6 => self.placeholder(IP),
            Kind::Quoted if in_word && text.starts_with('\'') => {
                self.literal("'");
                return 1;
            }
            Kind::Quoted => self.placeholder(TEXT),
            Kind::Number if in_word && text.starts_with(['+', '-']) => {
                self.literal(&text[..1]);
                return 1;
            }
            Kind::Number => self.placeholder(NUMBER),
            Kind::Words if is_path(text) => self.placeholder(PATH),
            Kind::Words => {
                let word = text
                    .find(|c: char| !c.is_ascii_alphanumeric())
                    .unwrap_or(text.len());
                self.word(&text[..word]);
                // A word may begin with a dot or a dash.
                let separator = usize::from(word == 0);
                self.literal(&text[..separator]);
                return word + separator;
            }
            Kind::Word => self.word(text),
        }
        text.len()
    }

    fn word(&mut self, word: &str) {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if digits == 0 {
            self.literal(word);
        } else if digits == word.len() {
            self.placeholder(NUMBER);
        } else if word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.placeholder(HEX);
        } else if word.len() >= 8 && digit_runs(word) >= 2 {
            self.placeholder(ID);
        } else {
            let mut rest = word;
            while !rest.is_empty() {
                let letters = rest
                    .find(|c: char| c.is_ascii_digit())
                    .unwrap_or(rest.len());
                self.literal(&rest[..letters]);
                rest = &rest[letters..];
                if !rest.is_empty() {
                    self.placeholder(NUMBER);
                    rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                }
            }
        }
    }
}

/// Words with slashes are a path if there are three or more, or the last one has an extension.
fn is_path(words: &str) -> bool {
    let slashes = words.bytes().filter(|byte| *byte == b'/').count();
    let last = words.rsplit('/').next().unwrap_or("");
    let numbers = words
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'/');
    let extension = last.rfind('.').is_some_and(|dot| {
        let extension = &last[dot + 1..];
        dot > 0 && extension.starts_with(|c: char| c.is_ascii_alphabetic()) && extension.len() <= 5
    });
    (slashes > 1 || extension) && !numbers
}

fn digit_runs(word: &str) -> usize {
    word.split(|c: char| !c.is_ascii_digit())
        .filter(|run| !run.is_empty())
        .count()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MOST, SCANNER, parameterise};
    use proptest::prelude::*;

    #[test]
    fn what_varies_is_replaced() {
        assert!(SCANNER.get().is_some());
        for (message, expected) in [
            ("", ""),
            ("no such user", "no such user"),
            ("user 17 not found", "user <number> not found"),
            ("-5 is not positive", "<number> is not positive"),
            ("order-1234", "order-<number>"),
            ("order_1234_failed", "order_<number>_failed"),
            ("1,234.56 > 3e-7", "<number> > <number>"),
            ("97% full", "<number> full"),
            ("3.11.2", "<number>"),
            ("sha256 and utf8", "sha<number> and utf<number>"),
            ("12px", "<number>px"),
            ("at 0x7f00deadbeef", "at <hex>"),
            ("commit 9f86d08", "commit <hex>"),
            ("facade and cafe", "facade and cafe"),
            ("id 01ARZ3NDEKTSV4RRFFQ69G5FAV", "id <id>"),
            ("req_8f3a2b9c", "req_<hex>"),
            ("f47ac10b-58cc-4372-a567-0e02b2c3d479 gone", "<uuid> gone"),
            ("on 2024-02-30", "on <date>"),
            ("at 2024-02-28T12:13:14.567Z!", "at <date>!"),
            ("at 12:13:14", "at <date>"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "<date>"),
            ("since Sun Nov 6 08:49:37 1994.", "since <date>."),
            ("after 30s", "after <duration>"),
            ("after 1.5 seconds", "after <duration>"),
            ("took 1 h 30 min", "took <duration>"),
            ("took 1h30m", "took <duration>"),
            ("waits PT1H30M", "waits <duration>"),
            ("5 sheep", "<number> sheep"),
            (
                "mail to a.b+c@example.co.uk bounced",
                "mail to <email> bounced",
            ),
            ("GET https://x.example/a?b=1.", "GET <url>."),
            ("(postgres://u@h:5432/db)", "(<url>)"),
            ("10.0.0.1:8080 refused", "<ip> refused"),
            ("fe80::1 and ::1", "<ip> and <ip>"),
            ("2001:db8:0:0:0:0:0:1", "<ip>"),
            ("00:1a:2b:3c:4d:5e", "<hex>"),
            ("open /srv/app/x.json", "open <path>"),
            (r"open C:\app\x.json", "open <path>"),
            ("open ./x.json or ~/y", "open <path> or <path>"),
            ("in src/shop/cart.py", "in <path>"),
            ("in cart/x.py", "in <path>"),
            ("and/or 3/4", "and/or <number>/<number>"),
            ("text/html expected", "text/html expected"),
            ("key 'total' missing", "key <text> missing"),
            (r#"invalid "a \"b\" c" here"#, "invalid <text> here"),
            ("b'abc' is bytes", "<text> is bytes"),
            ("can't read user's file", "can't read user's file"),
            ("unclosed 'quote", "unclosed 'quote"),
            (
                "`x` and “y” and ‘z’ and «w»",
                "<text> and <text> and <text> and <text>",
            ),
            ("ids 1, 2, 3", "ids <number>"),
            ("ids [1, 2]", "ids [<number>]"),
            ("größe 12 zu groß", "größe <number> zu groß"),
            ("  first\n\n second 2 \nthird", "first second <number>"),
            ("a\tb   c", "a b c"),
            ("std::vector", "std::vector"),
            ("Bad::Face is no address", "Bad::Face is no address"),
            ("日本 3", "日本 <number>"),
        ] {
            assert_eq!(parameterise(message), expected, "{message}");
        }
    }

    #[test]
    fn changed_ids_give_the_same_text() {
        for (one, other) in [
            ("user 1 has 3 of 5", "user 123456 has 1 of 77"),
            ("'a' not in ['b']", "'other thing' not in ['c']"),
            (
                "timeout after 30s at 10.0.0.1",
                "timeout after 5 min at 192.168.17.3",
            ),
            ("missing ids: 4", "missing ids: 4, 5, 6"),
            ("duplicate key 3f2a9c1b", "duplicate key 7d0e4b5a"),
        ] {
            assert_eq!(parameterise(one), parameterise(other));
        }
    }

    #[test]
    fn the_length_is_bounded() {
        for message in ["é".repeat(10_000), "a 1 ".repeat(10_000), "x".repeat(513)] {
            assert!(parameterise(&message).chars().count() <= MOST);
        }
        assert_eq!(parameterise(&"x".repeat(512)).len(), 512);
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_its_result_is_stable(message in any::<String>()) {
            let once = parameterise(&message).into_owned();
            prop_assert_eq!(parameterise(&message), once);
        }

        #[test]
        fn any_number_is_a_number(a in any::<u64>(), b in 0u64..100_000) {
            let text = |n: u64| parameterise(&format!("got {n} of item{n}, expected -{n}.{n}")).into_owned();
            prop_assert_eq!(text(a), text(b));
        }
    }
}
