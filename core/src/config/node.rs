//! What a source says, before anybody knows what it should be: one small tree for TOML, JSON and the environment.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Offset in the file, 0 elsewhere.
    pub(super) at: usize,
    pub(super) form: Form,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Null,
    Bool(bool),
    /// Digits as they were written, but decimal.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn text(text: &str) -> Self {
        Self {
            at: 0,
            form: Form::Text(text.to_owned()),
        }
    }

    pub(super) fn json(value: &Value) -> Self {
        let form = match value {
            Value::Null => Form::Null,
            Value::Bool(value) => Form::Bool(*value),
            Value::Number(value) => Form::Number(value.to_string()),
            Value::String(value) => Form::Text(value.clone()),
            Value::Array(values) => Form::List(values.iter().map(Self::json).collect()),
            Value::Object(values) => Form::Table(
                values
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::json(value)))
                    .collect(),
            ),
        };
        Self { at: 0, form }
    }

    pub(super) fn toml(value: &Spanned<DeValue<'_>>) -> Self {
        let form = match value.get_ref() {
            DeValue::String(text) => Form::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                let value = i128::from_str_radix(number.as_str(), number.radix());
                Form::Number(value.map_or_else(|_| number.to_string(), |value| value.to_string()))
            }
            DeValue::Float(number) => Form::Number(number.as_str().to_owned()),
            DeValue::Boolean(value) => Form::Bool(*value),
            DeValue::Datetime(time) => Form::Text(time.to_string()),
            DeValue::Array(values) => Form::List(values.iter().map(Self::toml).collect()),
            DeValue::Table(table) => Form::Table(Self::members(table)),
        };
        Self {
            at: value.span().start,
            form,
        }
    }

    /// The members of a TOML table. For a table's own place, that of its key is told.
    pub(super) fn members(table: &DeTable<'_>) -> Vec<(String, Self)> {
        table
            .iter()
            .map(|(key, value)| {
                let mut node = Self::toml(value);
                node.at = key.span().start;
                (key.get_ref().clone().into_owned(), node)
            })
            .collect()
    }

    /// What it is, with an article.
    pub(super) fn is(&self) -> &'static str {
        match self.form {
            Form::Null => "nothing",
            Form::Bool(_) => "a boolean",
            Form::Number(_) => "a number",
            Form::Text(_) => "a text",
            Form::List(_) => "a list",
            Form::Table(_) => "a table",
        }
    }

    /// How a message shows it: short, on one line, and without what may be a secret.
    pub(super) fn shown(&self) -> String {
        const LONGEST: usize = 40;
        match &self.form {
            Form::Text(text) if may_be_secret(text) => "[hidden, may be a secret]".to_owned(),
            Form::Text(text) if text.chars().count() > LONGEST => {
                let head: String = text.chars().take(LONGEST).collect();
                format!("{head:?}...")
            }
            Form::Text(text) => format!("{text:?}"),
            Form::Bool(value) => value.to_string(),
            Form::Number(digits) if digits.len() > LONGEST => {
                format!("{}...", digits.get(..LONGEST).unwrap_or(""))
            }
            Form::Number(digits) => digits.clone(),
            Form::Null | Form::List(_) | Form::Table(_) => self.is().to_owned(),
        }
    }
}

/// Whether a text has the look of a credential: somebody may have put one into the wrong variable.
fn may_be_secret(text: &str) -> bool {
    const SHORTEST: usize = 16;
    let credential = |run: &str| {
        run.len() >= SHORTEST
            && run.bytes().any(|byte| byte.is_ascii_digit())
            && run.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '=' | '.' | '~');
    let user = text
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains('@'));
    user || text.contains("-----BEGIN") || text.split(|c| !part(c)).any(credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for secret in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "postgres://app:hunter2@db/shop",
            "AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN RSA PRIVATE KEY-----",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.Et9HFtf9R3GEMA0IICOfFMVXY7kkTX1wr4qCyhIf58U",
        ] {
            assert_eq!(
                Node::text(secret).shown(),
                "[hidden, may be a secret]",
                "{secret}"
            );
        }
        for plain in [
            "maybe",
            "12 parsecs",
            "ten",
            "-1",
            "quickly and often",
            "datadogg",
        ] {
            assert_eq!(Node::text(plain).shown(), format!("{plain:?}"));
        }
    }

    #[test]
    fn what_is_shown_is_short_and_on_one_line() {
        let long = "x y ".repeat(100_000);
        for text in [&long, "a\nb\u{1b}[31m\u{202e}"] {
            let shown = Node::text(text).shown();
            assert!(
                shown.len() < 100 && !shown.contains(['\n', '\u{1b}', '\u{202e}']),
                "{shown}"
            );
        }
        let digits = Node {
            at: 0,
            form: Form::Number("9".repeat(1000)),
        };
        assert!(digits.shown().len() < 50);
    }
}
