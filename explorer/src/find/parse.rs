//! From text to a [`Query`], or to what was expected where.

use std::fmt;
use std::ops::Range;

use regex::RegexBuilder;

use super::lex::{self, Kind, Token};
use super::path::Path;
use super::syntax::{FIELDS, Field, Operator, Query, Sort, Test, Value};
use super::value;

/// Longest query, in bytes.
const MAX_TEXT: usize = 16 * 1024;
/// Deepest nesting of brackets and `not`.
const MAX_DEPTH: usize = 64;
/// Largest regular expression, compiled, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// Fields that something in brackets belongs to.
const BRACKETED: [&str; 5] = ["var", "arg", "size", "tag", "user"];

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The place, in bytes of the query.
    pub place: Range<usize>,
    /// What is wrong there, or what was expected.
    pub what: String,
}

impl SyntaxError {
    pub(super) fn new(place: Range<usize>, what: String) -> Self {
        Self { place, what }
    }

    /// The same in a text in which this one begins at `by`.
    pub(super) fn moved(self, by: usize) -> Self {
        Self {
            place: self.place.start + by..self.place.end + by,
            ..self
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.place.start + 1, self.what)
    }
}

impl std::error::Error for SyntaxError {}

/// Reads a query.
///
/// # Errors
///
/// The place that could not be understood, and what was expected there.
pub fn parse(text: &str) -> Result<Query, SyntaxError> {
    if text.len() > MAX_TEXT {
        let what = format!("a query has at most {MAX_TEXT} bytes");
        return Err(SyntaxError::new(MAX_TEXT..text.len(), what));
    }
    let tokens = lex::lex(text, |word| BRACKETED.contains(&word))?;
    let mut parser = Parser { tokens, at: 0 };
    let query = parser.any(0)?;
    match parser.peek() {
        Kind::End => Ok(query),
        Kind::Close => Err(parser.expected("this bracket closes nothing")),
        _ => Err(parser.expected("expected and, or, or the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        // The last one is the end, and nothing goes beyond it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Kind {
        &self.token().kind
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let token = self.token();
        SyntaxError::new(token.at..token.end.max(token.at + 1), what.to_owned())
    }

    fn any(&mut self, depth: usize) -> Result<Query, SyntaxError> {
        let mut parts = vec![self.all(depth)?];
        while self.is_keyword("or") {
            self.advance();
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Query::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Query, SyntaxError> {
        let mut parts = vec![self.one(depth)?];
        loop {
            if self.is_keyword("and") {
                self.advance();
            } else if self.is_keyword("or") || matches!(self.peek(), Kind::End | Kind::Close) {
                return Ok(joined(parts, Query::All));
            }
            parts.push(self.one(depth)?);
        }
    }

    fn one(&mut self, depth: usize) -> Result<Query, SyntaxError> {
        if depth == MAX_DEPTH {
            return Err(self.expected("this is nested too deeply"));
        }
        if self.is_keyword("not") {
            self.advance();
            return Ok(Query::Not(Box::new(self.one(depth + 1)?)));
        }
        if *self.peek() == Kind::Open {
            let open = self.token().clone();
            self.advance();
            let inner = self.any(depth + 1)?;
            if *self.peek() != Kind::Close {
                return Err(match self.peek() {
                    Kind::End => SyntaxError::new(
                        open.at..open.end,
                        "this bracket is not closed: expected )".to_owned(),
                    ),
                    _ => self.expected("expected and, or, or )"),
                });
            }
            self.advance();
            return Ok(inner);
        }
        self.test().map(Query::Test)
    }

    fn test(&mut self) -> Result<Test, SyntaxError> {
        let token = self.token().clone();
        let word = match token.kind {
            Kind::Text(text) => {
                self.advance();
                return self.not_compared(&token.at, Value::Text(text));
            }
            Kind::Word(word) => word,
            Kind::Operator(_) => {
                return Err(self.expected("expected a field before this: type, message, var(user.plan), ... (stillframe find --help lists them)"));
            }
            _ => {
                return Err(self.expected(
                    "expected a test: a word, type = KeyError, var(user.plan) = \"free\", ...",
                ));
            }
        };
        if ["and", "or"].contains(&word.to_ascii_lowercase().as_str()) {
            return Err(self.expected(&format!(
                "expected a test before {word}; the word itself is \"{word}\" in quotes"
            )));
        }
        self.advance();
        let field = self.field(&word, &token.at)?;
        let Some(operator) = self.operator() else {
            return match field {
                Some(Field::Plain(name)) if name != "handled" => {
                    Err(self.expected(&format!("expected an operator after {name}: = != ~ =~ < <= > >=; to look for the word itself: \"{name}\"")))
                }
                Some(field) => Ok(Test { field, comparison: None }),
                None => {
                    // `shop.*` by itself is a word as any other.
                    Ok(Test { field: Field::Word, comparison: Some((Operator::Contains, Value::Word(word))) })
                }
            };
        };
        let Some(field) = field else {
            return Err(SyntaxError::new(
                token.at..token.end,
                unknown_field(&word, self.peek()),
            ));
        };
        self.comparison(field, operator)
    }

    /// A word or a text by itself, which must not be followed by an operator.
    fn not_compared(&self, at: &usize, value: Value) -> Result<Test, SyntaxError> {
        if matches!(self.peek(), Kind::Operator(_)) {
            let what = "expected a field before the operator, not text".to_owned();
            return Err(SyntaxError::new(*at..self.token().at, what));
        }
        Ok(Test {
            field: Field::Word,
            comparison: Some((Operator::Contains, value)),
        })
    }

    /// The field that a word is, with what is in brackets behind it.
    fn field(&mut self, word: &str, at: &usize) -> Result<Option<Field>, SyntaxError> {
        if !BRACKETED.contains(&word) {
            let plain = FIELDS.iter().find(|(name, _)| *name == word);
            return Ok(plain.map(|(name, _)| Field::Plain(name)));
        }
        let token = self.token().clone();
        let Kind::Bracketed(content) = &token.kind else {
            // A word that happens to be called so, unless it is compared.
            if matches!(self.peek(), Kind::Operator(_)) {
                let example = match word {
                    "tag" => "tag(http.route)",
                    "user" => "user(id)",
                    "size" => "size(items)",
                    "arg" => "arg(amount)",
                    _ => "var(user.plan)",
                };
                let what = format!("expected ( and a name after {word}: {example}");
                return Err(SyntaxError::new(*at..*at + word.len(), what));
            }
            return Ok(None);
        };
        self.advance();
        let inside = token.at + 1;
        Ok(Some(match word {
            "var" => Field::Var(Path::parse(content, inside)?),
            "arg" => Field::Arg(Path::parse(content, inside)?),
            "size" => Field::Size(Path::parse(content, inside)?),
            _ => {
                let name = name_in_brackets(content, inside, token.end)?;
                if word == "tag" {
                    Field::Tag(name)
                } else {
                    Field::User(name)
                }
            }
        }))
    }

    fn operator(&mut self) -> Option<Operator> {
        let Kind::Operator(sign) = self.peek() else {
            return None;
        };
        let operator = Operator::of(sign);
        self.advance();
        operator
    }

    fn comparison(&mut self, field: Field, operator: Operator) -> Result<Test, SyntaxError> {
        let token = self.token().clone();
        let written = match token.kind {
            Kind::Word(word)
                if !["and", "or", "not"].contains(&word.to_ascii_lowercase().as_str()) =>
            {
                Value::Word(word)
            }
            Kind::Text(text) => Value::Text(text),
            Kind::Word(word) => {
                return Err(self.expected(&format!(
                    "expected a value; the word itself is \"{word}\" in quotes"
                )));
            }
            Kind::Operator(sign) => {
                return Err(self.expected(&format!(
                    "expected a value, not {sign}; there are the operators = != ~ !~ =~ < <= > >="
                )));
            }
            _ => {
                return Err(self.expected(&format!(
                    "expected a value after {}: {}",
                    operator.sign(),
                    example(field.sort())
                )));
            }
        };
        let place = token.at..token.end;
        self.advance();
        let comparison = check(&field, operator, written, place)?;
        Ok(Test {
            field,
            comparison: Some(comparison),
        })
    }
}

fn joined(mut parts: Vec<Query>, join: fn(Vec<Query>) -> Query) -> Query {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

/// Whether this can be compared so with that, and the value made ready for it.
fn check(
    field: &Field,
    operator: Operator,
    value: Value,
    place: Range<usize>,
) -> Result<(Operator, Value), SyntaxError> {
    let sort = field.sort();
    let wrong = |what: String| SyntaxError::new(place.clone(), what);
    let text = value.text();
    let is_search = matches!(
        operator,
        Operator::Contains | Operator::ContainsNot | Operator::Matches
    );
    match sort {
        Sort::Text | Sort::Id if operator.is_order() => {
            return Err(wrong(format!(
                "{field} is text: compare it with = != ~ !~ or =~"
            )));
        }
        Sort::Number | Sort::Time | Sort::Age if is_search => {
            return Err(wrong(format!(
                "{field} is no text: compare it with = != < <= > or >="
            )));
        }
        Sort::Flag
            if is_search
                || operator.is_order()
                || !["true", "false"].contains(&text.to_ascii_lowercase().as_str()) =>
        {
            return Err(wrong(format!(
                "expected {field}, not {field}, {field} = true or {field} = false"
            )));
        }
        Sort::Id
            if operator == Operator::Matches
                || text.is_empty()
                || !text
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b'-') =>
        {
            return Err(wrong(format!(
                "expected the beginning of an id: {field} = 9be1c2d3"
            )));
        }
        Sort::Number if value::number(text).is_none() => {
            return Err(wrong(format!("expected a number after {field}")));
        }
        Sort::Time if value::time(text).is_none() => {
            return Err(wrong(
                "expected a date or a time: 2026-11-20, 2026-11-20T14:00".to_owned(),
            ));
        }
        Sort::Age if !operator.is_order() => {
            return Err(wrong(
                "an age is never exactly something: age < 2h, age > 3d".to_owned(),
            ));
        }
        Sort::Age if value::age(text).is_none() => {
            return Err(wrong("expected an age: 90s, 30m, 2h, 3d, 1w".to_owned()));
        }
        _ => {}
    }
    if operator != Operator::Matches {
        return Ok((operator, value));
    }
    let pattern = RegexBuilder::new(text)
        .size_limit(MAX_PATTERN)
        .dfa_size_limit(MAX_PATTERN)
        .build()
        .map_err(|error| wrong(pattern_problem(&error)))?;
    Ok((operator, Value::Pattern(pattern)))
}

/// The last line of what the library says, which is the reason; the lines before repeat the pattern.
fn pattern_problem(error: &regex::Error) -> String {
    let said = error.to_string();
    let reason = said.lines().last().unwrap_or_default();
    format!(
        "not a regular expression: {}",
        reason.trim().trim_start_matches("error: ")
    )
}

fn example(sort: Sort) -> &'static str {
    match sort {
        Sort::Number => "42",
        Sort::Time => "2026-11-20, 2026-11-20T14:00",
        Sort::Age => "90s, 30m, 2h, 3d",
        Sort::Flag => "true or false",
        Sort::Id => "9be1c2d3",
        Sort::Text => "a word, or \"text in quotes\"",
        Sort::Anything => "a word, 42, None, true, or \"text in quotes\"",
    }
}

fn name_in_brackets(content: &str, at: usize, end: usize) -> Result<String, SyntaxError> {
    let trimmed = content.trim();
    if trimmed.starts_with(['"', '\'']) {
        let offset = at + content.len() - content.trim_start().len();
        let (name, used) = lex::quoted(trimmed, 0).map_err(|error| error.moved(offset))?;
        if used == trimmed.len() {
            return Ok(name);
        }
        return Err(SyntaxError::new(
            offset + used..end,
            "expected ) after the name".to_owned(),
        ));
    }
    if trimmed.is_empty() {
        return Err(SyntaxError::new(
            at.saturating_sub(1)..end,
            "expected a name: tag(http.route), user(id)".to_owned(),
        ));
    }
    Ok(trimmed.to_owned())
}

/// Says what a word before an operator might have been meant to be.
fn unknown_field(word: &str, value: &Kind) -> String {
    let value = match value {
        Kind::Word(value) => value.clone(),
        Kind::Text(value) => lex::quote(value),
        _ => "...".to_owned(),
    };
    let plain = FIELDS.iter().map(|(name, _)| *name);
    let nearest = plain
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .min();
    if let Some((distance, name)) = nearest
        && distance <= name.len() / 3
    {
        return format!("no field is called {word}; did you mean {name}?");
    }
    if Path::parse(word, 0).is_ok() {
        format!("no field is called {word}; for a variable: var({word}) = {value}")
    } else {
        format!("no field is called {word}")
    }
}
