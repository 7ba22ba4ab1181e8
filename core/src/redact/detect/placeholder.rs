//! What stands where a secret could and is none: templates, markers, words of prose, numbers.

use super::ByteSet;

/// Words that stand where a secret could and are none. Lower case, sorted.
#[rustfmt::skip]
const NO_SECRETS: [&[u8]; 77] = [
    b"absent", b"all", b"an", b"and", b"are", b"at", b"been", b"blank", b"by", b"can",
    b"cannot", b"changed", b"could", b"default", b"denied", b"did", b"does", b"empty", b"error",
    b"expected", b"expired", b"failed", b"false", b"field", b"filtered", b"for", b"found", b"from",
    b"got", b"has", b"have", b"hidden", b"if", b"in", b"incorrect", b"invalid", b"is", b"it",
    b"malformed", b"masked", b"mismatch", b"missing", b"must", b"n/a", b"nil", b"no", b"none",
    b"not", b"null", b"of", b"ok", b"omitted", b"on", b"or", b"redacted", b"refused", b"rejected",
    b"required", b"reset", b"revoked", b"set", b"should", b"that", b"the", b"this", b"to", b"true",
    b"unable", b"unauthorized", b"undefined", b"unknown", b"unset", b"user", b"valid", b"was",
    b"with", b"your",
];

/// Longer values are never placeholders.
const LONGEST: usize = 64;

/// Whether a value stands for one rather than being one: a template's place, a marker, a word of prose.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let v = value.trim_ascii();
    if v.is_empty() || v.len() > LONGEST {
        return v.is_empty();
    }
    is_crossed_out(v) || is_marker(v) || is_word(v) || is_template(v)
}

/// Nothing but asterisks, dots, question marks or dashes; three or more of `x` or bullets.
fn is_crossed_out(v: &[u8]) -> bool {
    let all = |byte: u8| v.iter().all(|&b| b == byte);
    let long = v.len() >= 3 && (all(b'x') || all(b'X') || v.chunks(3).all(|c| c == "•".as_bytes()));
    long || all(b'*') || all(b'.') || all(b'?') || all(b'-')
}

fn is_word(v: &[u8]) -> bool {
    NO_SECRETS.iter().any(|w| v.eq_ignore_ascii_case(w))
}

/// `[redacted]`, `<password>`, and the places of parameters in SQL: `:name`, `$1`.
fn is_marker(v: &[u8]) -> bool {
    match v {
        [b'[', inner @ .., b']'] => is_word(inner),
        [b'<', inner @ .., b'>'] => is_name(inner),
        [b':', inner @ ..] => {
            !inner.is_empty() && inner.iter().all(|b| b.is_ascii_lowercase() || *b == b'_')
        }
        [b'$', inner @ ..] => {
            let variable = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
            !inner.is_empty() && inner.iter().all(variable)
        }
        _ => false,
    }
}

/// What stands in a template's braces: `user.password`, `0`. Letters beside digits may be a secret.
fn is_name(inner: &[u8]) -> bool {
    let known = |b: &u8| ByteSet::WORD.has(*b) || matches!(b, b'.' | b'-' | b' ');
    let digits = inner.iter().filter(|b| b.is_ascii_digit()).count();
    !inner.is_empty() && inner.iter().all(known) && (digits == 0 || digits == inner.len())
}

/// Format directives with nothing but punctuation around them: `%s`, `%(user)s:%(password)s`, `{}`, `${TOKEN}`, `{{ token }}`.
fn is_template(v: &[u8]) -> bool {
    let mut rest = v;
    let mut directives = 0;
    while let Some(&byte) = rest.first() {
        let width = directive(rest);
        directives += usize::from(width > 0);
        if width == 0 && (byte.is_ascii_alphanumeric() || byte >= 0x80) {
            return false;
        }
        rest = &rest[width.max(1)..];
    }
    directives > 0
}

/// The length of the format directive that the text begins with, or 0.
fn directive(text: &[u8]) -> usize {
    match text {
        [b'%', b'(', rest @ ..] => match memchr::memchr(b')', rest) {
            Some(close)
                if is_name(&rest[..close])
                    && rest.get(close + 1).is_some_and(u8::is_ascii_alphabetic) =>
            {
                close + 4
            }
            _ => 0,
        },
        [b'%', rest @ ..] => {
            let flags = rest
                .iter()
                .take_while(|b| matches!(b, b'-' | b'+' | b'0'..=b'9' | b'.' | b'#'))
                .count();
            if flags <= 4
                && matches!(
                    rest.get(flags),
                    Some(b's' | b'r' | b'd' | b'v' | b'p' | b'@' | b'q' | b'i' | b'x')
                )
            {
                flags + 2
            } else {
                0
            }
        }
        [b'$', rest @ ..] if rest.first() == Some(&b'{') => match braces(rest) {
            0 => 0,
            width => width + 1,
        },
        _ => braces(text),
    }
}

/// The length of `{name}` or `{{ name }}`, or 0.
fn braces(text: &[u8]) -> usize {
    let depth = text.iter().take(2).take_while(|&&b| b == b'{').count();
    let inner = &text[depth..];
    let Some(close) = memchr::memchr(b'}', inner).filter(|_| depth > 0) else {
        return 0;
    };
    let ends = inner[close..]
        .iter()
        .take(depth)
        .filter(|&&b| b == b'}')
        .count()
        == depth;
    let name = inner[..close].trim_ascii();
    // An upper-case name is a variable of the environment, whatever digits it has.
    let variable =
        |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
    let known = name.is_empty()
        || is_name(name)
        || (name[0].is_ascii_uppercase() && name.iter().all(variable));
    if ends && known { 2 * depth + close } else { 0 }
}

/// Whether the value is a number and nothing else.
pub(super) fn is_number(value: &[u8]) -> bool {
    let v = value.trim_ascii();
    let digits = v.strip_prefix(b"-").unwrap_or(v);
    let points = digits.iter().filter(|&&b| b == b'.').count();
    !digits.is_empty()
        && points <= 1
        && digits.iter().any(u8::is_ascii_digit)
        && digits
            .iter()
            .all(|&b| b.is_ascii_digit() || b == b'.' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_values() {
        for v in [
            "%s",
            "%(pw)s",
            "{}",
            "{token}",
            "${TOKEN}",
            "{{ token }}",
            "$TOKEN",
            ":password",
            "<token>",
            "***",
            "None",
            "null",
            "[REDACTED]",
            "?",
            "missing",
            "xxxx",
            "",
            "%s:%s",
            "%-10s",
            "{0}:{1}",
            "${{ secrets.TOKEN }}",
            "$1",
            "{DB_1}",
        ] {
            assert!(is_placeholder(v.as_bytes()), "{v}");
        }
        for v in [
            "hunter2",
            "$2b$12$abc",
            "<!x>",
            "swordfish",
            "a:b",
            "{\"a\": 1}",
            "<Token 0x7f>",
            "$(pwd)",
            "{hunter2}",
            "<hunter2>",
            "%shunter",
            "{a}b",
            "x%s",
            "a-b",
        ] {
            assert!(!is_placeholder(v.as_bytes()), "{v}");
        }
    }

    #[test]
    fn the_word_list_is_sorted_lower_case() {
        assert!(NO_SECRETS.is_sorted());
        assert!(
            NO_SECRETS
                .iter()
                .all(|w| !w.iter().any(u8::is_ascii_uppercase))
        );
    }
}
