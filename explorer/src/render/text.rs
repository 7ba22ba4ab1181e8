//! Text from a program, made safe to show, measured and cut.
//!
//! What a program had in its variables may hold escape sequences, line breaks, bidirectional overrides and invisible
//! characters. [`clean`] turns everything that Python calls unprintable into a visible escape (`\x1b`, `\u202e`), the same
//! for every language, so that nothing captured can move the cursor, hide text or reorder it. Only [`Line`](super::line::Line)
//! calls it, and only a `Line` can be printed.
//!
//! Widths are terminal columns: two for CJK and emoji, none for combining marks. Costs are linear in the text kept.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Combining marks shown in a row; more of them are escaped, or a single character could cover the screen.
const MAX_MARKS: usize = 6;

/// Whether a character shows itself: not a control, format, private, unassigned or separator character other than a space.
/// It is the rule of Python's `str.isprintable`.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    !matches!(
        get_general_category(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    )
}

/// Appends the escape that stands for `c`.
pub(crate) fn push_escape(out: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match c {
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        _ if code <= 0xff => write!(out, "\\x{code:02x}"),
        _ if code <= 0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Appends `c`, or the escape that stands for it if it does not show itself.
#[cfg(feature = "command")]
pub(crate) fn push_escape_of(c: char, out: &mut String) {
    if is_printable(c) {
        out.push(c);
    } else {
        push_escape(out, c);
    }
}

/// `text` with every unprintable character as a visible escape.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut marks = 0;
    for c in text.chars() {
        marks = if UnicodeWidthChar::width(c) == Some(0) {
            marks + 1
        } else {
            0
        };
        // A mark with nothing before it would combine with what we print ourselves.
        let stray_mark = marks > 0 && (marks > MAX_MARKS || out.is_empty());
        if is_printable(c) && !stray_mark {
            out.push(c)
        } else {
            push_escape(&mut out, c)
        }
    }
    Cow::Owned(out)
}

/// Columns that clean text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        graphemes(text).map(|(_, width)| width).sum()
    }
}

/// What is not to be cut within a clean text: where it begins, and its columns. A character with marks is whole; a heap of marks that
/// take columns of their own is not.
fn graphemes(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.grapheme_indices(true).flat_map(|(at, cluster)| {
        let width = UnicodeWidthStr::width(cluster);
        let whole = (width <= 2).then_some((at, width));
        let heap = if whole.is_some() { "" } else { cluster };
        let parts = heap
            .char_indices()
            .map(move |(part, c)| (at + part, c.width().unwrap_or(0)));
        whole.into_iter().chain(parts)
    })
}

/// The longest start of clean text that takes at most `columns`.
pub(crate) fn prefix(text: &str, columns: usize) -> &str {
    if text.is_ascii() {
        return text.get(..columns).unwrap_or(text);
    }
    let mut used = 0;
    for (at, width) in graphemes(text) {
        used += width;
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The start of `text` that has at most `bytes` bytes, cut between characters.
pub fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The end of `text` that has at most `bytes` bytes, cut between characters.
pub(crate) fn tail(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

/// Tabs as spaces up to the next multiple of eight columns.
pub(crate) fn expand_tabs(text: &str) -> Cow<'_, str> {
    if !text.contains('\t') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut column = 0;
    for part in text.split_inclusive('\t') {
        let (body, tab) = part
            .strip_suffix('\t')
            .map_or((part, false), |body| (body, true));
        out.push_str(body);
        column += width(&clean(body));
        if tab {
            let spaces = 8 - column % 8;
            out.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        }
    }
    Cow::Owned(out)
}

/// `n` with its noun: `1 frame`, `14 frames`, `1,234 values`.
pub fn counted(n: u64, noun: &str) -> String {
    match (n, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "entry") => format!("{} entries", grouped(n)),
        _ => format!("{} {noun}s", grouped(n)),
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_or_reorder_text_is_made_visible() {
        assert_eq!(
            clean("a\x1b[31mb\u{202e}c\u{feff}"),
            "a\\x1b[31mb\\u202ec\\ufeff"
        );
        assert_eq!(
            clean("line\r\nnext\ttab\u{2028}"),
            "line\\r\\nnext\\ttab\\u2028"
        );
        assert_eq!(clean("\u{9b}31m\u{e0041}"), "\\x9b31m\\U000e0041");
        assert!(matches!(clean("plain ascii"), Cow::Borrowed(_)));
        assert_eq!(clean("naïve 汉字 🚀"), "naïve 汉字 🚀");
    }

    #[test]
    fn a_flood_of_combining_marks_is_stopped() {
        let zalgo = format!("a{}", "\u{301}".repeat(50));
        let shown = clean(&zalgo);
        assert_eq!(shown.chars().filter(|&c| c == '\u{301}').count(), MAX_MARKS);
        assert!(shown.ends_with("\\u0301"));
        assert_eq!(clean("\u{301}x"), "\\u0301x");
    }

    #[test]
    fn widths_are_columns() {
        for (text, columns) in [
            ("", 0),
            ("abc", 3),
            ("é", 1),
            ("e\u{301}", 1),
            ("汉字", 4),
            ("🚀", 2),
            ("👍🏽", 2),
            ("❤\u{fe0f}", 2),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
        }
        let heap = "\u{116ac}".repeat(100);
        assert_eq!(prefix(&heap, 7).chars().count(), 7);
    }

    #[test]
    fn a_prefix_never_splits_what_is_one_character_to_a_reader() {
        assert_eq!(prefix("汉字", 3), "汉");
        assert_eq!(prefix("e\u{301}e", 1), "e\u{301}");
        assert_eq!(prefix("👍🏽x", 1), "");
        assert_eq!(prefix("abc", 2), "ab");
        assert_eq!(prefix("abc", 9), "abc");
        assert_eq!(head("汉字", 4), "汉");
        assert_eq!((tail("汉字", 4), tail("abc", 9)), ("字", "abc"));
    }

    #[test]
    fn tabs_reach_the_next_stop() {
        assert_eq!(expand_tabs("\tx"), "        x");
        assert_eq!(expand_tabs("ab\tx\ty"), "ab      x       y");
        assert_eq!(expand_tabs("汉\tx"), "汉      x");
        assert_eq!(expand_tabs("none"), "none");
    }

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "entry"), "1 entry");
        assert_eq!(counted(2, "entry"), "2 entries");
        assert_eq!(counted(1000, "frame"), "1,000 frames");
    }
}
