//! One frame's object: where, when, which process, the stack, and the values inside, in the order of each tracer.

use std::fmt::Write as _;

use super::dialect::Dialect;
use super::prune::Ranges;
use super::scalar::Texts;
use super::value::Values;
use super::{Chosen, Input, Options};
use crate::encode::chain::Chain;
use crate::encode::form::{Form, Key};
use crate::encode::json::Json;
use crate::snapshot::SnapshotId;
use crate::tape::{ContainerId, Exception, Frame, Name, Section};

macro_rules! keys {
    ($($name:ident = $text:literal;)*) => { $(static $name: Key = Key::new($text);)* };
}

keys! {
    ARGUMENTS = "arguments";
    CAPTURES = "captures";
    DD = "dd";
    DDSOURCE = "ddsource";
    DEBUGGER = "debugger";
    DEBUGGER_PRODUCT = "debugger.product";
    DEBUGGER_TYPE = "debugger.type";
    DOTTED_SPAN_ID = "dd.span_id";
    DOTTED_TRACE_ID = "dd.trace_id";
    DURATION = "duration";
    ENTRY = "entry";
    EXCEPTION_HASH = "exceptionHash";
    EXCEPTION_ID = "exceptionId";
    FILE = "file";
    FRAME_INDEX = "frameIndex";
    ID = "id";
    LANGUAGE = "language";
    LINES = "lines";
    LOCALS = "locals";
    LOCATION = "location";
    LOGGER = "logger";
    LOGGER_METHOD = "logger.method";
    LOGGER_NAME = "logger.name";
    LOGGER_THREAD_ID = "logger.thread_id";
    LOGGER_THREAD_NAME = "logger.thread_name";
    LOGGER_VERSION = "logger.version";
    MESSAGE = "message";
    METHOD = "method";
    NAME = "name";
    PROBE = "probe";
    PROCESS_TAGS = "process_tags";
    RETURN = "return";
    SERVICE = "service";
    SNAPSHOT = "snapshot";
    SPAN_ID = "span_id";
    STATIC_FIELDS = "staticFields";
    THREAD_ID = "thread_id";
    THREAD_NAME = "thread_name";
    TIMESTAMP = "timestamp";
    TRACE_ID = "trace_id";
    TYPE = "type";
    VERSION = "version";
}

/// Most values that one frame shows through references, whatever the tape says of its limits.
const MOST_THROUGH_REFERENCES: u32 = 65_536;
/// Most references followed from a variable, whatever the tape says of its limits.
const MOST_DEPTH: u16 = 32;

/// One frame of one exception to be written.
pub(super) struct Piece<'p> {
    pub(super) input: &'p Input<'p>,
    pub(super) options: &'p Options<'p>,
    pub(super) chain: &'p Chain,
    /// The frames of the exception, raising frame first.
    pub(super) frames: &'p [ContainerId],
    pub(super) exception: Exception<'p>,
    pub(super) frame: Frame<'p>,
    pub(super) chosen: Chosen,
}

impl<'p> Piece<'p> {
    /// Appends the object, in which values end when it reaches `most` bytes; notes where values stand if `ranges` are asked for.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        most: usize,
        ranges: Option<&mut Ranges>,
        path: &mut Vec<ContainerId>,
        texts: &mut Texts,
    ) {
        let header = self.input.tape.header();
        path.clear();
        let mut values = Values {
            full_at: out.len().saturating_add(most),
            json: Json::new(out),
            tape: self.input.tape,
            chain: self.chain,
            dialect: self.options.dialect,
            language: header.language,
            characters: self.options.characters,
            depth: header.limits.depth.min(MOST_DEPTH.into()) as usize,
            budget: header.limits.values.min(MOST_THROUGH_REFERENCES),
            ranges,
            texts,
            path,
            through_reference: false,
        };
        let out = &mut values;
        out.json.map(0);
        match self.options.dialect {
            Dialect::Python | Dialect::Native => self.by_line(out),
            Dialect::Java => self.java(out),
            Dialect::Dotnet => self.dotnet(out),
        }
        out.json.end_map();
        values.json.finish();
    }

    /// As Python's tracer has it.
    fn by_line(&self, out: &mut Values<'_, 'p>) {
        let meta = self.input.meta;
        let mut digits = itoa::Buffer::new();
        let line = digits.format(self.frame.line);
        self.service(out);
        out.begin(&DEBUGGER);
        out.begin(&SNAPSHOT);
        self.id(out);
        self.timestamp(out);
        self.evaluation_errors(out);
        out.begin(&PROBE);
        out.id(&ID, &meta.id);
        out.number(&VERSION, 0);
        out.begin(&LOCATION);
        match self.options.source_file {
            Some(file) => out.text(&FILE, file),
            None => out.name(&FILE, self.file()),
        }
        out.json.key(&LINES);
        out.json.array(1);
        out.json.string(line);
        out.json.end_array();
        out.end();
        out.end();
        out.text(&LANGUAGE, self.options.dialect.language(out.language));
        out.text(&TYPE, "snapshot");
        self.stack(out);
        out.begin(&CAPTURES);
        out.begin(&LINES);
        out.plain_name(line);
        out.json.map(4);
        self.section(out, Section::Arguments, &ARGUMENTS);
        self.section(out, Section::Locals, &LOCALS);
        self.section(out, Section::Statics, &STATIC_FIELDS);
        self.throwable(out);
        out.end();
        out.end();
        out.end();
        // That of the function that a probe watches; a replayed exception has none.
        out.json.key(&DURATION);
        out.json.raw(b"null");
        out.id(&EXCEPTION_ID, &meta.id);
        out.end();
        out.end();
        out.begin(&LOGGER);
        out.name(&NAME, self.file());
        out.text(&METHOD, self.function());
        let (thread, name) = self.thread();
        out.composed(
            &THREAD_NAME,
            format_args!("{name};pid:{}", meta.process.pid),
        );
        out.number(&THREAD_ID, thread);
        out.number(&VERSION, 2);
        out.end();
        out.text(&DDSOURCE, "dd_debugger");
        let (function, file) = (self.function(), self.file().text);
        let id = meta.id;
        out.composed(
            &MESSAGE,
            format_args!(
                "exception info for {function}, in {file}, line {line} (exception ID {id})"
            ),
        );
        self.timestamp(out);
        self.process_tags(out);
        if meta.trace_id.is_some() || meta.span_id.is_some() {
            out.begin(&DD);
            self.trace(out, &TRACE_ID, &SPAN_ID);
            out.end();
        }
    }

    fn java(&self, out: &mut Values<'_, 'p>) {
        let meta = self.input.meta;
        let (class, method) = self.class_and_method();
        self.trace(out, &DOTTED_TRACE_ID, &DOTTED_SPAN_ID);
        out.text(&DDSOURCE, "dd_debugger");
        out.begin(&DEBUGGER);
        out.begin(&SNAPSHOT);
        out.begin(&CAPTURES);
        out.begin(&ENTRY);
        for key in [&ARGUMENTS, &LOCALS, &STATIC_FIELDS] {
            out.begin(key);
            out.end();
        }
        out.end();
        out.begin(&RETURN);
        self.section(out, Section::Arguments, &ARGUMENTS);
        self.section(out, Section::Locals, &LOCALS);
        self.section(out, Section::Statics, &STATIC_FIELDS);
        self.throwable(out);
        out.end();
        out.end();
        self.evaluation_errors(out);
        self.exception_hash(out);
        out.id(&EXCEPTION_ID, &meta.id);
        self.id(out);
        out.text(&LANGUAGE, self.options.dialect.language(out.language));
        self.probe(out, class, method);
        self.stack(out);
        self.timestamp(out);
        out.end();
        out.end();
        out.number(&DURATION, self.duration_ns());
        out.text(&LOGGER_METHOD, method);
        out.text(&LOGGER_NAME, class);
        let (thread, name) = self.thread();
        out.number(&LOGGER_THREAD_ID, thread);
        out.text(&LOGGER_THREAD_NAME, name);
        out.number(&LOGGER_VERSION, 2);
        self.process_tags(out);
        self.service(out);
        self.timestamp(out);
        out.text(&TYPE, "snapshot");
    }

    fn dotnet(&self, out: &mut Values<'_, 'p>) {
        let meta = self.input.meta;
        let (class, method) = self.class_and_method();
        out.begin(&DEBUGGER);
        out.begin(&SNAPSHOT);
        out.begin(&CAPTURES);
        out.begin(&RETURN);
        self.section(out, Section::Statics, &STATIC_FIELDS);
        self.throwable(out);
        self.section(out, Section::Locals, &LOCALS);
        self.section(out, Section::Arguments, &ARGUMENTS);
        out.end();
        out.end();
        self.evaluation_errors(out);
        self.probe(out, class, method);
        self.stack(out);
        self.exception_hash(out);
        out.id(&EXCEPTION_ID, &meta.id);
        let mut digits = itoa::Buffer::new();
        out.text(&FRAME_INDEX, digits.format(self.chosen.place));
        self.id(out);
        self.timestamp(out);
        out.json.key(&DURATION);
        out.json.float(self.duration_ns() as f64 / 1e6);
        out.text(&LANGUAGE, self.options.dialect.language(out.language));
        out.end();
        out.end();
        out.begin(&LOGGER);
        let (thread, name) = self.thread();
        out.number(&THREAD_ID, thread);
        out.text(&THREAD_NAME, name);
        out.text(&VERSION, "2");
        out.text(&NAME, class);
        out.text(&METHOD, method);
        out.end();
        self.service(out);
        out.text(&DDSOURCE, "dd_debugger");
        self.process_tags(out);
        self.trace(out, &DOTTED_TRACE_ID, &DOTTED_SPAN_ID);
        out.text(&DEBUGGER_TYPE, "snapshot");
        out.text(&DEBUGGER_PRODUCT, "er");
        let id = meta.id;
        out.composed(
            &MESSAGE,
            format_args!("exception info for {class}.{method} (exception ID {id})"),
        );
    }

    fn service(&self, out: &mut Values<'_, '_>) {
        let own = &self.input.meta.process.service;
        out.text(&SERVICE, self.options.service.unwrap_or(own));
    }

    fn id(&self, out: &mut Values<'_, '_>) {
        out.id(&ID, &(self.options.frame_id)(self.chosen.index));
    }

    fn timestamp(&self, out: &mut Values<'_, '_>) {
        out.number(&TIMESTAMP, self.input.meta.timestamp_ns / 1_000_000);
    }

    fn duration_ns(&self) -> u64 {
        u64::try_from(self.input.tape.header().duration.as_nanos()).unwrap_or(u64::MAX)
    }

    fn thread(&self) -> (u64, &str) {
        let thread = self.input.meta.thread.as_ref();
        let name = thread.and_then(|thread| thread.name.as_deref());
        (
            thread.map_or(0, |thread| thread.id),
            name.unwrap_or_default(),
        )
    }

    fn exception_hash(&self, out: &mut Values<'_, '_>) {
        if let Some(hash) = self.options.exception_hash {
            out.text(&EXCEPTION_HASH, hash);
        }
    }

    fn process_tags(&self, out: &mut Values<'_, '_>) {
        if let Some(tags) = self.options.process_tags {
            out.text(&PROCESS_TAGS, tags);
        }
    }

    /// Trace id in hex (one of 64 bits in decimal, in Python), span id in decimal.
    fn trace(&self, out: &mut Values<'_, '_>, trace_key: &Key, span_key: &Key) {
        let meta = self.input.meta;
        if let Some(trace_id) = meta.trace_id {
            match u64::try_from(trace_id) {
                Ok(short) if self.options.dialect == Dialect::Python => {
                    out.text(trace_key, itoa::Buffer::new().format(short));
                }
                _ => out.composed(trace_key, format_args!("{trace_id:032x}")),
            }
        }
        if let Some(span_id) = meta.span_id {
            out.text(span_key, itoa::Buffer::new().format(span_id));
        }
    }

    fn probe(&self, out: &mut Values<'_, '_>, class: &str, method: &str) {
        out.begin(&PROBE);
        self.id(out);
        out.number(&VERSION, 0);
        out.begin(&LOCATION);
        if self.options.dialect == Dialect::Java {
            out.json.key(&LINES);
            out.json.array(0);
            out.json.end_array();
        }
        out.text(&METHOD, method);
        out.text(&TYPE, class);
        out.end();
        out.end();
    }

    /// The function; in Python without what it is inside of, as code objects name it.
    fn function(&self) -> &str {
        match self.options.dialect {
            Dialect::Native => self.frame.function.text,
            _ => super::place::short_function(self.frame.function.text),
        }
    }

    /// The file, or what is known in place of one: a library without lines is where a frame is.
    fn file(&self) -> &Name<'p> {
        match self.options.dialect {
            Dialect::Native if self.frame.file.text.is_empty() => &self.frame.module,
            _ => &self.frame.file,
        }
    }

    fn class_and_method(&self) -> (&str, &str) {
        let function = self.frame.function.text;
        match (self.frame.module.text, function.rsplit_once('.')) {
            ("", Some((class, method))) => (class, method),
            (module, _) => (module, function),
        }
    }
}

/// Bytes of a text outside of the values.
const TEXT_BYTES: usize = 1024;

impl Values<'_, '_> {
    pub(super) fn begin(&mut self, key: &Key) {
        self.json.key(key);
        self.json.map(0);
    }

    pub(super) fn end(&mut self) {
        self.json.end_map();
    }

    pub(super) fn number(&mut self, key: &Key, number: u64) {
        self.json.key(key);
        self.json.uint(number);
    }

    /// A text that is no value: its length is bounded, since values are what can be pruned.
    pub(super) fn text(&mut self, key: &Key, text: &str) {
        let total = text.len() as u32;
        self.name(key, &Name { text, total });
    }

    /// The same of a name on the tape, which ends in `…` if it was cut, there or here.
    pub(super) fn name(&mut self, key: &Key, name: &Name<'_>) {
        let text = &name.text[..name.text.floor_char_boundary(TEXT_BYTES)];
        let total = name.total.max(name.text.len() as u32);
        self.json.key(key);
        self.json.named(&Name { text, total });
    }

    /// The same, put together.
    pub(super) fn composed(&mut self, key: &Key, text: std::fmt::Arguments<'_>) {
        let mut buffer = std::mem::take(&mut self.texts.text);
        buffer.clear();
        // Writing to a string does not fail.
        let _ = buffer.write_fmt(text);
        self.text(key, &buffer);
        self.texts.text = buffer;
    }

    fn id(&mut self, key: &Key, id: &SnapshotId) {
        let text = id.text();
        self.text(key, std::str::from_utf8(&text).unwrap_or_default());
    }
}
