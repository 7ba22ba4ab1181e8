//! The query language of `stillframe find`: what occurrences are wanted, in words that people type.
//!
//! ```text
//! text -> lex (tokens with their place) -> parse (a Query, or what was expected where)
//!      -> narrow (what a stored snapshot must contain, told without decoding it)
//!      -> eval (whether a snapshot matches, and the values by which it does)
//! ```
//!
//! The grammar, which `docs/command.md` explains by example:
//!
//! ```text
//! query   = any
//! any     = all { "or" all }
//! all     = one { [ "and" ] one }                 tests beside each other must all hold
//! one     = "not" one | "(" any ")" | test
//! test    = field [ operator value ] | word | text
//! field   = "type" | "message" | ... | "var" "(" path ")" | "arg" "(" path ")" | "size" "(" path ")" | "tag" "(" name ")" | "user" "(" name ")"
//! path    = step { "." step | "[" ( number | text | "*" ) "]" }      step = name | "*" | "**"
//! operator = "=" | "!=" | "~" | "!~" | "=~" | "<" | "<=" | ">" | ">="
//! value   = word | text                           text = "..." or '...'
//! ```
//!
//! A [`Query`] prints as text that parses to the same query.

mod eval;
pub(crate) mod instant;
mod lex;
mod narrow;
mod parse;
mod path;
mod syntax;
mod value;
mod walk;

pub use eval::{Hit, Shown};
pub use narrow::Need;
pub use parse::{SyntaxError, parse};
pub use path::{Path, Step};
pub use syntax::{FIELDS, Field, Operator, Query, Test, Value};
pub(crate) use walk::{Label, Member, Values, Whose, members};
