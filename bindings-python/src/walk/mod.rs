//! The CPython walker: from an exception to a tape, without running any code of the program.
//!
//! ```text
//! site     class + code locations -> hash for the gate                                         (every exception)
//! chain    exception, cause, context, group members -> group 0; message                        (the captured ones)
//! frames   traceback -> rows; code plan names the slots -> variables
//! capture  queue of containers: value -> plan of its type -> storage -> tape, level by level
//!            contents   of lists, tuples, dicts, sets    instance  slots, inline values, dicts
//!            text, number                                known     types with a meaning of their own
//!            hiding     what names hide
//!            replay     frames that a tracer chose
//! ```
//!
//! What makes it fast: values are read where they lie ([`layout`] has the offsets of each version, [`object`] the proof that an offset
//! applies); what a type or a code object looks like is found out once ([`plan`], [`code`]); each value costs one comparison or
//! two of type pointers and one store to the tape.
//!
//! What makes it safe: nothing is called that could run Python code (no attribute lookup, no comparison, no iteration, no hash), no
//! reference count is written, nothing is allocated in the program's heap, every loop is bounded by limits. Offsets are checked by
//! a [`selftest`] when the module is imported; if it fails, the same walker runs on the public API (`DIRECT = false`): slower, with
//! fewer known types, but still without the program's code.
//!
//! Everything here runs with the GIL held; [`Walker`] is used by one thread at a time.

pub(crate) mod caches;
mod capture;
mod chain;
mod code;
mod container;
mod contents;
mod frames;
mod globals;
mod hiding;
mod identity;
mod instance;
mod known;
mod layout;
mod loads;
mod location;
mod message;
mod number;
mod object;
mod plan;
mod record;
mod render;
mod replay;
mod rules;
mod selftest;
mod site;
mod text;

use std::cell::UnsafeCell;
use std::fmt;
use std::time::Duration;

use pyo3::Python;
use pyo3_ffi as ffi;
use stillframe_core::encode::datadog::Caller;
use stillframe_core::fingerprint::{FingerprintConfig, InApp};
use stillframe_core::gate::{SiteFacts, SiteHash};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::redact::{AliasKey, Redactor};
use stillframe_core::tape::TapeWriter;

use capture::{State, Walk};
use message::StrFunctions;
use object::{Class, Code, Exception, Obj, Traceback};
use replay::Chosen;
pub(crate) use replay::FrameRow;
use rules::Rules;

/// What one capture is to obey.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Bounds of the snapshot.
    pub(crate) limits: &'a Limits,
    /// Names and types that are not read. It must stay the same object, unchanged, as long as this walker is given it.
    pub(crate) redactor: &'a Redactor,
    /// The key under which hidden texts are hashed, so that their equals can be hidden; none: they are not.
    pub(crate) alias_key: Option<&'a AliasKey>,
    /// What counts as the program's own code.
    pub(crate) grouping: &'a FingerprintConfig,
}

/// What a capture came to; the tape is in the writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Captured {
    /// Why the walk ended early, if it did.
    pub(crate) stop: Option<Reason>,
    /// How long the thread was held up.
    pub(crate) duration: Duration,
    /// Whether it was the fallback that walked.
    pub(crate) fallback: bool,
}

/// How this walker reads, and why so.
#[derive(Clone, Debug)]
pub(crate) struct WalkerReport {
    mode: &'static str,
    why: String,
}

impl WalkerReport {
    /// `fast` or `fallback`.
    pub(crate) const fn mode(&self) -> &'static str {
        self.mode
    }
}

impl fmt::Display for WalkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} walker, {}", self.mode, self.why)
    }
}

/// Objects and functions of this interpreter by which types are told.
#[derive(Debug)]
struct Facts {
    none: *const ffi::PyObject,
    true_object: *const ffi::PyObject,
    none_type: *const ffi::PyTypeObject,
    /// The function that frees instances of classes made by `class`.
    class_dealloc: usize,
    str_functions: StrFunctions,
}

impl Facts {
    fn find() -> Self {
        // SAFETY: `None` is there as long as the interpreter is, and so is its type.
        let none = unsafe { ffi::Py_None() };
        Self {
            none,
            // SAFETY: see above; `True` likewise.
            true_object: unsafe { ffi::Py_True() },
            // SAFETY: see above.
            none_type: unsafe { (*none).ob_type },
            class_dealloc: selftest::class_dealloc(),
            str_functions: StrFunctions::find(),
        }
    }

    /// Made by a `class` statement (or exactly like it).
    fn is_python_class(&self, class: Class<'_>) -> bool {
        class.is_heap() && class.dealloc() == self.class_dealloc
    }
}

/// The walker of a process.
pub(crate) struct Walker {
    state: State,
    facts: Facts,
    direct: bool,
    report: WalkerReport,
    /// The rules that plans were made under.
    redactor: *const Redactor,
    grouping: FingerprintConfig,
    in_app: InApp,
    /// Texts lent out by [`Walker::facts`].
    lent: UnsafeCell<[String; 3]>,
}

// SAFETY: the raw pointers are only compared, and the walker is used with the GIL held.
unsafe impl Send for Walker {}

impl Walker {
    /// Checks the layouts against this interpreter and chooses how to read it. `fallback`: read by the public API whatever the check says.
    ///
    /// # Safety
    ///
    /// The GIL is held, as `_py` says, whenever the walker is used.
    pub(crate) unsafe fn new(_py: Python<'_>, fallback: bool) -> Self {
        code::reserve_slot();
        let facts = Facts::find();
        let (direct, why) = match selftest::run(&facts) {
            _ if fallback => (false, "as configured".to_owned()),
            Ok(()) => (true, "self-test passed".to_owned()),
            Err(why) => (false, why),
        };
        Self {
            state: State::default(),
            facts,
            direct,
            report: WalkerReport {
                mode: if direct { "fast" } else { "fallback" },
                why: format!("layouts of CPython 3.{}: {why}", layout::MINOR),
            },
            redactor: std::ptr::null(),
            grouping: FingerprintConfig::default(),
            in_app: InApp::default(),
            lent: UnsafeCell::default(),
        }
    }

    /// How it reads, for people.
    pub(crate) const fn report(&self) -> &WalkerReport {
        &self.report
    }

    /// The site of an exception, for the gate. `traceback` may be null or `None`: the exception's own.
    ///
    /// # Safety
    ///
    /// The GIL is held and both are live objects (or null).
    pub(crate) unsafe fn site(
        &self,
        exception: *mut ffi::PyObject,
        traceback: *mut ffi::PyObject,
    ) -> SiteHash {
        // SAFETY: the caller's promise; nothing is freed before this returns.
        let Some((exception, traceback)) = (unsafe { self.arguments(exception, traceback) }) else {
            return SiteHash::from_parts(0, 0);
        };
        if self.direct {
            site::site::<true>(exception, traceback)
        } else {
            site::site::<false>(exception, traceback)
        }
    }

    /// What rules and requests ask about an exception: its type, module and name of its raising function. The texts hold until the next call.
    ///
    /// # Safety
    ///
    /// The GIL is held and both are live objects (or null); what an earlier call gave is not used any more.
    pub(crate) unsafe fn facts(
        &self,
        exception: *mut ffi::PyObject,
        traceback: *mut ffi::PyObject,
    ) -> SiteFacts<'_> {
        // SAFETY: the caller's promise.
        let Some((exception, traceback)) = (unsafe { self.arguments(exception, traceback) }) else {
            return SiteFacts::default();
        };
        let texts = if self.direct {
            facts_of::<true>(exception, traceback)
        } else {
            facts_of::<false>(exception, traceback)
        };
        // SAFETY: nobody has a reference into the cell: the caller gave up what it had.
        let lent = unsafe {
            *self.lent.get() = texts;
            &*self.lent.get()
        };
        SiteFacts {
            type_name: &lent[0],
            module: &lent[1],
            function: &lent[2],
        }
    }

    /// # Safety
    ///
    /// Both are live objects for `'g`, or null.
    unsafe fn arguments<'g>(
        &self,
        exception: *mut ffi::PyObject,
        traceback: *mut ffi::PyObject,
    ) -> Option<(Obj<'g>, Option<Traceback<'g>>)> {
        // SAFETY: the caller's promise.
        let (exception, traceback) = unsafe { (Obj::new(exception)?, Obj::new(traceback)) };
        let given = traceback.filter(|traceback| !traceback.is(self.facts.none));
        Some((exception, site::traceback_of(exception, given)))
    }

    /// Walks an exception onto a tape, which it begins. The caller finishes it with what is returned.
    ///
    /// # Safety
    ///
    /// The GIL is held and stays held; both are live objects (or null).
    pub(crate) unsafe fn capture(
        &mut self,
        writer: &mut TapeWriter,
        exception: *mut ffi::PyObject,
        traceback: *mut ffi::PyObject,
        request: &Request<'_>,
    ) -> Captured {
        // SAFETY: passed on to the caller.
        unsafe { self.run(writer, exception, traceback, request, None) }
    }

    /// The same with the variables of exactly these frames; `rows` is as long, and tells where each stands; `again` gets the indexes of further rows of a frame.
    ///
    /// # Safety
    ///
    /// As [`Walker::capture`]; the frames are live objects.
    #[expect(clippy::too_many_arguments, reason = "two of them are results")]
    pub(crate) unsafe fn capture_frames(
        &mut self,
        writer: &mut TapeWriter,
        exception: *mut ffi::PyObject,
        traceback: *mut ffi::PyObject,
        request: &Request<'_>,
        frames: &[*mut ffi::PyObject],
        rows: &mut [Option<FrameRow>],
        again: &mut Vec<u32>,
    ) -> Captured {
        let chosen = Chosen::new(frames, rows, again);
        // SAFETY: passed on to the caller.
        unsafe { self.run(writer, exception, traceback, request, Some(chosen)) }
    }

    /// The places of instructions, each of a code object and an offset in bytes: what the interpreter would say of a frame there.
    ///
    /// # Safety
    ///
    /// The GIL is held, and the objects are live.
    pub(crate) unsafe fn places(
        &mut self,
        request: &Request<'_>,
        codes: impl Iterator<Item = (*mut ffi::PyObject, i32)>,
    ) -> Vec<Caller> {
        self.obey(request);
        self.state.loose.clear();
        let rules = Rules {
            redactor: request.redactor,
            alias_key: request.alias_key,
        };
        let mut places = Vec::new();
        for (code, offset) in codes {
            // SAFETY: the caller's promise.
            let code = unsafe { Obj::new(code) }.and_then(Code::of);
            if let Some(code) = code {
                places.push(self.place(code, offset, &rules));
            }
        }
        places
    }

    fn place(&mut self, code: Code<'_>, offset: i32, rules: &Rules<'_>) -> Caller {
        let (epoch, loose) = (self.state.epoch, &mut self.state.loose);
        let (plan, location) = if self.direct {
            let plan = code.plan::<true>(epoch, rules, loose);
            (plan, code.location::<true>(plan, offset))
        } else {
            let plan = code.plan::<false>(epoch, rules, loose);
            (plan, code.location::<false>(plan, offset))
        };
        let function = plan.function.rsplit(|&byte| byte == b'.').next();
        Caller {
            file: String::from_utf8_lossy(&plan.file).into_owned(),
            function: String::from_utf8_lossy(function.unwrap_or_default()).into_owned(),
            line: location.line,
        }
    }

    /// # Safety
    ///
    /// As [`Walker::capture`].
    unsafe fn run(
        &mut self,
        writer: &mut TapeWriter,
        exception: *mut ffi::PyObject,
        traceback: *mut ffi::PyObject,
        request: &Request<'_>,
        chosen: Option<Chosen<'_>>,
    ) -> Captured {
        self.obey(request);
        writer.begin(Language::Python, request.limits);
        // SAFETY: the caller's promise; the walk ends before this returns.
        let arguments = unsafe { self.arguments(exception, traceback) };
        let Some((exception, traceback)) = arguments
            .and_then(|(exception, traceback)| Some((Exception::of(exception)?, traceback)))
        else {
            return Captured {
                stop: Some(Reason::Error),
                duration: Duration::ZERO,
                fallback: !self.direct,
            };
        };
        if self.direct {
            self.walk::<true>(writer, exception, traceback, request, chosen)
        } else {
            self.walk::<false>(writer, exception, traceback, request, chosen)
        }
    }

    fn walk<const DIRECT: bool>(
        &mut self,
        writer: &mut TapeWriter,
        exception: Exception<'_>,
        traceback: Option<Traceback<'_>>,
        request: &Request<'_>,
        chosen: Option<Chosen<'_>>,
    ) -> Captured {
        let rules = Rules {
            redactor: request.redactor,
            alias_key: request.alias_key,
        };
        let mut walk = Walk::<DIRECT>::new(
            writer,
            &mut self.state,
            rules,
            &self.facts,
            &self.in_app,
            *request.limits,
        );
        walk.chosen = chosen;
        let stop = walk.all(exception, traceback);
        Captured {
            stop,
            duration: walk.clock.elapsed(),
            fallback: !DIRECT,
        }
    }

    /// Forgets what was decided under other rules.
    fn obey(&mut self, request: &Request<'_>) {
        if !std::ptr::eq(self.redactor, request.redactor) || self.grouping != *request.grouping {
            self.redactor = request.redactor;
            self.grouping = request.grouping.clone();
            self.in_app = InApp::new(request.grouping);
            self.state.forget();
        }
    }
}

fn facts_of<const DIRECT: bool>(
    exception: Obj<'_>,
    traceback: Option<Traceback<'_>>,
) -> [String; 3] {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let last = std::iter::successors(traceback, |entry| entry.next())
        .take(100_000)
        .last();
    let frame = last.and_then(Traceback::entry).map(|entry| entry.frame);
    let module = frame
        .and_then(|frame| frame.module::<DIRECT>())
        .map(|module| module.to_utf8::<DIRECT>(512));
    let function = frame
        .and_then(|frame| frame.code::<DIRECT>())
        .map(|code| code.own_name::<DIRECT>());
    [
        text(plan::qualified_name::<DIRECT>(exception.class())),
        text(module.unwrap_or_default()),
        function.unwrap_or_default(),
    ]
}
