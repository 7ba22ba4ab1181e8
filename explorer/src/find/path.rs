//! The way from a variable to a value in it: `user.plan`, `rates["EUR"]`, `items[0].price`, `cart.*`, `**.plan`.

use std::fmt;

use super::lex;
use super::parse::SyntaxError;

/// Longest path.
const MAX_STEPS: usize = 32;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A variable, a field, or a key: an attribute and an entry are asked for alike.
    Name(String),
    /// An item by its position from 0, or a key that is this number.
    Index(u64),
    /// Whatever is one step further.
    Any,
    /// Whatever is any number of steps further, none included.
    Deep,
}

/// Steps from a frame to a value. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(pub(super) Vec<Step>);

impl Path {
    /// The steps; the first one names a variable.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Reads a path that stands at `at` in a query.
    pub(super) fn parse(text: &str, at: usize) -> Result<Self, SyntaxError> {
        let expected = |from: usize, to: usize, what: &str| {
            SyntaxError::new(at + from..at + to.max(from + 1), what.to_owned())
        };
        let mut steps = Vec::new();
        let begin = text.len() - text.trim_start().len();
        let text_end = text.trim_end().len();
        let mut place = begin.min(text_end);
        if place == text_end {
            return Err(expected(
                0,
                text.len(),
                "expected a variable: user, user.plan, items[0], rates[\"EUR\"], **.plan",
            ));
        }
        while place < text_end {
            if steps.len() == MAX_STEPS {
                return Err(expected(
                    place,
                    text_end,
                    "this path has more steps than anything captured",
                ));
            }
            let rest = &text[place..text_end];
            if rest.starts_with('[') {
                let (step, used) = in_brackets(rest, at + place)?;
                steps.push(step);
                place += used;
                continue;
            }
            if !steps.is_empty() {
                if !rest.starts_with('.') {
                    return Err(expected(
                        place,
                        place + 1,
                        "expected . or [ before the next step",
                    ));
                }
                place += 1;
            }
            let rest = &text[place..text_end];
            let name = &rest[..rest.find(ends_name).unwrap_or(rest.len())];
            if name.is_empty() {
                return Err(expected(place, place + 1, "expected a name, * or **"));
            }
            place += name.len();
            steps.push(match name {
                "*" => Step::Any,
                "**" => Step::Deep,
                _ => Step::Name(name.to_owned()),
            });
        }
        // Twice any number of steps is any number of steps.
        steps.dedup_by(|one, other| *one == Step::Deep && *other == Step::Deep);
        Ok(Self(steps))
    }
}

/// `[0]`, `["EUR"]`, `[*]` at the beginning of `text`, and how long that is.
fn in_brackets(text: &str, at: usize) -> Result<(Step, usize), SyntaxError> {
    let expected = |from: usize, to: usize| {
        SyntaxError::new(
            at + from..at + to.max(from + 1),
            "expected a position, * or text in quotes: [0], [*], [\"EUR\"]".to_owned(),
        )
    };
    let inner = &text[1..];
    let (step, used) = if inner.starts_with(['"', '\'']) {
        let (name, end) = lex::quoted(text, 1).map_err(|error| error.moved(at))?;
        (Step::Name(name), end)
    } else {
        let end = inner.find(']').map_or(text.len(), |end| end + 1);
        let content = text[1..end].trim();
        let step = match content {
            "*" => Step::Any,
            _ if !content.is_empty() && content.bytes().all(|byte| byte.is_ascii_digit()) => {
                Step::Index(content.parse().map_err(|_| expected(1, end))?)
            }
            _ => return Err(expected(1, end)),
        };
        (step, end)
    };
    if text[used..].starts_with(']') {
        Ok((step, used + 1))
    } else {
        Err(SyntaxError::new(
            at + used..at + used + 1,
            "expected ]".to_owned(),
        ))
    }
}

fn ends_name(c: char) -> bool {
    c.is_whitespace() || c.is_control() || ".[]()\"'".contains(c)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            match step {
                Step::Name(name)
                    if !name.is_empty()
                        && name != "*"
                        && name != "**"
                        && !name.contains(ends_name) =>
                {
                    write!(f, "{dot}{name}")?;
                }
                Step::Name(name) => write!(f, "[{}]", lex::quote(name))?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Any => write!(f, "{dot}*")?,
                Step::Deep => write!(f, "{dot}**")?,
            }
        }
        Ok(())
    }
}
