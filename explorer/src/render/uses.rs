//! Which names a line of source uses, and what of them: `self.rates[day]` uses `self` by its `rates`, and `day`.
//!
//! A scanner, not a parser: it works for any language with C-like or Python-like names and strings, and on a line that is
//! only a part of a statement. Text in quotes and comments is skipped, except the expressions inside Python's f-strings.
//! One pass over at most [`MAX_SOURCE`] bytes.

/// Bytes of source that are looked at.
const MAX_SOURCE: usize = 4096;

/// One use of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use<'s> {
    /// The variable.
    pub name: &'s str,
    /// What is reached through it: `["rates"]` for `self.rates[day]`; a constant subscript counts as well (`row["id"]`).
    pub path: Vec<&'s str>,
    /// Bytes of the line that the name and its path take.
    pub range: std::ops::Range<usize>,
}

/// The uses of names on a line, in their order.
pub(crate) fn uses(line: &str) -> Vec<Use<'_>> {
    let mut scanner = Scanner {
        source: super::text::head(line, MAX_SOURCE),
        at: 0,
        found: Vec::new(),
    };
    let end = scanner.source.len();
    scanner.scan(end);
    scanner.found
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    found: Vec<Use<'s>>,
}

impl<'s> Scanner<'s> {
    fn byte(&self, at: usize) -> u8 {
        self.source.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn scan(&mut self, end: usize) {
        while self.at < end {
            match self.byte(self.at) {
                b'#' => self.at = end,
                b'/' if self.byte(self.at + 1) == b'/' && self.at_comment() => self.at = end,
                b'"' | b'\'' => self.string(false, end),
                byte if is_start(byte) => self.name(end),
                byte if byte.is_ascii_digit() => self.number(),
                _ => self.at += 1,
            }
        }
    }

    /// Whether the `//` here begins a comment: in Python it divides, and stands between two operands.
    fn at_comment(&self) -> bool {
        let before = self.source[..self.at].trim_end();
        before.is_empty() || before.ends_with([';', '{', '}'])
    }

    fn word(&mut self) -> &'s str {
        let start = self.at;
        while is_start(self.byte(self.at)) || self.byte(self.at).is_ascii_digit() {
            self.at += 1;
        }
        &self.source[start..self.at]
    }

    fn number(&mut self) {
        while self.byte(self.at).is_ascii_alphanumeric()
            || matches!(self.byte(self.at), b'_' | b'.')
        {
            self.at += 1;
        }
    }

    fn skip_spaces(&self, mut at: usize) -> usize {
        while self.byte(at) == b' ' {
            at += 1;
        }
        at
    }

    fn name(&mut self, end: usize) {
        let start = self.at;
        let name = self.word();
        if matches!(self.byte(self.at), b'"' | b'\'') && is_string_prefix(name) {
            return self.string(name.contains(['f', 'F', 't', 'T']), end);
        }
        let after = self.skip_spaces(self.at);
        let keyword_argument = self.byte(after) == b'='
            && !matches!(self.byte(after + 1), b'=')
            && self.inside_call(start);
        if is_keyword(name) || keyword_argument {
            return;
        }
        let mut path = Vec::new();
        loop {
            let at = self.at;
            let arrow = self.source[at.min(end)..end].starts_with("->");
            if (self.byte(at) == b'.' && is_start(self.byte(at + 1))) || arrow {
                self.at += if arrow { 2 } else { 1 };
                let member = self.word();
                if member.is_empty() {
                    self.at = at;
                    break;
                }
                path.push(member);
            } else if let Some(key) = self.constant_subscript() {
                path.push(key);
            } else {
                break;
            }
        }
        self.found.push(Use {
            name,
            path,
            range: start..self.at,
        });
    }

    /// `["id"]`, `[0]`: moves behind it and gives the key.
    fn constant_subscript(&mut self) -> Option<&'s str> {
        let rest = self.source[self.at..].strip_prefix('[')?;
        let close = rest.find(']')?;
        let inner = rest[..close].trim();
        let quoted = |quote| {
            inner
                .strip_prefix(quote)
                .and_then(|inner| inner.strip_suffix(quote))
        };
        let key = quoted('"').or_else(|| quoted('\'')).or_else(|| {
            (!inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit())).then_some(inner)
        })?;
        if key.contains(['"', '\'']) {
            return None;
        }
        self.at += close + 2;
        Some(key)
    }

    /// Whether a parenthesis is open before `at`.
    fn inside_call(&self, at: usize) -> bool {
        let mut depth = 0_i32;
        for byte in self.source.as_bytes()[..at].iter().rev() {
            match byte {
                b')' => depth += 1,
                b'(' if depth == 0 => return true,
                b'(' => depth -= 1,
                _ => {}
            }
        }
        // The rest of a call that began on a line before.
        self.source[..at].trim().is_empty() && self.source.trim_end().ends_with([',', ')'])
    }

    fn string(&mut self, formatted: bool, end: usize) {
        let quote = self.byte(self.at);
        let triple = self.byte(self.at + 1) == quote && self.byte(self.at + 2) == quote;
        let len = if triple { 3 } else { 1 };
        self.at += len;
        while self.at < end {
            let byte = self.byte(self.at);
            let closing = (0..len).all(|n| self.byte(self.at + n) == quote);
            if byte == b'\\' {
                self.at += 2;
            } else if closing {
                self.at += len;
                return;
            } else if formatted && byte == b'{' && self.byte(self.at + 1) == b'{' {
                self.at += 2;
            } else if formatted && byte == b'{' {
                self.at += 1;
                let close = self.expression_end(end);
                self.scan(close);
                self.at = close + 1;
            } else {
                self.at += 1;
            }
        }
        self.at = self.at.min(end);
    }

    /// Where the expression of an f-string ends: at its brace, or before its format.
    fn expression_end(&self, end: usize) -> usize {
        let mut depth = 0_i32;
        for at in self.at..end {
            match self.byte(at) {
                b'{' | b'[' | b'(' => depth += 1,
                b'}' if depth == 0 => return at,
                b'}' | b']' | b')' => depth -= 1,
                b':' | b'!' if depth == 0 && self.byte(at + 1) != b'=' => return at,
                _ => {}
            }
        }
        end
    }
}

fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn is_string_prefix(name: &str) -> bool {
    name.len() <= 2 && name.bytes().all(|byte| b"rRbBfFuUtT".contains(&byte))
}

/// Words that are not variables in the languages that we show.
fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "and"
            | "as"
            | "assert"
            | "async"
            | "await"
            | "break"
            | "case"
            | "catch"
            | "class"
            | "continue"
            | "def"
            | "del"
            | "elif"
            | "else"
            | "except"
            | "False"
            | "false"
            | "finally"
            | "for"
            | "from"
            | "global"
            | "if"
            | "import"
            | "in"
            | "is"
            | "lambda"
            | "new"
            | "None"
            | "nonlocal"
            | "not"
            | "null"
            | "or"
            | "pass"
            | "raise"
            | "return"
            | "throw"
            | "True"
            | "true"
            | "try"
            | "while"
            | "with"
            | "yield"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<String> {
        uses(line)
            .iter()
            .map(|found| std::iter::once(found.name).chain(found.path.iter().copied()))
            .map(|parts| parts.collect::<Vec<_>>().join("."))
            .collect()
    }

    #[test]
    fn names_and_what_is_reached_through_them() {
        assert_eq!(
            names("rate = rate_table[currency]"),
            ["rate", "rate_table", "currency"]
        );
        assert_eq!(
            names("rate_table = self.rates[day]"),
            ["rate_table", "self.rates", "day"]
        );
        assert_eq!(
            names("return row['id'].name + rows[0]"),
            ["row.id.name", "rows.0"]
        );
        assert_eq!(names("total(a, b=c, **d)"), ["total", "a", "c", "d"]);
        assert_eq!(names("p->next = q;"), ["p.next", "q"]);
        assert_eq!(names("größe = länge * 2"), ["größe", "länge"]);
    }

    #[test]
    fn text_comments_keywords_and_numbers_are_no_names() {
        assert_eq!(names("if x is not None and 'y' in z:  # w"), ["x", "z"]);
        assert_eq!(
            names(r#"raise ValueError("bad \" value") from error"#),
            ["ValueError", "error"]
        );
        assert_eq!(names("x = 0x1f + 1e5 + 2_000j"), ["x"]);
        assert_eq!(names("a // b"), ["a", "b"]);
        assert_eq!(names("f(); // b"), ["f"]);
        assert_eq!(names("x = rb'abc' + y"), ["x", "y"]);
        assert_eq!(names("'''never closed x"), Vec::<String>::new());
    }

    #[test]
    fn expressions_in_format_strings_count() {
        assert_eq!(
            names("f'{a.b:>{width}} {c!r} {{d}} e'"),
            ["a.b", "width", "c"]
        );
        assert_eq!(
            names(r#"print(f"{user['name']} {x == y}")"#),
            ["print", "user.name", "x", "y"]
        );
    }

    #[test]
    fn ranges_cover_the_use() {
        let line = "x = self.rates[day]";
        let texts: Vec<_> = uses(line)
            .iter()
            .map(|found| &line[found.range.clone()])
            .collect();
        assert_eq!(texts, ["x", "self.rates", "day"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_scanned_to_its_end(line in ".{0,200}") {
            for found in uses(&line) {
                proptest::prop_assert!(line.get(found.range.clone()).is_some());
            }
        }

        #[test]
        fn anything_that_looks_like_source_is_scanned(line in r#"[a-f'"{}\[\]().:!=#/\\ é]{0,60}"#) {
            for found in uses(&line) {
                proptest::prop_assert!(line.get(found.range.clone()).is_some());
            }
        }
    }
}
