//! What stands behind a separator: where a value begins and ends, and whether it can be a secret at all.

use super::Text;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Between quotes, which are not part of it.
    Quoted,
    /// Up to a delimiter.
    Bare,
    /// A bracketed whole, brackets included.
    Nested,
}

/// The bytes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where to go on behind it, a closing quote skipped.
    pub(super) after: usize,
    pub(super) form: Form,
}

/// Schemes of an `Authorization` header. The credential follows the scheme.
const SCHEMES: [&[u8]; 19] = [
    b"apikey",
    b"aws4-hmac-sha256",
    b"basic",
    b"bearer",
    b"digest",
    b"dpop",
    b"googlelogin",
    b"hawk",
    b"hoba",
    b"jwt",
    b"key",
    b"mutual",
    b"negotiate",
    b"ntlm",
    b"oauth",
    b"scram-sha-256",
    b"ssws",
    b"token",
    b"vapid",
];

/// Schemes whose credential has quotes and commas in it.
const SCHEMES_WITH_PARAMETERS: [&[u8]; 6] = [
    b"aws4-hmac-sha256",
    b"digest",
    b"hawk",
    b"mutual",
    b"oauth",
    b"googlelogin",
];

/// How far a bracketed value is followed.
const NESTED_LIMIT: usize = 1 << 16;

/// Whether `word` names an authentication scheme.
pub(super) fn is_scheme(word: &[u8]) -> bool {
    SCHEMES.iter().any(|s| word.eq_ignore_ascii_case(s))
}

/// Whether a credential of this scheme has quotes and commas of its own.
pub(super) fn has_parameters(word: &[u8]) -> bool {
    SCHEMES_WITH_PARAMETERS
        .iter()
        .any(|s| word.eq_ignore_ascii_case(s))
}

/// The value that begins at or behind `from`. `lines`: it may begin on a later line.
pub(super) fn value_after(text: &Text<'_>, from: usize, lines: bool) -> Option<Value> {
    let t = text.bytes;
    let mut at = from;
    while at < t.len()
        && (matches!(t[at], b' ' | b'\t') || (lines && matches!(t[at], b'\n' | b'\r')))
    {
        at += 1;
    }
    if let Some(value) = quoted(text, at) {
        return Some(value);
    }
    match *t.get(at)? {
        b'{' | b'[' | b'(' => {
            let end = closing_bracket(t, at);
            Some(Value {
                start: at,
                end,
                after: end,
                form: Form::Nested,
            })
        }
        b'<' => {
            let end = closing_angle(t, at);
            Some(Value {
                start: at,
                end,
                after: end,
                form: Form::Nested,
            })
        }
        _ => {
            let end = bare_end(t, at);
            (end > at).then_some(Value {
                start: at,
                end,
                after: end,
                form: Form::Bare,
            })
        }
    }
}

/// A value in quotes, with a string prefix (`b'..'`) or escaped as often as its opening quote is.
fn quoted(text: &Text<'_>, at: usize) -> Option<Value> {
    let t = text.bytes;
    if let Some(entity) = quote_entity(t, at) {
        let start = at + entity;
        let end = memchr::memmem::find(&t[start..], &t[at..start]).map(|i| start + i);
        let (end, after) = end.map_or((t.len(), t.len()), |end| (end, end + entity));
        return Some(Value {
            start,
            end,
            after,
            form: Form::Quoted,
        });
    }
    let mut at = at;
    let prefix = t
        .get(at..)?
        .iter()
        .take(3)
        .take_while(|b| b"bBrRuUfF".contains(b))
        .count();
    if prefix <= 2 && matches!(text.at(at + prefix), b'"' | b'\'') {
        at += prefix;
    }
    let mut escapes = 0;
    while text.at(at + escapes) == b'\\' {
        escapes += 1;
    }
    let quote = text.at(at + escapes);
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let open = at + escapes;
    if escapes == 0 && text.at(open + 1) == quote && text.at(open + 2) == quote {
        let start = open + 3;
        let mark = [quote; 3];
        let end = memchr::memmem::find(&t[start..], &mark).map_or(t.len(), |i| start + i);
        return Some(Value {
            start,
            end,
            after: (end + 3).min(t.len()),
            form: Form::Quoted,
        });
    }
    let start = open + 1;
    let close = closing_quote(t, start, quote, escapes);
    let end = close.map_or(t.len(), |close| close - escapes.min(close - start));
    let after = close.map_or(t.len(), |close| close + 1);
    Some(Value {
        start,
        end,
        after,
        form: Form::Quoted,
    })
}

/// The quote that ends what a quote with so many backslashes before it began: one with as many, or fewer.
fn closing_quote(t: &[u8], start: usize, quote: u8, escapes: usize) -> Option<usize> {
    let mut from = start;
    loop {
        let at = from + memchr::memchr(quote, &t[from..])?;
        let backslashes = t[start..at]
            .iter()
            .rev()
            .take_while(|&&b| b == b'\\')
            .count();
        let closes = if escapes == 0 {
            backslashes % 2 == 0
        } else {
            backslashes <= escapes
        };
        if closes {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The length of an HTML entity for a quote at `at`.
pub(super) fn quote_entity(t: &[u8], at: usize) -> Option<usize> {
    let rest = t.get(at..)?;
    [
        &b"&quot;"[..],
        b"&#34;",
        b"&#39;",
        b"&#x27;",
        b"&apos;",
        b"%22",
        b"%27",
    ]
    .iter()
    .find(|e| rest.starts_with(e))
    .map(|e| e.len())
}

/// One past the bracket that closes the one at `open`; the end of the text if none does. Quoted brackets do not count.
pub(super) fn closing_bracket(t: &[u8], open: usize) -> usize {
    let end = t.len().min(open + NESTED_LIMIT);
    let mut depth = 0usize;
    let mut quote = 0u8;
    let mut at = open;
    while at < end {
        let byte = t[at];
        match byte {
            b'\\' => at += 1,
            b'"' | b'\'' if quote == 0 => quote = byte,
            _ if quote != 0 && byte == quote => quote = 0,
            b'{' | b'[' | b'(' if quote == 0 => depth += 1,
            b'}' | b']' | b')' if quote == 0 => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    t.len()
}

/// One past the `>` that closes the `<` at `open`; the end of the line if none does.
fn closing_angle(t: &[u8], open: usize) -> usize {
    let mut depth = 0usize;
    for (i, &byte) in t[open..].iter().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => {
                depth -= 1;
                if depth == 0 {
                    return open + i + 1;
                }
            }
            b'\n' | b'\r' => return open + i,
            _ => {}
        }
    }
    t.len()
}

/// Where a value without quotes ends.
fn bare_end(t: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < t.len() {
        match t[at] {
            b'(' | b'[' | b'{' if at > from => {
                at = closing_bracket(t, at);
                continue;
            }
            b'\\' if ends_line_or_quote(t, at) => break,
            b',' if ends_item(t, at) => break,
            b'%' if encoded_delimiter(t, at) => break,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C | b';' | b'&' | b')' | b']' | b'}'
            | b'"' | b'\'' | b'`' | b'<' | b'>' => break,
            _ => at += 1,
        }
    }
    // `token=x: denied`
    let colon = at > from + 1 && t[at - 1] == b':' && t.get(at).is_none_or(u8::is_ascii_whitespace);
    at - usize::from(colon)
}

/// `\n`, `\r`, `\t` or an escaped quote, as a text inside a string literal has them.
fn ends_line_or_quote(t: &[u8], at: usize) -> bool {
    let next = t[at..].iter().find(|&&b| b != b'\\');
    matches!(next, Some(b'n' | b'r' | b't' | b'"' | b'\''))
}

/// Whether the comma at `at` separates items: at the end, before white space or a quote, or before another key.
fn ends_item(t: &[u8], at: usize) -> bool {
    match t.get(at + 1) {
        None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b'{' | b'[') => true,
        Some(_) => {
            let key = super::ByteSet::WORD.run(t, at + 1, 64);
            matches!(t.get(key), Some(b'=' | b':'))
        }
    }
}

/// A percent-encoded `&`, `;`, `"`, `'`, `#`, `,`, `}` or white space, once or twice encoded.
fn encoded_delimiter(t: &[u8], at: usize) -> bool {
    let code = match t.get(at + 1..at + 3) {
        Some(b"25") => t.get(at + 3..at + 5),
        code => code,
    };
    let Some(&[a, b]) = code.and_then(|c| c.first_chunk()) else {
        return false;
    };
    matches!(
        (a, b.to_ascii_uppercase()),
        (b'2', b'6' | b'2' | b'7' | b'3' | b'C' | b'0')
            | (b'3', b'B')
            | (b'7', b'D')
            | (b'0', b'A' | b'D')
    )
}

/// Where the line ends that `from` is on: at a line break, written out or escaped.
pub(super) fn line_end(t: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < t.len() {
        match t[at] {
            b'\n' | b'\r' => break,
            b'\\' if matches!(t.get(at + 1), Some(b'n' | b'r')) => break,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(source: &str) -> Option<(&str, Form)> {
        let text = Text {
            bytes: source.as_bytes(),
            cut: false,
            code: false,
            span: 0,
        };
        value_after(&text, 0, false).map(|v| (&source[v.start..v.end], v.form))
    }

    #[test]
    fn values_end_where_they_should() {
        for (source, expected, form) in [
            ("hunter2 and more", "hunter2", Form::Bare),
            (" 'a b' c", "a b", Form::Quoted),
            (r#""a \" b" c"#, r#"a \" b"#, Form::Quoted),
            (r#"\"a \\\" b\" c"#, r#"a \\\" b"#, Form::Quoted),
            ("b'abc', x", "abc", Form::Quoted),
            ("'never closed", "never closed", Form::Quoted),
            ("\"\"\"a\nb\"\"\" c", "a\nb", Form::Quoted),
            ("&quot;a b&quot; c", "a b", Form::Quoted),
            ("a,b, c", "a,b", Form::Bare),
            ("a,key=b", "a", Form::Bare),
            ("a%26b", "a", Form::Bare),
            ("a%2Fb&c", "a%2Fb", Form::Bare),
            ("abc)", "abc", Form::Bare),
            ("a(b c)d e", "a(b c)d", Form::Bare),
            (r"abc\r\nHost", "abc", Form::Bare),
            ("{\"a\": \"}\"} x", "{\"a\": \"}\"}", Form::Nested),
            ("<A b='<x>'> c", "<A b='<x>'>", Form::Nested),
            ("[1, 2", "[1, 2", Form::Nested),
        ] {
            assert_eq!(value(source), Some((expected, form)), "{source}");
        }
        assert_eq!(value("  "), None);
        assert_eq!(value("&x"), None);
    }
}
