//! What happens to one submission: validate, redact, fingerprint, encode. On the background thread, or on the thread of a caller
//! who wants the snapshot itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::finished::{Finished, PipelineError};
use super::{Setup, Shared, Submission};
use crate::fingerprint::{ErrorInput, ExceptionInput, Fingerprint, Fingerprinter, FrameInput};
use crate::reason::Reason;
use crate::redact::{CleanText, Cleaned, Cleaner, SideText};
use crate::snapshot::{
    AttributeGap, AttributeValue, Extras, FrameSource, Grouping, Meta, SessionLink,
};
use crate::source::{Excerpt, SourceReader};
use crate::tape::{FrameFlags, Item, Link, Section, Tape, Value};

/// Lines shown before and after a frame's line.
const AROUND: u32 = 3;
/// Frames for which source is read: more are rarely looked at.
const SOURCED_FRAMES: usize = 24;
/// Attributes kept.
const MAX_ATTRIBUTES: usize = 64;
/// Bytes kept of one attribute.
const MAX_ATTRIBUTE_BYTES: usize = 1024;
/// Bytes kept of its name. The rules for names see all of it.
const MAX_NAME_BYTES: usize = 256;
/// What of it is looked at beyond that, so that a secret which is cut there is recognised.
const LOOKAHEAD: usize = 256;

/// The stages behind the queue, with their memory.
#[derive(Debug)]
pub struct Pipeline {
    cleaner: Cleaner,
    sources: SourceReader,
    fingerprinter: Fingerprinter,
    #[cfg(feature = "native")]
    natives: crate::native::Natives,
}

impl Pipeline {
    pub(super) fn new(shared: &Shared) -> Self {
        let setup = &shared.setup;
        let directory = setup.host.directory.clone();
        Self {
            cleaner: Cleaner::new(),
            sources: SourceReader::new(setup.started, directory),
            fingerprinter: Fingerprinter::new(&setup.config.fingerprint),
            #[cfg(feature = "native")]
            natives: crate::native::Natives::default(),
        }
    }

    pub(super) fn note_source(&mut self, file: &str, text: &str) {
        self.sources.note(file, text);
    }

    /// All stages up to the encoder.
    pub(super) fn run(
        &mut self,
        shared: &Shared,
        submission: &Submission,
    ) -> Result<Finished, PipelineError> {
        let raw = Tape::parse(&submission.tape).map_err(PipelineError::Tape)?;
        let named = self.named(&raw);
        let raw = match &named {
            Some(named) => Tape::parse(named).map_err(PipelineError::Tape)?,
            None => raw,
        };
        let excerpts = match shared.setup.config.source {
            true => self.excerpts(&raw),
            false => Vec::new(),
        };
        let mut finished = self.clean(&shared.setup, &raw, &submission.meta, &excerpts)?;
        let tape = finished.tape()?;
        let grouping = group(&self.fingerprinter, &tape, &finished.meta, &finished.extras);
        drop(tape);
        finished.key = grouping.key;
        finished.extras.grouping = Some(Grouping {
            key: grouping.hex(),
            sub_key: Some(grouping.sub_hex()),
            version: grouping.version.into(),
            overridden: grouping.overridden,
            explanation: Some(grouping.explanation.summary()),
        });
        Ok(finished)
    }

    /// The stages that other people's forms need: validated and redacted, without source and issue.
    pub(super) fn run_bare(
        &mut self,
        shared: &Shared,
        submission: &Submission,
    ) -> Result<Finished, PipelineError> {
        let raw = Tape::parse(&submission.tape).map_err(PipelineError::Tape)?;
        let named = self.named(&raw);
        let raw = match &named {
            Some(named) => Tape::parse(named).map_err(PipelineError::Tape)?,
            None => raw,
        };
        self.clean(&shared.setup, &raw, &submission.meta, &[])
    }

    /// The tape with the names of its native frames, if it has frames that are known by their addresses only.
    #[cfg(feature = "native")]
    fn named(&mut self, tape: &Tape<'_>) -> Option<Vec<u8>> {
        (tape.header().language == crate::language::Language::Native)
            .then(|| self.natives.finish(tape))
            .flatten()
    }

    #[cfg(not(feature = "native"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn named(&mut self, _tape: &Tape<'_>) -> Option<Vec<u8>> {
        None
    }

    fn clean(
        &mut self,
        setup: &Setup,
        raw: &Tape<'_>,
        meta: &Meta,
        excerpts: &[Option<Excerpt>],
    ) -> Result<Finished, PipelineError> {
        let meta = with_tags(meta, &setup.config.tags);
        let mut beside = Beside::new(&meta, &setup.config.request_headers, excerpts);
        let aliases = setup.alias_key.as_ref();
        let cleaned = self
            .cleaner
            .clean(raw, &beside.texts(), &setup.redactor, aliases)
            .map_err(|_| PipelineError::Redaction)?;
        let (meta, extras) = beside.clean(&meta, excerpts, &cleaned);
        Ok(Finished {
            cleaned,
            meta,
            extras,
            key: [0; 16],
        })
    }

    /// Source of the frames in the order of the tape: the program's own, and the raising ones.
    fn excerpts(&mut self, tape: &Tape<'_>) -> Vec<Option<Excerpt>> {
        let mut left = SOURCED_FRAMES;
        let mut excerpts = Vec::new();
        for exception in tape.exceptions() {
            for (position, frame) in tape.frames(exception.id).enumerate() {
                let wanted = position == 0 || frame.flags.has(FrameFlags::IN_APP);
                let excerpt = (wanted && left > 0 && !frame.file.is_cut())
                    .then(|| self.sources.excerpt(frame.file.text, frame.line, AROUND))
                    .flatten();
                left -= usize::from(excerpt.is_some());
                excerpts.push(excerpt);
            }
        }
        excerpts
    }
}

/// The host's own attributes, then the configured tags that it does not have.
fn with_tags<'a>(meta: &'a Meta, tags: &BTreeMap<String, String>) -> Cow<'a, Meta> {
    if tags.is_empty() {
        return Cow::Borrowed(meta);
    }
    let mut meta = meta.clone();
    for (name, value) in tags {
        if !meta.attributes.iter().any(|(known, _)| known == name) {
            meta.attributes
                .push((name.clone(), AttributeValue::Text(value.clone())));
        }
    }
    Cow::Owned(meta)
}

/// The texts beside the tape, on their way through the redact stage.
struct Beside<'a> {
    texts: Vec<SideText<'a>>,
    gaps: Vec<AttributeGap>,
}

impl<'a> Beside<'a> {
    fn new(
        meta: &'a Meta,
        request_headers: &BTreeMap<String, String>,
        excerpts: &'a [Option<Excerpt>],
    ) -> Self {
        let mut this = Self {
            texts: Vec::new(),
            gaps: Vec::new(),
        };
        for (name, value) in all_attributes(meta) {
            let whole = match value {
                AttributeValue::Text(text) => text.as_str(),
                _ => "",
            };
            this.texts.push(SideText {
                name: Some(name),
                ..looked_at(whole, MAX_ATTRIBUTE_BYTES)
            });
            this.texts.push(looked_at(name, MAX_NAME_BYTES));
        }
        let thread = meta
            .thread
            .as_ref()
            .and_then(|thread| thread.name.as_deref());
        this.texts.push(SideText {
            text: thread.unwrap_or(""),
            ..SideText::default()
        });
        for link in &meta.session_links {
            // The header that such a link comes by is hidden by its name where it stands among the values of the program.
            let configured = request_headers.values().any(|name| *name == link.name);
            for text in parts(link) {
                this.texts.push(SideText {
                    keeps_copies: configured,
                    ..looked_at(text, MAX_ATTRIBUTE_BYTES)
                });
            }
        }
        for line in excerpts.iter().flatten().flat_map(|excerpt| &excerpt.lines) {
            this.texts.push(SideText {
                text: line,
                is_code: true,
                ..SideText::default()
            });
        }
        this
    }

    fn texts(&self) -> Vec<SideText<'a>> {
        self.texts.clone()
    }

    /// Puts the clean texts back where they came from.
    fn clean(
        &mut self,
        meta: &Meta,
        excerpts: &[Option<Excerpt>],
        cleaned: &Cleaned,
    ) -> (Meta, Extras) {
        let mut texts = cleaned.texts.iter();
        let mut out = Meta {
            attributes: Vec::new(),
            user: Vec::new(),
            session_links: Vec::new(),
            ..meta.clone()
        };
        let user_from = meta.attributes.len().min(MAX_ATTRIBUTES);
        for (index, attribute) in all_attributes(meta).enumerate() {
            let (Some(text), Some(name)) = (texts.next(), texts.next()) else {
                break;
            };
            let target = if index < user_from {
                &mut out.attributes
            } else {
                &mut out.user
            };
            self.attribute(attribute, name, text, target);
        }
        if meta.attributes.len() > MAX_ATTRIBUTES {
            self.gaps.push(AttributeGap {
                name: None,
                count: (meta.attributes.len() - MAX_ATTRIBUTES) as u32,
                reason: Reason::FieldCount,
                rule: None,
            });
        }
        if let (Some(thread), Some(name)) = (out.thread.as_mut(), texts.next()) {
            thread.name = thread.name.take().map(|_| shown(name));
        }
        for link in &meta.session_links {
            let [name, id, url] = parts(link).map(|whole| {
                texts
                    .next()
                    .map(|clean| kept(clean, whole, MAX_ATTRIBUTE_BYTES))
                    .unwrap_or_default()
            });
            if parts(link)
                .iter()
                .any(|whole| whole.len() > MAX_ATTRIBUTE_BYTES)
            {
                self.gaps.push(AttributeGap {
                    name: Some(name.clone()),
                    count: 1,
                    reason: Reason::Length,
                    rule: None,
                });
            }
            let url = link.url.is_some().then_some(url);
            out.session_links.push(SessionLink { name, id, url });
        }
        let mut sources = Vec::with_capacity(excerpts.len());
        for excerpt in excerpts {
            sources.push(excerpt.as_ref().map(|excerpt| {
                FrameSource {
                    first_line: excerpt.first_line,
                    lines: texts
                        .by_ref()
                        .take(excerpt.lines.len())
                        .map(shown)
                        .collect(),
                    hash: Some(excerpt.hash.clone()),
                    stale: excerpt.stale,
                }
            }));
        }
        let gaps = std::mem::take(&mut self.gaps);
        let extras = Extras {
            grouping: None,
            sources,
            attribute_gaps: gaps,
            counts: cleaned.side_counts,
        };
        (out, extras)
    }

    fn attribute(
        &mut self,
        (name, value): (&str, &AttributeValue),
        clean_name: &CleanText,
        text: &CleanText,
        target: &mut Vec<(String, AttributeValue)>,
    ) {
        let name = kept(clean_name, name, MAX_NAME_BYTES);
        let gap = |reason, rule| AttributeGap {
            name: Some(name.clone()),
            count: 1,
            reason,
            rule,
        };
        if let Some((reason, rule)) = &text.hidden {
            self.gaps.push(gap(*reason, Some(rule.clone())));
            if text.text.is_empty() {
                return;
            }
        }
        let value = match value {
            AttributeValue::Text(whole) => {
                if whole.len() > MAX_ATTRIBUTE_BYTES {
                    self.gaps.push(gap(Reason::Length, None));
                }
                AttributeValue::Text(kept(text, whole, MAX_ATTRIBUTE_BYTES))
            }
            other => other.clone(),
        };
        target.push((name, value));
    }
}

fn all_attributes(meta: &Meta) -> impl Iterator<Item = (&str, &AttributeValue)> {
    let attributes = meta.attributes.iter().take(MAX_ATTRIBUTES);
    let user = meta.user.iter().take(MAX_ATTRIBUTES);
    attributes
        .chain(user)
        .map(|(name, value)| (name.as_str(), value))
}

/// What the redact stage sees of a text of which `max` bytes are kept.
fn looked_at(whole: &str, max: usize) -> SideText<'_> {
    let text = cut(whole, max + LOOKAHEAD);
    SideText {
        text,
        cut: text.len() < whole.len(),
        ..SideText::default()
    }
}

/// What is kept of such a text once it is clean. What was only looked at goes: at least as much, however long what took its place
/// has become.
fn kept(clean: &CleanText, whole: &str, max: usize) -> String {
    if clean.hidden.is_some() && clean.text.is_empty() {
        return shown(clean);
    }
    let ahead = cut(whole, max + LOOKAHEAD).len() - cut(whole, max).len();
    let text = &clean.text;
    cut(text, text.len().saturating_sub(ahead)).to_owned()
}

/// The texts of a link.
fn parts(link: &SessionLink) -> [&str; 3] {
    [&link.name, &link.id, link.url.as_deref().unwrap_or("")]
}

fn shown(text: &CleanText) -> String {
    match &text.hidden {
        Some((_, rule)) if text.text.is_empty() => format!("[redacted:{rule}]"),
        _ => text.text.clone(),
    }
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The fingerprint of a clean tape.
fn group(
    fingerprinter: &Fingerprinter,
    tape: &Tape<'_>,
    meta: &Meta,
    extras: &Extras,
) -> Fingerprint {
    let exceptions: Vec<_> = tape.exceptions().collect();
    let messages: Vec<String> = exceptions
        .iter()
        .map(|exception| message(tape, exception.id))
        .collect();
    let mut sources = extras.sources.iter();
    let mut inputs: Vec<ExceptionInput<'_>> = Vec::with_capacity(exceptions.len());
    for (index, exception) in exceptions.iter().enumerate() {
        let frames = tape
            .frames(exception.id)
            .map(|frame| FrameInput {
                function: frame.function.text,
                module: frame.module.text,
                file: frame.file.text,
                in_app: Some(frame.flags.has(FrameFlags::IN_APP)),
                raising_line: sources.next().and_then(|source| {
                    let source = source.as_ref()?;
                    let at = frame.line.checked_sub(source.first_line)?;
                    source.lines.get(at as usize).map(String::as_str)
                }),
            })
            .collect();
        inputs.push(ExceptionInput {
            type_name: exception.type_name.map_or("", |name| name.text),
            module: "",
            message: &messages[index],
            cause: None,
            members: Vec::new(),
            frames,
        });
        let parent = exception.parent as usize;
        match exception.link {
            Link::Cause | Link::Context if inputs[parent].cause.is_none() => {
                inputs[parent].cause = Some(index);
            }
            Link::Member => inputs[parent].members.push(index),
            _ => {}
        }
    }
    let overrides: Vec<_> = meta
        .fingerprint
        .iter()
        .flatten()
        .map(|part| Cow::Borrowed(part.as_str()))
        .collect();
    let input = ErrorInput {
        language: tape.header().language,
        exceptions: inputs,
        overrides: &overrides,
        service: &meta.process.service,
    };
    fingerprinter.fingerprint(&input)
}

fn message(tape: &Tape<'_>, exception: crate::tape::ContainerId) -> String {
    let mut in_message = false;
    for item in tape.group(exception) {
        match item {
            Item::Section(section) => in_message = section == Section::Message,
            Item::Value {
                value: Value::Text(text),
                ..
            } if in_message => {
                return text.shown().into_owned();
            }
            Item::Value {
                value: Value::Cleaned { text, .. },
                ..
            } if in_message => {
                return text.to_owned();
            }
            _ => {}
        }
    }
    String::new()
}
