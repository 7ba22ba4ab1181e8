//! What is wrong with a configuration, said so that a person can mend it.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An environment variable.
    Variable(String),
    /// A place in a file; line and column from 1.
    File {
        /// The file.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// An argument of the call that started capture, and what that is called.
    Call(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Call(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong. The rest of the configuration is in force.
///
/// Shown, it is one line: the key, the value, what is wrong with it, what holds instead, and where it was set:
///
/// ```text
/// limits.depth = 99: not between 0 and 32; 4 stays in force (stillframe.toml:12:1)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) what: String,
    pub(super) kept: Option<String>,
    pub(super) origin: Option<Origin>,
}

impl ConfigProblem {
    /// The key, as a `stillframe.toml` names it; where there is no such key, what was written instead; empty if a file as
    /// a whole is meant.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The wrong value, short, and hidden if it may be a secret.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// What is wrong, and what is accepted.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What holds instead of the wrong value.
    pub fn kept(&self) -> Option<&str> {
        self.kept.as_deref()
    }

    /// Where it was set.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

impl ConfigProblem {
    /// Makes it fit for one line of a terminal: names and messages may quote what somebody else wrote.
    pub(super) fn make_plain(&mut self) {
        for (text, longest) in [
            (Some(&mut self.key), 120),
            (self.value.as_mut(), 120),
            (Some(&mut self.what), 1000),
            (self.kept.as_mut(), 1000),
        ] {
            let Some(text) = text else { continue };
            let odd = |c: char| c.is_control() || is_direction(c);
            if text.contains(odd) || text.len() > longest {
                let mut plain: String = text
                    .chars()
                    .take(longest)
                    .map(|c| if odd(c) { '\u{fffd}' } else { c })
                    .collect();
                if text.chars().nth(longest).is_some() {
                    plain.push_str("...");
                }
                *text = plain;
            }
        }
    }
}

/// Whether a character turns the direction of what follows.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        let colon = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.what)?;
        if let Some(kept) = &self.kept {
            write!(f, "; {kept} stays in force")?;
        }
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigProblem {}
