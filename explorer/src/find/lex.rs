//! Tokens of a query, with their place in it.

use super::parse::SyntaxError;

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits and most signs, up to a space, a quote, a bracket or an operator.
    Word(String),
    /// Text in quotes, without them.
    Text(String),
    /// `=`, `!=`, `~`, `!~`, `=~`, `<`, `<=`, `>`, `>=`
    Operator(&'static str),
    /// `(`
    Open,
    /// `)`
    Close,
    /// What follows a field that takes something in brackets: everything up to the bracket that closes it.
    Bracketed(String),
    /// The end of the query.
    End,
}

/// A token and where it stands, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
    pub(super) end: usize,
}

const OPERATORS: [&str; 9] = ["!=", "!~", "=~", "<=", ">=", "=", "~", "<", ">"];

/// Whether a character ends a word. `!` alone does not: only `!=` and `!~` are operators.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "()\"'=~<>".contains(c)
}

/// Takes a query apart. `takes_brackets` tells whether a word is a field that something in brackets belongs to.
pub(super) fn lex(
    text: &str,
    takes_brackets: impl Fn(&str) -> bool,
) -> Result<Vec<Token>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        let kind = match c {
            _ if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '(' | ')' => {
                at += 1;
                if c == '(' { Kind::Open } else { Kind::Close }
            }
            '"' | '\'' => {
                let (content, end) = quoted(text, at)?;
                at = end;
                Kind::Text(content)
            }
            _ => {
                let operator = OPERATORS
                    .into_iter()
                    .find(|operator| text[at..].starts_with(operator));
                if let Some(operator) = operator {
                    at += operator.len();
                    Kind::Operator(operator)
                } else {
                    let word = word(&text[at..]);
                    if word.is_empty() {
                        return Err(SyntaxError::new(
                            at..at + c.len_utf8(),
                            "this character has to be in quotes".to_owned(),
                        ));
                    }
                    at += word.len();
                    if text[at..].starts_with('(') && takes_brackets(word) {
                        tokens.push(Token {
                            kind: Kind::Word(word.to_owned()),
                            at: start,
                            end: at,
                        });
                        let (content, end) = bracketed(text, at)?;
                        tokens.push(Token {
                            kind: Kind::Bracketed(content.to_owned()),
                            at,
                            end,
                        });
                        at = end;
                        continue;
                    }
                    Kind::Word(word.to_owned())
                }
            }
        };
        tokens.push(Token {
            kind,
            at: start,
            end: at,
        });
    }
    tokens.push(Token {
        kind: Kind::End,
        at: text.len(),
        end: text.len(),
    });
    Ok(tokens)
}

/// The word that `text` begins with.
fn word(text: &str) -> &str {
    let mut before = None;
    for (at, c) in text.char_indices() {
        let operator = before == Some('!') && (c == '=' || c == '~');
        if operator {
            return &text[..at - 1];
        }
        if ends_word(c) {
            return &text[..at];
        }
        before = Some(c);
    }
    text
}

/// The text in quotes at `at`, and where it ends. A backslash takes the next character as it is, but for `\n`, `\r` and `\t`.
pub(super) fn quoted(text: &str, at: usize) -> Result<(String, usize), SyntaxError> {
    let mut chars = text[at..].char_indices();
    let quote = chars.next().map_or('"', |(_, quote)| quote);
    let mut content = String::new();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => {
                let Some((_, escaped)) = chars.next() else {
                    break;
                };
                content.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                });
            }
            _ if c == quote => return Ok((content, at + offset + 1)),
            _ => content.push(c),
        }
    }
    Err(SyntaxError::new(
        at..text.len(),
        format!("this quote is not closed: expected {quote}"),
    ))
}

/// `text` in double quotes, as [`quoted`] reads it.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What is between the bracket at `at` and the one that closes it, and where that ends.
fn bracketed(text: &str, at: usize) -> Result<(&str, usize), SyntaxError> {
    let mut place = at + 1;
    while let Some(c) = text[place..].chars().next() {
        match c {
            ')' => return Ok((&text[at + 1..place], place + 1)),
            '"' | '\'' => place = quoted(text, place)?.1,
            _ => place += c.len_utf8(),
        }
    }
    Err(SyntaxError::new(
        at..at + 1,
        "this bracket is not closed: expected )".to_owned(),
    ))
}
