//! The explanation: every part of a key, with the verdict on it.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::VERSION;

/// Why a part is used or ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// Used: an exception of the chain.
    Chain,
    /// Used: the in-app frame nearest the raise.
    Raising,
    /// Used: a further in-app frame of the innermost exception.
    InApp,
    /// Used: one of the frames nearest the raise, as no frame is in-app.
    Nearest,
    /// Used: no exception of the chain has a frame.
    NoFrame,
    /// Used: the configuration asks for messages.
    ByMessage,
    /// Used: a member of the group.
    Member,
    /// Used: what the application or a rule asked for.
    Override,
    /// Ignored: an override is in force that does not mention it.
    Overridden,
    /// Ignored: not in-app; [`FramePart::rule`] says by which rule.
    NotInApp,
    /// Ignored: a repeated cycle of frames.
    Recursion,
    /// Ignored: more frames or exceptions than are used.
    Limit,
    /// Ignored: of an exception that has a cause only the raising frame counts.
    Effect,
    /// Ignored: nothing of the frame has a name.
    Unnamed,
    /// Ignored: made by the compiler or a library, as a step to the frame before.
    Generated,
    /// Ignored: frames tell more than a message.
    Frames,
    /// Ignored: a group whose members are all alike is replaced by its member.
    Unwrapped,
    /// Ignored: like another member of the group.
    Duplicate,
}

/// What was decided about a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the part is hashed.
    pub used: bool,
    /// Why, or why not.
    pub why: Why,
}

impl Verdict {
    /// The part is hashed.
    #[must_use]
    pub const fn used(why: Why) -> Self {
        Self { used: true, why }
    }

    /// It is not.
    #[must_use]
    pub const fn ignored(why: Why) -> Self {
        Self { used: false, why }
    }
}

/// The parts of one error's key. The keys are computed from this tree and from nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation<'a> {
    /// The version of the algorithm.
    pub version: u8,
    /// The service.
    pub service: Cow<'a, str>,
    /// What the application or a rule asked for. If there is anything, the chain is ignored unless a text mentions it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverridePart<'a>>,
    /// The exceptions, causes before effects.
    pub chain: Vec<ExceptionPart<'a>>,
    /// The raising source line: part of the sub-key only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raising_line: Option<LinePart<'a>>,
}

/// One text of an override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverridePart<'a> {
    /// As it was given.
    pub template: Cow<'a, str>,
    /// With what was substituted: the part that is hashed.
    pub text: Cow<'a, str>,
}

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionPart<'a> {
    /// Its position in the input.
    pub index: usize,
    /// Whether anything of it is hashed.
    pub verdict: Verdict,
    /// Its normalised type.
    #[serde(rename = "type")]
    pub type_name: Cow<'a, str>,
    /// Its message.
    pub message: MessagePart<'a>,
    /// Its frames, the raising one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<FramePart<'a>>,
    /// Its members, in the order of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberPart<'a>>,
}

/// The message of an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePart<'a> {
    /// Parameterised, if it is used; else empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub text: Cow<'a, str>,
    /// Whether it is used.
    pub verdict: Verdict,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FramePart<'a> {
    /// Its module or the base name of its file, normalised if it is used.
    pub module: Cow<'a, str>,
    /// Its function, normalised if it is used.
    pub function: Cow<'a, str>,
    /// Whether it is used.
    pub verdict: Verdict,
    /// The rule by which it is in-app or not, where one was asked.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub rule: Cow<'static, str>,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberPart<'a> {
    /// Whether it is used.
    pub verdict: Verdict,
    /// Its own chain.
    pub chain: Vec<ExceptionPart<'a>>,
}

/// The raising source line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePart<'a> {
    /// Normalised.
    pub text: Cow<'a, str>,
}

impl<'a> Explanation<'a> {
    pub(super) fn new(service: &'a str, (chain, line): super::chain::Chain<'a>) -> Self {
        Self {
            version: VERSION,
            service: Cow::Borrowed(service),
            overrides: Vec::new(),
            chain,
            raising_line: line.map(|text| LinePart { text }),
        }
    }

    /// Whether the application or a rule chose the key.
    #[must_use]
    pub fn is_overridden(&self) -> bool {
        !self.overrides.is_empty()
    }

    /// The used frames and types in one line, the reported exception first: `ValueError in cart.total < views.checkout, caused
    /// by KeyError in ...`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = String::new();
        for part in &self.overrides {
            let separator = if line.is_empty() { "override " } else { ", " };
            // Writing to a `String` cannot fail.
            let _ = write!(line, "{separator}`{}`", part.text);
        }
        if self.overrides.is_empty() {
            summarise(&self.chain, &mut line);
        }
        line
    }

    /// The same without borrowing.
    #[must_use]
    pub fn into_owned(self) -> Explanation<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Explanation {
            version: self.version,
            service: own(self.service),
            overrides: self
                .overrides
                .into_iter()
                .map(|part| OverridePart {
                    template: own(part.template),
                    text: own(part.text),
                })
                .collect(),
            chain: own_chain(self.chain),
            raising_line: self.raising_line.map(|line| LinePart {
                text: own(line.text),
            }),
        }
    }
}

fn own_chain(chain: Vec<ExceptionPart<'_>>) -> Vec<ExceptionPart<'static>> {
    let own = |text: Cow<'_, str>| match text {
        Cow::Borrowed("") => Cow::Borrowed(""),
        text => Cow::Owned(text.into_owned()),
    };
    let frame = |frame: FramePart<'_>| FramePart {
        module: own(frame.module),
        function: own(frame.function),
        verdict: frame.verdict,
        rule: frame.rule,
    };
    let exception = |part: ExceptionPart<'_>| ExceptionPart {
        index: part.index,
        verdict: part.verdict,
        type_name: own(part.type_name),
        message: MessagePart {
            text: own(part.message.text),
            verdict: part.message.verdict,
        },
        frames: part.frames.into_iter().map(frame).collect(),
        members: part
            .members
            .into_iter()
            .map(|member| MemberPart {
                verdict: member.verdict,
                chain: own_chain(member.chain),
            })
            .collect(),
    };
    chain.into_iter().map(exception).collect()
}

fn summarise(chain: &[ExceptionPart<'_>], line: &mut String) {
    let used = |part: &&ExceptionPart<'_>| part.verdict.used;
    for (position, part) in chain.iter().rev().filter(used).enumerate() {
        if position > 0 {
            line.push_str(", caused by ");
        }
        line.push_str(&part.type_name);
        if part.message.verdict.used {
            let _ = write!(line, ": {}", part.message.text);
        }
        let frames = part.frames.iter().filter(|frame| frame.verdict.used);
        for (position, frame) in frames.enumerate() {
            line.push_str(if position == 0 { " in " } else { " < " });
            line.push_str(&frame.module);
            if !frame.module.is_empty() && !frame.function.is_empty() {
                line.push('.');
            }
            line.push_str(&frame.function);
        }
        let members: Vec<_> = part.members.iter().filter(|m| m.verdict.used).collect();
        for (position, member) in members.iter().enumerate() {
            line.push_str(if position == 0 { " of (" } else { " | " });
            summarise(&member.chain, line);
        }
        if !members.is_empty() {
            line.push(')');
        }
    }
}
