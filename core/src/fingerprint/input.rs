//! What is fingerprinted: plain, borrowed, of any origin.

use std::borrow::Cow;

use crate::language::Language;

/// One error: a reported exception with its causes and members.
#[derive(Debug, Clone, Default)]
pub struct ErrorInput<'a> {
    /// The language of all its frames.
    pub language: Language,
    /// The exceptions, linked by position. The first one is the reported one; those that it does not lead to are ignored.
    pub exceptions: Vec<ExceptionInput<'a>>,
    /// The key that the application or a rule asked for; empty if none did.
    pub overrides: &'a [Cow<'a, str>],
    /// The service that it happened in. Errors of different services are never in one group.
    pub service: &'a str,
}

/// One exception.
#[derive(Debug, Clone, Default)]
pub struct ExceptionInput<'a> {
    /// Its type, with its package where the language has that in the type's name.
    pub type_name: &'a str,
    /// The package of its type, if that is not part of the name.
    pub module: &'a str,
    /// Its message, redacted.
    pub message: &'a str,
    /// The position of its cause (or of what was being handled when it was raised).
    pub cause: Option<usize>,
    /// The positions of its members, if it is a group.
    pub members: Vec<usize>,
    /// Its frames, the raising one first.
    pub frames: Vec<FrameInput<'a>>,
}

/// One frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameInput<'a> {
    /// The function, qualified as far as the host can.
    pub function: &'a str,
    /// The module, class or image.
    pub module: &'a str,
    /// The source file.
    pub file: &'a str,
    /// Whether the host says that it is in-app; `None`: by the language's defaults.
    pub in_app: Option<bool>,
    /// The source line where it raised or called, if known.
    pub raising_line: Option<&'a str>,
}
