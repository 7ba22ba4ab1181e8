//! The normal form of one character.
//!
//! Compatibility decomposition (so that full-width, mathematical and superscript letters become plain ones), marks and
//! invisible characters dropped, case folded, and the few letters of other scripts that look like Latin ones replaced.
//! Decomposition rather than composition: `pásswörd` with composed letters must not slip through where the same word
//! written with combining marks does not.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// What is left of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// Not part of a word.
    Gap,
    /// A capital letter, folded.
    Upper(char),
    /// Any other letter.
    Lower(char),
    /// A digit or another number.
    Digit(char),
}

/// Gives the normal form of `c` to `emit`, piece by piece; nothing for a character that does not show.
pub(super) fn fold_char(c: char, emit: &mut impl FnMut(Fold)) {
    if c.is_ascii() {
        emit_one(c, emit);
        return;
    }
    if is_ignorable(c) {
        return;
    }
    decompose_compatible(c, |d| {
        if !is_combining_mark(d) && !is_ignorable(d) {
            emit_one(d, emit);
        }
    });
}

fn emit_one(c: char, emit: &mut impl FnMut(Fold)) {
    if c.is_ascii() {
        if c.is_ascii_uppercase() {
            emit(Fold::Upper(c.to_ascii_lowercase()));
        } else if c.is_ascii_lowercase() {
            emit(Fold::Lower(c));
        } else if c.is_ascii_digit() {
            emit(Fold::Digit(c));
        } else if !c.is_ascii_control() {
            emit(Fold::Gap);
        }
    } else if c.is_numeric() {
        emit(Fold::Digit(c));
    } else if c.is_alphabetic() {
        let upper = c.is_uppercase();
        for l in c.to_lowercase() {
            let l = look_alike(l);
            emit(if upper {
                Fold::Upper(l)
            } else {
                Fold::Lower(l)
            });
        }
    } else {
        emit(Fold::Gap);
    }
}

/// Format characters and others that take no room: category Cf, fillers, variation selectors, tags.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffd}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The Latin letter that a lower-case letter of another alphabet passes for.
fn look_alike(c: char) -> char {
    match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'ʙ' | 'ь' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ᴅ' | 'ɗ' | 'đ' => 'd',
        'е' | 'ε' | 'ᴇ' | 'ҽ' => 'e',
        'ꜰ' => 'f',
        'ɡ' | 'ɢ' => 'g',
        'һ' | 'ʜ' | 'հ' => 'h',
        'і' | 'ι' | 'ı' | 'ɩ' | 'ɪ' | 'ӏ' => 'i',
        'ј' | 'ᴊ' | 'ϳ' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'ʟ' | 'ł' => 'l',
        'м' | 'ᴍ' => 'm',
        'ո' | 'ɴ' | 'п' => 'n',
        'о' | 'ο' | 'օ' | 'ᴏ' | 'ø' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ԛ' => 'q',
        'г' | 'ʀ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'υ' | 'ս' | 'ᴜ' => 'u',
        'ν' | 'ѵ' | 'ᴠ' => 'v',
        'ԝ' | 'ω' | 'ᴡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ʏ' => 'y',
        'ᴢ' => 'z',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            fold_char(c, &mut |f| match f {
                Fold::Gap => out.push(' '),
                Fold::Upper(c) | Fold::Lower(c) | Fold::Digit(c) => out.push(c),
            });
        }
        out
    }

    #[test]
    fn what_looks_like_password_is_password() {
        for text in [
            "PASSWORD",
            "ｐａｓｓｗｏｒｄ",
            "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝",
            "pásswörd",
            "pa\u{301}sswo\u{308}rd",
            "pass\u{200b}word",
            "pass\u{ad}word",
            "pass\u{feff}word",
            "pa\u{200f}ssword",
            "раssword",
            "ΡASSWORD",
            "paſſword",
            "p\u{e0061}assword",
        ] {
            assert_eq!(fold(text), "password", "{text:?}");
        }
    }

    #[test]
    fn other_words_stay_what_they_are() {
        assert_eq!(fold("größe"), "große");
        assert_eq!(fold("日本"), "日本");
        assert_eq!(fold("a-b"), "a b");
    }
}
