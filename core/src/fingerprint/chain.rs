//! The chain: which exceptions of an error count, in which order.

use std::borrow::Cow;

use super::explanation::{ExceptionPart, MemberPart, MessagePart, Verdict, Why};
use super::frames::{self, Wanted};
use super::hash::member_key;
use super::in_app::InApp;
use super::input::{ErrorInput, ExceptionInput};
use super::line::source_line;
use super::message::parameterise;
use super::normalise;

/// Exceptions of one error that are looked at.
pub const MAX_EXCEPTIONS: usize = 64;
/// Groups within groups that are looked at.
const MAX_NESTING: usize = 8;

/// The exceptions, causes before effects, and the raising source line.
pub(super) type Chain<'a> = (Vec<ExceptionPart<'a>>, Option<Cow<'a, str>>);

/// Decides about every exception that the reported one leads to.
pub(super) fn build<'a>(input: &ErrorInput<'a>, in_app: &InApp, by_message: bool) -> Chain<'a> {
    let mut builder = Builder {
        input,
        in_app,
        by_message,
        seen: vec![false; input.exceptions.len()],
        left: MAX_EXCEPTIONS,
    };
    let chain = builder.chain(0, 0);
    let line = raising_line(input, &chain);
    (chain, line)
}

/// The normalised source of the innermost raising frame that is used.
fn raising_line<'a>(input: &ErrorInput<'a>, chain: &[ExceptionPart<'a>]) -> Option<Cow<'a, str>> {
    let (index, position) = chain
        .iter()
        .filter(|part| part.verdict.used)
        .find_map(|part| Some((part.index, part.frames.iter().position(|f| f.verdict.used)?)))?;
    let line = input
        .exceptions
        .get(index)?
        .frames
        .get(position)?
        .raising_line?;
    Some(source_line(input.language, line))
}

struct Builder<'i, 'a> {
    input: &'i ErrorInput<'a>,
    in_app: &'i InApp,
    by_message: bool,
    seen: Vec<bool>,
    left: usize,
}

impl<'i, 'a> Builder<'i, 'a> {
    /// The causes of an exception, the innermost first, and itself, each behind its members if it is a group.
    fn chain(&mut self, end: usize, nesting: usize) -> Vec<ExceptionPart<'a>> {
        let mut effects = Vec::new();
        let mut next = Some(end);
        while let Some(exception) = next.and_then(|index| self.take(index)) {
            next = exception.1.cause;
            effects.push(exception);
        }
        effects.reverse();
        let innermost = effects.iter().position(|(_, exception)| {
            !exception.frames.is_empty() && exception.members.is_empty()
        });
        let mut chain = Vec::with_capacity(effects.len());
        for (position, (index, exception)) in effects.into_iter().enumerate() {
            let wanted = match innermost == Some(position) {
                true => Wanted::Path,
                false => Wanted::Raising,
            };
            let mut part = self.part(index, exception, wanted);
            if nesting < MAX_NESTING && !exception.members.is_empty() {
                self.add_members(exception, nesting, &mut chain, &mut part);
            }
            chain.push(part);
        }
        self.without_frames(&mut chain);
        chain
    }

    /// An exception that was not met before, unless too many were.
    fn take(&mut self, index: usize) -> Option<(usize, &'i ExceptionInput<'a>)> {
        let exception = self.input.exceptions.get(index)?;
        if self.left == 0 || std::mem::replace(&mut self.seen[index], true) {
            return None;
        }
        self.left -= 1;
        Some((index, exception))
    }

    fn part(
        &self,
        index: usize,
        exception: &ExceptionInput<'a>,
        wanted: Wanted,
    ) -> ExceptionPart<'a> {
        let message = match self.by_message {
            true => MessagePart {
                text: parameterise(exception.message),
                verdict: Verdict::used(Why::ByMessage),
            },
            false => MessagePart {
                text: Cow::Borrowed(""),
                verdict: Verdict::ignored(Why::Frames),
            },
        };
        ExceptionPart {
            index,
            verdict: Verdict::used(Why::Chain),
            type_name: self.type_name(exception),
            message,
            frames: frames::choose(self.input.language, exception, self.in_app, wanted),
            members: Vec::new(),
        }
    }

    fn type_name(&self, exception: &ExceptionInput<'a>) -> Cow<'a, str> {
        let name = normalise::type_name(self.input.language, exception.type_name);
        match exception.module {
            "" => name,
            module => normalise::type_in_module(self.input.language, module, name),
        }
    }

    /// Adds what a group consists of: its members' keys, or the one member that all others are like.
    fn add_members(
        &mut self,
        group: &ExceptionInput<'a>,
        nesting: usize,
        chain: &mut Vec<ExceptionPart<'a>>,
        part: &mut ExceptionPart<'a>,
    ) {
        let mut members = Vec::new();
        for index in &group.members {
            let member = self.chain(*index, nesting + 1);
            if !member.is_empty() {
                members.push((member_key(&member), member));
            }
        }
        // Equal keys stay in the order of the input: it is the first of them that is used.
        members.sort_by_key(|(key, _)| *key);
        let mut last = None;
        let mut distinct = 0;
        for (key, member) in members {
            let verdict = match last.replace(key) == Some(key) {
                true => Verdict::ignored(Why::Duplicate),
                false => Verdict::used(Why::Member),
            };
            distinct += usize::from(verdict.used);
            part.members.push(MemberPart {
                verdict,
                chain: member,
            });
        }
        if distinct == 1 {
            chain.append(&mut part.members.remove(0).chain);
            part.verdict = Verdict::ignored(Why::Unwrapped);
            part.message.verdict = Verdict::ignored(Why::Unwrapped);
            for frame in &mut part.frames {
                frame.verdict = Verdict::ignored(Why::Unwrapped);
            }
        }
    }

    /// Where no frame of a chain is used, messages tell its errors apart.
    fn without_frames(&self, chain: &mut [ExceptionPart<'a>]) {
        let has_frame = |part: &ExceptionPart<'_>| part.frames.iter().any(|f| f.verdict.used);
        if self.by_message || chain.iter().any(has_frame) {
            return;
        }
        for part in chain.iter_mut().filter(|part| part.verdict.used) {
            // What a group's members say is in their keys; its own message counts them.
            if let Some(exception) = self.input.exceptions.get(part.index)
                && part.members.is_empty()
            {
                part.message = MessagePart {
                    text: parameterise(exception.message),
                    verdict: Verdict::used(Why::NoFrame),
                };
            }
        }
    }
}
