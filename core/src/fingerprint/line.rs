//! The text of a source line, without what may change while the line stays the same.

use std::borrow::Cow;

use crate::language::Language;

/// More characters than this are not looked at.
const MOST: usize = 512;

/// A source line without indentation, comment and superfluous white space. Text in quotes stays as it is.
///
/// ```
/// use stillframe_core::fingerprint::source_line;
/// use stillframe_core::language::Language;
///
/// let line = source_line(Language::Python, "    total  +=  price['#']   # in cents");
/// assert_eq!(line, "total += price['#']");
/// ```
#[must_use]
pub fn source_line(language: Language, line: &str) -> Cow<'_, str> {
    let line = line.trim();
    let end = line
        .char_indices()
        .nth(MOST)
        .map_or(line.len(), |(at, _)| at);
    let line = &line[..end];
    let end = code_end(language, line);
    let line = line[..end].trim_end();
    if is_tidy(line) {
        Cow::Borrowed(line)
    } else {
        Cow::Owned(tidied(line))
    }
}

/// Where the comment at the end begins.
fn code_end(language: Language, line: &str) -> usize {
    let mut quotes = Quotes::default();
    let bytes = line.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if quotes.is_inside(byte) {
            continue;
        }
        let comment = match language {
            Language::Python => byte == b'#',
            Language::Java | Language::Dotnet | Language::Native => {
                byte == b'/' && matches!(bytes.get(at + 1), Some(b'/' | b'*'))
            }
            Language::Unknown => false,
        };
        if comment {
            return at;
        }
    }
    line.len()
}

fn is_tidy(line: &str) -> bool {
    let bytes = line.as_bytes();
    !bytes.contains(&b'\t') && !bytes.windows(2).any(|pair| pair == b"  ")
}

fn tidied(line: &str) -> String {
    let mut quotes = Quotes::default();
    let mut tidy = String::with_capacity(line.len());
    for character in line.chars() {
        let inside = u8::try_from(character).is_ok_and(|byte| quotes.is_inside(byte))
            || (quotes.open() && !character.is_ascii());
        if inside || !character.is_whitespace() {
            tidy.push(character);
        } else if !tidy.ends_with(' ') {
            tidy.push(' ');
        }
    }
    tidy
}

/// Follows quotes and escapes byte by byte.
#[derive(Default)]
struct Quotes {
    quote: Option<u8>,
    escaped: bool,
}

impl Quotes {
    fn open(&self) -> bool {
        self.quote.is_some()
    }

    /// Whether this byte is text in quotes (or one of the quotes).
    fn is_inside(&mut self, byte: u8) -> bool {
        match self.quote {
            Some(_) if self.escaped => self.escaped = false,
            Some(_) if byte == b'\\' => self.escaped = true,
            Some(quote) if byte == quote => self.quote = None,
            Some(_) => {}
            None if matches!(byte, b'"' | b'\'' | b'`') => self.quote = Some(byte),
            None => return false,
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::source_line;
    use crate::language::Language::{Java, Python, Unknown};

    #[test]
    fn comments_and_white_space_go_and_quoted_text_stays() {
        for (language, line, expected) in [
            (Python, "\treturn  a /  b", "return a / b"),
            (Python, "raise E('a  #b')  # c", "raise E('a  #b')"),
            (Python, r"x = 'it\'s  #1' # y", r"x = 'it\'s  #1'"),
            (Python, "# only a comment", ""),
            (Python, "a // b", "a // b"),
            (Java, "throw new E(\"//\"); // why", "throw new E(\"//\");"),
            (Java, "f(); /* why */", "f();"),
            (Unknown, "a # b // c", "a # b // c"),
            (Python, "größe\t=  'ä  ö'", "größe = 'ä  ö'"),
            (Python, "", ""),
        ] {
            assert_eq!(source_line(language, line), expected, "{line}");
        }
        let long = "é".repeat(10_000);
        assert_eq!(source_line(Python, &long).chars().count(), super::MOST);
    }
}
